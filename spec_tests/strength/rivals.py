"""What others catch of the same defects: PyTorch's own samples (`op_db`), and its tolerances of values and gradients.

Each layer and each gradient is called with PyTorch's samples of it and held against torch: values in float32 within the
tolerances of `torch.testing.assert_close`, gradients in float64 within those of `torch.autograd.gradcheck`. A defect
that raises, or that differs by more, is caught. Samples that the references do not take are left out, and so are those
on which they differ from torch themselves. This needs the package expecttest.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from importlib import import_module
from typing import Any

import numpy as np

import reference
from spec_tests.strength.planting import Outcome
from spec_tests.strength.selecting import defect, function_of
from spec_tests.vocabulary.operations import GRADIENTS, OPERATIONS
from spec_tests.vocabulary.problems import Array
from spec_tests.vocabulary.torch_when_needed import torch
from spec_tests.wrong_implementations.generated.call import BACKWARD, signature

VALUES = {"rtol": 1.3e-6, "atol": 1e-5}
"""The tolerances of `torch.testing.assert_close` for float32."""
GRADCHECK = {"rtol": 1e-3, "atol": 1e-5}
"""The tolerances of `torch.autograd.gradcheck`."""

CONSTANT = {(loss, "weight") for loss in ("nll_loss", "cross_entropy")}
"""The arguments that torch takes for constants."""

Sample = tuple[dict[str, Any], tuple[Array | None, ...]]
"""Arguments by name, and what torch makes of them."""


def caught_by_samples(names: list[str]) -> dict[str, Outcome]:
    """Return for each of these defects that is one of a layer or its gradient whether the samples catch it."""
    return {
        name: Outcome(name, "a sample of op_db" if _caught(name) else "", 0.0, len(_samples(function_of(name))))
        for name in names
        if function_of(name).removesuffix(BACKWARD) in OPERATIONS and _samples(function_of(name))
    }


def _caught(name: str) -> bool:
    wrong, tolerances = defect(name), GRADCHECK if function_of(name).endswith(BACKWARD) else VALUES
    return any(_differs(wrong.function, sample, tolerances) for sample in _samples(function_of(name)))


def _differs(function: Any, sample: Sample, tolerances: Mapping[str, float]) -> bool:
    arguments, expected = sample
    own = {name: value.copy() if isinstance(value, np.ndarray) else value for name, value in arguments.items()}
    try:
        with np.errstate(all="ignore"):
            found = function(**own)
    except Exception:  # whatever it raises
        return True
    found = found if isinstance(found, tuple) else (found,)
    pairs = zip(found, expected, strict=False)  # torch has no gradient of some arguments: those are not compared
    return any(right is not None and not _near(one, right, tolerances) for one, right in pairs)


def _near(found: Any, expected: Array, tolerances: Mapping[str, float]) -> bool:
    if found is None:
        return False
    same = np.shape(found) == expected.shape and np.asarray(found).dtype == expected.dtype
    return same and bool(np.allclose(found, expected, **tolerances, equal_nan=True))


@cache
def _samples(function: str) -> list[Sample]:
    """Return the samples of a layer or its gradient on which the references agree with torch."""
    operation = function.removesuffix(BACKWARD)
    made = _values(operation) if function == operation else _gradients(operation)
    right, tolerances = getattr(reference, function), VALUES if function == operation else GRADCHECK
    return [sample for sample in made if not _differs(right, sample, tolerances)]


def _values(operation: str) -> Iterator[Sample]:
    for bound, call in _calls(operation, torch.float32):
        with torch.no_grad():
            output = call()
        yield _arrays(bound), tuple(map(np.asarray, output if isinstance(output, tuple) else (output,)))


def _gradients(operation: str) -> Iterator[Sample]:
    for bound, call in _calls(operation, torch.float64):
        real = [name for name in GRADIENTS[operation] if _is_real(bound.get(name))]
        names = [name for name in real if (operation, name) not in CONSTANT]
        for name in names:
            bound[name].requires_grad_()
        output = call()
        output = output[0] if isinstance(output, tuple) else output
        if not output.requires_grad:
            continue
        grad_output = torch.as_tensor(np.random.default_rng(0).standard_normal(tuple(output.shape))).to(output.dtype)
        grads = torch.autograd.grad(output, [bound[name] for name in names], grad_output, allow_unused=True)
        found = dict(zip(names, grads, strict=True))
        expected = tuple(found.get(name) for name in GRADIENTS[operation])
        yield {"grad_output": grad_output.numpy(), **_arrays(bound)}, tuple(map(_array, expected))


@cache
def _op_db() -> list[Any]:
    try:
        found: list[Any] = import_module("torch.testing._internal.common_methods_invocations").op_db
    except ModuleNotFoundError as error:
        missing = f"{error.name}, which is not installed: pip install {error.name}"
        raise SystemExit(f"PyTorch's samples need {missing}") from None
    return found


def _calls(operation: str, dtype: Any) -> Iterator[tuple[dict[str, Any], Callable[[], Any]]]:
    """Return PyTorch's samples, those with options that the references lack left out: arguments by name, and a call."""
    for info in _op_db():
        if info.name.removeprefix("nn.functional.") != operation or dtype not in info.dtypes:
            continue
        for sample in info.sample_inputs("cpu", dtype):
            args, kwargs = [_own(value) for value in (sample.input, *sample.args)], sample.kwargs
            try:
                bound = signature(operation).bind(*args, **{name: _own(value) for name, value in kwargs.items()})
            except TypeError:
                continue
            torch.manual_seed(0)
            yield dict(bound.arguments), partial(info.op, *bound.args, **bound.kwargs)


def _own(value: Any) -> Any:
    return value.detach().clone() if isinstance(value, torch.Tensor) else value


def _is_real(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.dtype.is_floating_point


def _array(value: Any) -> Any:
    if isinstance(value, torch.Tensor):
        return value.detach().numpy().copy()
    return str(value).removeprefix("torch.") if isinstance(value, torch.dtype) else value


def _arrays(bound: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _array(value) for name, value in bound.items()}
