"""`claims.json` as the report reads it: its form, which `claims.schema.json` describes, and what else must hold."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from spec_tests.report.json_files import Unreadable, check_form, check_unique, check_value, load, naming, shortened
from spec_tests.report.older import in_todays_form
from spec_tests.vocabulary.claims import SECTIONS
from spec_tests.vocabulary.results import PROVEN

Data = dict[str, Any]
"""What `claims.schema.json` describes, or a part of it."""

SCHEMA: Data = json.loads(Path(__file__).with_name("claims.schema.json").read_text(encoding="utf-8"))
FORMAT: int = SCHEMA["properties"]["format"]["const"]
"""The version of the form that this project writes. It also reads earlier ones: see `older`."""


def read(file: Path) -> Data:
    """Return the data in a file; raise Unreadable, which names the file and the place, if something is wrong."""
    with naming(file, "a report's data"):
        data: Data = in_todays_form(load(file))
        check(data)
    return data


def check(data: Any) -> None:
    """Raise Unreadable, which names the place, where data are not those of a report."""
    check_value(data)
    _check_format(data)
    check_form(data, SCHEMA)
    _check_names(data)
    for place, run in enumerate(data["runs"]):
        _check_timestamp(run["started"], f"$.runs[{place}].started")
    for part in ("claims", "tests"):
        for place, entry in enumerate(data[part]):
            _check_results(entry, len(data["runs"]), f"$.{part}[{place}].results")
    for place, claim in enumerate(data["claims"]):
        _check_claim(claim, f"$.claims[{place}]")


def _check_format(data: Any) -> None:
    format = data.get("format") if isinstance(data, dict) else None
    if isinstance(format, int) and format > FORMAT:
        raise Unreadable(f"$.format: {format} is of a later version of this project, which reads 1 to {FORMAT}")


def _check_names(data: Data) -> None:
    """Refuse duplicate names, and a test of a claim that does not exist."""
    for part, id in (("runs", "name"), ("claims", "id"), ("tests", "test"), ("deviations", "id")):
        check_unique((entry[id] for entry in data[part]), f"$.{part}")
    known = {claim["id"] for claim in data["claims"]}
    for place, test in enumerate(data["tests"]):
        for id in test["claims"]:
            if id not in known:
                raise Unreadable(f"$.tests[{place}].claims: {id!r} is not a known claim")


def _check_timestamp(text: str, place: str) -> None:
    try:
        datetime.fromisoformat(text)
    except ValueError as error:
        raise Unreadable(shortened(f"{place}: {text!r} is not a valid ISO timestamp: {error}")) from None


def _check_results(entry: Data, runs: int, place: str) -> None:
    if len(entry["results"]) != runs:
        raise Unreadable(f"{place}: has {len(entry['results'])} entries, expected one for each of {runs} runs")


def _check_claim(claim: Data, place: str) -> None:
    """Refuse a section that the document does not have, and a result that the register's verdict rules out."""
    if claim["section"] not in SECTIONS:
        raise Unreadable(f"{place}.section: {claim['section']!r} is not one of {', '.join(SECTIONS)}")
    verdict = claim["verdict"]
    decided = ["cited"] if claim.get("cites") else [PROVEN[verdict], "not run"] if verdict in PROVEN else [verdict]
    possible = ["failed", *decided]
    for run, result in enumerate(claim["results"]):
        if result["result"] not in possible:
            raise Unreadable(
                f"{place}.results[{run}].result: {result['result']!r} for a claim that the register calls "
                f"{verdict!r}, expected one of {', '.join(possible)}"
            )
