"""The report's two files: written together, whole or not at all, and read back only if they are what they should be."""

import json
import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module, util
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

Data = dict[str, Any]

FORMAT = 1
DATA, PAGE = "claims.json", "index.html"
SCHEMA = Path(__file__).with_name("claims.schema.json")
RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
"""Where results of the benchmarks are kept that a page should show."""

NEEDED = ("jinja2", "jsonschema", "latex2mathml", "matplotlib", "pygments")
LONGEST = 200
"""Characters of a complaint: it may quote the whole file."""


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
    page, pictures = import_module("spec_tests.report.page"), import_module("spec_tests.report.pictures")
    text: str = page.render(data, pictures.pictures(), benchmark_parts(RESULTS))
    return text


def benchmark_parts(folder: Path) -> list[Any]:
    """Return what the results of the benchmarks in a folder say, file by file; raise Unreadable for any other file."""
    parts = []
    for file in sorted(folder.glob("*.json")):
        with _named(file, "a result of the benchmarks"):
            parts.append(import_module("benchmarks.report").part(json.loads(file.read_text(encoding="utf-8"))))
    return parts


def read(file: Path) -> Data:
    """Return the data in a file; raise Unreadable, which names the file and the place, where it does not hold any."""
    with _named(file, "a report's data"):
        data: Data = json.loads(file.read_text(encoding="utf-8"))
        check(data)
    return data


def check(data: Any) -> None:
    """Raise Unreadable, which names the place, where data are not those of a report."""
    jsonschema = import_module("jsonschema")  # here, because a run that writes a report does without
    if (error := jsonschema.exceptions.best_match(_validator().iter_errors(data))) is not None:
        raise Unreadable(f"{error.json_path}: {_shortened(error.message)}")
    for part, id in (("runs", "name"), ("claims", "id"), ("tests", "test"), ("deviations", "id")):
        twice = [name for name, count in Counter(entry[id] for entry in data[part]).items() if count > 1]
        if twice:
            raise Unreadable(f"$.{part}: {twice[0]!r} is there more than once")
    for part in ("claims", "tests"):
        for place, entry in enumerate(data[part]):
            if len(entry["results"]) != len(data["runs"]):
                found, expected = len(entry["results"]), len(data["runs"])
                raise Unreadable(
                    f"$.{part}[{place}].results: {found} of them, expected one for each of {expected} runs"
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
    except OSError as error:
        raise Unreadable(f"{file} cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise Unreadable(f"{file} does not hold JSON: {_shortened(str(error))}") from None
    except ValueError as error:
        raise Unreadable(f"{file} does not hold {what}: {error}") from None
