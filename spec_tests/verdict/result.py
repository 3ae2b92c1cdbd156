"""What comes of a verdict: the decision, why, and in which element; as text, and as data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from spec_tests.run.drawing import grid
from spec_tests.verdict.asking import Question
from spec_tests.verdict.deciding import DECISIONS, RIGHT, UNKNOWN, WRONG, Part
from spec_tests.verdict.prediction import Array, rms

AROUND = 3
"""Rows and columns that are drawn on every side of a wrong element."""
EXIT_CODES = {**dict.fromkeys(RIGHT, 0), UNKNOWN: 3}
"""Of the command: all other decisions are 1."""


@dataclass(frozen=True)
class Nearer:
    """Which of two outputs is nearer to the exact value."""

    part: str
    name: str
    """The name of the nearer output, or an empty string where that cannot be told."""
    errors: Mapping[str, float]
    """By output, the root mean square of its errors."""

    def text(self) -> str:
        """Say so in a line."""
        both = ", ".join(f"{name} {error:.3g}" for name, error in self.errors.items())
        what = f"nearer to the exact value is {self.name}" if self.name else "neither is nearer to the exact value"
        return f"{self.part}: {what} (root mean square errors: {both})"


@dataclass(frozen=True)
class Verdict:
    """The decision on one output, or on two."""

    question: Question = field(repr=False)
    outputs: Mapping[str, Sequence[Part]]
    """By the output's name, what is to be said of each of its parts."""

    @property
    def parts(self) -> tuple[Part, ...]:
        """What is to be said of every result, of all outputs."""
        return tuple(part for parts in self.outputs.values() for part in parts)

    @property
    def decision(self) -> str:
        """The decision: of several, that of the result that is furthest from right."""
        order = [*(one for one in DECISIONS if one != UNKNOWN)]
        found = {part.decision for part in self.parts}
        worst = max((one for one in found if one in order), key=order.index, default=UNKNOWN)
        return UNKNOWN if worst in RIGHT and UNKNOWN in found else worst

    @property
    def is_right(self) -> bool:
        """Whether all results are what a right implementation may give."""
        return self.decision in RIGHT

    @property
    def exit_code(self) -> int:
        """What the command ends with: 0 right, 1 not right, 3 cannot say."""
        return EXIT_CODES.get(self.decision, 1)

    @property
    def nearer(self) -> tuple[Nearer, ...]:
        """Of two outputs, which one is nearer to the exact value, for each part that both have."""
        if len(self.outputs) < 2:
            return ()
        one, other = ({part.part: part for part in parts} for parts in self.outputs.values())
        return tuple(self._nearer(name, one[name], other[name]) for name in one if name in other)

    @property
    def text(self) -> str:
        """All of it, the decision first."""
        lines = [f"{self.decision}: {self._heading()}"]
        single = len(self.parts) == 1
        for name, parts in self.outputs.items():
            lines += [_line(name if len(self.outputs) > 1 else "", part, single) for part in parts]
        lines += [one.text() for one in self.nearer]
        lines += [f"note: {note}" for note in self.question.notes]
        for name, parts in self.outputs.items():
            of = name if len(self.outputs) > 1 else ""
            lines += [drawn for part in parts if (drawn := drawing(part, of))]
        return "\n".join(lines)

    def __str__(self) -> str:
        """Return the text."""
        return self.text

    def as_json(self) -> dict[str, Any]:
        """Return the same as data, for `json.dumps`."""
        return {
            "decision": self.decision,
            "right": self.is_right,
            "operation": self.question.operation,
            "format": self.question.dtype,
            "outputs": {name: [_as_json(part) for part in parts] for name, parts in self.outputs.items()},
            "nearer": {one.part: {"output": one.name or None, "errors": dict(one.errors)} for one in self.nearer},
            "notes": list(self.question.notes),
        }

    def _heading(self) -> str:
        count = len(self.outputs)
        right = [name for name, parts in self.outputs.items() if all(part.is_right for part in parts)]
        kinds = [np.asarray(part.got) for part in self.parts]
        whole = {str(array.dtype) for array in kinds if array.dtype.kind in "iu"}
        of = whole.pop() if len(whole) == 1 and all(array.dtype.kind in "iu" for array in kinds) else ""
        what = f"{self.question.operation} in {of or self.question.dtype}"
        if count < 2:
            return what
        both = {0: "neither output is right", 1: f"of both, {right[0]} is right" if right else "", 2: "both are right"}
        return f"{what}, {both[len(right)] if UNKNOWN not in {part.decision for part in self.parts} else 'two outputs'}"

    def _nearer(self, name: str, one: Part, other: Part) -> Nearer:
        errors, shared = {}, one.exact
        for output, part in zip(self.outputs, (one, other), strict=True):
            errors[output] = _error(part)
        first, second = errors
        apart = abs(errors[first] - errors[second])
        own = 0.0
        if shared is not None and self.question.dtype == "float64":
            own = 2.0**-52 * rms(np.asarray(shared, np.float64))  # the exact value itself is known no better
        is_clear = not np.isfinite(apart) or apart > own
        nearer = min(errors, key=errors.__getitem__) if is_clear and errors[first] != errors[second] else ""
        return Nearer(name, nearer, errors)


