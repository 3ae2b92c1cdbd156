"""Reports on convolutions and matrix products, rebuilt."""

from typing import Any

import numpy as np

import reference
from spec_tests.tooling.public.models import (
    Array,
    Rebuilt,
    bf16,
    half,
    in_order,
    many_lanes,
    normal,
    one_by_one,
    outputs,
    rebuilt,
    rows_products,
    shortened_conv,
    tf32,
    uniform,
    winograd_2_3,
)


def conv(x: Array, weight: Array, by_name: dict[str, Any], dtype: str | None = None, **options: Any) -> Rebuilt:
    """Return a report on conv2d."""
    return Rebuilt("conv2d", {"input": x, "weight": weight, **options}, outputs(**by_name), dtype)


def linear(x: Array, weight: Array, by_name: dict[str, Any], dtype: str | None = None) -> Rebuilt:
    """Return a report on a matrix product, x · weightᵀ."""
    return Rebuilt("linear", {"input": x, "weight": weight}, outputs(**by_name), dtype)


@rebuilt
def four_frameworks() -> Rebuilt:
    """A convolution of 20 channels, 5 by 5, in two orders."""
    x, w = normal(1, (1, 20, 10, 10), (20, 20, 5, 5))
    return conv(x, w, {"torch": in_order(x, w, many_lanes), "tensorflow": in_order(x, w)})


@rebuilt
def huge_values_on_a_gpu() -> Rebuilt:
    """A convolution of numbers up to some hundreds of thousands in TF32."""
    x, w = normal(2, (1, 16, 9, 9), (8, 16, 3, 3), scale=150.0)
    return conv(x, w, {"cpu": in_order(x, w), "gpu": shortened_conv(x, w, tf32)})


@rebuilt
def two_cpu_libraries() -> Rebuilt:
    """A convolution in two orders, with groups of lanes in one of them."""
    x, w = normal(3, (2, 8, 12, 12), (4, 8, 3, 3))
    return conv(
        x, w, {"torch": in_order(x, w, padding=1), "mindspore": in_order(x, w, many_lanes, padding=1)}, padding=1
    )


@rebuilt
def many_input_channels_1_by_1() -> Rebuilt:
    """A kernel of one cell over 2,048 channels in TF32, of which the differences have the size."""
    x, w = uniform(4, (1, 2048, 4, 5))[0], uniform(5, (16, 2048, 1, 1), low=-0.022, high=0.022)[0]
    return conv(x, w, {"torch": reference.conv2d(x, w), "paddle": shortened_conv(x, w, tf32)})


@rebuilt
def a_kernel_that_copies() -> Rebuilt:
    """The identity as a kernel: what comes out shows how factors were shortened."""
    x, w = normal(6, (1, 64, 3, 3))[0], np.zeros((64, 64, 3, 3), np.float32)
    w[np.arange(64), np.arange(64), 1, 1] = 1
    return conv(x, w, {"torch": x.copy(), "paddle": tf32(x)}, padding=1)


@rebuilt
def a_small_matrix_product_on_a_gpu() -> Rebuilt:
    """A product of 3 by 8 and 8 by 16 in TF32."""
    a, b = uniform(7, (3, 8), (16, 8))
    return linear(a, b, {"torch": a @ b.T, "max": tf32(a) @ tf32(b).T})


@rebuilt
def cancelled_to_a_few_units() -> Rebuilt:
    """A convolution with an element that nearly cancels: tens of units in the last place are little there."""
    x, w = normal(8, (1, 4, 7, 7), (2, 4, 3, 3))
    return conv(x, w, {"expected": in_order(x, w), "onnxruntime": in_order(x, w, many_lanes)})


@rebuilt
def half_for_single() -> Rebuilt:
    """A linear layer that converts to float16 and back."""
    x, w = uniform(9, (16, 128))[0], normal(10, (32, 128))[0]
    return linear(x, w, {"kernel": half(half(x) @ half(w).T)})


@rebuilt
def close_to_the_largest() -> Rebuilt:
    """A sum that fits into float32, with partial sums that do not."""
    x = np.array([3e38, 3e38, -3e38, 1e37], np.float32).reshape(1, 4, 1, 1)
    w = np.ones((1, 4, 1, 1), np.float32)
    with np.errstate(over="ignore"):
        return conv(x, w, {"cpu": in_order(x, w), "gpu": np.full((1, 1, 1, 1), 3.1e38, np.float32)})


