"""No result depends on how its arguments lie in memory, nor on how many threads compute it.

Of every operation, and whatever argument lies in whatever layout: what is taken contiguous is taken so, with the same
values and the same gradients, exactly where nothing rounds and within the bound of the exact result elsewhere; what is
refused contiguous is refused so. `vocabulary/layouts.py` says what the layouts are.
"""

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import groupby

import numpy as np
import pytest
from hypothesis import assume

import reference
from spec_tests.vocabulary.bounds import Approximation
from spec_tests.vocabulary.compare import assert_within
from spec_tests.vocabulary.deviations import allowing
from spec_tests.vocabulary.exact import backward, forward
from spec_tests.vocabulary.formats import HALVES, exact_formats
from spec_tests.vocabulary.layout_cases import IN_TURN, in_turn
from spec_tests.vocabulary.layout_refusals import NEAR, REFUSED
from spec_tests.vocabulary.layouts import CONTIGUOUS, LAYOUTS, Plan, plans, under
from spec_tests.vocabulary.levels import about, contracts, gradients, refusals
from spec_tests.vocabulary.operations import MAX_POOLS, OPERATIONS, OPTIMIZERS
from spec_tests.vocabulary.operations.operation import Copies, Formulas, Sums
from spec_tests.vocabulary.optimizer_bounds import bound_steps, run_steps
from spec_tests.vocabulary.problems import SEEDS, real_numbers
from spec_tests.vocabulary.properties import for_all, problems
from spec_tests.vocabulary.refusals import assert_same_verdict
from spec_tests.vocabulary.subject import REFUSALS
from spec_tests.vocabulary.sums import assert_equal_sums
from spec_tests.vocabulary.threaded_cases import threaded_cases
from spec_tests.vocabulary.torch_when_needed import torchs_optimizer

# What is known to be wrong

TURNED = "batch-norm-turned-image"
WEIGHT_STRIDES = "batch-norm-weight-strides"
CRASH = "channels-last-conv-crash"
TIES = "pool3d-channels-last-indices"
UNBATCHED = "pool3d-unbatched-channels-last"
NLL = "nll-loss-2d-strides"
TOUCHED = {
    TURNED: "batch_norm",
    WEIGHT_STRIDES: "batch_norm",
    NLL: "nll_loss",
    TIES: "max_pool3d",
    UNBATCHED: "max_pool3d",
}
"""The operations that the known deviations touch."""


def known(problem, plan, dtype, asked):
    """Return the known deviations that a problem shows in these layouts, each in the narrow region that it has."""
    if problem.operation not in TOUCHED.values():
        return {CRASH} if asked is GRADIENTS and dtype != "float64" and may_crash(problem, plan) else set()
    laid = plan.laid(problem)
    both = (laid.input, laid.grad_output)
    match problem.operation:
        case "max_pool3d" if problem.input.ndim == 4:
            return {UNBATCHED} if any(map(is_in_channels_last_order, both)) else set()
        case "max_pool3d":
            return {TIES} if is_in_channels_last_order(laid.input) and (laid.input == -np.inf).any() else set()
        case _ if asked is not GRADIENTS:
            return set()
        case "nll_loss":
            reordered = not np.empty_like(laid.input, order="K").flags.c_contiguous
            return {NLL} if problem.input.ndim == 4 and reordered else set()
        case "batch_norm":
            gaps = any(has_gaps(laid.arrays[name]) for name in ("weight", "running_mean", "running_var"))
            neighbours = all(array.strides[1] == array.itemsize for array in both)
            turned = laid.input.strides != laid.grad_output.strides and any(map(is_turned, both))
            return {name for name, shown in ((TURNED, turned), (WEIGHT_STRIDES, gaps and neighbours)) if shown}
    return set()


def is_in_channels_last_order(array):
    """Tell whether torch takes an array of four or five axes for channels last: by the order of its strides alone."""
    least = 0
    for axis in (1, *range(array.ndim - 1, 1, -1), 0):
        if array.strides[axis] < least or (axis == 0 and least == array.strides[1]):
            return False
        least = array.strides[axis] * max(1, array.shape[axis])
    return True


def is_turned(array):
    """Tell whether the channels are neighbours in memory, but an axis of one entry has not the stride it would have."""
    last = np.moveaxis(array, 1, -1)
    return bool(last.flags.c_contiguous and not array.flags.c_contiguous and last.strides != last.copy().strides)


