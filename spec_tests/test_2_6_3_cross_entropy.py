"""2.6.3 Cross entropy and negative log-likelihood: how little a model believed in what was true.

    cross_entropy(x, y) = −x[y] + log Σ e^x[j]          nll_loss(x, y) = −x[y], the mean over samples

The example: two models that tell cats, dogs and pigs apart, on three pictures of a pig, a dog and a cat.
"""

from math import exp, log

import numpy as np
import pytest
from hypothesis import strategies as st

import reference
from spec_tests.vocabulary.batches import as_printed_and_in_a_batch
from spec_tests.vocabulary.claims import erratum
from spec_tests.vocabulary.compare import assert_equal, assert_within
from spec_tests.vocabulary.exact import (
    assert_gradients_equal,
    assert_gradients_round_within_their_bounds,
    assert_rounds_within_its_bound,
    backward,
    forward,
)
from spec_tests.vocabulary.formats import FORMATS, all_formats, exact_formats
from spec_tests.vocabulary.levels import conventions, gradients, refusals, values
from spec_tests.vocabulary.problems import Problem, real_numbers, whole_numbers
from spec_tests.vocabulary.properties import for_all, problems
from spec_tests.vocabulary.refusals import assert_refused
from spec_tests.vocabulary.torch_when_needed import nn, torch
from spec_tests.worked_examples import MODEL_1, MODEL_2, ONE_HOT, TRUTH

SUMS = st.sampled_from(["sum", "none"])

# The document's example, by hand


@pytest.mark.claim("2.6.3.u")
def test_the_rows_of_the_truth_are_the_classes_pig_dog_cat_one_hot():
    assert ONE_HOT.argmax(axis=1).tolist() == TRUTH.tolist() == [2, 1, 0]


@pytest.mark.parametrize(
    ("model", "margins"),
    [
        pytest.param(MODEL_1, [0.1, 0.1, -0.6], marks=pytest.mark.claim("2.6.3.i", "2.6.3.j"), id="model 1"),
        pytest.param(MODEL_2, [0.5, 0.5, -0.1], marks=pytest.mark.claim("2.6.3.k", "2.6.3.l"), id="model 2"),
    ],
)
def test_the_model_is_right_twice_and_wrong_once_by_these_margins(model, margins):
    true_class = model[np.arange(3), TRUTH]
    best_other = np.where(ONE_HOT == 1, 0, model).max(axis=1)

    assert (model.argmax(axis=1) == TRUTH).tolist() == [True, True, False]
    assert (true_class - best_other).round(1).tolist() == margins
    assert model.sum(axis=1).round(15).tolist() == [1, 1, 1]


@values("nll_loss")
@pytest.mark.parametrize(
    ("model", "believed"),
    [
        pytest.param(MODEL_1, [0.4, 0.4, 0.1], marks=pytest.mark.claim("2.6.3.m"), id="model 1"),
        pytest.param(MODEL_2, [0.7, 0.7, 0.3], marks=pytest.mark.claim("2.6.3.q"), id="model 2"),
    ],
)
def test_the_model_gives_the_true_classes_these_probabilities(implementation, model, believed):
    assert_equal(implementation.nll_loss(model, TRUTH, reduction="none"), -np.array(believed))


@pytest.mark.claim("2.6.3.n")
@values("nll_loss")
def test_minus_the_natural_logarithm_of_0_4_is_0_916(implementation):
    loss = implementation.nll_loss(np.log(MODEL_1), TRUTH, reduction="none")

    assert loss.round(3).tolist()[:2] == [0.916, 0.916] == [round(-log(0.4), 3)] * 2


@pytest.mark.claim("2.6.3.o")
@values("nll_loss")
def test_minus_log_0_1_is_2_303_and_the_printed_2_302_is_cut_off_not_rounded(implementation):
    printed, corrected = erratum("2.6.3.o")

    loss = implementation.nll_loss(np.log(MODEL_1), TRUTH, reduction="none")[2]

    assert loss.round(3) == round(-log(0.1), 3) == corrected
    assert corrected != printed == int(-log(0.1) * 1000) / 1000


