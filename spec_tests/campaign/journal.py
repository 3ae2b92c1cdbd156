"""The folder of a campaign: what it was asked for, and a line for each task that has ended.

    campaign.json       the options, the seed and the versions, written when it begins
    journal.jsonl       the outcome of each task, in the order in which they ended
    findings/           a program of its own for each kind of failure
    failed/             the examples that failed, as Hypothesis' database: `pytest --campaign DIR` tries them first
    report/             claims.json, which `python -m spec_tests.report` merges with others, and index.html

A campaign that was ended goes on where it was: a task counts once its line is written, and only once.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, astuple, fields
from pathlib import Path
from typing import Any

from reference.whole_files import write_text
from spec_tests.campaign.task import BAD, Outcome, Task
from spec_tests.report.files import add_line, lines_of
from spec_tests.report.json_files import naming, shortened

OFTEN = 3
"""How many times a test may fail, each time on other examples: then enough is known of it."""
EMPTY = Outcome("", 0, 0, "")
HEAD, LINES = "campaign.json", "journal.jsonl"


class Journal:
    """What is known of a campaign."""

    def __init__(self, folder: Path, head: dict[str, Any]) -> None:
        """Begin, or go on; ValueError if the folder is that of a campaign of something else."""
        self.folder, self.versions, self.ended = folder, head["versions"], dict[Task, Outcome]()
        folder.mkdir(parents=True, exist_ok=True)
        begun = folder / HEAD
        if begun.exists():
            _compare(_head(begun), head, folder)
        else:
            write_text(begun, json.dumps(head, ensure_ascii=False, indent=1) + "\n")
        self._bad, self._said_nothing = Counter[str](), set[str]()
        self.examples = 0
        """How many have been tried."""
        for outcome in self._read():
            self._take(outcome)

    def add(self, outcome: Outcome) -> bool:
        """Write down that a task has ended, and tell whether that was not known yet."""
        if not self._take(outcome):
            return False
        add_line(self.folder / LINES, json.dumps(asdict(outcome), ensure_ascii=False))
        return True

    def is_done_with(self, test: str) -> bool:
        """Tell whether a test need not be run again: it has failed often enough, or the subject does not answer it."""
        return self._bad[test] >= OFTEN or test in self._said_nothing

    def _take(self, outcome: Outcome) -> bool:
        task = Task(outcome.test, outcome.round)
        if task in self.ended:
            return False
        self.ended[task] = outcome
        self.examples += outcome.examples
        self._bad[outcome.test] += outcome.outcome in BAD
        if outcome.outcome not in BAD and not outcome.examples:
            self._said_nothing.add(outcome.test)
        return True

    def _read(self) -> Iterator[Outcome]:
        """Return what has ended before; a last line that was not finished does not count."""
        file = self.folder / LINES
        with naming(file, "outcomes"):
            lines = lines_of(file)
        for number, line in enumerate(lines, 1):
            with naming(file, f"the outcome of a task in line {number}"):
                yield _outcome(json.loads(line))


def _outcome(data: Any) -> Outcome:
    wanted = {field.name: type(value) for field, value in zip(fields(Outcome), astuple(EMPTY), strict=True)}
    given = {name: type(value) for name, value in data.items()} if isinstance(data, dict) else {}
    if given != wanted:
        raise ValueError(f"it has {shortened(str(data))}")
    return Outcome(**data)


def _head(file: Path) -> dict[str, Any]:
    with naming(file, "what a campaign was asked for"):
        head = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(head, dict):
            raise ValueError(f"it has {shortened(str(head))}")
        return head


def _compare(begun: dict[str, Any], head: dict[str, Any], folder: Path) -> None:
    for name, value in head.items():
        if begun.get(name) != value:
            other = f"{name} {begun.get(name)!r}, and not {value!r}"
            raise ValueError(f"{folder} holds a campaign with {other}: give --out another folder")
