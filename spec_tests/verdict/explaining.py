"""Hypotheses that may explain a result that its bound does not: which are tried, in which order, and which count."""

import contextlib
import time
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from spec_tests.verdict import one_pass
from spec_tests.verdict.asking import Question
from spec_tests.verdict.coarser import coarser, flushed, overflowing
from spec_tests.verdict.conventions import as_predictions
from spec_tests.verdict.more_room import known_deviations, transforming
from spec_tests.verdict.prediction import Array, Prediction, is_vacuous, off, rms, same
from spec_tests.verdict.saying import ENOUGH, SPREAD, ratio
from spec_tests.verdict.shapes import with_turned_axes
from spec_tests.vocabulary.formats import FORMATS, rounded

BETTER = 2
"""How much smaller the errors from a coarser format have to be than those from the exact value, outside the bound."""
MEANINGFUL = 16
"""A convention explains a result only if it leaves this part of its errors, or less."""
SECONDS = 20
"""How long other explanations are tried."""


def with_more_room(question: Question, part: str, got: Array) -> Iterator[Prediction]:
    """Yield what allows for larger errors: known deviations, transforms, coarser formats."""
    yield from known_deviations(question, part)
    yield from transforming(question, part)
    yield from (one for one in coarser(question, part, got) if not one.sharp)


class Patience:
    """How long hypotheses are tried: what is said after that leaves some of them out, and says so."""

    def __init__(self) -> None:
        self.until, self.ran_out = time.monotonic() + SECONDS, False

    def tried(self, predictions: Iterator[Prediction]) -> Iterator[Prediction]:
        """Yield hypotheses as long as there is time, and as long as they can be worked out: none may stop a verdict."""
        with (
            np.errstate(all="ignore"),
            contextlib.suppress(ArithmeticError, ValueError, TypeError, IndexError, KeyError),
        ):
            for prediction in predictions:
                if time.monotonic() > self.until:
                    self.ran_out = True
                    return
                yield prediction

    @property
    def note(self) -> str:
        """What to add to a verdict."""
        return "; not every other explanation was tried, which would take long" if self.ran_out else ""


def sharp(
    question: Question,
    part: str,
    got: Array,
    exact: Array,
    bound: Array,
    sums_are_exact: bool,
    patience: Patience,
) -> Iterator[Prediction]:
    """Yield what tells the digits of a result, and explains it."""
    for one in patience.tried(flushed(question, part)):
        if one.explains(got):  # all else is within its bound
            yield one
            return
    with np.errstate(invalid="ignore"):
        plain = rms(np.asarray(got, np.float64) - exact)
    differ = ~same(np.isfinite(got), np.isfinite(exact))
    for one in patience.tried(one_pass.predicted(question, part, got, bound)):
        if one.explains(got) and (rms(off(got, one)) * BETTER <= plain or differ.any()):
            yield one
    yield from (one for one in patience.tried(overflowing(question, part, exact)) if one.explains(got))
    for prediction in patience.tried(coarser(question, part, got)):
        prediction = _tightened(prediction, question) if sums_are_exact else prediction
        if not prediction.sharp or not prediction.explains(got) or is_vacuous(prediction, exact):
            continue
        if rms(off(got, prediction)) * BETTER <= plain or differ.any():
            yield prediction
    for turned in patience.tried(with_turned_axes(question, got, exact, bound)):
        if turned.explains(got) and (rms(off(got, turned)) * MEANINGFUL <= plain or differ.any()):
            yield turned
    overflows = not np.isfinite(got).all()
    for convention in patience.tried(as_predictions(question, part, exact, bound, sums_are_exact, overflows)):
        if convention.explains(got) and (rms(off(got, convention)) * MEANINGFUL <= plain or differ.any()):
            yield convention


def named_within(question: Question, part: str, got: Array, exact: Array, bound: Array) -> Prediction | None:
    """Return the convention that tells the digits of a result within its bound, if one leaves next to none of them."""
    plain = rms(np.asarray(got, np.float64) - exact)
    for convention in Patience().tried(as_predictions(question, part, exact, bound, False, False)):
        differing = convention.value.shape == exact.shape and (convention.value != exact).sum() >= ENOUGH
        if differing and convention.explains(got) and rms(off(got, convention)) * MEANINGFUL <= plain:
            return convention
    return None


def _tightened(prediction: Prediction, question: Question) -> Prediction:
    """Return what a coarser format predicts of sums that are exact in any order: those of shorter factors are, too."""
    if not prediction.sharp or prediction.name.startswith("int8"):  # its factors are no whole numbers any more
        return prediction
    _, is_stored, stored = prediction.name.rpartition("stored in ")
    u = FORMATS[stored if is_stored else question.dtype].roundoff
    return replace(prediction, allowed=u * abs(prediction.value))


def speaks_for_itself(got: Array, exact: Array, wrong: Array, prediction: Prediction) -> bool:
    """Tell whether there is more to a prediction than that errors are small: the result has the format's numbers."""
    if ratio(got, exact):
        return False
    stored = prediction.name.removeprefix("sums in ")
    if stored not in FORMATS and prediction.kind == "coarser":  # sums and steps that are rounded on the way
        return rms(np.asarray(got, np.float64) - exact) * ENOUGH <= rms(np.asarray(exact))
    if is_vacuous(prediction, exact):
        return False
    if stored not in FORMATS:  # a transform
        return True
    if stored != prediction.name and wrong.mean() < SPREAD:
        return False
    return bool(same(got, np.asarray(rounded(got, stored), np.float64)).all())
