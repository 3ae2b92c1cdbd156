"""Write `docs/deviations.md` and `.zh.md`, the known deviations: `python -m spec_tests.tooling.deviations_page`.

They say what `deviations.toml` and the expectation files say, and nothing else: what is wrong in released versions,
each with its smallest example, and apart from it what is only different.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spec_tests import subjects
from spec_tests.contract.expectations import Deviation, Example, read
from spec_tests.matrix.lanes import Lanes
from spec_tests.vocabulary.claims import deviations

DOCS = Path(__file__).parents[2] / "docs"
FILES = {"en": "deviations.md", "zh": "deviations.zh.md"}

CALLED = {
    "torch": "PyTorch",
    "torchvision": "torchvision",
    "onnxruntime": "ONNX Runtime",
    "onnx": "ONNX reference evaluator",
    "openvino": "OpenVINO",
    "jax": "JAX",
    "mlx": "MLX",
    "tinygrad": "tinygrad",
}
"""The packages, in the order of the page."""
COUNTED = ("silent", "loud", "crash", "smaller", "differences")
"""What the table counts."""

WORDS = {
    "en": {
        "title": "Deviations in released versions",
        "what": (
            "What this specification found wrong in released software, written by `python -m "
            "spec_tests.tooling.deviations_page` from [deviations.toml](../spec_tests/deviations.toml) and the "
            "[expectation files](../spec_tests/subjects/expected). Every example is run by the tests: one that is "
            "mended fails there, and its entry goes. *Silent*: a wrong number comes out. *Loud*: an error comes where "
            "a result exists. *Crash*: the process ends. Versions are those in which it was seen; in others it was not "
            "looked for. An example that is a single call is answered by the subject (`--subject`), in torch's words. "
            "What is documented, or left open by mathematics, is [no defect](#differences-that-are-no-defects), and "
            "stands apart. In Chinese: [deviations.zh.md](deviations.zh.md)."
        ),
        "package": "package",
        "silent": "silent",
        "loud": "loud",
        "crash": "crash",
        "differences": "differences",
        "smaller": "smaller",
        "smaller_what": "Smaller ones, which a test demonstrates:",
        "where": "Where",
        "right": "Right",
        "found": "Found",
        "why": "Why",
        "seen": "seen on",
        "report": "report",
        "varies": "what it prints varies",
        "apart": "Differences that are no defects",
        "apart_what": "Where another choice is documented, or where mathematics leaves several.",
    },
    "zh": {
        "title": "已发布版本中的偏差",
        "what": (
            "本规范在已发布软件中发现的错误，由 `python -m spec_tests.tooling.deviations_page` 根据 "
            "[deviations.toml](../spec_tests/deviations.toml) 和[预期文件](../spec_tests/subjects/expected)写成。"
            "每个示例都由测试运行：一旦修复，测试就会失败，相应条目随即删除。*静默*：给出错误的数。*报错*：本有结果却报错。"
            "*崩溃*：进程终止。所列版本是见到该偏差的版本，其他版本未检查。只有一次调用的示例由被测对象（`--subject`）回答，"
            "写法同 torch。文档已说明或数学上未定的，[不是缺陷](#不是缺陷的差异)，单独列出。英文版："
            "[deviations.md](deviations.md)。"
        ),
        "package": "软件包",
        "silent": "静默",
        "loud": "报错",
        "crash": "崩溃",
        "differences": "差异",
        "smaller": "较小",
        "smaller_what": "较小的偏差，由测试复现：",
        "where": "位置",
        "right": "应为",
        "found": "实际",
        "why": "原因",
        "seen": "见于",
        "report": "公开报告",
        "varies": "每次打印的可能不同",
        "apart": "不是缺陷的差异",
        "apart_what": "文档说明了另一种选择，或数学上允许几种结果。",
    },
}


@dataclass(frozen=True)
class Entry:
    """A known deviation, as the page shows it."""

    id: str
    package: str
    kind: str
    texts: Mapping[str, Any]
    """`where`, `expected`, `found`, `seen` and perhaps `why`, each also in Chinese; `versions` and perhaps `issue`."""
    subjects: tuple[str, ...] = ()
    """Those that show it, if not all of the package do."""
    difference: bool = False
    program: str = ""
    """What shows it; without one a test does."""
    outcome: tuple[str, str] = "", ""
    """What the program should print, and what it prints: nothing if that varies."""

    def text(self, name: str, language: str) -> str:
        """Return a text in a language."""
        return str(self.texts.get(name if language == "en" else f"{name}_zh", ""))


def entries() -> list[Entry]:
    """Return all known deviations: those of the register, then those of the expectation files in the matrix's order."""
    found = {entry["id"]: _of_the_register(entry) for entry in deviations()}
    for subject in Lanes().subjects:
        file = subjects.EXPECTED / f"{subject.replace(':', '_')}.toml"
        known = read(file, subject) if file.is_file() else None
        for deviation in known.deviations if known else ():
            if deviation.example is not None and known is not None:
                before = found[deviation.id].subjects if deviation.id in found else ()
                found[deviation.id] = _of_a_file(deviation, deviation.example, known.package, (*before, subject))
    return sorted(found.values(), key=lambda entry: list(CALLED).index(entry.package))


