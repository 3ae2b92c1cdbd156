"""A failure as a learner would draw it: the arrays as grids, both results, and a program that reproduces it."""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import reference
from spec_tests.run import programs
from spec_tests.run.finding import NoProgram
from spec_tests.run.judging import Judgement, operation_of, wrong_call
from spec_tests.run.requests import requests_for
from spec_tests.vocabulary.ledger import Call
from spec_tests.vocabulary.operations import GRADIENTS
from spec_tests.vocabulary.problems import Problem

SHOWN = 400  # elements of one array; a shrunk case has far fewer
LINES = 40  # of a call's arrays, unless pytest is asked for more with -v
INDENT = " " * 4

PROGRAM = """\
import numpy as np
from numpy import inf, nan
from spec_tests import subjects
from spec_tests.vocabulary.problems import Problem
from {module} import {test}

{test}{body}(
{arguments})"""


BEGIN = "# ------------------------------ the program begins here ------------------------------"
END = "# ------------------------------ the program ends here --------------------------------"


@dataclass(frozen=True)
class Case:
    """What is to be printed of a failure."""

    operation: str = ""
    """The operation of the call that is wrong by itself, if there is one."""
    complaint: str = ""
    """What is wrong with that call."""
    drawing: str = ""
    advice: str = ""
    """How to use the program, or why there is none."""
    program: str = ""

    def text(self) -> str:
        """Return all of it, the program between two marks."""
        marked = "\n".join([BEGIN, self.program.rstrip("\n"), END]) if self.program else ""
        return "\n\n".join(filter(None, [self.drawing, self.advice, marked]))


def case_of(item: Any, arguments: dict[str, Any], option: Any, calls: Sequence[Call] = ()) -> Case:
    """Return a drawing of what failed, and a program that shows it again.

    If one of the subject's calls is wrong by itself, it is drawn, and the program needs nothing of this project but for
    subjects that are a part of it. Otherwise the test's arguments are drawn with both results, and its body is run.
    """
    try:
        return _case_of(item, arguments, option, calls)
    except Exception as error:  # whatever the subject answered: the report of a failure must not break
        return Case(advice=f"The failure cannot be drawn ({type(error).__name__}: {error}).")


def _case_of(item: Any, arguments: dict[str, Any], option: Any, calls: Sequence[Call]) -> Case:
    subject = _subject(item, arguments)
    judgement = wrong_call(calls, subject)
    reason = "no single call is wrong by itself, only what several of them say together" if calls else ""
    case = Case()
    if judgement is None:
        case = replace(case, drawing=_both_results(item, arguments))
    else:
        shown = draw_call(judgement, len(calls), lines=10**6 if getattr(option, "verbose", 0) > 0 else LINES)
        case = Case(operation_of(judgement.call.function), judgement.complaint, shown)
        if lines := requests_for(judgement.call, subject):
            return replace(case, advice=lines[0], program=lines[1])
        try:
            advice = "This program shows the failure by itself: save it anywhere, from mark to mark, and run it."
            return replace(case, advice=advice, program=programs.written(judgement, subject, option))
        except NoProgram as error:
            reason = str(error)
    function = getattr(item, "function", None)
    is_drawn = hasattr(function, "property") or hasattr(function, "hypothesis")
    if (function is not None and not is_drawn) or _is_handed_over(subject):
        return replace(case, advice=f"There is no program: {reason}." if reason else "")
    because = f" It uses this project, for {reason}." if reason else ""
    advice = f"To reproduce the failure, save this program in the project's folder and run it there.{because}"
    return replace(case, advice=advice, program=program(item, arguments, option))


def _is_handed_over(subject: Any) -> bool:
    """Tell whether a subject consists of functions without a name by which it could be loaded."""
    return getattr(subject, "foreign", False) is True and subject.source is None


