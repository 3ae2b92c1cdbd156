"""What an exercise prints: a line for a rung, at most twenty for one that is wrong, and the points."""

import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from spec_tests.contract.functions import signature
from spec_tests.run.complaints import told
from spec_tests.run.drawing import grid
from spec_tests.run.exercise.lines import columns, in_lines
from spec_tests.run.exercise.result import (
    HIDDEN,
    NOT_BEGUN,
    NOT_OFFERED,
    RIGHT,
    WRONG,
    Rated,
    by_operation,
    points,
)
from spec_tests.run.exercise.words import WORDS, bracketed, section
from spec_tests.run.judging import Judgement
from spec_tests.vocabulary.rungs import PLAIN
from spec_tests.vocabulary.rungs.sentences import EXAMPLES, REST, section_of, sentences

WIDTH = 100
LINES = 20
"""The most that a failure takes."""
PRINTED = 3
"""How many lines of what a function printed are shown."""
FEW = 12
"""How many numbers are drawn of an argument that had to be refused."""
FAR = 1000
"""From how many times its bound on an error is no question of rounding."""
OUTSIDE = re.compile(
    r"(?P<name>\w+): .* outside (?:its|their) bound(?:; first at (?P<at>\[.*\]))?: "
    r"got (?P<got>\S+), exact (?P<right>\S+), error (?P<error>\S+), bound (?P<bound>\S+)"
)
ENDED = ("SubjectEnded", "spec_tests.vocabulary.subject.SubjectEnded")
SIGNS = {RIGHT: "✓", WRONG: "✗", NOT_OFFERED: "–", NOT_BEGUN: "○", HIDDEN: "…"}
PLAIN_SIGNS = {"✓": "+", "✗": "x", "–": "-", "○": "o", "…": "...", "·": "*", "′": "'"}
"""For a terminal that has no others."""


@dataclass(frozen=True)
class Failure:
    """What is known of a test that failed."""

    test: str
    """Its name as a sentence, or "" for a case of a rung, whose sentence says it all."""
    complaint: str
    """What is wrong, in English."""
    judgement: Judgement | None = None
    """The wrong call, if one of them is wrong by itself."""
    line: int = 0
    """The line of the file that raised an error, if one did."""
    more: str = ""
    """What `--verbose` adds."""


def wrong(rated: Rated, failure: Failure, language: str, file: str, verbose: bool) -> list[str]:
    """Return what is said of a rung that is wrong: in at most `LINES` lines, unless `verbose`."""
    words = WORDS[language]
    said = sentences(rated.operation, rated.level, rated.rung, language)
    first = wrapped(f"{SIGNS[WRONG]} {said.wrong}", 2)
    first += wrapped(words["test"].format(test=failure.test), 4) if failure.test else []
    place = [words["line"].format(file=file, line=failure.line)] if failure.line else []
    call = failure.judgement.call if failure.judgement is not None else None
    if call is not None and call.printed.strip():
        place.append(words["printed"].format(text=" / ".join(call.printed.split("\n")[:PRINTED]).strip(" /")))
    last = [line for text in (_plainly(failure.complaint, language), *place) for line in wrapped(text, 4)[:2]]
    taught = bracketed(section(section_of(rated.operation), language), language)
    last += wrapped(f"{words['hint'].format(hint=_hint(rated, failure, said.hint, language))}{taught}", 4)
    room = 10**6 if verbose else LINES - len(first) - len(last)
    drawn = drawing(failure.judgement, language) if failure.judgement is not None else []
    if len(drawn) > room:
        drawn = [*drawn[: room - 1], words["more"]]
    more = failure.more.splitlines() if verbose else []
    return [*first, *(f"    {line}".rstrip() for line in drawn), *last, *(f"    {line}".rstrip() for line in more)]


def _hint(rated: Rated, failure: Failure, hint: str, language: str) -> str:
    """Return the hint of a rung, or one on an error that has nothing to do with the rung."""
    words = WORDS[language]
    if "took longer than" in failure.complaint:
        return words["endless"]
    if failure.complaint.startswith(ENDED):
        return words["ended"]
    if failure.judgement is not None and failure.judgement.said:
        return words["results"].format(names=", ".join(part.name for part in failure.judgement.parts))
    failed = failure.judgement is not None and failure.judgement.call.error
    return words["error"] if failed and rated.rung in (EXAMPLES, PLAIN, REST) else hint


def _plainly(complaint: str, language: str) -> str:
    """Return what is wrong; of a number that is far from right, without its bound.

    >>> _plainly("output: the only element lies outside its bound: got 12.0, exact 0.5, error 11.5, bound 1e-15", "en")
    'output: got 12, 0.5 is right'
    """
    found = OUTSIDE.fullmatch(complaint)
    if found is None or float(found["error"]) <= FAR * float(found["bound"]):
        return told(complaint, language)
    words = WORDS[language]["plainly_at" if found["at"] else "plainly"]
    return words.format(name=found["name"], at=found["at"], got=_short(found["got"]), right=_short(found["right"]))


def _short(number: str) -> str:
    return f"{float(number):.6g}"


