"""The result of a subject that offers a part, by operation and level: passed tests of those that counted."""

from collections import Counter
from collections.abc import Iterable, Sequence

from spec_tests.run.complaints import told
from spec_tests.run.exercise.lines import columns, left, right
from spec_tests.vocabulary.ledger import Entry
from spec_tests.vocabulary.levels import LEVELS, LEVELS_ZH

Counts = dict[str, dict[str, Counter[str]]]
"""By operation and level, how many tests ended how."""

NONE, LEVEL = "–", 13
"""What stands where nothing counted, and how wide a column is."""
COUNTED = ("passed", "failed", "error")


def counts(entries: Iterable[Entry]) -> Counts:
    """Return how the tests of each operation and level ended; one that requires something of two counts for both."""
    found: Counts = {}
    for entry in entries:
        for level, operation in entry.requirements:
            found.setdefault(operation, {}).setdefault(level, Counter())[entry.outcome] += 1
    return found


def table(entries: Sequence[Entry], language: str = "en") -> list[str]:
    """Return a row for each operation of which a test counted, and what its numbers mean."""
    rows = {
        operation: [_cell(levels.get(level, Counter())) for level in LEVELS]
        for operation, levels in counts(entries).items()
    }
    rows = {operation: cells for operation, cells in rows.items() if any(cells)}
    if not rows:
        return []
    first, levels = ("运算", [*LEVELS_ZH.values()]) if language == "zh" else ("operation", [*LEVELS])
    title = max(columns(first), *map(len, rows)) + 2
    lines = [
        f"{left(operation, title)}{''.join(right(cell or NONE, LEVEL) for cell in cells)}"
        for operation, cells in {first: levels, **rows}.items()
    ]
    return [*lines, told("(passed / counted; a test counts if the subject answered a call in it)", language)]


def _cell(outcomes: Counter[str]) -> str:
    counted = sum(outcomes[outcome] for outcome in COUNTED)
    return f"{outcomes['passed']} / {counted}" if counted else ""
