"""Two versions of torch, measured side by side and kept with the project: what changed from one to the other."""

from pathlib import Path

import pytest

from spec_tests.matrix import comparing, reading

pytest.importorskip("jsonschema", reason='the matrix needs jsonschema: pip install "torch-by-hand[report]"')

FOLDER = Path(__file__).parents[2] / "docs" / "matrix" / "versions"

pytestmark = [
    pytest.mark.tooling,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="an installed copy does not have the measured matrix"),
]


def test_the_kept_comparison_is_that_of_the_kept_columns():
    both = reading.read(FOLDER / "matrix.json")
    old, new = (
        {**both, "columns": [column for column in both["columns"] if column["versions"]["torch"].startswith(version)]}
        for version in ("2.11", "2.15")
    )

    said = "\n".join(comparing.lines(*comparing.compare(old, new)))

    assert (FOLDER / "compared.txt").read_text(encoding="utf-8") == f"{said}\n"
