"""Known deviations of torch, each on its smallest example. `deviations.toml` says what was expected and where seen.

Those that depend on how arguments lie in memory are in `test_known_deviations_of_layouts.py`. A test that fails here is
good news: torch has changed, and the entry can be removed. On a version of torch in which the deviation has never been
seen (`versions`), a test that does not find it is skipped.
"""

import re
import sys
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional
from torch.utils.data import WeightedRandomSampler, random_split

import reference
from reference import random_transforms, sampling
from spec_tests.subjects.torch import amx
from spec_tests.vocabulary.claims import deviations
from spec_tests.vocabulary.compare import assert_equal

pytestmark = pytest.mark.torch_api


def test_exactly_the_registered_deviations_are_demonstrated():
    mark = re.compile(r'^@pytest\.mark\.deviation\("(.+)"\)$', re.MULTILINE)
    files = [file.read_text("utf-8") for file in Path(__file__).parent.glob("test_known_deviations*.py")]

    demonstrated = {id for text in files for id in mark.findall(text)}

    assert demonstrated == {entry["id"] for entry in deviations()}


without_avx512 = pytest.mark.skipif(
    torch.backends.cpu.get_cpu_capability() not in ("DEFAULT", "AVX2"),
    reason="torch uses other kernels on this processor; the deviation was seen with AVX2",
)


