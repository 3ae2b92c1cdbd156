"""Which defects of loaders and random transforms are caught: `python -m spec_tests.tooling.planting_in_chapter_1`.

    --all    run all tests of chapter 1 on what its own test does not catch

It ends with 1 if a defect survives.
"""

import sys
from argparse import ArgumentParser
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import pytest

from spec_tests.tooling.planted import fails, running
from spec_tests.tooling.planted_in_loading import IN_LOADING, Planted
from spec_tests.tooling.planted_in_transforms import IN_TRANSFORMS
from spec_tests.tooling.planted_in_workers import IN_WORKERS

ROOT = Path(__file__).parents[1]
DEFECTS = (*IN_LOADING, *IN_WORKERS, *IN_TRANSFORMS)
FILES = ("test_1_3_*.py", "test_1_4_*.py", "test_1_5_*.py")

Tests = Callable[[Planted, pytest.Item], bool]
"""Whether a test is to be run on a defect."""


class Planting:
    """A plugin of pytest that plants each defect and runs tests until one fails."""

    def __init__(self, defects: Sequence[Planted], tests: Tests) -> None:
        """Nothing has been planted yet."""
        self.defects, self.tests = defects, tests
        self.caught_by: dict[str, str] = {}
        """By the name of each defect the test that failed, or an empty string."""
        self.sound: dict[str, bool] = {}
        """Whether a test passes where nothing is planted."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Plant the defects, one after the other."""
        for defect in self.defects:
            items = [item for item in session.items if self.tests(defect, item)]
            unknown = [item for item in items if item.nodeid not in self.sound]
            with running(unknown, "torch"):
                self.sound |= {item.nodeid: not fails(item) for item in unknown}
            sound = [item for item in items if self.sound[item.nodeid]]
            with defect.program.planted(), running(sound, "torch"):
                failed = next((item.name for item in sound if fails(item)), "")
            self.caught_by[defect.program.name] = failed
        return True


def by_its_own(defect: Planted, item: pytest.Item) -> bool:
    """Run the tests that are said to catch a defect."""
    return getattr(item, "originalname", "") == defect.caught_by


def caught(defects: Sequence[Planted] = DEFECTS, tests: Tests = by_its_own) -> dict[str, str]:
    """Return for each defect the test that caught it, or an empty string."""
    planting = Planting(defects, tests)
    options = ["--import-mode=importlib", "-q", "--slow", "-pno:cacheprovider"]
    ignored = ["-Wignore::pytest.PytestAssertRewriteWarning", "--hypothesis-profile=planted"]
    files = [str(file) for pattern in FILES for file in sorted(ROOT.glob(pattern))]
    with redirect_stdout(StringIO()) as written:
        code = pytest.main([*options, *ignored, *files], plugins=[planting])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise SystemExit(f"the tests could not be collected: pytest ended with {code}\n{written.getvalue()}")
    return planting.caught_by


def main(arguments: Sequence[str] | None = None) -> int:
    """Tell what is caught."""
    parser = ArgumentParser(prog="spec_tests.tooling.planting_in_chapter_1")
    parser.add_argument("--all", action="store_true", help="run all tests on what its own test does not catch")
    found = caught()
    if parser.parse_args(arguments).all and not all(found.values()):
        left = [defect for defect in DEFECTS if not found[defect.program.name]]
        found |= caught(left, lambda *_: True)
    print("\n".join(f"{name}: {test or 'nothing'}" for name, test in found.items()))
    print(f"caught {sum(map(bool, found.values()))} of {len(found)}")
    return int(not all(found.values()))


if __name__ == "__main__":
    sys.exit(main())
