"""Activations, softmax and cross entropy."""

from typing import Any

import numpy as np

from reference.checks import Array
from spec_tests.tooling.hands.draws import Check, draws, rounds_to
from spec_tests.vocabulary import exact
from spec_tests.vocabulary.problems import Problem, real_numbers

# Activations


def _with_zero(rng: np.random.Generator) -> Array:
    """Draw one number: of several magnitudes, now and then 0, where relu has its kink, or large."""
    return rng.choice([real_numbers(rng, ()).item(), 0.0, 100 * rng.standard_normal()], 1, p=[0.8, 0.05, 0.15])


def _of_one(answer_of: Check) -> Check:
    return lambda answer: answer_of([answer])


@draws("activations.relu", "relu")
@draws("activations.sigmoid", "sigmoid")
@draws("activations.tanh", "tanh")
def _activation(rng: np.random.Generator, operation: str) -> Any:
    problem = Problem(operation, {"input": _with_zero(rng)}, {}, np.ones(1))
    return [problem.input.item()], _of_one(rounds_to(exact.forward(problem, "float64")))


@draws("activationGradients.relu", "relu")
@draws("activationGradients.sigmoid", "sigmoid")
@draws("activationGradients.tanh", "tanh")
def _activation_gradient(rng: np.random.Generator, operation: str) -> Any:
    problem = Problem(operation, {"input": _with_zero(rng)}, {}, real_numbers(rng, (1,)))
    (gradient,) = exact.backward(problem, "float64")
    assert gradient is not None
    return [problem.grad_output.item(), problem.input.item()], _of_one(rounds_to(gradient))


# Softmax and cross entropy


def _scores(rng: np.random.Generator, samples: int) -> Array:
    """Draw scores (samples, classes), some of them so far apart that a softmax rounds to 0."""
    return real_numbers(rng, (samples, int(rng.integers(1, 6)))) * rng.choice([1.0, 200.0], p=[0.8, 0.2])


@draws("softmax", "softmax")
@draws("logSoftmax", "log_softmax")
def _softmax(rng: np.random.Generator, operation: str) -> Any:
    scores = _scores(rng, 1)[0]
    problem = Problem(operation, {"input": scores}, {"dim": 0}, np.ones(scores.shape))
    return [scores.tolist()], rounds_to(exact.forward(problem, "float64"))


def cross_entropies(rng: np.random.Generator, samples: int) -> Problem:
    """Draw the mean cross entropy of so many samples."""
    scores = _scores(rng, samples)
    arrays = {"input": scores, "target": rng.integers(0, scores.shape[1], samples), "weight": None}
    options = {"ignore_index": -100, "reduction": "mean", "label_smoothing": 0.0}
    return Problem("cross_entropy", arrays, options, np.array(1.0))


@draws("crossEntropy")
def _cross_entropy(rng: np.random.Generator) -> Any:
    problem = cross_entropies(rng, 1)
    return [problem.input[0].tolist(), problem.target.item()], rounds_to(exact.forward(problem, "float64"))


@draws("meanCrossEntropy")
def _mean_cross_entropy(rng: np.random.Generator) -> Any:
    problem = cross_entropies(rng, int(rng.integers(1, 5)))
    return [problem.input.tolist(), problem.target.tolist()], rounds_to(exact.forward(problem, "float64"))


@draws("meanCrossEntropyGradient")
def _mean_cross_entropy_gradient(rng: np.random.Generator) -> Any:
    problem = cross_entropies(rng, int(rng.integers(1, 5)))
    gradient, *_ = exact.backward(problem, "float64")
    assert gradient is not None
    return [problem.input.tolist(), problem.target.tolist()], rounds_to(gradient)
