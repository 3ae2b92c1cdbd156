"""More room for results than their bounds leave: transforms, and roundings that are known deviations of torch."""

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np

from spec_tests.run.judging import problem_of
from spec_tests.verdict.asking import BadCase, Question, Unknown
from spec_tests.verdict.coarser import accumulated
from spec_tests.verdict.prediction import Prediction
from spec_tests.vocabulary.bounds import REFERENCE
from spec_tests.vocabulary.formats import FORMATS, HALVES
from spec_tests.vocabulary.operations import GRADIENTS, OPERATIONS
from spec_tests.vocabulary.operations.operation import Formulas, Sums

LIKELY = 8
"""How many times √K roundings the K roundings of a sum add up to at most, likely: they go both ways."""

OF_HALVES = {
    "batch_norm": "half-batch-norm",
    "layer_norm": "half-layer-norm-gradients",
    "avg_pool2d": "half-average-gradients",
    "adaptive_avg_pool2d": "half-average-gradients",
    "conv1d": "half-conv-gradients",
    "conv2d": "half-conv-gradients",
    "conv3d": "half-conv-gradients",
    "nll_loss": "float16-class-weight-sum",
    "cross_entropy": "float16-class-weight-sum",
}
"""The known deviations of half formats that are a matter of where sums and steps are rounded, by operation."""


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
    """Yield the results of half formats with room for sums and steps that are rounded to the format on the way."""
    row = OPERATIONS.get(question.operation)
    if row is None or question.dtype not in HALVES:
        return
    known = OF_HALVES.get(question.operation)
    name = known or "rounded on the way"
    of_torch = f", as in the known deviation {known!r} of torch" if known else ""
    says = f"sums and steps that are rounded to {question.dtype} on the way{of_torch}"
    exact, _ = question.expected(part)
    if isinstance(row.rounding, Sums):
        for one in accumulated(question, part, question.dtype):
            yield replace(one, name=name, says=says)
    elif isinstance(row.rounding, Formulas):
        try:
            bound = _of_every_step(question, part, row.rounding)
        except ValueError:  # so many roundings have no bound
            return
        yield Prediction("coarser", name, says, exact, np.where(bound >= 0, bound, np.inf), False)


def _of_every_step(question: Question, part: str, rounding: Formulas) -> Any:
    """Return the bound of a formula of which every step, and every sum on its way, is rounded to the format."""
    problem = problem_of(question.call(part)).at(question.dtype).at("float64")
    fmt = FORMATS[question.dtype]
    likely = fmt.roundoff * min(1.0, LIKELY / problem.input.size**0.5)
    kinds = (replace(fmt, accumulation=max(likely, fmt.accumulation)), REFERENCE)
    if part == "output":
        return sum(rounding.output(problem, kind).error for kind in kinds)
    place = GRADIENTS[question.operation].index(part.removeprefix("grad_"))
    found = [rounding.gradients(problem, kind)[place] for kind in kinds]
    return sum(one.error for one in found if one is not None)
