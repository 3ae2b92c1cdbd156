"""A plugin for runs within tests: it writes a hash of the examples of every property into a file.

`-p spec_tests.tooling.hash_of_examples`, with the file's name in the variable HASH_OF_EXAMPLES. Each line is a test's
name, without the folders of its file, and the hash of all that its body was given but for the subject.
"""

import hashlib
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from spec_tests.run import drawing
from spec_tests.vocabulary import ledger
from spec_tests.vocabulary.properties import SUBJECTS

FILE = "HASH_OF_EXAMPLES"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Hash what the test is given while it runs."""
    digest, count, record = hashlib.sha256(), 0, ledger.example

    def example(arguments: dict[str, Any]) -> None:
        nonlocal count
        count += 1
        drawn = {name: value for name, value in arguments.items() if name not in SUBJECTS}
        digest.update(drawing.literal(dict(sorted(drawn.items()))).encode())  # `repr` leaves out most of a large array
        record(arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "example", example)
        yield
    with Path(os.environ[FILE]).open("a", encoding="utf-8") as file:
        file.write(f"{item.name} {count} {digest.hexdigest()}\n")