@rebuilt
def a_7_by_7_kernel_with_stride_2() -> Rebuilt:
    """The first layer of a ResNet in TF32."""
    x, w = normal(11, (1, 3, 21, 21), (8, 3, 7, 7), scale=0.3)
    return conv(x, w, {"cpu": in_order(x, w, stride=2), "gpu": shortened_conv(x, w, tf32, stride=2)}, stride=2)


@rebuilt
def a_1d_convolution_of_large_numbers() -> Rebuilt:
    """A conv1d of numbers of some hundreds in TF32."""
    x, w = normal(12, (1, 32, 40), (16, 32, 7), scale=8.0)
    cpu, gpu = reference.conv1d(x, w), reference.conv1d(tf32(x), tf32(w))
    return Rebuilt("conv1d", {"input": x, "weight": w}, outputs(cpu=cpu, gpu=gpu))


@rebuilt
def a_constant_kernel() -> Rebuilt:
    """A kernel of one number: outputs that cancel differ by more than a hundredth of themselves."""
    x, w = uniform(13, (1, 32, 10, 10), low=-10, high=10)[0], np.full((2, 32, 5, 5), 0.3389, np.float32)
    return conv(x, w, {"cpu": in_order(x, w, padding=2), "gpu": in_order(x, w, many_lanes, padding=2)}, padding=2)


@rebuilt
def whole_numbers_with_fractions() -> Rebuilt:
    """Whole numbers that come out with a remainder: Winograd's transform."""
    x = np.random.default_rng(14).integers(0, 99, (1, 16, 8, 8)).astype(np.float32)
    w = np.random.default_rng(15).integers(0, 2, (4, 16, 3, 3)).astype(np.float32) / 3
    w = np.rint(w * 3).astype(np.float32)
    shaken = winograd_2_3(x + np.float32(0), w * np.float32(1)) * np.float32(1 - 2**-20)
    return conv(x, w, {"cpu": in_order(x, w, padding=1), "gpu": shaken}, padding=1)


@rebuilt
def constants_through_half() -> Rebuilt:
    """Inputs of 1.5 and weights of 2.5, added up in float16."""
    x, w = np.full((1, 32, 6, 6), 1.5, np.float32), np.full((2, 32, 3, 3), 2.5, np.float32)
    cuda = in_order(x, w, lambda terms: one_by_one(terms, np.float16).astype(np.float32), padding=1)
    return conv(x, w, {"cpu": in_order(x, w, padding=1), "cuda": cuda}, padding=1)


@rebuilt
def three_channels_by_winograd() -> Rebuilt:
    """Normal numbers through Winograd's transform beside direct sums."""
    x, w = normal(16, (4, 3, 32, 32), (16, 3, 3, 3))
    return conv(x, w, {"cpu": in_order(x, w, padding=1), "gpu": winograd_2_3(x, w)}, padding=1)


@rebuilt
def one_product_rounded_to_11_digits() -> Rebuilt:
    """1024.5 times 1 came out as 1025."""
    x, w = np.array([[1024.5]], np.float32), np.array([[1.0]], np.float32)
    return linear(x, w, {"gpu": np.array([[1025.0]], np.float32)})


@rebuilt
def one_product_of_paddle() -> Rebuilt:
    """-44.54772186 times 1 came out as -44.5625."""
    x, w = np.array([[1.0]], np.float32), np.array([[-44.54772186]], np.float32)
    return linear(x, w, {"gpu": np.array([[-44.5625]], np.float32)})


@rebuilt
def points_turned_by_nothing() -> Rebuilt:
    """Points times the identity matrix in TF32."""
    x = normal(17, (64, 3), scale=500.0)[0] - np.float32(1000)
    w = np.eye(3, dtype=np.float32)
    return linear(x, w, {"cpu": x @ w.T, "cuda": tf32(x) @ tf32(w).T})


@rebuilt
def a_transformer_layer_of_large_numbers() -> Rebuilt:
    """1,536 features, inputs in the thousands, weights around 50, in TF32."""
    x, w = normal(18, (8, 1536), scale=1000.0)[0], normal(19, (24, 1536), scale=50.0)[0]
    return linear(x, w, {"cpu": x @ w.T, "gpu": tf32(x) @ tf32(w).T})


