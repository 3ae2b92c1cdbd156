"""Reports on pooling, activations, norms, losses, pictures and optimizers, rebuilt."""

from typing import Any

import numpy as np

import reference
from spec_tests.tooling.public.models import Array, Rebuilt, bf16, normal, outputs, rebuilt, uniform


def call(operation: str, by_name: dict[str, Any], dtype: str | None = None, **arguments: Any) -> Rebuilt:
    """Return a report on one result of an operation."""
    return Rebuilt(operation, arguments, outputs(**by_name), dtype)


def part(operation: str, name: str, by_name: dict[str, Any], **arguments: Any) -> Rebuilt:
    """Return a report on a result of this name."""
    return Rebuilt(operation, arguments, {output: {name: value} for output, value in by_name.items()})


# Pooling


@rebuilt
def windows_in_the_padding() -> Rebuilt:
    """Average pooling in ceil mode: a window that begins behind the input is kept by one runtime."""
    (x,) = uniform(40, (1, 3, 2, 2))
    options: dict[str, Any] = {"kernel_size": 3, "stride": 3, "padding": 1, "ceil_mode": True}
    torch = reference.avg_pool2d(x, **options)
    onnx = np.pad(torch, [(0, 0), (0, 0), (0, 1), (0, 1)])
    return call("avg_pool2d", {"torch": torch, "onnxruntime": onnx}, input=x, **options)


@rebuilt
def divisors_of_hanging_windows() -> Rebuilt:
    """1 to 16 pooled in ceil mode: the numbers of both, as they were reported."""
    x = np.arange(1, 17, dtype=np.float32).reshape(1, 1, 4, 4)
    torch = np.array([[14 / 9, 10 / 3, 2], [19 / 3, 11, 6], [4.5, 7.5, 4]], np.float32)[None, None]
    onnx = np.array([[14 / 9, 10 / 3, 4 / 3], [19 / 3, 11, 4], [3, 5, 16 / 9]], np.float32)[None, None]
    options: dict[str, Any] = {
        "kernel_size": 3,
        "stride": 2,
        "padding": 1,
        "ceil_mode": True,
        "count_include_pad": True,
    }
    return call("avg_pool2d", {"torch": torch, "onnxruntime": onnx}, input=x, **options)


@rebuilt
def a_row_of_nan() -> Rebuilt:
    """Average pooling in ceil mode, padding left out: the mean of a window without a cell."""
    (x,) = uniform(41, (1, 1, 5, 9))
    options: dict[str, Any] = {
        "kernel_size": 3,
        "stride": 3,
        "padding": 1,
        "ceil_mode": True,
        "count_include_pad": False,
    }
    torch = reference.avg_pool2d(x, **options)
    onnx = np.pad(torch, [(0, 0), (0, 0), (0, 1), (0, 0)], constant_values=np.nan)
    return call("avg_pool2d", {"torch": torch, "onnxruntime": onnx}, input=x, **options)


@rebuilt
def a_smaller_output_than_documented() -> Rebuilt:
    """Nine cells of 1 by windows of 4 in ceil mode: 3 windows, where 4 were expected."""
    x = np.ones((1, 1, 9, 9), np.float32)
    options: dict[str, Any] = {"kernel_size": 4, "stride": 4, "padding": 2, "ceil_mode": True}
    torch = reference.avg_pool2d(x, **options)
    expected = np.pad(torch, [(0, 0), (0, 0), (0, 1), (0, 1)])
    return call("avg_pool2d", {"torch": torch, "expected": expected}, input=x, **options)


@rebuilt
def max_pooling_in_a_compiler() -> Rebuilt:
    """Max pooling of 5 by 3 in ceil mode, with a row too many."""
    (x,) = normal(42, (1, 2, 5, 3))
    options: dict[str, Any] = {"kernel_size": 3, "padding": 1, "ceil_mode": True}
    torch = np.asarray(reference.max_pool2d(x, **options))
    tvm = np.pad(torch, [(0, 0), (0, 0), (0, 1), (0, 0)], constant_values=-np.inf)
    return call("max_pool2d", {"torch": torch, "tvm": tvm}, input=x, **options)


@rebuilt
def adaptive_windows_of_one_size() -> Rebuilt:
    """Eight rows to six: one window size and one stride for all."""
    (x,) = normal(43, (1, 1, 8, 8))
    coreml = reference.avg_pool2d(x, (3, 8), (1, 8))
    torch = reference.adaptive_avg_pool2d(x, (6, 1))
    return call("adaptive_avg_pool2d", {"torch": torch, "coreml": coreml}, input=x, output_size=(6, 1))


