"""Functions on NumPy arrays, from those on a runtime's own arrays; and their gradients, from the runtime's own."""

import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from spec_tests.vocabulary.levels import LEVELS
from spec_tests.vocabulary.operations import GRADIENTS

Function = Callable[..., Any]
Vjp = Callable[[Function, Sequence[Any], Any], Sequence[Any]]
"""Given a function of some arrays, these arrays and a grad_output, the gradient with respect to each of them."""


def on_arrays(
    layers: Mapping[str, Function],
    given: Callable[[np.ndarray], Any],
    taken: Callable[[Any], np.ndarray],
    vjp: Vjp | None = None,
    without_gradient: Sequence[str] = (),
) -> dict[str, Function]:
    """Return functions on NumPy arrays under the same names, with `<name>_backward` for each if there is a `vjp`.

    `layers` are functions named and called as in `torch.nn.functional`, on the arrays of a runtime; `given` makes such
    an array of NumPy's, `taken` the reverse. Results come in memory of their own.

    >>> functions = on_arrays({"relu": lambda input: input * (input > 0)}, given=np.asarray, taken=np.asarray)
    >>> functions["relu"](np.array([-1.0, 2.0]))
    array([-0.,  2.])
    """
    found = {name: _forward(layer, given, taken) for name, layer in layers.items()}
    if vjp is not None:
        for name, layer in layers.items():
            if name in GRADIENTS and name not in without_gradient:
                found[f"{name}_backward"] = _backward(name, layer, given, taken, vjp)
    return found


def asked(functions: Mapping[str, Function], without: Sequence[str] = ("refusals",)) -> list[str]:
    """Return what functions want to be asked (`ONLY`): everything but these levels.

    Much of what must be refused is refused by the adapter before the runtime sees it, so that a runtime behind one is
    not asked what it refuses.

    >>> asked({"relu": abs}, without=("conventions", "contracts", "refusals"))
    ['relu:values,gradients']
    """
    levels = ",".join(level for level in LEVELS if level not in without)
    return [f"{name}:{levels}" for name in functions if not name.endswith("_backward")]


def gradient_tuple(operation: str, gradients: Mapping[str, Any]) -> Any:
    """Return the gradients as the specification has them: one array, or a tuple with None for what has no gradient.

    >>> gradient_tuple("conv2d", {"weight": 1, "input": 2})
    (2, 1, None)
    """
    ordered = tuple(gradients.get(name) for name in GRADIENTS[operation])
    return ordered[0] if len(ordered) == 1 else ordered


def _forward(layer: Function, given: Function, taken: Function) -> Function:
    @functools.wraps(layer)
    def forward(*args: Any, **options: Any) -> Any:
        result = layer(*(_given(value, given) for value in args), **{k: _given(v, given) for k, v in options.items()})
        return tuple(_own(taken(one)) for one in result) if isinstance(result, tuple) else _own(taken(result))

    return forward


def _backward(name: str, layer: Function, given: Function, taken: Function, vjp: Vjp) -> Function:
    signature = inspect.signature(layer)

    def backward(grad_output: np.ndarray, *args: Any, **options: Any) -> Any:
        arguments = signature.bind(*args, **options).arguments
        wanted = [argument for argument in GRADIENTS[name] if _has_gradient(arguments.get(argument))]
        others = {key: _given(value, given) for key, value in arguments.items() if key not in wanted}

        def of_arrays(*arrays: Any) -> Any:
            result = layer(**others, **dict(zip(wanted, arrays, strict=True)))
            return result[0] if isinstance(result, tuple) else result

        found = vjp(of_arrays, [given(arguments[argument]) for argument in wanted], given(np.asarray(grad_output)))
        return gradient_tuple(name, {k: _own(taken(v)) for k, v in zip(wanted, found, strict=True) if v is not None})

    first = inspect.Parameter("grad_output", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    backward.__signature__ = signature.replace(parameters=[first, *signature.parameters.values()])  # type: ignore[attr-defined]  # what is read from it
    return backward


def _has_gradient(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f"


def _given(value: Any, given: Function) -> Any:
    return given(value) if isinstance(value, np.ndarray) else value


def _own(array: np.ndarray) -> np.ndarray:
    return np.array(array)
