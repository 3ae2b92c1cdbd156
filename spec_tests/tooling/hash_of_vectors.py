"""Write the hash of the small set of vectors: `python -m spec_tests.tooling.hash_of_vectors`, after a new version."""

from pathlib import Path

from spec_tests.vectors.series import OPERATIONS, file_of
from spec_tests.vectors.writing import digest

STORED = Path(__file__).parent / "stored" / "vectors-small.sha256"

if __name__ == "__main__":
    STORED.write_text(digest({name: file_of(name, small=True) for name in OPERATIONS}) + "\n", encoding="utf-8")