def has_gaps(array):
    """Tell whether neighbours along the only axis of an array, if it is there, are not neighbours in memory."""
    return array is not None and not array.flags.c_contiguous


def may_crash(problem, plan):
    """Tell whether torch may write past the memory of a convolution's gradient: 1x1, strided, channels last."""
    if not (problem.operation.startswith("conv") and set(problem.weight.shape[2:]) == {1}):
        return False
    return bool(np.max(problem.options.get("stride", 1)) > 1) and any(
        name in plan.layouts for name in ("input", "weight")
    )


# The comparisons


@dataclass(frozen=True)
class Asked:
    """What is asked of a subject about a problem, and the bound on it where it rounds."""

    of: Callable
    bound: Callable

    def expected(self, problem, subject, dtype):
        """Return the bound around the exact result, or the subject's own result where nothing rounds."""
        rounding = OPERATIONS[problem.operation].rounding
        rounds = isinstance(rounding, Formulas) or (isinstance(rounding, Sums) and dtype in HALVES)
        return self.bound(problem, dtype) if rounds else self.of(problem, subject)

    def compare(self, problem, subject, dtype, expected):
        """Require the subject's result to be what is expected."""
        for found, exact in zip(as_tuple(self.of(problem, subject)), as_tuple(expected), strict=True):
            if exact is None:
                assert found is None, "there is a gradient where there can be none"
            elif isinstance(exact, Approximation):
                assert_within(found, exact, dtype)
            else:
                assert_equal_sums(found, exact, problem, subject)


def as_tuple(results):
    """Return one result or several as a tuple."""
    return results if isinstance(results, tuple) else (results,)


OUTPUT = Asked(lambda problem, subject: np.asarray(problem.forward(subject)), forward)
GRADIENTS = Asked(lambda problem, subject: problem.backward(subject), backward)
INDICES = Asked(lambda problem, subject: problem.forward(subject, return_indices=True)[1], forward)

ASKED = {"output": OUTPUT, "gradients": GRADIENTS}
output_and_gradients = pytest.mark.parametrize("asked", ASKED)
"""Each by itself: what has no gradients is asked about its output all the same."""


def assert_the_same_in_every_layout(asked, operation, subject, dtype, share=IN_TURN, deviation=None):
    """Require it of every problem and plan but those that a known deviation touches, or of those of one deviation."""
    here = subject.at(dtype)
    for problem, taken in in_turn(operation, share):
        problem, expected = problem.at(dtype), {}
        for plan in taken:
            touching = known(problem, plan, dtype, asked) & subject.deviations
            if CRASH in touching or (touching if deviation is None else deviation not in touching):
                continue
            if plan.constant() not in expected:
                expected[plan.constant()] = asked.expected(plan.contiguous(problem), here, dtype)
            with under(plan, problem.options):
                asked.compare(plan.laid(problem), here, dtype, expected[plan.constant()])


# Values, gradients and indices


@contracts(*OPERATIONS)
@exact_formats
def test_an_output_does_not_depend_on_how_arguments_lie_in_memory(subject, operation, dtype):
    assert_the_same_in_every_layout(OUTPUT, operation, subject, dtype)


@contracts(*OPERATIONS)
@exact_formats
def test_gradients_do_not_depend_on_how_arguments_lie_in_memory(subject, operation, dtype):
    assert_the_same_in_every_layout(GRADIENTS, operation, subject, dtype)


@contracts(*MAX_POOLS)
@exact_formats
def test_indices_of_maxima_do_not_depend_on_how_the_input_lies_in_memory(subject, operation, dtype):
    assert_the_same_in_every_layout(INDICES, operation, subject, dtype)


@contracts(*dict.fromkeys(TOUCHED.values()))
@pytest.mark.parametrize("deviation", [pytest.param(id, marks=about(name)) for id, name in TOUCHED.items()])
def test_in_layouts_that_a_known_deviation_touches_gradients_are_the_same_too(subject, deviation):
    with allowing(subject, deviation):
        assert_the_same_in_every_layout(GRADIENTS, TOUCHED[deviation], subject, "float32", 1, deviation)


@contracts("max_pool3d")
@pytest.mark.parametrize("deviation", [UNBATCHED, TIES])
def test_in_layouts_that_a_known_deviation_touches_indices_are_the_same_too(subject, deviation):
    with allowing(subject, deviation):
        assert_the_same_in_every_layout(INDICES, "max_pool3d", subject, "float32", 1, deviation)


