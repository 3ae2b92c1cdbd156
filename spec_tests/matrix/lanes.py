"""What a subject is asked when the matrix is measured, and for how long: the lanes of `lanes.toml`, or of a file."""

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from spec_tests.contract.functions import nearest
from spec_tests.vocabulary.formats import FORMATS
from spec_tests.vocabulary.levels import LEVELS

LANES = Path(__file__).with_name("lanes.toml")
SUBJECTS = "subject"
"""The table of a lane in which single subjects differ."""
LISTED = "subjects"
"""The list of those that are measured unless others are asked for."""


@dataclass(frozen=True)
class Lane:
    """What each subject is asked, and for how long at most; `lanes.toml` says what each setting means."""

    name: str
    en: str = ""
    zh: str = ""
    examples: int = 100
    dtypes: tuple[str, ...] = ()
    only: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    slow: bool = False
    shrink: bool = True
    tests_per_cell: int = 0
    seconds: float = 600.0
    test_seconds: float = 60.0
    call_seconds: float = 0.0
    threads: int = 1
    subjects: tuple[str, ...] = ()

    def with_patience(self, factor: float) -> "Lane":
        """Return the lane with so many times the time, for a machine that is slow or busy."""
        limits = (getattr(self, name) * factor for name in LIMITS)
        return replace(self, **dict(zip(LIMITS, limits, strict=True)))

    def described(self) -> dict[str, Any]:
        """Return the settings as JSON holds them."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


LIMITS = ("seconds", "test_seconds", "call_seconds")
AT_LEAST: Mapping[str, float] = {"examples": 1, "threads": 1, "tests_per_cell": 0, "call_seconds": 0}
POSITIVE = ("seconds", "test_seconds")
EXPECTED = {bool: "true or false", str: "a string", int: "a whole number", float: "a number"}


class Lanes:
    """The lanes of a file, and the differences that single subjects make."""

    def __init__(self, file: Path = LANES) -> None:
        """Read a file; raise ValueError, which names it and the setting, if something is wrong with it."""
        self.file = file
        try:
            tables = tomllib.loads(file.read_text(encoding="utf-8"))
        except OSError as error:
            raise ValueError(f"{file} cannot be read: {error.strerror}") from None
        except ValueError as error:  # what is no UTF-8 included
            raise ValueError(f"{file} is no TOML: {error}") from None
        self.lanes: dict[str, Lane] = {}
        self.differences: dict[str, dict[str, Mapping[str, Any]]] = {}
        self.subjects: list[str] = list(_value(f"{file}: {LISTED}", LISTED, tables.pop(LISTED, ["torch"]), ()))
        for name, table in tables.items():
            if not isinstance(table, dict):
                raise ValueError(f"{file}: {name} is {table!r}, expected a lane: a table of settings")
            differences = table.pop(SUBJECTS, {})
            self.lanes[name] = self._lane(Lane(name), table, name)
            if not isinstance(differences, dict):
                raise ValueError(f"{file}: {name}.{SUBJECTS} is {differences!r}, expected a table for each subject")
            self.differences[name] = differences
            for subject in differences:
                self.of(name, subject)

    def of(self, name: str, subject: str) -> Lane:
        """Return a lane as it is for one subject; raise ValueError for a lane that there is not."""
        lane, different = self._named(name), self.differences[name].get(subject, {})
        return self._lane(lane, different, f'{name}.{SUBJECTS}."{subject}"')

    def subjects_of(self, name: str) -> list[str]:
        """Return the subjects of a lane: its own, or those of the file."""
        return list(self._named(name).subjects) or list(self.subjects)

    def _named(self, name: str) -> Lane:
        if name not in self.lanes:
            known = ", ".join(self.lanes) or "none"
            raise ValueError(f"no lane {name!r} in {self.file}{nearest(name, self.lanes)}; there are {known}")
        return self.lanes[name]

    def _lane(self, lane: Lane, settings: Any, place: str) -> Lane:
        if not isinstance(settings, dict):
            raise ValueError(f"{self.file}: {place} is {settings!r}, expected a table of settings")
        known = {field.name: getattr(lane, field.name) for field in fields(lane) if field.name != "name"}
        values = {}
        for name, value in settings.items():
            if name not in known:
                raise ValueError(f"{self.file}: {place} has a setting {name!r}{nearest(name, known) or ', unknown'}")
            values[name] = _value(f"{self.file}: {place}.{name}", name, value, known[name])
        return replace(lane, **values)


def _value(place: str, name: str, value: Any, default: Any) -> Any:
    """Return the value of a setting; raise ValueError if it is none that the setting can have."""
    if isinstance(default, tuple):
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise ValueError(f"{place} is {value!r}, expected a list of strings")
        if name == "dtypes" and (unknown := [one for one in value if one not in FORMATS]):
            raise ValueError(f"{place} names {unknown[0]!r}, expected some of {', '.join(FORMATS)}")
        if name == "levels" and (unknown := [one for one in value if one not in LEVELS]):
            raise ValueError(f"{place} names {unknown[0]!r}, expected some of {', '.join(LEVELS)}")
        return tuple(value)
    numbers = (int, float) if isinstance(default, float) else (type(default),)
    if not isinstance(value, numbers) or isinstance(value, bool) != isinstance(default, bool):
        raise ValueError(f"{place} is {value!r}, expected {EXPECTED[type(default)]}")
    if name in POSITIVE and not 0 < value < float("inf"):
        raise ValueError(f"{place} is {value!r}, expected a number above 0")
    if not AT_LEAST.get(name, value) <= value:
        raise ValueError(f"{place} is {value!r}, expected at least {AT_LEAST[name]}")
    return float(value) if isinstance(default, float) else value
