"""Convolutions that transform: right ones pass, and do transform; their bounds are right, and wrong ones fail.

What the wrong ones fail is in `test_wrong_implementations.py`.
"""

import functools
import re
import subprocess
import sys
from math import exp
from pathlib import Path

import numpy as np
import pytest

import reference
from spec_tests import subjects
from spec_tests.subjects.reference import Namespace
from spec_tests.tooling import transform_cases
from spec_tests.transforming.fft import Fft
from spec_tests.transforming.winograd import Winograd
from spec_tests.vocabulary import exact, ledger, transforms
from spec_tests.vocabulary.compare import assert_equal
from spec_tests.vocabulary.fixed_cases import LARGE_CONVOLUTIONS, ConvCase
from spec_tests.vocabulary.formats import FORMATS, rounded
from spec_tests.vocabulary.problems import real_numbers, whole_numbers
from spec_tests.vocabulary.sums import assert_equal_sums, settled

pytestmark = [pytest.mark.tooling, pytest.mark.slow]

PROJECT = Path(__file__).parents[2]
nan, inf = np.nan, np.inf

both = pytest.mark.parametrize("convolutions", [Fft(), Winograd()], ids=["fft", "winograd"])


@pytest.fixture(autouse=True, scope="module")
def off_the_record():
    """Keep the comparisons of this file out of the summary, which names the largest error that was seen."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "record", lambda *_, **__: None)
        yield


def subject_of(convolutions):
    """Return the references with these convolutions."""
    return Namespace("transforming", convolutions.transforms, convolutions.calls, **convolutions.functions())


# The subjects


@functools.cache
def run_of(name):
    """Run the specification on this subject."""
    options = ["-q", "-p", "no:cacheprovider", "-p", "spec_tests.tooling.count_of_transforms", "--subject", name]
    command = [sys.executable, "-m", "pytest", "spec_tests", *options]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", ["fft", "winograd"])
def test_a_subject_that_transforms_keeps_the_specification(name):
    assert run_of(name).returncode == 0, run_of(name).stdout[-4000:]
    assert "kept the specification" in run_of(name).stdout


@pytest.mark.parametrize("name", ["fft", "winograd"])
def test_in_a_run_a_subject_transforms_100_images_and_50_gradients_or_more(name):
    calls = dict(re.findall(r"(\w+) transformed (\d+) times", run_of(name).stdout))

    assert int(calls["conv2d"]) >= 100
    assert int(calls["conv2d_backward"]) >= 50


@pytest.mark.parametrize("name", ["fft", "winograd"])
def test_a_subject_that_transforms_runs_on_the_cpu_and_comes_in_no_variants(name):
    for arguments in ((name, "cuda"), (f"{name}:fast", "cpu")):
        with pytest.raises(subjects.NotAvailable, match="run on device 'cpu' and come in no variants"):
            subjects.load(*arguments)


@pytest.mark.parametrize("options", [{"stride": 2}, {"dilation": 2}, {"padding": "same", "dilation": (1, 2)}])
def test_winograds_algorithm_leaves_other_strides_and_dilations_to_direct_sums(options):
    convolutions, rng = Winograd(), np.random.default_rng(0)
    input, weight = rng.standard_normal((2, 3, 9, 9)), rng.standard_normal((4, 3, 3, 3))

    output = subject_of(convolutions).conv2d(input, weight, **options)

    assert_equal(output, reference.conv2d(input, weight, **options))
    assert not convolutions.calls


@both
def test_whole_numbers_that_are_integers_and_empty_batches_are_not_transformed(convolutions):
    before = sum(convolutions.calls.values())
    subject = subject_of(convolutions)

    subject.conv2d(np.ones((1, 1, 5, 5), "int64"), np.ones((1, 1, 3, 3), "int64"))
    subject.conv2d(np.ones((0, 1, 5, 5)), np.ones((1, 1, 3, 3)))

    assert sum(convolutions.calls.values()) == before


def test_the_fft_computes_float32_in_single_precision():
    assert Fft().there(np.ones((1, 4, 4), "float32"), (4, 4)).dtype == np.complex64


def test_the_matrices_of_winograds_algorithm_bring_each_cell_and_tap_to_its_place():
    kernel = np.rint(24 * transforms.G)  # whole numbers, so that all of this is exact

    brought = np.einsum("ir,rk,rh->hki", transforms.A_T, kernel, transforms.B_T)

    cell, tap, place = np.indices((6, 3, 4))
    assert_equal(brought, np.where(cell == place + tap, 24.0, 0.0))
    assert_equal(kernel / 24, transforms.G)


# Sums of whole numbers


class MayTransform:
    """A subject of which only its transforms are asked."""

    transforms = {"conv2d": "fft"}  # noqa: RUF012  # it is not changed


def test_a_sum_settles_within_a_quarter_of_a_whole_number():
    sums = np.array([1.25, -2.75, 4, 7 - 2.0**-20], "float32")

    assert_equal(settled(sums, "conv2d", MayTransform()), np.array([1, -3, 4, 7], "float32"))


@pytest.mark.parametrize("off", [0.2501, 0.5, -0.3])
def test_a_sum_further_off_than_a_quarter_is_refused(off):
    sums = np.array([[1, 2 + off], [3, 4]], "float32")

    with pytest.raises(AssertionError, match=r"1 of 4 elements are not within 0.25 of a multiple of 1.0; furthest at"):
        settled(sums, "conv2d", MayTransform())


def test_a_sum_that_settles_to_another_whole_number_is_not_equal():
    with pytest.raises(AssertionError):
        assert_equal_sums(np.array([2.9]), np.array([2.0]), "conv2d", MayTransform())


def test_a_quantum_makes_a_quarter_of_it_the_limit():
    sums = np.array([0.0625 + 0.015, 0.125 - 0.015])

    assert_equal(settled(sums, "conv2d", MayTransform(), quantum=2.0**-4), np.array([0.0625, 0.125]))
    with pytest.raises(AssertionError, match=r"not within 0\.015625 of a multiple of 0\.0625"):
        settled(sums + 0.01, "conv2d", MayTransform(), quantum=2.0**-4)


def test_nan_and_infinity_stay_and_are_equal_to_themselves_alone():
    sums = np.array([nan, inf, -inf, 1.1])

    assert_equal(settled(sums, "conv2d", MayTransform()), np.array([nan, inf, -inf, 1]))
    with pytest.raises(AssertionError):
        assert_equal_sums(sums, np.array([0, inf, -inf, 1]), "conv2d", MayTransform())


@pytest.mark.parametrize("operation", ["linear", "conv3d"])
def test_what_does_not_transform_is_compared_exactly(operation):
    with pytest.raises(AssertionError):
        assert_equal_sums(np.array([1.001]), np.array([1.0]), operation, MayTransform())


def test_integers_settle_as_they_are():
    assert settled(np.array([1, 2]), "conv2d", MayTransform()).dtype == np.array([1]).dtype


@both
def test_the_largest_convolutions_of_whole_numbers_leave_less_than_a_quarter_behind(convolutions):
    subject = subject_of(convolutions)
    for case in LARGE_CONVOLUTIONS.values():
        problem = case.problem(whole_numbers).at("float32")
        for result in (problem.forward(subject), *problem.backward(subject)):
            assert abs(result - np.rint(result)).max() < 1 / 40


# Bounds


def bounds_of(problem, convolutions, dtype="float32"):
    """Return the widened approximations of a problem's output and gradients."""
    problem, subject = problem.at(dtype), subject_of(convolutions)
    direct = (exact.forward(problem, dtype), *exact.backward(problem, dtype)[:2])
    return [
        transforms.bound(one, of, problem, subject, dtype)
        for one, of in zip(direct, ("output", "input", "weight"), strict=True)
    ]


