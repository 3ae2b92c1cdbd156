"""Files of the specification that a run does not read, because nothing in them could run. The summary counts them.

A file that says `pytestmark = pytest.mark.torch_api` is about torch alone, one that says `pytest.mark.tooling` about
this project's tools, as are the examples in docstrings. The tools are tested on torch, with --slow or where their files
or folders are named: a run of the specification is about the subject. Where torch is not the subject, the files about
torch are not read either, so that a run on a subject without torch does not wait for the import of torch. And a file
that imports a package which is not installed is left out, with that reason, instead of being an error.
"""

import os
import re
from collections import Counter
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any

import pytest

from spec_tests.run.selection import ROOT, is_specification, is_torch, is_torch_on_the_cpu
from spec_tests.vocabulary.results import LEFT_OUT, NOT_READ

UNREAD = pytest.StashKey[dict[Path, str]]()
"""The files that were not read, each with the reason."""

WHOLE_FILE = re.compile(r"^pytestmark = (?:\[\s*)?pytest\.mark\.(torch_api|tooling)\b", re.MULTILINE)
PACKAGES = {
    **{name: name for name in ("torch", "torchvision", "tensorboard", "matplotlib", "psutil", "packaging", "scipy")},
    **{name: name for name in ("jinja2", "jsonschema", "pygments", "tqdm", "threadpoolctl")},
    "PIL": "pillow",
}
"""What a file may need beyond NumPy, pytest and Hypothesis: the name in an import, and that of the distribution."""


def pytest_configure(config: pytest.Config) -> None:
    """Begin with no such file."""
    config.stash[UNREAD] = {}


def unread(config: pytest.Config) -> Counter[str]:
    """Return how many files were not read, by reason."""
    return Counter(config.stash[UNREAD].values())


class Unread(pytest.File):
    """A file that is not read."""

    def __init__(self, reason: str, **of_a_file: Any) -> None:
        """Take the reason, empty if there is nothing in the file to count."""
        super().__init__(**of_a_file)
        self.reason = reason

    def collect(self) -> Iterable[pytest.Item]:
        """Return no tests. This is called only if the file is among those that the run is asked for."""
        if self.reason:
            self.config.stash[UNREAD][self.path] = self.reason
        return []


@pytest.hookimpl(wrapper=True)
def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> Generator[None, Any, Any]:
    """Put a file that is not to be read in the place of its tests."""
    found = yield
    reason = _reason(file_path, parent.config) if any(map(is_specification, found)) else None
    if reason is None:
        return found
    return [Unread.from_parent(parent, path=file_path, reason=reason)]


def _reason(file: Path, config: pytest.Config) -> str | None:
    """Return why a file is not read, an empty string if there is nothing in it to count, and None if it is read."""
    tools = is_torch_on_the_cpu(config) and (config.option.spec_slow or _is_named(file, config))
    if tools or _is_asked_for_a_test_of(file, config):
        return None
    text = file.read_text(encoding="utf-8")
    if not file.name.startswith("test_"):
        return LEFT_OUT["tooling"].en if ">>>" in text else ""
    mark = match[1] if (match := WHOLE_FILE.search(text)) else ""
    return None if not mark or (mark == "torch_api" and is_torch(config)) else LEFT_OUT[mark].en


def _is_named(file: Path, config: pytest.Config) -> bool:
    """Tell whether the command line names this file, or a folder within the specification in which it lies."""
    named = [Path(os.path.realpath(config.invocation_params.dir / argument)) for argument in config.args]
    return any(path == file or (ROOT in path.parents and path in file.parents) for path in named)


def _is_asked_for_a_test_of(file: Path, config: pytest.Config) -> bool:
    """Tell whether the command line names a single test in a file: pytest would say that there is none."""
    named = [argument.partition("::")[0] for argument in config.args if "::" in argument]
    return any(Path(os.path.realpath(config.invocation_params.dir / name)) == file for name in named)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, pytest.CollectReport, Any]:
    """Leave out a file that imports a package which is not installed."""
    report = yield
    if not (report.failed and is_specification(collector)):
        return report
    call: Any = getattr(report, "call", None)
    raised = call.excinfo.value if call is not None and call.excinfo is not None else None
    missing = next(
        (e for e in (raised, getattr(raised, "__cause__", None)) if isinstance(e, ModuleNotFoundError)), None
    )
    package = PACKAGES.get(str(missing.name).partition(".")[0]) if missing is not None else None
    if package is None:
        return report
    collector.config.stash[UNREAD][collector.path] = NOT_READ["package"].en.format(package=package)
    return pytest.CollectReport(collector.nodeid, "passed", None, [])
