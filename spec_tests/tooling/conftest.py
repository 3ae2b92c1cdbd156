"""What all tests of the project's tools have in common: the runs that they start speak English, whatever the locale."""

from collections.abc import Iterator

import pytest


@pytest.fixture(scope="package", autouse=True)
def english() -> Iterator[None]:
    """Ask for English."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LANGUAGE", "en")
        yield
