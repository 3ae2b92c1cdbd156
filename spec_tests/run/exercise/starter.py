"""A starter: a file of empty functions in the document's order, each with its shapes and its formula."""

import inspect
import re
import textwrap
import tomllib
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from spec_tests.contract.declaration import OPERATION_NAMES, selected
from spec_tests.contract.functions import BACKWARD, FUNCTIONS, signature
from spec_tests.run.exercise.ladder import in_order
from spec_tests.run.exercise.lines import in_lines
from spec_tests.run.exercise.words import section
from spec_tests.vocabulary.operations import GRADIENTS
from spec_tests.vocabulary.rungs.sentences import section_of

WIDTH = 100
FILE = Path(__file__).with_name("starter.toml")
ARRAYS: tuple[str, ...] = (
    "input",
    "weight",
    "bias",
    "target",
    "grad_output",
    "param",
    "grad",
    "running_mean",
    "running_var",
)
ARRAYS += ("pic", "img", "tensor")

WORDS = {
    "en": {
        "top": """\
My layers, written by hand in NumPy.

Replace each `raise NotImplementedError` by your own code, one function at a time, and see how far it is right:

    python -m spec_tests --subject {file} --exercise

Arguments and names are those of torch.nn.functional. Begin with the plainest call: the rungs tell you which
option comes next. The sections are those of the document.""",
        "gradient": "The gradient of {operation}: how a small change of each argument changes Σ grad_output · output.",
        "returns": "Returns the gradient of {names}, each shaped like its argument, None for one that is None.",
        "returns_one": "Returns the gradient of {names}, shaped like it.",
        "network": "Returns the gradient of the input, and a dict with that of every parameter.",
    },
    "zh": {
        "top": """\
我的层：用 NumPy 手写。

把每个 `raise NotImplementedError` 换成你自己的代码，一次一个函数，看看正确到哪一级：

    python -m spec_tests --subject {file} --exercise --language zh

参数和名称与 torch.nn.functional 相同。从最简单的调用开始：各级会告诉你下一个选项是什么。
节号是文档的节号。""",
        "gradient": "{operation} 的梯度：每个参数的微小变化如何改变 Σ grad_output · output。",
        "returns": "返回 {names} 的梯度，各与其参数形状相同；参数为 None 时为 None。",
        "returns_one": "返回 {names} 的梯度，形状与它相同。",
        "network": "返回 input 的梯度，以及包含每个参数梯度的字典。",
    },
}


def starter(file: str, only: Sequence[str] = (), language: str = "en") -> str:
    """Return the text of a starter of this name, of all operations or only some."""
    operations = in_order(selected(only, "--only") or [name for name in OPERATION_NAMES if name in _entries()])
    top = textwrap.indent(WORDS[language]["top"].format(file=file), "").strip()
    parts = [f'"""{top}\n"""\n\nimport numpy as np']
    for operation in operations:
        parts.append(_function(operation, _of_operation(operation, language)))
        if f"{operation}{BACKWARD}" in FUNCTIONS:
            parts.append(_function(f"{operation}{BACKWARD}", _of_gradient(operation, language)))
    return "\n\n\n".join(parts) + "\n"


def _function(name: str, docstring: Iterable[str]) -> str:
    """Return an empty function."""
    parameters = list(signature(name).parameters.values())
    written = [_written(parameter) for parameter in parameters]
    starred = next((i for i, p in enumerate(parameters) if p.kind is p.KEYWORD_ONLY), None)
    if starred is not None:
        written.insert(starred, "*")
    head = f"def {name}({', '.join(written)}):"
    if len(head) > WIDTH:
        head = "\n".join([f"def {name}(", *(f"    {one}," for one in written), "):"])
    first, *rest = docstring
    lines = [f'    """{first}', *(f"    {line}".rstrip() for line in rest), '    """']
    return "\n".join([head, *lines, "    raise NotImplementedError"])


def _written(parameter: inspect.Parameter) -> str:
    """Return an argument, arrays with their type."""
    default = parameter.default
    if parameter.name in ARRAYS:
        kind = "np.ndarray" if default is parameter.empty else "np.ndarray | None"
        return f"{parameter.name}: {kind}{'' if default is parameter.empty else f' = {default!r}'}"
    return parameter.name if default is parameter.empty else f"{parameter.name}={default!r}"


def _of_operation(operation: str, language: str) -> list[str]:
    entry = _entries()[operation]
    place, zh = section(section_of(operation), language), language == "zh"
    shapes, formula = ((zh and entry.get(f"zh_{name}")) or entry[name] for name in ("shapes", "formula"))
    return [
        f"{operation}（{place}）。" if zh else f"{operation} ({place}).",
        "",
        *in_lines(shapes, WIDTH - 8),
        "",
        *(f"    {line}" for part in re.split("(?<=[;；])", formula) for line in in_lines(part, WIDTH - 12)),
        "",
        *in_lines(entry[language], WIDTH - 8),
    ]


def _of_gradient(operation: str, language: str) -> list[str]:
    words, names = WORDS[language], GRADIENTS.get(operation, ())
    returns = words["network"] if not names else words["returns" if len(names) > 1 else "returns_one"]
    return [
        *in_lines(words["gradient"].format(operation=operation), WIDTH - 8),
        "",
        *in_lines(returns.format(names=", ".join(names)), WIDTH - 8),
    ]


@cache
def _entries() -> dict[str, Any]:
    return tomllib.loads(FILE.read_text(encoding="utf-8"))
