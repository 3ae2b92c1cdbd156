"""torch in other modes as subjects: each really computes in its mode, and what goes wrong there comes out."""

import os

import numpy as np
import pytest
import torch

import reference
from spec_tests import subjects
from spec_tests.contract import processor
from spec_tests.run.complaints import told
from spec_tests.subjects.torch import VARIANTS, amx, captured, compiled, eager, laid
from spec_tests.vocabulary.subject import NotAvailable, NotOffered

pytestmark = pytest.mark.tooling

CAPTURING = ("traced", "export", "aot_eager")
QUICK = [name for name in VARIANTS if name not in (*CAPTURING, "compile")]
RNG = np.random.default_rng(0)
PICTURES = RNG.integers(-4, 5, (2, 3, 5, 4)).astype("float32")
KERNELS = RNG.integers(-4, 5, (2, 3, 2, 2)).astype("float32")
COTANGENT = RNG.integers(-4, 5, (2, 2, 4, 3)).astype("float32")


@pytest.fixture
def replaced(monkeypatch):
    """Return a function that puts another one in the place of torch's relu."""

    def replace(relu):
        captured.CAPTURED.clear()
        monkeypatch.setattr(eager.functional, "relu", relu)

    yield replace
    captured.CAPTURED.clear()


SAID = "oneDNN computes without AMX: known deviation bfloat16-conv-amx; ONEDNN_MAX_CPU_ISA=DEFAULT asks it with AMX"


@pytest.mark.parametrize(
    ("machine", "asked", "left_out"),
    [
        ({"x86_64", "amx_bf16"}, {}, True),
        ({"x86_64", "amx_bf16"}, {"ONEDNN_MAX_CPU_ISA": amx.WITHOUT}, True),  # as in a process that another started
        ({"x86_64", "amx_bf16"}, {"ONEDNN_MAX_CPU_ISA": "DEFAULT"}, False),
        ({"x86_64", "amx_bf16"}, {"DNNL_MAX_CPU_ISA": "AVX2"}, False),
        ({"x86_64", "avx512_bf16"}, {}, False),
        ({"aarch64", "bf16"}, {}, False),
    ],
)
def test_where_a_processor_has_amx_onednn_is_kept_from_it_unless_somebody_said(monkeypatch, machine, asked, left_out):
    monkeypatch.setattr(processor.platform, "machine", lambda: "aarch64" if "aarch64" in machine else "x86_64")
    monkeypatch.setattr(processor, "_instructions", lambda: frozenset(machine))
    for name in amx.SETTINGS:
        monkeypatch.setenv(name, "")  # so that it is put back as it was
        monkeypatch.delenv(name)
    for name, value in asked.items():
        monkeypatch.setenv(name, value)

    subject = subjects.load("torch")

    assert subject.notes == ((SAID,) if left_out else ())
    expected = asked | ({"ONEDNN_MAX_CPU_ISA": amx.WITHOUT} if left_out else {})
    assert {name: os.environ[name] for name in amx.SETTINGS if name in os.environ} == expected
    assert told(SAID, "zh") != SAID


@pytest.mark.parametrize(
    "variant", [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in CAPTURING)], ids=lambda name: name
)
def test_every_mode_computes_a_convolution_and_its_gradients(variant):
    subject = subjects.load(f"torch:{variant}".removesuffix(":"))

    assert np.array_equal(subject.conv2d(PICTURES, KERNELS), reference.conv2d(PICTURES, KERNELS))
    grads = subject.conv2d_backward(COTANGENT, PICTURES, KERNELS)
    expected = reference.conv2d_backward(COTANGENT, PICTURES, KERNELS)
    assert all(np.array_equal(grad, right) for grad, right in zip(grads[:2], expected[:2], strict=True))


def test_every_mode_has_an_expectation_file():
    assert [name for name in VARIANTS if name and subjects.expected(f"torch:{name}") is None] == []


def test_an_unknown_mode_is_refused_with_the_one_that_was_meant():
    with pytest.raises(NotAvailable, match="torch comes in no variant 'chanels_last'; did you mean 'channels_last'"):
        subjects.load("torch:chanels_last")


def test_a_missing_compiler_is_named_with_what_installs_it(monkeypatch):
    monkeypatch.setattr(compiled.shutil, "which", lambda name: None)  # noqa: ARG005

    with pytest.raises(NotAvailable, match=r"inductor needs a C\+\+ compiler: apt-get install g\+\+"):
        subjects.load("torch:compile")


@pytest.mark.parametrize("shape", [(2, 3, 5, 4), (2, 3, 2, 5, 4)])
def test_channels_last_is_how_pictures_and_clips_lie(shape):
    formats = {4: torch.channels_last, 5: torch.channels_last_3d}

    tensor = laid.ChannelsLast(torch.device("cpu")).tensor(np.ones(shape))

    assert tensor.is_contiguous(memory_format=formats[len(shape)]) and not tensor.is_contiguous()


