"""Which tests the book shows as laws: without the packages that its page needs, so that a record may ask."""

import tomllib
from functools import cache
from pathlib import Path, PurePosixPath

FOLDER = Path(__file__).with_name("sections")


def is_law(test: str) -> bool:
    """Tell whether the book shows this test as a law.

    >>> is_law("spec_tests/test_2_2_max_pooling.py::test_nan_beats_infinity")
    True
    """
    file, _, name = test.partition("::")
    return f"{PurePosixPath(file).stem}::{name}" in _laws()


@cache
def _laws() -> frozenset[str]:
    texts = (tomllib.loads(file.read_text(encoding="utf-8")) for file in FOLDER.glob("*.toml"))
    return frozenset(law for text in texts for law in text.get("laws", ()))
