"""Which of the subject's answers is wrong: each call of an example, held against the exact result and its bound.

A test may compare answers with one another, or with numbers worked by hand. A single call is enough to show a failure
to somebody else, so here each is judged by itself: its numbers by `exact`, NaN, infinities and indices by the
reference, and what it refuses by what the reference refuses.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

import reference
from spec_tests.contract.functions import signature
from spec_tests.run.answers import Part
from spec_tests.vocabulary import exact, transforms
from spec_tests.vocabulary.bounds import Approximation, formula
from spec_tests.vocabulary.formats import FORMATS, HALVES, rounded
from spec_tests.vocabulary.ledger import Call
from spec_tests.vocabulary.operations import GRADIENTS, OPERATIONS, OPTIMIZERS, TRANSFORMS
from spec_tests.vocabulary.operations.batch_norm import batch_norm_statistics
from spec_tests.vocabulary.optimizer_bounds import bound_steps
from spec_tests.vocabulary.problems import Problem

ARRAYS = ("input", "target", "weight", "bias", "running_mean", "running_var")
"""The arguments of a layer that are arrays or None; all others are options."""

ROUNDED_ON_WHOLE_NUMBERS = {
    "sigmoid",
    "tanh",
    "softmax",
    "log_softmax",
    "cross_entropy",
    "layer_norm",
    "avg_pool2d",
} | {
    "adaptive_avg_pool2d",
    "batch_norm_statistics",
    *(name for name in OPTIMIZERS if name != "sgd"),
}
"""What may round although all its numbers are short, and its result too."""

FAILED = "SubjectFailed: "
"""How the seam begins to say that the subject did what no implementation may do, such as to end the program."""

SHORT = 2.0**-8
"""Multiples of this, none of them large, have exact products and sums in every format in which they are compared so."""


@dataclass(frozen=True)
class Judgement:
    """What is to be said of one call."""

    call: Call
    number: int
    """Which of the example's calls it is, from 1 on."""
    parts: Sequence[Part] = ()
    refusal: str = ""
    """Why the reference refuses the call, if it does."""
    said: str = ""
    """What is wrong with the answer as a whole, if anything is."""

    @property
    def complaint(self) -> str:
        """What is wrong with it, if anything is."""
        call = self.call
        if self.refusal:
            return "" if call.error else f"{call.function} answered, expected a refusal: {self.refusal}"
        if call.error:
            return call.error.removeprefix(FAILED)
        if call.written:
            return f"{call.function} wrote into {', '.join(call.written)}"
        wrong = self.said or next((part.complaint for part in self.parts if part.complaint), "")
        if not wrong and call.shared:
            return f"the answer of {call.function} shares memory with {', '.join(call.shared)}"
        return wrong

    @property
    def wrong_part(self) -> Part | None:
        """The first part of the answer that is wrong."""
        return next((part for part in self.parts if part.complaint), None)


TOO_MANY = 50_000
"""Numbers of a call from which on it is not judged: that would take long, and nobody could read it."""