@pytest.mark.claim("2.6.3.p")
@values("nll_loss")
def test_the_loss_of_model_1_is_1_378_with_the_exact_terms_and_with_the_printed_ones(implementation):
    loss = implementation.nll_loss(np.log(MODEL_1), TRUTH)

    assert loss.round(3) == round((0.916 + 0.916 + 2.302) / 3, 3) == 1.378


@pytest.mark.claim("2.6.3.r")
@values("nll_loss")
def test_minus_the_logarithms_of_0_7_and_0_3_are_0_357_and_1_204(implementation):
    loss = implementation.nll_loss(np.log(MODEL_2), TRUTH, reduction="none")

    assert loss.round(3).tolist() == [0.357, 0.357, 1.204]


@pytest.mark.claim("2.6.3.s")
@values("nll_loss")
def test_the_loss_of_model_2_is_0_639(implementation):
    loss = implementation.nll_loss(np.log(MODEL_2), TRUTH)

    assert loss.round(3) == round((0.357 + 0.357 + 1.204) / 3, 3) == 0.639


@pytest.mark.claim("2.6.3.t")
@values("nll_loss")
def test_model_2_is_the_better_by_cross_entropy_though_both_are_right_as_often(implementation):
    accuracies = [(model.argmax(axis=1) == TRUTH).mean() for model in (MODEL_1, MODEL_2)]

    assert implementation.nll_loss(np.log(MODEL_2), TRUTH) < implementation.nll_loss(np.log(MODEL_1), TRUTH)
    assert accuracies == [2 / 3, 2 / 3]


@pytest.mark.claim("2.6.3.t")
@values("cross_entropy")
def test_a_smaller_cross_entropy_may_go_with_fewer_right_answers(implementation):
    hesitant, bold, truth = np.array([[0.49, 0.51]] * 2), np.array([[0.9, 0.1], [0.1, 0.9]]), np.array([0, 0])

    losses = [implementation.cross_entropy(np.log(model), truth) for model in (hesitant, bold)]

    assert [round(float(loss), 3) for loss in losses] == [0.713, 1.204]
    assert [(model.argmax(axis=1) == truth).sum() for model in (hesitant, bold)] == [0, 1]


@pytest.mark.claim("2.6.3.e")
@values("nll_loss", "cross_entropy")
@as_printed_and_in_a_batch
def test_without_a_reduction_named_the_loss_of_a_batch_is_the_mean_over_its_samples(implementation, form, operation):
    loss, loss_of_one = (getattr(layers, operation) for layers in (implementation, form(implementation)))
    single = [float(loss_of_one(np.log(model), np.array(c))) for model, c in zip(MODEL_1, TRUTH, strict=True)]

    mean = loss(np.log(MODEL_1), TRUTH)

    assert round(float(mean), 12) == round(sum(single) / 3, 12)
    assert round(float(mean), 3) not in [round(value, 3) for value in (sum(single), max(single), min(single))]


# Laws


@pytest.mark.claim("2.6.3.d")
@values("cross_entropy")
@as_printed_and_in_a_batch
def test_a_sample_costs_minus_its_score_plus_the_log_of_the_sum_of_all_exponentials(implementation, form):
    scores = np.log(np.array([2.0, 3.0, 5.0]))  # powers 2, 3 and 5, their sum 10

    losses = [form(implementation).cross_entropy(scores, np.array(c)) for c in range(3)]

    assert np.round(losses, 12).tolist() == np.round([-log(2 / 10), -log(3 / 10), -log(5 / 10)], 12).tolist()


@pytest.mark.claim("2.6.3.d")
@values("cross_entropy")
def test_scores_whose_powers_overflow_have_a_loss_all_the_same(subject):
    scores = np.array([[1e4, 0, -1e4], [-1e4, -1e4, 1e4]], "float32")

    losses = subject.cross_entropy(scores, np.array([1, 2]), reduction="none")

    assert scores.max() > log(np.finfo("float32").max)
    assert_equal(losses, np.array([1e4, 0], "float32"))