@rebuilt
def a_gradient_for_every_tie() -> Rebuilt:
    """Of 1, 2, 2, 2 the first 2 gets the gradient, or all of them."""
    x, g = np.array([[[[1, 2], [2, 2]]]], np.float32), np.ones((1, 1, 1, 1), np.float32)
    one, all_three = np.array([[[[0, 1], [0, 0]]]], np.float32), np.array([[[[0, 1], [1, 1]]]], np.float32)
    found = {"tensorflow": one, "theano": all_three}
    return part("max_pool2d", "grad_input", found, input=x, kernel_size=2, grad_output=g)


@rebuilt
def a_cell_that_wins_four_times() -> Rebuilt:
    """A large number in the windows of four outputs, with one gradient."""
    x = np.arange(1, 25, dtype=np.float32).reshape(1, 1, 4, 6)
    x[0, 0, 1, 1] = 88
    options: dict[str, Any] = {"kernel_size": 3, "stride": 2, "padding": 1}
    g = np.ones((1, 1, 2, 3), np.float32)
    torch = reference.max_pool2d_backward(g, x, **options)
    found = {"torch": torch, "flux": np.minimum(torch, 1)}
    return part("max_pool2d", "grad_input", found, input=x, grad_output=g, **options)


@rebuilt
def pooling_behind_an_offset() -> Rebuilt:
    """A picture that begins one row into its memory, read from the beginning."""
    (whole,) = normal(44, (65, 16))
    x = whole[1:].reshape(1, 8, 8, 16).transpose(0, 3, 1, 2).copy()
    shifted = whole[:-1].reshape(1, 8, 8, 16).transpose(0, 3, 1, 2).copy()
    found = {"cpu": reference.avg_pool2d(x, 2), "mps": reference.avg_pool2d(shifted, 2)}
    return call("avg_pool2d", found, input=x, kernel_size=2)


# Activations


@rebuilt
def tanh_off_in_the_fifth_digit() -> Rebuilt:
    """A tanh from a table with straight lines between its entries, off by about 5e-5."""
    (x,) = normal(45, (10, 3, 14, 14))
    places = np.arange(-6, 6.01, 0.0225)
    table = np.interp(x, places, np.tanh(places)).astype(np.float32)
    return call("tanh", {"torch": np.tanh(x), "mindspore": table}, input=x)


@rebuilt
def tanh_off_in_the_last_digit() -> Rebuilt:
    """A tanh that differs by one unit in the last place here and there."""
    (x,) = normal(46, (4, 3, 14, 14))
    return call("tanh", {"torch": np.tanh(x), "mindspore": np.tanh(x.astype(np.float64)).astype(np.float32)}, input=x)


@rebuilt
def tanh_from_powers() -> Rebuilt:
    """A tanh as (e^2x − 1) / (e^2x + 1), in float32."""
    (x,) = normal(47, (4, 192))
    power = np.exp(2 * x)
    return call("tanh", {"torch": np.tanh(x), "mindspore": (power - 1) / (power + 1)}, input=x)


@rebuilt
def a_softmax_over_flattened_axes() -> Rebuilt:
    """A softmax along axis 1 of three, over both axes from there on."""
    (x,) = normal(48, (2, 3, 4))
    flat = reference.softmax(x.reshape(2, 12), 1).reshape(x.shape)
    return call("softmax", {"along": reference.softmax(x, 1), "flattened": flat}, input=x, dim=1)


@rebuilt
def a_segmentation_by_classes() -> Rebuilt:
    """A softmax over the classes of pictures, flattened by a model of an older version."""
    (x,) = normal(49, (1, 5, 6, 4))
    flat = reference.softmax(x.reshape(1, -1), 1).reshape(x.shape)
    return call("softmax", {"onnxruntime": flat}, input=x, dim=1)


@rebuilt
def a_softmax_of_single_entries() -> Rebuilt:
    """Along an axis of one entry all is 1; along the other it is not."""
    (x,) = normal(50, (1, 1023))
    found = {"numpy": np.ones_like(x), "onnx": reference.softmax(x, 1)}
    return call("softmax", found, input=x, dim=-2)


@rebuilt
def scores_of_boxes_flattened() -> Rebuilt:
    """Two scores for each of many boxes, normalized over all boxes together."""
    (x,) = normal(51, (1, 138, 2))
    flat = reference.softmax(x.reshape(1, 276), 1).reshape(x.shape)
    return call("softmax", {"openvino": flat}, input=x, dim=2)