@rebuilt
def tall_and_thin() -> Rebuilt:
    """A thousand rows of four numbers in TF32."""
    x, w = uniform(20, (1000, 4), low=-50, high=50)[0], uniform(21, (4, 4), high=100)[0]
    return linear(x, w, {"cpu": x @ w.T, "gpu": tf32(x) @ tf32(w).T})


@rebuilt
def a_matrix_and_a_vector() -> Rebuilt:
    """A matrix times a vector in TF32."""
    x, w = normal(22, (1, 12), (12, 12))
    return linear(x, w, {"cpu": x @ w.T, "gpu": tf32(x) @ tf32(w).T})


@rebuilt
def single_precision_on_an_accelerator() -> Rebuilt:
    """A product over 256 terms in TF32."""
    x, w = normal(23, (4, 256), (16, 256))
    return linear(x, w, {"accelerator": tf32(x) @ tf32(w).T})


@rebuilt
def factors_cut_off() -> Rebuilt:
    """TF32 without rounding: the tensor core reads the upper bits."""
    x, w = normal(24, (16, 128), (16, 128))
    return linear(x, w, {"kernel": tf32(x, cut=True) @ tf32(w, cut=True).T})


@rebuilt
def a_product_of_small_numbers_in_paddle() -> Rebuilt:
    """A product whose differences are near 1e-4, TF32 being on by default."""
    x, w = normal(25, (16, 64), (32, 64), scale=0.2)
    return linear(x, w, {"numpy": x @ w.T, "paddle": tf32(x) @ tf32(w).T})


@rebuilt
def wrong_now_and_then_on_a_3090() -> Rebuilt:
    """A convolution in TF32, which is on by default in cuDNN."""
    x, w = normal(26, (2, 16, 8, 8), (8, 16, 3, 3))
    return conv(x, w, {"gpu": shortened_conv(x, w, tf32, padding=1)}, padding=1)


@rebuilt
def a_benchmark_that_lets_tf32_pass() -> Rebuilt:
    """A product over 512 terms in TF32, held to a hundredth."""
    x, w = normal(27, (8, 512), (16, 512))
    return linear(x, w, {"kernel": tf32(x) @ tf32(w).T})


@rebuilt
def two_by_five_by_two() -> Rebuilt:
    """A product of five terms, off by one unit in the last place."""
    x, w = normal(28, (2, 5), (2, 5))
    other = one_by_one(rows_products(x, w)[..., ::-1])
    return linear(x, w, {"torch": x @ w.T, "mindspore": other})


@rebuilt
def a_layer_of_large_numbers() -> Rebuilt:
    """Sums above a hundred thousand that differ by a quarter."""
    x, w = normal(29, (4, 768), scale=64.0)[0], normal(30, (16, 768), scale=80.0)[0]
    products = rows_products(x, w)
    return linear(x, w, {"cpu": one_by_one(products), "gpu": many_lanes(products, 32)})


@rebuilt
def stored_in_half_on_the_way() -> Rebuilt:
    """A kernel that adds up in float32, and stores float16."""
    x, w = normal(31, (16, 64), (16, 64))
    return linear(x, w, {"triton": half(x @ w.T)})


@rebuilt
def correlation_for_convolution() -> Rebuilt:
    """A column of two numbers slid over ten: torch correlates, SciPy's convolve turns the kernel around."""
    x = np.arange(10, dtype=np.float32).reshape(1, 1, 5, 2)
    w = np.array([1, 2], np.float32).reshape(1, 1, 2, 1)
    torch = np.array([[4, 7], [10, 13], [16, 19], [22, 25]], np.float32)
    scipy = np.array([[2, 5], [8, 11], [14, 17], [20, 23]], np.float32)
    return conv(x, w, {"torch": torch[None, None], "scipy": scipy[None, None]})


@rebuilt
def an_impulse() -> Rebuilt:
    """A single 1, and the kernel as it is around it."""
    x = np.zeros((1, 1, 5, 5), np.float32)
    x[..., 2, 2] = 1
    w = np.arange(1, 10, dtype=np.float32).reshape(1, 1, 3, 3)
    kept = np.pad(w, [(0, 0), (0, 0), (1, 1), (1, 1)])
    return conv(x, w, {"correlation": kept[..., ::-1, ::-1].copy(), "convolution": kept}, padding=1)


