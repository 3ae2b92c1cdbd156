"""Known deviations of torch that depend on how arguments lie in memory, or on what lay there before.

As in `test_known_deviations.py`, a test that fails here is good news: the entry of `deviations.toml` can be removed.
"""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.nn import functional

import reference
from spec_tests.contract import processor
from spec_tests.subjects.torch import amx
from spec_tests.vocabulary.claims import deviations
from spec_tests.vocabulary.formats import HALVES

pytestmark = pytest.mark.torch_api

CAPABILITY = torch.backends.cpu.get_cpu_capability()
with_avx2 = pytest.mark.skipif(
    CAPABILITY not in ("AVX2", "AVX512"), reason=f"the deviation needs AVX2 or AVX-512; torch uses {CAPABILITY} here"
)
with_avx512 = pytest.mark.skipif(
    CAPABILITY != "AVX512", reason=f"the deviation needs AVX-512; torch uses {CAPABILITY} here"
)
every_float = pytest.mark.parametrize("dtype", ["float32", "float64", *HALVES])


def normalized(input, weight=None, bias=None):
    """Return batch_norm of mean 0 and variance 1, to which eps adds nothing: the input, times weight, plus bias."""
    mean, var = torch.zeros(input.shape[1], dtype=input.dtype), torch.ones(input.shape[1], dtype=input.dtype)
    return functional.batch_norm(input, mean, var, weight, bias, training=False, eps=1e-30)


def turned(*shape):
    """Return numbers of this shape, channels last, as one image or clip with the channels in their place."""
    last = len(shape) - 1
    return torch.arange(float(np.prod(shape))).reshape(shape).permute(last, *range(last)).unsqueeze(0)


@pytest.mark.deviation("batch-norm-turned-image")
@every_float
@pytest.mark.parametrize(
    "view",
    [
        pytest.param(turned(2, 1, 2), id="an image"),
        pytest.param(turned(1, 2, 1, 2), id="a clip"),
        pytest.param(torch.arange(4.0).reshape(1, 2, 2).permute(0, 2, 1).unsqueeze(-1), id="a sequence"),
    ],
)
def test_the_gradient_of_batch_norm_is_shuffled_for_one_turned_image(dtype, view):
    input = torch.empty_strided(view.shape, view.stride(), dtype=getattr(torch, dtype)).copy_(view).requires_grad_()
    grad_output = torch.arange(1, 5, dtype=input.dtype).reshape(input.shape)

    output = normalized(input)
    (grad_input,) = torch.autograd.grad(output, input, grad_output)

    assert torch.equal(output, input)  # it is the identity
    assert grad_output.flatten().tolist() == [1, 2, 3, 4]
    assert grad_input.flatten().tolist() == [1, 3, 2, 4]


@pytest.mark.deviation("batch-norm-turned-image")
def test_a_training_step_on_one_turned_image_has_wrong_parameter_gradients():
    input = turned(2, 2, 2).requires_grad_()
    weight, bias = torch.ones(2, requires_grad=True), torch.zeros(2, requires_grad=True)
    grad_output = torch.arange(8.0).reshape(1, 2, 2, 2)

    output = functional.batch_norm(input, None, None, weight, bias, training=True)
    *_, grad_bias = torch.autograd.grad(output, (input, weight, bias), grad_output)

    assert grad_output.sum((0, 2, 3)).tolist() == [6, 22]
    assert grad_bias.tolist() == [12, 16]  # the sums of every second number


@pytest.mark.deviation("batch-norm-weight-strides")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_batch_norm_reads_the_numbers_beside_a_strided_weight(dtype):
    row = torch.zeros(1, 2, 1, 2, dtype=getattr(torch, dtype)).contiguous(memory_format=torch.channels_last)
    memory = torch.tensor([1.0, 7.0, 2.0, 7.0], dtype=row.dtype)
    input, grad_output = row.clone().requires_grad_(), torch.ones_like(row)

    (grad_input,) = torch.autograd.grad(normalized(input, memory[::2]), input, grad_output)

    assert memory[::2].tolist() == [1, 2]
    assert grad_input.flatten().tolist() == [1, 1, 7, 7]


