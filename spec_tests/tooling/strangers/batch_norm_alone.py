"""An engineer's batch normalization, whose arguments have the names of its paper."""

import numpy as np

NAMES = {
    "batch_norm": "normalize",
    "batch_norm_backward": "normalize_gradient",
    "input": "x",
    "weight": "gamma",
    "bias": "beta",
    "batch_norm.running_mean": "mean",
    "batch_norm.running_var": "variance",
    "training": "learning",
    "eps": "epsilon",
    "grad_output": "dy",
}


def normalize(x, mean, variance, gamma=None, beta=None, learning=False, momentum=0.1, epsilon=1e-5):
    with np.errstate(all="ignore"):
        normal, _ = normalized(x, mean, variance, gamma, beta, learning, momentum, epsilon)
        if gamma is not None:
            normal = normal * along_channels(gamma, x)
        return normal if beta is None else normal + along_channels(beta, x)


def normalize_gradient(dy, x, mean, variance, gamma=None, beta=None, learning=False, momentum=0.1, epsilon=1e-5):
    with np.errstate(all="ignore"):
        normal, root = normalized(x, mean, variance, gamma, beta, learning, momentum, epsilon)
        if not isinstance(dy, np.ndarray) or dy.dtype != x.dtype:
            raise TypeError("dy needs the dtype of x")
        if dy.shape != x.shape:
            raise ValueError(f"dy has shape {dy.shape}, x {x.shape}")
        over = (0, *range(2, x.ndim))
        d_gamma, d_beta = (dy * normal).sum(over), dy.sum(over)
        dx = dy
        if learning:
            values = x.size // x.shape[1]
            dx = dy - (along_channels(d_beta, x) + normal * along_channels(d_gamma, x)) / values
        scale = 1 if gamma is None else along_channels(gamma, x)
        return dx * scale / root, None if gamma is None else d_gamma, None if beta is None else d_beta


def normalized(x, mean, variance, gamma, beta, learning, momentum, epsilon):
    if not isinstance(x, np.ndarray) or x.dtype.name not in ("float32", "float64"):
        raise TypeError("x must be an array of floating point numbers")
    if x.ndim < 2:
        raise ValueError(f"x has shape {x.shape}, which has no channels")
    if not isinstance(learning, bool | np.bool_):
        raise TypeError(f"learning is {learning!r}")
    for name, value in (("momentum", momentum), ("epsilon", epsilon)):
        if isinstance(value, bool | np.bool_) or not isinstance(value, int | float | np.number):
            raise TypeError(f"{name} is {value!r}")
    for name, value in (("mean", mean), ("variance", variance), ("gamma", gamma), ("beta", beta)):
        if value is not None and (not isinstance(value, np.ndarray) or value.dtype != x.dtype):
            raise TypeError(f"{name} needs the dtype of x")
        if value is not None and value.shape != x.shape[1:2]:
            raise ValueError(f"{name} has shape {value.shape}, expected {x.shape[1:2]}")
    if epsilon < 0 or (mean is None) != (variance is None):
        raise ValueError("epsilon is at least 0, and mean and variance come together")
    if learning:
        if x.size // max(x.shape[1], 1) < 2 or 0 in x.shape:
            raise ValueError(f"there is more than one value a channel needed, x has shape {x.shape}")
        over = (0, *range(2, x.ndim))
        mean, variance = x.mean(over), x.var(over)
    elif mean is None or variance is None:
        raise ValueError("there are no statistics to normalize with")
    root = np.sqrt(along_channels(variance, x) + float(epsilon))
    return (x - along_channels(mean, x)) / root, root


def along_channels(values, x):
    return values.reshape(-1, *[1] * (x.ndim - 2))
