"""The decision about one result: exact, rounding, a coarser format, another convention, or wrong.

What plain rounding explains needs no other explanation: a result within its bound is judged by another hypothesis only
if that one tells its digits, with errors `CLOSER` times smaller than those from the exact value at `ENOUGH` elements or
more. Roundings of a right way know nothing of such a hypothesis, and are not correlated with it.

Outside the bound, what predicts digits comes first: formats and conventions, the nearest of them. What only allows for
larger errors comes after: a format, if all numbers of the result are the format's; transforms; known deviations.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from spec_tests.verdict import likely, ways
from spec_tests.verdict.asking import BadCase, Question, Unknown
from spec_tests.verdict.coarser import coarser
from spec_tests.verdict.explaining import Patience, named_within, sharp, speaks_for_itself, with_more_room
from spec_tests.verdict.more_room import transforming
from spec_tests.verdict.prediction import Array, Prediction, off, rms, same
from spec_tests.verdict.saying import ENOUGH, SPREAD, how_wrong, the_largest, where
from spec_tests.verdict.shapes import of_another_shape
from spec_tests.vocabulary.formats import FORMATS, rounded

EXACT, ROUNDING = "exact", "rounding"
COARSER, CONVENTION = "a coarser format", "another convention"
WRONG, UNKNOWN = "wrong", "cannot say"
DECISIONS = (EXACT, ROUNDING, COARSER, CONVENTION, WRONG, UNKNOWN)
RIGHT = (EXACT, ROUNDING)

CLOSER = 8
"""How much smaller errors from another hypothesis have to be, to prefer it to plain rounding."""
SAME_FIT = 4
"""Explanations whose remaining errors differ by less than this factor explain a result equally well."""
LARGEST_CASE = 4_000_000
"""Numbers of a result from which on only its bound is asked: everything else would take minutes."""


@dataclass(frozen=True)
class Part:
    """What is to be said of one result."""

    part: str
    """What it is: output, grad_weight, ..."""
    decision: str
    because: str
    """The explanation, in plain words."""
    got: Any = field(default=None, repr=False)
    exact: Any = field(default=None, repr=False)
    bound: Any = field(default=None, repr=False)
    share: float = 0.0
    """The largest error as a share of its bound."""
    error: float = 0.0
    """The largest error."""
    explanation: str = ""
    """The name of the hypothesis that explains it, if there is one."""
    alternatives: tuple[str, ...] = ()
    """Other hypotheses that explain it as well."""
    wrong: Array | None = field(default=None, repr=False)
    """Where elements lie outside their bounds."""

    @property
    def is_right(self) -> bool:
        """Whether it is what a right implementation may give."""
        return self.decision in RIGHT


def decide(question: Question, part: str, got: Any) -> Part:
    """Judge one result."""
    try:
        exact, bound = question.expected(part)
    except Unknown as reason:
        return Part(part, UNKNOWN, str(reason), got)
    if exact is None:
        raise BadCase(f"{part} is none: this argument has no gradient in this call")
    exact, bound, got = np.asarray(exact), np.asarray(bound, np.float64), np.asarray(got)
    if got.shape != exact.shape:
        return _of_another_shape(question, part, got, exact, bound)
    if not got.size:
        return Part(part, EXACT, "there is no element, and none was expected", got, exact, bound)
    if np.isinf(bound).all():
        return Part(part, UNKNOWN, f"no error can be told from rounding here: no bound of {part} is finite", got)
    return _decided(question, part, got, exact, bound)


def _decided(question: Question, part: str, got: Array, exact: Array, bound: Array) -> Part:
    sums_are_exact = exact.dtype.kind == "f" and ways.is_exact_in_any_order(question, part)
    with np.errstate(all="ignore"):
        errors = abs(np.asarray(got, np.float64) - exact)
        nearest = rounded(exact, question.dtype) if exact.dtype.kind == "f" else exact
        is_nearest = same(np.asarray(got, np.float64), np.asarray(nearest, np.float64))
        outside = ~within(got, exact, bound, question.dtype)
        wrong, unjudged = outside & ~np.isinf(bound), outside & np.isinf(bound)
        shares = np.where(same(got, exact), 0, errors / np.where(bound > 0, bound, np.where(wrong, 0, 1)))
    shares = np.where(np.isfinite(shares) & np.isfinite(bound), shares, np.where(wrong, np.inf, 0))
    error = float(np.max(np.where(same(got, exact), 0, errors), initial=0.0))
    measured: dict[str, Any] = {
        "share": float(shares.max()),
        "error": error,
        "got": got,
        "exact": exact,
        "bound": bound,
    }
    certain = sums_are_exact or not bound.any() or question.dtype != "float64"
    if is_nearest.all() and (certain or same(got, exact).all()):
        return Part(part, EXACT, _exactly(sums_are_exact, bound, got, exact), **measured)
    if unjudged.any() and not wrong.any():
        many = int(unjudged.sum())
        says = f"{many} of {got.size} elements {'has' if many == 1 else 'have'} no finite bound, and cannot be judged"
        return Part(part, UNKNOWN, f"{says}{where(unjudged)}; all others are right", **measured, wrong=unjudged)
    if not wrong.any():
        return _within(question, part, sums_are_exact, measured)
    return _outside(question, part, wrong, sums_are_exact, measured)


def within(got: Array, exact: Array, bound: Array, dtype: str) -> Array:
    """Return where a result is the exact value, the exact value rounded once, or within a bound that is finite."""
    with np.errstate(all="ignore"):
        nearest = rounded(exact, dtype) if exact.dtype.kind == "f" else exact
        wide = np.asarray(got, np.float64)
        is_met = same(wide, exact) | same(wide, np.asarray(nearest, np.float64))
        return np.asarray(is_met | ((abs(wide - exact) <= bound) & np.isfinite(bound)))


def _exactly(sums_are_exact: bool, bound: Array, got: Array, exact: Array) -> str:
    if not bound.any() or (sums_are_exact and same(np.asarray(got, np.float64), exact).all()):
        return "every element is the exact value"
    return "every element is the exact value, rounded once"


def _within(question: Question, part: str, sums_are_exact: bool, measured: dict[str, Any]) -> Part:
    got, exact = measured["got"], measured["exact"]
    step = 2.0 ** np.floor(np.log2(_quantum(question, part))) if sums_are_exact else 0.0
    says = _largest(measured)
    if got.size <= LARGEST_CASE:
        for prediction in Patience().tried(coarser(question, part, got)):
            if prediction.sharp and _is_plainer(prediction, got, exact):
                because = f"fits {prediction.says}; {says}, which rounding alone would allow, but its digits are these"
                return Part(part, COARSER, because, **measured, explanation=prediction.name)
    if sums_are_exact:
        if measured["error"] >= step / 4 and not _is_rounded_once(question, got, exact):
            wrong = ~same(np.asarray(got, np.float64), np.asarray(rounded(exact, question.dtype), np.float64))
            return _outside(question, part, wrong, True, measured)
        says += (
            "; these numbers add up without any rounding, in any order: what is left comes from a transform (FFT, "
            "Winograd) or from factors that were split"
        )
        return Part(part, ROUNDING, says, **measured, explanation="a transform")
    found = likely.doubt(question, part, got, exact, measured["bound"]) if got.size <= LARGEST_CASE else None
    named = named_within(question, part, got, exact, measured["bound"]) if found is not None else None
    if named is not None:
        decision = COARSER if named.kind == "coarser" else CONVENTION
        because = f"fits {named.says}; {says}, but its digits are these"
        return Part(part, decision, because, **measured, explanation=named.name)
    if found is not None and found.is_clear and not _is_of_a_transform(question, part, measured, found.elements):
        many = f"{int(found.elements.sum())} of {got.size} elements{where(found.elements)}"
        because = f"within the bound, but rounding seldom makes such errors, in {many}{found.says}; {says}"
        return Part(part, UNKNOWN, because, **measured, wrong=found.elements)
    beside = ways.compared(question, part, got, exact) if got.size <= LARGEST_CASE else None
    if beside is not None:
        return Part(part, ROUNDING, f"{says}; {beside.text()}", **measured, explanation=beside.nearest)
    return Part(part, ROUNDING, says, **measured)


def _largest(measured: dict[str, Any]) -> str:
    return the_largest(measured["error"], measured["share"], measured["bound"])


def _is_of_a_transform(question: Question, part: str, measured: dict[str, Any], elements: Array) -> bool:
    """Tell whether a result may be that of a transform: its errors are larger than those of sums, and everywhere."""
    return any(
        one.explains(measured["got"]) and _is_likely(question, part, measured, elements, one)
        for one in Patience().tried(transforming(question, part))
    )


def _quantum(question: Question, part: str) -> float:
    """Return what all sums that are exact are multiples of."""
    exact, _ = question.expected(part)
    return ways.quantum(exact)


def _is_rounded_once(question: Question, got: Array, exact: Array) -> bool:
    return bool(same(np.asarray(got, np.float64), np.asarray(rounded(exact, question.dtype), np.float64)).all())


def _is_plainer(prediction: Prediction, got: Array, exact: Array) -> bool:
    """Tell whether a prediction tells the digits of a result that plain rounding would explain as well."""
    if not prediction.explains(got) or not np.isfinite(exact).all():
        return False
    if len(np.unique(exact[prediction.value != exact])) < ENOUGH:  # equal numbers tell their digits but once
        return False
    return rms(off(got, prediction)) * CLOSER <= rms(np.asarray(got, np.float64) - exact)


# Outside the bound


def _outside(question: Question, part: str, wrong: Array, sums_are_exact: bool, measured: dict[str, Any]) -> Part:
    got, exact, bound = (measured[name] for name in ("got", "exact", "bound"))
    if got.size > LARGEST_CASE:
        return Part(part, WRONG, how_wrong(got, exact, wrong), **measured, wrong=wrong)
    if _may_overflow(question, part, got, exact):
        says = "partial sums may leave the format although the sum itself does not: that depends on their order"
        return Part(part, UNKNOWN, says, **measured)
    patience = Patience()
    found = list(sharp(question, part, got, exact, bound, sums_are_exact, patience))
    if found:
        explained = _explained(part, got, found, measured, wrong)
        return replace(explained, because=explained.because + patience.note)
    for prediction in patience.tried(with_more_room(question, part, got)):
        allowed = prediction.explains(got) and (
            speaks_for_itself(got, exact, wrong, prediction) or _is_accumulated(question, part, got, wrong, prediction)
        )
        in_a_format = prediction.name.removeprefix("sums in ")
        if allowed and prediction.name.startswith("sums in ") and in_a_format in FORMATS:
            allowed = not ways.is_exact_in_any_order(question, part, in_a_format)
        elif sums_are_exact:
            allowed = allowed and _settles(got, exact)
        if allowed and _is_likely(question, part, measured, wrong, prediction):
            decision = ROUNDING if prediction.kind == "rounding" else COARSER
            because = f"fits {prediction.says}; {_largest(measured)}"
            return Part(part, decision, because, **measured, explanation=prediction.name)
    because = how_wrong(got, exact, wrong) + patience.note
    return Part(part, WRONG, because, **measured, wrong=wrong)


def _is_likely(
    question: Question, part: str, measured: dict[str, Any], outliers: Array, prediction: Prediction
) -> bool:
    """Tell whether the errors of a result are of the size, and spread as, those of an arithmetic that allows them."""
    got, exact, bound = (measured[name] for name in ("got", "exact", "bound"))
    if not likely.is_everywhere(got, prediction.value, prediction.allowed):
        return False
    if outliers.mean() < SPREAD and not likely.are_larger(question, part, got, exact, bound, outliers):
        return False
    accumulated_in = prediction.accumulated_in
    return not accumulated_in or likely.of_sums_in(accumulated_in, question, part, got, prediction.value) is not False


def _is_accumulated(question: Question, part: str, got: Array, wrong: Array, prediction: Prediction) -> bool:
    """Tell whether numbers are those of a coarser format, and their errors those of sums in it, if it has any bound."""
    dtype = prediction.accumulated_in
    if not dtype or dtype == question.dtype or wrong.mean() < SPREAD:
        return False
    in_format = same(got, np.asarray(rounded(got, dtype), np.float64)).all()
    return bool(in_format) and likely.of_sums_in(dtype, question, part, got, prediction.value) is True


def _may_overflow(question: Question, part: str, got: Array, exact: Array) -> bool:
    """Tell whether all that is wrong are infinities and NaN where the magnitudes of a sum leave the format."""
    if not (question.operation == "linear" or question.operation.startswith("conv")):
        return False
    magnitudes = {name: abs(value) for name, value in question.arguments.items() if isinstance(value, np.ndarray)}
    with np.errstate(all="ignore"):
        most = np.asarray(question.changed(**magnitudes).expected(part)[0], np.float64)
    beyond = most > FORMATS["float32" if question.dtype != "float64" else "float64"].largest
    return bool((np.isfinite(exact) & ~np.isfinite(got)).any() and beyond[np.isfinite(exact) & ~np.isfinite(got)].all())


def _settles(got: Array, exact: Array) -> bool:
    """Tell whether whole sums are right once they are rounded to whole multiples."""
    step = ways.quantum(exact)
    return bool((abs(np.asarray(got, np.float64) - exact) < step / 4).all())


def _explained(part: str, got: Array, sharp: Iterable[Prediction], measured: dict[str, Any], wrong: Array) -> Part:
    """Return the decision for what explains a result best, and name all that explain it as well."""
    found = list(sharp)
    best = min(rms(off(got, one)) for one in found)
    equal: dict[str, Prediction] = {}
    for one in found:  # in their order, the plainest first
        if rms(off(got, one)) <= max(best * SAME_FIT, float(np.max(one.allowed, initial=0.0)) / 64):
            equal.setdefault(one.says, one)
    kinds = {one.kind for one in equal.values()}
    first = next((one for one in equal.values() if one.kind == "coarser"), next(iter(equal.values())))
    decision = COARSER if first.kind == "coarser" else CONVENTION
    others = [one for one in equal.values() if one is not first]
    because = f"fits {first.says}"
    if others:
        which = "or" if kinds == {first.kind} else "or, not to be told apart on these numbers,"
        shown = [one.says for one in others[:3]]
        more = f", or {len(others) - 3} more" if len(others) > 3 else ""
        because += f" ({which} {', or '.join(shown)}{more})"
    because += f"; {_largest(measured)}"
    names = tuple(one.name for one in others)
    return Part(part, decision, because, **measured, explanation=first.name, alternatives=names, wrong=wrong)


# Another shape


def _of_another_shape(question: Question, part: str, got: Array, exact: Array, bound: Array) -> Part:
    """Return the decision about a result that has not the shape expected: some conventions explain it."""
    said = f"its shape is {got.shape}, expected {exact.shape}"
    found = of_another_shape(question, part, got, exact, bound)
    fitting = [one for one in found if one.explains(got)]
    if fitting:
        best = min(fitting, key=lambda one: rms(off(got, one)))
        others = tuple(dict.fromkeys(one.name for one in fitting if one.says != best.says))
        because = f"fits {best.says}; {said}"
        return Part(part, CONVENTION, because, got, exact, bound, np.inf, np.inf, best.name, others)
    return Part(part, WRONG, said, got, exact, bound, np.inf, np.inf)