@pytest.mark.claim("2.6.3.g")
@values("nll_loss")
@for_all(problem=problems(numbers=whole_numbers, targets=("indices",)))
def test_nll_is_minus_the_score_of_the_true_class_averaged_over_the_samples(subject, dtype, problem):
    problem = problem.changed(weight=None)
    scores = np.moveaxis(problem.input, min(1, problem.input.ndim - 1), -1).reshape(-1, classes_of(problem))
    true = [(row, c) for row, c in zip(scores, problem.target.ravel(), strict=True) if c != problem.ignore_index]

    total = -sum(row[c] for row, c in true)

    assert_equal(np.asarray(problem.forward(subject, reduction="sum")), np.array(total, dtype))
    mean = float(problem.forward(subject, reduction="mean"))
    assert abs(mean - total / len(true)) <= 3 * FORMATS[dtype].roundoff * abs(total / len(true))  # by 1/n, 3 roundings


@pytest.mark.claim("2.6.3.g")
@values("nll_loss")
def test_nll_takes_no_logarithm_and_does_not_check_that_it_got_one(implementation):
    assert_equal(np.asarray(implementation.nll_loss(np.array([[0.25, 0.75]]), np.array([1]))), np.array(-0.75))


@pytest.mark.claim("2.6.3.c")
@values("nll_loss")
@for_all(problem=problems(numbers=whole_numbers, targets=("indices",)))
def test_a_class_weight_multiplies_the_losses_of_its_class(subject, dtype, problem):
    classes = classes_of(problem)
    weight = np.arange(1, classes + 1, dtype=problem.input.dtype)
    problem = problem.changed(weight=weight, reduction="none")

    weighted, plain = problem.forward(subject), problem.forward(subject, weight=None)

    factors = np.where(problem.target == problem.ignore_index, 0, problem.target) + 1
    assert_equal(weighted, np.asarray(plain * factors, dtype))


@pytest.mark.claim("2.6.3.c")
@values("nll_loss")
def test_the_weighted_mean_divides_by_the_weights_of_the_targets_not_by_the_samples(implementation):
    scores, weight = np.array([[-2.0, -4.0], [-6.0, -8.0]]), np.array([1.0, 3.0])

    loss = implementation.nll_loss(scores, np.array([0, 1]), weight=weight)

    assert loss == (1 * 2 + 3 * 8) / (1 + 3) == 6.5
    assert loss != (1 * 2 + 3 * 8) / 2


@pytest.mark.claim("2.6.3.c")
@values("nll_loss")
@for_all(problem=problems(numbers=whole_numbers, targets=("indices",)))
def test_weights_that_are_all_the_same_change_nothing_in_the_mean(subject, problem):
    classes = classes_of(problem)
    problem = problem.changed(weight=np.full(classes, 4, problem.input.dtype), reduction="mean")

    assert_equal(np.asarray(problem.forward(subject)), np.asarray(problem.forward(subject, weight=None)))


@pytest.mark.claim("2.6.3.c")
@values("cross_entropy")
def test_class_weights_multiply_losses_and_enter_the_divisor_of_the_mean(implementation):
    scores, truth, weight = np.log(MODEL_1), np.array([2, 1, 2]), np.array([1.0, 2.0, 4.0])
    by_hand = [4 * -log(0.4), 2 * -log(0.4), 4 * -log(0.7)]

    losses = implementation.cross_entropy(scores, truth, weight=weight, reduction="none")
    mean = implementation.cross_entropy(scores, truth, weight=weight)

    assert losses.round(12).tolist() == np.round(by_hand, 12).tolist()
    assert round(float(mean), 12) == round(sum(by_hand) / (4 + 2 + 4), 12) != round(sum(by_hand) / 3, 12)


@pytest.mark.claim("2.6.3.c")
@values("cross_entropy")
def test_class_weights_of_3_change_nothing_for_indices_and_triple_probabilities(implementation):
    scores, threes = np.log(MODEL_1), np.full(3, 3.0)

    of_indices, of_probabilities = (
        [float(implementation.cross_entropy(scores, target, weight=weight)) for weight in (None, threes)]
        for target in (TRUTH, MODEL_2)
    )

    assert round(of_indices[1], 12) == round(of_indices[0], 12)
    assert round(of_probabilities[1], 12) == round(3 * of_probabilities[0], 12)


