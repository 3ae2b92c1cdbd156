"""Which planted defect turns which claim from proven: `python -m spec_tests.tooling.planted` measures it.

    --claims ID,...   only these claims, and only print what turns them
    --check           write nothing: end with 1 where the table does not say what was measured
    --third N         with --check: only every third defect, N from 0 to 2; three days of tests check them all

A defect is a wrong implementation of an operation, a changed program or number (`planted_programs`), or a change of
torch itself (`planted_in_torch`). Each is planted in turn, the tests that carry a claim and that it can touch are run,
and a claim one of whose tests then fails is turned. What no defect can turn would be
proven whatever the truth is: the table, `planted.tsv`, says why where none is planted. Measuring takes minutes.
"""

import csv
import sys
from argparse import ArgumentParser
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, contextmanager, nullcontext, redirect_stdout
from functools import cache, partial
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import Phase, settings

from spec_tests import subjects
from spec_tests.run import drawing, draws
from spec_tests.run.plugin import SUBJECT
from spec_tests.run.selection import claims_of
from spec_tests.tooling.planted_in_torch import IN_TORCH
from spec_tests.tooling.planted_programs import PROGRAMS
from spec_tests.vocabulary.claims import Claim, register
from spec_tests.wrong_implementations import WRONG, Wrong

ROOT = Path(__file__).parents[2]
TABLE = Path(__file__).with_suffix(".tsv")

CHANGES = (*PROGRAMS, *IN_TORCH)
ALL = (*WRONG, *(program.name for program in CHANGES))

MEASURED = ("number", "shape", "formula", "default", "code")
"""The kinds of claims of which each that is executed must be turned by some defect."""

SUBJECTS = {"subject", "subject_on_cpu", "implementation"}
"""The fixtures that are the implementation under test."""

WITHOUT_SHRINKING = "planted"
settings.register_profile(WITHOUT_SHRINKING, draws.PROFILES[draws.REPEATABLE], phases=[Phase.explicit, Phase.generate])


class Planting:
    """A plugin that runs the tests of claims once for each defect, and notes which claims it turns."""

    def __init__(self, claims: Iterable[str], defects: Iterable[str]) -> None:
        """Nothing has been planted yet."""
        self.claims, self.defects = set(claims), set(defects)
        self.turned = defaultdict[str, list[str]](list)
        self.passes: dict[tuple[str, str], bool] = {}
        """By the subject and the test, whether it passes where nothing is planted."""

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Run a printed program only when a test asks for it, and draw no failure."""
        for module in {getattr(item, "module", None) for item in session.items}:
            if module is not None and hasattr(module, "children_started"):
                module.children_started = partial(when_asked_for, module)
        drawing.case_of = lambda *_: drawing.Case()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Plant the defects, one after the other."""
        carriers = [item for item in session.items if self.claims.intersection(claims_of(item))]
        for name, wrong in ((name, wrong) for name, wrong in WRONG.items() if name in self.defects):
            touched = [item for item in carriers if may_touch(item, wrong)]
            sound = self._sound(touched, "reference")
            self._note(name, sound, self.claims, f"wrong:{name}", nullcontext())
        for program in (program for program in CHANGES if program.name in self.defects):
            claims = self.claims.intersection(program.claims)
            sound = self._sound([item for item in carriers if claims.intersection(claims_of(item))], "torch")
            self._note(program.name, sound, claims, "torch", program.planted())
        return True

    def _sound(self, items: Sequence[pytest.Item], subject: str) -> list[pytest.Item]:
        """Return the tests that pass on this subject, nothing being planted."""
        unknown = [item for item in items if (subject, item.nodeid) not in self.passes]
        with running(unknown, subject):
            self.passes |= {(subject, item.nodeid): not fails(item) for item in unknown}
        return [item for item in items if self.passes[subject, item.nodeid]]

    def _note(
        self,
        defect: str,
        items: Sequence[pytest.Item],
        claims: set[str],
        subject: str,
        planted: AbstractContextManager[None],
    ) -> None:
        """Run tests until each of these claims is turned or has no more of them."""
        found = dict[str, None]()
        with planted, running(items, subject):
            for item in items:
                own = claims.intersection(claims_of(item))
                if not own <= found.keys() and fails(item):
                    found.update(dict.fromkeys(sorted(own)))
        for id in found:
            self.turned[id].append(defect)
        print(f"{defect}: {' '.join(found) or '-'}", file=sys.stderr, flush=True)


