"""The summary of a run, made only from the ledger and from what the run was asked for, in English or Chinese.

A run of the whole specification prints the whole table and every claim that it could not check; a run of a part prints
only the rows and columns that it filled. Its notes are written in English and told in Chinese by `complaints_zh.tsv`.
"""

import textwrap
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from packaging.specifiers import SpecifierSet

from spec_tests.run import by_level
from spec_tests.run.complaints import told
from spec_tests.run.exercise.lines import columns, in_lines, left, right
from spec_tests.vocabulary import claims
from spec_tests.vocabulary.claims import SECTIONS, SECTIONS_ZH, Claim
from spec_tests.vocabulary.ledger import Entry
from spec_tests.vocabulary.names_of_tests import sentence
from spec_tests.vocabulary.results import RESULTS, counted, of_the_document, reason_zh, results_of
from spec_tests.vocabulary.torch_when_needed import installed_torch

LEFT_TO_OTHERS = ("cited", "not run", "uncheckable")
"""The results of claims that the run did not check."""

COLUMNS = ("claims", *RESULTS, "examples")
TOGETHER, ELSEWHERE = "together", "all other files"
WORDS_ZH = {
    **{key: word.zh for key, word in RESULTS.items()},
    **{f"{id} {title}": f"{id} {SECTIONS_ZH[id]}" for id, title in SECTIONS.items()},
    "section": "章节",
    "claims": "说法",
    "examples": "样例",
    TOGETHER: "合计",
    ELSEWHERE: "其他文件",
}
"""What stands in the table, in Chinese."""
TITLE, PAGE = 30, 120
"""Widths, in characters, of a row's title and of a line."""


@dataclass(frozen=True)
class Run:
    """What a run was asked for."""

    subject: str
    whole: bool = False
    """Whether all tests of the specification were asked for."""
    full: bool = False
    """Whether they were asked for on the default subject, so that the run must check every claim."""
    transforms: Mapping[str, str] = field(default_factory=dict)
    """The operations that may transform before they add up, and how."""
    left_out: Counter[str] = field(default_factory=Counter)
    """How many tests were left out from the start, by reason."""
    foreign: bool = False
    """Whether the subject is a file, a module or functions of others, which may offer a part."""
    said: tuple[str, ...] = ()
    """What is to be known of a foreign subject's functions."""
    unread: Counter[str] = field(default_factory=Counter)
    """How many files were not read, by reason."""
    dtypes: tuple[str, ...] = ()
    """The number formats that the subject computes in."""
    gone: list[str] = field(default_factory=list)
    """What is to be said of each known deviation that did not show."""
    language: str = "en"
    """The language of the summary, en or zh."""


def missing(entries: Iterable[Entry]) -> list[Claim]:
    """Return the claims that a full run must check and this one did not."""
    results = results_of(entries)
    return [claim for claim in claims.register().values() if claim.runs_by_default and results[claim.id] == "not run"]


def lines(entries: Sequence[Entry], run: Run) -> list[str]:
    """Return the lines of the summary, at most `PAGE` columns wide unless a single word is longer."""
    left_out = [f"{tests(count)} left out: {_reason(why, run)}" for why, count in sorted(run.left_out.items())]
    left_out += [f"{plural(count, 'file')} not read: {_reason(why, run)}" for why, count in sorted(run.unread.items())]
    left_out = [f"{tests(count)} not counted: {reason}" for reason, count in _not_counted(entries, run)] + left_out
    notes = [*_on_transforms(run.transforms), *_met(entries), *run.gone, *left_out, *_notes(results_of(entries), run)]
    results = by_level.table(entries, run.language) if run.foreign else _table(entries, run)
    head, notes = (
        [told(line, run.language) for line in block] for block in ([f"subject: {run.subject}", *run.said], notes)
    )
    blocks = [head, results, _worst(entries, run.language), notes]
    text = [line for block in blocks if block for line in ("", *block)]
    return [part for line in text[1:] for part in _wrapped(line, run.language)]


def _reason(why: str, run: Run) -> str:
    return (reason_zh(why) if run.language == "zh" else "") or why


def named(test: str, language: str) -> str:
    """Return how a test is named: by its id, in Chinese after its sentence."""
    return f"“{sentence(test, language)}”（{test}）" if language == "zh" else test


def _not_counted(entries: Iterable[Entry], run: Run) -> list[tuple[str, int]]:
    """Return what a foreign subject does not offer, and how many tests asked for it."""
    return sorted(Counter(entry.not_offered for entry in entries if entry.not_offered and run.foreign).items())


def plural(count: int, noun: str) -> str:
    """Return a number of things.

    >>> plural(1, "claim"), plural(4518, "test")
    ('1 claim', '4,518 tests')
    """
    return f"{count:,} {noun}{'s' if count != 1 else ''}"


def tests(count: int) -> str:
    """Return a number of tests."""
    return plural(count, "test")


