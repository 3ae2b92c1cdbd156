"""One call or more of every function of `reference.__all__`, which give every option at least once.

For tests of what all functions promise: `test_the_references_options.py`. The numbers are such that every format of
NumPy's holds some of them exactly, and that a byte would wrap round if it took part in the arithmetic.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import reference
from reference.cnn import PARAMETERS
from reference.resnet import BLOCKS, PATHS, blocks


@dataclass(frozen=True)
class Call:
    """A call of a function by its arguments' names; the arrays are drawn anew by each `arguments`."""

    function: str
    given: Callable[[np.random.Generator, str], dict[str, Any]]

    def arguments(self, dtype: str = "float32") -> dict[str, Any]:
        """Return the arguments, the same ones every time."""
        return self.given(np.random.default_rng(0), dtype)

    def __call__(self, arguments: Mapping[str, Any]) -> Any:
        """Make the call with these arguments."""
        parameters = inspect.signature(getattr(reference, self.function)).parameters.values()
        positional = [arguments[p.name] for p in parameters if p.kind is p.POSITIONAL_ONLY]
        return getattr(reference, self.function)(*positional, **arguments)


def parameters_of(function: str) -> list[str]:
    """Return the names of a function's parameters."""
    return list(inspect.signature(getattr(reference, function)).parameters)


def calls() -> Iterator[Call]:
    """Yield all calls."""
    for function, given in _GIVEN:
        yield Call(function, given)


def _numbers(rng: np.random.Generator, dtype: str, *shape: int) -> Any:
    return (rng.integers(-4, 5, shape) / 4).astype(dtype)


def _image(rng: np.random.Generator, dtype: str, *shape: int) -> Any:
    return (rng.integers(0, 5, shape) / 4).astype(dtype)


def _conv(rank: int, backward: bool = False) -> Callable[[np.random.Generator, str], dict[str, Any]]:
    def given(rng: np.random.Generator, dtype: str) -> dict[str, Any]:
        size = (6, 5, 5)[:rank]
        options = {"stride": (2,) * rank, "padding": (1,) * rank, "dilation": 2, "groups": 2}
        operands = {
            "input": _numbers(rng, dtype, 2, 4, *size),
            "weight": _numbers(rng, dtype, 2, 2, *(2,) * rank),
            "bias": _numbers(rng, dtype, 2),
        }
        output = reference.conv_output_size(size, 2, 2, 1, 2)
        grad = {"grad_output": _numbers(rng, dtype, 2, 2, *output)} if backward else {}  # type: ignore[misc]
        return {**grad, **operands, **options}

    return given


def _many_groups(rng: np.random.Generator, dtype: str) -> dict[str, Any]:
    """Return 200 groups of two channels: 400, which is more than a byte holds."""
    weight = _numbers(rng, dtype, 200, 2, 1, 1)
    return {"input": _numbers(rng, dtype, 1, 400, 1, 1), "weight": weight, "groups": 200}


def _pool(rank: int, backward: bool = False) -> Callable[[np.random.Generator, str], dict[str, Any]]:
    def given(rng: np.random.Generator, dtype: str) -> dict[str, Any]:
        size = (6, 5, 5)[:rank]
        options = {"kernel_size": (2,) * rank, "stride": 2, "padding": 1, "dilation": 2, "ceil_mode": True}
        output = reference.max_pool_output_size(size, 2, 2, 1, 2, True)
        given = {"input": _numbers(rng, dtype, 2, 2, *size), **options, "return_indices": True}
        if not backward:
            return given
        _, indices = getattr(reference, f"max_pool{rank}d")(**given)
        return {"grad_output": _numbers(rng, dtype, 2, 2, *output), **given, "indices": indices}  # type: ignore[misc]

    return given