@pytest.mark.claim("2.6.3.c")
@gradients("cross_entropy")
@pytest.mark.parametrize(
    ("weight", "best"), [(None, [0.9, 0.1]), (np.array([1.0, 9.0]), [0.5, 0.5])], ids=["unweighted", "weights 1 and 9"]
)
def test_weights_bring_no_feature_by_which_nine_samples_differ_from_one(implementation, weight, best):
    same_scores, truth = np.log(np.tile(best, (10, 1))), np.array([0] * 9 + [1])

    grad_input, *_ = implementation.cross_entropy_backward(np.array(1.0), same_scores, truth, weight=weight)

    assert grad_input.sum(axis=0).round(12).tolist() == [0, 0]  # what all ten have in common cannot be better
    assert abs(grad_input).round(12).min() > 0


@values("nll_loss")
@for_all(problem=problems(numbers=whole_numbers, targets=("indices",)))
def test_an_ignored_sample_counts_neither_in_the_sum_nor_in_the_means_divisor(subject, problem):
    counted = problem.target != problem.ignore_index
    scores = np.moveaxis(problem.input, min(1, problem.input.ndim - 1), -1)[counted]

    for reduction in ("sum", "mean"):
        without = subject.nll_loss(scores, problem.target[counted], weight=problem.weight, reduction=reduction)
        assert_equal(np.asarray(problem.forward(subject, reduction=reduction)), np.asarray(without))


def without_and_with_an_ignored_sample(dtype, weighted, smoothing):
    """Return a cross entropy of two samples, and the same with one between them whose class does not exist."""
    scores = np.array([[1.0, -2.0, 0.5], [3.0, 3.0, 4.0], [0.25, 2.0, -1.0]])
    weight = np.array([0.5, 2.0, 1.5]) if weighted else None
    options = {"ignore_index": -100, "reduction": "mean", "label_smoothing": smoothing}
    both = []
    for samples, target in (([0, 2], [2, 0]), ([0, 1, 2], [2, -100, 0])):
        arrays = {"input": scores[samples], "target": np.array(target), "weight": weight}
        both.append(Problem("cross_entropy", arrays, options, grad_output=np.array(3.0)).at(dtype))
    return both


@values("cross_entropy")
@exact_formats
@pytest.mark.parametrize("weighted", [False, True], ids=["no weight", "weighted"])
@pytest.mark.parametrize("smoothing", [0.0, 0.25])
def test_an_ignored_sample_does_not_count_whatever_is_weighted_or_smoothed(subject, dtype, weighted, smoothing):
    without, ignoring = without_and_with_an_ignored_sample(dtype, weighted, smoothing)

    for reduction in ("sum", "mean"):
        exact = forward(without.changed(reduction=reduction), dtype)
        assert_within(np.asarray(ignoring.forward(subject.at(dtype), reduction=reduction)), exact, dtype)


@gradients("cross_entropy")
@exact_formats
@pytest.mark.parametrize("weighted", [False, True], ids=["no weight", "weighted"])
@pytest.mark.parametrize("smoothing", [0.0, 0.25])
def test_an_ignored_sample_gets_no_gradient_and_changes_no_other(subject, dtype, weighted, smoothing):
    without, ignoring = without_and_with_an_ignored_sample(dtype, weighted, smoothing)

    grad_input, *_ = ignoring.backward(subject.at(dtype))

    assert_equal(grad_input[1], np.zeros(3, dtype))
    assert_within(grad_input[[0, 2]], backward(without, dtype)[0], dtype)


@pytest.mark.claim("2.6.3.f")
@values("cross_entropy")
@for_all(problem=problems(targets=("indices",)))
def test_cross_entropy_is_nll_of_the_log_softmax(subject, dtype, problem):
    problem = problem.changed(label_smoothing=0.0)
    layers = subject
    log_p = layers.log_softmax(problem.input, dim=min(1, problem.input.ndim - 1))
    options = {"weight": problem.weight, "ignore_index": problem.ignore_index, "reduction": problem.reduction}

    assert_within(np.asarray(layers.nll_loss(log_p, problem.target, **options)), forward(problem, dtype), dtype)


