"""The headline rows in several processes: what one process has by chance, such as where its arrays lie, varies too.

`--processes N` repeats the rows that the README quotes, those with a ratio to torch and the network's at batch 64, in
N − 1 more processes, one after the other; but not compiled ones, which each process would compile first. The figure is
then the median of the processes' medians, with a 95 % interval by the bootstrap: processes are drawn with replacement,
as many as there were, and their median is taken, many times.
"""

import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.configuration import SIDE_BY_SIDE
from benchmarks.spread import Spread, from_data, of_processes
from spec_tests.report.json_files import load

Row = Mapping[str, Any]


class ChildFailed(RuntimeError):
    """A process did not measure its rows."""


def headline(row: Row) -> bool:
    """Tell whether a row is one of those that are repeated."""
    info = row["extra_info"]
    at_64 = info.get("question") == "network" and info.get("batch") == SIDE_BY_SIDE
    return bool(info.get("ratio")) or (at_64 and (row.get("params") or {}).get("mode") != "compile")


def repeat(rows: Sequence[Row], processes: int, options: Sequence[str], root: Path) -> None:
    """Measure the headline rows in more processes, with these options, and note in each what all of them found."""
    wanted = [row for row in rows if headline(row)]
    others = [_measured([row["fullname"] for row in wanted], options, root) for _ in range(processes - 1) if wanted]
    for row in wanted:
        info, *more = [each["extra_info"] for each in (row, *(other[row["fullname"]] for other in others))]
        info["disturbed"] = any(each.get("disturbed") for each in (info, *more))
        for name in ("interval", "ratio"):
            if info.get(name):
                found = [from_data(Spread, each[name]) for each in (info, *more)]
                info[name] = {**asdict(of_processes(found)), "medians": [each.median for each in found]}


def _measured(tests: Sequence[str], options: Sequence[str], root: Path) -> dict[str, Row]:
    """Run tests in a process of their own and return their rows by name."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "result.json"
        fixed = ("--benchmark-only", "--without-ceilings", "--only-times", f"--benchmark-json={file}", *options)
        command = [sys.executable, "-m", "pytest", *fixed, *tests]
        child = subprocess.run(command, cwd=root, capture_output=True, encoding="utf-8", check=False)
        if child.returncode or not file.is_file():
            raise ChildFailed(f"a process of --processes failed: {child.stdout[-1000:]}{child.stderr[-1000:]}")
        return {row["fullname"]: row for row in load(file)["benchmarks"]}
