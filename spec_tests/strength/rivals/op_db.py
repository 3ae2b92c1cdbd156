"""PyTorch's own samples of its functions (`op_db`), held against torch with the tolerances of its own tests.

Each layer and each gradient is called with PyTorch's samples of it: values in float32 are compared within the
tolerances of `torch.testing.assert_close`, gradients in float64 within those of `torch.autograd.gradcheck`. Samples
that the references do not take are left out, and so are those on which they differ from torch themselves. This needs
the package expecttest.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from importlib import import_module
from typing import Any

import numpy as np

import reference
from spec_tests.strength.rivals import Sample, differs
from spec_tests.vocabulary.operations import GRADIENTS, OPERATIONS
from spec_tests.vocabulary.torch_when_needed import torch
from spec_tests.wrong_implementations.generated.call import BACKWARD, signature

VALUES = {"rtol": 1.3e-6, "atol": 1e-5}
"""The tolerances of `torch.testing.assert_close` for float32."""
GRADCHECK = {"rtol": 1e-3, "atol": 1e-5}
"""The tolerances of `torch.autograd.gradcheck`."""

CONSTANT = {(loss, "weight") for loss in ("nll_loss", "cross_entropy")}
"""The arguments that torch takes for constants."""


def told() -> dict[str, Any]:
    """Return what it can touch."""
    return {"touches": "values and gradients of layers and losses", "tolerances": "assert_close, gradcheck"}


@cache
def samples(function: str) -> list[Sample]:
    """Return the samples of a layer or its gradient on which the references agree with torch."""
    operation = function.removesuffix(BACKWARD)
    if operation not in OPERATIONS:
        return []
    made = _values(operation) if function == operation else _gradients(operation)
    right = getattr(reference, function)
    return [sample for sample in made if not differs(function, right, sample)]


def _values(operation: str) -> Iterator[Sample]:
    for number, (bound, call) in enumerate(_calls(operation, torch.float32)):
        with torch.no_grad():
            output = call()
        expected = tuple(map(np.asarray, output if isinstance(output, tuple) else (output,)))
        yield Sample(f"sample {number}", _arrays(bound), expected, **VALUES)


def _gradients(operation: str) -> Iterator[Sample]:
    for number, (bound, call) in enumerate(_calls(operation, torch.float64)):
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
        expected = tuple(map(_array, (found.get(name) for name in GRADIENTS[operation])))  # some have none in torch
        yield Sample(
            f"gradient of sample {number}",
            {"grad_output": grad_output.numpy(), **_arrays(bound)},
            expected,
            **GRADCHECK,
        )


@cache
def _op_db() -> list[Any]:
    found: list[Any] = import_module("torch.testing._internal.common_methods_invocations").op_db
    of_torch = torch.backends.disable_global_flags.__globals__
    of_torch["__allow_nonbracketed_mutation_flag"] = (
        True  # to set flags, as others in this process do: the import forbids it
    )
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
