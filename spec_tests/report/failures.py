"""A failure as the report keeps it: as the terminal prints it, without the names of this machine's folders."""

import os
import re
import sys
import sysconfig
import tempfile
from copy import copy
from pathlib import Path

import pytest

from spec_tests.run import selection, showing


def text_of(report: pytest.TestReport, config: pytest.Config) -> str:
    """Return a failure as the terminal prints it, with the drawing of its smallest case, without local folders."""
    heading = f" {showing.SMALLEST_CASE} ".center(80, "-")
    drawings = [f"{heading}\n{drawing}" for title, drawing in report.sections if title == showing.SMALLEST_CASE]
    return scrubbed("\n".join([_without_the_worker(report).longreprtext, *drawings]), config)


def _without_the_worker(report: pytest.TestReport) -> pytest.TestReport:
    """Return a report that does not say which of several processes it comes from."""
    plain = copy(report)
    vars(plain).pop("node", None)
    return plain


def scrubbed(text: str, config: pytest.Config) -> str:
    """Return a text without the names of this machine's folders; files of the project become relative to it."""
    for folder, name in sorted(places(config).items(), key=lambda place: len(place[0].parts), reverse=True):
        for written in _ways_to_write(folder, config.invocation_params.dir):
            text = re.sub(rf"{written}[/\\]", f"{name}/" if name else "", text)
            text = re.sub(rf"{written}(?![\w.-])", name or ".", text)
    return text


def _ways_to_write(folder: Path, start: Path) -> list[str]:
    """Return patterns for a folder: its absolute path, and its path from `start` if that goes up and down again."""
    absolute = rf"(?<![\w.-]){re.escape(str(folder))}"
    from_start = os.path.relpath(folder, start) if folder.drive == start.drive else ""
    if not re.match(r"\.\.[/\\].*\w", from_start):
        return [absolute]
    return [absolute, rf"(?<![\w./-]){re.escape(from_start)}"]


def places(config: pytest.Config) -> dict[Path, str]:
    """Return the folders that a failure may name and what replaces them; the project's own is left out."""
    names = {
        Path(tempfile.gettempdir()): "<tmp>",
        Path.home(): "<home>",
        Path(sys.base_prefix): "<python>",
        Path(sys.prefix): "<python>",
        Path(sysconfig.get_path("stdlib")): "<python>",
        Path(sysconfig.get_path("purelib")): "<site-packages>",
        Path(sysconfig.get_path("platlib")): "<site-packages>",
        config.rootpath: "",
        selection.ROOT.parent: "",
    }
    return {folder: name for folder, name in names.items() if folder != Path(folder.anchor)}
