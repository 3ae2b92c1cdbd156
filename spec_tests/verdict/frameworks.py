"""What frameworks do differently: a kernel turned around, another variance, ε elsewhere, corners that are aligned."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import reference
from reference.geometry import ConvGeometry
from spec_tests.verdict.prediction import Array

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


def of_frameworks(operation: str, arguments: Mapping[str, Any]) -> Iterator[Convention]:
    """Yield what other frameworks, or other people, make of this call."""
    if operation.startswith("conv"):
        yield from _of_convolutions(operation, arguments)
    if operation == "linear" and arguments["weight"].ndim == 2:
        yield Convention("weight as it is", "input · weight, which is not transposed", _linear_as_it_is)
        if arguments["weight"].shape[1] > 1:
            yield Convention("without the last term", "sums that leave out their last term", _linear_from(None, -1))
            yield Convention("without the first term", "sums that leave out their first term", _linear_from(1, None))
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


def _linear_from(first: int | None, last: int | None) -> Callable[[Mapping[str, Any]], Any]:
    at = slice(first, last)
    return lambda a: reference.linear(**{**a, "input": a["input"][..., at], "weight": a["weight"][:, at]})


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
