"""What a run has found: stored as JSON, and told in a table."""

import json
import platform
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

from reference.whole_files import write_text
from spec_tests.strength.planting import Outcome, operation_of
from spec_tests.strength.selecting import GENERATED, accepted, function_of, kind_of, known
from spec_tests.wrong_implementations import WRONG

PACKAGES = ("numpy", "hypothesis", "pytest")


def survivors(outcomes: Iterable[Outcome]) -> list[str]:
    """Return the defects that no test caught and that are not known to survive."""
    return [outcome.defect for outcome in outcomes if not outcome.caught_by and outcome.defect not in known()]


def stored(outcomes: Mapping[str, Outcome], seconds: float, how: str) -> dict[str, Any]:
    """Return the result as it is stored."""
    counted = _of(outcomes.values())
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "asked for": how,
        "versions": versions(),
        "seconds": round(seconds),
        "median seconds to the first failure": round(median(o.seconds for o in counted), 4) if counted else None,
        **counts(counted),
        "accepted": {name: accepted()[name] for name in outcomes if name in accepted()},
        "open": {outcome.defect: known()[outcome.defect] for outcome in counted if outcome.defect in known()},
        "survivors": survivors(outcomes.values()),
        "defects": {name: _told(outcomes[name]) for name in sorted(outcomes)},
    }


def versions() -> dict[str, str]:
    """Return the versions that a result depends on."""
    return {"python": platform.python_version(), **{name: metadata.version(name) for name in PACKAGES}}


def counts(outcomes: Iterable[Outcome]) -> dict[str, Any]:
    """Return how many defects were caught and planted: named, generated, by operation and by kind."""
    counted = _of(outcomes)
    named = [outcome for outcome in counted if not outcome.defect.startswith(GENERATED)]
    made = [outcome for outcome in counted if outcome.defect.startswith(GENERATED)]
    return {
        "named": _counted(named),
        "generated": _counted(made),
        "modelled on reports": _counted([o for o in named if WRONG[o.defect].report]),
        "by operation": _by(counted, lambda defect: operation_of(function_of(defect))),
        "by kind": _by(counted, kind_of),
    }


def _of(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Return those that are counted."""
    return [outcome for outcome in outcomes if outcome.defect not in accepted()]


def _told(outcome: Outcome) -> dict[str, Any]:
    return {"caught by": outcome.caught_by, "seconds": round(outcome.seconds, 4), "tests": outcome.tests}


def _counted(outcomes: Iterable[Outcome]) -> dict[str, int]:
    found = list(outcomes)
    return {"caught": sum(bool(outcome.caught_by) for outcome in found), "planted": len(found)}


def _by(outcomes: Iterable[Outcome], group: Callable[[str], str]) -> dict[str, dict[str, int]]:
    groups = defaultdict[str, list[Outcome]](list)
    for outcome in outcomes:
        groups[group(outcome.defect)].append(outcome)
    return {name: _counted(groups[name]) for name in sorted(groups)}


def write(result: Mapping[str, Any], file: Path) -> None:
    """Store a result."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, json.dumps(result, indent=1, ensure_ascii=False) + "\n")


def told(result: Mapping[str, Any]) -> str:
    """Return a result as a text."""
    lines = [table(result), *(f"not caught: {name}" for name in result["survivors"])]
    lines.append(f"not counted, with a reason: {len(result['accepted'])}; known to survive: {len(result['open'])}")
    lines.append(f"median time to the first failure: {result['median seconds to the first failure']} s")
    return "\n".join(lines)


def table(counted: Mapping[str, Any]) -> str:
    """Return what `counts` found as a text."""
    lines = []
    for what in ("by operation", "by kind"):
        lines += [f"caught / planted, {what}", *(_line(*row) for row in counted[what].items()), ""]
    for what in ("named", "generated", "modelled on reports"):
        if counted[what]["planted"]:
            lines.append(f"{what}: caught {counted[what]['caught']:,} of {counted[what]['planted']:,}")
    return "\n".join(lines)


def _line(name: str, counted: Mapping[str, int]) -> str:
    return f"  {name:36} {counted['caught']:5} / {counted['planted']}"
