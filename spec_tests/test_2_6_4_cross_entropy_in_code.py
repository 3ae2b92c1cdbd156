"""2.6.4 Cross entropy in code: which loss wants scores, and which wants logarithms of probabilities.

The section's script is run in `test_code_blocks.py`.
"""

import numpy as np
import pytest

from spec_tests.vocabulary.compare import assert_within
from spec_tests.vocabulary.exact import backward, forward
from spec_tests.vocabulary.levels import gradients, refusals, values
from spec_tests.vocabulary.problems import whole_numbers
from spec_tests.vocabulary.properties import for_all, problems
from spec_tests.vocabulary.refusals import assert_refused
from spec_tests.worked_examples import MODEL_1, MODEL_2, TRUTH


@pytest.mark.claim("2.6.4.a")
@values("cross_entropy")
@for_all(problem=problems(numbers=whole_numbers))
def test_cross_entropy_normalises_scores_so_adding_to_all_of_them_changes_nothing(subject, dtype, problem):
    shifted = problem.forward(subject, input=problem.input + np.asarray(8, dtype))

    assert_within(shifted, forward(problem, dtype), dtype)


@pytest.mark.claim("2.6.4.b")
@values("nll_loss", "cross_entropy")
@pytest.mark.parametrize(("model", "loss"), [(MODEL_1, 1.3784), (MODEL_2, 0.6391)], ids=["model 1", "model 2"])
def test_logarithms_of_probabilities_cost_the_same_in_nll_and_in_cross_entropy(implementation, model, loss):
    log_p = np.log(model)

    assert implementation.nll_loss(log_p, TRUTH).round(4) == loss
    assert implementation.cross_entropy(log_p, TRUTH).round(4) == loss


@pytest.mark.claim("2.6.4.b")
@values("cross_entropy")
@pytest.mark.parametrize(("model", "wrong"), [(MODEL_1, 1.1447), (MODEL_2, 0.8897)], ids=["model 1", "model 2"])
def test_bare_probabilities_in_cross_entropy_give_another_number(implementation, model, wrong):
    assert implementation.cross_entropy(model, TRUTH).round(4) == wrong


@pytest.mark.claim("2.6.4.c")
@values("cross_entropy")
@for_all(problem=problems(targets=("indices",)))
def test_cross_entropy_and_nll_of_the_log_softmax_are_within_the_same_bound(subject, dtype, problem):
    problem = problem.changed(label_smoothing=0.0)
    axis = min(1, problem.input.ndim - 1)
    options = {"weight": problem.weight, "ignore_index": problem.ignore_index, "reduction": problem.reduction}

    at_once = problem.forward(subject)
    in_two_steps = subject.nll_loss(subject.log_softmax(problem.input, dim=axis), problem.target, **options)

    assert_within(np.asarray(at_once), forward(problem, dtype), dtype)
    assert_within(np.asarray(in_two_steps), forward(problem, dtype), dtype)


@pytest.mark.claim("2.6.4.c")
@values("cross_entropy", "nll_loss", "log_softmax")
def test_with_label_smoothing_the_two_are_no_longer_the_same(implementation):
    log_p = implementation.log_softmax(np.log(MODEL_1), dim=1)

    smoothed, plain = (implementation.cross_entropy(np.log(MODEL_1), TRUTH, label_smoothing=s) for s in (0.1, 0.0))

    assert round(float(plain), 12) == round(float(implementation.nll_loss(log_p, TRUTH)), 12)
    assert round(float(smoothed), 3) != round(float(plain), 3)


@pytest.mark.claim("2.6.4.c")
@gradients("cross_entropy")
@for_all(problem=problems(targets=("indices",)))
def test_the_gradient_of_cross_entropy_is_that_of_nll_through_the_log_softmax(subject, dtype, problem):
    problem = problem.changed(label_smoothing=0.0)
    axis = min(1, problem.input.ndim - 1)
    options = {"weight": problem.weight, "ignore_index": problem.ignore_index, "reduction": problem.reduction}

    log_p = subject.log_softmax(problem.input, dim=axis)
    grad_log_p = subject.nll_loss_backward(problem.grad_output, log_p, problem.target, **options)
    chained = subject.log_softmax_backward(grad_log_p, problem.input, dim=axis)

    assert_within(chained, backward(problem, dtype)[0], dtype)


@pytest.mark.claim("2.6.4.f")
@refusals("nll_loss", "cross_entropy")
@pytest.mark.parametrize("other", ["int32", "int16", "int8", "bool", "float64"])
def test_targets_of_another_dtype_than_long_and_uint8_are_refused(subject_on_cpu, operation, other):
    message = (
        "target has" if operation == "nll_loss" or other != "float64" else r"target has shape \(2,\), expected \(2, 3\)"
    )
    call, near = {"input": np.zeros((2, 3)), "target": np.array([0, 1]).astype(other)}, {"target": np.array([0, 1])}

    assert_refused(subject_on_cpu, operation, message, near=near, **call)
