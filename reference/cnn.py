"""The document's network for CIFAR-10 (section 2.5), and its gradient, chained by hand from those of the layers.

    input                      (n,  3, 32, 32)
    conv1   5×5, padding 2     (n, 32, 32, 32)     p1   2×2 maximum   (n, 32, 16, 16)
    conv2   5×5, padding 2     (n, 32, 16, 16)     p2   2×2 maximum   (n, 32,  8,  8)
    conv3   5×5, padding 2     (n, 64,  8,  8)     p3   2×2 maximum   (n, 64,  4,  4)
    flatten                    (n, 1024)
    linear                     (n, 10)             one score per class, not a probability

The parameters are a mapping from torch's names, those of the module's `state_dict`, to arrays. The document's code has
no activation, though its comments promise one after each convolution; `relu=True` adds it.

The gradient is the chain rule: what a layer's gradient function returns for its input is what the layer before it
receives as `grad_output`.
"""

from collections.abc import Mapping
from math import prod
from typing import Any, TypeAlias

import numpy as np

from reference.activation import relu as rectified
from reference.activation import relu_backward
from reference.checks import Array, array, flag, float_dtype, mapping, same_dtype, shape, shown
from reference.convolution import conv2d, conv2d_backward, conv2d_weight
from reference.cross_entropy import cross_entropy, cross_entropy_backward
from reference.linear import flatten, flatten_backward, linear, linear_backward
from reference.pooling import max_pool2d, max_pool2d_backward

Parameters: TypeAlias = Mapping[str, Array]

PARAMETERS: dict[str, tuple[int, ...]] = {
    "conv1.weight": (32, 3, 5, 5),
    "conv1.bias": (32,),
    "conv2.weight": (32, 32, 5, 5),
    "conv2.bias": (32,),
    "conv3.weight": (64, 32, 5, 5),
    "conv3.bias": (64,),
    "linear.weight": (10, 1024),
    "linear.bias": (10,),
}
"""The shape of every parameter: 89,578 numbers in all."""


def initial_parameters(rng: np.random.Generator, dtype: str = "float32") -> dict[str, Array]:
    """Draw parameters as torch's layers do: uniformly from ±1/√k, where k is the number of inputs of one output.

    >>> initial_parameters(np.random.default_rng(0))["conv1.bias"].shape
    (32,)
    """
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng must be a generator like numpy.random.default_rng(seed), got {shown(rng)}")
    wanted = float_dtype("dtype", dtype)
    parameters = {}
    for name, size in PARAMETERS.items():
        inputs = prod(PARAMETERS[name.replace("bias", "weight")][1:])
        parameters[name] = rng.uniform(-(inputs**-0.5), inputs**-0.5, size).astype(wanted)
    return parameters


def cifar10_cnn(input: Array, parameters: Parameters, relu: bool = False) -> Array:
    """Return the scores of ten classes ("logits"): input (n, 3, 32, 32) -> (n, 10), of the same dtype.

    Raises TypeError unless all arrays have the same floating point dtype, and ValueError for a parameter that is
    missing, unknown or of the wrong shape, or an input of another size. (Pooling drops cells that do not fill a window,
    so all sizes that leave 1024 features are accepted: 32 to 39 pixels for a square.)

    >>> cifar10_cnn(np.zeros((2, 3, 32, 32), "float32"), initial_parameters(np.random.default_rng(0))).shape
    (2, 10)
    """
    return cifar10_cnn_layers(input, parameters, relu)["linear"]


def cifar10_cnn_layers(input: Array, parameters: Parameters, relu: bool = False) -> dict[str, Array]:
    """Return the output of every layer by name, in order, the network's input first and its scores last.

    >>> outputs = cifar10_cnn_layers(np.zeros((1, 3, 32, 32), "float32"), initial_parameters(np.random.default_rng(0)))
    >>> list(outputs)
    ['input', 'conv1', 'p1', 'conv2', 'p2', 'conv3', 'p3', 'flatten', 'linear']
    """
    return _layers(input, parameters, relu)[0]