@pytest.mark.slow
@contracts(*OPERATIONS)
@exact_formats
def test_no_combination_of_layouts_changes_an_output(subject, operation, dtype):
    assert_the_same_in_every_layout(OUTPUT, operation, subject, dtype, share=1)


@pytest.mark.slow
@contracts(*OPERATIONS)
@exact_formats
def test_no_combination_of_layouts_changes_a_gradient(subject, operation, dtype):
    assert_the_same_in_every_layout(GRADIENTS, operation, subject, dtype, share=1)


NARROW = [
    name
    for name, row in OPERATIONS.items()
    if isinstance(row.rounding, Copies) or name in ("linear", "sigmoid", "tanh", "softmax", "log_softmax", "l1_loss")
]
"""What is compared in the half formats, too: the sums of the others have known faults there that are not of layouts."""


@pytest.mark.slow
@contracts(*NARROW)
@pytest.mark.parametrize("dtype", HALVES)
@output_and_gradients
def test_in_half_formats_results_do_not_depend_on_how_arguments_lie_either(subject, operation, dtype, asked):
    assert_the_same_in_every_layout(ASKED[asked], operation, subject, dtype)


@contracts(*OPERATIONS)
@output_and_gradients
@for_all(problem=problems(), number=SEEDS)
def test_a_drawn_problem_has_one_result_however_its_arguments_lie(subject, problem, dtype, number, asked):
    ways = plans(problem)
    assume(ways)
    plan = ways[number % len(ways)]
    assume(not known(problem, plan, dtype, ASKED[asked]) & subject.deviations)
    same = plan.contiguous(problem)
    assume(problem.operation not in ("nll_loss", "cross_entropy") or (same.target != same.ignore_index).any())

    with under(plan, problem.options):
        ASKED[asked].compare(plan.laid(problem), subject, dtype, ASKED[asked].expected(same, subject, dtype))


# Refusals


@refusals(*REFUSED)
@exact_formats
def test_what_is_refused_is_refused_however_it_lies_in_memory(subject, operation, dtype):
    refused, taken = REFUSED[operation].at(dtype), REFUSED[operation].changed(**NEAR[operation]).at(dtype)

    for plan in [Plan({}), *plans(refused)]:
        with under(plan, taken.options):
            assert_same_verdict(plan.laid(taken), subject.at(dtype))
        with pytest.raises(REFUSALS):
            plan.laid(refused).forward(subject.at(dtype))


# The 1x1 convolution whose gradient may end the process

IN_A_PROCESS_OF_ITS_OWN = """
import torch

images, ins, outs, size = {case}
x = torch.ones(images, ins, size, size).contiguous(memory_format=torch.channels_last).requires_grad_()
weight = torch.ones(outs, ins, 1, 1, requires_grad=True)
torch.set_num_threads(1)
output = torch.nn.functional.conv2d(x, weight, stride=2)
grad_input, grad_weight = torch.autograd.grad(output, (x, weight), torch.ones_like(output))
assert (grad_weight == images * (size // 2) ** 2).all(), grad_weight
assert (grad_input[:, :, ::2, ::2] == outs).all()
assert grad_input.sum() == grad_input[:, :, ::2, ::2].sum()
"""


@pytest.mark.slow
@pytest.mark.torch_api
@gradients("conv2d")
@pytest.mark.parametrize("case", [(2, 3, 64, 224), (2, 3, 64, 32), (1, 16, 17, 6)])
def test_a_strided_1x1_convolution_in_channels_last_has_the_same_gradient(subject, case):
    program = IN_A_PROCESS_OF_ITS_OWN.format(case=case)

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    with allowing(subject, CRASH):
        assert ended.returncode == 0, f"the process ended with {ended.returncode}: {ended.stderr[-300:]}"


# Optimizers

SHAPE = (4, 3, 2, 3)
DENSE = ("contiguous", "channels last", "the first axis last", "transposed", "from element 1", "from element 3")
"""Layouts without a gap, which torch keeps in what it makes of such a tensor."""
LIE = {name: layout for name, layout in {"contiguous": CONTIGUOUS, **LAYOUTS}.items() if layout.fits(SHAPE)}
OF_A_STEP = [
    (param, grad, state)
    for param in LIE
    for grad in LIE
    for state in ("contiguous", "transposed")
    if not LIE[param].expanded(4) and len({param, grad, state} - {"contiguous"}) in (1, 2)
]
SWITCHES = {"sgd": {"momentum": 0.5}, "rmsprop": {"momentum": 0.5, "centered": True}, "adam": {"amsgrad": True}}


