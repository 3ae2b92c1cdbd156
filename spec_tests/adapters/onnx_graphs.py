"""The layers as ONNX graphs, for every runtime that runs such: one small graph for a call, kept by its shapes.

`layers(prepare)` returns functions on NumPy arrays, named and called as in `torch.nn.functional`. `prepare` makes of a
model what runs it: a function of the arrays by name that returns the outputs. Weights are inputs of the graph, so that
one graph serves all numbers of the same shapes.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from math import prod
from typing import Any

import numpy as np

from spec_tests.adapters.axes import (
    check_has_an_axis,
    flat_axes,
    in_a_batch,
    indices_in_a_channel,
    normalized_axes,
    pads_of_each_axis,
)
from spec_tests.adapters.library import Library
from spec_tests.adapters.naming import layers_of
from spec_tests.adapters.windows import Windows, conv_windows, pool_windows
from spec_tests.vocabulary.subject import NotOffered

INSTALL = "onnx==1.23.2"
onnx = Library("onnx", INSTALL)
OPSET, IR_VERSION = 22, 10
"""Of the operators and of the file: what the runtimes of the day all read."""
KEPT = 500
"""How many graphs are kept ready."""
MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}

TYPES = {"float32": "float", "float64": "double", "float16": "float16"}
"""What ONNX calls the formats; whole numbers have NumPy's names."""

Feed = Mapping[str, np.ndarray]
Ready = Callable[[Feed], Sequence[np.ndarray]]
Node = tuple[str, tuple[str, ...], tuple[str, ...], dict[str, Any]]
"""Operator, inputs, outputs, attributes."""


class Graphs:
    """Graphs that are ready to run, by what they consist of."""

    def __init__(self, prepare: Callable[[Any], Ready]) -> None:
        self.prepare = prepare
        self.ready: dict[str, Ready] = {}

    def run(self, nodes: Sequence[Node], outputs: Mapping[str, Any], **arrays: np.ndarray | None) -> list[np.ndarray]:
        """Run these nodes on the arrays that are there; `outputs` gives the dtype of each.

        Raises NotOffered for a node that ONNX does not define for the dtype of an array.
        """
        feed = {name: value for name, value in arrays.items() if value is not None}
        shapes = [(name, value.shape, value.dtype.name) for name, value in feed.items()]
        key = f"{nodes} {shapes}"
        if key not in self.ready:
            if len(self.ready) >= KEPT:
                self.ready.clear()
            _check_types(nodes, feed)
            self.ready[key] = self.prepare(_model(nodes, feed, outputs))
        return list(self.ready[key](feed))

    def node(self, operator: str, inputs: str, /, **given: Any) -> np.ndarray:
        """Run one node with the inputs of these names, an output of the first one's dtype."""
        arrays = {name: value for name, value in given.items() if isinstance(value, np.ndarray)}
        attributes = {name: value for name, value in given.items() if name not in arrays and value is not None}
        names = inputs.split()
        while names[-1] not in arrays:
            names.pop()
        wired = tuple(name if name in arrays else "" for name in names)
        (output,) = self.run([(operator, wired, ("Y",), attributes)], {"Y": arrays[names[0]].dtype}, **arrays)
        return output


def _check_types(nodes: Sequence[Node], feed: Feed) -> None:
    for operator, inputs, _, _ in nodes:
        formal = onnx.defs.get_schema(operator, OPSET).inputs
        for place, name in enumerate(inputs):
            dtype = feed[name].dtype.name if name in feed else "float32"
            if f"tensor({TYPES.get(dtype, dtype)})" not in formal[min(place, len(formal) - 1)].types:
                raise NotOffered(f"ONNX has no {operator} of {dtype}")


def _model(nodes: Sequence[Node], feed: Feed, outputs: Mapping[str, Any]) -> Any:
    helper = onnx.helper
    kind = helper.np_dtype_to_tensor_dtype
    graph = helper.make_graph(
        [helper.make_node(operator, ins, outs, **attributes) for operator, ins, outs, attributes in nodes],
        "layer",
        [helper.make_tensor_value_info(name, kind(value.dtype), value.shape) for name, value in feed.items()],
        [helper.make_tensor_value_info(name, kind(np.dtype(dtype)), None) for name, dtype in outputs.items()],
    )
    opset = [helper.make_opsetid("", OPSET)]
    return helper.make_model(graph, opset_imports=opset, ir_version=IR_VERSION, producer_name="layer")


def layers(prepare: Callable[[Any], Ready]) -> dict[str, Callable[..., Any]]:
    """Return the layers that ONNX has."""
    graphs = Graphs(prepare)
    windowed = layers_of(partial(_convolution, graphs), partial(_max_pool, graphs))
    return {**windowed, **{name: partial(function, graphs) for name, function in SIMPLE.items()}}


