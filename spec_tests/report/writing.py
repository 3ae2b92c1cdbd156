"""The report's two files: written together, whole or not at all, and read back only if they are what they should be."""

import gzip
import json
import math
import os
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from importlib import import_module, util
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from spec_tests.report import benchmark_part
from spec_tests.report.form import FORMAT
from spec_tests.report.older import in_todays_form
from spec_tests.vocabulary.claims import SECTIONS
from spec_tests.vocabulary.results import PROVEN

Data = dict[str, Any]
"""What `claims.schema.json` describes, or a part of it."""


DATA, PAGE = "claims.json", "index.html"
GZIP = b"\x1f\x8b"
"""How a compressed file begins."""

SCHEMA = Path(__file__).with_name("claims.schema.json")
RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
"""Where results of the benchmarks are kept that a page should show."""

NEEDED = ("jinja2", "jsonschema", "latex2mathml", "matplotlib", "pygments")
LONGEST = 200
"""Characters of a complaint: it may quote the whole file."""
DEEPEST = 50
"""Levels of lists and objects in a file: what the registers hold has a dozen."""


class Unreadable(ValueError):
    """What is wrong with a file that was to be read, and where in it."""


def require_packages() -> None:
    """Raise ModuleNotFoundError, with what to install, where a package is missing that the report is made with."""
    missing = [name for name in NEEDED if util.find_spec(name) is None]
    if missing:
        raise ModuleNotFoundError(
            f'the report needs {", ".join(missing)}, not installed here: pip install "torch-by-hand[report]"'
        )


def write(folder: Path, data: Data) -> None:
    """Write claims.json and index.html into the folder, made if need be: either both new ones are there, or none."""
    texts = {DATA: as_text(data), PAGE: rendered(data)}
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".unfinished-", dir=folder) as unfinished:
        for name, text in texts.items():
            Path(unfinished, name).write_text(text, encoding="utf-8")
        for name in texts:
            os.replace(Path(unfinished, name), folder / name)


