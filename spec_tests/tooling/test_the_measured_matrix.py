"""The matrix that was measured and is kept with the project: it can be read, and its page is of the same data."""

from html import unescape
from pathlib import Path

import pytest

from spec_tests.matrix import reading, table

pytest.importorskip("jsonschema", reason='the matrix needs jsonschema: pip install "torch-by-hand[report]"')

FOLDER = Path(__file__).parents[2] / "docs" / "matrix"

pytestmark = [
    pytest.mark.tooling,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="an installed copy does not have the measured matrix"),
]


@pytest.fixture(scope="module")
def measured():
    """The matrix."""
    return reading.read(FOLDER / "matrix.json")


def test_the_measured_matrix_has_at_least_eight_subjects(measured):
    assert len({column["subject"] for column in measured["columns"]}) >= 8


def test_every_measured_column_says_where_when_and_with_which_versions(measured):
    for column in measured["columns"]:
        assert "CPU" in column["machine"]
        assert column["versions"]["python"]
        assert column["commit"]


def test_the_page_is_of_the_same_measurement(measured):
    page = unescape((FOLDER / "index.html").read_text(encoding="utf-8"))

    assert all(column["name"] in page and column["started"] in page for column in measured["columns"])


def test_the_table_is_of_the_same_measurement(measured):
    kept = (FOLDER / "table.txt").read_text(encoding="utf-8").splitlines()

    assert kept == [line.rstrip() for line in table.lines(measured)]
