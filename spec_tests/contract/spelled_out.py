"""A call in words of any language: its arrays by name, and its options with nothing left to a default or a habit.

One number for each axis of a window; padding as pairs, before and after; axes counted from the front; the state of an
optimizer array by array. What cannot be spelled out, because the call is wrong, stays as it is: it has to be refused.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from spec_tests.contract.functions import ARRAYS, BACKWARD, operation_of, parameters
from spec_tests.vocabulary.operations import GRADIENTS, OPTIMIZERS

ARRAY_ARGUMENTS = frozenset({*ARRAYS, "pic", "img", "tensor"})
STATE = "state."
"""What the names of an optimizer's arrays begin with."""


def with_defaults(function: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return all the arguments of a call, with their defaults if they were left out."""
    defaults = {name: value for name, value in parameters(function).items() if value is not inspect.Parameter.empty}
    return {**defaults, **arguments}


def arrays_of(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that are arrays, or None in the place of one; those of an optimizer's state, too."""
    found = {name: value for name, value in arguments.items() if name in ARRAY_ARGUMENTS}
    state = arguments.get("state")
    if isinstance(state, Mapping):
        found |= {f"{STATE}{name}": value for name, value in state.items() if name != "step"}
    return found


def options_as_they_are(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return all other arguments as the specification gives them; of an optimizer's state, the steps before."""
    found = {name: value for name, value in arguments.items() if name not in (*ARRAY_ARGUMENTS, "state")}
    state = arguments.get("state")
    return {**found, "step": state.get("step")} if isinstance(state, Mapping) else found


def options_of(function: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of a call, given all its arguments, spelled out.

    >>> weight = np.zeros((1, 1, 2, 3))
    >>> options_of("conv2d", {"weight": weight, "stride": 1, "padding": "same", "dilation": 1, "groups": 1})
    {'stride': [1, 1], 'padding': [[0, 1], [1, 1]], 'dilation': [1, 1], 'groups': 1}
    """
    operation = operation_of(function)
    options = options_as_they_are(arguments)
    for name in list(options):
        spell = SPELLED.get(operation, {}).get(name)
        if spell is not None:
            options[name] = spell(arguments, options[name])
    if operation == "pad":
        options = {"padding": options.pop("pad"), **options}
    return options


def results_of(function: str, named: Mapping[str, Any], arguments: Mapping[str, Any]) -> Any:
    """Return the results of a call as a subject returns them, given by name."""
    operation = operation_of(function)
    if operation in OPTIMIZERS:
        return named["param"], {name.removeprefix(STATE): value for name, value in named.items() if name != "param"}
    results = tuple(named.get(name) for name in names_of_results(function, arguments))
    return results if len(results) > 1 else results[0]


def names_of_results(function: str, arguments: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what the results of a call are called; of an optimizer, those that there must be."""
    operation = operation_of(function)
    if function.endswith(BACKWARD):
        return tuple(f"grad_{name}" for name in GRADIENTS[operation])
    if operation in OPTIMIZERS:
        return ("param",)
    if operation == "batch_norm_statistics":
        return ("running_mean", "running_var")
    return ("output", "indices") if arguments.get("return_indices") else ("output",)


# How an option is spelled out, given all arguments of the call and the option

Spelling = Callable[[Mapping[str, Any], Any], Any]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _per_axis(axes: int) -> Spelling:
    def spell(_: Mapping[str, Any], value: Any) -> Any:
        if _is_number(value):
            return [value] * axes
        return list(value) if isinstance(value, tuple | list) else value

    return spell


def _padding(axes: int) -> Spelling:
    each = _per_axis(axes)

    def spell(arguments: Mapping[str, Any], value: Any) -> Any:
        if value in ("valid", "same") and isinstance(value, str):
            return _in_words(axes, arguments, value)
        sizes = each(arguments, value)
        return [[n, n] for n in sizes] if isinstance(sizes, list) and all(map(_is_number, sizes)) else sizes

    return spell


def _in_words(axes: int, arguments: Mapping[str, Any], word: str) -> Any:
    """Return the padding that "valid" or "same" stands for; "same" with a stride has to be refused."""
    dilation, stride = (_per_axis(axes)(arguments, arguments.get(name)) for name in ("dilation", "stride"))
    weight = arguments.get("weight")
    known = isinstance(weight, np.ndarray) and weight.ndim == axes + 2 and isinstance(dilation, list)
    if word == "same" and not (known and stride == [1] * axes and len(dilation) == axes):
        return word
    if word == "valid" or weight is None:
        return [[0, 0]] * axes
    totals = [d * (size - 1) for d, size in zip(dilation, weight.shape[2:], strict=True)]
    return [[total // 2, total - total // 2] for total in totals]


def _stride(axes: int) -> Spelling:
    def spell(arguments: Mapping[str, Any], value: Any) -> Any:
        return _per_axis(axes)(arguments, arguments.get("kernel_size") if value is None else value)

    return spell


def _output_size(arguments: Mapping[str, Any], value: Any) -> Any:
    sizes = _per_axis(2)(arguments, value)
    shape = getattr(arguments.get("input"), "shape", ())
    if isinstance(sizes, list) and len(sizes) == 2 and len(shape) > 2:
        return [given if size is None else size for size, given in zip(sizes, shape[-2:], strict=True)]
    return sizes


def _pad(arguments: Mapping[str, Any], value: Any) -> Any:
    """Return a pair for every axis of the input; torch begins with the last one, and names as many as it likes."""
    ndim = getattr(arguments.get("input"), "ndim", 0)
    if not isinstance(value, tuple | list) or len(value) % 2 or len(value) > 2 * ndim:
        return value
    named = [[before, after] for before, after in zip(value[::2], value[1::2], strict=True)]
    return [[0, 0]] * (ndim - len(named)) + named[::-1]


def _from_the_front(arguments: Mapping[str, Any], value: Any) -> Any:
    ndim = getattr(arguments.get("input"), "ndim", 0)
    return value + ndim if _is_number(value) and -ndim <= value < 0 else value


def _dtype(_: Mapping[str, Any], value: Any) -> Any:
    return np.dtype(value).name if isinstance(value, type) and issubclass(value, np.generic) else value


def _window(axes: int) -> dict[str, Spelling]:
    each = _per_axis(axes)
    return {"kernel_size": each, "stride": _stride(axes), "padding": _padding(axes), "dilation": each}


SPELLED: Mapping[str, Mapping[str, Spelling]] = {
    **{f"conv{n}d": {"stride": _per_axis(n), "padding": _padding(n), "dilation": _per_axis(n)} for n in (1, 2, 3)},
    **{f"max_pool{n}d": _window(n) for n in (1, 2, 3)},
    "avg_pool2d": _window(2),
    "adaptive_avg_pool2d": {"output_size": _output_size},
    "pad": {"pad": _pad, "value": lambda _, value: 0.0 if value is None else value},
    "flatten": dict.fromkeys(("start_dim", "end_dim"), _from_the_front),
    **{name: {"dim": _from_the_front, "dtype": _dtype} for name in ("softmax", "log_softmax")},
    "layer_norm": {"normalized_shape": _per_axis(1)},
}
"""By operation and option."""