def _wide_pool(rng: np.random.Generator, dtype: str) -> dict[str, Any]:
    """Return a window of 200 cells on 210, which a byte cannot add to its padding."""
    return {
        "input": _numbers(rng, dtype, 1, 1, 210, 1),
        "kernel_size": (200, 1),
        "stride": (200, 1),
        "padding": (90, 0),
    }


_AVERAGES = {"kernel_size": 2, "stride": 2, "padding": 1, "ceil_mode": True, "count_include_pad": False}


def _averages(rng: np.random.Generator, dtype: str, **options: Any) -> dict[str, Any]:
    return {"input": _numbers(rng, dtype, 2, 2, 5, 4), **_AVERAGES, **options}


def _operands(rng: np.random.Generator, dtype: str, reduction: str = "mean") -> dict[str, Any]:
    operands = {name: _numbers(rng, dtype, 3, 2) for name in ("input", "target")}
    return {**operands, "reduction": reduction, "weight": _image(rng, dtype, 3, 2) + operands["input"].dtype.type(1)}


def _classes(rng: np.random.Generator, dtype: str, **options: Any) -> dict[str, Any]:
    target = np.array([0, 2, 1, 2])
    weight = np.array([1, 2, 0.5], dtype)
    return {"input": _numbers(rng, dtype, 4, 3), "target": target, "weight": weight, "ignore_index": 1, **options}


def _shares(rng: np.random.Generator, dtype: str) -> dict[str, Any]:
    target = np.array([[0.5, 0.25, 0.25], [1, 0, 0], [0, 0, 1], [0.5, 0.5, 0]], dtype)
    return {**_classes(rng, dtype), "target": target, "ignore_index": -100, "label_smoothing": 0.25, "reduction": "sum"}


def _batch_norm(rng: np.random.Generator, dtype: str, training: bool) -> dict[str, Any]:
    of_channels = {name: _numbers(rng, dtype, 2) for name in ("running_mean", "weight", "bias")}
    input, var = _numbers(rng, dtype, 4, 2, 3), np.array([1, 0.5], dtype)
    return {"input": input, **of_channels, "running_var": var, "training": training, "momentum": 0.5, "eps": 0.25}


def _layer_norm(rng: np.random.Generator, dtype: str) -> dict[str, Any]:
    operands = {"input": _numbers(rng, dtype, 2, 3, 4), "weight": _numbers(rng, dtype, 3, 4)}
    return {**operands, "bias": _numbers(rng, dtype, 3, 4), "normalized_shape": (3, 4), "eps": 0.25}


def _optimizer(*averages: str, **options: Any) -> Callable[[np.random.Generator, str], dict[str, Any]]:
    def given(rng: np.random.Generator, dtype: str) -> dict[str, Any]:
        state: dict[str, Any] = {name: _image(rng, dtype, 3) for name in averages}
        if averages != ("momentum_buffer",):
            state["step"] = 127
        return {"param": _numbers(rng, dtype, 3), "grad": _numbers(rng, dtype, 3), "state": state, **options}

    return given


def _network(rng: np.random.Generator, dtype: str, **options: Any) -> dict[str, Any]:
    parameters = {name: _numbers(rng, dtype, *size) / np.float32(8) for name, size in PARAMETERS.items()}
    parameters = {name: value.astype(dtype) for name, value in parameters.items()}
    return {"input": _image(rng, dtype, 1, 3, 32, 32), "parameters": parameters, "relu": True, **options}


def _network_backward(rng: np.random.Generator, dtype: str) -> dict[str, Any]:
    given = _network(rng, dtype)
    outputs = reference.cifar10_cnn_layers(**given)
    return {
        "grad_output": _numbers(rng, dtype, 1, 10),
        "outputs": outputs,
        "parameters": given["parameters"],
        "input_requires_grad": False,
        "indices": {"p3": reference.max_pool2d(outputs["relu3"], 2, return_indices=True)[1]},
    }


