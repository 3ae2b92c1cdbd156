"""What the page shows of the measured strength: the results in `docs/strength`, of which a checkout has some or all.

`python -m spec_tests.strength` writes `strength.json` and, with `--rivals`, `rivals.json`; `mutants.json` and
`repeats.json` come from the commands of their own that the page names. A result that is not there is left out.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from spec_tests.report.page_filters import words

Counts = Mapping[str, Any]


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
    }


def _stored(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else None


def _rows(what: str, strength: Counts, rivals: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield a row for each operation or kind: what the specification caught, and each rival if it can touch any."""
    for name, own in strength[what].items():
        zh = words()["kinds_of_defects"].get(name, name)
        yield {"name": name, "zh": zh, "counts": [own, *(rival[what].get(name) for rival in rivals)]}
