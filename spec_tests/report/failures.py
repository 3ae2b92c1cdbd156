"""A failure as the report keeps it: as the terminal prints it, but for the names of this machine's folders."""

import os
import re
import sys
import sysconfig
import tempfile
from pathlib import Path

import pytest

from spec_tests.run import plugin, selection


def text_of(report: pytest.TestReport, config: pytest.Config) -> str:
    """Return a failure as the terminal prints it, with the drawing of its smallest case, and scrubbed."""
    heading = f" {plugin.SMALLEST_CASE} ".center(80, "-")
    drawings = [f"{heading}\n{drawing}" for title, drawing in report.sections if title == plugin.SMALLEST_CASE]
    return scrubbed("\n".join([report.longreprtext, *drawings]), config)


def scrubbed(text: str, config: pytest.Config) -> str:
    """Return a text without the names of this machine's folders: files of the project are named from its folder on."""
    for folder, name in sorted(places(config).items(), key=lambda place: len(place[0].parts), reverse=True):
        for written in _ways_to_write(folder, config.invocation_params.dir):
            text = re.sub(rf"{written}[/\\]", f"{name}/" if name else "", text)
            text = re.sub(rf"{written}(?![\w.-])", name or ".", text)
    return text


def _ways_to_write(folder: Path, start: Path) -> list[str]:
    """Return patterns of a folder's name: absolute, and from `start` on where that climbs and comes down again."""
    absolute = rf"(?<![\w.-]){re.escape(str(folder))}"
    from_start = os.path.relpath(folder, start) if folder.drive == start.drive else ""
    if not re.match(r"\.\.[/\\].*\w", from_start):
        return [absolute]
    return [absolute, rf"(?<![\w./-]){re.escape(from_start)}"]


def places(config: pytest.Config) -> dict[Path, str]:
    """Return the folders that a failure may name, and what stands for each: nothing for that of the project."""
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
