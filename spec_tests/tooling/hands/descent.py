"""Optimizers and their paths down a bowl."""

from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np

from reference import optim
from reference.checks import Array
from spec_tests.tooling.hands.draws import draws, equals, rounds_to, same
from spec_tests.vocabulary.bounds import REFERENCE, Rounded, formula
from spec_tests.vocabulary.formats import Format
from spec_tests.vocabulary.optimizer_bounds import bound_steps
from spec_tests.vocabulary.problems import real_numbers


def _options(rng: np.random.Generator, optimizer: str) -> dict[str, Any]:
    """Draw options as the references take them."""
    lr = float(rng.choice([0.001, 0.01, 0.15, 0.5, 1.0]))
    if optimizer == "sgd":
        return {"lr": lr, "momentum": float(rng.choice([0.0, 0.5, 0.9]))}
    betas = [(0.9, 0.999), (0.5, 0.75), (0.75, 0.875), (0.0, 0.99)]
    return {"lr": lr, "betas": betas[rng.integers(len(betas))], "eps": float(rng.choice([1e-8, 0.125]))}


def _in_javascript(options: dict[str, Any]) -> dict[str, Any]:
    if "betas" not in options:
        return options
    beta1, beta2 = options["betas"]
    return {"lr": options["lr"], "beta1": beta1, "beta2": beta2, "eps": options["eps"]}


def _as_arrays(state: dict[str, Any]) -> dict[str, Any]:
    return {name: value if name == "step" else np.array(value) for name, value in state.items()}


def check_step(
    optimizer: str, options: dict[str, Any], param: Array, grad: Array, state: dict[str, Any], after: dict[str, Any]
) -> None:
    """Require the parameter and the state after a step within the bounds of that step."""
    expected, states = bound_steps(optimizer, param, [grad], state, options, "float64")
    rounds_to(expected)(after["param"])
    assert after["state"].keys() == states.keys()
    for name, value in states.items():
        (same if name == "step" else rounds_to)(value)(after["state"][name])


@draws("steps.sgd", "sgd")
@draws("steps.adam", "adam")
def _step(rng: np.random.Generator, optimizer: str) -> Any:
    options, size = _options(rng, optimizer), (int(rng.integers(1, 5)),)
    param, state = real_numbers(rng, size), dict[str, Any]()
    for _ in range(int(rng.integers(0, 4))):  # so that the state is one that occurs
        param, state = getattr(optim, optimizer)(param, real_numbers(rng, size), state, **options)
    grad = real_numbers(rng, size)
    given = {name: value if name == "step" else value.tolist() for name, value in state.items()}
    check = partial(check_step, optimizer, options, param, grad, state)
    return [param.tolist(), grad.tolist(), given, _in_javascript(options)], check


def _bowl(rng: np.random.Generator) -> dict[str, Any]:
    size = int(rng.integers(1, 4))
    return {"minimum": real_numbers(rng, (size,)).tolist(), "steepness": rng.uniform(0.5, 20, size).tolist()}


@draws("bowlGradient")
def _bowl_gradient(rng: np.random.Generator) -> Any:
    bowl = _bowl(rng)
    param = real_numbers(rng, (len(bowl["minimum"]),))
    return [bowl, param.tolist()], equals(_slope(bowl, param))


@draws("bowlHeight")
def _bowl_height(rng: np.random.Generator) -> Any:
    bowl = _bowl(rng)
    param = real_numbers(rng, (len(bowl["minimum"]),))

    def height(fmt: Format) -> Rounded:
        away = Rounded.exactly(param, fmt) - np.array(bowl["minimum"])
        return (away * away * np.array(bowl["steepness"]) / 2).sum()

    return [bowl, param.tolist()], rounds_to(formula(height, height(REFERENCE).value, "float64"))


@draws("path", "sgd")
def _path(rng: np.random.Generator, _: str) -> Any:
    optimizer = str(rng.choice(["sgd", "adam"]))
    options, bowl, count = _options(rng, optimizer), _bowl(rng), int(rng.integers(0, 5))
    start = real_numbers(rng, (len(bowl["minimum"]),))

    def check(answer: Any) -> None:
        """Require that every step follows from the place before it, as the page says that it is."""
        assert len(answer) == count + 1
        assert answer[0] == {"param": start.tolist(), "state": {}}
        for before, after in pairwise(answer):
            param = np.array(before["param"])
            check_step(optimizer, options, param, _slope(bowl, param), _as_arrays(before["state"]), after)

    return [optimizer, _in_javascript(options), bowl, start.tolist(), count], check


def _slope(bowl: dict[str, Any], param: Array) -> Array:
    return np.array(bowl["steepness"]) * (param - np.array(bowl["minimum"]))


@draws("largestRate")
def _largest_rate(rng: np.random.Generator) -> Any:
    bowl, momentum = _bowl(rng), float(rng.uniform(0, 0.95))

    def check(answer: float) -> None:
        """Require that steps shrink at a rate just below, and grow just above."""
        assert (
            _growth(bowl["steepness"], 0.99 * answer, momentum)
            < 1
            < _growth(bowl["steepness"], 1.01 * answer, momentum)
        )

    return [bowl, momentum], check


def _growth(steepness: list[float], lr: float, momentum: float) -> float:
    """Return the spectral radius of a step of SGD: (x, b) -> (x − lr·(momentum·b + s·x), momentum·b + s·x)."""
    step = [np.array([[1 - lr * s, -lr * momentum], [s, momentum]]) for s in steepness]
    return float(max(abs(np.linalg.eigvals(matrix)).max() for matrix in step))