def wrong_call(calls: Sequence[Call], subject: Any) -> Judgement | None:
    """Return the first call whose answer is wrong, or None if each of them may be right by itself.

    Outside a bound comes first. Then, on short numbers, what does not equal an exact result: a test that failed may
    have asked for that.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for exactly in (False, True):
            for number, call in enumerate(calls, 1):
                judgement = judge(call, number, subject, exactly)
                if judgement is not None and judgement.complaint:
                    return judgement
    return None


def judge(call: Call, number: int, subject: Any, exactly: bool = False) -> Judgement | None:
    """Return what is to be said of a call, or None where no exact result of it is known."""
    if not _is_known(call.function) or call.error.startswith("NotOffered"):
        return None
    if sum(np.size(value) for value in call.arguments.values() if isinstance(value, np.ndarray)) > TOO_MANY:
        return None
    try:
        own = getattr(reference, call.function)(**call.arguments)
    except (ValueError, TypeError) as refusal:
        return Judgement(call, number, refusal=str(refusal))
    except Exception:  # arguments of which the reference says nothing
        return None
    try:
        expected = expectations(call, own, subject, exactly)
    except Exception:  # a formula without a bound for such numbers
        return None
    names = list(expected)
    own_results, results = results_of(call.function, own, names), results_of(call.function, call.result, names)
    said = ""
    if len(results) != len(names):
        said = f"{names[0]}: got {len(results)} results, expected {len(names)}"
        results = [None] * len(names)
    parts = [
        Part(name, _as_array(got, mine), *expected[name], _dtype(call, mine))
        for name, got, mine in zip(names, results, own_results, strict=True)
    ]
    return Judgement(call, number, parts, said=said)


def results_of(function: str, result: Any, names: Sequence[str]) -> list[Any]:
    """Return the parts of an answer, in the order of these names: of an optimizer, what its state has under them."""
    if function in OPTIMIZERS and isinstance(result, tuple) and len(result) == 2 and isinstance(result[1], Mapping):
        return [result[0], *(result[1].get(name) for name in names[1:])]
    return list(result) if isinstance(result, tuple | list) else [result]


def operation_of(function: str) -> str:
    """Return the operation that a function computes, or the gradient of which it is."""
    return function.removesuffix("_backward")


def problem_of(call: Call) -> Problem:
    """Return the problem that a call of a layer or of its gradient poses; return_indices and dtype are left out."""
    operation = operation_of(call.function)
    arguments = {name: value for name, value in call.arguments.items() if name != "grad_output"}
    bound = signature(operation).bind(**arguments)
    bound.apply_defaults()
    arrays = {name: value for name, value in bound.arguments.items() if name in ARRAYS}
    options = {name: value for name, value in bound.arguments.items() if name not in ARRAYS}
    options.pop("return_indices", None)
    dtype = options.pop("dtype", None)
    if dtype is not None:
        arrays["input"] = arrays["input"].astype(dtype)
    grad_output: Any = call.arguments.get("grad_output")
    problem = Problem(operation, arrays, options, grad_output)
    if grad_output is None:
        problem = problem.changed(grad_output=np.ones(np.shape(problem.forward(reference))))
    return problem


def format_of(call: Call) -> str:
    """Return the number format that a call computes in: float32 and float64 are those of its arrays."""
    if call.dtype in (*HALVES, "tf32"):
        return call.dtype
    if call.arguments.get("dtype") is not None:
        return np.dtype(call.arguments["dtype"]).name
    floats = [v.dtype.name for v in call.arguments.values() if isinstance(v, np.ndarray | np.generic) and is_float(v)]
    return next((name for name in floats if name in FORMATS), call.dtype)


def is_float(value: Any) -> bool:
    """Tell whether an array is of floating point numbers."""
    return bool(np.asarray(value).dtype.kind == "f")


def _is_known(function: str) -> bool:
    known = function in OPTIMIZERS or function in TRANSFORMS or function == "batch_norm_statistics"
    return known or operation_of(function) in OPERATIONS


def expectations(call: Call, own: Any, subject: Any = None, exactly: bool = False) -> dict[str, tuple[Any, Any]]:
    """Return what is expected of each result of a call, and its bound: infinite where none is known.

    `own` is the reference's answer. A subject matters by its `deviations` and `transforms` alone.
    """
    return {name: _settled(one, call, exactly) for name, one in _expected(call, own, subject)}


def _expected(call: Call, own: Any, subject: Any) -> Iterator[tuple[str, Any]]:
    """Return the name of each result, and its exact numbers with their bound, or None if there is no such result."""
    dtype = format_of(call)
    if call.function in OPTIMIZERS:
        yield from _of_optimizer(call, own, dtype)
    elif call.function in TRANSFORMS:
        yield "output", TRANSFORMS[call.function].expected(call.arguments, dtype)
    elif call.function == "batch_norm_statistics":
        yield from _of_statistics(call, dtype)
    else:
        yield from _of_layer(call, own, dtype, subject)


def _of_layer(call: Call, own: Any, dtype: str, subject: Any) -> Iterator[tuple[str, Any]]:
    operation = operation_of(call.function)
    first, *indices = own if isinstance(own, tuple) else (own,)
    if not all(value is None or is_float(value) for value in (call.arguments.get("input"), first)):
        yield "output" if operation == call.function else "grad_input", Approximation(first, np.zeros(np.shape(first)))
        return
    problem = problem_of(call).at(dtype)
    deviations = getattr(subject, "deviations", ())

    def bounded(one: Approximation | None, of: str) -> Approximation | None:
        transformed = one is not None and getattr(subject, "transforms", None)
        return transforms.bound(one, of, problem, subject, dtype) if one is not None and transformed else one

    if operation == call.function:
        yield "output", bounded(exact.forward(problem, dtype, deviations), "output")
        yield from (("indices", Approximation(one, np.zeros(one.shape))) for one in indices)
    elif call.arguments.get("dtype") is not None:
        raise NotImplementedError("a gradient that is converted back has no bound here")
    else:
        for name, one in zip(GRADIENTS[operation], exact.backward(problem, dtype, deviations), strict=True):
            yield f"grad_{name}", bounded(one, name)


def _of_optimizer(call: Call, own: Any, dtype: str) -> Iterator[tuple[str, Any]]:
    options = dict(call.arguments)
    param, grad, state = (options.pop(name) for name in ("param", "grad", "state"))
    after, states = bound_steps(call.function, param, [grad], state, options, dtype)
    yield "param", after
    for name, value in own[1].items():
        bounded = states.get(name, value)
        yield (
            name,
            bounded
            if isinstance(bounded, Approximation)
            else Approximation(np.asarray(value), np.zeros(np.shape(value))),
        )


def _of_statistics(call: Call, dtype: str) -> Iterator[tuple[str, Any]]:
    names = ("input", "running_mean", "running_var")
    arrays: dict[str, Any] = {name: call.arguments[name].astype(np.float64) for name in names}
    options = {"training": True, "eps": 0.0, "momentum": call.arguments.get("momentum", 0.1)}
    problem = Problem("batch_norm", arrays, options, np.zeros(()))
    wide = reference.batch_norm_statistics(**arrays, momentum=call.arguments.get("momentum", 0.1))
    for i, name in enumerate(("running_mean", "running_var")):
        statistic: Callable[..., Any] = partial(_one_of, i, problem)
        yield name, formula(statistic, np.asarray(wide[i]), dtype)


def _one_of(i: int, problem: Problem, fmt: Any) -> Any:
    return batch_norm_statistics(problem, fmt)[i]


def _settled(one: Approximation | None, call: Call, exactly: bool) -> tuple[Any, Any]:
    """Return what is expected in the call's format, and the bound: infinite where none is known."""
    if one is None:
        return None, 0.0
    expected, bound = np.asarray(one.exact), np.array(np.broadcast_to(one.bound, np.shape(one.exact)), np.float64)
    if expected.dtype.kind != "f":
        return expected, bound
    dtype = format_of(call)
    with np.errstate(all="ignore"):
        nearest = np.asarray(rounded(expected, dtype), np.float64)
        finite = np.isfinite(expected)
        overflows = finite & ~np.isfinite(nearest)
        near_overflow = finite & ~overflows & (abs(expected) + bound > FORMATS[dtype].largest)
        bound = np.where(~np.isfinite(bound) | near_overflow, np.inf, bound)
        bound = np.where(finite, bound, 0.0)
        surely = overflows & (abs(expected) - bound > FORMATS[dtype].largest)
        expected = np.where(overflows, nearest, expected)
        bound = np.where(overflows, np.where(surely, 0.0, np.inf), bound)
    if exactly and _is_exact_on_short_numbers(call):
        short = rounded(expected, "float32" if dtype == "float64" else dtype) == expected
        bound = np.where(short, 0.0, bound)
    return expected, bound


def _is_exact_on_short_numbers(call: Call) -> bool:
    """Tell whether a result that a format can hold has to be met exactly: whole numbers, or nearly."""
    if operation_of(call.function) in ROUNDED_ON_WHOLE_NUMBERS or call.arguments.get("reduction") == "mean":
        return False
    if call.arguments.get("training"):
        return False
    floats = [np.asarray(v, np.float64) for v in call.arguments.values() if isinstance(v, np.ndarray) and is_float(v)]
    finite = [numbers[np.isfinite(numbers)] for numbers in floats]
    return all((numbers == np.rint(numbers / SHORT) * SHORT).all() for numbers in finite)


def _as_array(got: Any, own: Any) -> Any:
    """Return a number of steps as an array, and everything else as it is."""
    return np.asarray(got) if isinstance(own, int) and isinstance(got, int) else got


def _dtype(call: Call, own: Any) -> str:
    """Return what a result has to be of: half formats may be held in float32, and a count is a count."""
    if own is None or isinstance(own, int) or (is_float(own) and format_of(call) in HALVES):
        return ""
    return str(own.dtype)
