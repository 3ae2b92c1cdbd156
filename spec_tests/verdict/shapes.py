"""Results that have not the shape expected: axes in another order, other options, windows that should not be there."""

from collections.abc import Iterator
from itertools import permutations

import numpy as np

from spec_tests.verdict.asking import Question
from spec_tests.verdict.conventions import ROOM, UNITS, as_predictions
from spec_tests.verdict.prediction import Array, Prediction
from spec_tests.vocabulary.formats import FORMATS


def of_another_shape(question: Question, part: str, got: Array, exact: Array, bound: Array) -> Iterator[Prediction]:
    """Yield what would have the shape of this result."""
    yield from with_turned_axes(question, got, exact, bound)
    yield from as_predictions(question, part, exact, bound)
    yield from _more_windows(question, part, got, exact, bound)


def with_turned_axes(question: Question, got: Array, exact: Array, bound: Array) -> Iterator[Prediction]:
    """Yield the result with its axes in other orders."""
    room = ROOM * float(np.max(bound[np.isfinite(bound)], initial=0.0)) + UNITS * FORMATS[question.dtype].roundoff
    for names, value in turned_axes(exact, got.shape):
        if exact.dtype.kind != "f" or not bound.any():
            widest = 0.0
        else:
            widest = room * max(1.0, float(abs(value[np.isfinite(value)]).max(initial=0.0)))
        says = f"its axes in another order: {names}"
        allowed = np.full(got.shape, widest)
        yield Prediction("convention", f"axes: {names}", says, np.asarray(value, np.float64), allowed)


def turned_axes(exact: Array, shape: tuple[int, ...]) -> Iterator[tuple[str, Array]]:
    """Yield the exact result with its axes in other orders that have this shape."""
    for order in permutations(range(exact.ndim)):
        if order != tuple(range(exact.ndim)) and tuple(exact.shape[i] for i in order) == shape and exact.ndim <= 5:
            names = "channels last" if exact.ndim > 2 and order == (0, *range(2, exact.ndim), 1) else f"{order}"
            yield names, exact.transpose(order)


def _more_windows(question: Question, part: str, got: Array, exact: Array, bound: Array) -> Iterator[Prediction]:
    """Yield a pooling in ceil mode that keeps the windows that begin behind the input."""
    arguments = question.arguments
    if part != "output" or "pool" not in question.operation or not arguments.get("ceil_mode"):
        return
    rank = int(question.operation.removesuffix("d")[-1])
    kernel, padding, dilation = (
        np.broadcast_to(arguments.get(name, default), rank)
        for name, default in (("kernel_size", 1), ("padding", 0), ("dilation", 1))
    )
    stride = kernel if arguments.get("stride") is None else np.broadcast_to(arguments["stride"], rank)
    sizes = np.array(arguments["input"].shape[-rank:])
    more = -(-(sizes + 2 * padding - dilation * (kernel - 1) - 1) // stride) + 1
    if got.ndim != exact.ndim or got.shape[-rank:] != tuple(more) or got.shape[:-rank] != exact.shape[:-rank]:
        return
    value, inside = np.asarray(got, np.float64).copy(), tuple(slice(0, n) for n in exact.shape)
    value[inside] = exact
    allowed = np.zeros(got.shape)
    allowed[inside] = bound
    says = "windows that begin behind the input, which ceil mode leaves out"
    yield Prediction("convention", "windows behind the input", says, value, allowed)
