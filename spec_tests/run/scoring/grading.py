"""All files of a folder are judged, several at a time, and what they came to is written down."""

import os
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from reference.whole_files import check_apart, check_place, write_text
from spec_tests.run.exercise.starter import starter
from spec_tests.run.scoring.judging import Judged, Limits, judge, tried
from spec_tests.run.scoring.results import Class


class Unfit(Exception):
    """What cannot be graded, or not written down, in one line."""


def cores() -> int:
    """Return how many cores this process may use."""
    own = getattr(os, "sched_getaffinity", None)
    return len(own(0)) if own else os.cpu_count() or 1


def files_of(folder: Path) -> list[Path]:
    """Return the files to be graded, in the order of their names."""
    if not folder.is_dir():
        raise Unfit(f"there is no folder {folder}")
    found = sorted(path for path in folder.glob("*.py") if not path.is_dir())
    if not found:
        raise Unfit(f"{folder}: no file there ends in .py")
    return found


def grade(files: Sequence[Path], limits: Limits, jobs: int, ended: Callable[[Class, Judged], None]) -> Class:
    """Judge all files, and call `ended` with each that has ended and what is asked of it."""
    stop = threading.Event()
    with ThreadPoolExecutor(jobs) as pool:
        try:
            asked = _asked(limits, stop)
            judged = [pool.submit(judge, file, limits, stop) for file in files]
            for one in as_completed(judged):
                ended(Class(asked, ()), one.result())
            return Class(asked, tuple(one.result() for one in judged))
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise


def _asked(limits: Limits, stop: threading.Event) -> tuple[tuple[str, str, str], ...]:
    """Return the rungs that are asked of everybody: those of an untouched starter."""
    text = starter("submission.py", limits.only, "en").encode()
    rungs, reason, _ = tried(text, limits, stop)
    if reason or not rungs:
        raise Unfit(f"the rungs cannot be told: an untouched starter {reason or 'was asked nothing'}")
    return tuple(rungs)


def check_targets(targets: Sequence[Path], files: Sequence[Path]) -> None:
    """Raise Unfit if a file cannot be written there, or would replace one that is graded."""
    try:
        for target in targets:
            check_place(target)
        check_apart(targets, files)
    except OSError as error:
        raise Unfit(f"{error.filename} cannot be written: {error.strerror}") from None


def write(texts: Mapping[Path, str]) -> None:
    """Write files, each wholly or not at all."""
    for target, text in texts.items():
        try:
            write_text(target, text)
        except OSError as error:
            raise Unfit(f"{target} cannot be written: {error.strerror or error}") from None
