"""What ONNX's cases of single nodes ask of our operations.

`calls` makes one call or several of a case, with what must come of them, or raises `NotMapped` with the reason why the
case asks nothing that our operations have.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from spec_tests.vocabulary.problems import Array

NO_INDEX = -100
"""The target that torch ignores by default; ONNX's cases without ignore_index have none such."""


class NotMapped(Exception):
    """A case asks for something that our operation does not have."""


class Node(NamedTuple):
    """A case of a single node."""

    name: str
    operator: str
    attributes: Mapping[str, Any]
    inputs: tuple[Any, ...]
    """In their places, None for one that is left out."""
    outputs: tuple[Array, ...]
    rtol: float
    atol: float

    def input(self, place: int) -> Any:
        """Return an input, or None if the case does not have it."""
        return self.inputs[place] if place < len(self.inputs) else None


Call = tuple[str, dict[str, Any], tuple[Array | None, ...]]
"""One of our functions, its arguments by name, and what must come of it."""
Calls = Callable[[Node], Iterator[Call]]


def calls(node: Node) -> Iterator[Call]:
    """Return what a case asks of our operations; raise NotMapped if they lack what it asks for."""
    return OPERATORS[node.operator](node)


# Windows


def _conv(node: Node) -> Iterator[Call]:
    input, weight = node.inputs[:2]
    options = {
        "stride": _numbers(node, "strides", 1),
        "padding": _padding(node, weight.shape[2:]),
        "dilation": _numbers(node, "dilations", 1),
        "groups": node.attributes.get("group", 1),
    }
    arguments = {"input": input, "weight": weight, "bias": node.input(2), **options}
    yield f"conv{_axes(node)}d", arguments, node.outputs


def _max_pool(node: Node) -> Iterator[Call]:
    indexed = len(node.outputs) == 2 and not node.attributes.get("storage_order") and node.inputs[0].shape[:2] == (1, 1)
    arguments = _windows(node) | {"dilation": _numbers(node, "dilations", 1), "return_indices": indexed}
    yield f"max_pool{_axes(node)}d", arguments, node.outputs if indexed else node.outputs[:1]


def _average_pool(node: Node) -> Iterator[Call]:
    if _axes(node) != 2:
        raise NotMapped("we average over two axes alone")
    if set(_numbers(node, "dilations", 1)) != {1}:
        raise NotMapped("our averages have no dilation")
    counts = bool(node.attributes.get("count_include_pad", 0))
    yield "avg_pool2d", _windows(node) | {"count_include_pad": counts}, node.outputs


def _global_average_pool(node: Node) -> Iterator[Call]:
    yield "adaptive_avg_pool2d", {"input": node.inputs[0], "output_size": 1}, node.outputs


def _global_max_pool(node: Node) -> Iterator[Call]:
    yield "max_pool2d", {"input": node.inputs[0], "kernel_size": node.inputs[0].shape[2:]}, node.outputs


def _windows(node: Node) -> dict[str, Any]:
    kernel = tuple(node.attributes["kernel_shape"])
    padding, dilation = _padding(node, kernel), _numbers(node, "dilations", 1)
    if any(2 * pad > (cells - 1) * step + 1 for pad, cells, step in zip(padding, kernel, dilation, strict=True)):
        raise NotMapped("torch pads by half a window at most")
    options = {"stride": _numbers(node, "strides", 1), "ceil_mode": bool(node.attributes.get("ceil_mode", 0))}
    return {"input": node.inputs[0], "kernel_size": kernel, "padding": padding, **options}


def _axes(node: Node) -> int:
    return int(node.inputs[0].ndim - 2)


def _numbers(node: Node, name: str, default: int) -> tuple[int, ...]:
    return tuple(node.attributes.get(name, (default,) * _axes(node)))


