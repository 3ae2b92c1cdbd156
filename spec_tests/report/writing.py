"""The report's two files, `claims.json` and `index.html`: written together, or neither of them."""

import json
from importlib import import_module, util
from pathlib import Path

from spec_tests.report import benchmark_part, strength_part
from spec_tests.report.files import put
from spec_tests.report.reading import Data, check

DATA, PAGE = "claims.json", "index.html"
MATRIX = f"matrix/{PAGE}"
"""Where the page of `python -m spec_tests.matrix --out DIR/matrix` lies: a report in DIR leads to it."""
RESULTS = Path(__file__).parents[2] / "benchmarks" / "results"
"""The stored results of benchmarks; the page shows every `part.json` in a folder there."""
STRENGTH = Path(__file__).parents[2] / "docs" / "strength"
"""Where a checkout has the measured strength."""

NEEDED = ("jinja2", "jsonschema", "latex2mathml", "matplotlib", "pygments")


def require_packages() -> None:
    """Raise ModuleNotFoundError, which says what to install, if a package that the report needs is missing."""
    missing = [name for name in NEEDED if util.find_spec(name) is None]
    if missing:
        raise ModuleNotFoundError(
            f'the report needs {", ".join(missing)}, not installed here: pip install "torch-by-hand[report]"'
        )


def write(folder: Path, data: Data) -> None:
    """Write claims.json and index.html into a folder, which is created if necessary: both of them, or neither.

    Raises Unreadable for data that could not be read again.
    """
    check(data)
    matrix = MATRIX if (folder / MATRIX).is_file() else ""
    put({DATA: as_text(data), PAGE: rendered(data, matrix)}, folder)


def as_text(data: Data) -> str:
    """Return the data as JSON, with one line for each entry, so that versions can be compared."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def rendered(data: Data, matrix: str = "") -> str:
    """Return the page, with the sections' figures, the stored benchmarks and strength, and a link to a matrix' page."""
    # here, because they need packages that may be missing: `require_packages` tells, before anything is run
    page, all_figures = import_module("spec_tests.report.page"), import_module("spec_tests.report.figures.all_figures")
    strength = strength_part.read(STRENGTH)
    text: str = page.render(data, all_figures.draw(), benchmark_part.read_all(RESULTS), matrix, strength)
    return text