@rebuilt
def zeros_for_a_softmax() -> Rebuilt:
    """A long softmax whose entries are below the tolerance: zeros pass for it."""
    (x,) = normal(52, (2, 4096))
    return call("softmax", {"kernel": np.zeros_like(x)}, input=x, dim=1)


# Norms


def one_pass(x: Array, eps: float, clipped: bool = True) -> Array:
    """Normalize rows with the mean of squares less the squared mean, all in float32."""
    total, squares = np.zeros(x.shape[:-1], np.float32), np.zeros(x.shape[:-1], np.float32)
    for column in np.moveaxis(x, -1, 0):
        total, squares = total + column, squares + column * column
    mean = total / np.float32(x.shape[-1])
    var = squares / np.float32(x.shape[-1]) - mean * mean
    var = np.maximum(var, 0) if clipped else var
    with np.errstate(invalid="ignore"):
        return (x - mean[..., None]) / np.sqrt(var[..., None] + np.float32(eps))


@rebuilt
def rows_far_from_0() -> Rebuilt:
    """Sixteen values a thousandth apart, around 100, in one pass."""
    x = (np.float32(100) + np.arange(16, dtype=np.float32) * np.float32(1e-3)).reshape(1, 16)
    return call("layer_norm", {"simd": one_pass(x, 1e-5)}, input=x, normalized_shape=(16,))


@rebuilt
def rows_around_2000() -> Rebuilt:
    """Four normal numbers around 2,000, in one pass: variances of thousands come out."""
    x = normal(53, (5, 4))[0] + np.float32(2000)
    return call("layer_norm", {"torch": one_pass(x, 1e-5)}, input=x, normalized_shape=(4,))


@rebuilt
def nan_from_80000() -> Rebuilt:
    """80,000 to 80,003 in one pass: a variance below 0."""
    x = np.array([[80000, 80001, 80002, 80003]], np.float32)
    return call("layer_norm", {"tvm": np.full((1, 4), np.nan, np.float32)}, input=x, normalized_shape=(4,))


@rebuilt
def nan_from_40000() -> Rebuilt:
    """40,000 to 40,003, and NaN."""
    x = np.array([[40000, 40001, 40002, 40003]], np.float32)
    return call("layer_norm", {"onnxruntime": np.full((1, 4), np.nan, np.float32)}, input=x, normalized_shape=(4,))


@rebuilt
def a_batch_around_5_in_bfloat16() -> Rebuilt:
    """A batch norm in bfloat16, mean 5 and deviation 0.1, in one pass: NaN in some channels."""
    x = bf16(normal(54, (2, 8, 6, 6), scale=0.1)[0] + np.float32(5))
    mean = bf16(x.mean(axis=(0, 2, 3), keepdims=True))
    var = bf16(bf16(bf16(x * x).mean(axis=(0, 2, 3), keepdims=True)) - bf16(mean * mean))
    with np.errstate(invalid="ignore"):
        found = bf16((x - mean) / np.sqrt(var + np.float32(1e-5)))
    arguments: dict[str, Any] = {
        "running_mean": np.zeros(8, np.float32),
        "running_var": np.ones(8, np.float32),
        "training": True,
    }
    return call("batch_norm", {"ttnn": found}, "bfloat16", input=x, **arguments)


@rebuilt
def a_weight_of_ten_billion() -> Rebuilt:
    """A single number, which is its own mean, scaled by 10^11 along a straight line in float64."""
    x, w, b = np.array([-3.0]), np.array([1e11]), np.array([-1.0])
    slope = w / np.sqrt(0.1)
    found = x * slope + (b - (-3.0 + 2**-51) * slope)
    return call("layer_norm", {"torch": found}, input=x, normalized_shape=(1,), weight=w, bias=b, eps=0.1)


@rebuilt
def rows_of_millions() -> Rebuilt:
    """Rows of 32 numbers above six million: the formula as written, in float32, beside its rounding once."""
    x = (6_399_000 + np.arange(64, dtype=np.float32)).reshape(2, 32)
    wide = x.astype(np.float64)
    right = (wide - wide.mean(-1, keepdims=True)) / np.sqrt(wide.var(-1, keepdims=True) + 1e-5)
    running = np.zeros((2, 1), np.float32), np.zeros((2, 1), np.float32)
    for count, column in enumerate(x.T[..., None], 1):  # a running mean and the squares around it
        apart = column - running[0]
        mean = running[0] + apart / np.float32(count)
        running = mean, running[1] + apart * (column - mean)
    torch = (x - running[0]) / np.sqrt(running[1] / np.float32(32) + np.float32(1e-5))
    found = {"torch": torch, "float64": right.astype(np.float32)}
    return call("layer_norm", found, input=x, normalized_shape=(32,))