@pytest.mark.deviation("batch-norm-aliased-statistics")
@pytest.mark.parametrize(("shared", "found"), [("running_mean and bias", [0, 2]), ("running_var and weight", [-2, 2])])
def test_batch_norm_overwrites_a_parameter_that_is_a_running_statistic(shared, found):
    batch = torch.tensor([[0.0], [2.0]])  # of mean 1 and variance 1, unbiased 2
    mean, var = torch.zeros(1), torch.ones(1)
    parameters = {"bias": mean} if "bias" in shared else {"weight": var}

    output = functional.batch_norm(batch, mean, var, **parameters, training=True, momentum=1.0)

    assert output.flatten().tolist() == pytest.approx(found, abs=1e-4)
    exact = reference.batch_norm(batch.double().numpy(), np.zeros(1), np.ones(1), training=True)
    assert exact.flatten().tolist() == pytest.approx([-1, 1], abs=1e-4)


@pytest.mark.deviation("pool3d-channels-last-indices")
@every_float
def test_max_pool3d_forgets_the_depth_of_minus_infinity_in_channels_last(dtype):
    cells = torch.full((1, 2, 2, 1, 1), -np.inf, dtype=getattr(torch, dtype))
    input = cells.contiguous(memory_format=torch.channels_last_3d).requires_grad_()

    output, index = functional.max_pool3d(input, 1, return_indices=True)
    (grad,) = torch.autograd.grad(output, input, torch.arange(1, 5, dtype=input.dtype).reshape(output.shape))

    assert index.flatten().tolist() == [0, 0, 0, 0]  # each is a maximum by itself: 0, 1, 0, 1
    assert grad.flatten().tolist() == [3, 0, 7, 0]  # instead of 1, 2, 3, 4


def after_other_numbers(computed, wrong):
    """Return a result up to a hundred times, until one is wrong, each after memory of many sizes has held NaN.

    What lay in memory before decides whether it is wrong: if it never is, the test is skipped.
    """
    found = []
    for _ in range(100):
        for size in (2**power for power in range(4, 14)):
            _ = [torch.full((size,), np.nan) for _ in range(10)]
        found.append(computed())
        if wrong(found[-1]):
            return found
    pytest.skip(HARMLESS)


HARMLESS = "what lay in memory did no harm this time; whether this deviation shows depends on that"


def grad_weight(operation, input, weight, **options):
    """Return the gradient of the sum of all outputs with respect to the weight, all ones."""
    input, weight = torch.ones(input, dtype=torch.bfloat16), torch.ones(weight, dtype=torch.bfloat16).requires_grad_()
    (grad,) = torch.autograd.grad(operation(input, weight, **options).sum(), weight)
    return grad


@pytest.mark.deviation("bfloat16-conv3d-weight-gradient")
@with_avx512
def test_a_bfloat16_conv3d_weight_gradient_adds_what_lay_in_memory():
    shapes = (1, 1, 2, 1, 1), (16, 1, 3, 1, 1)

    found = after_other_numbers(
        lambda: grad_weight(functional.conv3d, *shapes, padding=(1, 0, 0)), lambda grad: grad[0].flatten()[1] != 2
    )

    assert all(grad[0].flatten()[::2].tolist() == [1, 1] for grad in found)