def _notes(results: dict[str, str], run: Run) -> list[str]:
    """Return notes on single claims: why they were not checked, and which of them failed."""
    of = {result: [claims.register()[id] for id in results if results[id] == result] for result in RESULTS}
    excused = [claim for claim in [*of["not run"], *of["uncheckable"]] if not claim.runs_by_default]
    checked = [claim for result, found in of.items() if result not in LEFT_TO_OTHERS for claim in found]
    zh = run.language == "zh"
    text = [
        f"claim {c.id} {_was(results[c.id])}: {c.reason_zh if zh else c.reason_en}"
        for c in excused
        if run.whole and not run.foreign
    ]
    text += [
        f"claim {c.id} was judged for torch {c.torch}; this is torch {installed_torch()}"
        for c in checked
        if c.torch and installed_torch() and not _is_for_this_torch(c)
    ]
    text += [f"claim {c.id} failed: {c.zh if zh else c.en}" for c in of["failed"]]
    text += [
        f"claim {c.id} was not run, although a full run must check it: {c.zh if zh else c.en}"
        for c in of["not run"]
        if _must(c, run)
    ]
    return text


def _on_transforms(transforms: Mapping[str, str]) -> list[str]:
    """Say what is asked of the operations that may transform, if there are any."""
    named = ", ".join(f"{operation} ({transform})" for operation, transform in sorted(transforms.items()))
    asked = (
        f"may transform: {named}. There whole numbers must be right within 1/4, real numbers within one bound for a "
        "whole plane, and NaN and infinity may spread within an image."
    )
    return [asked] if named else []


def _met(entries: Iterable[Entry]) -> list[str]:
    """Say which known deviations the subject showed, and in how many tests."""
    times = Counter(entry.deviation for entry in entries if entry.deviation)
    return [f"known deviation {name}: met by {tests(count)}" for name, count in sorted(times.items())]


def _was(result: str) -> str:
    return "is uncheckable" if result == "uncheckable" else "was not run"


def _must(claim: Claim, run: Run) -> bool:
    return run.full and claim.runs_by_default


def _is_for_this_torch(claim: Claim) -> bool:
    """Tell whether the verdict on a claim was reached with the version of torch that is installed."""
    return SpecifierSet(claim.torch).contains(installed_torch(), prereleases=True)


def _table(entries: Sequence[Entry], run: Run) -> list[str]:
    """Return the table of sections: all of it, or the rows and columns that a part of the specification filled."""
    rows, whole = _rows(entries), run.whole
    total = {column: sum(row.get(column, 0) for row in rows.values()) for column in COLUMNS}
    shown = [column for column in COLUMNS if whole or (total[column] and column not in ("claims", *LEFT_TO_OTHERS))]
    rows = {title: row for title, row in rows.items() if whole or any(row.get(column) for column in shown)}
    if whole or len(rows) > 1:
        rows[TOGETHER] = total
    words = WORDS_ZH if run.language == "zh" else {}
    heading = [words.get(name, name) for name in ("section", *shown)]
    cells = [[words.get(title, title), *(_cell(row, name, whole) for name in shown)] for title, row in rows.items()]
    widths = [columns(name) + 2 for name in heading[1:]]
    return [_line(widths, row) for row in [heading, *cells]] if shown else []


def _rows(entries: Sequence[Entry]) -> dict[str, dict[str, int]]:
    """Return the number of claims of each result, and of examples, by section."""
    results = of_the_document(results_of(entries))
    examples = Counter[str]()
    for entry in entries:
        examples[entry.section if entry.section in SECTIONS else ""] += entry.examples
    rows = {}
    for id, title in SECTIONS.items():
        own = [result for claim, result in results.items() if claims.register()[claim].section == id]
        rows[f"{id} {title}"] = {"claims": len(own), **counted(own), "examples": examples[id]}
    return {**rows, ELSEWHERE: {"examples": examples[""]}}


def _cell(row: dict[str, int], column: str, with_zeros: bool) -> str:
    return str(row[column]) if column in row and (row[column] or with_zeros) else ""


def _line(widths: Sequence[int], cells: Sequence[str]) -> str:
    pairs = zip(cells[1:], widths, strict=True)
    return f"{left(cells[0], TITLE)}{''.join(right(cell, width) for cell, width in pairs)}"


def _worst(entries: Iterable[Entry], language: str) -> list[str]:
    """Return, for every format, the test that came nearest to its bound."""
    found = [(dtype, seen.share, entry.test) for entry in entries for dtype, seen in entry.worst.items()]
    found = [row for row in found if row[1] > 0]
    nearest = [max(row for row in found if row[0] == dtype) for dtype in sorted({row[0] for row in found})]
    heading = [told("largest error, as a share of its bound:", language)] if nearest else []
    names = [sentence(test, language) if language == "zh" else test.rpartition("::")[2] for *_, test in nearest]
    rows = zip(nearest, names, strict=True)
    return heading + [f"  {dtype:9} {share:.3f}  {name}" for (dtype, share, _), name in rows]


def _wrapped(line: str, language: str) -> list[str]:
    if language == "zh":
        return (
            [line]
            if columns(line) <= PAGE
            else [f"{'    ' * (n > 0)}{part}" for n, part in enumerate(in_lines(line, PAGE - 4))]
        )
    return textwrap.wrap(line, PAGE, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False) or [line]
