"""A call in words of any language: its arrays by name, and its options with nothing left to a default or a habit.

One number for each axis of a window; padding as pairs, before and after; axes counted from the front; the state of an
optimizer array by array. Options that cannot be spelled out stay as they are: such a call has to be refused.
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
    """Return the options of a call, given all its arguments, spelled out.

    >>> weight = np.zeros((1, 1, 2, 3))
    >>> options_of("conv2d", {"weight": weight, "stride": 1, "padding": "same", "dilation": 1, "groups": 1})
    {'stride': [1, 1], 'padding': [[0, 1], [1, 1]], 'dilation': [1, 1], 'groups': 1}
    """
    options = options_as_they_are(arguments)
    spell = SPELLED.get(operation_of(function))
    if spell is None:
        return options
    try:
        found = spell(arguments)
    except (TypeError, ValueError, IndexError, AttributeError, KeyError):
        return options
    left = {name: value for name, value in options.items() if name not in (*found, "pad")}
    return {**found, **{name: value for name, value in left.items() if name != "dtype" or value is not None}}


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


# How options are spelled out, given all arguments of the call; these raise what is caught above for wrong calls

Options = dict[str, Any]


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


def _convolution(axes: int, arguments: Mapping[str, Any]) -> Options:
    stride, dilation = _each(arguments["stride"], axes), _each(arguments["dilation"], axes)
    padding = arguments["padding"]
    if padding == "same":
        if stride != [1] * axes:
            raise ValueError("a stride keeps no size")
        totals = [d * (size - 1) for d, size in zip(dilation, arguments["weight"].shape[2:], strict=True)]
        pairs = [[total // 2, total - total // 2] for total in totals]
    elif isinstance(padding, str) and padding != "valid":
        raise ValueError("no padding of this name")
    else:
        pairs = _pairs(0 if padding == "valid" else padding, axes)
    return {"stride": stride, "padding": pairs, "dilation": dilation}


def _pooling(axes: int, arguments: Mapping[str, Any]) -> Options:
    kernel, stride = _each(arguments["kernel_size"], axes), arguments["stride"]
    found = {"kernel_size": kernel, "stride": kernel if stride is None else _each(stride, axes)}
    found["padding"] = _pairs(arguments["padding"], axes)
    return {**found, "dilation": _each(arguments["dilation"], axes)} if "dilation" in arguments else found


def _adaptive(arguments: Mapping[str, Any]) -> Options:
    wanted, given = arguments["output_size"], arguments["input"].shape[-2:]
    wanted = wanted if isinstance(wanted, tuple | list) else (wanted, wanted)
    return {"output_size": [have if want is None else _whole(want) for want, have in zip(wanted, given, strict=True)]}


def _pad(arguments: Mapping[str, Any]) -> Options:
    """Return a pair for every axis of the input; torch begins with the last one, and names as many as it likes."""
    pad, value = arguments["pad"], arguments["value"]
    named = [[_whole(before), _whole(after)] for before, after in zip(pad[::2], pad[1::2], strict=True)][::-1]
    if len(named) > arguments["input"].ndim:
        raise ValueError("more pairs than axes")
    pairs = [[0, 0]] * (arguments["input"].ndim - len(named)) + named
    constant = arguments["mode"] == "constant"
    return {"padding": pairs, "mode": arguments["mode"], "value": 0.0 if value is None and constant else value}


def _axes_from_the_front(*names: str) -> Callable[[Mapping[str, Any]], Options]:
    def spell(arguments: Mapping[str, Any]) -> Options:
        axes = arguments["input"].ndim
        wanted = {name: _whole(arguments[name]) for name in names}
        return {name: axis + axes if axis < 0 else axis for name, axis in wanted.items()}

    return spell


def _layer_norm(arguments: Mapping[str, Any]) -> Options:
    sizes = arguments["normalized_shape"]
    return {"normalized_shape": [_whole(one) for one in (sizes if isinstance(sizes, tuple | list) else [sizes])]}


SPELLED: Mapping[str, Callable[[Mapping[str, Any]], Options]] = {
    **{f"conv{axes}d": partial(_convolution, axes) for axes in (1, 2, 3)},
    **{f"max_pool{axes}d": partial(_pooling, axes) for axes in (1, 2, 3)},
    "avg_pool2d": partial(_pooling, 2),
    "adaptive_avg_pool2d": _adaptive,
    "pad": _pad,
    "flatten": _axes_from_the_front("start_dim", "end_dim"),
    "softmax": _axes_from_the_front("dim"),
    "log_softmax": _axes_from_the_front("dim"),
    "layer_norm": _layer_norm,
}
"""By operation: the options that have another form than the specification gives them."""