@pytest.mark.claim("2.6.3.f")
@values("nll_loss", "cross_entropy")
def test_nll_and_cross_entropy_agree_on_log_probabilities_and_differ_elsewhere(implementation, operation):
    log_p, scores, loss = np.log(np.array([[0.25, 0.75]])), np.array([[1.0, 2.0]]), getattr(implementation, operation)
    differ = {"nll_loss": -2, "cross_entropy": round(log(exp(1) + exp(2)) - 2, 3)}

    assert round(float(loss(log_p, np.array([1]))), 12) == round(-log(0.75), 12)
    assert round(float(loss(scores, np.array([1]))), 3) == differ[operation]
    assert differ["cross_entropy"] == 0.313


@pytest.mark.claim("2.6.3.h")
@values("sigmoid", "softmax")
def test_a_softmax_is_a_distribution_over_the_classes_and_single_sigmoids_are_not(implementation, operation):
    scores = np.array([1.0, 2.0, 3.0])

    if operation == "softmax":
        assert round(float(implementation.softmax(scores, dim=0).sum()), 12) == 1
    else:
        together = float(implementation.sigmoid(scores).sum())
        assert round(together, 3) == round(sum(1 / (1 + np.exp(-scores))), 3) == 2.564


@values("cross_entropy")
@for_all(problem=problems(numbers=whole_numbers, targets=("indices",), reductions=SUMS))
def test_class_probabilities_that_are_one_hot_cost_what_their_class_costs(subject, dtype, problem):
    problem = problem.changed(target=np.maximum(problem.target, 0) % classes_of(problem))
    axis = min(1, problem.input.ndim - 1)
    one_hot = np.moveaxis(np.eye(classes_of(problem), dtype=dtype)[problem.target], -1, axis)
    options = {"label_smoothing": problem.label_smoothing, "weight": problem.weight, "reduction": problem.reduction}

    loss = subject.cross_entropy(problem.input, one_hot, **options)

    expected = forward(problem.changed(ignore_index=-100), dtype)
    assert_within(np.asarray(loss), expected, dtype)


def classes_of(problem):
    """Return the number of classes: the size of the second axis, or of the only one."""
    return problem.input.shape[min(1, problem.input.ndim - 1)]


@values("cross_entropy")
def test_label_smoothing_shares_the_target_among_all_classes_and_their_weights(implementation):
    scores, weight = np.log(np.array([[2.0, 3.0, 5.0]])), np.array([1.0, 2.0, 4.0])
    log_p = [log(0.2), log(0.3), log(0.5)]

    loss = implementation.cross_entropy(scores, np.array([0]), weight=weight, label_smoothing=0.3, reduction="sum")

    by_hand = 0.7 * 1 * -log_p[0] + 0.3 / 3 * (1 * -log_p[0] + 2 * -log_p[1] + 4 * -log_p[2])
    assert round(float(loss), 12) == round(by_hand, 12)


@values("cross_entropy")
def test_with_class_probabilities_the_mean_divides_by_the_number_of_samples(implementation):
    uniform, weight = np.full((2, 4), 0.25), np.full(4, 6.0)

    loss = implementation.cross_entropy(np.zeros((2, 4)), uniform, weight=weight)

    assert round(float(loss), 12) == round(6 * log(4), 12)


@gradients("cross_entropy")
@for_all(problem=problems())
def test_the_gradient_for_the_scores_of_a_sample_sums_to_nothing(subject, dtype, problem):
    grad_input, *_ = problem.backward(subject)

    bound = sum_of_gradient_bounds(problem, dtype)
    assert (abs(grad_input.sum(axis=min(1, grad_input.ndim - 1), dtype="float64")) <= bound).all()


def sum_of_gradient_bounds(problem, dtype):
    """Return what the gradients of one sample may add up to instead of 0, each being off by its bound."""
    grad_input, *_ = backward(problem, dtype)
    return 2 * grad_input.bound.sum(axis=min(1, problem.input.ndim - 1))


