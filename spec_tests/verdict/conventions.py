"""Other conventions and slips: what a result would be if an option were read otherwise, or a known mistake were made.

Three sources: the options of the call, each read in the other ways that are in use; what frameworks do differently as a
whole (a kernel turned around, channels last); and the catalogue of wrong implementations.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np

import reference
from reference.geometry import ConvGeometry
from spec_tests.verdict.asking import Question
from spec_tests.verdict.predictions import Array
from spec_tests.vocabulary.operations import GRADIENTS
from spec_tests.wrong_implementations import WRONG, Wrong

COARSE = {
    "rounds_the_weights_to_half": "a weight that was kept in float16",
    "computes_float64_in_float32": "a computation in float32",
    "multiplies_long_rows_in_tf32": "sums of factors of 11 digits (TF32)",
    "multiplies_float64_in_float32": "sums of factors that were shortened to float32",
    "multiplies_long_gradients_in_float16": "sums of factors in float16",
    "convolves_in_bfloat16": "sums of bfloat16 factors",
    "convolves_float64_in_float32_factors": "sums of factors that were shortened to float32",
    "convolves_gradients_in_tf32": "sums of factors of 11 digits (TF32)",
    "adds_the_bias_gradient_up_in_float16": "sums that were accumulated in float16",
    "adds_long_rows_up_towards_zero": "sums whose last digits were cut off at every step",
    "steps_in_float32": "a computation in float32",
    "compares_in_float32": "a computation in float32",
    "shortens_what_a_vector_register_holds": "a result of which a part was kept in float16",
    "adds_up_in_float16": "sums that were accumulated in float16",
    "takes_the_mean_square_less_the_squared_mean": "a variance from one pass, as mean of x² less (mean of x)²",
    "keeps_the_mean_square_less_the_squared_mean": "a variance from one pass, as mean of x² less (mean of x)²",
    "takes_the_mean_square_of_a_sample_less_its_squared_mean": (
        "a variance from one pass, as mean of x² less (mean of x)²"
    ),
    "writes_the_formula_of_tanh_as_it_stands": "tanh as a quotient of differences of powers, which cancel",
}
"""The wrong implementations that are right but for digits: what to say of them."""

NO_CONVENTION = ("contracts", "refusals")
"""Levels at which a wrong implementation shows in something else than its numbers."""

EPS = (1e-5, 1e-3, 1e-6, 1e-12, 1e-7, 1e-8, 1e-10, 1e-4, 0.0)


@dataclass(frozen=True)
class Convention:
    """Another way to understand the call."""

    name: str
    says: str
    compute: Callable[[Mapping[str, Any]], Any]
    """Given the arguments of the call, in whatever precision, return the function's answer."""
    coarse: bool = False
    """Whether it is a matter of digits."""


def conventions(question: Question, part: str) -> Iterator[Convention]:
    """Yield all that may have been understood otherwise."""
    call = question.call(part)
    function, arguments = call.function, call.arguments
    yield from _catalogue(function, question.dtype)
    for option, value in _other_options(question.operation, arguments):
        changed = {option: value}
        now = "the default" if option not in arguments else _short(arguments[option])
        says = f"{option}={_short(value)}, where the case says {now}"
        yield Convention(f"{option}={_short(value)}", says, _calling(function, changed))
    if function == question.operation:
        yield from _of_frameworks(question.operation, arguments)


def _catalogue(function: str, dtype: str) -> Iterator[Convention]:
    for name, entry in WRONG.items():
        fits = entry.operation == function and entry.dtype in ("float32", dtype)
        if fits and entry.level not in NO_CONVENTION and not entry.transforms:
            says = COARSE.get(name) or f"an implementation that {_docstring(entry)} (wrong:{name})"
            yield Convention(name, says, _calling_wrong(entry), name in COARSE)


def _docstring(entry: Wrong) -> str:
    says = (entry.function.__doc__ or "").splitlines()[0].rstrip(".")
    return says[:1].lower() + says[1:]


def _calling(function: str, changed: dict[str, Any]) -> Callable[[Mapping[str, Any]], Any]:
    return lambda arguments: getattr(reference, function)(**{**arguments, **changed})


