"""A call in words of any language: its arrays by name, and its options with nothing left to a default or a habit.

One number for each axis of a window; padding as pairs, before and after; axes counted from the front; the state of an
optimizer array by array. An option that cannot be spelled out stays as it is: such a call has to be refused.
"""

import inspect
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from spec_tests.contract.functions import ARRAYS, BACKWARD, operation_of, parameters
from spec_tests.vocabulary.operations import GRADIENTS, OPTIMIZERS

ARRAY_ARGUMENTS = frozenset({*ARRAYS, "pic", "img", "tensor"})
STATE = "state."
"""What the names of an optimizer's arrays begin with."""


def with_defaults(function: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return all the arguments of a call, with their defaults if they were left out."""
    known = {name: arguments.get(name, default) for name, default in parameters(function).items()}
    return {**{name: value for name, value in known.items() if value is not inspect.Parameter.empty}, **arguments}


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
    """Return the options of a call, given all its arguments, each spelled out; what cannot be stays as it is.

    >>> weight = np.zeros((1, 1, 2, 3))
    >>> options_of("conv2d", {"weight": weight, "stride": 1, "padding": "same", "dilation": 1, "groups": 1})
    {'stride': [1, 1], 'padding': [[0, 1], [1, 1]], 'dilation': [1, 1], 'groups': 1}
    >>> options_of("conv2d", {"weight": weight, "stride": 2, "padding": "same", "dilation": 1, "groups": 1})
    {'stride': [2, 2], 'padding': 'same', 'dilation': [1, 1], 'groups': 1}
    """
    spell = SPELLED.get(operation_of(function), {})
    return {
        RENAMED.get(name, name): _spelled(spell[name], arguments, value) if name in spell else value
        for name, value in options_as_they_are(arguments).items()
    }


def _spelled(spell: "Spell", arguments: Mapping[str, Any], value: Any) -> Any:
    try:
        return spell(arguments)
    except (TypeError, ValueError, IndexError, AttributeError, KeyError):
        return value


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


# How an option is spelled out, given all arguments of the call; these raise what is caught above for wrong calls

Spell = Callable[[Mapping[str, Any]], Any]


def _whole(value: Any) -> Any:
    """Return a whole number; 1.0 is none, though to JSON it is the same."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer):
        raise TypeError("no whole number")
    return value


def _each(value: Any, axes: int) -> list[Any]:
    """Return one number for each axis."""
    found = list(value) if isinstance(value, tuple | list) else [value] * axes
    found = found * axes if len(found) == 1 else found
    if len(found) != axes:
        raise ValueError(f"{len(found)} numbers for {axes} axes")
    return [_whole(one) for one in found]


def _pairs(value: Any, axes: int) -> list[list[Any]]:
    return [[one, one] for one in _each(value, axes)]


def _per_axis(axes: int, *names: str) -> dict[str, Spell]:
    """Return how options are spelled out that are one number for each axis."""

    def spell(name: str, arguments: Mapping[str, Any]) -> list[Any]:
        return _each(arguments[name], axes)

    return {name: partial(spell, name) for name in names}


def _padding_of_windows(axes: int, arguments: Mapping[str, Any]) -> list[list[Any]]:
    return _pairs(arguments["padding"], axes)


def _padding_of_convolution(axes: int, arguments: Mapping[str, Any]) -> list[list[Any]]:
    padding = arguments["padding"]
    if padding == "same":
        if _each(arguments["stride"], axes) != [1] * axes:
            raise ValueError("a stride keeps no size")
        dilation, kernel = _each(arguments["dilation"], axes), arguments["weight"].shape[2:]
        totals = [d * (size - 1) for d, size in zip(dilation, kernel, strict=True)]
        return [[total // 2, total - total // 2] for total in totals]
    return _pairs(0 if padding == "valid" else padding, axes)


def _stride_of_pooling(axes: int, arguments: Mapping[str, Any]) -> list[Any]:
    stride = arguments["stride"]
    return _each(arguments["kernel_size"] if stride is None else stride, axes)


def _pooling(axes: int) -> dict[str, Spell]:
    return {
        **_per_axis(axes, "kernel_size", "dilation"),
        "stride": partial(_stride_of_pooling, axes),
        "padding": partial(_padding_of_windows, axes),
    }


def _output_size(arguments: Mapping[str, Any]) -> list[Any]:
    wanted, given = arguments["output_size"], arguments["input"].shape[-2:]
    wanted = wanted if isinstance(wanted, tuple | list) else (wanted, wanted)
    return [have if want is None else _whole(want) for want, have in zip(wanted, given, strict=True)]


def _pad(arguments: Mapping[str, Any]) -> list[list[Any]]:
    """Return a pair for every axis of the input; torch begins with the last one, and names as many as it likes."""
    pad, axes = arguments["pad"], len(arguments["input"].shape)
    named = [[_whole(before), _whole(after)] for before, after in zip(pad[::2], pad[1::2], strict=True)][::-1]
    if len(named) > axes:
        raise ValueError("more pairs than axes")
    return [[0, 0]] * (axes - len(named)) + named


def _pad_value(arguments: Mapping[str, Any]) -> Any:
    return 0.0 if arguments["value"] is None and arguments["mode"] == "constant" else arguments["value"]


def _from_the_front(*names: str) -> dict[str, Spell]:
    """Return how axes are spelled out: counted from the front. An array without axes has an axis 0."""

    def spell(name: str, arguments: Mapping[str, Any]) -> Any:
        axes, axis = max(len(arguments["input"].shape), 1), _whole(arguments[name])
        if not -axes <= axis < axes:
            raise ValueError("there is no such axis")
        return axis % axes

    return {name: partial(spell, name) for name in names}


def _normalized_shape(arguments: Mapping[str, Any]) -> list[Any]:
    sizes = arguments["normalized_shape"]
    return [_whole(one) for one in (sizes if isinstance(sizes, tuple | list) else [sizes])]


SPELLED: Mapping[str, Mapping[str, Spell]] = {
    **{
        f"conv{axes}d": _per_axis(axes, "stride", "dilation") | {"padding": partial(_padding_of_convolution, axes)}
        for axes in (1, 2, 3)
    },
    **{f"max_pool{axes}d": _pooling(axes) for axes in (1, 2, 3)},
    "avg_pool2d": _pooling(2),
    "adaptive_avg_pool2d": {"output_size": _output_size},
    "pad": {"pad": _pad, "value": _pad_value},
    "flatten": _from_the_front("start_dim", "end_dim"),
    "softmax": _from_the_front("dim"),
    "log_softmax": _from_the_front("dim"),
    "layer_norm": {"normalized_shape": _normalized_shape},
}
"""By operation: the options that have another form than the specification gives them, and how they are spelled out."""
RENAMED = {"pad": "padding"}
"""Options that have another name in all languages than the specification gives them."""