# Equality and bounds


@pytest.mark.compares_with_reference
@values("nll_loss")
@exact_formats
@for_all(problem=problems(numbers=whole_numbers, targets=("indices",), reductions=SUMS))
def test_nll_loss_equals_the_reference_on_whole_numbers(subject, problem):
    assert_equal(problem.forward(subject), problem.forward(reference))


@pytest.mark.compares_with_reference
@gradients("nll_loss")
@exact_formats
@for_all(problem=problems(numbers=whole_numbers, targets=("indices",), reductions=SUMS))
def test_the_gradient_of_nll_loss_equals_the_references_on_whole_numbers(subject, problem):
    assert_gradients_equal(problem.backward(subject), problem.backward(reference))


@pytest.mark.claim("2.6.3.a")
@pytest.mark.compares_with_reference
@values("nll_loss", "cross_entropy")
@all_formats
@for_all(problem=problems())
def test_cross_entropy_and_nll_loss_round_within_their_bounds(subject, dtype, problem):
    assert_rounds_within_its_bound(problem, subject, dtype)


@pytest.mark.compares_with_reference
@gradients("nll_loss", "cross_entropy")
@all_formats
@for_all(problem=problems())
def test_the_gradients_of_cross_entropy_and_nll_loss_round_within_their_bounds(subject, dtype, problem):
    assert_gradients_round_within_their_bounds(problem, subject, dtype)


# Conventions


@conventions("nll_loss", "cross_entropy")
@exact_formats
@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4)])
def test_with_all_targets_ignored_the_mean_is_nan_and_the_sum_0(subject, operation, dtype, shape):
    scores, target = scores_with_all_targets_ignored(shape, dtype)

    assert_equal(np.asarray(getattr(subject, operation)(scores, target)), np.array(np.nan, dtype))
    assert_equal(np.asarray(getattr(subject, operation)(scores, target, reduction="sum")), np.array(0, dtype))


@conventions("nll_loss", "cross_entropy")
@exact_formats
@pytest.mark.parametrize("shape", [(2, 3), (2, 3, 4)])
def test_with_all_targets_ignored_the_gradient_is_0(subject, operation, dtype, shape):
    scores, target = scores_with_all_targets_ignored(shape, dtype)

    grads = getattr(subject, f"{operation}_backward")(np.array(3, dtype), scores, target)

    assert_equal(grads[0] if isinstance(grads, tuple) else grads, np.zeros(shape, dtype))


def scores_with_all_targets_ignored(shape, dtype):
    """Return scores of this shape, and the target that stands for none."""
    return np.arange(np.prod(shape)).reshape(shape).astype(dtype), np.full((shape[0], *shape[2:]), -100)


@conventions("nll_loss", "cross_entropy")
@exact_formats
def test_an_empty_batch_sums_to_0_and_averages_to_nan(subject, operation, dtype):
    nothing, targets = np.zeros((0, 3), dtype), np.zeros(0, np.int64)

    assert_equal(np.asarray(getattr(subject, operation)(nothing, targets, reduction="sum")), np.array(0, dtype))
    assert_equal(np.asarray(getattr(subject, operation)(nothing, targets)), np.array(np.nan, dtype))


@conventions("cross_entropy")
def test_an_impossible_true_class_costs_infinity_and_an_impossible_other_one_nothing(subject):
    scores = np.array([[-np.inf, 1.0], [-np.inf, 1.0]])

    losses = subject.cross_entropy(scores, np.array([0, 1]), reduction="none")

    assert_equal(losses, np.array([np.inf, 0.0]))


@conventions("nll_loss", "cross_entropy")
def test_the_weight_of_a_class_that_no_target_names_does_not_matter(subject, operation):
    scores, weight = np.zeros((2, 2)), np.array([1.0, np.nan])

    weighted = getattr(subject, operation)(scores, np.array([0, 0]), weight=weight)

    assert_equal(weighted, getattr(subject, operation)(scores, np.array([0, 0])))