def _padding(node: Node, kernel: Sequence[int]) -> tuple[int, ...]:
    """Return by how much an input is padded on each side, which must be the same on both."""
    pads = tuple(node.attributes.get("pads", (0,) * (2 * _axes(node))))
    before, after = pads[: _axes(node)], pads[_axes(node) :]
    if node.attributes.get("auto_pad", "NOTSET").startswith("SAME"):
        total = [
            max((-(-size // stride) - 1) * stride + cells - size, 0)
            for size, stride, cells in zip(node.inputs[0].shape[2:], _numbers(node, "strides", 1), kernel, strict=True)
        ]
        before, after = tuple(pad // 2 for pad in total), tuple(pad - pad // 2 for pad in total)
    if before != after:
        raise NotMapped("it pads one side more than the other")
    return before


# Elements, matrices, normalization


def _of_elements(function: str) -> Calls:
    def calls(node: Node) -> Iterator[Call]:
        yield function, {"input": node.inputs[0]}, node.outputs

    return calls


def _along_an_axis(function: str) -> Calls:
    def calls(node: Node) -> Iterator[Call]:
        yield function, {"input": node.inputs[0], "dim": node.attributes.get("axis", -1)}, node.outputs

    return calls


def _flatten(node: Node) -> Iterator[Call]:
    input = node.inputs[0]
    axis = node.attributes.get("axis", 1) % input.ndim
    if axis not in (1, input.ndim - 1):
        raise NotMapped("it flattens two groups of axes at once")
    dims = {"start_dim": 1, "end_dim": -1} if axis == 1 else {"start_dim": 0, "end_dim": axis - 1}
    yield "flatten", {"input": input, **dims}, node.outputs


def _gemm(node: Node) -> Iterator[Call]:
    if {node.attributes.get("alpha", 1), node.attributes.get("beta", 1)} != {1}:
        raise NotMapped("it scales the product or the bias")
    input = node.inputs[0].T if node.attributes.get("transA") else node.inputs[0]
    weight = node.inputs[1] if node.attributes.get("transB") else node.inputs[1].T
    bias = node.input(2)
    if bias is not None and bias.ndim == 2 and bias.shape[0] > 1:
        raise NotMapped("a bias that differs from row to row")
    bias = None if bias is None else np.broadcast_to(bias.ravel(), weight.shape[:1])
    yield "linear", {"input": input, "weight": weight, "bias": bias}, node.outputs


def _matmul(node: Node) -> Iterator[Call]:
    input, weight = node.inputs
    if weight.ndim > 2:
        raise NotMapped("a matrix for each of several products")
    if weight.ndim == 1:
        raise NotMapped("a weight without an axis of outputs")
    yield "linear", {"input": input, "weight": weight.T}, node.outputs


def _batch_norm(node: Node) -> Iterator[Call]:
    input, weight, bias, mean, var = node.inputs
    training = bool(node.attributes.get("training_mode", 0))
    affine = {"weight": weight, "bias": bias, "eps": node.attributes.get("epsilon", 1e-5)}
    running = {"input": input, "running_mean": mean, "running_var": var}
    yield "batch_norm", {**running, **affine, "training": training}, node.outputs[:1]
    if training:  # ONNX takes the biased variance for the running one, which torch does not
        momentum = 1 - node.attributes.get("momentum", 0.9)
        yield "batch_norm_statistics", {**running, "momentum": momentum}, (node.outputs[1], None)


def _layer_norm(node: Node) -> Iterator[Call]:
    input, weight = node.inputs[:2]
    shape = input.shape[node.attributes.get("axis", -1) % input.ndim :]
    options = {"weight": weight, "bias": node.input(2), "eps": node.attributes.get("epsilon", 1e-5)}
    yield "layer_norm", {"input": input, "normalized_shape": shape, **options}, node.outputs[:1]


# Losses


def _loss(function: str) -> Calls:
    def calls(node: Node) -> Iterator[Call]:
        input, target = node.inputs[:2]
        options = {"reduction": "mean", "ignore_index": NO_INDEX, **node.attributes, "weight": node.input(2)}
        yield function, {"input": input, "target": target, **options}, node.outputs[:1]
        if len(node.outputs) == 2:
            yield "log_softmax", {"input": input, "dim": 1}, node.outputs[1:]

    return calls


# Pictures

MODES = {"constant": "constant", "edge": "replicate", "reflect": "reflect", "wrap": "circular"}
INTERPOLATIONS = {"nearest": "nearest-exact", "linear": "bilinear", "cubic": "bicubic"}
AS_OURS = {
    "coordinate_transformation_mode": "half_pixel",
    "cubic_coeff_a": -0.75,
    "exclude_outside": 0,
    "keep_aspect_ratio_policy": "stretch",
    "nearest_mode": "round_prefer_floor",
}
"""The options of Resize that we lack, and how they must stand, which is what they are by default."""


def _pad(node: Node) -> Iterator[Call]:
    input, pads = node.inputs[:2]
    axes = range(input.ndim) if node.input(3) is None else [int(axis) % input.ndim for axis in node.input(3)]
    pairs = dict(zip(axes, np.reshape(pads, (2, -1)).T.tolist(), strict=True))
    first = min(axis for axis, pair in pairs.items() if any(pair))
    widths = [width for axis in reversed(range(first, input.ndim)) for width in pairs.get(axis, (0, 0))]
    mode = MODES[node.attributes.get("mode", "constant")]
    value = None if node.input(2) is None else node.input(2).item()
    yield "pad", {"input": input, "pad": widths, "mode": mode, "value": value}, node.outputs


def _resize(node: Node) -> Iterator[Call]:
    others = [name for name, value in AS_OURS.items() if node.attributes.get(name, value) != value]
    if others or node.attributes.get("antialias"):  # its filter near the edges is not that of torch and Pillow
        raise NotMapped("it places or weights pixels by another rule")
    mode, img, output = node.attributes["mode"], node.inputs[0], node.outputs[0]
    new, old = output.shape[-2:], img.shape[-2:]
    if node.input(2) is not None and not _is_ratio(node.input(2)[-2:], new, old, node.attributes.get("axes")):
        raise NotMapped("it places pixels by a scale that is not the ratio of the sizes")
    if mode == "nearest" and any(_has_ties(*sizes) for sizes in zip(new, old, strict=True)):
        raise NotMapped("of two nearest pixels it takes the other one")
    yield "resize", {"img": img, "size": new, "interpolation": INTERPOLATIONS[mode], "antialias": False}, (output,)


def _is_ratio(scales: Array, new: Sequence[int], old: Sequence[int], axes: Sequence[int] | None) -> bool:
    ordered = scales[np.argsort(axes)] if axes is not None else scales
    return bool(np.array_equal(ordered, np.divide(new, old, dtype=scales.dtype)))


def _has_ties(new: int, old: int) -> bool:
    """Tell whether the centre of a new pixel lies midway between two old ones."""
    return any((2 * place + 1) * old % (2 * new) == 0 for place in range(new))


def _center_crop(node: Node) -> Iterator[Call]:
    input, output = node.inputs[0], node.outputs[0]
    given = node.attributes.get("axes", [axis for axis in range(input.ndim) if input.shape[axis] != output.shape[axis]])
    axes = [axis % input.ndim for axis in given]
    img, expected = (np.moveaxis(array, axes, (-2, -1)) for array in (input, output))
    surplus = np.subtract(img.shape, expected.shape)[-2:]
    if any(round(cells / 2) != cells // 2 for cells in surplus if cells > 0):
        raise NotMapped("of an odd surplus it cuts off the other half cell")
    yield "center_crop", {"img": img, "output_size": expected.shape[-2:]}, (expected,)


# Optimizers


def _parameters(node: Node, arrays: int) -> Iterator[tuple[tuple[Array, ...], tuple[Array, ...]]]:
    """Yield for each parameter its arrays before the step, so many of them, and those after it."""
    count = len(node.inputs[2:]) // arrays
    for place in range(count):
        yield node.inputs[2 + place :: count], node.outputs[place::count]


def _adagrad(node: Node) -> Iterator[Call]:
    options = _options(node, lr_decay="decay_factor", weight_decay="norm_coefficient", eps="epsilon")
    rate, steps = float(node.inputs[0]), int(node.inputs[1])
    for (param, grad, squares), (new, new_squares) in _parameters(node, 3):
        state = {"step": steps, "sum": squares}
        yield "adagrad", {"param": param, "grad": grad, "state": state, "lr": rate, **options}, (new, None, new_squares)


def _none(reason: str) -> Calls:
    def calls(_: Node) -> Iterator[Call]:
        raise NotMapped(reason)

    return calls


def _momentum(node: Node) -> Iterator[Call]:
    options = _options(node, momentum="alpha", weight_decay="norm_coefficient")
    options["dampening"] = 1 - node.attributes["beta"] if int(node.inputs[1]) > 0 else 0.0
    nesterov = node.attributes["mode"] == "nesterov"
    for (param, grad, buffer), after in _parameters(node, 3):
        moved = {"param": param, "grad": grad, "state": {"momentum_buffer": buffer}, "lr": float(node.inputs[0])}
        yield "sgd", {**moved, **options, "nesterov": nesterov}, after


def _options(node: Node, **names: str) -> dict[str, float]:
    return {ours: node.attributes.get(theirs, 0.0) for ours, theirs in names.items()}


OPERATORS: dict[str, Calls] = {
    "Adagrad": _adagrad,
    "Adam": _none("it corrects the averages after adding eps, and in the first step not at all"),
    "AveragePool": _average_pool,
    "BatchNormalization": _batch_norm,
    "CenterCropPad": _center_crop,
    "Conv": _conv,
    "Flatten": _flatten,
    "Gemm": _gemm,
    "GlobalAveragePool": _global_average_pool,
    "GlobalMaxPool": _global_max_pool,
    "LayerNormalization": _layer_norm,
    "LogSoftmax": _along_an_axis("log_softmax"),
    "MatMul": _matmul,
    "MaxPool": _max_pool,
    "Momentum": _momentum,
    "NegativeLogLikelihoodLoss": _loss("nll_loss"),
    "Pad": _pad,
    "Relu": _of_elements("relu"),
    "Resize": _resize,
    "Sigmoid": _of_elements("sigmoid"),
    "Softmax": _along_an_axis("softmax"),
    "SoftmaxCrossEntropyLoss": _loss("cross_entropy"),
    "Tanh": _of_elements("tanh"),
}
"""ONNX's operators that are operations of ours, and what a case of each asks of ours."""
