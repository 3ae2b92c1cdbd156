"""Optimizers (section 2.7): one step each, from a parameter and its gradient to the next parameter.

    sgd      b ← μ·b + (1 − τ)·g                                         p ← p − η·b
    adam     m ← β₁·m + (1 − β₁)·g,   v ← β₂·v + (1 − β₂)·g²             p ← p − η · m̂ / (√v̂ + ε)
    adamw    as adam, but p is first reduced by η·λ·p
    rmsprop  s ← α·s + (1 − α)·g²,    b ← μ·b + g / (√s + ε)             p ← p − η·b
    adagrad  s ← s + g²                                                  p ← p − η · g / (√s + ε)

p parameter, g gradient, η `lr`, μ `momentum`, τ `dampening`, λ `weight_decay`, ε `eps`, β₁ β₂ `betas`, α `alpha`.
m̂ = m / (1 − β₁ᵗ) and v̂ = v / (1 − β₂ᵗ) correct for m and v starting at zero; t is the number of this step.
Except in adamw, weight decay adds λ·p to the gradient; `maximize` first negates the gradient, to ascend.

A step is a pure function: parameter, gradient and state in, parameter and state out. The state is a mapping, empty
before the first step, with the names that torch's optimizers use. Options have the names and defaults of
`torch.optim`, whose documentation is the source of the formulas. Arrays have any shape, and one floating point dtype
throughout. Arguments of the wrong type raise TypeError, shapes that differ and options out of range ValueError.
"""

from collections.abc import Callable, Mapping
from math import sqrt
from typing import Any, TypeAlias

import numpy as np

from reference.checks import Array, array, flag, integer, mapping, real, same_dtype, shape, shown

State: TypeAlias = Mapping[str, Any]
Step: TypeAlias = Callable[..., tuple[Array, dict[str, Any]]]