@conventions("cross_entropy")
def test_where_all_targets_weigh_nothing_the_mean_is_nan(subject):
    mean = subject.cross_entropy(np.zeros((1, 2)), np.array([0]), weight=np.array([0.0, 1.0]))

    assert_equal(np.asarray(mean), np.array(np.nan))


@conventions("cross_entropy")
def test_where_all_targets_weigh_nothing_the_gradient_of_the_mean_is_nan(subject):
    weightless = {"weight": np.array([0.0, 1.0])}

    grad_input, *_ = subject.cross_entropy_backward(np.array(1.0), np.zeros((1, 2)), np.array([0]), **weightless)

    assert_equal(grad_input, np.array([[np.nan, np.nan]]))


@conventions("nll_loss")
@pytest.mark.parametrize("integer", ["int64", "uint8"])
def test_class_indices_are_int64_or_uint8(subject, integer):
    scores = np.array([[0.0, -1.0], [0.0, -2.0]])

    assert_equal(subject.nll_loss(scores, np.array([1, 0], integer), reduction="none"), np.array([1.0, 0.0]))


# Refusals: beside each refused call the nearest one that must be taken

SCORES, TARGET = np.zeros((2, 3)), np.array([0, 2])
REFUSED = {
    "a class that does not exist": (
        "target has class 3, expected 0 to 2",
        {"target": np.array([0, 3])},
        {"target": np.array([0, 2])},
    ),
    "a class far beyond the last": (
        "target has class 1000, expected 0 to 2",
        {"target": np.array([0, 1000])},
        {"target": np.array([0, 2])},
    ),
    "a negative class": (
        "target has class -1, expected 0 to 2",
        {"target": np.array([0, -1])},
        {"target": np.array([0, 0])},
    ),
    "more samples than targets": (
        r"target has shape \(1,\), expected \(2,\)",
        {"target": np.array([0])},
        {"target": np.array([0, 0])},
    ),
    "targets of another shape": (
        r"target has shape \(2, 1\), expected \(2,\)",
        {"target": np.array([[0], [1]])},
        {"target": np.array([0, 1])},
    ),
    "int32 targets": (
        "target has dtype int32, expected one of int64, uint8",
        {"target": TARGET.astype("int32")},
        {"target": TARGET},
    ),
    "a weight of the wrong length": (
        r"weight has shape \(2,\), expected \(3,\)",
        {"weight": np.ones(2)},
        {"weight": np.ones(3)},
    ),
    "a weight with two axes": (r"weight has shape \(1, 3\)", {"weight": np.ones((1, 3))}, {"weight": np.ones(3)}),
    "a weight of another dtype": (
        "input float64, weight float32",
        {"weight": np.ones(3, "float32")},
        {"weight": np.ones(3)},
    ),
    "an unknown reduction": (
        "reduction must be one of none, mean, sum, got 'avg'",
        {"reduction": "avg"},
        {"reduction": "mean"},
    ),
    "integer scores": ("input has dtype int64", {"input": SCORES.astype("int64")}, {"input": SCORES}),
    "scores without axes": (
        "input has no axes",
        {"input": np.array(0.0), "target": np.array(0)},
        {"input": np.array([0.0])},
    ),
    "uint8 targets with a further axis": (
        "target has dtype uint8, expected one of int64",
        {"input": np.zeros((2, 3, 4)), "target": np.zeros((2, 4), "uint8")},
        {"target": np.zeros((2, 4), "int64")},
    ),
    "no class": (
        r"input has shape \(2, 0\), expected at least one class",
        {"input": np.zeros((2, 0))},
        {"input": np.zeros((2, 3))},
    ),
    "an ignore_index of more than 64 bits": (
        "ignore_index must be a 64-bit integer",
        {"ignore_index": 2**70},
        {"ignore_index": 2**63 - 1},
    ),
    "an ignore_index that is no whole number": (
        "ignore_index must be a whole number",
        {"ignore_index": 1.5},
        {"ignore_index": 1},
    ),
}
"""The message, the arguments of a call that is refused, and those that mend it."""


