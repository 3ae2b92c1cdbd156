"""Grade a folder of files, each in processes of its own, and see what the class did not understand.

    python -m spec_tests.score FOLDER --csv scores.csv --page page.html
    python -m spec_tests.score FOLDER --only conv2d --only relu:values --language zh

Every file of the folder whose name ends in .py is tried rung by rung, as `--exercise` does it; every rung is a point,
and the rungs are those of a starter (`python -m spec_tests.start`), or of what `--only` names. A file that loops, ends
its process, eats memory or changes NumPy costs only its own points. NumPy and the standard library may be imported, and
what `--allow` names. This holds off accidents and tricks, not somebody who attacks the account that it runs under: for
strangers' files use a container.

Exit codes: 0 all files were graded, whatever they scored; 2 wrong usage, or nothing to grade; 130 ended by Ctrl-C, or
143 by SIGTERM: nothing is written then, and nothing that was started goes on.
"""

import argparse
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from reference.command import EndingParser, run, saying_what_is_kept
from spec_tests.contract.declaration import OPERATION_NAMES, selected
from spec_tests.run.complaints import told
from spec_tests.run.exercise.words import bracketed, section
from spec_tests.run.language import language_of
from spec_tests.run.options import seconds, size
from spec_tests.run.scoring.grading import Unfit, check_targets, cores, files_of, grade, write
from spec_tests.run.scoring.judging import Judged, Limits
from spec_tests.run.scoring.page import page
from spec_tests.run.scoring.results import Class, as_csv, as_json, percent
from spec_tests.run.scoring.words import WORDS
from spec_tests.vocabulary.rungs.sentences import section_of, sentences
from spec_tests.vocabulary.subject import NotAvailable

AT_LEAST, FOR_EACH = 100.0, 15.0
"""How many seconds a file may take, and how many more for each operation: several times what a right one takes."""
SOME = 8
"""How many names stand beside a rung."""
MOST = 10
"""How many of the rungs that files failed on the terminal shows."""


def main(arguments: list[str]) -> int:
    """Grade, or say in one line why not."""
    parser = _parser()
    given = parser.parse_args(arguments)
    language, start = language_of(given.language), time.monotonic()
    texts: dict[Path | None, Callable[[Class], str]] = {
        given.csv: lambda graded: "\ufeff" + as_csv(graded, language),  # a spreadsheet's sign of UTF-8
        given.json: lambda graded: json.dumps(as_json(graded), ensure_ascii=False, indent=1) + "\n",
        given.page: lambda graded: page(graded, language),
    }
    targets = {target: text for target, text in texts.items() if target is not None}
    if len(targets) < sum(target is not None for target in (given.csv, given.json, given.page)):
        parser.error("--csv, --json and --page: three different files were expected")
    try:
        operations = selected(given.only, "--only") or OPERATION_NAMES
        limit = given.file_limit or AT_LEAST + FOR_EACH * len(operations)
        limits = Limits(given.time_limit, given.memory_limit, limit, tuple(given.allow), tuple(given.only))
        files = files_of(given.folder)
        check_targets(list(targets), files)
        count = 0

        def ended(asked: Class, judged: Judged) -> None:
            nonlocal count
            count += 1
            _say(_line(f"[{count}/{len(files)}]", asked, judged, language))

        with saying_what_is_kept(lambda: f"{count} of {len(files)} files were graded, and nothing is written"):
            graded = grade(files, limits, given.jobs or cores(), ended)
            write({target: text(graded) for target, text in targets.items()})
    except (NotAvailable, Unfit) as error:
        parser.error(str(error))
    except BrokenPipeError:
        raise  # `run` knows what to do
    except OSError as error:  # of the temporary folders in which files are judged
        parser.error(f"{error.filename or 'a temporary file'} cannot be written: {error.strerror or error}")
    _summarize(graded, language, time.monotonic() - start)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = EndingParser(prog="python -m spec_tests.score", description="Grade a folder of files.")
    parser.add_argument("folder", type=Path, help="the folder whose files that end in .py are graded")
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write a table there, one row a file")
    parser.add_argument("--page", type=Path, metavar="FILE", help="write a page of the class there, in HTML")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write everything there")
    parser.add_argument("--only", action="append", default=[], metavar="OPERATION[:LEVEL,...]", help="only this")
    parser.add_argument(
        "--allow", action="append", type=_module, default=[], metavar="MODULE", help="files may import this, too"
    )
    parser.add_argument("--jobs", type=_count, metavar="N", help="so many files at a time (default: one a core)")
    parser.add_argument("--time-limit", type=seconds, default=2.0, metavar="SECONDS", help="for a call (default: 2)")
    parser.add_argument("--memory-limit", type=size, default="1G", metavar="BYTES", help="for a file (default: 1G)")
    parser.add_argument(
        "--file-limit",
        type=seconds,
        metavar="SECONDS",
        help=f"for a file (default: {AT_LEAST:.0f}, and {FOR_EACH:.0f} for each operation)",
    )
    parser.add_argument("--language", choices=tuple(WORDS), help="of the page and the summary (default: by the locale)")
    return parser


def _count(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of files above 0")
    return int(text)


def _module(text: str) -> str:
    if not all(part.isidentifier() for part in text.split(".")):
        raise argparse.ArgumentTypeError(f"{text!r} is no name of a module")
    return text


def _line(counted: str, asked: Class, judged: Judged, language: str) -> str:
    points = asked.points(judged)
    remark = f"  {told(judged.remark, language)}" if judged.remark else ""
    return f"{counted} {judged.name}: {points[0]} / {points[1]} ({percent(points)} %, {judged.seconds:.0f} s){remark}"


def _summarize(graded: Class, language: str, seconds: float) -> None:
    words: dict[str, Any] = WORDS[language]
    _say("", words["graded"].format(files=len(graded.files), seconds=seconds))
    failed = graded.failed()
    _say(f"{words['failed']}:" if failed else words["none_failed"])
    for key, names in failed[:MOST]:
        place = bracketed(section(section_of(key[0]), language), language)
        some = ", ".join(names[:SOME]) + (f" … +{len(names) - SOME}" if len(names) > SOME else "")
        _say(f"  {len(names):3}  {sentences(*key, language).wrong}{place}", f"       {some}")


def _say(*lines: str) -> None:
    """Print lines at once, in the characters that the terminal has, and none that it obeys."""
    encoding = sys.stdout.encoding or "utf-8"
    for line in lines:
        line = "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in line)
        print(line.encode(encoding, "backslashreplace").decode(encoding), flush=True)


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    run("python -m spec_tests.score", lambda: sys.exit(main(sys.argv[1:])))