def _of_the_register(entry: Mapping[str, Any]) -> Entry:
    silent = bool(entry.get("silent"))
    outcome = (entry["right"], "" if entry.get("varies") else entry["wrong"]) if silent else ("", "")
    kind = "silent" if silent else "smaller"
    return Entry(
        entry["id"], entry["subject"], kind, entry, program=entry["example"].strip() if silent else "", outcome=outcome
    )


def _of_a_file(deviation: Deviation, example: Example, package: str, shown_by: tuple[str, ...]) -> Entry:
    names = ("where", "expected", "found", "why", "seen", "versions", "issue")
    texts = {key: getattr(deviation, key, "") for name in names for key in (name, f"{name}_zh")}
    found = "" if example.found is None else _printed(example.found)
    return Entry(
        deviation.id,
        package,
        deviation.kind,
        texts,
        shown_by if len(shown_by) > 1 or ":" in shown_by[0] else (),
        deviation.difference,
        example.program.strip() or _call(example),
        (_printed(example.right), {"loud": _readable(example.raises), "crash": ""}.get(deviation.kind, found)),
    )


def _call(example: Example) -> str:
    """Return a call as it is written in Python, the arrays as lists."""
    arguments = ", ".join(f"{name}={_printed(value)}" for name, value in example.arguments.items())
    index = f"[{example.result}]" if example.result else ""
    dtype = "" if example.dtype == "float32" else f"  # {example.dtype}"
    return f"{example.call}({arguments}){index}{dtype}"


def _printed(value: Any) -> str:
    match value:
        case str():
            return value
        case {"shape": shape, "full": number}:
            return f"np.full({tuple(shape)}, {number})"
        case {"shape": shape, "count_from": first}:
            return f"np.arange({first}, ...).reshape({tuple(shape)})"
    return repr(value)


def _readable(expression: str) -> str:
    """Return a regular expression of a message without its signs."""
    return re.sub(r"\\(.)", r"\1", expression.replace(".*", "...").strip("^$"))


def page(language: str) -> str:
    """Return the page in a language."""
    words, known = WORDS[language], entries()
    real = [entry for entry in known if not entry.difference]
    lines = [f"# {words['title']}", "", words["what"], "", *_counts(known, words)]
    for package, name in CALLED.items():
        own = [entry for entry in real if entry.package == package]
        if own:
            lines += ["", f"## {name}", *_section(own, language)]
    lines += ["", f"## {words['apart']}", "", words["apart_what"], ""]
    lines += [_line(entry, language) for entry in known if entry.difference]
    return "\n".join(lines) + "\n"


def _counts(known: Iterable[Entry], words: Mapping[str, str]) -> Iterator[str]:
    """Yield a table of how many deviations of each kind there are."""
    counts = Counter((entry.package, "differences" if entry.difference else entry.kind) for entry in known)
    yield f"| {' | '.join(words[name] for name in ('package', *COUNTED))} |"
    yield f"|{' --- |' * (1 + len(COUNTED))}"
    for package, name in CALLED.items():
        yield f"| {name} | {' | '.join(str(counts[package, kind]) for kind in COUNTED)} |"


def _section(own: Iterable[Entry], language: str) -> Iterator[str]:
    own = list(own)
    for entry in own:
        if entry.program:
            yield from _shown(entry, language)
    if smaller := [entry for entry in own if not entry.program]:
        yield from ("", WORDS[language]["smaller_what"], "")
        yield from (_line(entry, language) for entry in smaller)


def _shown(entry: Entry, language: str) -> Iterator[str]:
    """Yield a deviation with its example."""
    words = WORDS[language]
    right, found = entry.outcome
    where = f", {', '.join(f'`{subject}`' for subject in entry.subjects)}" if entry.subjects else ""
    yield from ("", f"### {entry.id}", "", f"*{words[entry.kind]}* · {_seen(entry, language)}{where}", "")
    for name, text in (("where", "where"), ("right", "expected"), ("found", "found"), ("why", "why")):
        if entry.text(text, language):
            yield f"- {words[name]}: {_escaped(entry.text(text, language))}"
    fence = "```python" if "import " in entry.program else "```"  # a call alone is no program
    yield from ("", fence, entry.program, f"# {words['right']}: {right}")
    if entry.kind != "crash":
        yield f"# {words['found']}: {found or words['varies']}"
    yield "```"


def _line(entry: Entry, language: str) -> str:
    """Return a deviation in one line."""
    where, right, found = (_escaped(entry.text(name, language)) for name in ("where", "expected", "found"))
    why = _escaped(entry.text("why", language))
    words, comma = WORDS[language], "; " if language == "en" else "；"
    told = comma.join([f"{words['right']}: {right}", f"{words['found']}: {found}", *([why] if why else [])])
    return f"- `{entry.id}` ({_seen(entry, language)}): {where}. {told}."


def _seen(entry: Entry, language: str) -> str:
    """Return versions, platform and public report."""
    words, issue = WORDS[language], entry.texts.get("issue")
    versions = f"{'torch' if entry.package == 'torchvision' else entry.package} {', '.join(entry.texts['versions'])}"
    report = f", [{words['report']}]({issue})" if issue else ""
    return f"{versions}, {words['seen']} {_escaped(entry.text('seen', language))}{report}"


def _escaped(text: str) -> str:
    """Return a text in which Markdown sees no signs of its own."""
    return re.sub(r"([*_<])", r"\\\1", text)


def main() -> None:
    """Write the pages."""
    for language, name in FILES.items():
        (DOCS / name).write_text(page(language), encoding="utf-8")


if __name__ == "__main__":
    main()
