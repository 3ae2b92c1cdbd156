"""Conventions of convolutions and poolings: NaN, the infinities, ties, integers, nothing at all."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from math import inf, nan
from typing import Any

import numpy as np

import reference
from spec_tests.vectors.exact import Expected, around, output
from spec_tests.vectors.question import Question, both
from spec_tests.vectors.randomness import Random
from spec_tests.vectors.real import reals
from spec_tests.vectors.stating import Maker, by_the_references
from spec_tests.vocabulary.problems import Problem


def _conv(operation: str, batch: int, size: int = 4, groups: int = 1, kernel: int = 2, bias: bool = True) -> Problem:
    r, rank = Random(f"{operation} {batch} {groups} {kernel}"), int(operation[4])
    options = {"stride": 1, "padding": 0, "dilation": 1, "groups": groups}
    places = (size - kernel + 1,) * rank
    arrays = {
        "input": r.whole((batch, 2, *[size] * rank)),
        "weight": r.whole((2, 2 // groups, *[kernel] * rank)),
        "bias": r.whole((2,)) if bias else None,
    }
    return Problem(operation, arrays, options, r.whole((batch, 2, *places)))


def conv_of_nothing(operation: str) -> Iterator[Question]:
    """An empty batch has an empty output and gradients of 0."""
    return by_the_references(_conv(operation, 0), "float32", "empty")


def conv_of_nan(operation: str, at: int, value: float) -> Iterator[Question]:
    """A NaN or infinity of the input reaches exactly the outputs whose window holds it."""
    problem = _conv(operation, 2, kernel=1 + at % 3)
    problem.input.reshape(-1)[at * 7 % problem.input.size] = value
    weight = np.where(problem.weight == 0, 1, problem.weight)  # 0 · ∞ would be NaN, too
    flag = "nan" if value != value else "infinities"
    return by_the_references(problem.changed(weight=weight), "float32", flag, backward=False)


def conv_of_integers(operation: str, number: int) -> Iterator[Question]:
    """Whole numbers in an integer format keep every digit."""
    r = Random(f"{operation} of integers {number}")
    problem = _conv(operation, 1, groups=1 + number % 2, kernel=1 + number % 3)
    arrays = {name: value.astype(np.int64) for name, value in problem.arrays.items()}
    arrays["input"] += np.array([r.integer(2**53, 2**55) for _ in range(arrays["input"].size)]).reshape(
        arrays["input"].shape
    )
    return by_the_references(replace(problem, arrays=arrays), "int64", "integers", backward=False)


def _pool(operation: str, r: Random, leading: tuple[int, ...], more: dict[str, Any]) -> Problem:
    rank = int(operation[-2])
    kernel, stride = r.choice((2, 2), (3, 2), (2, 1), (3, 1)) if operation != "avg_pool2d" else (2, r.choice(1, 2))
    options = {"kernel_size": kernel, "stride": stride, "padding": r.choice(0, 1), "ceil_mode": r.chance(2), **more}
    size = r.sizes(rank, 3, 6 if rank < 3 else 4)
    sizing = {name: options[name] for name in ("kernel_size", "stride", "padding", "ceil_mode")}
    places: Any = reference.max_pool_output_size(size, **sizing)
    return Problem(operation, {"input": r.special((*leading, *size))}, options, r.whole((*leading, *places)))


def max_pool_of_specials(operation: str, number: int) -> Iterator[Question]:
    """NaN wins, the last of several; of equal cells the first; a window of −∞ points at its first cell."""
    r = Random(f"{operation} of specials {number}")
    more = {"dilation": 1, "return_indices": number % 3 > 0}
    problem = _pool(operation, r, (1, 3) if number % 2 else (2, 1), more)
    if number % 4 == 0:
        problem = problem.changed(input=np.where(np.isnan(problem.input), 0, problem.input))  # ties, and infinities
    flag = "nan" if np.isnan(problem.input).any() else "ties"
    return both(problem, r.choice("float32", "float64", "float16"), True, flag, "infinities", level="conventions")


def max_pool_of_digits(operation: str, number: int) -> Iterator[Question]:
    """Numbers that only the last digit tells apart."""
    r = Random(f"{operation} of digits {number}")
    problem = _pool(operation, r, (1, 2), {"dilation": 1, "return_indices": True})
    step = 2.0**-50 if number % 2 else 2.0**-22
    problem = problem.changed(input=1 + step * r.distinct(problem.input.shape))
    return both(problem, "float64" if number % 2 else "float32", True, "one-digit-more", level="conventions")


def max_pool_of_integers(operation: str, number: int) -> Iterator[Question]:
    """Integers keep every digit; a padding of theirs never wins."""
    r = Random(f"{operation} of integers {number}")
    problem = _pool(operation, r, (1, 2), {"dilation": 1, "return_indices": True})
    shape = problem.input.shape
    cells = -(2**53) - np.array([r.below(9) for _ in range(problem.input.size)], np.int64).reshape(shape)
    problem = replace(problem, arrays={"input": cells})
    expected = output(problem, "float32", True)
    yield Question(operation, "conventions", "int64", problem.arrays, problem.options, expected, ("integers", "ties"))


def pool_of_nothing(operation: str) -> Iterator[Question]:
    """An empty batch has an empty output."""
    more = {"dilation": 1} if operation.startswith("max") else {"count_include_pad": True, "divisor_override": None}
    return by_the_references(_pool(operation, Random(operation), (0, 2), more), "float32", "empty")


def average_of_nan(operation: str, number: int) -> Iterator[Question]:
    """A NaN or infinity reaches exactly the windows that hold it."""
    r = Random(f"{operation} of nan {number}")
    problem = _pool(operation, r, (1, 2), {"count_include_pad": number % 2 > 0, "divisor_override": None, "padding": 0})
    problem = problem.changed(input=r.whole(problem.input.shape), ceil_mode=False)
    places: Any = reference.max_pool_output_size(problem.input.shape[2:], 2, problem.stride)
    value = (nan, inf, -inf)[number % 3]
    problem.input.reshape(-1)[number * 5 % problem.input.size] = value
    problem = problem.changed(grad_output=r.whole((1, 2, *places)))
    return by_the_references(problem, "float32", "nan" if value != value else "infinities")


def adaptive(operation: str, value: float | None) -> Iterator[Question]:
    """The same of adaptive windows, or an empty batch."""
    input = Random(operation).whole((1, 2, 4, 4)) if value is not None else np.zeros((0, 2, 4, 4))
    if value is not None:
        input[0, 1, 2, 1] = value
    problem = Problem(
        operation, {"input": input}, {"output_size": (2, 2)}, Random(operation).whole((len(input), 2, 2, 2))
    )
    return by_the_references(problem, "float32", "empty" if value is None else "nan")


def half_sums(operation: str) -> Iterator[Question]:
    """A mean whose sum leaves float16 is right all the same."""
    input = np.full((1, 1, 2, 2), 40000.0)
    options = {
        "kernel_size": 2,
        "stride": None,
        "padding": 0,
        "ceil_mode": False,
        "count_include_pad": True,
        "divisor_override": None,
    }
    problem = Problem(operation, {"input": input}, options, np.ones((1, 1, 1, 1)))
    expected: Mapping[str, Expected] = {
        "output": around(reals(np.full((1, 1, 1, 1), 40000.0)), np.full((1, 1, 1, 1), 16.0, object))
    }
    arrays = {"input": problem.at("float16").input}
    yield Question(operation, "conventions", "float16", arrays, options, expected, ("rounding", "large-numbers"))


_CONV: list[Maker] = [
    conv_of_nothing,
    *[partial(conv_of_nan, at=at, value=(nan, inf)[at % 2]) for at in range(10)],
    *[partial(conv_of_integers, number=number) for number in range(6)],
]
_MAX_POOL: list[Maker] = [
    *[partial(max_pool_of_specials, number=number) for number in range(40)],
    pool_of_nothing,
    *[partial(max_pool_of_digits, number=number) for number in range(10)],
]
_INTEGERS: list[Maker] = [partial(max_pool_of_integers, number=number) for number in range(5)]
MAKERS: dict[str, list[Maker]] = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), _CONV),
    "max_pool1d": _MAX_POOL,
    "max_pool2d": [*_MAX_POOL, *_INTEGERS],
    "max_pool3d": [*_MAX_POOL, *_INTEGERS],
    "avg_pool2d": [pool_of_nothing, *[partial(average_of_nan, number=number) for number in range(8)], half_sums],
    "adaptive_avg_pool2d": [partial(adaptive, value=value) for value in (None, nan)],
}
