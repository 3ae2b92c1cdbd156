"""What is known of a subject before a run: its expectation file, `subjects/expected/<subject>.toml`.

The file of `torch:compile` is `torch_compile.toml`. It says what the subject does not offer, and in what it deviates:

    package = "torch"                   the distribution whose version counts

    [[not_offered]]
    what = "conv2d.padding=same"        as an entry of NOT_OFFERED in a file of functions (`declaration.py`)
    reason = "..."                      also in Chinese, reason_zh

    [[registered]]                      a deviation that `deviations.toml` describes and other tests demonstrate
    id = "half-conv-gradients"          its id there
    tests = ["..."]                     as below; also `failure`, as below

    [[deviation]]                       one that is described here
    id = "compiled-l1-loss-weight"      of no other deviation
    versions = ["2.11", "2.15"]         beginnings of the versions in which it was seen; in others it is not known
    seen = "CPU"                        on what it was seen; also in Chinese, seen_zh
    operations = ["l1_loss"]
    kind = "silent"                     "silent": a wrong number; "loud": an error; "crash": the process ends
    where, expected, found              texts, as in `deviations.toml`; each also in Chinese, where_zh, ...
    why                                 which side is wrong, and why; also in Chinese, why_zh
    difference = true                   left out of a defect; true of what is documented, or left open by mathematics
    ours = true                         left out of a defect; true if this specification, or its adapter, falls short
    issue = "https://..."               its public report; left out where none is known
    machines = ["x86_64 avx512f"]       left out, it is expected on all machines; otherwise the architecture, and the
                                        instructions that the processor must have, as Linux calls them
    tests = ["test_2_6_losses.py::test_l1_loss_*[l1_loss-*]"]
                                        the tests that may fail for this reason: file, name and parameters, in which *
                                        stands for anything
    failure = "differ"                  a regular expression that such a failure must contain; left out, any may

    [deviation.example]                 the smallest case, as a call; or as a program, see below
    call = "l1_loss"                    the function
    dtype = "float32"                   the number format (float32 if it is left out)
    arguments = {input = [[3.0]], target = [[1.0]], weight = [[10.0]], reduction = "sum"}
                                        arrays as nested lists, or as {shape = [1, 1, 4], full = 1.0} and
                                        {shape = [1, 1, 4], count_from = 0}; other lists become tuples
    right = 20.0                        what must come out, by mathematics; {refused = "dim must be .*"} of a call that
                                        must be refused: a regular expression for what the references say
    found = 2.0                         what does come out; left out if that varies
    result = 0                          which one, if several results come out
    raises = "RuntimeError: .*"         of a loud one, in place of `found`: a regular expression

    [deviation.example]
    program = "..."                     what a process of its own runs, on its own: it prints one line
    right = "20.0"                      what it must print
    found = "2.0"                       what it prints; of a loud one `raises` is the last line of its traceback;
                                        of a crash nothing else is said

A file that makes no sense is refused in one line.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

from spec_tests.contract import processor
from spec_tests.contract.declaration import check_feature
from spec_tests.contract.functions import FUNCTIONS, nearest, parameters
from spec_tests.vocabulary import claims
from spec_tests.vocabulary.formats import FORMATS
from spec_tests.vocabulary.subject import NotAvailable

KINDS = ("silent", "loud", "crash")
DEFECT, DIFFERENCE, OURS = VERDICTS = ("defect", "difference", "ours")
"""Which side is wrong: the subject, neither, this specification."""
CONSEQUENCE = "a listed test that fails for this reason is reported as this deviation, and is not counted as passed"
CONSEQUENCE_ZH = "列出的测试若因此失败，则报告为这一偏差，不计为通过"
OPTIONAL = ("difference", "ours", "issue", "machines", "failure")
"""What an entry may leave out."""
FLAGS = ("difference", "ours")
"""What is true or false."""


@dataclass(frozen=True)
class Example:
    """The smallest case that shows a deviation: a call, or a program."""

    right: Any
    call: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    dtype: str = "float32"
    found: Any = None
    result: int = 0
    raises: str = ""
    program: str = ""

    @property
    def refusal(self) -> str | None:
        """What the references say if the call must be refused, as a regular expression."""
        return self.right.get("refused") if isinstance(self.right, dict) else None


@dataclass(frozen=True)
class Deviation:
    """One known deviation of a subject."""

    id: str
    versions: list[str]
    seen: str
    seen_zh: str
    operations: list[str]
    kind: str
    where: str
    where_zh: str
    expected: str
    expected_zh: str
    found: str
    found_zh: str
    why: str
    why_zh: str
    tests: list[str]
    example: Example | None = None
    """The smallest case, unless the deviation is one of the register, which other tests demonstrate."""
    difference: bool = False
    """Whether it is documented, or a choice that mathematics leaves open, and so no defect."""
    ours: bool = False
    """Whether this specification, or its adapter of the subject, falls short, so that it is no defect either."""
    issue: str = ""
    machines: list[str] = field(default_factory=list)
    failure: str = ""

    @property
    def verdict(self) -> str:
        """Which side is wrong."""
        return OURS if self.ours else DIFFERENCE if self.difference else DEFECT

    def is_for(self, version: str) -> bool:
        """Tell whether it was seen in this version.

        >>> [_version_begins(version, "2.1") for version in ("2.1", "2.1.3+cpu", "2.11")]
        [True, True, False]
        """
        return any(_version_begins(version, known) for known in self.versions)

    @property
    def is_for_this_machine(self) -> bool:
        """Tell whether it was seen on machines like this one."""
        return not self.machines or processor.is_one_of(self.machines)

    @cached_property
    def patterns(self) -> list[re.Pattern[str]]:
        """The tests that may fail because of it."""
        return [pattern_of(test) for test in self.tests]


@dataclass(frozen=True)
class Expectations:
    """What is known of a subject."""

    subject: str
    file: Path
    package: str
    not_offered: Mapping[str, str] = field(default_factory=dict)
    """What it cannot be asked, and the reason."""
    deviations: tuple[Deviation, ...] = ()

    @cached_property
    def version(self) -> str:
        """The version of the package that is installed, or an empty string."""
        try:
            return metadata.version(self.package)
        except metadata.PackageNotFoundError:
            return ""

    @property
    def known_here(self) -> tuple[Deviation, ...]:
        """The deviations that were seen in the installed version."""
        return tuple(deviation for deviation in self.deviations if deviation.is_for(self.version))

    def as_register(self) -> list[dict[str, Any]]:
        """Return the deviations as `deviations.toml` has them, for the report."""
        texts = ("id", "versions", "verdict", *(f"{name}{zh}" for name in TEXTS for zh in ("", "_zh")))
        return [
            {
                "subject": self.subject,
                "package": self.package,
                **{name: getattr(deviation, name) for name in texts},
                "consequence": CONSEQUENCE,
                "consequence_zh": CONSEQUENCE_ZH,
                **({"issue": deviation.issue} if deviation.issue else {}),
            }
            for deviation in self.deviations
            if deviation.example is not None
        ]


TEXTS = ("seen", "where", "expected", "found", "why")
"""What the report says of a deviation, in two languages."""


def pattern_of(test: str) -> re.Pattern[str]:
    """Return what matches the tests of a name, in which * stands for anything and all else for itself.

    >>> bool(pattern_of("test_a.py::test_it[*-float32]").fullmatch("test_a.py::test_it[relu-float32]"))
    True
    """
    return re.compile(".*".join(map(re.escape, test.split("*"))))


def read(file: Path, subject: str) -> Expectations:
    """Return what the file says of the subject; raise NotAvailable with one line if it makes no sense."""
    try:
        return _read(file, subject)
    except NotAvailable as error:
        raise NotAvailable(f"{file.name}: {error}") from None


def _read(file: Path, subject: str) -> Expectations:
    try:
        data = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise NotAvailable(f"it cannot be read: {str(error).splitlines()[0]}") from None
    _check_keys(data, ("package",), ("not_offered", "registered", "deviation"), "the file")
    _check_text(data, ["package"], "the file")
    not_offered = {}
    for entry in _tables(data, "not_offered"):
        name = f"not_offered {entry.get('what', '')!r}"
        _check_keys(entry, ("what", "reason", "reason_zh"), (), name)
        _check_text(entry, list(entry), name)
        check_feature(entry["what"], "not_offered")
        if entry["what"] in not_offered:
            raise NotAvailable(f"{name} is there twice")
        not_offered[entry["what"]] = entry["reason"]
    deviations = [_registered(entry) for entry in _tables(data, "registered")]
    deviations += [_deviation(entry) for entry in _tables(data, "deviation")]
    ids = [deviation.id for deviation in deviations]
    if twice := [id for id in ids if ids.count(id) > 1]:
        raise NotAvailable(f"deviation {twice[0]!r} is there twice")
    return Expectations(subject, file, data["package"], not_offered, tuple(deviations))


def _registered(entry: dict[str, Any]) -> Deviation:
    """Return a deviation of the register, with the tests that this file lists for it."""
    name = f"registered {entry.get('id', '')!r}"
    _check_keys(entry, ("id", "tests"), ("failure",), name)
    _check_tests(entry, name)
    register = {known["id"]: known for known in claims.deviations()}
    if entry["id"] not in register:
        raise NotAvailable(f"{name}: deviations.toml has no such entry{nearest(str(entry['id']), register)}")
    known = register[entry["id"]]
    texts = {text: known.get(text, "") for name in TEXTS for text in (name, f"{name}_zh")}
    return Deviation(**entry, **texts, versions=known["versions"], operations=[], kind="silent")


def _check_tests(entry: dict[str, Any], name: str) -> None:
    """Check what an entry lists, and how that may fail."""
    _check_list(entry, "tests", name)
    if unnamed := [test for test in entry["tests"] if not re.fullmatch(r"test_\w+\.py::test_.+", test)]:
        raise NotAvailable(f"{name}: tests names {unnamed[0]!r}; a file and a test were expected, test_x.py::test_y[z]")
    _check_regex(entry, "failure", name)


def _deviation(entry: dict[str, Any]) -> Deviation:
    """Return an entry, checked."""
    name = f"deviation {entry.get('id', '')!r}"
    lists = ("versions", "operations", "machines", "tests")
    required = tuple(field.name for field in fields(Deviation) if field.name not in OPTIONAL)
    _check_keys(entry, required, OPTIONAL, name)
    _check_text(entry, [key for key in entry if key not in (*lists, *FLAGS, "example")], name)
    for key in lists:
        _check_list(entry, key, name)
    if entry["kind"] not in KINDS:
        raise NotAvailable(f"{name}: kind is {entry['kind']!r}; it must be one of {', '.join(KINDS)}")
    for key in FLAGS:
        if not isinstance(entry.get(key, False), bool):
            raise NotAvailable(f"{name}: {key} is {entry[key]!r}; true or false was expected")
    if unknown := [operation for operation in entry["operations"] if operation not in FUNCTIONS]:
        raise NotAvailable(f"{name}: there is no operation {unknown[0]!r}{nearest(unknown[0], FUNCTIONS)}")
    _check_tests(entry, name)
    if not isinstance(entry.get("difference", False), bool):
        raise NotAvailable(f"{name}: difference is {entry['difference']!r}; true or false was expected")
    if entry.get("issue", "https://")[:8] != "https://":
        raise NotAvailable(f"{name}: issue is {entry['issue']!r}; an address was expected, https://...")
    return Deviation(**{**entry, "example": _example(entry["example"], entry["kind"], f"{name}: example")})


def _example(entry: Any, kind: str, name: str) -> Example:
    """Return the smallest case, checked."""
    if not isinstance(entry, dict):
        raise NotAvailable(f"{name} is {entry!r}; a table was expected")
    own = ("right", "program") if "program" in entry else ("right", "call", "arguments")
    more = () if "program" in entry else ("dtype", "result")
    outcome = {"silent": ("found",), "loud": ("raises",), "crash": ()}[kind]
    _check_keys(entry, (*own, *(key for key in outcome if key == "raises")), (*more, *outcome), name)
    _check_regex(entry, "raises", name)
    if "program" in entry:
        _check_text(entry, list(entry), name)
        return Example(**entry)
    call = entry["call"]
    if call not in FUNCTIONS:
        raise NotAvailable(f"{name}: there is no function {call!r}{nearest(str(call), FUNCTIONS)}")
    if unknown := [argument for argument in entry["arguments"] if argument not in parameters(call)]:
        hint = nearest(unknown[0], parameters(call))
        raise NotAvailable(f"{name}: {call} has no argument {unknown[0]!r}{hint}")
    if entry.get("dtype", "float32") not in FORMATS:
        raise NotAvailable(f"{name}: dtype is {entry['dtype']!r}; it must be one of {', '.join(FORMATS)}")
    if isinstance(entry["right"], dict) and "refused" in entry["right"]:
        _check_keys(entry["right"], ("refused",), (), f"{name}: right")
        _check_regex(entry["right"], "refused", f"{name}: right")
    return Example(**entry)


def _tables(data: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    found = data.get(key, [])
    if not isinstance(found, list) or not all(isinstance(entry, dict) for entry in found):
        raise NotAvailable(f"{key} is {found!r}; tables were expected, [[{key}]]")
    return found


def _check_keys(table: Mapping[str, Any], required: tuple[str, ...], optional: tuple[str, ...], name: str) -> None:
    if unknown := [key for key in table if key not in (*required, *optional)]:
        hint = nearest(unknown[0], (*required, *optional))
        raise NotAvailable(f"{name} has an unknown key {unknown[0]!r}{hint}")
    if missing := [key for key in required if key not in table]:
        raise NotAvailable(f"{name} has no {missing[0]}")


def _check_text(table: Mapping[str, Any], keys: list[str], name: str) -> None:
    for key in keys:
        if not isinstance(table[key], str) or not table[key].strip():
            raise NotAvailable(f"{name}: {key} is {table[key]!r}; a text was expected")


def _check_list(table: Mapping[str, Any], key: str, name: str) -> None:
    value = table.get(key, [])
    if not isinstance(value, list) or not all(isinstance(one, str) and one for one in value):
        raise NotAvailable(f"{name}: {key} is {value!r}; a list of strings was expected")


def _check_regex(table: Mapping[str, Any], key: str, name: str) -> None:
    try:
        re.compile(table.get(key, ""))
    except (re.error, TypeError) as error:
        raise NotAvailable(f"{name}: {key} is {table[key]!r}, which is no regular expression: {error}") from None


def _version_begins(version: str, known: str) -> bool:
    return re.match(rf"{re.escape(known)}(?![0-9])", version) is not None