@pytest.mark.deviation("half-conv-gradients")
@without_avx512
@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16], ids=["float16", "bfloat16"])
@pytest.mark.parametrize("gradient", ["input, over three taps", "weight, over three images", "bias, over three images"])
def test_a_half_precision_convolution_gradient_loses_two_tiny_terms_added_to_1(half, gradient):
    u = torch.finfo(half).eps / 2  # 1 + u rounds to 1, but 1 + 2u is a number of the format
    terms = torch.tensor([1, u, u], dtype=half)
    ones = torch.ones(3, dtype=half)
    images, taps = ((1, 1, 5), terms) if "taps" in gradient else ((3, 1, 1), ones[:1])
    input = (torch.zeros(5, dtype=half) if "taps" in gradient else terms).reshape(images).requires_grad_()
    weight, bias = taps.reshape(1, 1, -1).requires_grad_(), torch.zeros(1, dtype=half, requires_grad=True)

    output = functional.conv1d(input, weight, bias, dilation=2 if "bias" in gradient else 1)
    grad_output = (terms if "bias" in gradient else ones).reshape(output.shape)
    grad_input, grad_weight, grad_bias = torch.autograd.grad(output, (input, weight, bias), grad_output)

    found = {"input": grad_input[0, 0, images[2] // 2], "weight": grad_weight, "bias": grad_bias}
    assert found[gradient.split(",")[0]].item() == 1 != 1 + 2 * u


@pytest.mark.deviation("pool-index-outside")
def test_a_window_of_only_padding_has_an_index_outside_the_input():
    value, index = functional.max_pool1d(torch.zeros(1, 1, 1), 2, 1, padding=1, dilation=2, return_indices=True)

    assert (value.item(), index.item()) == (-np.inf, 1)
    _, ours = reference.max_pool1d(np.zeros((1, 1, 1)), 2, 1, padding=1, dilation=2, return_indices=True)
    assert ours.item() == -1


@pytest.mark.deviation("conv-without-channels")
def test_a_convolution_with_no_input_channels_loses_its_output_channels():
    output = functional.conv2d(torch.zeros(1, 0, 5, 5), torch.zeros(4, 0, 3, 3))

    assert output.shape == (1, 0, 3, 3)
    with pytest.raises(ValueError, match="weight must not be empty"):
        reference.conv2d(np.zeros((1, 0, 5, 5)), np.zeros((4, 0, 3, 3)))


@pytest.mark.deviation("negative-label-smoothing")
def test_negative_label_smoothing_is_accepted_and_ignored():
    scores, target = torch.tensor([[0.0, 1.0]]), torch.tensor([0])

    assert functional.cross_entropy(scores, target, label_smoothing=-0.1) == functional.cross_entropy(scores, target)
    with pytest.raises(ValueError, match=r"label_smoothing must be from 0 to 1, got -0\.1"):
        reference.cross_entropy(scores.numpy(), target.numpy(), label_smoothing=-0.1)


@pytest.mark.deviation("impossible-class-without-share")
def test_a_score_of_minus_infinity_for_a_class_of_probability_0_makes_the_loss_nan():
    scores, target = np.array([[-np.inf, 1.0]]), np.array([[0.0, 1.0]])

    assert functional.cross_entropy(torch.from_numpy(scores), torch.from_numpy(target)).isnan()
    assert reference.cross_entropy(scores, target) == 0


@pytest.mark.deviation("impossible-class-without-share")
def test_minus_infinity_of_which_smoothing_leaves_nothing_makes_the_loss_nan():
    scores, target = np.array([[-np.inf, 1.0]]), np.array([0])

    assert functional.cross_entropy(torch.from_numpy(scores), torch.from_numpy(target), label_smoothing=1.0).isnan()
    assert reference.cross_entropy(scores, target, label_smoothing=1.0) == np.inf  # half of the loss of class 0


@pytest.mark.deviation("integer-pool1d-with-indices")
def test_max_pool1d_accepts_integers_only_with_return_indices():
    row = torch.tensor([[[1, 3, 2]]])

    output, _ = functional.max_pool1d(row, 2, return_indices=True)
    assert output.tolist() == [[[3]]]
    with pytest.raises(NotImplementedError, match="not implemented for 'Long'"):
        functional.max_pool1d(row, 2)
    for return_indices in (True, False):
        with pytest.raises(TypeError, match="input has dtype int64"):
            reference.max_pool1d(row.numpy(), 2, return_indices=return_indices)


@pytest.mark.deviation("unbatched-target-of-length-one")
@pytest.mark.parametrize("loss", ["nll_loss", "cross_entropy"])
def test_an_unbatched_sample_accepts_a_target_of_length_one(loss):
    scores, target = np.array([0.0, 1.0]), np.array([1])

    assert getattr(functional, loss)(torch.from_numpy(scores), torch.from_numpy(target)).shape == ()
    with pytest.raises(ValueError, match=r"target has shape \(1,\), expected \(\)"):
        getattr(reference, loss)(scores, target)


@pytest.mark.deviation("nan-in-an-ignored-sample")
def test_nan_in_an_ignored_sample_reaches_its_gradient():
    scores, target = np.array([[np.nan, 1.0], [1.0, 1.0]]), np.array([-100, 1])
    leaf = torch.from_numpy(scores).requires_grad_()

    functional.cross_entropy(leaf, torch.from_numpy(target)).backward()

    assert leaf.grad is not None and leaf.grad[0].isnan().all()
    grad, *_ = reference.cross_entropy_backward(np.array(1.0), scores, target)
    assert grad[0].tolist() == [0, 0]


@pytest.mark.deviation("sigmoid-underflow")
@without_avx512
def test_sigmoid_flushes_subnormal_results_to_0():
    far = np.array([-89.0], "float32")

    assert torch.sigmoid(torch.from_numpy(far)).item() == 0
    assert 2.2e-39 < reference.sigmoid(far)[0] < 2.3e-39


@pytest.mark.deviation("linear-bias-broadcast")
@pytest.mark.parametrize("shape", [(), (1,), (1, 4), (2, 4)])
def test_linear_accepts_any_bias_that_broadcasts(shape):
    x, weight, bias = np.arange(6.0).reshape(2, 3), np.arange(12.0).reshape(4, 3), np.full(shape, 5.0)

    output = functional.linear(*map(torch.from_numpy, (x, weight, bias))).numpy()

    assert_equal(output, reference.linear(x, weight) + bias)
    with pytest.raises(ValueError, match=r"bias has shape .*, expected \(4,\)"):
        reference.linear(x, weight, bias)


@pytest.mark.deviation("fused-optimizer-strides")
@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "Adagrad"])
def test_fused_optimizers_ignore_the_strides_of_a_parameter(name):
    memory = torch.zeros(4)
    parameter = memory[::2].requires_grad_()
    parameter.grad = torch.ones(2)

    getattr(torch.optim, name)([parameter], lr=1.0, fused=True, weight_decay=0).step()

    assert (memory.detach() != 0).tolist() == [True, True, False, False]  # instead of the first and the third


@pytest.mark.deviation("fused-optimizer-strides")
@pytest.mark.parametrize("gradient", ["transposed", "every second number", "one number, expanded"])
@pytest.mark.parametrize("name", ["SGD", "Adam", "AdamW", "Adagrad"])
def test_fused_optimizers_ignore_the_strides_of_a_gradient(name, gradient):
    memory = torch.tensor([1.0, 0.0, -1.0, 1.0, 5.0, 5.0, 5.0])
    grad = {
        "transposed": memory[:4].reshape(2, 2).T,  # 1, -1, 0, 1
        "every second number": memory[:7:2].reshape(2, 2),  # 1, -1, 5, 5
        "one number, expanded": memory[:1].expand(2, 2),  # 1, 1, 1, 1
    }[gradient]
    steps = {}
    for fused in (False, True):
        parameter = torch.zeros(2, 2, requires_grad=True)
        parameter.grad = grad
        getattr(torch.optim, name)([parameter], lr=1.0, fused=fused, weight_decay=0).step()
        steps[fused] = -parameter.detach().sign().flatten()

    assert steps[False].tolist() == grad.sign().flatten().tolist()
    assert steps[True].tolist() == memory[:4].tolist()  # as they lie in memory