def step(
    optimizer: Step,
    parameters: Mapping[str, Array],
    gradients: Mapping[str, Array | None],
    states: Mapping[str, State],
    **options: Any,
) -> tuple[dict[str, Array], dict[str, State]]:
    """Update every parameter once; one whose gradient is None keeps its value and its state.

    `states` is empty before the first step. Raises ValueError for a gradient of an unknown parameter.

    >>> parameters = {"weight": np.array([1.0]), "frozen": np.array([2.0])}
    >>> step(sgd, parameters, {"weight": np.array([8.0]), "frozen": None}, {}, lr=0.125)
    ({'weight': array([0.]), 'frozen': array([2.])}, {'weight': {}})
    """
    unknown = gradients.keys() - parameters.keys()
    if unknown:
        raise ValueError(f"gradients of unknown parameters: {', '.join(sorted(unknown))}")
    stepped, after = dict(parameters), dict(states)
    for name, grad in gradients.items():
        if grad is not None:
            stepped[name], after[name] = optimizer(parameters[name], grad, states.get(name, {}), **options)
    return stepped, after


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def sgd(
    param: Array,
    grad: Array,
    state: State,
    lr: float = 1e-3,
    momentum: float = 0,
    dampening: float = 0,
    weight_decay: float = 0,
    nesterov: bool = False,
    *,
    maximize: bool = False,
) -> tuple[Array, dict[str, Any]]:
    """Take a step of gradient descent, optionally with momentum; the first `momentum_buffer` is the gradient itself.

    `nesterov` looks one step ahead, g + μ·b in place of b, and needs momentum without dampening.

    >>> sgd(np.array([1.0]), np.array([0.5]), {}, lr=0.5)
    (array([0.75]), {})
    >>> sgd(np.array([1.0]), np.array([0.5]), {"momentum_buffer": np.array([2.0])}, lr=0.5, momentum=0.75)
    (array([0.]), {'momentum_buffer': array([2.])})
    """
    _check(param, grad, state, always=(), sometimes=("momentum_buffer",))
    lr, momentum, weight_decay = _at_least_zero(lr=lr, momentum=momentum, weight_decay=weight_decay)
    dampening = real("dampening", dampening)
    if flag("nesterov", nesterov) and (momentum <= 0 or dampening != 0):
        raise ValueError(f"nesterov needs momentum over 0 without dampening, got {momentum} and dampening {dampening}")
    grad = _with_decay(param, grad, weight_decay, maximize)
    if momentum == 0:
        return param - lr * grad, _copied(state)
    buffer = state.get("momentum_buffer")
    buffer = grad.copy() if buffer is None else momentum * buffer + (1 - dampening) * grad
    direction = grad + momentum * buffer if nesterov else buffer
    return param - lr * direction, {"momentum_buffer": buffer}


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def adam(
    param: Array,
    grad: Array,
    state: State,
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0,
    amsgrad: bool = False,
    *,
    maximize: bool = False,
) -> tuple[Array, dict[str, Any]]:
    """Take a step of Adam: move by the running mean of the gradient divided by its running root mean square.

    State: `step`, `exp_avg` (m), `exp_avg_sq` (v), with `amsgrad` also `max_exp_avg_sq`, which takes the place of v.

    >>> after, _ = adam(np.array([1.0, 1.0]), np.array([1e-4, -500.0]), {}, lr=0.25, eps=0.0)
    >>> after.round(12)  # the first step has length lr, whatever the gradient
    array([0.75, 1.25])
    """
    _check(param, grad, state, *ADAM_STATE)
    lr, eps, weight_decay = _at_least_zero(lr=lr, eps=eps, weight_decay=weight_decay)
    grad = _with_decay(param, grad, weight_decay, maximize)
    return _adam(param, grad, state, lr, betas, eps, amsgrad)


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def adamw(
    param: Array,
    grad: Array,
    state: State,
    lr: float = 1e-3,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 1e-2,
    amsgrad: bool = False,
    *,
    maximize: bool = False,
) -> tuple[Array, dict[str, Any]]:
    """Take a step of AdamW: Adam with the weight decay kept out of the gradient, and so out of its averages.

    >>> after, _ = adamw(np.array([1.0]), np.array([0.0]), {}, lr=0.5, weight_decay=0.5)
    >>> after
    array([0.75])
    """
    _check(param, grad, state, *ADAM_STATE)
    lr, eps, weight_decay = _at_least_zero(lr=lr, eps=eps, weight_decay=weight_decay)
    grad = _with_decay(param, grad, 0, maximize)
    return _adam(param * (1 - lr * weight_decay), grad, state, lr, betas, eps, amsgrad)


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def rmsprop(
    param: Array,
    grad: Array,
    state: State,
    lr: float = 1e-2,
    alpha: float = 0.99,
    eps: float = 1e-8,
    weight_decay: float = 0,
    momentum: float = 0,
    centered: bool = False,
    *,
    maximize: bool = False,
) -> tuple[Array, dict[str, Any]]:
    """Take a step of RMSprop: move by the gradient divided by its running root mean square.

    `centered` divides by its running standard deviation instead.

    State: `step`, `square_avg` (s), with momentum `momentum_buffer` (b), and if centered `grad_avg`.

    >>> after, _ = rmsprop(np.array([1.0]), np.array([8.0]), {}, lr=0.25, alpha=0.75, eps=0.0)
    >>> after  # √s is half the gradient
    array([0.5])
    """
    _check(param, grad, state, always=("step", "square_avg"), sometimes=("momentum_buffer", "grad_avg"))
    lr, alpha, eps, weight_decay, momentum = _at_least_zero(
        lr=lr, alpha=alpha, eps=eps, weight_decay=weight_decay, momentum=momentum
    )
    grad = _with_decay(param, grad, weight_decay, maximize)
    square_avg = _average(state, "square_avg", grad * grad, alpha)
    after = {**_copied(state), "step": _steps_before(state) + 1, "square_avg": square_avg}
    variance = square_avg
    if flag("centered", centered):
        after["grad_avg"] = _average(state, "grad_avg", grad, alpha)
        variance = square_avg - after["grad_avg"] ** 2
    direction = grad / (np.sqrt(variance) + eps)
    if momentum > 0:
        after["momentum_buffer"] = direction = momentum * state.get("momentum_buffer", 0) + direction
    return param - lr * direction, after


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def adagrad(
    param: Array,
    grad: Array,
    state: State,
    lr: float = 1e-2,
    lr_decay: float = 0,
    weight_decay: float = 0,
    initial_accumulator_value: float = 0,
    eps: float = 1e-10,
    *,
    maximize: bool = False,
) -> tuple[Array, dict[str, Any]]:
    """Take a step of Adagrad: move by the gradient divided by the root of the sum of its squares so far.

    So the same gradient moves a parameter less each time.

    State: `step` (t), `sum` (s). `lr_decay` divides lr by 1 + (t − 1)·lr_decay.

    >>> adagrad(np.array([1.0]), np.array([4.0]), {"step": 1, "sum": np.array([9.0])}, lr=0.5, eps=0.0)
    (array([0.6]), {'step': 2, 'sum': array([25.])})
    """
    _check(param, grad, state, always=("step", "sum"))
    lr, lr_decay, weight_decay, initial_accumulator_value, eps = _at_least_zero(
        lr=lr,
        lr_decay=lr_decay,
        weight_decay=weight_decay,
        initial_accumulator_value=initial_accumulator_value,
        eps=eps,
    )
    grad = _with_decay(param, grad, weight_decay, maximize)
    steps_before = _steps_before(state)
    squares = state.get("sum", initial_accumulator_value) + grad * grad
    after = {"step": steps_before + 1, "sum": squares}
    return param - lr / (1 + steps_before * lr_decay) * grad / (np.sqrt(squares) + eps), after