def _layers(input: Array, parameters: Parameters, relu: bool) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return the output of every layer, and the indices of the maxima of every pooling."""
    _check(input, parameters, relu)
    outputs: dict[str, Any] = {"input": input}
    indices: dict[str, Array] = {}
    x: Any = input
    for stage in "123":
        outputs[f"conv{stage}"] = x = conv2d(x, *_of(f"conv{stage}", parameters), padding=2)
        if relu:
            outputs[f"relu{stage}"] = x = rectified(x)
        x, indices[f"p{stage}"] = max_pool2d(x, kernel_size=2, stride=2, return_indices=True)
        outputs[f"p{stage}"] = x
    outputs["flatten"] = x = flatten(x, 1)
    outputs["linear"] = linear(x, *_of("linear", parameters))
    return outputs, indices


def cifar10_cnn_backward(
    grad_output: Array, input: Array, parameters: Parameters, relu: bool = False
) -> tuple[Array, dict[str, Array]]:
    """Return grad_input (n, 3, 32, 32) and the gradient of every parameter, by its name: grad_output (n, 10).

    >>> parameters = initial_parameters(np.random.default_rng(0), "float64")
    >>> _, gradients = cifar10_cnn_backward(np.ones((2, 10)), np.zeros((2, 3, 32, 32)), parameters)
    >>> gradients["linear.bias"]
    array([2., 2., 2., 2., 2., 2., 2., 2., 2., 2.])
    """
    outputs, indices = _layers(input, parameters, relu)
    array("grad_output", grad_output)
    same_dtype(grad_output=grad_output, input=input)
    shape("grad_output", grad_output, outputs["linear"].shape)
    return cifar10_cnn_layers_backward(grad_output, outputs, parameters, indices=indices)


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def cifar10_cnn_layers_backward(
    grad_output: Array,
    outputs: Mapping[str, Array],
    parameters: Parameters,
    input_requires_grad: bool = True,
    *,
    indices: Mapping[str, Array] | None = None,
) -> tuple[Any, dict[str, Array]]:
    """Send the gradient of the scores (n, 10) back through the layers, given what `cifar10_cnn_layers` returned.

    `indices` are those of the maxima, by the names of the poolings; without them, they are found once more.
    Returns grad_input, None without `input_requires_grad`, and the gradient of every parameter, by its name.
    """
    wanted = flag("input_requires_grad", input_requires_grad)
    check_parameters(parameters)
    known = mapping("indices", {} if indices is None else indices)
    mapping("outputs", outputs, ("input", "conv1", "p1", "conv2", "p2", "conv3", "p3", "flatten"))
    grads: dict[str, Any] = {}
    grad: Any = grad_output
    grad, *grads["linear"] = linear_backward(grad, outputs["flatten"], *_of("linear", parameters))
    grad = flatten_backward(grad, outputs["p3"], 1)
    for stage, before in (("3", "p2"), ("2", "p1"), ("1", "input")):
        layer, rectifier = f"conv{stage}", f"relu{stage}"
        pooled = outputs.get(rectifier, outputs[layer])
        grad = max_pool2d_backward(grad, pooled, kernel_size=2, stride=2, indices=known.get(f"p{stage}"))
        if rectifier in outputs:
            grad = relu_backward(grad, outputs[layer])
        if before == "input" and not wanted:
            weight, _ = _of(layer, parameters)
            grads[layer] = conv2d_weight(outputs[before], weight.shape, grad, padding=2), grad.sum(axis=(0, 2, 3))
            grad = None
        else:
            grad, *grads[layer] = conv2d_backward(grad, outputs[before], *_of(layer, parameters), padding=2)
    return grad, {name: grads[name.partition(".")[0]][name.endswith("bias")] for name in PARAMETERS}


def cifar10_cnn_loss(
    input: Array, target: Array, parameters: Parameters, relu: bool = False, input_requires_grad: bool = True
) -> tuple[Array, Array | None, dict[str, Array]]:
    """Return the mean cross entropy of the scores, its grad_input, and the gradient of every parameter.

    input (n, 3, 32, 32), target (n,), int64: the class index of each image. Raises the same errors as `cifar10_cnn` and
    `cross_entropy`. Training needs no gradient of the images: without `input_requires_grad`, grad_input is None and is
    not computed.

    >>> parameters = {name: np.zeros(size) for name, size in PARAMETERS.items()}
    >>> loss, _, _ = cifar10_cnn_loss(np.zeros((1, 3, 32, 32)), np.array([7]), parameters)
    >>> loss.round(4)  # ln 10: ten equal scores
    np.float64(2.3026)
    """
    outputs, indices = _layers(input, parameters, relu)
    loss = cross_entropy(outputs["linear"], target)
    grad_logits, _, _ = cross_entropy_backward(np.ones_like(loss), outputs["linear"], target)
    return loss, *cifar10_cnn_layers_backward(grad_logits, outputs, parameters, input_requires_grad, indices=indices)


def _of(layer: str, parameters: Parameters) -> tuple[Array, Array]:
    """Return the weight and the bias of a layer."""
    return parameters[f"{layer}.weight"], parameters[f"{layer}.bias"]


def _check(input: Array, parameters: Parameters, relu: bool) -> None:
    array("input", input)
    flag("relu", relu)
    check_parameters(parameters)
    same_dtype(input=input, **parameters)
    if input.ndim != 4 or input.shape[1] != 3 or (input.shape[2] // 8) * (input.shape[3] // 8) != 16:
        raise ValueError(f"input has shape {input.shape}, expected (n, 3, 32, 32)")


def check_parameters(parameters: Parameters) -> None:
    """Require exactly the network's parameters, each of the right shape."""
    mapping("parameters", parameters)
    missing, unknown = PARAMETERS.keys() - parameters.keys(), parameters.keys() - PARAMETERS.keys()
    if missing or unknown:
        raise ValueError(f"parameters lack {sorted(missing) or 'none'} and have unknown {sorted(unknown) or 'none'}")
    for name, size in PARAMETERS.items():
        array(name, parameters[name])
        shape(name, parameters[name], size)
