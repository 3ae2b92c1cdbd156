"""What a campaign found: failures by kind, each with a program or, where there is none, with how to see it again."""

import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hypothesis.database import DirectoryBasedExampleDatabase

from spec_tests.campaign.task import BAD, Outcome
from spec_tests.run.draws import FAILED

FOLDER = "findings"
LONGEST = 80


@dataclass
class Finding:
    """Failures of one kind."""

    first: Outcome
    times: int = 1
    tests: list[str] = field(default_factory=list)
    """The tests, with their parameters, that show it."""


def findings(outcomes: Iterable[Outcome]) -> list[Finding]:
    """Return the failures by kind, the most frequent first."""
    found: dict[str, Finding] = {}
    for outcome in outcomes:
        if outcome.outcome not in BAD:
            continue
        finding = found.setdefault(outcome.kind, Finding(outcome, times=0))
        finding.times += 1
        finding.tests += [outcome.test] if outcome.test not in finding.tests else []
    return sorted(found.values(), key=lambda finding: -finding.times)


def write(found: Sequence[Finding], options: Sequence[str], examples: int, folder: Path) -> None:
    """Write a file for each finding, in place of those of an earlier time."""
    (folder / FOLDER).mkdir(exist_ok=True)
    for file in (folder / FOLDER).glob("[0-9][0-9][0-9]_*"):
        file.unlink()
    for number, finding in enumerate(found, 1):
        name = re.sub(r"\W+", "_", finding.first.test.rpartition("::")[2])[:LONGEST].strip("_")
        ending, text = (".py", finding.first.program) if finding.first.program else (".txt", finding.first.case)
        head = [f"# {line}" for line in _about(finding, options, examples, folder)]
        (folder / FOLDER / f"{number:03}_{name}{ending}").write_text("\n".join([*head, "", text]), encoding="utf-8")


def keep(outcomes: Iterable[Outcome], folder: Path) -> None:
    """Keep what failed where Hypothesis finds it: `pytest --campaign FOLDER` tries it first."""
    database = DirectoryBasedExampleDatabase(folder / FAILED)
    for outcome in outcomes:
        for key, example in outcome.failed:
            database.save(bytes.fromhex(key), bytes.fromhex(example))


def _about(finding: Finding, options: Sequence[str], examples: int, folder: Path) -> list[str]:
    first = finding.first
    versions = ", ".join(f"{name} {version}" for name, version in first.versions.items()) or "the same versions"
    drawn = [f"--hypothesis-profile={examples}", f"--hypothesis-seed={first.seed}"]
    again, anew = (shlex.join(["pytest", first.test, *options, *how]) for how in ([f"--campaign={folder}"], drawn))
    return [
        f"{first.outcome} {finding.times} times, in {len(finding.tests)} tests; the first: {first.test}",
        *first.message.splitlines()[:8],
        *([f"Again: {again}"] if first.failed else []),
        f"Again, among up to {examples:,} examples: {anew}",
        f"Seen with {versions}",
    ]
