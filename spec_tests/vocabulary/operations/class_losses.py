"""The losses of classes: nll_loss and cross_entropy."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from hypothesis import strategies as st

from spec_tests.vocabulary import everyday, large_cases
from spec_tests.vocabulary.bounds import Rounded
from spec_tests.vocabulary.formats import Format
from spec_tests.vocabulary.operations.activation import log_softmax
from spec_tests.vocabulary.operations.operation import (
    BEND,
    NOTHING,
    SLOPE,
    Formulas,
    GradientCheck,
    Operation,
    Rung,
    large_numbers,
    on_a_grid,
    typical,
)
from spec_tests.vocabulary.operations.regression_losses import MEAN, REDUCTIONS, SUMS
from spec_tests.vocabulary.problems import (
    SEEDS,
    Array,
    Numbers,
    Problem,
    choice,
    leading,
    per_axis,
    real_numbers,
    whole_numbers,
)

# What is drawn


@st.composite
def class_problems(
    draw: st.DrawFn,
    operation: str,
    numbers: Numbers = real_numbers,
    reductions: st.SearchStrategy[str] = REDUCTIONS,
    targets: tuple[str, ...] = ("indices", "probabilities"),
) -> Problem:
    """Draw an nll_loss or cross_entropy: batch and further axes, class weights, ignored samples, smoothing.

    Half of them are usual ones: the mean over samples of scores (N, C), and nothing else.
    """
    usual, classes = draw(everyday.IS_USUAL), draw(choice(*everyday.now_and_then(range(1, 5), *everyday.WIDE)))
    further: tuple[int, ...] = ()
    if usual:
        batch, weighted, ignored, smoothing, share = leading(draw, batched=True), False, -100, 0.0, 0.0
        kind, reduction = targets[0], draw(MEAN if reductions is REDUCTIONS else reductions)
    else:
        batch = leading(draw)
        further = per_axis(draw, draw(choice(*range(3))), 1, 3) if batch else ()
        kind, weighted, reduction = draw(choice(*targets)), draw(choice(False, True)), draw(reductions)
        ignored = draw(choice(-100, 7, *range(classes > 1))) if kind == "indices" else -100
        smoothing = draw(choice(0.0, 0.25, 1.0)) if operation == "cross_entropy" else 0.0
        share = draw(choice(0.0, 0.3)) if kind == "indices" else 0.0
    rng = np.random.default_rng(draw(SEEDS))
    samples = (*batch, *further)
    if kind == "indices":
        target: Array = rng.integers(0, classes, samples)
        target = np.where(rng.random(samples) < share, ignored, target)
        if (target == ignored).all():  # a mean over nothing is a convention, tested by itself
            target[(0,) * target.ndim] = classes - 1 if classes - 1 != ignored else 0
    else:
        target = np.moveaxis(rng.dirichlet(np.ones(classes), samples), -1, min(1, len(batch)))
    arrays = {
        "input": numbers(rng, (*batch, classes, *further)),
        "target": target,
        "weight": np.abs(numbers(rng, (classes,))) + 0.5 if weighted else None,
    }
    options: dict[str, Any] = {"ignore_index": ignored, "reduction": reduction}
    if operation == "cross_entropy":
        options["label_smoothing"] = smoothing
    return Problem(operation, arrays, options, numbers(rng, samples if reduction == "none" else ()))


# The formulas, in the plainest stable form, on `Rounded` numbers


def class_loss(problem: Problem, fmt: Format, stored: bool = False) -> Rounded:
    """Minus the weighted scores (nll_loss) or log-softmaxes (cross_entropy) of the target, reduced.

    With `stored`, the sums over samples are rounded to the format at every step (a known deviation of half formats).
    """
    shares, log_p = _shares(problem, fmt), _log_p(problem, fmt)
    if (
        np.asarray(log_p.value).dtype != object and not np.isfinite(log_p.value).all()
    ):  # a class that cannot be and has no share counts for nothing
        log_p = log_p.where(shares.value != 0)
    losses = -(shares * log_p).sum(-1)
    losses = losses.reshape(losses.value.shape[:-1])
    if problem.reduction == "none":
        return losses
    total = _sum(losses, stored)
    return total if problem.reduction == "sum" else total / _class_divisor(problem, fmt, stored)


def class_loss_gradients(problem: Problem, fmt: Format, stored: bool = False) -> tuple[Rounded | None, ...]:
    """p · Σ shares − shares for cross_entropy, −shares for nll_loss; class probabilities have their own gradients."""
    g = Rounded.exactly(problem.grad_output, fmt)
    g = g / _class_divisor(problem, fmt, stored) if problem.reduction == "mean" else g
    g = g.reshape((*g.value.shape, 1))
    shares = _shares(problem, fmt)
    if problem.operation == "nll_loss":
        return ((-shares * g).moveaxis(-1, min(1, problem.input.ndim - 1)),)
    log_p = _log_p(problem, fmt)
    grad_input = ((log_p.exp() * shares.sum(-1) - shares) * g).moveaxis(-1, min(1, problem.input.ndim - 1))
    if problem.target.dtype.kind in "iu":
        return grad_input, None, None
    weight = 1.0 if problem.weight is None else problem.weight
    grad_target = (-log_p * g * weight * (1 - problem.label_smoothing)).moveaxis(-1, min(1, problem.input.ndim - 1))
    if problem.weight is None:
        return grad_input, grad_target, None
    return grad_input, grad_target, (-log_p * g * _smoothed(problem, fmt)).sum_to(problem.weight.shape)


def _classes_last(problem: Problem, values: Array) -> Array:
    return np.moveaxis(values, min(1, problem.input.ndim - 1), -1)


def _log_p(problem: Problem, fmt: Format) -> Rounded:
    scores = _classes_last(problem, problem.input)
    return Rounded.exactly(scores, fmt) if problem.operation == "nll_loss" else log_softmax(scores, -1, fmt)


def _smoothed(problem: Problem, fmt: Format) -> Rounded:
    """The target as a distribution, the one-hot one of a class index included, smoothed."""
    if problem.target.dtype.kind not in "iu":
        target = _classes_last(problem, problem.target)
    else:
        classes = _classes_last(problem, problem.input).shape[-1]
        target = (np.arange(classes) == problem.target[..., np.newaxis]).astype(np.float64)
    smoothing = problem.options.get("label_smoothing", 0.0)
    if smoothing == 0:
        return Rounded.exactly(target, fmt)
    return Rounded.exactly(target, fmt) * (1 - smoothing) + Rounded.exactly(smoothing, fmt) / target.shape[-1]


def _shares(problem: Problem, fmt: Format) -> Rounded:
    shares = _smoothed(problem, fmt)
    if problem.weight is not None:
        shares = shares * problem.weight
    return shares if problem.target.dtype.kind not in "iu" else shares.where(_counted(problem)[..., np.newaxis])


def _counted(problem: Problem) -> Array:
    return np.asarray(problem.target != problem.ignore_index)


def _class_divisor(problem: Problem, fmt: Format, stored: bool) -> Rounded:
    """The number of samples, or with class indices the sum of the weights of those that count."""
    if problem.target.dtype.kind not in "iu":
        return Rounded.exactly(_classes_last(problem, problem.input)[..., 0].size, fmt)
    if problem.weight is None:
        return Rounded.exactly(_counted(problem).sum(), fmt)
    counted = _counted(problem)
    return _sum(Rounded.exactly(problem.weight[np.where(counted, problem.target, 0)] * counted, fmt), stored)


def _sum(numbers: Rounded, stored: bool) -> Rounded:
    """Return the sum over samples, accumulated as the format says, or `stored` in the format at every step."""
    if not stored:
        return numbers.sum()
    total = replace(numbers, fmt=replace(numbers.fmt, accumulation=numbers.fmt.roundoff)).sum()
    return replace(total, fmt=numbers.fmt)


# The rows

FORMULAS = Formulas(
    class_loss,
    class_loss_gradients,
    allowing={
        "float16-class-weight-sum": Formulas(
            partial(class_loss, stored=True), partial(class_loss_gradients, stored=True)
        )
    },
)


def _bend(problem: Problem, argument: str) -> float:
    """Return K: cross_entropy bends in the scores alone, and nll_loss nowhere."""
    if problem.operation == "nll_loss" or argument != "input":
        return 0.0
    return _greatest_share(problem) * float(abs(problem.grad_output).sum())


def _greatest_share(problem: Problem) -> float:
    """Return K for one number of cross_entropy: the variance of d, times the weights of the samples added up in it."""
    weight = np.ones(1) if problem.weight is None else problem.weight
    most, least = float(weight.max()), float(weight.min())
    if problem.reduction == "mean":  # of class indices, it divides by their weights
        return most if problem.target.dtype.kind not in "iu" else most / least
    classes = problem.input.shape[min(1, problem.input.ndim - 1)]
    return most * (problem.input.size // classes if problem.reduction == "sum" else 1)


def _differentiable(problem: Problem) -> tuple[str, ...]:
    """Return what has a gradient: with class indices the input alone."""
    if problem.target.dtype.kind in "iu":
        return ("input",)
    return ("input", "target") if problem.weight is None else ("input", "target", "weight")


_SCORES = {"input": (2, 3), "target": np.array([2, 0]), "weight": np.array([1.0, 2.0, 4.0])}
_COMMON_RUNGS = (
    Rung("sum", lambda problem: problem.reduction == "sum"),
    Rung("none", lambda problem: problem.reduction == "none"),
    Rung("weight", lambda problem: problem.weight is not None),
    Rung("ignore_index", lambda problem: bool((problem.target == problem.ignore_index).any())),
    Rung("further axes", lambda problem: problem.input.ndim > 2),
)
_WITHOUT_A_BATCH = Rung("without a batch", lambda problem: problem.input.ndim == 1)
_nll, _cross_entropy = (partial(class_problems, name) for name in ("nll_loss", "cross_entropy"))

ROWS = (
    Operation(
        name="nll_loss",
        section="2.6.3",
        gradients=("input",),
        problems=partial(_nll, targets=("indices",)),
        any_problem=_nll(whole_numbers, targets=("indices",)),
        rounding=FORMULAS,
        checks={
            NOTHING: GradientCheck(_nll(whole_numbers, SUMS, targets=("indices",)), ("input",)),
            BEND: GradientCheck(_nll(reductions=MEAN, targets=("indices",)).map(on_a_grid), ("input",)),
        },
        bend=_bend,
        typical=typical("nll_loss", (2,), {"reduction": "none", "ignore_index": -100}, **_SCORES),
        large=large_cases.NLL_LOSS,
        rungs=(*_COMMON_RUNGS, _WITHOUT_A_BATCH),
    ),
    Operation(
        name="cross_entropy",
        section="2.6.3",
        gradients=("input", "target", "weight"),
        differentiable=_differentiable,
        problems=_cross_entropy,
        any_problem=_cross_entropy(),
        rounding=FORMULAS,
        checks={
            BEND: GradientCheck(_cross_entropy().map(on_a_grid), ("input", "target", "weight")),
            SLOPE: GradientCheck(_cross_entropy().map(on_a_grid), ("input",)),
        },
        bend=_bend,
        typical=typical("cross_entropy", (2,), {"reduction": "none", "ignore_index": -100}, **_SCORES),
        large=large_cases.CROSS_ENTROPY,
        rungs=(
            large_numbers,
            *_COMMON_RUNGS,
            Rung("label_smoothing", lambda problem: problem.options.get("label_smoothing", 0.0) > 0),
            Rung("class probabilities", lambda problem: problem.target.dtype.kind not in "iu"),
            _WITHOUT_A_BATCH,
        ),
    ),
)
