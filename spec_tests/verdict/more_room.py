"""More room for right ways: transforms, and roundings that are known deviations."""

from collections.abc import Iterator
from types import SimpleNamespace

from spec_tests.verdict.asking import BadCase, Question, Unknown
from spec_tests.verdict.prediction import Prediction
from spec_tests.vocabulary.operations import OPERATIONS
from spec_tests.vocabulary.operations.operation import Formulas, Sums


def transforming(question: Question, part: str) -> Iterator[Prediction]:
    """Yield the convolution by way of a transform, which may be off by more than direct sums."""
    if not question.operation.startswith("conv") or part == "grad_bias":
        return
    for name, says in (("winograd_4_3", "Winograd's algorithm F(4×4, 3×3)"), ("fft", "a fast Fourier transform")):
        if name != "fft" and question.operation != "conv2d":
            continue
        subject = SimpleNamespace(transforms={question.operation: name}, deviations=())
        try:
            exact, bound = question.expected(part, None, subject)
        except (BadCase, Unknown):
            continue
        yield Prediction("rounding", name, f"a convolution by way of {says}", exact, bound, False)


def known_deviations(question: Question, part: str) -> Iterator[Prediction]:
    """Yield the results with the room that known deviations of rounding need, each by its id."""
    row = OPERATIONS.get(question.operation)
    if row is None:
        return
    ids: list[str] = []
    if isinstance(row.rounding, Formulas):
        ids += row.rounding.allowing
    elif isinstance(row.rounding, Sums) and row.rounding.partial_sums is not None and part.startswith("grad_"):
        ids.append("half-conv-gradients")
    for name in ids:
        subject = SimpleNamespace(transforms={}, deviations=(name,))
        try:
            exact, bound = question.expected(part, None, subject)
        except (BadCase, Unknown):
            continue
        says = f"the known deviation {name!r} of torch: sums that are rounded to {question.dtype} on the way"
        yield Prediction("coarser", name, says, exact, bound, False)