def as_text(data: Data) -> str:
    """Return the data as JSON, with a line for each entry, so that two versions can be compared."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def rendered(data: Data) -> str:
    """Return the page, with the pictures of the sections and the results of the benchmarks that are kept."""
    page, pictures = import_module("spec_tests.report.page"), import_module("spec_tests.report.figures.all_figures")
    text: str = page.render(data, pictures.pictures(), benchmark_parts(RESULTS))
    return text


def benchmark_parts(folder: Path) -> list[Any]:
    """Return what the results of the benchmarks in a folder say, one by one; raise Unreadable for any other file."""
    parts = []
    for file in sorted(folder.glob(f"*/{benchmark_part.FILE}")):
        with _named(file, "a part of the page on benchmarks"):
            parts.append(benchmark_part.from_data(json.loads(file.read_text(encoding="utf-8"))))
    return parts


def read(file: Path) -> Data:
    """Return the data in a file; raise Unreadable, which names the file and the place, where it does not hold any."""
    with _named(file, "a report's data"):
        data: Data = in_todays_form(json.loads(_text(file)))
        check(data)
    return data


def _text(file: Path) -> str:
    """Return what a file holds, which may be compressed."""
    content = file.read_bytes()
    return (gzip.decompress(content) if content.startswith(GZIP) else content).decode("utf-8")


def check(data: Any) -> None:
    """Raise Unreadable, which names the place, where data are not those of a report."""
    _check_value(data, "$")
    _check_format(data)
    _check_form(data)
    _check_names(data)
    for place, run in enumerate(data["runs"]):
        _check_moment(run["started"], f"$.runs[{place}].started")
    for part in ("claims", "tests"):
        for place, entry in enumerate(data[part]):
            _check_results(entry, len(data["runs"]), f"$.{part}[{place}].results")
    for place, claim in enumerate(data["claims"]):
        _check_claim(claim, f"$.claims[{place}]")


def _check_value(value: Any, place: str, depth: int = 0) -> None:
    """Refuse what Python reads and neither JSON nor a page can hold."""
    if depth > DEEPEST:
        raise Unreadable(f"{_shortened(place)}: nested more than {DEEPEST} deep")
    if isinstance(value, float) and not math.isfinite(value):
        raise Unreadable(f"{place}: {value} is no number of JSON")
    if isinstance(value, str) and any("\ud800" <= character <= "\udfff" for character in value):
        raise Unreadable(f"{place}: {_shortened(ascii(value))} holds half of a character, a lone surrogate")
    for name, part in _parts(value):
        _check_value(part, place + name, depth + 1)


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """Give the parts of a list or an object, the names of the object among them, and where they are."""
    if isinstance(value, list):
        yield from ((f"[{index}]", part) for index, part in enumerate(value))
    if isinstance(value, dict):
        yield from (("", name) for name in value)
        yield from ((f".{name}", part) for name, part in value.items())


def _check_format(data: Any) -> None:
    format = data.get("format") if isinstance(data, dict) else None
    if isinstance(format, int) and format > FORMAT:
        raise Unreadable(f"$.format: {format} is of a later version of this project, which reads 1 to {FORMAT}")


def _check_form(data: Any) -> None:
    jsonschema = import_module("jsonschema")  # here, because a run that writes a report does without
    if (error := jsonschema.exceptions.best_match(_validator().iter_errors(data))) is not None:
        raise Unreadable(f"{error.json_path}: {_shortened(error.message)}")


def _check_names(data: Data) -> None:
    """Refuse a name that is there twice, and a claim of a test that is not there."""
    for part, id in (("runs", "name"), ("claims", "id"), ("tests", "test"), ("deviations", "id")):
        twice = [name for name, count in Counter(entry[id] for entry in data[part]).items() if count > 1]
        if twice:
            raise Unreadable(f"$.{part}: {twice[0]!r} is there more than once")
    known = {claim["id"] for claim in data["claims"]}
    for place, test in enumerate(data["tests"]):
        for id in test["claims"]:
            if id not in known:
                raise Unreadable(f"$.tests[{place}].claims: {id!r} is not a known claim")


def _check_moment(text: str, place: str) -> None:
    try:
        datetime.fromisoformat(text)
    except ValueError as error:
        raise Unreadable(f"{place}: {text!r} is not a valid ISO timestamp: {error}") from None


def _check_results(entry: Data, runs: int, place: str) -> None:
    if len(entry["results"]) != runs:
        raise Unreadable(f"{place}: {len(entry['results'])} of them, expected one for each of {runs} runs")


def _check_claim(claim: Data, place: str) -> None:
    """Refuse a section that the document does not have, and a result that the register's verdict rules out."""
    if claim["section"] not in SECTIONS:
        raise Unreadable(f"{place}.section: {claim['section']!r} is none of {', '.join(SECTIONS)}")
    verdict = claim["verdict"]
    decided = [PROVEN[verdict], "not run"] if verdict in PROVEN else [verdict]
    possible = ["failed", *(["cited"] if claim["cites"] else decided)]
    for run, result in enumerate(claim["results"]):
        if result["result"] not in possible:
            raise Unreadable(
                f"{place}.results[{run}].result: {result['result']!r} of a claim that the register calls "
                f"{verdict!r}, expected one of {', '.join(possible)}"
            )


@cache
def _validator() -> Any:
    return import_module("jsonschema").Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]} ... {text[-LONGEST // 2 :]}"


@contextmanager
def _named(file: Path, what: str) -> Iterator[None]:
    """Begin whatever is wrong with a file with its name."""
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise Unreadable(f"{file} cannot be read: {error}") from None
    except OSError as error:
        raise Unreadable(f"{file} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise Unreadable(f"{file} does not hold JSON: {_shortened(str(error))}") from None
    except RecursionError:
        raise Unreadable(f"{file} does not hold {what}: it is nested too deeply") from None
    except ValueError as error:
        raise Unreadable(f"{file} does not hold {what}: {error}") from None
