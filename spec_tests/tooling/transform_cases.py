"""The search for the largest errors of convolutions that transform, to see how near to them the bounds lie.

    python -m spec_tests.tooling.transform_cases 100000

tries so many 3×3 convolutions of each transform in float32, random ones and adverse ones, and prints the largest error
of each kind as a share of its bound. Half of the cases are new: numbers of one sign, signs that follow the rows of the
transforms, waves, equal cells, equal channels, one huge cell, great ratios between neighbours. The others are changes
of the worst case so far, of which the worst is changed again.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from spec_tests.subjects.reference import Namespace
from spec_tests.transforming.fft import Fft
from spec_tests.transforming.transforming import Transforming
from spec_tests.transforming.winograd import Winograd
from spec_tests.vocabulary import exact, transforms
from spec_tests.vocabulary.problems import Array, Problem, real_numbers

Numbers = Callable[[np.random.Generator, tuple[int, ...]], Array]

TOGETHER = 32
"""Cases that are computed at once, each a group of one convolution."""


def one_sign(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Fill with positive numbers: sums grow, and round the same way."""
    return rng.random(shape) + rng.integers(2)


def equal_cells(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Fill every plane with one number: a single frequency."""
    return np.broadcast_to(rng.standard_normal((*shape[:-2], 1, 1)), shape).copy()


def equal_channels(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Fill all planes alike, so that their errors are equal, too."""
    return np.broadcast_to(rng.standard_normal(shape[-2:]), shape).copy()


def one_huge_cell(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Make one cell of every plane up to 2^23 times as large as the others."""
    numbers = rng.standard_normal((*shape[:-2], shape[-2] * shape[-1]))
    numbers[..., rng.integers(numbers.shape[-1])] *= 2.0 ** rng.integers(5, 24)
    return numbers.reshape(shape)


def great_ratios(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Make every other cell up to 2^23 times as small as its neighbours."""
    rows, columns = np.indices(shape[-2:])
    return rng.standard_normal(shape) * np.where((rows + columns) % 2, 1, 2.0 ** -rng.integers(1, 24))


def rows_of_transforms(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Give every plane the signs of two rows of a transform, so that its sums are of one sign."""
    matrix = np.sign(transforms.G if shape[-2:] == (3, 3) else transforms.B_T)
    rows, columns = (matrix[rng.integers(len(matrix), size=shape[:-2])] for _ in "rc")
    i, j = ((np.arange(h) + rng.integers(4)) % matrix.shape[1] for h in shape[-2:])
    signs = rows[..., i, np.newaxis] * columns[..., np.newaxis, j]
    return np.where(signs == 0, 1, signs) * (1 + rng.random(shape) * rng.choice([0, 0.1, 1]))


def waves(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Fill every plane with a wave that comes round in 2 to 16 cells: a pair of frequencies."""
    i, j = np.indices(shape[-2:])
    length, phase = 2.0 ** rng.integers(1, 5), rng.random((*shape[:-2], 1, 1))
    a, b = (rng.integers(0, int(length), (*shape[:-2], 1, 1)) for _ in "ab")
    return np.asarray(np.cos(2 * np.pi * ((a * i + b * j) / length + phase)))


FILLS: tuple[Numbers, ...] = (
    lambda rng, shape: rng.standard_normal(shape),
    real_numbers,
    one_sign,
    equal_cells,
    equal_channels,
    one_huge_cell,
    great_ratios,
    rows_of_transforms,
    waves,
)


def new_cases(rng: np.random.Generator) -> Problem:
    """Return convolutions of one to 32 channels and images of 1 to 13 cells along an axis, each a group of one."""
    channels, images = int(rng.choice([1, 1, 1, 2, 3, 8, 32])), int(rng.choice([1, 1, 2]))
    padding = rng.integers(0, 3, 2)
    size = np.maximum(rng.integers(1, 14, 2), 3 - 2 * padding)
    fills = [FILLS[i] for i in rng.integers(len(FILLS), size=3)]
    arrays = {
        "input": fills[0](rng, (images, TOGETHER * channels, *size)),
        "weight": fills[1](rng, (TOGETHER, channels, 3, 3)),
        "bias": None,
    }
    options = {"stride": 1, "padding": tuple(padding.tolist()), "dilation": 1, "groups": TOGETHER}
    return Problem("conv2d", arrays, options, fills[2](rng, (images, TOGETHER, *(size + 2 * padding - 2))))


def changed_cases(rng: np.random.Generator, problem: Problem, case: int) -> Problem:
    """Return one of the cases, and others that differ from it here and there."""
    channels = problem.weight.shape[1]
    input = np.tile(problem.input[:, case * channels :][:, :channels], (1, TOGETHER, 1, 1))
    weight = np.tile(problem.weight[case : case + 1], (TOGETHER, 1, 1, 1))
    grad_output = np.tile(problem.grad_output[:, case : case + 1], (1, TOGETHER, 1, 1))
    for array, first in ((input, np.s_[:, :channels]), (weight, np.s_[:1]), (grad_output, np.s_[:, :1])):
        kept = array[first].copy()
        array[...] = _changed(rng, array)
        array[first] = kept
    return problem.changed(input=input, weight=weight, grad_output=grad_output)


def _changed(rng: np.random.Generator, array: Array) -> Array:
    """Turn, stretch or replace some numbers, or shift all in their last digits."""
    here = rng.random(array.shape) < rng.choice([0.02, 0.1, 0.3])
    ways: list[Callable[[], Any]] = [
        lambda: np.where(here, -array, array),
        lambda: np.where(here, array * (1 + 0.2 * rng.standard_normal(array.shape)), array),
        lambda: np.where(here, rng.standard_normal(array.shape), array),
        lambda: array * (1 + rng.standard_normal(array.shape) * 2.0 ** -rng.integers(3, 22)),
    ]
    return np.asarray(ways[rng.integers(len(ways))]())


def shares(convolutions: Transforming, problem: Problem, of: str) -> Array:
    """Return the largest error of each case as a share of its bound, `of` the output or an argument's gradient."""
    subject = Namespace("", convolutions.transforms, convolutions.calls, **convolutions.functions())
    at = ("input", "weight", "output").index(of)
    found = (*problem.backward(subject)[:2], problem.forward(subject))[at]
    expected = (*exact.backward(problem, "float32")[:2], exact.forward(problem, "float32"))[at]
    assert expected is not None
    bound = transforms.bound(expected, of, problem, subject, "float32").bound
    ratios = abs(found.astype(np.float64) - expected.exact) / bound
    by_case = ratios if of == "weight" else np.moveaxis(ratios, 1, 0)
    return by_case.reshape(TOGETHER, -1).max(1)


@dataclass
class Worst:
    """The largest share that was found, and the case."""

    share: float
    problem: Problem
    case: int


def search(convolutions: Transforming, of: str, cases: int, seed: int = 0) -> Worst:
    """Search so many cases for the one that comes nearest to its bound."""
    rng, found = np.random.default_rng(seed), Worst(0, new_cases(np.random.default_rng(seed)), 0)
    here = found
    for tried in range(0, cases, TOGETHER):
        climbing = tried // TOGETHER % 64 >= 32  # each climb starts from the worst of the new cases before it
        problem = (changed_cases(rng, here.problem, here.case) if climbing else new_cases(rng)).at("float32")
        by_case = shares(convolutions, problem, of)
        case = int(by_case.argmax())
        if tried // TOGETHER % 64 == 0 or by_case[case] > here.share:
            here = Worst(float(by_case[case]), problem, case)
        found = max(found, here, key=lambda worst: worst.share)
    return found


def main(cases: int) -> None:
    """Search each transform, and print what was found."""
    for convolutions in (Fft(), Winograd()):
        for of in ("output", "input", "weight"):
            worst = search(convolutions, of, cases)
            _, channels, rows, columns = worst.problem.input.shape
            size = f"{rows}×{columns}, {channels // TOGETHER} channels"
            print(f"{convolutions.transform:13} {of:7} {worst.share:.3f} of the bound, with {size}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]))
