"""Put matrices together: measured on different days, on different machines, in different environments.

Every column keeps its own machine, versions and date. Of one measurement that occurs in several files, one is kept.
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any

from spec_tests.matrix.reading import Data


def merge(matrices: Iterable[Data]) -> Data:
    """Return one matrix of all columns, in order; a subject is missing if it is missing in one and measured in none."""
    columns: dict[tuple[Any, ...], Data] = {}
    missing: dict[str, Data] = {}
    for matrix in matrices:
        columns.update((identity(column), column) for column in matrix["columns"])
        missing.update((entry["subject"], entry) for entry in matrix["missing"])
    measured = {column["subject"] for column in columns.values()}
    return {
        "columns": _side_by_side(list(columns.values())),
        "missing": [entry for subject, entry in missing.items() if subject not in measured],
    }


def replaced(matrix: Data, column: Data) -> Data:
    """Return a matrix with a column in the place of those of the same subject on the same device, or at the end."""
    same = [_asked(one) == _asked(column) for one in matrix["columns"]]
    first = same.index(True) if True in same else len(same)
    others = [one for one, is_same in zip(matrix["columns"], same, strict=True) if not is_same]
    missing = [entry for entry in matrix["missing"] if entry["subject"] != column["subject"]]
    return {"columns": [*others[:first], column, *others[first:]], "missing": missing}


def without(matrix: Data, subject: str, said: str) -> Data:
    """Return a matrix that says why a subject is missing; a column of an earlier day stays."""
    others = [entry for entry in matrix["missing"] if entry["subject"] != subject]
    return {"columns": matrix["columns"], "missing": [*others, {"subject": subject, "said": said}]}


def newest(matrix: Data) -> Data:
    """Return a matrix with only the newest column of each subject, device and machine."""
    latest: dict[tuple[str, ...], Data] = {}
    for column in sorted(matrix["columns"], key=lambda column: datetime.fromisoformat(column["started"])):
        latest[*_asked(column), column["machine"]] = column
    return {**matrix, "columns": [column for column in matrix["columns"] if column in latest.values()]}


def ordered(matrix: Data, subjects: Sequence[str]) -> Data:
    """Return a matrix with its columns in the order of these subjects, those that are none of them at the end."""
    places = {subject: place for place, subject in enumerate(subjects)}
    columns = sorted(matrix["columns"], key=lambda column: places.get(column["subject"], len(places)))
    return {**matrix, "columns": columns}


def identity(column: Data) -> tuple[Any, ...]:
    """Return what two measurements cannot share; on different machines they may begin in the same second."""
    return *_asked(column), column["started"], column["machine"], *sorted(column["versions"].items())


def _asked(column: Data) -> tuple[str, str]:
    return column["subject"], column["device"]


def _side_by_side(columns: Sequence[Data]) -> list[Data]:
    """Return the columns with those of one subject beside each other, subjects in the order in which they came."""
    subjects = list(dict.fromkeys(column["subject"] for column in columns))
    return sorted(columns, key=lambda column: subjects.index(column["subject"]))


def telling(columns: Sequence[Data]) -> list[str]:
    """Return for each column what tells it from the others of the same subject: version, machine, lane, date."""
    return [_telling(column, [one for one in columns if one["subject"] == column["subject"]]) for column in columns]


def _telling(column: Data, same: Sequence[Data]) -> str:
    for detail in DETAILS:
        if len({detail(one) for one in same}) == len(same) > 1:
            return detail(column)
    return ", ".join(detail(column) for detail in DETAILS) if len(same) > 1 else ""


DETAILS: tuple[Callable[[Data], str], ...] = (
    lambda column: f"torch {column['versions'].get('torch', 'none')}",
    lambda column: str(column["name"]),
    lambda column: str(column["device"]),
    lambda column: str(column["lane"]["name"]),
    lambda column: str(column["machine"]),
    lambda column: str(column["started"])[:16].replace("T", " "),
)
"""What may tell two columns of one subject apart, the most telling first."""
