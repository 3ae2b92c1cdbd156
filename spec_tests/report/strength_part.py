"""What the page shows of the measured strength: the results in `docs/strength`, of which a checkout has some or all.

`python -m spec_tests.strength` writes `strength.json` and, with `--rivals`, `rivals.json`; `mutants.json`,
`repeats.json` and the tables in `margins` come from the commands of their own that the page names. A result that is not
there is left out.
"""

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from spec_tests.report.page_filters import words

Counts = Mapping[str, Any]
FORMATS = ("float32", "float64")
"""The number formats whose margins are shown."""


def read(folder: Path) -> dict[str, Any] | None:
    """Return what the page shows, or None where the strength was not measured."""
    strength, *others = (_stored(folder / f"{name}.json") for name in ("strength", "rivals", "mutants", "repeats"))
    if strength is None:
        return None
    stored, mutants, repeats = others
    rivals = [
        {"name": name, **told, **words()["rivals"].get(name, {"en": name, "zh": name, "about_en": "", "about_zh": ""})}
        for name, told in (stored["rivals"].items() if stored else ())
    ]
    counted = ("named", "generated", "modelled on reports")
    return {
        **{name: strength[name] for name in ("date", "versions")},
        "seconds": strength["median seconds to the first failure"],
        "planted": sum(strength[name]["planted"] for name in counted[:2]),
        "caught": sum(strength[name]["caught"] for name in counted[:2]),
        "totals": {name: [strength[name], *(rival[name] for rival in rivals)] for name in counted},
        "operations": list(_rows("by operation", strength, rivals)),
        "kinds": list(_rows("by kind", strength, rivals)),
        "rivals": rivals,
        "measured_with_rivals": stored["date"] if stored else "",
        "mutants": mutants,
        "repeats": repeats,
        "margins": _margins(folder / "margins"),
    }


def _margins(folder: Path) -> dict[str, Any] | None:
    """Return how near each version of torch comes to its bounds, by operation and part of the result and by format."""
    tables = {file.stem: _table(file) for file in sorted(folder.glob("*.tsv"))}
    places = dict.fromkeys((row["operation"], row["part"]) for table in tables.values() for row in table)
    columns = [(version, dtype) for version in tables for dtype in FORMATS]
    nearest = {
        (version, row["dtype"], row["operation"], row["part"]): float(row["nearest"])
        for version, table in tables.items()
        for row in table
        if int(row["cases"])
    }
    rows = [(*place, [nearest.get((*column, *place)) for column in columns]) for place in places]
    kept = [row for row in rows if any(share is not None for share in row[2])]
    return {"columns": [f"{version}, {dtype}" for version, dtype in columns], "rows": kept} if kept else None


def _table(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as lines:
        return list(csv.DictReader(lines, delimiter="\t"))


def _stored(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


def _rows(what: str, strength: Counts, rivals: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield a row for each operation or kind: what the specification caught, and each rival if it can touch any."""
    for name, own in strength[what].items():
        zh = words()["kinds_of_defects"].get(name, name)
        yield {"name": name, "zh": zh, "counts": [own, *(rival[what].get(name) for rival in rivals)]}
