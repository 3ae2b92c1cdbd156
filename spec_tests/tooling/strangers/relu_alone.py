"""A student's relu on NumPy arrays, and nothing else."""

import numpy as np


def relu(x):
    if x.dtype.kind not in "fiu" or x.dtype.itemsize * x.dtype.kind.count("u") > 1:
        raise TypeError(f"relu of {x.dtype}")
    return np.where(x < 0, x.dtype.type(0), x)