@pytest.mark.deviation("half-fused-sgd")
@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16], ids=["float16", "bfloat16"])
def test_fused_sgd_leaves_the_first_64_numbers_of_a_half_precision_parameter_alone(half):
    parameter = torch.ones(65, dtype=half).requires_grad_()
    parameter.grad = torch.ones_like(parameter)

    torch.optim.SGD([parameter], lr=0.5, fused=True).step()

    assert parameter.tolist() == [1.0] * 64 + [0.5]


@pytest.mark.deviation("fused-sgd-late-gradient")
def test_fused_sgd_fails_on_a_parameter_whose_first_gradient_comes_late():
    early, late = torch.zeros(1, requires_grad=True), torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([early, late], lr=1.0, momentum=0.5, fused=True)
    early.grad = torch.ones(1)
    optimizer.step()
    late.grad = torch.ones(1)

    with pytest.raises(TypeError, match="expected Tensor as element 1 in argument 2, but got NoneType"):
        optimizer.step()


@pytest.mark.deviation("sgd-takes-nan")
@pytest.mark.parametrize("option", ["lr", "momentum", "weight_decay"])
def test_sgd_accepts_nan(option):
    torch.optim.SGD([torch.zeros(1)], **{option: float("nan")})

    with pytest.raises(ValueError, match=f"{option} must be at least 0, got nan"):
        reference.sgd(np.zeros(1), np.zeros(1), {}, **{option: float("nan")})


@pytest.mark.deviation("antialias-one-column")
@pytest.mark.parametrize("mode", ["bilinear", "bicubic"])
def test_an_image_resized_to_one_column_has_equal_rows(mode):
    column, size = np.array([[[0.0], [1.0]]]), (4, 1)

    output = functional.interpolate(torch.from_numpy(column)[None], size, mode=mode, antialias=True)

    assert len(output.unique()) == 1
    assert len(np.unique(reference.resize(column, size, mode))) == 4


@pytest.mark.deviation("nearest-one-pixel-short")
def test_nearest_copies_pixel_12_instead_of_13_when_26_pixels_become_22():
    numbers = np.arange(26, dtype="float32").reshape(1, 1, 26)
    assert 11 * 26 / 22 == 13

    output = functional.interpolate(torch.from_numpy(numbers), 22, mode="nearest")

    assert output[0, 0, 11].item() == 12
    assert reference.resize(numbers, (1, 22), "nearest")[0, 0, 11] == 13


@pytest.mark.deviation("crop-far-outside")
@pytest.mark.parametrize("namespace", ["torchvision.transforms", "torchvision.transforms.v2"])
def test_a_crop_that_ends_before_the_image_has_the_wrong_size(namespace):
    row = np.array([[[1.0, 2.0, 3.0]]])

    output = import_module(namespace).functional.crop(torch.from_numpy(row), top=0, left=-2, height=1, width=1)

    assert output.tolist() == [[[0, 1, 2]]]
    assert reference.crop(row, top=0, left=-2, height=1, width=1).tolist() == [[[0]]]


@pytest.mark.deviation("whole-brightness-wraps")
def test_adjusting_the_brightness_of_200_by_the_int_2_gives_144():
    adjust_brightness = import_module("torchvision.transforms.v2").functional.adjust_brightness
    pixel = np.array([[[200]]], np.uint8)

    assert adjust_brightness(torch.from_numpy(pixel), 2).item() == 2 * 200 - 256
    assert adjust_brightness(torch.from_numpy(pixel), 2.0).item() == reference.adjust_brightness(pixel, 2).item() == 255


@pytest.mark.deviation("half-average-gradients")
@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16], ids=["float16", "bfloat16"])
def test_a_half_precision_average_pooling_gradient_loses_two_tiny_terms_added_to_1(half):
    u = torch.finfo(half).eps / 2
    cell = torch.zeros(1, 1, 1, 1, dtype=half, requires_grad=True)

    functional.adaptive_avg_pool2d(cell, (1, 3)).backward(torch.tensor([1, u, u], dtype=half).reshape(1, 1, 1, 3))

    assert cell.grad.item() == 1
    assert torch.tensor(1 + 2 * u, dtype=half).item() == 1 + 2 * u  # a number of the format