def _block(rng: np.random.Generator, dtype: str, network: str, width: int, channels: int) -> dict[str, Any]:
    """Return the parameters of a block with a stride, by their names in it."""
    parameters: dict[str, Any] = {}
    sizes = [(number, kernel) for number, kernel in PATHS[network]]
    ins = channels
    for number, kernel in sizes:
        outs = 4 * width if network == "resnet50" and number == "3" else width
        parameters |= _conv_bn(rng, dtype, f"conv{number}", f"bn{number}", outs, ins, kernel)
        ins = outs
    return parameters | _conv_bn(rng, dtype, "downsample.0", "downsample.1", ins, channels, 1)


def _conv_bn(
    rng: np.random.Generator, dtype: str, conv: str, bn: str, outs: int, ins: int, kernel: int
) -> dict[str, Any]:
    parts = {f"{bn}.{name}": _numbers(rng, dtype, outs) for name in ("weight", "bias", "running_mean")}
    variance = {f"{bn}.running_var": np.ones(outs, dtype)}
    return {f"{conv}.weight": _numbers(rng, dtype, outs, ins, kernel, kernel), **parts, **variance}


def _residual(rng: np.random.Generator, dtype: str, backward: bool = False) -> dict[str, Any]:
    given = {"input": _numbers(rng, dtype, 1, 2, 4, 4), "parameters": _block(rng, dtype, "resnet18", 3, 2)}
    grad = {"grad_output": _numbers(rng, dtype, 1, 3, 2, 2)} if backward else {}
    return {**grad, **given, "network": "resnet18", "stride": 2}


def _resnet(rng: np.random.Generator, dtype: str, network: str) -> dict[str, Any]:
    """Return a network of this plan that is 2 channels wide: its parameters decide its widths."""
    parameters = _conv_bn(rng, dtype, "conv1", "bn1", 2, 3, 7)
    channels = 2
    for name, _ in blocks(network):
        block = _block(rng, dtype, network, 2, channels)
        parameters |= {f"{name}.{part}": value for part, value in block.items()}
        channels = 8 if network == "resnet50" else 2
    parameters |= {"fc.weight": _numbers(rng, dtype, 2, channels), "fc.bias": _numbers(rng, dtype, 2)}
    assert network in BLOCKS
    return {"input": _image(rng, dtype, 1, 3, 32, 32), "parameters": parameters}


