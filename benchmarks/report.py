"""The benchmarks of one run as pictures and a summary: `python -m benchmarks.report RESULT.json DIR`.

RESULT.json is what `pytest benchmarks --benchmark-only --benchmark-json RESULT.json` left, on this machine or another.
DIR gets README.md, README.zh.md (Chinese), the pictures that they show, and part.json, the same as data, which the
report of the specification shows on its page. Each file is written whole or not at all,
and none if the result cannot be read; other files in DIR stay.
"""

import json
import os
import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

from benchmarks import layer_plots, plots, results, summary
from benchmarks.counts import Ceiling
from benchmarks.result_schema import QUESTIONS
from benchmarks.results import Result, Row
from reference.command import Parser, Refusal, run
from spec_tests.report import benchmark_part
from spec_tests.report.benchmark_part import BenchmarkPart, Table
from spec_tests.report.figures.figure import Picture

PICTURES = ("time", "ladder", "roofline", "ratios", "rivals", "shares")
"""The pictures' ids, after "benchmarks-"."""

LIGHT = "<style>svg { background: #ffffff; color: #1c1f24 }</style>"
"""Of a picture that stands alone."""


def part(result: Mapping[str, Any]) -> BenchmarkPart:
    """Return what a result says, for a page or a summary.

    Raises ValueError, naming the place, where it is not a result, or none of its rows is one of this project's.
    """
    result = results.checked(result)
    if not results.all_rows(result):
        raise ValueError(f"it has no row with one of the questions {', '.join(QUESTIONS)}")
    title_en, title_zh = summary.title(result)
    sentences_en, sentences_zh = zip(*summary.sentences(result), strict=True)
    drawn = tuple(pictures(result))
    return BenchmarkPart(title_en, title_zh, sentences_en, sentences_zh, tuple(summary.tables(result)), drawn)


def pictures(result: Result) -> Iterator[Picture]:
    """Draw the pictures that the result has rows for."""
    network, layers = results.network_rows(result), results.rows_of(result, "layer")
    if len(results.batches(network)) > 1:
        yield plots.time_against_batch(network)
    if network:
        yield plots.ladder(network)
    ceiling = next((found for found in results.ceilings(result) if layers and _is_roof(found, layers[0])), None)
    if ceiling and any(row.operations and row.bytes for row in layers):
        yield layer_plots.roofline(layers, ceiling)
    resnet50 = results.rows_of(result, "resnet50")
    if compared := results.against_torch([*layers, *network, *resnet50]):
        yield layer_plots.ratios(compared)
    rivals = results.rows_of(result, "rivals")
    if results.rivalry(rivals):
        yield layer_plots.rivals(rivals)
    if layers:
        yield layer_plots.shares(layers)


def files(part: BenchmarkPart) -> dict[str, str]:
    """Return the summaries, the part of the page as data, and the pictures, by their file names."""
    drawn = {_file_name(picture): alone(picture.svg) for picture in part.pictures}
    data = json.dumps(benchmark_part.as_data(part), ensure_ascii=False, indent=1) + "\n"
    return {"README.md": markdown(part, "en"), "README.zh.md": markdown(part, "zh"), benchmark_part.FILE: data, **drawn}


def markdown(part: BenchmarkPart, language: str) -> str:
    """Return the summary in "en" or "zh"."""
    words = {
        "en": ("Benchmarks: ", "[中文](README.zh.md)", part.title_en, part.summary_en),
        "zh": ("基准测试：", "[English](README.md)", part.title_zh, part.summary_zh),
    }
    heading, other, title, sentences = words[language]
    shown = [_shown(picture, language) for picture in part.pictures]
    tables = [_markdown_table(table, language) for table in part.tables]
    return "\n\n".join([f"# {heading}{_plain(title)}", other, *map(_plain, sentences), *shown, *tables]) + "\n"


def alone(svg: str) -> str:
    """Return the picture as a file of its own, dark on white.

    >>> print(alone("<svg width='9'><g/></svg>"), end="")
    <svg width='9'><style>svg { background: #ffffff; color: #1c1f24 }</style><g/></svg>
    """
    return re.sub(r"<svg\b[^>]*>", rf"\g<0>{LIGHT}", svg, count=1) + "\n"


def write(found: Mapping[str, str], folder: Path) -> None:
    """Write files into a folder, making it; of pictures of an earlier result those not replaced go.

    All files are first written beside it, so that what fails on the way leaves it as it was. Raises OSError.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as beside:
        for name, text in found.items():
            (Path(beside) / name).write_text(text, encoding="utf-8")
        folder.mkdir(exist_ok=True)
        for name in found:
            os.replace(Path(beside) / name, folder / name)
    for stale in {f"{name}.svg" for name in PICTURES} - found.keys():
        (folder / stale).unlink(missing_ok=True)


def read(path: Path) -> Any:
    """Return what a file of JSON holds; Refusal where there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except OSError as error:
        raise Refusal(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise Refusal(f"{path} is not JSON: {error}") from None


def command(arguments: list[str] | None = None) -> None:
    """Read the result and write the report; Refusal where that cannot be done."""
    parser = Parser(prog="python -m benchmarks.report", description="Draw what a run of the benchmarks found.")
    parser.add_argument("result", type=Path, metavar="RESULT.json", help="from pytest's --benchmark-json")
    parser.add_argument("folder", type=Path, metavar="DIR", help="where the summary and the pictures go")
    options = parser.parse_args(arguments)
    result = read(options.result)
    try:
        found = files(part(result))
    except ValueError as error:
        raise Refusal(f"{options.result} is not a result of `pytest benchmarks --benchmark-only`: {error}") from None
    try:
        write(found, options.folder)
    except OSError as error:
        raise Refusal(f"{options.folder} cannot be written: {error.strerror}") from None
    print(f"{len(found)} files in {options.folder}, to begin with README.md")


def _is_roof(ceiling: Ceiling, row: Row) -> bool:
    return (ceiling.device, ceiling.threads, ceiling.precision) == (row.device, row.threads, "ieee")


def _file_name(picture: Picture) -> str:
    return picture.id.removeprefix("benchmarks-") + ".svg"


def _shown(picture: Picture, language: str) -> str:
    """Return a heading and the picture below it."""
    title, alt = (picture.title_zh, picture.alt_zh) if language == "zh" else (picture.title_en, picture.alt_en)
    return f"## {_plain(title)}\n\n![{_plain(alt)}]({_file_name(picture)})"


def _markdown_table(table: Table, language: str) -> str:
    """Return a heading and the table below it: the first column to the left, numbers to the right."""
    caption, header = (table.caption_zh, table.header_zh) if language == "zh" else (table.caption_en, table.header_en)
    rule = [":--", *["--:"] * (len(header) - 1)]
    lines = [list(map(_plain, header)), rule, *(list(map(_plain, row)) for row in table.rows_in(language))]
    return f"## {_plain(caption)}\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _plain(text: str) -> str:
    r"""Keep Markdown from seeing marks in a text.

    >>> _plain("a|b *c* channels_last")
    'a\\|b \\*c\\* channels_last'
    """
    return re.sub(r"([\\`*<>|\[\]])", r"\\\1", " ".join(text.split()))


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


if __name__ == "__main__":
    run("python -m benchmarks.report", command)