@rebuilt
def twelve_units_in_the_last_place() -> Rebuilt:
    """A batch norm in evaluation as x·h + (b − m·h)."""
    x, mean, w, b = normal(55, (6, 4), (4,), (4,), (4,))
    var = abs(normal(56, (4,))[0]) + np.float32(0.2)
    slope = w / np.sqrt(var + np.float32(1e-5))
    arguments: dict[str, Any] = {"running_mean": mean, "running_var": var, "weight": w, "bias": b}
    return call("batch_norm", {"onnxruntime": x * slope + (b - mean * slope)}, input=x, **arguments)


@rebuilt
def the_deviation_of_a_transformer() -> Rebuilt:
    """1, 0, 0, 0 less its mean, over its unbiased deviation and 1e-6; as reported, 1.5 and -0.5."""
    x = np.array([[1, 0, 0, 0]], np.float32)
    found = {"torch": reference.layer_norm(x, (4,))}
    deviation = np.float32(0.5) + np.float32(1e-6)
    found["annotated"] = (x - np.float32(0.25)) / deviation
    return call("layer_norm", found, input=x, normalized_shape=(4,))


@rebuilt
def another_transformer() -> Rebuilt:
    """Unbiased deviation and 1e-12, in place of the root of variance and ε."""
    (x,) = normal(57, (3, 6))
    found = (x - x.mean(-1, keepdims=True)) / (x.std(-1, ddof=1, keepdims=True) + np.float32(1e-12))
    return call("layer_norm", {"model": found}, input=x, normalized_shape=(6,), eps=1e-12)


@rebuilt
def a_square_for_a_root() -> Rebuilt:
    """(variance + ε)² where its root is meant."""
    (x,) = normal(58, (3, 6), scale=1.5)
    var = x.var(-1, keepdims=True)
    found = (x - x.mean(-1, keepdims=True)) / (var + np.float32(1e-12)) ** 2
    return call("layer_norm", {"model": found}, input=x, normalized_shape=(6,), eps=1e-12)


@rebuilt
def the_epsilon_of_another_framework() -> Rebuilt:
    """ε = 1e-3 where the model was trained with 1e-5."""
    x, mean = normal(59, (4, 3, 2, 2), (3,))
    var = np.array([0.5, 1.0, 2.0], np.float32)
    found = reference.batch_norm(x, mean, var, eps=1e-3)
    return call("batch_norm", {"keras": found}, input=x, running_mean=mean, running_var=var)


def statistics(x: Array, momentum: float, **by_name: Any) -> Rebuilt:
    """Return a report on running statistics that begin at 0 and 1."""
    channels = x.shape[1]
    arguments: dict[str, Any] = {
        "running_mean": np.zeros(channels, np.float32),
        "running_var": np.ones(channels, np.float32),
    }
    found = {name: {"next_running_var": value} for name, value in by_name.items()}
    return Rebuilt("batch_norm_statistics", {"input": x, "momentum": momentum, **arguments}, found)


@rebuilt
def which_variance_is_kept() -> Rebuilt:
    """1, 2, 3 and 4, each 36 times: 1.0259 is kept, and 1.025 would be the biased variance."""
    x = np.repeat(np.arange(1, 5, dtype=np.float32), 4 * 2 * 9).reshape(16, 2, 3, 3)
    n = 16 * 9
    kept, biased = 0.9 + 0.1 * 1.25 * n / (n - 1), 0.9 + 0.1 * 1.25
    return statistics(x, 0.1, torch=np.full(2, kept, np.float32), expected=np.full(2, biased, np.float32))


@rebuilt
def all_of_the_batch() -> Rebuilt:
    """Momentum 1 and three samples: the variances as they were printed, 12, 109, 5.3333 and 1.3333."""
    x = np.array([[2, 15, 2, 1], [2, 17, 2, 1], [-4, -2, -2, -1]], np.float32)
    return statistics(x, 1.0, torch=np.array([12, 109, 16 / 3, 4 / 3], np.float32))


