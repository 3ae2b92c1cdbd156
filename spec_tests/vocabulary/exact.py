"""The exact result of a problem and the bound around it: the references in float64, and `bounds` for their distance."""

from collections.abc import Callable
from functools import cache, partial
from math import prod
from typing import Any

import numpy as np

import reference
from spec_tests.vocabulary import bounds, formulas, transforms
from spec_tests.vocabulary.bounds import Approximation, Rounded
from spec_tests.vocabulary.compare import assert_equal, assert_within
from spec_tests.vocabulary.formats import Format
from spec_tests.vocabulary.problems import Problem
from spec_tests.vocabulary.subject import GRADIENTS

Formula = Callable[[Format], Rounded]

ONE_KERNEL = ("sigmoid", "tanh", "batch_norm")
"""Layers computed in one go, halves in float32. A softmax may store its powers, a gradient starts from an output."""


def forward(problem: Problem, dtype: str) -> Approximation:
    """Return the output of a problem at this format."""
    wide = problem.at("float64")
    exact = np.asarray(wide.forward(reference))
    if _adds_products(problem):
        magnitudes: Any = abs(_absolute(wide).forward(reference))  # a divisor may be negative
        return Approximation(exact, bounds.sum_bound(exact, magnitudes, _terms(problem)[0], dtype))
    stored = problem.operation not in ONE_KERNEL or dtype not in ("float16", "bfloat16")
    return bounds.formula(_forward_formula(wide), exact, dtype, stored)


def backward(problem: Problem, dtype: str, partial_sums_stored: bool = False) -> tuple[Approximation | None, ...]:
    """Return the gradients of a problem at this format, None where there is none.

    `partial_sums_stored` allows those of a convolution to round partial sums to the format (a known deviation).
    """
    wide = problem.at("float64")
    exact = _tuple(wide.backward(reference))
    if _adds_products(problem):
        magnitudes: Any = [None if m is None else abs(m) for m in _tuple(_absolute(wide).backward(reference))]
        rounds = partial_sums_stored and _is_conv(problem) and dtype in ("float16", "bfloat16")
        stored = _partial_sums(problem) if rounds else (0,) * len(exact)
        return tuple(
            None if grad is None else Approximation(grad, bounds.sum_bound(grad, magnitude, terms, dtype, times))
            for grad, magnitude, terms, times in zip(exact, magnitudes, _terms(problem)[1:], stored, strict=True)
        )
    evaluated = _backward_formulas(wide)
    return tuple(
        None if grad is None else bounds.formula(evaluate, grad, dtype)
        for grad, evaluate in zip(exact, evaluated, strict=True)
    )


def assert_rounds_within_its_bound(problem: Problem, subject: Any, dtype: str) -> None:
    """Require the subject's output within the bound of the exact one."""
    problem = problem.at(dtype)
    exact = transforms.bound(forward(problem, dtype), "output", problem, subject, dtype)
    assert_within(problem.forward(subject.at(dtype)), exact, dtype)


def assert_gradients_round_within_their_bounds(problem: Problem, subject: Any, dtype: str) -> None:
    """Require each of the subject's gradients within the bound of the exact one."""
    problem = problem.at(dtype)
    stored = "half-conv-gradients" in subject.deviations
    exact = backward(problem, dtype, partial_sums_stored=stored)
    found = _tuple(problem.backward(subject.at(dtype)))
    for argument, grad, gradient in zip(GRADIENTS[problem.operation], found, exact, strict=True):
        if gradient is None:
            assert grad is None, "there is a gradient where there can be none"
        else:
            assert_within(grad, transforms.bound(gradient, argument, problem, subject, dtype), dtype)


def assert_gradients_equal(actual: Any, expected: Any) -> None:
    """Require the same gradients, exactly, and None in the same places."""
    for one, other in zip(_tuple(actual), _tuple(expected), strict=True):
        if other is None:
            assert one is None, "there is a gradient where there can be none"
        else:
            assert_equal(one, other)


def _is_conv(problem: Problem) -> bool:
    return problem.operation in ("conv1d", "conv2d", "conv3d")


