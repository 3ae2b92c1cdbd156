"""Runs the default run in a setting: on a copy of the project, so that it may be changed meanwhile."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from spec_tests.strength.repeats.settings import WITHOUT_POWERS, Setting

OF_THIS_MACHINE = {".git", ".venv", "build", "node_modules", "report"}
"""What stands in a project's folder and does not belong to it, beside caches."""

OF_THE_SETTING = re.compile(
    r"LANG|LANGUAGE|LC_\w+|TZ|HOME|USERPROFILE|CI|OMP_\w+|PYTEST_\w+|PYTHON(HASHSEED|IOENCODING|UTF8|DONTWRITEBYTECODE)"
)
"""The variables of the environment that a setting decides about."""

FAILED = re.compile(r"^(?:FAILED|ERROR) (.+?)(?: - .*)?$", re.MULTILINE)
BELOW = re.compile(r"^\.\..*?(?=spec_tests/)")
"""How a run that was started elsewhere begins the name of a test."""
COUNTED = re.compile(r"(\d+) (passed|failed|error|xfailed|skipped)")
LAST_LINE = re.compile(r"^=* ?\d+ (?:passed|failed|error|xfailed|skipped|deselected).* in \d[\d.]*s.*$", re.MULTILINE)


@dataclass(frozen=True)
class Result:
    """How a run ended."""

    code: int
    text: str
    seconds: float

    @property
    def counts(self) -> dict[str, int]:
        """Return how many tests passed, failed, and so on, as the last line says."""
        lines: list[str] = LAST_LINE.findall(self.text)
        return {what: int(number) for number, what in COUNTED.findall(lines[-1] if lines else "")}

    @property
    def failed(self) -> list[str]:
        """Return the tests that failed; if none did and the run failed all the same, its last line."""
        tests = list(dict.fromkeys(BELOW.sub("", test) for test in FAILED.findall(self.text)))
        last = (self.text.strip() or "nothing was printed").splitlines()[-1]
        return tests or ([f"pytest's status {self.code}: {last[:200]}"] if self.code else [])


def run(project: Path, setting: Setting, tests: Sequence[str]) -> Result:
    """Run tests of a project in a setting."""
    with TemporaryDirectory() as temporary, _copied(project, Path(temporary), setting) as copy:
        elsewhere = Path(temporary, "elsewhere")
        home = Path(temporary, "home")
        elsewhere.mkdir()
        home.mkdir(0o500 if setting.chosen.get("home") == "read-only" else 0o700)
        in_project = setting.chosen["started"] == "in the project"
        report = [f"--report={elsewhere / 'report'}"] if setting.chosen["report"] == "written" else []
        began = perf_counter()
        done = subprocess.run(
            command(setting, tests if in_project else [str(copy / test) for test in tests], report),
            cwd=copy if in_project else elsewhere,
            env={**environment(setting), "HOME": str(home), "USERPROFILE": str(home)},
            umask=int(setting.chosen.get("umask", "-1"), 8),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        return Result(done.returncode, done.stdout.decode("utf-8", "replace"), round(perf_counter() - began, 1))


def command(setting: Setting, tests: Sequence[str], more: Sequence[str] = ()) -> list[str]:
    """Return what is run; with random examples, as many of them as in the default run."""
    chosen = setting.chosen
    words = [sys.executable, "-m", "pytest", *tests, "-q", f"--hypothesis-seed={setting.examples}", *more]
    if chosen["order"] == "random":
        words += ["--random-order-bucket=global", f"--random-order-seed={setting.order}"]
    if chosen["processes"] != "1":
        words += ["-n", chosen["processes"]]
    if chosen.get("input") == "closed":
        words = ["sh", "-c", 'exec "$@" <&-', "sh", *words]
    if "read-only" in chosen.values() and os.geteuid() == 0:
        words = [*WITHOUT_POWERS, *words]
    return words


def environment(setting: Setting) -> dict[str, str]:
    """Return the variables of the environment."""
    chosen = setting.chosen
    kept = {name: value for name, value in os.environ.items() if not OF_THE_SETTING.fullmatch(name)}
    as_it_is = {name: value for name, value in os.environ.items() if re.fullmatch(r"LANG|LC_\w+", name)}
    return {
        **kept,
        **(as_it_is if chosen["locale"] == "as it is" else {"LANG": chosen["locale"], "LC_ALL": chosen["locale"]}),
        **({} if chosen["streams"] == "as the locale says" else {"PYTHONIOENCODING": chosen["streams"]}),
        **({"CI": chosen["CI"]} if chosen["CI"] else {}),
        "TZ": chosen["time zone"],
        "PYTHONHASHSEED": "0" if chosen["hashes"] == "0" else str(setting.order),
        "OMP_NUM_THREADS": chosen["threads"],
        **({"PYTHONUTF8": "1"} if chosen["processes"] != "1" and not _names_the_folder(chosen) else {}),
    }


def _names_the_folder(chosen: Mapping[str, str]) -> bool:
    """Tell whether the locale has letters for the folder's name: else several processes ask for PYTHONUTF8=1."""
    encoding = chosen["locale"].partition(".")[2] or "utf-8"  # Python takes UTF-8 for C
    if chosen["locale"] == "as it is":
        encoding = sys.getfilesystemencoding()
    try:
        chosen["folder"].encode("utf-8").decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


@contextmanager
def _copied(project: Path, folder: Path, setting: Setting) -> Iterator[Path]:
    """Yield a copy of the project, which may be read-only until it is thrown away."""
    copy = folder / ("project" if setting.chosen["folder"] == "plain" else setting.chosen["folder"]) / project.name
    shutil.copytree(project, copy, ignore=_left_out_of(project), symlinks=True)
    read_only = setting.chosen.get("project") == "read-only"
    if read_only:
        _change_modes(copy, lambda mode: mode & ~0o222)
    try:
        yield copy
    finally:
        if read_only:
            _change_modes(copy, lambda mode: mode | 0o200)


def _left_out_of(project: Path) -> Callable[[str, list[str]], set[str]]:
    def left_out(folder: str, names: list[str]) -> set[str]:
        caches = {name for name in names if name == "__pycache__" or re.fullmatch(r"\..*_?cache|\.hypothesis", name)}
        return caches | (OF_THIS_MACHINE & {*names} if Path(folder) == project else set())

    return left_out


def _change_modes(folder: Path, change: Callable[[int], int]) -> None:
    for path in [folder, *folder.rglob("*")]:
        if not path.is_symlink():
            path.chmod(change(path.stat().st_mode))