@both
@pytest.mark.parametrize("of", ["output", "input", "weight"])
def test_the_worst_of_some_adverse_cases_comes_near_its_bound_and_not_beyond(convolutions, of):
    worst = transform_cases.search(convolutions, of, cases=320)

    assert 1 / 25 < worst.share <= 1  # of 40,000 cases, more than 1 / 10


def test_a_result_that_is_right_is_beyond_its_bound_once_in_a_trillion():
    assert 2 * exp(-(transforms.DEVIATIONS**2) / 2) == pytest.approx(transforms.FALSE_ALARM)


@both
def test_no_elements_bound_is_less_because_its_window_lies_in_the_padding(convolutions):
    case = ConvCase((4, 5), 2, 3, padding=3)

    output, grad_input, _ = bounds_of(case.problem(real_numbers), convolutions)

    for approximation in (output, grad_input):
        stored = FORMATS["float32"].roundoff * abs(approximation.exact)
        least, most = ((approximation.bound - stored).min((2, 3)), (approximation.bound - stored).max((2, 3)))
        np.testing.assert_allclose(least, most, rtol=1e-6)  # of the exact result's own error


@both
def test_a_bound_grows_with_the_numbers_that_are_transformed_together(convolutions):
    problem = ConvCase((9, 9), 1, 1, padding=0).problem(real_numbers)
    huge = problem.input.copy()
    huge[..., 8, 8] = 2.0**20

    (before, *_), (after, *_) = (
        bounds_of(problem.changed(input=input), convolutions) for input in (problem.input, huge)
    )

    assert (after.bound[..., 0, 0] > 1000 * before.bound[..., 0, 0]).all()