def _tuple(grads: Any) -> tuple[Any, ...]:
    return grads if isinstance(grads, tuple) else (grads,)


def _adds_products(problem: Problem) -> bool:
    return _is_conv(problem) or problem.operation in ("linear", "avg_pool2d", "adaptive_avg_pool2d")


def _absolute(problem: Problem) -> Problem:
    arrays = {name: None if value is None else abs(value) for name, value in problem.arrays.items()}
    return problem.changed(**arrays, grad_output=abs(problem.grad_output))


def _terms(problem: Problem) -> tuple[int, ...]:
    """Return how many products an element of the output, and of each gradient, adds up; a bias is one more."""
    if problem.operation.endswith("avg_pool2d"):
        return _terms_of_average(problem)
    weight, grad_output = problem.weight, problem.grad_output
    if problem.operation == "linear":
        outs = len(weight) if weight.ndim == 2 else 1
        rows = grad_output.size // outs
        return weight.shape[-1] + 1, outs, rows, rows
    taps = prod(weight.shape[2:])
    places = grad_output.size // weight.shape[0]  # and images
    return taps * weight.shape[1] + 1, taps * (weight.shape[0] // problem.groups), places, places


def _terms_of_average(problem: Problem) -> tuple[int, int]:
    """Return the cells of a window and the windows of a cell, at most; dividing rounds once, or once for each axis."""
    if problem.operation == "avg_pool2d":
        kernel = np.broadcast_to(problem.kernel_size, 2).tolist()
        stride = kernel if problem.stride is None else np.broadcast_to(problem.stride, 2).tolist()
        return prod(kernel) + 1, prod(-(-k // s) for k, s in zip(kernel, stride, strict=True)) + 1
    sizes = list(zip(problem.input.shape[-2:], problem.grad_output.shape[-2:], strict=True))
    cells = prod(h // n + 2 * (h % n > 0) for h, n in sizes)  # an end may lie within a cell, and the other one too
    return cells + 1, prod(n // h + 2 * (n % h > 0) for h, n in sizes) + 1


def _partial_sums(problem: Problem) -> tuple[int, int, int]:
    """Return how often a share of a convolution's gradients is rounded if taps (or images) are added up one by one."""
    taps = prod(problem.weight.shape[2:])
    images = len(problem.input) if problem.input.ndim == problem.weight.ndim else 1
    return taps + 1, images + 1, images + 1


def _forward_formula(problem: Problem) -> Formula:
    operation = problem.operation
    if operation in ("l1_loss", "mse_loss"):
        return lambda kind: formulas.regression_loss(problem, kind)
    if operation in ("nll_loss", "cross_entropy"):
        return lambda kind: formulas.class_loss(problem, kind)
    if operation == "batch_norm":
        return lambda kind: formulas.batch_norm(problem, kind)
    function: Callable[..., Rounded] = getattr(formulas, operation)
    return lambda kind: function(problem.input, **problem.options, kind=kind)


def _backward_formulas(problem: Problem) -> tuple[Formula, ...]:
    operation = problem.operation
    if operation in ("l1_loss", "mse_loss"):
        return _each_of(formulas.regression_loss_backward, problem, 3)
    if operation in ("nll_loss", "cross_entropy"):
        return _each_of(formulas.class_loss_backward, problem, 1 if operation == "nll_loss" else 3)
    if operation == "batch_norm":
        return _each_of(formulas.batch_norm_backward, problem, 3)
    function: Callable[..., Rounded] = getattr(formulas, f"{operation}_backward")
    return (lambda kind: function(problem.grad_output, problem.input, **problem.options, kind=kind),)


def _each_of(
    formula: Callable[[Problem, Format], tuple[Any, ...]], problem: Problem, count: int
) -> tuple[Formula, ...]:
    """Return the gradients of a formula one by one; it is evaluated once for each format."""
    evaluated = cache(partial(formula, problem))

    def ith(i: int, kind: Format) -> Rounded:
        gradient: Rounded = evaluated(kind)[i]
        return gradient

    return tuple(partial(ith, i) for i in range(count))