@rebuilt
def momentum_turned_around() -> Rebuilt:
    """The past's share for the batch's."""
    x, var = normal(60, (8, 3))[0], np.ones(3, np.float32)
    found = np.float32(0.1) * var + np.float32(0.9) * x.var(0, ddof=1)
    return statistics(x, 0.1, tensorflow=found.astype(np.float32))


# Losses


@rebuilt
def a_weighted_mean() -> Rebuilt:
    """Two samples weighed by 6 and 4: the mean over samples was expected."""
    x = np.array([[0.2, 0.3, 0.5], [0.5, 0.2, 0.3]], np.float32)
    arguments: dict[str, Any] = {"input": x, "target": np.array([2, 1]), "weight": np.array([2, 4, 6], np.float32)}
    each = reference.cross_entropy(**arguments, reduction="none")
    found = {"torch": each.sum() / np.float32(10), "expected": each.mean()}
    return call("cross_entropy", {name: np.asarray(value, np.float32) for name, value in found.items()}, **arguments)


@rebuilt
def weights_of_20_and_10() -> Rebuilt:
    """Losses of 4,000 and 0: their weighted mean is 133.33, their mean 2,000."""
    x = np.array([[-100, 100], [-100, 100]], np.float32)
    arguments: dict[str, Any] = {"input": x, "target": np.array([0, 1]), "weight": np.array([20, 10], np.float32)}
    found = {"torch": np.float32(4000 / 30), "expected": np.float32(2000)}
    return call("cross_entropy", {name: np.asarray(value) for name, value in found.items()}, **arguments)


@rebuilt
def smoothing_over_the_others() -> Rebuilt:
    """Label smoothing shared out among the other classes alone."""
    x, target = normal(61, (6, 5))[0], np.array([0, 1, 2, 3, 4, 0])
    log_p = reference.log_softmax(x, 1)
    truth = np.full((6, 5), 0.1 / 4, np.float32)
    truth[np.arange(6), target] = 0.9
    found = -(truth * log_p).sum(1).mean()
    return call("cross_entropy", {"mindspore": np.asarray(found)}, input=x, target=target, label_smoothing=0.1)


@rebuilt
def smoothing_without_weights() -> Rebuilt:
    """The smoothed part of the loss, weighed or not by the classes' weights."""
    x, target = normal(62, (6, 3))[0], np.array([0, 1, 2, 0, 1, 2])
    weight = np.array([0.1, 0.9, 0.5], np.float32)
    sharp = reference.cross_entropy(x, target, weight=weight)
    spread = reference.cross_entropy(x, target, label_smoothing=1.0)
    arguments: dict[str, Any] = {"input": x, "target": target, "weight": weight, "label_smoothing": 0.1}
    found = np.asarray(np.float32(0.9) * sharp + np.float32(0.1) * spread, np.float32)
    return call("cross_entropy", {"torch": reference.cross_entropy(**arguments), "expected": found}, **arguments)


@rebuilt
def a_loss_that_overflows_half() -> Rebuilt:
    """Twenty rows of samples in float16: the sum of all losses is above 65,504."""
    x = np.zeros((4, 2, 2500), np.float16)
    x[:, 1] = 9
    target = np.zeros((4, 2500), np.int64)
    return call("cross_entropy", {"cuda": np.asarray(np.inf, np.float16)}, input=x, target=target)


@rebuilt
def absolute_errors_in_half() -> Rebuilt:
    """16,384 errors of 4 in float16: their sum is 65,536."""
    a, b = np.full((64, 1, 16, 16), 2, np.float16), np.full((64, 1, 16, 16), -2, np.float16)
    return call("l1_loss", {"chainer": np.asarray(np.inf, np.float16)}, input=a, target=b)


# Pictures


def enlarged(x: Array, place: Any) -> Array:
    """Enlarge the last two axes twofold, by straight lines between the old cells at these places."""
    for axis in (-2, -1):
        old = np.moveaxis(x, axis, -1)
        at = place(np.arange(2 * old.shape[-1]), old.shape[-1])
        rows = [np.interp(at, np.arange(old.shape[-1]), row) for row in old.reshape(-1, old.shape[-1])]
        x = np.moveaxis(np.reshape(rows, (*old.shape[:-1], -1)), -1, axis)
    return x.astype(np.float32)


@rebuilt
def corners_not_aligned_elsewhere() -> Rebuilt:
    """Twice as large: places i/2, without the half pixel."""
    (x,) = uniform(63, (1, 4, 4))
    found = {"torch": reference.resize(x, (8, 8), antialias=False), "tensorrt": enlarged(x, lambda i, _: i / 2)}
    return call("resize", found, img=x, size=(8, 8), antialias=False)


