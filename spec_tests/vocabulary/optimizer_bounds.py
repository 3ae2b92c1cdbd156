"""How far a step of an optimizer may be from the exact one: the steps of `reference.optim`, on `Rounded` numbers.

A step takes and returns numbers with a bound on their error, for the parameter and for the state. So a trace of many
steps carries its errors along, and cancellation (a centered variance, a momentum turning round) widens its bound by
itself. Each step is written down in the widest of the orders that the references and torch's loop, `foreach` and
`fused` implementations use:

    average      keep·old + (1 − keep)·new, or torch's `lerp`: old + (1 − keep)·(new − old), which for 1 − keep from one
                 half on is new − (new − old)·(1 − (1 − keep))
    way          (lr·n) / d; for Adam (lr / (1 − β₁ᵗ))·m / d, or lr·(m / (1 − β₁ᵗ)) / d
    quotient     by a number of double precision: division, or as on GPUs multiplication by the inverse

A fused multiply-add rounds once where this rounds twice; signs and maxima do not round. (Not covered: fused Adam on
CUDA, which computes (1 − β)·g as g − β·g and so counts an error of β up to 1 / (1 − β) times.)

Hyperparameters are double precision in Python and in torch's kernels. So 1 − β, 1 − βᵗ, its root, 1 − lr·λ and lr / …
are computed there, with that roundoff, and rounded to the format when they meet an array. 1 − βᵗ cancels: an error of
βᵗ counts 1 / (1 − βᵗ) times. A power with no more than 53 bits is exact, any other within `POWER_ULPS`. torch counts
steps in float32, without error up to 2²⁴ of them.

Nothing here may be 0 / 0: where eps is 0, no gradient may be 0. A root needs a variance that stays above its error. A
mean of squares does: its terms do not cancel. A centered one is at least αᵗ of that mean, for the weights of an average
add up to 1 − αᵗ, and (Σ w·g)² <= Σ w · Σ w·g²; so α = 1/2 and six steps cost at most 6 of the format's digits.
"""

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from functools import cache, partial
from typing import Any, TypeAlias

import numpy as np

import reference
from spec_tests.vocabulary.bounds import REFERENCE, Approximation, Floats, Rounded
from spec_tests.vocabulary.formats import FORMATS, Format

_THIS = sys.modules[__name__]

POWER_ULPS = 1
"""What the C library's `pow` may be off by in double precision: glibc documents 1 ulp."""

State: TypeAlias = Mapping[str, Any]
Run: TypeAlias = Callable[[Any, Callable[[Floats], Any]], tuple[Mapping[str, Any], Mapping[str, State]]]
"""Steps of a namespace's optimizers, from arrays made into its numbers: the parameters and states behind them."""


def bound_run(run: Run, dtype: str) -> tuple[dict[str, Approximation], dict[str, dict[str, Any]]]:
    """Bound the parameters and states that steps in this format lead to; a number of steps stays a number."""
    parameters, states = run(reference, lambda array: array.astype(np.float64))
    own = run(_THIS, partial(Rounded.exactly, fmt=FORMATS[dtype]))
    exacts = own if dtype == "float64" else run(_THIS, partial(Rounded.exactly, fmt=REFERENCE))  # it is computed, too
    bounded = (own, exacts)
    return (
        {name: _around(value, *(steps[0][name] for steps in bounded)) for name, value in parameters.items()},
        {
            name: {key: _around(value, *(steps[1][name][key] for steps in bounded)) for key, value in state.items()}
            for name, state in states.items()
        },
    )


def bound_steps(
    operation: str, param: Floats, grads: Sequence[Floats], state: State, options: Mapping[str, Any], dtype: str
) -> tuple[Approximation, dict[str, Any]]:
    """Bound the parameter and the state behind steps with these gradients."""

    def run(steps: Any, number: Callable[[Floats], Any]) -> Any:
        begin = {name: value if name == "step" else number(value) for name, value in state.items()}
        wide = [grad.astype(np.float64) for grad in grads]
        after = run_steps(getattr(steps, operation), number(param), wide, begin, **options)
        return {operation: after[0]}, {operation: after[1]}

    parameters, states = bound_run(run, dtype)
    return parameters[operation], states[operation]