def _window_attributes(windows: Windows) -> dict[str, Any]:
    before, behind = zip(*windows.padding, strict=True)
    return {
        "kernel_shape": list(windows.kernel_size),
        "strides": list(windows.stride),
        "dilations": list(windows.dilation),
        "pads": [*before, *behind],
    }


def _convolution(graphs: Graphs, rank: int) -> Callable[..., Any]:
    def conv(
        input: Any,
        weight: Any,
        bias: Any = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Any:
        batch, undone = in_a_batch(input, rank)
        windows = conv_windows(batch.shape[2:], weight.shape[2:], stride, padding, dilation)
        attributes = _window_attributes(windows)
        return undone(graphs.node("Conv", "X W B", X=batch, W=weight, B=bias, group=groups, **attributes))

    return conv


def _max_pool(graphs: Graphs, rank: int) -> Callable[..., Any]:
    def pool(
        input: Any,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        return_indices: bool = False,
    ) -> Any:
        batch, undone = in_a_batch(input, rank)
        windows = pool_windows(batch.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
        attributes = {**_window_attributes(windows), "ceil_mode": int(ceil_mode)}
        if not return_indices:
            return undone(graphs.node("MaxPool", "X", X=batch, **attributes))
        node = ("MaxPool", ("X",), ("Y", "I"), attributes)
        output, indices = graphs.run([node], {"Y": batch.dtype, "I": np.int64}, X=batch)
        return undone(output), undone(indices_in_a_channel(indices, batch.shape[2:]))

    return pool


def avg_pool2d(
    graphs: Graphs,
    input: Any,
    kernel_size: Any,
    stride: Any = None,
    padding: Any = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Any:
    """AveragePool."""
    batch, undone = in_a_batch(input, 2)
    windows = pool_windows(batch.shape[2:], kernel_size, stride, padding, 1, ceil_mode)
    flags = {"ceil_mode": int(ceil_mode), "count_include_pad": int(count_include_pad)}
    return undone(graphs.node("AveragePool", "X", X=batch, **_window_attributes(windows), **flags))


def adaptive_avg_pool2d(graphs: Graphs, input: Any, output_size: Any) -> Any:
    """GlobalAveragePool, which gives one number for each channel."""
    if output_size not in (1, (1, 1), [1, 1]):
        raise NotOffered(f"adaptive_avg_pool2d: output_size {output_size}; ONNX has GlobalAveragePool, which gives 1")
    batch, undone = in_a_batch(input, 2)
    return undone(graphs.node("GlobalAveragePool", "X", X=batch))


def relu(graphs: Graphs, input: Any) -> Any:
    """Relu."""
    return graphs.node("Relu", "X", X=input)


def sigmoid(graphs: Graphs, input: Any) -> Any:
    """Sigmoid."""
    return graphs.node("Sigmoid", "X", X=input)


def tanh(graphs: Graphs, input: Any) -> Any:
    """Tanh."""
    return graphs.node("Tanh", "X", X=input)


def softmax(graphs: Graphs, input: Any, dim: int) -> Any:
    """Softmax."""
    check_has_an_axis(input)
    return graphs.node("Softmax", "X", X=input, axis=dim)


def log_softmax(graphs: Graphs, input: Any, dim: int) -> Any:
    """LogSoftmax."""
    check_has_an_axis(input)
    return graphs.node("LogSoftmax", "X", X=input, axis=dim)


def linear(graphs: Graphs, input: Any, weight: Any, bias: Any = None) -> Any:
    """Gemm of rows, with the weight transposed."""
    if weight.ndim == 1:
        raise NotOffered("Gemm needs a weight with two axes")
    rows = input.reshape(prod(input.shape[:-1]), input.shape[-1])
    output = graphs.node("Gemm", "X W B", X=rows, W=weight, B=bias, transB=1)
    return output.reshape((*input.shape[:-1], weight.shape[0]))


def flatten(graphs: Graphs, input: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    """Reshape: ONNX's own Flatten leaves two axes."""
    shape = np.array(flat_axes(input.shape, start_dim, end_dim), np.int64)
    return graphs.node("Reshape", "X S", X=input, S=shape, allowzero=1)


def pad(graphs: Graphs, input: Any, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Any:
    """Pad."""
    pairs = pads_of_each_axis(pad, input.ndim)
    if mode not in MODES or (value is not None and mode != "constant"):
        raise ValueError(f"padding mode {mode!r} with value {value}")
    pads = np.array([*(before for before, _ in pairs), *(behind for _, behind in pairs)], np.int64)
    filled = np.array(0 if value is None else value, input.dtype) if mode == "constant" else None
    return graphs.node("Pad", "X P V", X=input, P=pads, V=filled, mode=MODES[mode])


def _check_epsilon(input: np.ndarray, eps: float) -> None:
    if input.dtype == np.float64 and float(np.float32(eps)) != eps:
        raise NotOffered(f"an attribute of ONNX is a float32, which cannot hold eps={eps} beside float64")


def layer_norm(
    graphs: Graphs, input: Any, normalized_shape: Sequence[int], weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """LayerNormalization, which needs a scale: ones where there is none."""
    first, *_ = normalized_axes(input, normalized_shape)
    _check_epsilon(input, eps)
    scale = np.ones(input.shape[first:], input.dtype) if weight is None else weight
    return graphs.node("LayerNormalization", "X W B", X=input, W=scale, B=bias, axis=first, epsilon=eps)


def batch_norm(
    graphs: Graphs,
    input: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """BatchNormalization, which needs all of its arguments: ones or zeros where there are none."""
    _check_epsilon(input, eps)
    channels = input.shape[1]
    ones, zeros = np.ones(channels, input.dtype), np.zeros(channels, input.dtype)
    arrays = {
        "W": ones if weight is None else weight,
        "B": zeros if bias is None else bias,
        "M": zeros if running_mean is None else running_mean,
        "V": ones if running_var is None else running_var,
    }
    outputs = ("Y", "NM", "NV") if training else ("Y",)
    attributes = {"epsilon": eps, "training_mode": int(training), "momentum": 1 - momentum}
    node = ("BatchNormalization", ("X", *arrays), outputs, attributes)
    return graphs.run([node], dict.fromkeys(outputs, input.dtype), X=input, **arrays)[0]


def nll_loss(
    graphs: Graphs, input: Any, target: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean"
) -> Any:
    """NegativeLogLikelihoodLoss."""
    return _class_loss(graphs, "NegativeLogLikelihoodLoss", input, target, weight, ignore_index, reduction)


def cross_entropy(
    graphs: Graphs, input: Any, target: Any, weight: Any = None, ignore_index: int = -100, reduction: str = "mean"
) -> Any:
    """SoftmaxCrossEntropyLoss."""
    return _class_loss(graphs, "SoftmaxCrossEntropyLoss", input, target, weight, ignore_index, reduction)


def _class_loss(
    graphs: Graphs, operator: str, input: Any, target: Any, weight: Any, ignore_index: int, reduction: str
) -> Any:
    if target.dtype.kind == "f":
        raise NotOffered(f"{operator} has no probabilities of classes as a target")
    if input.ndim == 1:
        raise NotOffered(f"{operator} needs the axis of the batch")
    options = {"ignore_index": ignore_index, "reduction": reduction}
    return graphs.node(operator, "X T W", X=input, T=target, W=weight, **options)


def l1_loss(graphs: Graphs, input: Any, target: Any, reduction: str = "mean") -> Any:
    """Sub, Abs and a reduction."""
    nodes: list[Node] = [("Sub", ("X", "T"), ("D",), {}), ("Abs", ("D",), ("A",), {})]
    return _reduced(graphs, nodes, "A", reduction, X=input, T=target)


def mse_loss(graphs: Graphs, input: Any, target: Any, reduction: str = "mean") -> Any:
    """Sub, Mul and a reduction."""
    nodes: list[Node] = [("Sub", ("X", "T"), ("D",), {}), ("Mul", ("D", "D"), ("A",), {})]
    return _reduced(graphs, nodes, "A", reduction, X=input, T=target)


def _reduced(graphs: Graphs, nodes: list[Node], last: str, reduction: str, **arrays: np.ndarray) -> np.ndarray:
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(f"reduction must be none, mean or sum, got {reduction!r}")
    if len({array.dtype for array in arrays.values()}) > 1:
        raise NotOffered("ONNX has no node for two dtypes")
    operator = {"none": "Identity", "mean": "ReduceMean", "sum": "ReduceSum"}[reduction]
    attributes = {} if reduction == "none" else {"keepdims": 0}
    (output,) = graphs.run([*nodes, (operator, (last,), ("Y",), attributes)], {"Y": arrays["X"].dtype}, **arrays)
    return output


SIMPLE: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        avg_pool2d,
        adaptive_avg_pool2d,
        relu,
        sigmoid,
        tanh,
        softmax,
        log_softmax,
        linear,
        flatten,
        pad,
        layer_norm,
        batch_norm,
        nll_loss,
        cross_entropy,
        l1_loss,
        mse_loss,
    )
}