def drawing(judgement: Judgement, language: str) -> list[str]:
    """Return the arguments of a wrong call, its answer and the right one, beside each other where there is room."""
    words, call, part = WORDS[language], judgement.call, judgement.wrong_part
    arguments = call.arguments
    arrays = {name: value for name, value in _flat(arguments).items() if isinstance(value, np.ndarray | np.generic)}
    options = ", ".join(f"{name}={value!r}" for name, value in _shown_options(call.function, arguments).items())
    shapes = bool(judgement.refusal)  # which say more of it than the numbers
    blocks = [_block(name, value, short=shapes and np.size(value) > FEW) for name, value in arrays.items()]
    if part is not None and not call.error and not judgement.refusal and not judgement.said:
        at = part.first_wrong
        blocks.append(_block(words["yours"].format(name=part.name), part.got, at))
        blocks.append(_block(words["right"].format(name=part.name), part.expected, at))
    by_name = {
        name
        for name, parameter in signature(call.function).parameters.items()
        if parameter.kind is parameter.KEYWORD_ONLY
    }
    given = [f"{name}={name}" if name in by_name else name for name in arrays]
    return [*textwrap.wrap(f"{call.function}({', '.join([*given, *filter(None, [options])])})", WIDTH), *_rows(blocks)]


def _flat(arguments: Any) -> dict[str, Any]:
    """Return the arguments, with what an optimizer's state holds beside them."""
    state = arguments.get("state")
    return {**arguments, **(state if isinstance(state, dict) else {})}


DEFAULTS = {
    "stride": (1, None),
    "padding": (0,),
    "dilation": (1,),
    "groups": (1,),
    "ceil_mode": (False,),
    "return_indices": (False,),
    "count_include_pad": (True,),
    "divisor_override": (None,),
    "ignore_index": (-100,),
    "label_smoothing": (0.0,),
}
"""What goes without saying."""


def _shown_options(function: str, arguments: Any) -> dict[str, Any]:
    """Return the options of a call, but for those that have their defaults."""
    pooling = "pool" in function
    return {
        name: value
        for name, value in arguments.items()
        if not isinstance(value, np.ndarray | np.generic)
        and not (value is None and name in ("weight", "bias", "running_mean", "running_var", "dtype", "value"))
        and not any(
            value is default or (type(value) is type(default) and value == default and not (pooling and default == 1))
            for default in DEFAULTS.get(name, ())
        )
    }


def _block(name: str, value: Any, marked: tuple[int, ...] | None = None, short: bool = False) -> list[str]:
    """Return a grid with its heading, or only that; leading axes of size 1 are left out of the grid."""
    if not isinstance(value, np.ndarray | np.generic):
        return [f"{name} = {value}"]
    lead = next((i for i, size in enumerate(value.shape[:-2]) if size != 1), max(0, value.ndim - 2))
    inner = value.reshape(value.shape[lead:]) if value.size else value
    at = marked[lead:] if marked is not None and len(marked) == value.ndim else None
    kind = "" if value.dtype.kind in "fiu" else f" {value.dtype}"
    if short:
        return [f"{name} {value.shape}{kind}"]
    drawn = grid(name, inner, at).splitlines()
    return [f"{name} {value.shape}{kind}", *drawn[1:]] if len(drawn) > 1 else [f"{drawn[0]}{kind}"]


def _rows(blocks: Iterable[list[str]]) -> list[str]:
    """Return blocks beside each other, as many in a row as there is room for."""
    lines: list[str] = []
    row: list[list[str]] = []
    for block in blocks:
        if row and sum(_width(b) + 3 for b in (*row, block)) > WIDTH:
            lines += [*_beside(row), ""]
            row = []
        row.append(block)
    return [*lines, *_beside(row)] if row else lines


def _beside(row: Sequence[list[str]]) -> list[str]:
    height = max(map(len, row))
    padded = [[*block, *[""] * (height - len(block))] for block in row]
    return [
        "   ".join(_filled(line, _width(block)) for line, block in zip(parts, row, strict=True)).rstrip()
        for parts in zip(*padded, strict=True)
    ]


def _width(block: list[str]) -> int:
    return max(map(columns, block))


def _filled(text: str, width: int) -> str:
    return text + " " * (width - columns(text))


def wrapped(text: str, indent: int) -> list[str]:
    """Return a text in lines, the first one indented by 2 less if it begins with a sign."""
    hanging = indent + 2 * (indent == 2)
    return [" " * (hanging if i else indent) + line for i, line in enumerate(in_lines(text, WIDTH))]


def scores(rated: Sequence[Rated], language: str) -> list[str]:
    """Return a line with the points of each operation, and one with those of all."""
    words, rows = WORDS[language], by_operation(rated)
    if not rows:
        return []
    width = max(map(columns, [*rows, words["all"]])) + 2
    lines = [
        f"{_filled(operation, width)}{reached:4} / {possible:<4} {''.join(SIGNS[one.outcome] for one in of_it)}"
        for operation, of_it in rows.items()
        for reached, possible in [points(of_it)]
    ]
    reached, possible = points(rated)
    return [words["score"], *lines, f"{_filled(words['all'], width)}{reached:4} / {possible}"]


def what_next(rated: Sequence[Rated], language: str, offers: Any) -> str:
    """Say what to do next: the first rung that is wrong, or else the first function that is not begun."""
    words = WORDS[language]
    for one in rated:
        place = section(section_of(one.operation), language)
        if one.outcome == WRONG:
            said = sentences(one.operation, one.level, one.rung, language).right
            return words["next"].format(sentence=said, operation=one.operation, section=place)
        if one.outcome == NOT_BEGUN and offers(one.function):
            return words["begin"].format(function=one.function, section=place)
    return words["done"]