def lies(subject, array, place=0):
    """Return how an array lies as the argument in this place."""
    subject.place = place
    tensor = subject.tensor(array)
    assert np.array_equal(tensor.numpy(), array)
    return tensor.stride(), tensor.storage_offset()


def test_strided_arrays_lie_in_ways_that_depend_on_shape_and_place_alone():
    subject = laid.Strided(torch.device("cpu"))
    arrays = [RNG.integers(-4, 5, (2, 3, 4)).astype("float32") for _ in range(3)]

    lying = [[lies(subject, array, place) for place in range(40)] for array in arrays]

    assert len(set(lying[0])) >= 6
    assert lying[0] == lying[1] == lying[2]


def test_two_threads_are_used_within_a_call_and_not_after_it(replaced):
    used = []
    replaced(lambda input: used.append(torch.get_num_threads()) or input.clone())  # noqa: A006

    subjects.load("torch:threads").relu(PICTURES)

    assert used == [2]
    assert torch.get_num_threads() == 1


def test_vmap_calls_the_function_on_images(replaced):
    seen = []
    replaced(lambda input: seen.append(input.shape) or input.clone())  # noqa: A006

    assert subjects.load("torch:vmap").relu(PICTURES).shape == PICTURES.shape
    assert seen == [PICTURES.shape, PICTURES.shape[1:]]  # of the whole batch, whether it is refused


def test_vmap_is_not_asked_about_what_has_no_batch():
    subject = subjects.load("torch:vmap")

    with pytest.raises(NotOffered, match="conv2d without a batch has nothing to map over"):
        subject.conv2d(PICTURES[0], KERNELS)
    with pytest.raises(NotOffered, match="mse_loss is mapped only where nothing is added up over the batch"):
        subject.mse_loss(PICTURES, PICTURES)


class WrongForward(torch.autograd.Function):
    """A relu whose forward-mode derivative, and it alone, forgets the kink."""

    generate_vmap_rule = True

    @staticmethod
    def forward(input):
        return input.clamp(min=0)

    @staticmethod
    def setup_context(ctx, inputs, output):  # noqa: ARG004
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx, grad):
        return grad * (ctx.saved_tensors[0] > 0)

    @staticmethod
    def jvp(ctx, tangent):  # noqa: ARG004
        return tangent.clone()


def test_a_wrong_forward_mode_derivative_shows_in_the_gradient(replaced):
    replaced(WrongForward.apply)
    input, ones = np.array([-1.0, 2.0], "float32"), np.ones(2, "float32")

    found = [subjects.load(name).relu_backward(ones, input).tolist() for name in ("torch", "torch:jvp")]

    assert found == [[0, 1], [1, 1]]


@pytest.mark.parametrize(
    "promise",
    [lambda x: x.new_empty(1), lambda x: x.double()],
    ids=["another shape", "another dtype"],
)
def test_a_broken_promise_of_the_meta_device_shows(replaced, promise):
    replaced(lambda input: promise(input) if input.is_meta else input.clamp(min=0))  # noqa: A006

    found = subjects.load("torch:meta").relu(PICTURES)

    assert np.isnan(found).all()
    assert (found.shape, found.dtype) != (PICTURES.shape, PICTURES.dtype)


def test_an_argument_that_a_mode_of_functions_loses_shows():
    subject, numbers = subjects.load("torch:default_device"), np.array([[3.0]], "float32")

    assert subject.mse_loss(numbers, numbers - 2, "sum", weight=numbers) == 12
    assert subject.inner.function("relu")(torch.ones(1)).item() == 1


@pytest.mark.slow
@pytest.mark.parametrize("variant", ["traced", "export"])
def test_what_was_computed_while_a_function_was_recorded_shows(replaced, variant):
    replaced(lambda input: input.clamp(min=0) + input.detach().numpy().max().item())  # noqa: A006

    try:
        found = subjects.load(f"torch:{variant}").relu(PICTURES)
    except Exception:  # it refuses to record this
        return
    assert np.array_equal(found, reference.relu(PICTURES))  # the largest of the numbers that it was recorded on is 0


@pytest.mark.slow
def test_a_compiled_function_runs_on_other_numbers_without_being_compiled_again(replaced):
    replaced(torch.nn.functional.relu)  # nothing is captured yet
    subject = subjects.load("torch:aot_eager")

    results = [subject.linear(PICTURES + shift, np.ones((2, 4), "float32")) for shift in (0, 1, 2)]

    assert np.array_equal(results[1] - results[0], np.full(results[0].shape, 4))
    assert len(captured.CAPTURED) == 1
