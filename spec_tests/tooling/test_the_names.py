"""The names of tests: true sentences that fit on a line."""

import ast
from pathlib import Path

import pytest

pytestmark = pytest.mark.tooling

PROJECT = Path(__file__).parents[2]
LONGEST = 80
"""Characters in the name of a test function, `test_` included."""

TO_DO = {
    "spec_tests/test_every_layer.py",
    "spec_tests/tooling/test_the_renamed_tests.py",
    "spec_tests/tooling/test_the_report.py",
    "spec_tests/tooling/test_the_report_figures.py",
    "spec_tests/tooling/test_the_report_page.py",
    "spec_tests/tooling/test_the_rooms.py",
    "spec_tests/tooling/test_the_table.py",
}
"""Files with longer names. Shorten those of a file, then remove it from here; no file is ever added."""

FILES = {
    path.relative_to(PROJECT).as_posix(): path
    for room in ("spec_tests", "benchmarks")
    for path in sorted((PROJECT / room).rglob("test_*.py"))
}


def too_long(path: Path) -> list[str]:
    """Return the names of test functions in a file that are longer than allowed."""
    functions = [node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef)]
    return [f.name for f in functions if f.name.startswith("test_") and len(f.name) > LONGEST]


@pytest.mark.parametrize("file", sorted(FILES.keys() - TO_DO))
def test_the_name_of_a_test_has_at_most_80_characters(file: str) -> None:
    assert too_long(FILES[file]) == []


def test_every_file_to_do_still_has_a_longer_name() -> None:
    assert {file for file in TO_DO if file not in FILES or not too_long(FILES[file])} == set(), "remove it from TO_DO"


def test_a_name_of_81_characters_is_found(tmp_path: Path) -> None:
    file, longest = tmp_path / "test_names.py", f"test_{'x' * 75}"

    file.write_text(f"def {longest}(): pass\ndef {longest}x(): pass\n", encoding="utf-8")

    assert too_long(file) == [f"{longest}x"]