_GIVEN: list[tuple[str, Callable[[np.random.Generator, str], dict[str, Any]]]] = [
    ("adagrad", _optimizer("sum", lr=0.5, lr_decay=0.5, weight_decay=0.25, eps=0.5, maximize=True)),
    ("adagrad", lambda rng, dtype: {**_optimizer("sum", initial_accumulator_value=2)(rng, dtype), "state": {}}),
    ("adam", _optimizer("exp_avg", "exp_avg_sq", lr=0.5, betas=(0.5, 0.75), eps=0.5, weight_decay=0.25, maximize=True)),
    ("adam", _optimizer("exp_avg", "exp_avg_sq", "max_exp_avg_sq", lr=2, eps=1, weight_decay=1, amsgrad=True)),
    ("adamw", _optimizer("exp_avg", "exp_avg_sq", lr=0.5, betas=(0.5, 0.75), eps=0.5, weight_decay=0.25)),
    ("adamw", _optimizer("exp_avg", "exp_avg_sq", "max_exp_avg_sq", lr=2, amsgrad=True, maximize=True)),
    ("rmsprop", _optimizer("square_avg", lr=0.5, alpha=0.75, eps=0.5, weight_decay=0.25, momentum=0, maximize=True)),
    ("rmsprop", _optimizer("square_avg", "grad_avg", "momentum_buffer", lr=1, momentum=0.5, centered=True)),
    ("sgd", _optimizer("momentum_buffer", lr=0.5, momentum=0.5, dampening=0.25, weight_decay=0.5, maximize=True)),
    ("sgd", _optimizer("momentum_buffer", lr=1, momentum=2, nesterov=True)),
    ("adaptive_avg_pool2d", lambda rng, dtype: {"input": _numbers(rng, dtype, 2, 5, 4), "output_size": (3, 2)}),
    (
        "adaptive_avg_pool2d_backward",
        lambda rng, dtype: {
            "grad_output": _numbers(rng, dtype, 2, 3, 3),
            "input": _numbers(rng, dtype, 2, 5, 4),
            "output_size": 3,
        },
    ),
    ("adjust_brightness", lambda rng, dtype: {"img": _image(rng, dtype, 3, 2, 2), "brightness_factor": 0.5}),
    ("adjust_brightness", lambda rng, _: {"img": rng.integers(0, 256, (3, 2, 2), "uint8"), "brightness_factor": 2}),
    ("adjust_contrast", lambda rng, dtype: {"img": _image(rng, dtype, 3, 2, 2), "contrast_factor": 1.5}),
    ("adjust_contrast", lambda rng, _: {"img": rng.integers(0, 256, (3, 2, 2), "uint8"), "contrast_factor": 0.5}),
    ("adjust_hue", lambda rng, dtype: {"img": _image(rng, dtype, 3, 2, 2), "hue_factor": 0.25}),
    ("adjust_hue", lambda rng, _: {"img": rng.integers(0, 256, (3, 2, 2), "uint8"), "hue_factor": -0.125}),
    ("adjust_saturation", lambda rng, dtype: {"img": _image(rng, dtype, 3, 2, 2), "saturation_factor": 3}),
    ("adjust_saturation", lambda rng, _: {"img": rng.integers(0, 256, (3, 2, 2), "uint8"), "saturation_factor": 0.5}),
    ("avg_pool2d", _averages),
    ("avg_pool2d", lambda rng, dtype: _averages(rng, dtype, divisor_override=200)),
    (
        "avg_pool2d_backward",
        lambda rng, dtype: {"grad_output": _numbers(rng, dtype, 2, 2, 3, 3), **_averages(rng, dtype)},
    ),
    (
        "avg_pool2d_backward",
        lambda rng, dtype: {
            "grad_output": _numbers(rng, dtype, 2, 2, 3, 3),
            **_averages(rng, dtype, divisor_override=-3),
        },
    ),
    ("batch_norm", lambda rng, dtype: _batch_norm(rng, dtype, training=True)),
    ("batch_norm", lambda rng, dtype: _batch_norm(rng, dtype, training=False)),
    *(
        (
            "batch_norm_backward",
            lambda rng, dtype, training=training: {
                "grad_output": _numbers(rng, dtype, 4, 2, 3),
                **_batch_norm(rng, dtype, training=training),
            },
        )
        for training in (True, False)
    ),
    (
        "batch_norm_statistics",
        lambda rng, dtype: {
            "input": _numbers(rng, dtype, 4, 2, 3),
            "running_mean": _numbers(rng, dtype, 2),
            "running_var": np.ones(2, dtype),
            "momentum": 0.25,
        },
    ),
    ("center_crop", lambda rng, dtype: {"img": _image(rng, dtype, 3, 6, 5), "output_size": (3, 200)}),
    ("center_crop", lambda rng, dtype: {"img": _image(rng, dtype, 300, 2), "output_size": 255}),
    ("cifar10_cnn", _network),
    (
        "cifar10_cnn_backward",
        lambda rng, dtype: {"grad_output": _numbers(rng, dtype, 1, 10), **_network(rng, dtype, relu=False)},
    ),
    ("cifar10_cnn_layers", _network),
    ("cifar10_cnn_layers_backward", _network_backward),
    (
        "cifar10_cnn_loss",
        lambda rng, dtype: {**_network(rng, dtype), "target": np.array([7]), "input_requires_grad": True},
    ),
    (
        "color_jitter",
        lambda rng, dtype: {
            "img": _image(rng, dtype, 3, 2, 2),
            "order": ["hue", "contrast", "saturation", "brightness"],
            "brightness_factor": 0.5,
            "contrast_factor": 1,
            "saturation_factor": 1.5,
            "hue_factor": 0.25,
        },
    ),
    ("compose", lambda _rng, _dtype: {"transforms": [reference.hflip, reference.vflip]}),
    *((f"conv{rank}d", _conv(rank)) for rank in (1, 2, 3)),
    ("conv2d", _many_groups),
    *((f"conv{rank}d_backward", _conv(rank, backward=True)) for rank in (1, 2, 3)),
    (
        "conv2d_weight",
        lambda rng, dtype: {
            "input": _numbers(rng, dtype, 2, 4, 6, 5),
            "weight_size": (2, 2, 2, 2),
            "grad_output": _numbers(rng, dtype, 2, 2, 3, 3),
            "stride": 2,
            "padding": (1, 1),
            "dilation": 2,
            "groups": 2,
        },
    ),
    (
        "conv_output_size",
        lambda _rng, _dtype: {
            "input_size": (200, 100),
            "kernel_size": 100,
            "stride": 3,
            "padding": (100, 50),
            "dilation": 2,
        },
    ),
    (
        "crop",
        lambda rng, dtype: {"img": _image(rng, dtype, 2, 300, 4), "top": 100, "left": -1, "height": 200, "width": 3},
    ),
    ("cross_entropy", _shares),
    ("cross_entropy", lambda rng, dtype: _classes(rng, dtype, label_smoothing=0.5, reduction="mean")),
    ("cross_entropy_backward", lambda rng, dtype: {"grad_output": np.array(0.5, dtype), **_shares(rng, dtype)}),
    (
        "cross_entropy_backward",
        lambda rng, dtype: {"grad_output": np.array(0.5, dtype), **_classes(rng, dtype, label_smoothing=1)},
    ),
    ("flatten", lambda rng, dtype: {"input": _numbers(rng, dtype, 2, 3, 2), "start_dim": 1, "end_dim": 2}),
    (
        "flatten_backward",
        lambda rng, dtype: {
            "grad_output": _numbers(rng, dtype, 2, 6),
            "input": _numbers(rng, dtype, 2, 3, 2),
            "start_dim": 1,
            "end_dim": -1,
        },
    ),
    ("hflip", lambda rng, dtype: {"img": _image(rng, dtype, 2, 3)}),
    ("initial_parameters", lambda rng, dtype: {"rng": rng, "dtype": dtype}),
    *((loss, _operands) for loss in ("l1_loss", "mse_loss")),
    *(
        (f"{loss}_backward", lambda rng, dtype: {"grad_output": np.array(0.5, dtype), **_operands(rng, dtype)})
        for loss in ("l1_loss", "mse_loss")
    ),
    ("layer_norm", _layer_norm),
    (
        "layer_norm_backward",
        lambda rng, dtype: {"grad_output": _numbers(rng, dtype, 2, 3, 4), **_layer_norm(rng, dtype)},
    ),
    (
        "linear",
        lambda rng, dtype: {
            "input": _numbers(rng, dtype, 2, 3),
            "weight": _numbers(rng, dtype, 2, 3),
            "bias": _numbers(rng, dtype, 2),
        },
    ),
    (
        "linear_backward",
        lambda rng, dtype: {
            "grad_output": _numbers(rng, dtype, 2, 2),
            "input": _numbers(rng, dtype, 2, 3),
            "weight": _numbers(rng, dtype, 2, 3),
            "bias": _numbers(rng, dtype, 2),
        },
    ),
    *(
        (name, lambda rng, dtype: {"input": _numbers(rng, dtype, 2, 3), "dim": 1, "dtype": "float64"})
        for name in ("softmax", "log_softmax")
    ),
    *(
        (
            f"{name}_backward",
            lambda rng, dtype: {
                "grad_output": _numbers(rng, "float64", 2, 3),
                "input": _numbers(rng, dtype, 2, 3),
                "dim": -1,
                "dtype": "float64",
            },
        )
        for name in ("softmax", "log_softmax")
    ),
    *((f"max_pool{rank}d", _pool(rank)) for rank in (1, 2, 3)),
    ("max_pool2d", _wide_pool),
    ("avg_pool2d", _wide_pool),
    *((f"max_pool{rank}d_backward", _pool(rank, backward=True)) for rank in (1, 2, 3)),
    (
        "max_pool_output_size",
        lambda _rng, _dtype: {
            "input_size": (200, 100),
            "kernel_size": 100,
            "stride": 100,
            "padding": 50,
            "dilation": 2,
            "ceil_mode": True,
        },
    ),
    (
        "nll_loss",
        lambda rng, dtype: _classes(rng, dtype, reduction="none"),
    ),
    (
        "nll_loss_backward",
        lambda rng, dtype: {"grad_output": np.array(0.5, dtype), **_classes(rng, dtype, reduction="sum")},
    ),
    (
        "normalize",
        lambda rng, dtype: {"tensor": _image(rng, dtype, 2, 3, 2), "mean": [0.5, 1], "std": (0.25, 2)},
    ),
    ("pad", lambda rng, dtype: {"input": _numbers(rng, dtype, 2, 3), "pad": (200, -1), "mode": "constant", "value": 2}),
    ("pad", lambda rng, _: {"input": rng.integers(0, 9, (2, 3)), "pad": (1, 1), "value": 100}),
    ("pad", lambda rng, dtype: {"input": _numbers(rng, dtype, 2, 3), "pad": [100, 127], "mode": "replicate"}),
    (
        "pad_backward",
        lambda rng, dtype: {
            "grad_output": _numbers(rng, dtype, 2, 6),
            "input": _numbers(rng, dtype, 2, 3),
            "pad": (1, 2),
            "mode": "constant",
            "value": 0.5,
        },
    ),
    (
        "pad_backward",
        lambda rng, dtype: {
            "grad_output": _numbers(rng, dtype, 2, 6),
            "input": _numbers(rng, dtype, 2, 3),
            "pad": (1, 2),
            "mode": "reflect",
        },
    ),
    *((name, lambda rng, dtype: {"input": _numbers(rng, dtype, 2, 3)}) for name in ("relu", "sigmoid", "tanh")),
    *(
        (
            f"{name}_backward",
            lambda rng, dtype: {"grad_output": _numbers(rng, dtype, 2, 3), "input": _numbers(rng, dtype, 2, 3)},
        )
        for name in ("relu", "sigmoid", "tanh")
    ),
    ("residual_block", _residual),
    ("residual_block_backward", lambda rng, dtype: _residual(rng, dtype, backward=True)),
    ("resize", lambda rng, dtype: {"img": _image(rng, dtype, 2, 4, 3), "size": (3, 200), "interpolation": "bicubic"}),
    ("resize", lambda rng, dtype: {"img": _image(rng, dtype, 4, 9), "size": 100, "max_size": 127, "antialias": False}),
    ("resize", lambda rng, dtype: {"img": _image(rng, dtype, 4, 9), "size": 2, "interpolation": "nearest"}),
    ("resnet18", lambda rng, dtype: _resnet(rng, dtype, "resnet18")),
    ("resnet50", lambda rng, dtype: _resnet(rng, dtype, "resnet50")),
    ("resnet_layers", lambda rng, dtype: {**_resnet(rng, dtype, "resnet18"), "network": "resnet18"}),
    ("to_tensor", lambda rng, dtype: {"pic": _image(rng, dtype, 2, 3, 3)}),
    ("vflip", lambda rng, dtype: {"img": _image(rng, dtype, 2, 3)}),
]
