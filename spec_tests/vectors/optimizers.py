"""Questions about optimizers: one step from a drawn state, its exact result by the formulas of `reference.optim`."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from spec_tests.vectors.exact import Expected, around
from spec_tests.vectors.question import Question
from spec_tests.vectors.randomness import Random
from spec_tests.vectors.real import Objects, Real, reals
from spec_tests.vocabulary import optimizer_bounds
from spec_tests.vocabulary.bounds import Rounded
from spec_tests.vocabulary.formats import FORMATS
from spec_tests.vocabulary.operations.optimizers import BETAS, DECAY, EPS
from spec_tests.vocabulary.problems import Array

Step = Callable[..., tuple[Objects, dict[str, Objects]]]
State = Mapping[str, Any]


# The steps, in numbers of many digits


def _direction(param: Objects, grad: Objects, weight_decay: Any, maximize: bool) -> Objects:
    return np.asarray((-grad if maximize else grad) + param * weight_decay)


def sgd(
    param: Objects,
    grad: Objects,
    state: State,
    *,
    lr: Any,
    momentum: Any,
    dampening: Any,
    weight_decay: Any,
    nesterov: bool,
    maximize: bool,
) -> tuple[Objects, dict[str, Objects]]:
    """b ← μ·b + (1 − τ)·g, p ← p − η·b, or with Nesterov's look ahead p − η·(g + μ·b)."""
    grad = _direction(param, grad, weight_decay, maximize)
    if momentum == 0:
        return param - grad * lr, {}
    buffer = grad
    if "momentum_buffer" in state:
        buffer = state["momentum_buffer"] * momentum + grad * (1 - dampening)
    return param - (grad + buffer * momentum if nesterov else buffer) * lr, {"momentum_buffer": buffer}


def adam(
    param: Objects,
    grad: Objects,
    state: State,
    *,
    lr: Any,
    betas: Any,
    eps: Any,
    weight_decay: Any,
    amsgrad: bool,
    maximize: bool,
    decoupled: bool = False,
) -> tuple[Objects, dict[str, Objects]]:
    """p ← p − η · m̂ / (√v̂ + ε); `decoupled`, p is first made smaller by η·λ·p."""
    grad = _direction(param, grad, 0 if decoupled else weight_decay, maximize)
    if decoupled:
        param = param - param * (lr * weight_decay)
    number = state.get("step", 0) + 1
    mean = state.get("exp_avg", 0) * betas[0] + grad * (1 - betas[0])
    square = state.get("exp_avg_sq", 0) * betas[1] + grad * grad * (1 - betas[1])
    after = {"exp_avg": mean, "exp_avg_sq": square}
    if amsgrad:
        after["max_exp_avg_sq"] = square = np.maximum(state.get("max_exp_avg_sq", square), square)
    first, second = (1 - beta**number for beta in betas)
    return param - mean / first * lr / (np.sqrt(square / second) + eps), after


def rmsprop(
    param: Objects,
    grad: Objects,
    state: State,
    *,
    lr: Any,
    alpha: Any,
    eps: Any,
    weight_decay: Any,
    momentum: Any,
    centered: bool,
    maximize: bool,
) -> tuple[Objects, dict[str, Objects]]:
    """s ← α·s + (1 − α)·g², b ← μ·b + g / (√s + ε), p ← p − η·b; centered, s less the square of the mean."""
    grad = _direction(param, grad, weight_decay, maximize)
    after = {"square_avg": state.get("square_avg", 0) * alpha + grad * grad * (1 - alpha)}
    variance = after["square_avg"]
    if centered:
        after["grad_avg"] = state.get("grad_avg", 0) * alpha + grad * (1 - alpha)
        variance = variance - after["grad_avg"] * after["grad_avg"]
    way = grad / (np.sqrt(variance) + eps)
    if momentum > 0:
        after["momentum_buffer"] = way = state.get("momentum_buffer", 0) * momentum + way
    return param - way * lr, after


def adagrad(
    param: Objects,
    grad: Objects,
    state: State,
    *,
    lr: Any,
    lr_decay: Any,
    weight_decay: Any,
    initial_accumulator_value: Any,
    eps: Any,
    maximize: bool,
) -> tuple[Objects, dict[str, Objects]]:
    """s ← s + g², p ← p − η / (1 + (t − 1)·decay) · g / (√s + ε)."""
    grad = _direction(param, grad, weight_decay, maximize)
    squares = state.get("sum", initial_accumulator_value) + grad * grad
    rate = lr / (1 + state.get("step", 0) * lr_decay)
    return param - grad * rate / (np.sqrt(squares) + eps), {"sum": squares}


STEPS: dict[str, Step] = {
    "sgd": sgd,
    "adam": adam,
    "adamw": partial(adam, decoupled=True),
    "rmsprop": rmsprop,
    "adagrad": adagrad,
}