def test_either_of_two_transforms_may_be_taken():
    problem = ConvCase((6, 7), 2, 3).problem(real_numbers).at("float32")
    direct = exact.forward(problem, "float32")

    bounds = {}
    for names in ("fft", "winograd_4_3", "fft or winograd_4_3"):
        subject = Namespace("", {"conv2d": names})
        bounds[names] = transforms.bound(direct, "output", problem, subject, "float32").bound

    assert_equal(bounds["fft or winograd_4_3"], np.maximum(bounds["fft"], bounds["winograd_4_3"]))


def test_what_no_transform_computes_keeps_the_bound_of_direct_sums():
    problem = ConvCase((6, 7), 2, 3, padding=0).problem(real_numbers).changed(stride=2)
    problem = problem.changed(grad_output=problem.grad_output[..., ::2, ::2][..., :2, :3]).at("float32")
    direct = exact.forward(problem, "float32")

    assert transforms.bound(direct, "output", problem, subject_of(Winograd()), "float32") is direct
    assert transforms.bound(direct, "output", problem, Namespace(""), "float32") is direct
    assert transforms.bound(direct, "bias", problem, subject_of(Fft()), "float32") is direct


class Coarser(Winograd):
    """Winograd's algorithm in float32, with factors of fewer digits."""

    def __init__(self, dtype):
        super().__init__()
        self.dtype = dtype

    def transformed(self, tiles, matrix):
        """Round what is going to be multiplied, which has more axes than its sum."""
        found = super().transformed(tiles, matrix)
        return found if matrix is self.A_T or matrix.shape == (3, 6) else self.shortened(found)

    def shortened(self, numbers):
        """Round to the format, or to TF32's 11 significant bits."""
        if self.dtype != "tf32":
            return rounded(numbers, self.dtype)
        mantissa, exponent = np.frexp(numbers)
        return np.ldexp(np.round(mantissa * 2**11) / 2**11, exponent).astype("float32")


@pytest.mark.parametrize("dtype", ["tf32", "float16", "bfloat16"])
@pytest.mark.parametrize("case", ["5 by 5 outputs", "a batch", "16 channels"])
def test_a_format_with_coarse_factors_has_a_bound_that_holds_and_is_not_idle(dtype, case):
    problem, subject = LARGE_CONVOLUTIONS[case].problem(real_numbers).at(dtype), subject_of(Coarser(dtype))
    bounds = bounds_of(problem, Winograd(), dtype)

    found = (problem.forward(subject), *problem.backward(subject)[:2])

    for result, approximation in zip(found, bounds, strict=True):
        error = abs(rounded(result, dtype) - approximation.exact)
        assert 1 / 100 < (error / approximation.bound).max() <= 1
        in_float32 = bounds_of(problem, Winograd(), "float32")
        assert (error / in_float32[0].bound.max()).max() > 1 or result is not found[0]


@both
def test_a_convolution_of_zeros_is_beyond_every_bound(convolutions):
    for case in LARGE_CONVOLUTIONS.values():
        problem = case.problem(real_numbers)
        if problem.operation in convolutions.transforms:
            for approximation in bounds_of(problem, convolutions):
                found = abs(approximation.exact[approximation.exact != 0])  # where no window lies in the padding
                assert (found > approximation.bound[approximation.exact != 0]).mean() > 0.9