@pytest.mark.claim("2.6.3.b")
@refusals("nll_loss", "cross_entropy")
@pytest.mark.parametrize("case", [case for case in REFUSED if "weight" in case])
def test_a_weight_that_is_not_one_number_a_class_is_refused(subject_on_cpu, operation, case):
    message, arguments, near = REFUSED[case]

    assert_refused(subject_on_cpu, operation, message, near=near, **{"input": SCORES, "target": TARGET, **arguments})


@refusals("nll_loss", "cross_entropy")
@pytest.mark.parametrize("case", [case for case in REFUSED if "weight" not in case])
def test_nll_loss_and_cross_entropy_refuse(subject_on_cpu, operation, case):
    message, arguments, near = REFUSED[case]

    assert_refused(subject_on_cpu, operation, message, near=near, **{"input": SCORES, "target": TARGET, **arguments})


EVEN = np.full((2, 3), 1 / 3)
REFUSED_BY_CROSS_ENTROPY = {
    "smoothing that is no number": (
        "label_smoothing must be a number, got '0.1'",
        {"label_smoothing": "0.1"},
        {"label_smoothing": 0.1},
    ),
    "smoothing over 1": (
        "label_smoothing must be from 0 to 1, got 1.5",
        {"label_smoothing": 1.5},
        {"label_smoothing": 1.0},
    ),
    "probabilities of another shape": (
        r"target has shape \(2, 2\), expected \(2, 3\)",
        {"target": EVEN[:, :2]},
        {"target": EVEN},
    ),
    "a class to ignore among probabilities": (
        "ignore_index 1 needs class indices",
        {"target": EVEN, "ignore_index": 1},
        {"target": TARGET},
    ),
    "the first class to ignore among probabilities": (
        "ignore_index 0 needs class indices",
        {"target": EVEN, "ignore_index": 0},
        {"ignore_index": -1},
    ),
}


@refusals("cross_entropy")
@pytest.mark.parametrize("case", REFUSED_BY_CROSS_ENTROPY)
def test_cross_entropy_refuses(subject_on_cpu, case):
    message, arguments, near = REFUSED_BY_CROSS_ENTROPY[case]
    call = {"input": SCORES, "target": TARGET, **arguments}

    assert_refused(subject_on_cpu, "cross_entropy", message, near=near, **call)


# The layers: torch.nn.CrossEntropyLoss and torch.nn.NLLLoss


@pytest.mark.torch_api
@pytest.mark.claim("2.6.3.e")
def test_the_layers_average_ignore_minus_100_and_do_not_smooth_by_default():
    layer = nn.CrossEntropyLoss()

    assert (layer.reduction, layer.ignore_index, layer.label_smoothing, layer.weight) == ("mean", -100, 0.0, None)
    assert (nn.NLLLoss().reduction, nn.NLLLoss().ignore_index, nn.NLLLoss().weight) == ("mean", -100, None)
    assert not list(layer.parameters())


@pytest.mark.torch_api
@pytest.mark.claim("2.6.3.b")
def test_the_weight_of_the_layer_is_one_number_a_class_and_no_parameter():
    layer = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0, 4.0]))

    assert layer.weight.shape == (3,)
    assert not list(layer.parameters())
    assert list(layer.state_dict()) == ["weight"]


@pytest.mark.torch_api
@pytest.mark.parametrize(("loss", "layer"), [("nll_loss", "NLLLoss"), ("cross_entropy", "CrossEntropyLoss")])
@for_all(seed=st.integers(0, 2**32 - 1))
def test_the_layer_computes_the_function(loss, layer, seed):
    rng = np.random.default_rng(seed)
    arrays = {"input": real_numbers(rng, (4, 3)), "target": rng.integers(0, 3, 4), "weight": np.arange(1.0, 4)}
    problem = Problem(loss, arrays, {"ignore_index": 1, "reduction": "sum"}, grad_output=np.array(1.0))

    built = getattr(nn, layer)(weight=torch.from_numpy(problem.weight), **problem.options)
    output = built(torch.from_numpy(problem.input), torch.from_numpy(problem.target))

    assert_within(output.numpy(), forward(problem, "float64"), "float64")
