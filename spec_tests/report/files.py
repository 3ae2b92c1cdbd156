"""Files that are written whole or not at all."""

import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory


def put(texts: Mapping[str, str], folder: Path) -> None:
    """Write texts into a folder, which is created if necessary, under their names: all of them or, on OSError, none."""
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".unfinished-", dir=folder) as unfinished:
        for name, text in texts.items():
            Path(unfinished, name).write_text(text, encoding="utf-8")
        for name in texts:
            os.replace(Path(unfinished, name), folder / name)
