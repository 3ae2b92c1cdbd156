"""A student's gradient descent."""

import numpy as np


def sgd(p, grad, state, lr=1e-3, momentum=0, dampening=0, weight_decay=0, nesterov=False, *, maximize=False):
    check(p, grad, state, lr, momentum, dampening, weight_decay, nesterov, maximize)
    lr, momentum, dampening, weight_decay = (float(value) for value in (lr, momentum, dampening, weight_decay))
    with np.errstate(all="ignore"):
        g = -grad if maximize else grad
        if weight_decay:
            g = g + weight_decay * p
        if not momentum:
            return p - lr * g, {key: np.copy(value) for key, value in state.items()}
        old = state.get("momentum_buffer")
        buffer = g.copy() if old is None else momentum * old + (1 - dampening) * g
        return p - lr * (g + momentum * buffer if nesterov else buffer), {"momentum_buffer": buffer}


def check(p, grad, state, lr, momentum, dampening, weight_decay, nesterov, maximize):
    for name, value in (("nesterov", nesterov), ("maximize", maximize)):
        if not isinstance(value, bool | np.bool_):
            raise TypeError(f"{name} is {value!r}")
    numbers = {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay}
    for name, value in numbers.items():
        if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.integer | np.floating):
            raise TypeError(f"{name} is {value!r}")
        if not value >= 0 and name != "dampening":
            raise ValueError(f"{name} is {value!r}")
    if nesterov and (momentum <= 0 or dampening != 0):
        raise ValueError("nesterov needs momentum and no dampening")
    if not isinstance(state, dict):
        raise TypeError("state must be a dictionary")
    if set(state) - {"momentum_buffer"}:
        raise ValueError(f"state has {sorted(state)}")
    for name, value in {"p": p, "grad": grad, **state}.items():
        if value is None and name == "momentum_buffer":
            continue
        if (
            not isinstance(value, np.ndarray)
            or value.dtype.name not in ("float32", "float64")
            or value.dtype != p.dtype
        ):
            raise TypeError(f"{name} must be an array of floating point numbers like p")
        if value.shape != p.shape:
            raise ValueError(f"{name} has shape {value.shape}, p {p.shape}")