@pytest.mark.deviation("bfloat16-strided-conv-gradient")
@with_avx512
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_a_bfloat16_convolution_of_one_cell_has_gradients_for_what_met_padding(rank):
    operation = getattr(functional, f"conv{rank}d")
    shapes = (1, 16, *[1] * rank), (16, 16, *[3] * rank)

    exact = torch.zeros(3**rank)
    exact[3**rank // 2] = 1  # only the middle of the kernel meets the cell
    found = after_other_numbers(
        lambda: grad_weight(operation, *shapes, stride=2, padding=1), lambda grad: (grad.flatten(2) != exact).any()
    )

    assert all((grad.flatten(2)[..., 3**rank // 2] == 1).all() for grad in found)


@pytest.mark.deviation("bfloat16-strided-conv-gradient")
@with_avx512
def test_two_channels_that_lie_next_to_one_another_in_a_weight_are_enough_for_that():
    x = torch.ones(1, 2, 1, dtype=torch.bfloat16)

    def gradient():
        weight = torch.ones(2, 3, 2, dtype=torch.bfloat16).mT.requires_grad_()
        functional.conv1d(x, weight, stride=2, padding=1).sum().backward()
        return weight.grad

    found = after_other_numbers(gradient, lambda grad: (grad[..., ::2] != 0).any())

    assert all((grad[..., 1] == 1).all() for grad in found)


@pytest.mark.deviation("bfloat16-strided-conv-gradient")
@with_avx512
@pytest.mark.parametrize("channels", [2, 3, 8])
def test_so_has_one_of_a_kernel_of_one_with_a_stride_and_16_output_channels(channels):
    shapes = (1, channels, 1), (16, channels, 1)

    after_other_numbers(lambda: grad_weight(functional.conv1d, *shapes, stride=2), lambda grad: (grad != 1).any())

    input, weight = torch.ones(shapes[0]), torch.ones(shapes[1], requires_grad=True)  # in float32
    functional.conv1d(input, weight, stride=2).sum().backward()
    assert (weight.grad == 1).all()


with_bfloat16 = pytest.mark.skipif(
    not processor.is_one_of(("x86_64 avx512_bf16",)), reason="the deviation needs the bfloat16 instructions of AVX-512"
)


def in_channels_last(*shape):
    """Return an input of ones in bfloat16, in channels last."""
    layout = torch.channels_last if len(shape) == 4 else torch.channels_last_3d
    return torch.ones(shape, dtype=torch.bfloat16).to(memory_format=layout)


@pytest.mark.deviation("bfloat16-channels-last-conv")
@with_avx512
@with_bfloat16
def test_a_bfloat16_convolution_of_a_gray_frame_in_channels_last_is_left_out():
    frame, weight = in_channels_last(1, 1, 1, 3, 3), torch.ones(2, 1, 3, 3, 3, dtype=torch.bfloat16)

    right = functional.conv3d(torch.ones(frame.shape, dtype=torch.bfloat16), weight, padding=1)
    output = functional.conv3d(frame, weight, padding=1)

    assert right[0, 0].flatten().tolist() == [4, 6, 4, 6, 9, 6, 4, 6, 4]
    assert (output != right).any()


@pytest.mark.deviation("bfloat16-channels-last-conv")
@with_avx512
@with_bfloat16
def test_a_strided_depthwise_bfloat16_convolution_in_channels_last_leaves_out_rows():
    images, weight = in_channels_last(2, 8, 3, 3), torch.ones(16, 1, 1, 3, dtype=torch.bfloat16)

    output = functional.conv2d(images, weight, stride=(1, 2), groups=8)

    assert functional.conv2d(images.contiguous(), weight, stride=(1, 2), groups=8).unique().tolist() == [3]
    assert output.unique().tolist() != [3]


@pytest.mark.deviation("batch-norm-weight-strides")
def test_the_gradient_of_batch_norm_reads_a_weight_as_if_it_were_contiguous():
    memory, x = torch.tensor([1.0, 7.0, 2.0, 7.0]), torch.zeros(1, 2, requires_grad=True)

    output = functional.batch_norm(x, torch.zeros(2), torch.ones(2), memory[::2], eps=1e-30)

    (grad,) = torch.autograd.grad(output, x, torch.ones(1, 2))
    assert grad.tolist() == [[1.0, 7.0]]  # instead of the weight, 1 and 2


@pytest.mark.deviation("batch-norm-weight-strides")
def test_the_gradient_of_batch_norm_reads_a_running_mean_as_if_it_were_contiguous():
    memory = torch.tensor([1.0, 100.0, 4.0, 100.0])
    x, weight = torch.zeros(1, 2, requires_grad=True), torch.ones(2, requires_grad=True)

    output = functional.batch_norm(x, memory[::2], torch.ones(2), weight, eps=1e-30)  # the mean

    (grad,) = torch.autograd.grad(output, weight, torch.ones(1, 2))
    assert grad.tolist() != [-1.0, -4.0]


@pytest.mark.deviation("nll-loss-2d-strides")
def test_nll_loss_has_no_gradient_for_pictures_in_channels_last():
    scores = torch.zeros(1, 2, 1, 2).contiguous(memory_format=torch.channels_last).requires_grad_()
    loss = functional.nll_loss(scores, torch.zeros(1, 1, 2, dtype=torch.long))

    with pytest.raises(RuntimeError, match="grad_input must be contiguous"):
        loss.backward()


@pytest.mark.deviation("pool3d-unbatched-channels-last")
def test_max_pool3d_refuses_a_clip_without_a_batch_in_channels_last():
    clip = torch.zeros(2, 2, 2, 2).permute(0, 3, 1, 2)

    assert functional.max_pool3d(clip.contiguous(), 2).shape == (2, 1, 1, 1)
    with pytest.raises(RuntimeError, match="Unsupported memory format"):
        functional.max_pool3d(clip, 2)


STRIDED_1X1 = """
import torch

torch.set_num_threads(1)
for batch, channels, size in [(2, 3, 224), (2, 3, 112), (2, 8, 56), (2, 15, 56), (8, 4, 32), (32, 4, 32)] * 3:
    input = torch.ones(batch, channels, size, size).to(memory_format=torch.channels_last)
    layer = torch.nn.Conv2d(channels, 64, 1, stride=2)
    layer(input).sum().backward()
    assert (layer.weight.grad == batch * (size // 2) ** 2).all(), "a wrong gradient"
"""


@pytest.mark.deviation("channels-last-conv-crash")
@with_avx2
@pytest.mark.slow
def test_the_gradient_of_a_strided_1x1_convolution_damages_memory():
    child = subprocess.run([sys.executable, "-c", STRIDED_1X1], capture_output=True, timeout=300, check=False)

    killed = child.returncode in (-signal.SIGSEGV, -signal.SIGABRT)  # it writes outside its memory
    if child.returncode == 0:
        pytest.skip(HARMLESS)
    assert killed or b"a wrong gradient" in child.stderr


# The number of threads decides how oneDNN divides the work: with a single one, both of these come out right.
SINGLE_COLUMN = """
import torch
from torch.nn import functional

torch.set_num_threads(2)
input, weight, options = torch.ones(1, 1, 7, 5), torch.ones(1, 1, 3, 5), {"stride": (1, 2)}
assert functional.conv2d(input, weight, **options).flatten().tolist() == [15] * 5
assert (functional.conv2d(input.bfloat16(), weight.bfloat16(), **options) != 15).any(), "all of it is right"
"""
NOTHING_BUT_PADDING = """
import torch
from torch.nn import functional

torch.set_num_threads(2)
input, weight = torch.ones(1, 3, 1, 3, 3).bfloat16(), torch.ones(6, 1, 2, 1, 1).bfloat16()
functional.conv3d(input, weight, padding=(1, 0, 0), dilation=(2, 1, 1), groups=3)
"""


with_amx = pytest.mark.skipif(not processor.is_one_of(amx.MACHINES), reason="the deviation needs AMX, not here")


@pytest.mark.deviation("bfloat16-conv-amx")
@with_amx
@pytest.mark.slow
def test_a_bfloat16_convolution_of_a_single_frame_returns_zeros_with_amx():
    (entry,) = (entry for entry in deviations() if entry["id"] == amx.DEVIATION)

    printed = [_computed(entry["example"], isa) for isa in ("DEFAULT", amx.WITHOUT)]

    assert printed == [(0, entry["wrong"]), (0, entry["right"])]


@pytest.mark.deviation("bfloat16-conv-amx")
@with_amx
@pytest.mark.slow
@pytest.mark.parametrize(
    ("program", "ends"), [(SINGLE_COLUMN, 0), (NOTHING_BUT_PADDING, -signal.SIGSEGV)], ids=["wrong sums", "a crash"]
)
def test_a_bfloat16_convolution_with_amx_is_wrong_or_ends_the_process(program, ends):
    assert _computed(program, "DEFAULT") == (ends, "")
    assert _computed(NOTHING_BUT_PADDING, amx.WITHOUT) == (0, "")


def _computed(program, isa):
    """Return how a program ends with which oneDNN may use such instructions, and what it prints."""
    with_isa = {**os.environ, amx.SETTINGS[0]: isa}
    child = subprocess.run(
        [sys.executable, "-c", program], env=with_isa, timeout=300, stdout=subprocess.PIPE, text=True
    )
    return child.returncode, child.stdout.strip()