@rebuilt
def a_picture_in_two_frameworks() -> Rebuilt:
    """The same of three channels."""
    (x,) = uniform(64, (3, 5, 5))
    return call("resize", {"tensorflow": enlarged(x, lambda i, _: i / 2)}, img=x, size=(10, 10), antialias=False)


@rebuilt
def from_64_to_32() -> Rebuilt:
    """64 and 32, twice as wide: 64, 53.33, 42.67, 32 where the corners are aligned."""
    x = np.array([[[64, 32], [64, 32]]], np.float32)
    chainer = np.tile(np.array([64, 160 / 3, 128 / 3, 32], np.float32), (1, 4, 1))
    return call("resize", {"chainer": chainer}, img=x, size=(4, 4), antialias=False)


@rebuilt
def to_a_single_pixel() -> Rebuilt:
    """To 1 by 1: the pixel in the middle, or the first one."""
    (x,) = uniform(65, (3, 10, 10))
    middle = x[:, 4:6, 4:6].mean(axis=(1, 2), keepdims=True)
    return call("resize", {"torch": middle, "onnxruntime": x[:, :1, :1].copy()}, img=x, size=(1, 1), antialias=False)


# Optimizers


def adam_with_a_plain_root(param: Array, grad: Array, lr: float, eps: float) -> Array:
    """Return the first step of Adam with ε added to the root before its bias is corrected."""
    first, second = np.float32(0.1) * grad, np.float32(0.001) * grad * grad
    rate = lr * np.sqrt(1 - 0.999) / (1 - 0.9)
    return (param - np.float32(rate) * first / (np.sqrt(second) + np.float32(eps))).astype(np.float32)


@rebuilt
def adam_in_two_frameworks() -> Rebuilt:
    """ε before the correction of the root, as TensorFlow adds it."""
    param, grad = normal(66, (5,), (5,), scale=0.05)
    found = adam_with_a_plain_root(param, grad, 0.01, 1e-3)
    arguments: dict[str, Any] = {"param": param, "grad": grad, "lr": 0.01, "eps": 1e-3, "state": {}}
    return part("adam", "next_param", {"tensorflow": found}, **arguments)


@rebuilt
def adam_that_can_be_differentiated() -> Rebuilt:
    """The same in a library beside torch."""
    param, grad = normal(67, (4,), (4,), scale=0.02)
    found = adam_with_a_plain_root(param, grad, 0.1, 1e-2)
    arguments: dict[str, Any] = {"param": param, "grad": grad, "lr": 0.1, "eps": 1e-2, "state": {}}
    return part("adam", "next_param", {"higher": found}, **arguments)


@rebuilt
def momentum_of_steps() -> Rebuilt:
    """The learning rate within the momentum: its buffer keeps steps."""
    param, grad, buffer = normal(68, (4,), (4,), (4,))
    arguments: dict[str, Any] = {
        "param": param,
        "grad": grad,
        "state": {"momentum_buffer": buffer},
        "lr": 0.1,
        "momentum": 0.9,
    }
    steps = np.float32(0.9) * buffer + np.float32(0.1) * grad
    return Rebuilt("sgd", arguments, {"caffe": {"next_param": param - steps, "next_momentum_buffer": steps}})


@rebuilt
def a_share_of_the_gradient() -> Rebuilt:
    """Momentum μ with 1 − μ of the gradient."""
    param, grad, buffer = normal(69, (4,), (4,), (4,))
    arguments: dict[str, Any] = {
        "param": param,
        "grad": grad,
        "state": {"momentum_buffer": buffer},
        "lr": 0.1,
        "momentum": 0.9,
    }
    kept = np.float32(0.9) * buffer + np.float32(0.1) * grad
    return part("sgd", "next_param", {"autograd": param - np.float32(0.1) * kept}, **arguments)


@rebuilt
def the_first_step_dampened() -> Rebuilt:
    """Dampening in the first step, too."""
    param, grad = normal(70, (4,), (4,))
    arguments: dict[str, Any] = {
        "param": param,
        "grad": grad,
        "state": {},
        "lr": 0.1,
        "momentum": 0.9,
        "dampening": 0.5,
    }
    return part("sgd", "next_param", {"mlx": param - np.float32(0.1) * (np.float32(0.5) * grad)}, **arguments)
