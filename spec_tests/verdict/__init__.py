"""Is this a bug or rounding? Verdicts on results, and bounds to use in place of rtol and atol.

Five examples. A result within the bound of its format is right, whatever order its sums were added up in:

    >>> import numpy as np
    >>> import spec_tests
    >>> rng = np.random.default_rng(0)
    >>> x, w = rng.standard_normal((4, 64), np.float32), rng.standard_normal((8, 64), np.float32)
    >>> print(spec_tests.judge("linear", {"input": x, "weight": w}, x @ w.T).decision)
    rounding

A coarser format is told from rounding, and named:

    >>> short = (x.view(np.uint32) & 0xFFFF0000).view(np.float32)  # 8 of 24 digits
    >>> verdict = spec_tests.judge("linear", {"input": x, "weight": w}, short @ w.T)
    >>> verdict.decision, verdict.parts[0].explanation
    ('a coarser format', 'input in bfloat16, cut off')

So is another convention, here a kernel that was turned around:

    >>> image, kernel = np.arange(9.0).reshape(1, 1, 3, 3), np.array([[[[1.0, 2.0], [3.0, 4.0]]]])
    >>> output = np.array([[[[13.0, 23.0], [43.0, 53.0]]]])
    >>> verdict = spec_tests.judge("conv2d", {"input": image, "weight": kernel}, output)
    >>> verdict.decision, verdict.parts[0].explanation
    ('another convention', 'flips_the_kernel')

What may be off, by how much: for an output and, given `grad_output`, each gradient:

    >>> bounds = spec_tests.bound("linear", {"input": x, "weight": w, "grad_output": np.ones((4, 8), np.float32)})
    >>> sorted(bounds), bounds["output"].exact.shape, bounds["output"].bound.shape
    (['grad_input', 'grad_weight', 'output'], (4, 8), (4, 8))

In a test, in place of `assert_allclose(actual, expected, rtol, atol)`:

    >>> spec_tests.assert_within_bound("linear", {"input": x, "weight": w}, x @ w.T)

Arguments are named as in `torch.nn.functional`; arrays may be of NumPy or torch. NumPy alone is needed. The same at the
command line, for a file: `python -m spec_tests.verdict --help`.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from spec_tests.verdict.numpy_alone import stand_ins

with stand_ins():
    from spec_tests.verdict.asking import FORMATS, BadCase, Question, Unknown, as_array, near, question
    from spec_tests.verdict.deciding import Part, decide, within
    from spec_tests.verdict.result import Verdict
    from spec_tests.vocabulary.bounds import Approximation

__all__ = ["BadCase", "Part", "Verdict", "assert_within_bound", "bound", "judge"]


def judge(
    operation: str,
    arguments: Mapping[str, Any],
    output: Any,
    dtype: str | None = None,
    *,
    other: Any = None,
    names: tuple[str, str] = ("output", "other"),
) -> Verdict:
    """Decide whether a result is exact, rounded, of a coarser format, of another convention, or wrong.

    `arguments` are named as in `torch.nn.functional`, options among them; for gradients they include `grad_output`.
    `output` is an array, or a mapping of several results by name: "output", "indices", "grad_input", "grad_weight", ...
    (of an optimizer "next_param", "next_exp_avg", ...). `dtype` is the format that the result claims: that of its array
    unless given ("bfloat16" and "tf32" have none in NumPy, and are held in float32). `other` is a second output, called
    as `names` says.

    Raises BadCase, a ValueError of one line, if the question makes no sense.
    """
    outputs = {names[0]: _by_part(operation, output)}
    if other is not None:
        if names[0] == names[1]:
            raise BadCase(f"both outputs are called {names[0]!r}")
        outputs[names[1]] = _by_part(operation, other)
    return judged(operation, arguments, outputs, dtype)


def judged(
    operation: str, arguments: Mapping[str, Any], outputs: Mapping[str, Mapping[str, Any]], dtype: str | None = None
) -> Verdict:
    """Return the verdict on outputs by name, each a mapping of results by name."""
    found = [value for parts in outputs.values() for value in parts.values()]
    if not found:
        raise BadCase("there is no result to judge")
    asked = question(operation, arguments, dtype, found[0])
    verdict = _verdict(asked, outputs)
    kinds = {str(getattr(value, "dtype", "")).removeprefix("torch.") for value in arguments.values()}
    held = {kind for kind in kinds if kind in FORMATS}
    if dtype is None and asked.dtype == "float64" and held == {"float32"} and not verdict.is_right:
        narrow = _verdict(question(operation, arguments, "float32"), outputs)
        if narrow.is_right:
            note = (
                f"the arguments are float32, the result float64; judged with --format float32 it is {narrow.decision}"
            )
            return Verdict(replace(asked, notes=(*asked.notes, note)), verdict.outputs)
    return verdict


def _verdict(asked: Question, outputs: Mapping[str, Mapping[str, Any]]) -> Verdict:
    return Verdict(asked, {name: [_decide(asked, *part) for part in parts.items()] for name, parts in outputs.items()})


def bound(operation: str, arguments: Mapping[str, Any], dtype: str | None = None) -> dict[str, Approximation]:
    """Return the exact value and the bound of each element, of an output and, given `grad_output`, of each gradient.

    The result is a mapping by name, as `judge` takes it; each entry has `exact` and `bound`, arrays in float64. The
    bound is infinite where none is known, and 0 where the exact value has to be met.
    """
    asked = question(operation, arguments, dtype)
    found = {}
    for part in asked.parts:
        gradient = part.startswith("grad_")
        if part == "indices" or (gradient and "grad_output" not in asked.arguments):
            continue
        if operation.endswith("_backward") and not gradient:
            continue
        try:
            exact, allowed = asked.expected(part)
        except Unknown as reason:
            raise BadCase(str(reason)) from None
        except BadCase:
            if part.startswith("next_"):  # this optimizer, so called, keeps no such state
                continue
            raise
        if exact is not None:
            found[part] = Approximation(exact, allowed)
    return found


def assert_within_bound(operation: str, arguments: Mapping[str, Any], output: Any, dtype: str | None = None) -> None:
    """Require every element of a result within its bound; the message of the AssertionError is the text of `judge`.

    What lies within its bound passes without further questions, as `judge` asks them about the digits of a coarser
    format. Raises BadCase if the question makes no sense, and AssertionError if nothing can be said.
    """
    __tracebackhide__ = True
    results = _by_part(operation, output)
    asked = question(operation, arguments, dtype, next(iter(results.values()), None))
    if not all(_is_within(asked, part, value) for part, value in results.items()):
        verdict = judge(operation, arguments, output, dtype)
        raise AssertionError(verdict.text)


def _by_part(operation: str, output: Any) -> Mapping[str, Any]:
    """Return results by name: a single array is the output, the next parameter, or a gradient if that is asked."""
    if isinstance(output, Mapping):
        return output
    if isinstance(output, tuple | list):
        raise BadCase(f"output is a {type(output).__name__}; an array or a mapping of arrays by name was expected")
    if operation.endswith("_backward"):
        raise BadCase(f"{operation} has several results; name them, as {{'grad_input': ...}}")
    return {"next_param" if operation in ("sgd", "adam", "adamw", "rmsprop", "adagrad") else "output": output}


def _is_within(asked: Question, part: str, value: Any) -> bool:
    """Tell whether a result has the shape expected, and every element within its bound, if bounds say something."""
    if part not in asked.parts:
        return False
    got = as_array(part, value)
    try:
        exact, allowed = asked.expected(part)
    except (BadCase, Unknown):
        return False
    if exact is None or got.shape != np.shape(exact) or (got.size and np.isinf(allowed).all()):
        return False
    return bool(within(got, np.asarray(exact), np.asarray(allowed), asked.dtype).all())


def _decide(asked: Question, part: str, value: Any) -> Part:
    if part not in asked.parts:
        raise BadCase(f"{asked.operation} has no result {part!r}{near(part, asked.parts)}")
    return decide(asked, part, as_array(part, value))
