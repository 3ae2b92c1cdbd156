"""The benchmarks of one run as a summary with figures: `python -m benchmarks.report RESULT.json DIR`.

RESULT.json is what `pytest benchmarks --benchmark-only --benchmark-json RESULT.json` left, on this machine or another.
DIR gets README.md, README.zh.md (in Chinese), the figures they show, and part.json, which holds all of it as data for
the page of `spec_tests.report`; with `--scaling FILE` also what `benchmarks.data_parallel --json` left. If a file
cannot be read, nothing is written; no file is left half written. Other files in DIR are kept.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks import results, summary, table
from benchmarks.configuration import QUESTIONS
from benchmarks.figures import figures
from benchmarks.table import plain
from reference.command import Parser, Refusal, run
from spec_tests.report.benchmark_part import FILE, BenchmarkPart, as_text
from spec_tests.report.files import put
from spec_tests.report.json_files import Unreadable, check_form, check_value, load, naming

FIGURES = ("time", "ladder", "roofline", "ratios", "rivals", "shares")
"""The figures' ids, after "benchmarks-"."""

LIGHT = "<style>svg { background: #ffffff; color: #1c1f24 }</style>"
"""The style of a figure in a file of its own."""


def read(file: Path, scaling: Path | None = None) -> BenchmarkPart:
    """Return what the results in files say; raise Unreadable, which names the file and the place, if one is none."""
    result, scaled = results.read(file), None
    if scaling is not None:
        with naming(scaling, "a result of `benchmarks.data_parallel`"):
            scaled = load(scaling)
            check_value(scaled)
            check_form(scaled, results.SCALING)
    with naming(file, "a result of `pytest benchmarks --benchmark-only`"):
        return part(result, scaled)


def part(result: Mapping[str, Any], scaling: Mapping[str, Any] | None = None) -> BenchmarkPart:
    """Return what a checked result says, and perhaps one of `benchmarks.data_parallel`, for a page or a summary."""
    if not results.rows_of(result):
        raise Unreadable(f"$.benchmarks: no row has one of the questions {', '.join(QUESTIONS)}")
    sentences_en, sentences_zh = zip(*summary.sentences(result), strict=True)
    tables = [*summary.tables(result), *([summary.scaling_table(scaling)] if scaling else [])]
    return BenchmarkPart(*summary.title(result), sentences_en, sentences_zh, tuple(tables), tuple(figures(result)))


def files(part: BenchmarkPart) -> dict[str, str]:
    """Return the contents of all files by their names."""
    drawn = {_file_name(figure.id): alone(figure.svg) for figure in part.figures}
    return {"README.md": markdown(part, "en"), "README.zh.md": markdown(part, "zh"), FILE: as_text(part), **drawn}


def markdown(part: BenchmarkPart, language: str) -> str:
    """Return the summary in "en" or "zh"."""
    if language == "en":
        heading, other, title, sentences = "Benchmarks: ", "[中文](README.zh.md)", part.title_en, part.summary_en
        shown = [(figure.title_en, figure.alt_en, figure.id) for figure in part.figures]
    else:
        heading, other, title, sentences = "基准测试：", "[English](README.md)", part.title_zh, part.summary_zh
        shown = [(figure.title_zh, figure.alt_zh, figure.id) for figure in part.figures]
    figures = [f"## {plain(title)}\n\n![{plain(alt)}]({_file_name(id)})" for title, alt, id in shown]
    tables = [table.markdown(each, language) for each in part.tables]
    return "\n\n".join([f"# {heading}{plain(title)}", other, *map(plain, sentences), *figures, *tables]) + "\n"


def _file_name(id: str) -> str:
    return id.removeprefix("benchmarks-") + ".svg"


def alone(svg: str) -> str:
    """Return the content of a figure's own file, dark on white.

    >>> print(alone("<svg width='9'><g/></svg>"), end="")
    <svg width='9'><style>svg { background: #ffffff; color: #1c1f24 }</style><g/></svg>
    """
    return re.sub(r"<svg\b[^>]*>", rf"\g<0>{LIGHT}", svg, count=1) + "\n"


def write(found: Mapping[str, str], folder: Path) -> None:
    """Write files into a folder and delete figures of an earlier result. Raises OSError, which leaves it untouched."""
    put(found, folder)
    for stale in {_file_name(name) for name in FIGURES} - found.keys():
        (folder / stale).unlink(missing_ok=True)


def command(arguments: list[str] | None = None) -> None:
    """Read the result and write the report; raise Refusal if that is impossible."""
    parser = Parser(prog="python -m benchmarks.report", description="Summarise and draw a run of the benchmarks.")
    parser.add_argument("result", type=Path, metavar="RESULT.json", help="from pytest's --benchmark-json")
    parser.add_argument("folder", type=Path, metavar="DIR", help="the folder for the summary and the figures")
    parser.add_argument("--scaling", type=Path, metavar="FILE", help="from `benchmarks.data_parallel --json`")
    options = parser.parse_args(arguments)
    try:
        found = files(read(options.result, options.scaling))
        write(found, options.folder)
    except Unreadable as error:
        raise Refusal(str(error)) from None
    except OSError as error:
        raise Refusal(f"{options.folder} cannot be written: {error.strerror}") from None
    print(f"wrote {len(found)} files to {options.folder}; start with README.md")


if __name__ == "__main__":
    run("python -m benchmarks.report", command)