@contextmanager
def running(items: Sequence[pytest.Item], subject: str) -> Iterator[None]:
    """Have tests run on this subject, and forget all fixtures after them."""
    for item in items[:1]:
        item.config.stash[SUBJECT] = subjects.load(subject)
    forget_what_was_made_once(items)
    yield
    for item in items[:1]:
        item.session._setupstate.teardown_exact(None)
    forget_what_was_made_once(items)


def forget_what_was_made_once(items: Sequence[pytest.Item]) -> None:
    """Clear the caches of the tests' files: what they hold may be of another subject, or of a changed program."""
    for module in {getattr(item, "module", None) for item in items}:
        for value in vars(module).values() if module else ():
            if isinstance(value, type(table)):
                value.cache_clear()


def fails(item: pytest.Item) -> bool:
    """Run a test and tell whether it fails; fixtures that the next test of its file may need are kept."""
    item.session._setupstate.teardown_exact(item)
    return any(report.failed for report in runtestprotocol(item, log=False, nextitem=item))


@contextmanager
def when_asked_for(module: Any, folders: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """Stand in for `children_started` of the printed programs."""

    class Children(dict[str, Any]):
        def __missing__(self, name: str) -> Any:
            self[name] = ended = Future[Any]()
            ended.set_result(module.run_in_child(module.CASES[name], folders.mktemp("block")))
            return ended

    yield Children()


def may_touch(item: pytest.Item, wrong: Wrong) -> bool:
    """Tell whether a test asks the subject, in a format and of an operation in which this is wrong."""
    arguments = getattr(getattr(item, "callspec", None), "params", {})
    own = wrong.operation.removesuffix("_backward")
    named = {name for mark in item.iter_markers("requirement") for name in mark.args[1:]}
    return bool(
        SUBJECTS.intersection(getattr(item, "fixturenames", ()))
        and item.get_closest_marker("torch_api") is None
        and arguments.get("implementation", "by the subject") == "by the subject"
        and arguments.get("dtype", wrong.dtype) == wrong.dtype
        and arguments.get("operation", own) == own
        and own in (named or {own})
    )


def measured(claims: Iterable[str], defects: Iterable[str]) -> dict[str, list[str]]:
    """Return for each of these claims those of these defects that turn it."""
    planting = Planting(claims, defects)
    options = ["--import-mode=importlib", "-q", "-pno:cacheprovider", "-Wignore::pytest.PytestAssertRewriteWarning"]
    with redirect_stdout(StringIO()) as written:
        code = pytest.main(
            [*options, f"--hypothesis-profile={WITHOUT_SHRINKING}", str(ROOT / "spec_tests")], plugins=[planting]
        )
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise SystemExit(f"the tests could not be collected: pytest ended with {code}\n{written.getvalue()}")
    return {id: planting.turned[id] for id in register() if id in planting.claims}


@cache
def table() -> dict[str, list[str]]:
    """Return what the table says: for each claim, the defects that turn it."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return {row["claim"]: row["defects"].split() for row in csv.DictReader(file, delimiter="\t")}


def write(found: dict[str, list[str]]) -> None:
    """Write the table."""
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        rows = [(id, " ".join(defects), "" if defects else reason(register()[id])) for id, defects in found.items()]
        csv.writer(file, delimiter="\t", lineterminator="\n").writerows([("claim", "defects", "reason"), *rows])


def reason(claim: Claim) -> str:
    """Return why no defect is planted for a claim, or an empty string where there is no reason."""
    if claim.cites:
        return "cited, not executed"
    if claim.verdict == "uncheckable":
        return "uncheckable"
    if claim.needs:
        return f"not run without what it needs: {claim.needs}"
    return "" if claim.kind in MEASURED else "says what there is, and computes nothing"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write, check or print the table."""
    parser = ArgumentParser(prog="spec_tests.tooling.planted")
    parser.add_argument("--claims", help="only these, separated by commas, and only print what turns them")
    parser.add_argument("--check", action="store_true", help="compare with the table instead of writing it")
    parser.add_argument("--third", type=int, choices=range(3), help="with --check: only every third defect")
    options = parser.parse_args(arguments)
    if options.third is not None and not options.check:
        parser.error("--third goes with --check: the table is written of all defects")
    defects = ALL if options.third is None else ALL[options.third :: 3]
    found = measured(options.claims.split(",") if options.claims else register(), defects)
    if options.claims:
        print("\n".join(f"{id}: {', '.join(defects) or 'nothing'}" for id, defects in found.items()))
    elif options.check:
        said = {id: [name for name in names if name in defects] for id, names in table().items()}
        wrong = [id for id in {**said, **found} if found.get(id) != said.get(id)]
        for id in wrong:
            print(f"{id}: turned by {found.get(id)}, in the table by {said.get(id)}")
        return int(bool(wrong))
    else:
        write(found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
