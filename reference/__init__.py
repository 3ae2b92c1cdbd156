"""NumPy definitions of the layers, losses and optimizers that a learner of PyTorch meets first.

Every layer is two pure functions: the layer itself, named and called as in `torch.nn.functional`, and its
gradient, `<name>_backward(grad_output, ...)` with the same arguments. Arrays go in, arrays of the same dtype
come out; no argument is modified and no state is kept.

`reference.cnn` chains them into the document's network, `reference.optim` updates its parameters.

Where torch is lenient the references are strict: one dtype throughout (except in l1_loss and mse_loss), no integers
in sigmoid and tanh, no negative padding in the modes that copy cells, no empty axis except the batch, no default for
the axis of a softmax. They take plain arrays in native byte order; a single number comes back as a NumPy scalar.

Read `reference.definition` first, then `reference.convolution` and `reference.pooling`.
"""

import os
import sys
from importlib.util import find_spec

if sys.argv[:1] == ["-m"]:  # a command, while Python is looking for its module
    whole = sys.excepthook
    sys.excepthook = lambda kind, *error: (
        print("interrupted", file=sys.stderr) if issubclass(kind, KeyboardInterrupt) else whole(kind, *error)
    )
    found = find_spec("numpy")
    if found is None:
        sys.exit('error: numpy not installed here: pip install "torch-by-hand"')
    if found.origin and os.path.dirname(os.path.abspath(found.origin)) == os.getcwd():
        sys.exit(f"error: {found.origin} hides the package numpy from Python: give it another name")

from reference.activation import (
    log_softmax,
    log_softmax_backward,
    relu,
    relu_backward,
    sigmoid,
    sigmoid_backward,
    softmax,
    softmax_backward,
    tanh,
    tanh_backward,
)
from reference.average_pooling import (
    adaptive_avg_pool2d,
    adaptive_avg_pool2d_backward,
    avg_pool2d,
    avg_pool2d_backward,
)
from reference.cnn import (
    cifar10_cnn,
    cifar10_cnn_backward,
    cifar10_cnn_layers,
    cifar10_cnn_layers_backward,
    cifar10_cnn_loss,
    initial_parameters,
)
from reference.color import adjust_brightness, adjust_contrast, adjust_hue, adjust_saturation, color_jitter
from reference.convolution import (
    conv1d,
    conv1d_backward,
    conv2d,
    conv2d_backward,
    conv2d_weight,
    conv3d,
    conv3d_backward,
)
from reference.cross_entropy import cross_entropy, cross_entropy_backward, nll_loss, nll_loss_backward
from reference.geometry import conv_output_size, max_pool_output_size
from reference.layer_norm import layer_norm, layer_norm_backward
from reference.linear import flatten, flatten_backward, linear, linear_backward
from reference.loss import l1_loss, l1_loss_backward, mse_loss, mse_loss_backward
from reference.normalization import batch_norm, batch_norm_backward, batch_norm_statistics
from reference.optim import adagrad, adam, adamw, rmsprop, sgd
from reference.padding import pad, pad_backward
from reference.pooling import (
    max_pool1d,
    max_pool1d_backward,
    max_pool2d,
    max_pool2d_backward,
    max_pool3d,
    max_pool3d_backward,
)
from reference.resize import resize
from reference.resnet import residual_block, residual_block_backward, resnet18, resnet50, resnet_layers
from reference.transforms import center_crop, compose, crop, hflip, normalize, to_tensor, vflip

__all__ = [
    "adagrad",
    "adam",
    "adamw",
    "adaptive_avg_pool2d",
    "adaptive_avg_pool2d_backward",
    "adjust_brightness",
    "adjust_contrast",
    "adjust_hue",
    "adjust_saturation",
    "avg_pool2d",
    "avg_pool2d_backward",
    "batch_norm",
    "batch_norm_backward",
    "batch_norm_statistics",
    "center_crop",
    "cifar10_cnn",
    "cifar10_cnn_backward",
    "cifar10_cnn_layers",
    "cifar10_cnn_layers_backward",
    "cifar10_cnn_loss",
    "color_jitter",
    "compose",
    "conv1d",
    "conv1d_backward",
    "conv2d",
    "conv2d_backward",
    "conv2d_weight",
    "conv3d",
    "conv3d_backward",
    "conv_output_size",
    "crop",
    "cross_entropy",
    "cross_entropy_backward",
    "flatten",
    "flatten_backward",
    "hflip",
    "initial_parameters",
    "l1_loss",
    "l1_loss_backward",
    "layer_norm",
    "layer_norm_backward",
    "linear",
    "linear_backward",
    "log_softmax",
    "log_softmax_backward",
    "max_pool1d",
    "max_pool1d_backward",
    "max_pool2d",
    "max_pool2d_backward",
    "max_pool3d",
    "max_pool3d_backward",
    "max_pool_output_size",
    "mse_loss",
    "mse_loss_backward",
    "nll_loss",
    "nll_loss_backward",
    "normalize",
    "pad",
    "pad_backward",
    "relu",
    "relu_backward",
    "residual_block",
    "residual_block_backward",
    "resize",
    "resnet18",
    "resnet50",
    "resnet_layers",
    "rmsprop",
    "sgd",
    "sigmoid",
    "sigmoid_backward",
    "softmax",
    "softmax_backward",
    "tanh",
    "tanh_backward",
    "to_tensor",
    "vflip",
]