def _calling_wrong(entry: Wrong) -> Callable[[Mapping[str, Any]], Any]:
    return lambda arguments: entry.function(**arguments)


def _short(value: Any) -> str:
    return f"an array of shape {value.shape}" if isinstance(value, np.ndarray) else repr(value)


# Options read otherwise


def _other_options(operation: str, arguments: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    given = arguments.get
    for flag, default in _FLAGS.get(operation, {}).items():
        yield flag, not given(flag, default)
    for option, values in _VALUES.get(operation, {}).items():
        yield from ((option, value) for value in values if value != given(option))
    for array in ("bias", "weight"):
        if given(array) is not None and operation not in ("linear", "conv1d", "conv2d", "conv3d"):
            yield array, None
    if given("bias") is not None and operation in ("linear", "conv1d", "conv3d"):
        yield "bias", None
    if operation in ("softmax", "log_softmax"):
        yield from (("dim", dim) for dim in range(arguments["input"].ndim) if dim != given("dim"))
    if operation == "sgd" and given("momentum"):
        yield "dampening", given("momentum")
    if operation in ("batch_norm", "batch_norm_statistics"):
        yield "momentum", 1 - given("momentum", 0.1)
    if operation.startswith("max_pool") or operation == "avg_pool2d":
        if given("stride") is not None:
            yield "stride", None
        yield "stride", 1
    for pair in ("padding", "stride", "dilation", "kernel_size", "output_size", "betas"):
        both = given(pair)
        if isinstance(both, tuple) and len(set(both)) > 1:
            yield pair, tuple(reversed(both))


_CONV: dict[str, tuple[Any, ...]] = {"padding": (0, 1, "same"), "stride": (1,), "dilation": (1,)}
_POOL: dict[str, tuple[Any, ...]] = {"padding": (0,), "dilation": (1,)}
_REDUCED: dict[str, tuple[Any, ...]] = {"reduction": ("mean", "sum", "none")}
_VALUES: dict[str, dict[str, tuple[Any, ...]]] = {
    "conv1d": _CONV,
    "conv2d": _CONV,
    "conv3d": _CONV,
    "max_pool1d": _POOL,
    "max_pool2d": _POOL,
    "max_pool3d": _POOL,
    "avg_pool2d": {"padding": (0,), "divisor_override": (None,)},
    "l1_loss": _REDUCED,
    "mse_loss": _REDUCED,
    "nll_loss": {**_REDUCED, "ignore_index": (-100, 0, -1)},
    "cross_entropy": {**_REDUCED, "ignore_index": (-100, 0, -1), "label_smoothing": (0.0,)},
    "batch_norm": {"eps": EPS},
    "layer_norm": {"eps": EPS},
    "pad": {"mode": ("constant", "reflect", "replicate", "circular"), "value": (0.0,)},
    "resize": {"interpolation": ("nearest", "nearest-exact", "bilinear", "bicubic")},
    "sgd": {"weight_decay": (0,), "dampening": (0,), "momentum": (0,)},
    "adam": {"weight_decay": (0,), "eps": EPS},
    "adamw": {"weight_decay": (0, 0.01), "eps": EPS},
    "rmsprop": {"weight_decay": (0,), "alpha": (0.99, 0.9), "eps": EPS},
    "adagrad": {"weight_decay": (0,), "eps": EPS},
}
"""What an option may have been taken for."""

_FLAGS: dict[str, dict[str, bool]] = {
    **{f"max_pool{rank}d": {"ceil_mode": False} for rank in (1, 2, 3)},
    "avg_pool2d": {"ceil_mode": False, "count_include_pad": True},
    "batch_norm": {"training": False},
    "resize": {"antialias": True},
    "sgd": {"nesterov": False, "maximize": False},
    "adam": {"amsgrad": False, "maximize": False},
    "adamw": {"amsgrad": False, "maximize": False},
    "rmsprop": {"centered": False, "maximize": False},
    "adagrad": {"maximize": False},
}
"""Switches, with what they are unless given."""


# What frameworks do differently


def _of_frameworks(operation: str, arguments: Mapping[str, Any]) -> Iterator[Convention]:
    if operation.startswith("conv"):
        yield from _of_convolutions(operation, arguments)
    if operation == "linear" and arguments["weight"].ndim == 2:
        yield Convention("weight as it is", "input · weight, which is not transposed", _linear_as_it_is)
    if operation == "cross_entropy" and arguments["target"].dtype.kind != "f":
        yield from _of_nll_loss()
    if operation == "adaptive_avg_pool2d":
        says = "windows of one size: as long as is left for the last one, ⌊h/n⌋ apart"
        yield Convention("windows of one size", says, _windows_of_one_size)
    if operation in ("batch_norm", "layer_norm"):
        yield Convention("unbiased variance", "a variance that divides by N − 1", _unbiased(operation))
        for eps in (None, *EPS[:4]):
            says = (
                f"a deviation that divides by N − 1, with ε{'' if eps is None else f' = {eps}'} added outside the root"
            )
            yield Convention("unbiased deviation plus eps", says, _deviation_plus(operation, eps))
        yield Convention("eps outside the root", "√variance + ε in place of √(variance + ε)", _outside(operation))
    if operation in ("softmax", "log_softmax") and arguments["input"].ndim > 1:
        for axis in range(arguments["input"].ndim):
            says = f"all axes from {axis} on together, as ONNX's Softmax before version 13"
            yield Convention("flattened", says, _flattened(operation, axis))
    if operation in ("adam", "adamw"):
        says = "ε added before the bias correction of the root, as TensorFlow's Adam"
        yield Convention("eps before the correction", says, _eps_before(operation))
    if operation == "layer_norm":
        yield Convention("RMS norm", "a division by the root mean square, without subtracting the mean", _rms_norm)
    if operation == "mse_loss":
        yield Convention("half the square", "half the squared error", lambda a: reference.mse_loss(**a) / 2)
    if operation in ("softmax", "log_softmax"):
        yield Convention("the other softmax", "the logarithm taken or left out", _other_softmax(operation))
    if operation == "cross_entropy":
        yield Convention("nll_loss", "scores that were taken for log-probabilities already", _without_softmax)
    if operation == "resize":
        yield Convention("corners aligned", "corners that are aligned (align_corners=True)", _corners_aligned)
        yield Convention("asymmetric", "pixel i of the result at i·scale, without the half pixel", _asymmetric)


def _of_convolutions(operation: str, arguments: Mapping[str, Any]) -> Iterator[Convention]:
    function = getattr(reference, operation)
    rank = arguments["weight"].ndim - 2
    spatial = tuple(range(-rank, 0))

    def flipped(a: Mapping[str, Any]) -> Any:
        return function(**{**a, "weight": np.flip(a["weight"], spatial)})

    def reversed_channels(a: Mapping[str, Any]) -> Any:
        return function(**{**a, "input": np.flip(a["input"], -rank - 1)})

    def turned(a: Mapping[str, Any]) -> Any:
        return function(**{**a, "weight": a["weight"].swapaxes(0, 1)})

    def odd_cell_before(a: Mapping[str, Any]) -> Any:
        both = {"input": np.flip(a["input"], spatial), "weight": np.flip(a["weight"], spatial)}
        return np.flip(function(**{**a, **both}), spatial)

    def sides_swapped(a: Mapping[str, Any]) -> Any:
        return function(**{**a, "weight": a["weight"].swapaxes(-1, -2)})

    def interleaved(a: Mapping[str, Any]) -> Any:
        output, groups = function(**a), a["groups"]
        parts = output.reshape(*output.shape[: -rank - 1], groups, -1, *output.shape[-rank:])
        return parts.swapaxes(-rank - 2, -rank - 1).reshape(output.shape)

    def same_as_tensorflow(a: Mapping[str, Any]) -> Any:
        geometry = ConvGeometry.of(a["input"], a["weight"], None, a.get("stride", 1), 0, a.get("dilation", 1))
        spans = [d * (k - 1) + 1 for d, k in zip(geometry.dilation, geometry.kernel_size, strict=True)]
        sizes = zip(a["input"].shape[-rank:], geometry.stride, spans, strict=True)
        pads = [max((-(-h // s) - 1) * s + span - h, 0) for h, s, span in sizes]
        border = [(0, 0), (0, 0), *((p // 2, p - p // 2) for p in pads)]
        return function(**{**a, "input": np.pad(a["input"], border), "padding": 0})

    if arguments["input"].ndim == rank + 2 and arguments.get("padding", 0) not in (0, "valid"):
        says = "padding as TensorFlow's SAME: no more than is needed, the odd cell behind"
        yield Convention("SAME", says, same_as_tensorflow)
    if operation != "conv2d":  # of two axes, the catalogue has it
        yield Convention("flipped kernel", "a kernel that is turned around (a convolution in mathematics)", flipped)
    yield Convention("reversed channels", "input channels in reverse order (BGR for RGB)", reversed_channels)
    if arguments["weight"].shape[0] == arguments["weight"].shape[1]:
        yield Convention("weight (in, out)", "a weight whose first two axes are swapped", turned)
    if rank > 1 and arguments["weight"].shape[-1] == arguments["weight"].shape[-2]:
        yield Convention("kernel (width, height)", "a kernel whose rows and columns are swapped", sides_swapped)
    if arguments.get("padding") == "same" and operation != "conv2d":
        yield Convention("odd cell before", 'the odd cell of padding "same" before the input', odd_cell_before)
    if arguments.get("groups", 1) > 1:
        yield Convention("interleaved groups", "output channels that go by turns through the groups", interleaved)


def _linear_as_it_is(a: Mapping[str, Any]) -> Any:
    return reference.linear(**{**a, "weight": a["weight"].T})


def _moments(operation: str, a: Mapping[str, Any]) -> tuple[tuple[int, ...], Array, Array] | None:
    x = a["input"]
    if operation == "layer_norm":
        axes = tuple(range(-len(np.atleast_1d(a["normalized_shape"])), 0))
    elif a.get("training"):
        axes = (0, *range(2, x.ndim))
    else:
        return None
    return axes, x.mean(axis=axes, keepdims=True), x.var(axis=axes, keepdims=True)


def _scaled(operation: str, a: Mapping[str, Any], normal: Array) -> Array:
    for name, combine in (("weight", np.multiply), ("bias", np.add)):
        value = a.get(name)
        if value is not None:
            shape = value.shape if operation == "layer_norm" else (-1, *[1] * (normal.ndim - 2))
            normal = combine(normal, value.reshape(shape))
    return normal


def _unbiased(operation: str) -> Callable[[Mapping[str, Any]], Any]:
    def compute(a: Mapping[str, Any]) -> Any:
        found = _moments(operation, a)
        if found is None:
            raise ValueError("there is no variance of a batch")
        _, mean, var = found
        count = a["input"].size // mean.size
        return _scaled(operation, a, (a["input"] - mean) / np.sqrt(var * count / (count - 1) + a.get("eps", 1e-5)))

    return compute


def _deviation_plus(operation: str, eps: float | None) -> Callable[[Mapping[str, Any]], Any]:
    def compute(a: Mapping[str, Any]) -> Any:
        found = _moments(operation, a)
        if found is None:
            raise ValueError("there is no variance of a batch")
        _, mean, var = found
        count = a["input"].size // mean.size
        deviation = np.sqrt(var * count / (count - 1)) + (a.get("eps", 1e-5) if eps is None else eps)
        return _scaled(operation, a, (a["input"] - mean) / deviation)

    return compute


def _of_nll_loss() -> Iterator[Convention]:
    """Yield what is done wrong to log-probabilities, done to scores."""
    for name, entry in WRONG.items():
        if entry.operation == "nll_loss" and entry.level not in NO_CONVENTION:

            def compute(a: Mapping[str, Any], entry: Wrong = entry) -> Any:
                if a.get("label_smoothing"):
                    raise ValueError("it knows no smoothing")
                log_p = reference.log_softmax(a["input"], min(1, a["input"].ndim - 1))
                options = {option: value for option, value in a.items() if option != "label_smoothing"}
                return entry.function(**{**options, "input": log_p})

            yield Convention(name, f"an implementation that {_docstring(entry)} (wrong:{name}, of nll_loss)", compute)


def _windows_of_one_size(a: Mapping[str, Any]) -> Any:
    x, given = a["input"], a["output_size"]
    wanted = given if isinstance(given, tuple) else (given, given)
    sizes = [h if n is None else n for h, n in zip(x.shape[-2:], wanted, strict=True)]
    stride = tuple(h // n for h, n in zip(x.shape[-2:], sizes, strict=True))
    kernel = tuple(h - (n - 1) * s for h, n, s in zip(x.shape[-2:], sizes, stride, strict=True))
    return reference.avg_pool2d(x, kernel, stride)


def _outside(operation: str) -> Callable[[Mapping[str, Any]], Any]:
    def compute(a: Mapping[str, Any]) -> Any:
        found = _moments(operation, a)
        if found is None:
            shape = (-1, *[1] * (a["input"].ndim - 2))
            mean, var = (a[name].reshape(shape) for name in ("running_mean", "running_var"))
        else:
            _, mean, var = found
        return _scaled(operation, a, (a["input"] - mean) / (np.sqrt(var) + a.get("eps", 1e-5)))

    return compute


def _rms_norm(a: Mapping[str, Any]) -> Any:
    axes = tuple(range(-len(np.atleast_1d(a["normalized_shape"])), 0))
    mean_square = (a["input"] ** 2).mean(axis=axes, keepdims=True)
    return _scaled("layer_norm", a, a["input"] / np.sqrt(mean_square + a.get("eps", 1e-5)))


def _other_softmax(operation: str) -> Callable[[Mapping[str, Any]], Any]:
    other = {"softmax": reference.log_softmax, "log_softmax": reference.softmax}[operation]
    return lambda a: other(**a)


def _flattened(operation: str, dim: int) -> Callable[[Mapping[str, Any]], Any]:
    def compute(a: Mapping[str, Any]) -> Any:
        x = a["input"]
        rows = x.reshape(int(np.prod(x.shape[:dim])), -1)
        return getattr(reference, operation)(rows, 1).reshape(x.shape)

    return compute


def _eps_before(operation: str) -> Callable[[Mapping[str, Any]], Any]:
    def compute(a: Mapping[str, Any]) -> Any:
        step = int(a["state"].get("step", 0)) + 1
        correction = np.sqrt(1 - a.get("betas", (0.9, 0.999))[1] ** step)
        return getattr(reference, operation)(**{**a, "eps": a.get("eps", 1e-8) / correction})

    return compute


def _without_softmax(a: Mapping[str, Any]) -> Any:
    return reference.nll_loss(**{name: value for name, value in a.items() if name != "label_smoothing"})


def _corners_aligned(a: Mapping[str, Any]) -> Any:
    return _sampled(a, lambda i, h, n: i * (h - 1) / max(n - 1, 1))


def _asymmetric(a: Mapping[str, Any]) -> Any:
    return _sampled(a, lambda i, h, n: i * h / n)


def _sampled(a: Mapping[str, Any], place: Callable[[Array, int, int], Array]) -> Any:
    """Return a picture whose pixels are blends of the two nearest old ones along each axis, at these places."""
    img = np.asarray(a["img"], np.float64)
    size = a["size"] if isinstance(a["size"], tuple) else reference.resize(img, a["size"]).shape[-2:]
    for axis, n in zip((-2, -1), size, strict=True):
        h = img.shape[axis]
        at = np.clip(place(np.arange(n, dtype=np.float64), h, n), 0, h - 1)
        low = np.floor(at).astype(int)
        share = (at - low).reshape(-1, *[1] * (-axis - 1))
        img = np.take(img, low, axis) * (1 - share) + np.take(img, np.minimum(low + 1, h - 1), axis) * share
    return img


def turned_axes(exact: Array, shape: tuple[int, ...]) -> Iterator[tuple[str, Array]]:
    """Yield the exact result with its axes in other orders that have this shape."""
    for order in permutations(range(exact.ndim)):
        if order != tuple(range(exact.ndim)) and tuple(exact.shape[i] for i in order) == shape and exact.ndim <= 5:
            names = "channels last" if exact.ndim > 2 and order == (0, *range(2, exact.ndim), 1) else f"{order}"
            yield names, exact.transpose(order)


__all__ = ["COARSE", "GRADIENTS", "Convention", "conventions", "turned_axes"]