# What is drawn


def _options(r: Random, name: str) -> dict[str, Any]:
    lr, decay, eps, maximize = r.choice(0.25, 0.1, 1e-3), r.choice(*DECAY), r.choice(*EPS), r.chance(3)
    common = {"lr": lr, "weight_decay": decay, "maximize": maximize}
    if name == "sgd":
        nesterov = r.chance(3)
        momentum = r.choice(0.5, 0.9) if nesterov else r.choice(0, 0.5, 0.9)
        return {
            **common,
            "momentum": momentum,
            "dampening": 0 if nesterov else r.choice(0, 0.1, 0.25),
            "nesterov": nesterov,
        }
    if name in ("adam", "adamw"):
        return {**common, "betas": r.choice(*BETAS), "eps": eps, "amsgrad": r.chance(2)}
    if name == "rmsprop":
        more = {"alpha": r.choice(0.99, 0.5, 0.75), "momentum": r.choice(0, 0.5), "centered": r.chance(3)}
        return {**common, "eps": eps, **more}
    more = {"lr_decay": r.choice(0, 0.1, 1), "initial_accumulator_value": r.choice(0, 0.1)}
    return {**common, "eps": eps, **more}


def _state(r: Random, name: str, options: dict[str, Any], shape: tuple[int, ...], dtype: str) -> dict[str, Any]:
    """Draw what earlier steps may have left; a mean of squares is above the square of the mean."""
    mean, above = r.real(shape, dtype, 1) / 4, abs(r.real(shape, dtype, 1)) + 2
    above = above.astype(FORMATS[dtype].arrays).astype(np.float64)
    if name == "sgd":
        return {"momentum_buffer": mean} if options["momentum"] else {}
    state: dict[str, Any] = {"step": r.integer(1, 9)}
    if name in ("adam", "adamw"):
        more = {"max_exp_avg_sq": above * r.choice(0.5, 1, 2)} if options["amsgrad"] else {}
        return {**state, "exp_avg": mean, "exp_avg_sq": above, **more}
    if name == "adagrad":
        return {**state, "sum": above}
    state["square_avg"] = above
    if options["centered"]:
        state["grad_avg"] = mean
    if options["momentum"]:
        state["momentum_buffer"] = -mean
    return state


def step(r: Random, name: str) -> Iterator[Question]:
    """Draw a first step, or one from a state."""
    dtype, shape = r.choice("float32", "float32", "float64"), r.sizes(r.choice(1, 1, 2), 1, 4)
    options = _options(r, name)
    param, grad = r.real(shape, dtype, 1), r.real(shape, dtype, 2)
    state = {} if r.chance(3) else _state(r, name, options, shape, dtype)
    if not state and options.get("centered"):
        options["centered"] = False  # at the first step all of the variance may cancel
    yield _question(name, dtype, param, grad, state, options)


def _question(
    name: str, dtype: str, param: Array, grad: Array, state: dict[str, Any], options: dict[str, Any]
) -> Question:
    held = FORMATS[dtype].arrays
    arrays = {name: value for name, value in state.items() if name != "step"}
    flags = ["rounding", "first-step" if not state else "later-step"]
    flags += [
        option.replace("_", "-") for option in ("nesterov", "amsgrad", "centered", "maximize") if options.get(option)
    ]
    flags += ["weight-decay"] * bool(options["weight_decay"]) + ["momentum"] * bool(options.get("momentum"))
    return Question(
        name,
        "values",
        dtype,
        {
            "param": param.astype(held),
            "grad": grad.astype(held),
            **{f"state.{name}": value.astype(held) for name, value in arrays.items()},
        },
        {**options, "step": state.get("step")},
        _expected(name, dtype, param, grad, state, options),
        tuple(flags),
    )


def _expected(
    name: str, dtype: str, param: Array, grad: Array, state: State, options: dict[str, Any]
) -> dict[str, Expected]:
    wide_state = {name: value if name == "step" else reals(value) for name, value in state.items()}
    wide_options = {
        name: tuple(map(Real, value)) if isinstance(value, tuple) else value if isinstance(value, bool) else Real(value)
        for name, value in options.items()
    }
    exact = STEPS[name](reals(param), reals(grad), wide_state, **wide_options)
    fmt = FORMATS[dtype]
    rounded_state = {
        name: value if name == "step" else Rounded.exactly(value, fmt) for name, value in wide_state.items()
    }
    rounds = getattr(optimizer_bounds, name)
    bounded = rounds(Rounded.exactly(reals(param), fmt), reals(grad), rounded_state, **options)
    expected: dict[str, Expected] = {"param": around(exact[0], bounded[0].error)}
    for key, value in exact[1].items():
        expected[f"state.{key}"] = around(value, bounded[1][key].error)
    return expected