def _error(part: Part) -> float:
    """Return the root mean square of the errors, infinite where nothing can be compared or NaN stands on one side."""
    if part.exact is None or np.shape(part.got) != np.shape(part.exact):
        return float("inf")
    got, exact = np.asarray(part.got, np.float64), np.asarray(part.exact, np.float64)
    with np.errstate(all="ignore"):
        return (
            float("inf")
            if ((np.isfinite(exact) != np.isfinite(got)) | (np.isnan(exact) != np.isnan(got))).any()
            else rms(got - exact)
        )


def _line(name: str, part: Part, single: bool) -> str:
    of = f" of {name}" if name else ""
    return f"  {part.part}{of}: {'' if single else f'{part.decision}; '}{part.because}"


def _as_json(part: Part) -> dict[str, Any]:
    found: dict[str, Any] = {
        "part": part.part,
        "decision": part.decision,
        "because": part.because,
        "explanation": part.explanation or None,
        "alternatives": list(part.alternatives),
        "largest_error": _number(part.error),
        "share_of_the_bound": _number(part.share),
    }
    if part.wrong is not None and part.wrong.any():
        first, worst = first_and_worst(part)
        found |= {"outside": int(part.wrong.sum()), "first": list(first), "worst": list(worst)}
    return found


def _number(value: float) -> float | None:
    """Return a number that JSON has."""
    return value if np.isfinite(value) else None


def first_and_worst(part: Part) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the places of the first element outside its bound, and of the one that is furthest outside."""
    wrong = np.asarray(part.wrong)
    got, exact = np.asarray(part.got, np.float64), np.asarray(part.exact, np.float64)
    with np.errstate(all="ignore"):
        errors = np.where(wrong, abs(got - exact), -1)
        errors = np.where(wrong & ~np.isfinite(errors), np.inf, errors)
    first, worst = np.argwhere(wrong)[0], np.unravel_index(int(errors.argmax()), errors.shape)
    return tuple(int(i) for i in first), tuple(int(i) for i in worst)


def drawing(part: Part, name: str = "") -> str:
    """Return the first and the worst wrong element, with what stands around them, as grids.

    Of what a format or a convention explains, the worst element is enough.
    """
    if part.is_right or part.wrong is None or not part.wrong.any():
        return ""
    of = f" of {name}" if name else ""
    first, worst = first_and_worst(part)
    lines = []
    for title, at in (("first", first), ("worst", worst)):
        if (title == "worst" and worst == first) or (
            title == "first" and worst != first and part.decision not in (WRONG, UNKNOWN)
        ):
            continue
        which = "first and worst" if worst == first else title
        got, exact = (_written(np.asarray(array)[at].item()) for array in (part.got, part.exact))
        limit = np.broadcast_to(part.bound, np.shape(part.exact))[at].item()
        bound = f"bound {limit:.3g}" if limit else "which has to be met"
        where = f"{part.part}[{', '.join(map(str, at))}]" if at else part.part
        kind = "doubtful" if part.decision == UNKNOWN else "wrong"
        lines.append(f"{which} {kind} element{of}, {where}: got {got}, exact {exact}, {bound}")
        if at and part.decision in (WRONG, UNKNOWN):
            both = (("got", part.got), ("exact", part.exact))
            lines += [grid(f"{title}, around it", *_cropped(array, at)) for title, array in both]
    return "\n".join(lines)


def _written(number: float) -> str:
    return str(number) if isinstance(number, int) else f"{number:.9g}"


def _cropped(array: Any, at: tuple[int, ...]) -> tuple[Array, tuple[int, ...]]:
    """Return what stands around a place in its rows and columns, and the place in it."""
    plane = np.asarray(array)[at[:-2]]
    starts = [max(0, i - AROUND) for i in at[-2:]]
    window = tuple(slice(start, start + 2 * AROUND + 1) for start in starts)
    return plane[window], tuple(i - start for i, start in zip(at[-2:], starts, strict=True))
