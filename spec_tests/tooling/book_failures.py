"""Store what `--exercise` prints about the mistakes of the book: `python -m spec_tests.tooling.book_failures`.

To be run after a change of a mistake in `report/book/sections/`, or of what an exercise says.
"""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from spec_tests.report.book.texts import FAILURES, text_of
from spec_tests.vocabulary.claims import SECTIONS

ROOT = Path(__file__).parents[2]
NAME = "my_layers.py"
LANGUAGES = ("en", "zh")


def printed(section: str, language: str) -> str:
    """Return what an exercise prints about the mistake of a section."""
    mistake = text_of(section).mistake
    if mistake is None:
        raise ValueError(f"section {section} has no mistake")
    with TemporaryDirectory() as folder:
        Path(folder, NAME).write_text(mistake.code.lstrip(), encoding="utf-8")
        command = [sys.executable, "-m", "spec_tests", "--subject", NAME, "--exercise", "--language", language]
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, capture_output=True, env=environment, cwd=folder, check=False)
    return done.stdout.decode("utf-8").strip() + "\n"


def main() -> None:
    """Write the files that the page shows."""
    for section in SECTIONS:
        if text_of(section).mistake:
            for language in LANGUAGES:
                (FAILURES / f"{section}.{language}.txt").write_text(printed(section, language), encoding="utf-8")


if __name__ == "__main__":
    main()