def a_step(operation, grad, dtype):
    """Return a parameter, a gradient in this layout, contiguous, and the state after two steps before."""
    rng = np.random.default_rng(0)
    param, *grads = [np.asarray(real_numbers(rng, SHAPE)).astype(dtype) for _ in range(4)]
    options = SWITCHES.get(operation, {})
    param, state = run_steps(getattr(reference, operation), param, grads[:2], **options)
    return param, LIE[grad].values(grads[2]), state, options


@cache
def two_steps(operation, grad):
    """Return a parameter, a gradient in this layout, contiguous, and where two steps with it lead from no state."""
    param, gradient, _, options = a_step(operation, grad, "float32")
    return param, gradient, bound_steps(operation, param, [gradient] * 2, {}, options, "float32")[0]


@contracts(*OPTIMIZERS)
@exact_formats
def test_a_step_does_not_depend_on_how_its_arrays_lie_in_memory(subject, operation, dtype):
    for grad, ways in groupby(sorted(OF_A_STEP, key=lambda way: way[1]), key=lambda way: way[1]):
        param, gradient, state, options = a_step(operation, grad, dtype)
        exact, exact_state = bound_steps(operation, param, [gradient], state, options, dtype)
        for way in ways:
            lying = {k: v if k == "step" else LIE[way[2]].lay(np.asarray(v)) for k, v in state.items()}

            after, kept = getattr(subject.at(dtype), operation)(
                LIE[way[0]].lay(param), LIE[grad].lay(gradient), lying, **options
            )

            with under(*zip(("param", "grad", "state"), way, strict=True)):
                assert_within(after, exact, dtype)
                for name in state.keys() - {"step"}:
                    assert_within(np.asarray(kept[name]), exact_state[name], dtype)


IMPLEMENTATIONS = {"loop": {"foreach": False}, "foreach": {"foreach": True}, "fused": {"fused": True}}


@pytest.mark.torch_api
@contracts(*OPTIMIZERS)
@pytest.mark.parametrize("implementation", IMPLEMENTATIONS)
def test_no_implementation_of_a_step_depends_on_how_its_tensors_lie(subject, operation, implementation):
    if (operation, implementation) == ("rmsprop", "fused"):
        pytest.skip("torch has no fused RMSprop")
    options = SWITCHES.get(operation, {})
    for scattered in (False, True):  # what lies alike and without gaps comes first
        for param, grad in dict.fromkeys(way[:2] for way in OF_A_STEP):
            if scattered == (param in DENSE and grad == param):
                continue
            start, gradient, exact = two_steps(operation, grad)
            leaf = subject.tensor(LIE[param].lay(start)).requires_grad_()
            leaf.grad = subject.tensor(LIE[grad].lay(gradient))
            optimizer = torchs_optimizer(operation)([leaf], **options, **IMPLEMENTATIONS[implementation])

            optimizer.step(), optimizer.step()

            fused = ["fused-optimizer-strides"] * (implementation == "fused" and scattered)
            with allowing(subject, *fused), under(f"param {param}, grad {grad}"):
                assert_within(leaf.detach().cpu().numpy(), exact, "float32")


# Threads


@contracts(*OPERATIONS)
@output_and_gradients
def test_two_threads_compute_what_one_does(subject, operation, asked):
    assert_two_threads_agree(ASKED[asked], subject, threaded_cases(operation)[:1], "float32")


@pytest.mark.slow
@contracts(*OPERATIONS)
@exact_formats
@output_and_gradients
def test_two_threads_compute_what_one_does_in_every_large_case(subject, operation, dtype, asked):
    assert_two_threads_agree(ASKED[asked], subject, threaded_cases(operation), dtype)


def assert_two_threads_agree(asked, subject, cases, dtype):
    """Require the results of one thread, or within the bound where they round."""
    if not hasattr(subject, "threads"):
        pytest.skip(f"{subject.name} does not say how many threads it computes with")
    here = subject.at(dtype)
    for problem in cases:
        problem = problem.at(dtype)
        expected = asked.expected(problem, here, dtype)
        with here.threads(2):
            asked.compare(problem, here, dtype, expected)
