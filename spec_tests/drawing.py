"""A failure as a learner would draw it: the arrays as grids, the options, and code that makes it happen again."""

from typing import Any

import numpy as np

from spec_tests.problems import Problem

SHOWN = 400  # elements of one array; a shrunk case has far fewer


def smallest_case(item: Any, arguments: dict[str, Any], option: Any) -> str:
    """Return the drawing of what a test was given, and a program that runs the test on it again."""
    drawn = [drawing for name, value in arguments.items() if (drawing := _draw(name, value))]
    return "\n".join([*drawn, "This program fails in the same way, run from the project's folder:\n", program(item, arguments, option)])


def program(item: Any, arguments: dict[str, Any], option: Any) -> str:
    """Return a program, its arrays written out, that runs this test's body on these arguments."""
    test = item.originalname
    lines = [
        "import numpy as np",
        "from numpy import inf, nan",
        "from spec_tests import subjects",
        "from spec_tests.problems import Problem",
        f"from {item.module.__name__} import {test}",
        "",
        f"{test}.hypothesis.inner_test(",
    ]
    for name, value in arguments.items():
        written = f"subjects.load({option.subject!r}, {option.device!r})" if name.startswith("subject") else literal(value)
        lines.append(f"    {name}={written},")
    return "\n".join([*lines, ")"])


def literal(value: Any) -> str:
    """Return Python code for a value, arrays and problems included.

    >>> literal({"stride": (1, 2), "bias": np.array([0.5], np.float32)})
    "{'stride': (1, 2), 'bias': np.array([0.5], 'float32')}"
    """
    if isinstance(value, np.ndarray | np.generic):
        shape = f".reshape({value.shape})" if value.size == 0 else ""
        return f"np.array({value.tolist()!r}, {str(value.dtype)!r}){shape}"
    if isinstance(value, Problem):
        parts = (value.operation, value.arrays, value.options, value.grad_output)
        return f"Problem({', '.join(map(literal, parts))})"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key!r}: {literal(entry)}" for key, entry in value.items()) + "}"
    return repr(value)


def _draw(name: str, value: Any) -> str:
    if isinstance(value, Problem):
        options = ", ".join(f"{key}={entry!r}" for key, entry in value.options.items())
        arrays = {**value.arrays, "grad_output": value.grad_output}
        return "\n".join([f"{value.operation}({options})", *(grid(key, entry) for key, entry in arrays.items())])
    return grid(name, value) if isinstance(value, np.ndarray) else ""


def grid(name: str, array: Any) -> str:
    """Return an array as grids of its last two axes, one below the other, each under its index.

    >>> print(grid("weight", np.array([[[1.0, 0.0], [0.0, 2.5]]])))
    weight (1, 2, 2)
      [0]
         1    0
         0  2.5
    """
    if not isinstance(array, np.ndarray):
        return f"{name} {array}"
    lines = [f"{name} {array.shape}"]
    if array.size > SHOWN:
        return f"{lines[0]}, too large to draw"
    cells = [f"{number:g}" for number in array.ravel().astype(float)]
    width = max((len(cell) for cell in cells), default=1)
    rows = np.array(cells, object).reshape(-1, array.shape[-1] if array.ndim else 1)
    leading = array.shape[:-2]
    height = array.shape[-2] if array.ndim > 1 else 1
    for at, row in enumerate(rows):
        if leading and height and at % height == 0:
            lines.append(f"  [{', '.join(map(str, np.unravel_index(at // height, leading)))}]")
        lines.append("     " + "  ".join(cell.rjust(width) for cell in row) if leading else "  " + "  ".join(cell.rjust(width) for cell in row))
    return "\n".join(lines)