@rebuilt
def matlabs_convolution() -> Rebuilt:
    """1 to 16 and a kernel of 1 to 9, three times the same channel, as MATLAB convolves."""
    x = np.repeat(np.arange(1, 17, dtype=np.float32).reshape(1, 1, 4, 4), 3, 1)
    w = np.repeat(np.arange(1, 10, dtype=np.float32).reshape(1, 1, 3, 3), 3, 1)
    rows = [[87, 186, 249, 225], [297, 576, 711, 594], [621, 1116, 1251, 990], [789, 1338, 1455, 1095]]
    return conv(x, w, {"matlab": np.array(rows, np.float32)[None, None]}, padding=1)


@rebuilt
def a_slice_of_a_kernel() -> Rebuilt:
    """A kernel that is a slice of a larger one, read as if it lay in one piece."""
    whole, x = normal(32, (3, 8, 3, 3, 3), (1, 8, 6, 6))
    w = np.ascontiguousarray(whole[:, :, 1])
    misread = whole.ravel()[27 : 27 + w.size].reshape(w.shape)
    return conv(x, w, {"contiguous": reference.conv2d(x, w), "mps": reference.conv2d(x, misread)})


@rebuilt
def kernels_of_every_second_cell() -> Rebuilt:
    """Every second cell of a larger kernel, read as the first cells."""
    whole, x = uniform(33, (3, 3, 4, 4))[0], np.ones((3, 3, 2, 2), np.float32)
    w = np.ascontiguousarray(whole[:, :, ::2, ::2])
    misread = whole.ravel()[: w.size].reshape(w.shape)
    return conv(x, w, {"sliced": reference.conv2d(x, misread), "contiguous": reference.conv2d(x, w)})


@rebuilt
def channels_in_another_order() -> Rebuilt:
    """A conv3d that takes the memory of channels first for channels last."""
    x, w = normal(34, (1, 4, 4, 4, 4), (4, 4, 3, 3, 3))
    misread = x.reshape(1, 4, 4, 4, 4).transpose(0, 4, 1, 2, 3).copy()
    found = reference.conv3d(misread, w, padding=1)
    return Rebuilt("conv3d", {"input": x, "weight": w, "padding": 1}, outputs(mps=found))


@rebuilt
def one_channel_of_two() -> Rebuilt:
    """The first of two channels that lie side by side, read as if it were alone."""
    both, w = normal(35, (1, 1, 2, 2), (1, 1, 1, 1))
    x = np.ascontiguousarray(both[..., 0].reshape(1, 1, 1, 2))
    misread = both.ravel()[:2].reshape(1, 1, 1, 2)
    return conv(x, w, {"view": reference.conv2d(misread, w), "contiguous": reference.conv2d(x, w)})


@rebuilt
def two_groups_that_come_out_as_zeros() -> Rebuilt:
    """Four channels in two groups, a single 1 in the last one: half of the outputs should be 1."""
    x = np.zeros((1, 4, 1, 1), np.float32)
    x[0, 3] = 1
    right = np.repeat(np.array([0, 1], np.float32), 8).reshape(1, 16, 1, 1)
    w = np.ones((16, 2, 1, 1), np.float32)
    return conv(x, w, {"cpu": np.zeros((1, 16, 1, 1), np.float32), "cuda": right}, groups=2)


@rebuilt
def the_wrong_5() -> Rebuilt:
    """1 times 1 and 5 times 2 make 11, and not 5."""
    x = np.arange(1, 9, dtype=np.float16).reshape(1, 2, 2, 2)
    w = np.array([1, 2], np.float16).reshape(1, 2, 1, 1)
    found = {"cpu": np.array([[[[11]]]], np.float16), "gpu": np.array([[[[5]]]], np.float16)}
    return conv(x, w, found, stride=2)


@rebuilt
def in_bfloat16_on_a_tpu() -> Rebuilt:
    """A float32 product whose factors an accelerator rounds to bfloat16."""
    x, w = normal(36, (8, 96), (8, 96))
    return linear(x, w, {"tpu": bf16(x) @ bf16(w).T})


@rebuilt
def four_products_on_a_tpu() -> Rebuilt:
    """Two by two, with the printed results of both; factors on the TPU are bfloat16."""
    x = np.array([[0.3744, 0.1656], [0.4707, 0.1663]], np.float32)
    w = np.array([[0.3946, 0.1569], [0.1186, 0.3145]], np.float32)
    tpu = np.array([[0.17405128, 0.09669876], [0.21180916, 0.10805416]], np.float32)
    return linear(x, w, {"numpy": one_by_one(rows_products(x, w)), "tpu": tpu})