def run_steps(
    step: Callable[..., Any], param: Any, grads: Iterable[Any], state: State | None = None, **options: Any
) -> tuple[Any, State]:
    """Take one step with each gradient; what a step returns is an array for the next, if it was a number of NumPy."""
    state = state or {}
    for grad in grads:
        param, state = step(param, grad, state, **options)
        param, state = _no_scalar(param), {name: _no_scalar(value) for name, value in state.items()}
    return param, state


def _no_scalar(value: Any) -> Any:
    return np.asarray(value) if isinstance(value, np.generic) else value


def _around(exact: Any, *bounded: Any) -> Any:
    if isinstance(exact, int):
        return exact
    return Approximation(np.asarray(exact), np.asarray(sum(number.error for number in bounded)))


def sgd(
    param: Rounded,
    grad: Floats,
    state: State,
    lr: float = 1e-3,
    momentum: float = 0,
    dampening: float = 0,
    weight_decay: float = 0,
    nesterov: bool = False,
    *,
    maximize: bool = False,
) -> tuple[Rounded, dict[str, Any]]:
    """b ← μ·b + (1 − τ)·g, p ← p − η·b, or with Nesterov's look ahead p − η·(g + μ·b)."""
    fmt = param.fmt
    slope = _with_decay(param, grad, weight_decay, maximize)
    if momentum == 0:
        return param - slope * _held(lr, fmt), {}
    buffer = slope
    if "momentum_buffer" in state:
        buffer = state["momentum_buffer"] * _held(momentum, fmt) + slope * _rest(dampening, fmt)
    direction = slope + buffer * _held(momentum, fmt) if nesterov else buffer
    return param - direction * _held(lr, fmt), {"momentum_buffer": buffer}


def adam(
    param: Rounded,
    grad: Floats,
    state: State,
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0,
    amsgrad: bool = False,
    *,
    maximize: bool = False,
) -> tuple[Rounded, dict[str, Any]]:
    """Step by η · m̂ / (√v̂ + ε), the decay being part of the gradient."""
    return _adam(param, _with_decay(param, grad, weight_decay, maximize), state, lr, betas, eps, amsgrad)


def adamw(
    param: Rounded,
    grad: Floats,
    state: State,
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 1e-2,
    amsgrad: bool = False,
    *,
    maximize: bool = False,
) -> tuple[Rounded, dict[str, Any]]:
    """Make p smaller by η·λ·p, then step as Adam does."""
    smaller = param * (-(_double(lr) * weight_decay) + 1).stored_as(param.fmt) if weight_decay else param
    return _adam(smaller, _with_decay(param, grad, 0, maximize), state, lr, betas, eps, amsgrad)


def rmsprop(
    param: Rounded,
    grad: Floats,
    state: State,
    lr: float = 1e-2,
    alpha: float = 0.99,
    eps: float = 1e-8,
    weight_decay: float = 0,
    momentum: float = 0,
    centered: bool = False,
    *,
    maximize: bool = False,
) -> tuple[Rounded, dict[str, Any]]:
    """s ← α·s + (1 − α)·g², b ← μ·b + g / (√s + ε), p ← p − η·b; centered, s less the square of the mean."""
    fmt = param.fmt
    slope = _with_decay(param, grad, weight_decay, maximize)
    after: dict[str, Any] = {"step": state.get("step", 0) + 1}
    after["square_avg"] = variance = _weighted(state, "square_avg", slope * slope, alpha)
    if centered:
        after["grad_avg"] = mean = _average(state, "grad_avg", slope, alpha)
        variance = variance - mean * mean
        if not (variance.error < variance.value).all():
            raise ValueError("a centered variance is lost in its error: its root has no bound")
    root = variance.sqrt() + _held(eps, fmt)
    if momentum == 0:
        return param - slope * _held(lr, fmt) / root, after
    buffer = slope / root
    if "momentum_buffer" in state:
        buffer = state["momentum_buffer"] * _held(momentum, fmt) + buffer
    return param - buffer * _held(lr, fmt), {**after, "momentum_buffer": buffer}


