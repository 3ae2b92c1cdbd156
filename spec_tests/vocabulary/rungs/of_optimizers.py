"""The cases of optimizers: some steps with given gradients, from an empty state."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from spec_tests.vocabulary.problems import Array

FIRST = "plain"
LATER = "several steps"


@dataclass(frozen=True)
class Steps:
    """Steps of an optimizer, one with each gradient."""

    operation: str
    param: Array
    grads: tuple[Array, ...]
    options: dict[str, Any]


def features(options: dict[str, Any], later: bool) -> set[str]:
    """Return what steps make use of: the options that are not 0 or False, and a state if there is more than one."""
    return {name for name, value in options.items() if value} | ({LATER} if later else set())


PARAM, GRADS = np.array([1.0, -2.0]), (np.array([0.5, -4.0]), np.array([2.0, 1.0]), np.array([-1.0, 0.25]))


def _steps(operation: str, count: int, **options: Any) -> list[Steps]:
    """Return so many steps of a single parameter, then of two."""
    options = {"lr": 0.25, "weight_decay": 0.0, **options}  # adamw has a decay by default
    return [Steps(operation, PARAM[:n], tuple(grad[:n] for grad in GRADS[:count]), options) for n in (1, 2)]


def _ladder(operation: str, more: dict[str, dict[str, Any]], several: bool = True) -> dict[str, list[Steps]]:
    """Return the cases of an optimizer: one step, several, and several with each option."""
    return {
        FIRST: _steps(operation, 1),
        **({LATER: _steps(operation, 3)} if several else {}),
        **{name: [*_steps(operation, 1, **given), *_steps(operation, 3, **given)] for name, given in more.items()},
        "maximize": [
            *_steps(operation, 1, maximize=True),
            *_steps(operation, 3, maximize=True),
            *_steps(operation, 3, maximize=True, weight_decay=0.5),
        ],
    }


_DECAY: dict[str, dict[str, Any]] = {"weight_decay": {"weight_decay": 0.5}}
_ADAM: dict[str, dict[str, Any]] = {**_DECAY, "amsgrad": {"amsgrad": True, "betas": (0.5, 0.5)}}
_MOMENTUM: dict[str, Any] = {"momentum": 0.5}

LADDERS = {
    "sgd": _ladder(
        "sgd",
        {
            "momentum": _MOMENTUM,
            "dampening": {**_MOMENTUM, "dampening": 0.25},
            "nesterov": {**_MOMENTUM, "nesterov": True},
            **_DECAY,
        },
        several=False,
    ),
    "adam": _ladder("adam", _ADAM),
    "adamw": _ladder("adamw", _ADAM),
    "rmsprop": _ladder("rmsprop", {"momentum": _MOMENTUM, "centered": {"centered": True, "alpha": 0.5}, **_DECAY}),
    "adagrad": _ladder(
        "adagrad",
        {
            "lr_decay": {"lr_decay": 0.5},
            "initial_accumulator_value": {"initial_accumulator_value": 2.0},
            **_DECAY,
        },
    ),
}
"""By optimizer, the cases of each rung."""