@pytest.mark.deviation("half-batch-norm")
@pytest.mark.parametrize(("half", "found"), [(torch.float16, -0.70654296875), (torch.bfloat16, -0.71484375)])
def test_half_precision_batch_norm_in_training_is_off_by_more_than_one_rounding(half, found):
    batch = torch.tensor([[1.0], [1.0], [2.0]])
    exact = functional.batch_norm(batch.double(), None, None, training=True)

    output = functional.batch_norm(batch.to(half), None, None, training=True)

    assert output[0].item() == found != exact.to(half)[0].item()


@pytest.mark.deviation("float16-mean-loss-overflow")
@pytest.mark.parametrize("loss", ["nll_loss", "cross_entropy", "with smoothing", "of probabilities"])
def test_the_float16_mean_of_many_losses_is_infinite_if_their_sum_is_out_of_range(loss):
    scores, target = np.zeros((30_000, 10), "float16"), np.zeros(30_000, int)
    options = {"label_smoothing": 0.1} if loss == "with smoothing" else {}
    operation = "nll_loss" if loss == "nll_loss" else "cross_entropy"
    if loss == "nll_loss":
        scores[:, 0] = -2.5
    elif loss == "of probabilities":
        target = np.eye(10, dtype="float16")[target]

    found = getattr(functional, operation)(torch.from_numpy(scores), torch.from_numpy(target), **options)

    wide = target.astype("float64") if target.ndim == 2 else target
    exact = getattr(reference, operation)(scores.astype("float64"), wide, **options)
    assert found.item() == np.inf
    assert 2.3 < exact <= 2.5


@pytest.mark.deviation("float16-class-weight-sum")
@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16], ids=["float16", "bfloat16"])
def test_a_half_precision_mean_divides_by_weights_of_which_the_small_ones_are_lost(half):
    u = torch.finfo(half).eps / 2
    scores = torch.zeros(16, 2, dtype=half, requires_grad=True)
    target, weight = torch.tensor([1, 0, *[1] * 14]), torch.tensor([1, u], dtype=half)  # in all 1 + 15u

    functional.nll_loss(scores, target, weight).backward()

    assert scores.grad is not None and scores.grad[1, 0].item() == -1
    assert torch.tensor(-1 / (1 + 15 * u), dtype=half).item() > -1 + 13 * u
    grad = reference.nll_loss_backward(np.array(1.0), np.zeros((16, 2)), target.numpy(), weight=np.array([1, u]))
    assert grad[1, 0] == -1 / (1 + 15 * u)


@pytest.mark.deviation("to-pil-image-truncates")
@pytest.mark.parametrize("namespace", ["torchvision.transforms", "torchvision.transforms.v2"])
def test_to_pil_image_makes_254_of_0_9999_where_to_dtype_makes_255(namespace):
    to_pil_image = import_module(namespace).functional.to_pil_image
    to_dtype = import_module("torchvision.transforms.v2").functional.to_dtype
    grey = torch.tensor([[[0.9999]]])

    assert np.asarray(to_pil_image(grey)).item() == 254
    assert to_dtype(grey, torch.uint8, scale=True).item() == 255 == round(0.9999 * 255)


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param(entry, id=entry["id"], marks=pytest.mark.deviation(entry["id"]))
        for entry in deviations()
        if entry.get("silent") and not entry.get("varies") and entry["id"] != amx.DEVIATION  # in a process of its own
    ],
)
def test_the_example_of_a_silent_deviation_prints_what_its_entry_says(entry, capsys):
    exec(entry["example"], {})

    assert capsys.readouterr().out.strip() == entry["wrong"] != entry["right"]


@pytest.mark.deviation("batch-norm-large-mean")
def test_a_value_1_above_a_running_mean_of_a_million_keeps_two_digits():
    value, mean, variance = np.array([[1e6 + 1]], "float32"), np.array([1e6], "float32"), np.array([2], "float32")

    output = functional.batch_norm(*map(torch.from_numpy, (value, mean, variance)))

    exact = 1 / np.sqrt(2 + 1e-5)
    assert abs(output.item() - exact) > 0.01
    assert abs(reference.batch_norm(value, mean, variance).item() - exact) < 1e-6


@pytest.mark.deviation("batch-norm-large-mean")
def test_a_batch_far_from_0_is_off_though_its_mean_and_variance_are_exact():
    batch = np.array([[1e6], [1e6 + 1], [1e6 + 2], [1e6 + 5]], "float32")  # mean 1e6 + 2, variance 3.5

    output = functional.batch_norm(torch.from_numpy(batch), None, None, training=True).numpy()

    exact = np.array([[-2], [-1], [0], [3]]) / np.sqrt(3.5 + 1e-5)
    assert abs(output - exact).max() > 0.01
    assert abs(reference.batch_norm(batch, None, None, training=True) - exact).max() < 1e-6