def adagrad(
    param: Rounded,
    grad: Floats,
    state: State,
    lr: float = 1e-2,
    lr_decay: float = 0,
    weight_decay: float = 0,
    initial_accumulator_value: float = 0,
    eps: float = 1e-10,
    *,
    maximize: bool = False,
) -> tuple[Rounded, dict[str, Any]]:
    """s ← s + g², p ← p − η / (1 + (t − 1)·decay) · g / (√s + ε)."""
    fmt = param.fmt
    slope = _with_decay(param, grad, weight_decay, maximize)
    before = state.get("step", 0)
    squares = slope * slope + state.get("sum", _held(initial_accumulator_value, fmt))
    rate = _double(lr) / (_double(before) * lr_decay + 1) if lr_decay else _double(lr)
    way = slope * rate.stored_as(fmt) / (squares.sqrt() + _held(eps, fmt))
    return param - way, {"step": before + 1, "sum": squares}


def _adam(
    param: Rounded,
    slope: Rounded,
    state: State,
    lr: float,
    betas: tuple[float, float],
    eps: float,
    amsgrad: bool,
) -> tuple[Rounded, dict[str, Any]]:
    fmt, number = param.fmt, state.get("step", 0) + 1
    mean = _average(state, "exp_avg", slope, betas[0])
    square = _weighted(state, "exp_avg_sq", slope * slope, betas[1])
    after: dict[str, Any] = {"step": number, "exp_avg": mean, "exp_avg_sq": square}
    if amsgrad:
        after["max_exp_avg_sq"] = square = square.maximum(state.get("max_exp_avg_sq", square))
    first, second = (_bias_correction(beta, number) for beta in betas)
    one = Rounded.exactly(1, fmt)
    root = square.sqrt() * (one / second.sqrt().stored_as(fmt)) + _held(eps, fmt)
    way = mean * (_double(lr) / first).stored_as(fmt) / root
    by_the_mean = mean * (one / first.stored_as(fmt)) * _held(lr, fmt) / root
    return param - way.widen_to(by_the_mean), after


def _with_decay(param: Rounded, grad: Floats, weight_decay: float, maximize: bool) -> Rounded:
    slope = Rounded.exactly(-grad if maximize else grad, param.fmt)
    return slope + param * _held(weight_decay, param.fmt) if weight_decay else slope


def _weighted(state: State, name: str, new: Rounded, keep: float) -> Rounded:
    """Return keep·old + (1 − keep)·new, the old being zero at first."""
    share = new * _rest(keep, new.fmt)
    return state[name] * _held(keep, new.fmt) + share if name in state else share


def _average(state: State, name: str, new: Rounded, keep: float) -> Rounded:
    """Return the same, or by way of `lerp`."""
    weight = _rest(keep, new.fmt)
    old = state.get(name, Rounded.exactly(np.zeros_like(new.value), new.fmt))
    lerp = old + (new - old) * weight if weight.value < 0.5 else new - (new - old) * (-weight + 1)
    return _weighted(state, name, new, keep).widen_to(lerp)


@cache
def _bias_correction(beta: float, number: int) -> Rounded:
    """Return 1 − βᵗ, in double precision."""
    power = beta**number
    ulps = 0 if Fraction(power) == Fraction(beta) ** number else POWER_ULPS
    return -Rounded(np.array(power), np.array(ulps * 2 * REFERENCE.roundoff * power), REFERENCE) + 1


@cache
def _rest(part: float, fmt: Format) -> Rounded:
    """Return 1 − part, computed in double precision, as an array of this format meets it."""
    return (-_double(part) + 1).stored_as(fmt)


@cache
def _held(number: float, fmt: Format) -> Rounded:
    """Return a hyperparameter as an array of this format meets it."""
    return _double(number).stored_as(fmt)


def _double(number: float) -> Rounded:
    """Return a hyperparameter as it is given, in double precision."""
    return Rounded.exactly(number, REFERENCE)