ADAM_STATE = ("step", "exp_avg", "exp_avg_sq"), ("max_exp_avg_sq",)


def _adam(
    param: Array, grad: Array, state: State, lr: float, betas: tuple[float, float], eps: float, amsgrad: bool
) -> tuple[Array, dict[str, Any]]:
    beta1, beta2 = _checked_betas(betas)
    number = _steps_before(state) + 1
    exp_avg = _average(state, "exp_avg", grad, beta1)
    exp_avg_sq = square = _average(state, "exp_avg_sq", grad * grad, beta2)
    after = {**_copied(state), "step": number, "exp_avg": exp_avg, "exp_avg_sq": exp_avg_sq}
    if flag("amsgrad", amsgrad):
        after["max_exp_avg_sq"] = square = np.maximum(state.get("max_exp_avg_sq", exp_avg_sq), exp_avg_sq)
    mean = exp_avg / (1 - beta1**number)
    root_mean_square = np.sqrt(square) / sqrt(1 - beta2**number)
    return param - lr * mean / (root_mean_square + eps), after


def _steps_before(state: State) -> int:
    """Return the number of steps taken so far."""
    return integer("step", state.get("step", 0))


def _copied(state: State) -> dict[str, Any]:
    """Return a copy of the state, with all that this step does not update."""
    return {name: integer(name, value) if name == "step" else value.copy() for name, value in state.items()}


def _average(state: State, name: str, value: Array, keep: float) -> Array:
    """Move the running average of this name, zero at first, a little towards the value."""
    return keep * state.get(name, 0) + (1 - keep) * value


def _with_decay(param: Array, grad: Array, weight_decay: float, maximize: bool) -> Array:
    """Return the gradient, negated to maximize, plus the weight decay."""
    grad = -grad if flag("maximize", maximize) else grad
    return grad if weight_decay == 0 else grad + weight_decay * param


def _checked_betas(betas: tuple[float, float]) -> tuple[float, float]:
    if not isinstance(betas, tuple | list) or len(betas) != 2:
        raise TypeError(f"betas must be two numbers, got {shown(betas)}")
    beta1, beta2 = (real("betas", beta) for beta in betas)
    if not (0 <= beta1 < 1 and 0 <= beta2 < 1):
        raise ValueError(f"betas must be from 0 to below 1, got {shown(betas)}")
    return beta1, beta2


def _at_least_zero(**options: float) -> tuple[float, ...]:
    """Require real numbers, none of them negative, and return Python floats, which do not change an array's dtype."""
    numbers = {name: real(name, value) for name, value in options.items()}
    for name, number in numbers.items():
        if not number >= 0:
            raise ValueError(f"{name} must be at least 0, got {number}")
    return tuple(numbers.values())


def _check(param: Array, grad: Array, state: State, always: tuple[str, ...], sometimes: tuple[str, ...] = ()) -> None:
    """Require a parameter, its gradient, and a state that is empty or has what it must have and nothing unknown."""
    array("param", param)
    array("grad", grad)
    same_dtype(param=param, grad=grad)
    shape("grad", grad, param.shape)
    state = mapping("state", state)
    missing = [name for name in always if state and name not in state]
    if missing:
        raise ValueError(f"state lacks {missing[0]!r}, expected {', '.join(always)}, or nothing before the first step")
    for name, value in state.items():
        if name not in always + sometimes:
            raise ValueError(f"state has {name!r}, expected only {', '.join(always + sometimes)}")
        if name == "step":
            if (number := integer("step", value)) < 0:
                raise ValueError(f"step must be at least 0, got {number}")
        else:
            array(name, value)
            same_dtype(param=param, **{name: value})
            shape(name, value, param.shape)