@pytest.mark.deviation("layer-norm-large-mean")
def test_a_sample_far_from_0_has_another_variance_than_that_of_its_distances():
    sample = np.array([1e6, 1e6 - 1, 1e6, 1e6 + 1], "float32")

    output = functional.layer_norm(torch.from_numpy(sample), (4,)).numpy()

    assert round(float(output[3]), 2) == 1.43 != 1.41
    assert reference.layer_norm(sample, (4,)).round(4).tolist() == [0, np.float32(-1.4142), 0, np.float32(1.4142)]


@pytest.mark.deviation("half-layer-norm-gradients")
@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16], ids=["float16", "bfloat16"])
def test_a_half_precision_layer_norm_gradient_loses_two_tiny_terms_added_to_1(half):
    u = torch.finfo(half).eps / 2  # 1 + u rounds to 1, but 1 + 2u is a number of the format
    samples = torch.tensor([[-1, 1]] * 3, dtype=half)
    bias = torch.zeros(2, dtype=half, requires_grad=True)

    output = functional.layer_norm(samples, (2,), None, bias)
    (grad_bias,) = torch.autograd.grad(output, bias, torch.tensor([[1, 0], [u, 0], [u, 0]], dtype=half))

    assert grad_bias[0].item() == 1 != 1 + 2 * u


@pytest.mark.deviation("norm-bias-twice")
@pytest.mark.parametrize("norm", ["layer_norm", "batch_norm"])
def test_a_norm_with_a_bias_and_no_weight_cannot_be_differentiated_twice(norm):
    input, bias = torch.zeros(1, 1, requires_grad=True), torch.zeros(1, requires_grad=True)
    if norm == "layer_norm":
        output = functional.layer_norm(input, (1,), bias=bias)
    else:
        output = functional.batch_norm(input, torch.zeros(1), torch.ones(1), bias=bias)
    grad_output = torch.ones(1, 1, requires_grad=True)

    first = torch.autograd.grad(output, (input, bias), grad_output, create_graph=True)

    with pytest.raises(RuntimeError, match="Expected a proper Tensor but got None"):
        torch.autograd.grad(first, grad_output, [torch.ones_like(grad) for grad in first])
    torch.autograd.grad(first[:1], grad_output, torch.ones(1, 1))  # of either alone it is there


@pytest.mark.deviation("sampler-draws-weight-0")
def test_a_sampler_without_replacement_draws_what_weighs_nothing_at_last():
    sampler = WeightedRandomSampler([0.0, 3.0, 0.0], 3, replacement=False)

    first, *rest = sampler

    assert (first, sorted(rest)) == (1, [0, 2])
    with pytest.raises(ValueError, match="num_samples must be at most the 1 that weigh something, got 3"):
        sampling.weighted_sample([0, 3, 0], 3, replacement=False, generator=np.random.default_rng(0))


@pytest.mark.deviation("padding-through-float32")
@pytest.mark.parametrize("namespace", ["torchvision.transforms", "torchvision.transforms.v2"])
@pytest.mark.parametrize("mode", ["edge", "reflect"])
def test_padding_a_whole_number_at_its_edge_rounds_it_to_float32(namespace, mode):
    row = np.array([[[2**24 + 1, 2**24 + 1]]])
    pad = import_module(namespace).functional.pad

    assert pad(torch.from_numpy(row), [1, 0], padding_mode=mode).tolist() == [[[2**24] * 4]]
    assert pad(torch.from_numpy(row), [1, 0], padding_mode="symmetric").tolist() == [[[2**24 + 1] * 4]]
    assert random_transforms.pad_image(row, (1, 0), padding_mode=mode).tolist() == [[[2**24 + 1] * 4]]


@pytest.mark.deviation("fractions-that-add-up-to-more")
@pytest.mark.skipif(sys.version_info >= (3, 12), reason="the sum of floats rounds only once from Python 3.12 on")
def test_fractions_whose_sum_rounds_to_more_than_1_are_refused():
    fractions = [0.8, 0.05, 0.05, 0.1]
    assert sum(fractions) == 1 + 2**-52

    with pytest.raises(ValueError, match="Sum of input lengths does not equal the length of the input dataset"):
        random_split(range(20), fractions)
    assert [len(part) for part in random_split(range(20), sorted(fractions))] == [1, 1, 2, 16]
    assert sampling.split_lengths(20, fractions) == [16, 1, 1, 2]
