"""The optimizers: sgd, adam, adamw, rmsprop and adagrad, each a step from a parameter and its gradient."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import strategies as st

from spec_tests.vocabulary import optimizer_bounds
from spec_tests.vocabulary.levels import LEVELS

NO_GRADIENT = {"gradients": "an optimizer takes a gradient and has none"}


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """One row of the table: `reference.<name>(param, grad, state, **options)` returns the next param and state."""

    name: str
    section: str = "2.7"
    """The document's section."""
    options: st.SearchStrategy[dict[str, Any]]
    """All its switches, crossed with each other."""
    bounded: Callable[..., Any]
    """The step on `Rounded` numbers, which bounds its rounding."""
    state: tuple[str, ...]
    """The names of all that its state may hold, but for the number of steps."""
    typical: Mapping[str, Any]
    """A usual call: param, grad, state and options by name."""
    without: Mapping[str, str] = field(default_factory=lambda: NO_GRADIENT)
    """Levels at which nothing is required of it, and why."""

    @property
    def levels(self) -> tuple[str, ...]:
        """The levels at which something is required of it."""
        return tuple(level for level in LEVELS if level not in self.without)


def options_of(**choices: Any) -> st.SearchStrategy[dict[str, Any]]:
    """Draw options, each by itself."""
    return st.fixed_dictionaries({name: st.sampled_from(values) for name, values in choices.items()})


def _row(name: str, options: st.SearchStrategy[dict[str, Any]], state: tuple[str, ...], **typical: Any) -> Optimizer:
    call = {"param": np.array([1.0, -2.0]), "grad": np.array([0.5, 0.25]), "state": {}, "lr": 0.25, **typical}
    return Optimizer(name=name, options=options, bounded=getattr(optimizer_bounds, name), state=state, typical=call)


FLAG = (False, True)
EPS = (1e-8, 0.0, 0.125)
DECAY = (0, 0.1, 0.5)
BETAS = ((0.9, 0.999), (0.5, 0.75), (0.75, 0.875), (0.25, 0.5), (0.9, 0.5), (0.0, 0.99))
ADAM = {"betas": BETAS, "eps": EPS, "weight_decay": DECAY, "amsgrad": FLAG, "maximize": FLAG}
MEANS = ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")

OPTIMIZERS = {
    row.name: row
    for row in (
        _row(
            "sgd",
            options_of(momentum=(0, 0.5, 0.9), dampening=(0, 0.1, 0.25), weight_decay=DECAY, maximize=FLAG)
            | options_of(momentum=(0.5, 0.9), nesterov=(True,), weight_decay=DECAY, maximize=FLAG),
            ("momentum_buffer",),
            momentum=0.5,
        ),
        _row("adam", options_of(**ADAM), MEANS),
        _row("adamw", options_of(**ADAM), MEANS, weight_decay=0.5),
        _row(
            "rmsprop",
            options_of(
                alpha=(0.99, 0.5, 0.75), eps=EPS, weight_decay=DECAY, momentum=(0, 0.5), centered=FLAG, maximize=FLAG
            ),
            ("square_avg", "grad_avg", "momentum_buffer"),
            momentum=0.5,
        ),
        _row(
            "adagrad",
            options_of(
                lr_decay=(0, 0.1, 1), weight_decay=DECAY, initial_accumulator_value=(0, 0.1), eps=EPS, maximize=FLAG
            ),
            ("sum",),
        ),
    )
}
"""Every optimizer, by name."""
