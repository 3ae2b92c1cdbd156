"""A large case: a problem of a certain size, to be filled with numbers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from spec_tests.vocabulary.problems import Numbers, Problem, whole_numbers

Shape = tuple[int, ...]
Cases = Mapping[str, "LargeCase"]


@dataclass(frozen=True)
class LargeCase:
    """A problem of a certain size, to be filled with numbers."""

    fill: Callable[[np.random.Generator, Numbers], Problem]
    exact: bool = False
    """Whether nothing rounds in it, in float32 and float64, if the numbers are whole: not the gradients either."""

    def problem(self, numbers: Numbers) -> Problem:
        """Return the problem, its arrays filled with such numbers, the same ones in every run."""
        return self.fill(np.random.default_rng(0), numbers)

    @property
    def whole(self) -> Problem:
        """The problem in whole numbers."""
        return self.problem(whole_numbers)


def one_array(
    operation: str, shape: Shape, options: dict[str, Any], exact: bool = True, out: Shape | None = None
) -> LargeCase:
    """A call with the input alone; `out` is the output's shape where it is another one."""

    def fill(rng: np.random.Generator, numbers: Numbers) -> Problem:
        return Problem(operation, {"input": numbers(rng, shape)}, dict(options), numbers(rng, out or shape))

    return LargeCase(fill, exact)