def draw_call(judgement: Judgement, calls: int, lines: int) -> str:
    """Return the arguments of a call, the subject's answer and the right one, in about so many lines.

    The first wrong number has a star before it, and the last line says what is wrong.
    """
    call, part = judgement.call, judgement.wrong_part
    arrays, options = _told_apart(call.arguments)
    heading = f"{call.function}({', '.join(f'{name}={value!r}' for name, value in options.items())})"
    at = part.first_wrong if part is not None else None
    grids = [grid(name, array) for name, array in arrays.items()]
    if part is not None and not call.error and not judgement.refusal:
        grids += [grid(f"{part.name} from the subject", part.got, at), grid(f"{part.name} expected", part.expected, at)]
    share = max(6, lines // max(1, len(grids)))
    number = f"Call {judgement.number} of {calls}: " if calls > 1 else ""
    return "\n".join([heading, *(_cut(drawn, share) for drawn in grids), f"{number}{judgement.complaint}"])


def _told_apart(arguments: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the arrays of a call, those of an optimizer's state included, and its other arguments."""
    state = arguments.get("state")
    given = {**arguments, **(state if isinstance(state, Mapping) else {})}
    arrays = {name: value for name, value in given.items() if isinstance(value, np.ndarray | np.generic)}
    left = {name: value for name, value in arguments.items() if name not in arrays and name != "state"}
    return arrays, {name: value for name, value in left.items() if name not in ("weight", "bias") or value is not None}


def _cut(drawn: str, most: int) -> str:
    """Return at most so many lines of a grid, the marked one among them."""
    lines = drawn.splitlines()
    if len(lines) <= most:
        return drawn
    marked = next((i for i, line in enumerate(lines) if i and "*" in line), 1)
    begin = max(1, min(marked - most // 2, len(lines) - most + 2))
    kept = lines[begin : begin + most - 2]
    return "\n".join([lines[0], *kept, f"  ... {len(lines) - 1 - len(kept)} more lines, drawn with -v"])


def _subject(item: Any, arguments: Mapping[str, Any]) -> Any:
    """Return the subject that a test asked."""
    given = {**getattr(item, "funcargs", {}), **arguments}
    names = ("subject", "subject_on_cpu", "implementation")
    return next((given[name] for name in names if given.get(name) is not None), None)


def _both_results(item: Any, arguments: dict[str, Any]) -> str:
    """Return a drawing of a test's arguments, and of both results where they differ."""
    params = getattr(getattr(item, "callspec", None), "params", {})
    subject, dtype = arguments.get("subject"), arguments.get("dtype", params.get("dtype", "float64"))
    drawn = [drawing for name, value in arguments.items() if (drawing := _draw(name, value))]
    problems = [value for value in arguments.values() if isinstance(value, Problem) and subject]
    return "\n\n".join([*drawn, *(_differences(problem, subject, dtype) for problem in problems)])


def program(item: Any, arguments: dict[str, Any], option: Any) -> str:
    """Return a program that runs this test's body on these arguments, with the arrays written out."""
    params = getattr(getattr(item, "callspec", None), "params", {})
    is_for_all = hasattr(getattr(item, "function", None), "property")
    at = f".at({params['dtype']!r})" if is_for_all else ""
    subject = f"subjects.load({option.subject!r}, {option.spec_device!r}){at}"
    by_references = params.get("implementation") == "by the references"
    loaded = {
        "subject": subject,
        "subject_on_cpu": f"subjects.load({option.subject!r}){at}",
        "implementation": "subjects.load('reference')" if by_references else subject,
    }
    written = [f"{name}={loaded.get(name) or literal(value)},\n" for name, value in arguments.items()]
    body = ".property.body" if is_for_all else ".hypothesis.inner_test"
    return PROGRAM.format(
        module=item.module.__name__,
        test=item.originalname,
        body=body,
        arguments=textwrap.indent("".join(written), INDENT),
    )


def literal(value: Any) -> str:
    """Return Python code for a value, which may be or contain an array or a problem.

    >>> literal({"stride": (1, 2), "bias": np.array([0.5], np.float32)})
    "{'stride': (1, 2), 'bias': np.array([0.5], 'float32')}"
    """
    if isinstance(value, np.ndarray | np.generic):
        numbers = value.tolist()
        dtype = "" if np.asarray(numbers).dtype == value.dtype else f", {str(value.dtype)!r}"
        shape = f".reshape({value.shape})" if value.size == 0 else ""
        return f"np.array({numbers!r}{dtype}){shape}"
    if isinstance(value, Problem):
        arrays = "".join(f"{name!r}: {literal(array)},\n" for name, array in value.arrays.items())
        parts = f"{value.operation!r},\n{{\n{textwrap.indent(arrays, INDENT)}}},\n{literal(value.options)},\n"
        return f"Problem(\n{textwrap.indent(f'{parts}{literal(value.grad_output)},', INDENT)}\n)"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {literal(entry)}" for key, entry in value.items()) + "}"
    if isinstance(value, type):
        return f"__import__({value.__module__!r}, fromlist=['']).{value.__qualname__}"
    return repr(value)


def _draw(name: str, value: Any) -> str:
    if isinstance(value, Problem):
        options = ", ".join(f"{key}={entry!r}" for key, entry in value.options.items())
        arrays = {**value.arrays, "grad_output": value.grad_output}
        return "\n".join([f"{value.operation}({options})", *(grid(key, entry) for key, entry in arrays.items())])
    return grid(name, value) if isinstance(value, np.ndarray) else ""


def _differences(problem: Problem, subject: Any, dtype: str) -> str:
    """Return both versions of the output and of each gradient in which the subject and the references differ."""
    by_subject, by_references = _outputs(problem.at(dtype), subject.at(dtype)), _outputs(problem.at(dtype), reference)
    both = [(name, found, by_references.get(name)) for name, found in by_subject.items()]
    lines = [
        f"{grid(f'{name} from the subject', found)}\n{grid(f'{name} from the references', expected)}"
        for name, found, expected in both
        if not _same(found, expected)
    ]
    agreement = (
        "With these arguments the subject and the references agree; the test fails with others derived from them."
    )
    return "\n".join(lines) or agreement


def _outputs(problem: Problem, layers: Any) -> dict[str, Any]:
    with_indices = {"return_indices": True} if problem.operation.startswith("max_pool") else {}
    outputs = _attempt(lambda: problem.forward(layers, **with_indices))
    grads = _attempt(lambda: problem.backward(layers))
    names = [f"grad_{name}" for name in GRADIENTS[problem.operation]]
    return _by_name(["output", "indices"], outputs) | _by_name(names, grads)


def _by_name(names: list[str], results: Any) -> dict[str, Any]:
    return dict(zip(names, results if isinstance(results, tuple) else (results,), strict=False))


def _attempt(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Exception as error:  # any error is a result, too
        return f"{type(error).__name__}: {error}"


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray | np.generic) and isinstance(other, np.ndarray | np.generic):
        return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=True)
    return type(one) is type(other) and not isinstance(one, tuple) and bool(one == other)


def grid(name: str, array: Any, marked: tuple[int, ...] | None = None) -> str:
    """Return an array drawn as grids of its last two axes, one below the other, each headed by its index.

    One element may be marked with a star.

    >>> print(grid("weight", np.array([[[1.0, 0.0], [0.0, 2.5]]])))
    weight, shape (1, 2, 2)
      [0]
          1    0
          0  2.5
    """
    if not isinstance(array, np.ndarray | np.generic):
        return f"{name} = {array}"
    if array.dtype.kind not in "biuf":
        return f"{name}, shape {array.shape}, of dtype {array.dtype}: nothing to draw"
    if array.ndim == 0:
        return f"{name} = {'*' * (marked is not None)}{float(array):g}"
    heading = f"{name}, shape {array.shape}"
    if array.size > SHOWN:
        return f"{heading}, too large to draw"
    cells = [f"{number:g}" for number in array.ravel().astype(float)]
    if marked is not None and len(marked) == array.ndim and array.size:
        cell = int(np.ravel_multi_index(marked, array.shape))
        cells[cell] = f"*{cells[cell]}"
    if not array.size:
        return f"{heading}, without an element"
    width = max(map(len, cells))
    planes = np.array(cells, object).reshape(-1, *array.shape[-2:] if array.ndim > 1 else (1, array.size))
    lines = [heading]
    for plane, place in zip(planes, np.ndindex(array.shape[:-2]), strict=True):
        lines += [f"  [{', '.join(map(str, place))}]"] if place else []
        lines += [" " * (4 if place else 2) + "  ".join(cell.rjust(width) for cell in row) for row in plane]
    return "\n".join(lines)
