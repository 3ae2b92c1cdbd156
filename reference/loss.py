"""Losses for numbers: mean absolute and mean squared error (sections 2.6.1 and 2.6.2).

    l1_loss:   |input − target|          mse_loss:   (input − target)²

for every element; then `reduction` keeps them ("none"), sums them ("sum") or averages them ("mean"):

    mean = Σ errors / n          or, with a weight for each element,          Σ weight · errors / Σ weight

where the first sum runs over the errors after broadcasting, the second over the weights as given.

n is the number of elements, not of samples. Input and target broadcast against each other. Floating point
operands decide the dtype; one of integers may be mixed with them and has no gradient.
"""

from collections.abc import Callable

import numpy as np

from reference.checks import FLOATS, INTEGERS, Array, array, reduction_name, shape

Gradients = tuple[Array | None, Array | None, Array | None]


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def l1_loss(input: Array, target: Array, *, reduction: str = "mean", weight: Array | None = None) -> Array:
    """Return the absolute errors, reduced: a number, or with reduction "none" an array of the broadcast shape.

    Two integer arrays have a sum but no mean. Raises TypeError for other dtypes, ValueError for an unknown
    reduction, shapes that do not broadcast, or a weight not shaped like the input.

    >>> l1_loss(np.array([1.0, 2.0, 5.0]), np.array([1.5, 2.5, 3.0]))
    np.float64(1.0)
    """
    input, target, weight = _operands(input, target, weight, reduction, integers=reduction_name(reduction) != "mean")
    return _reduced(abs(input - target), weight, reduction)


def l1_loss_backward(
    grad_output: Array, input: Array, target: Array, *, reduction: str = "mean", weight: Array | None = None
) -> Gradients:
    """Return grad_input, grad_target and grad_weight, each None if its argument is an integer array or missing.

    At the kink, where input and target are equal, the slope is taken as 0, and also at NaN.

    >>> l1_loss_backward(np.array(1.0), np.array([1.0, 2.0]), np.array([3.0, 2.0]), reduction="sum")
    (array([-1.,  0.]), array([1., 0.]), None)
    """
    return _gradients(grad_output, input, target, weight, reduction, abs, _sign)


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def mse_loss(input: Array, target: Array, *, reduction: str = "mean", weight: Array | None = None) -> Array:
    """Return the squared errors, reduced: a number, or with reduction "none" an array of the broadcast shape.

    Errors as in `l1_loss`; two integer arrays are refused altogether.

    >>> mse_loss(np.array([1.0, 2.0]), np.array([3.0, 2.0]), weight=np.array([1.0, 3.0]))
    np.float64(1.0)
    """
    input, target, weight = _operands(input, target, weight, reduction, integers=False)
    return _reduced((input - target) ** 2, weight, reduction)


def mse_loss_backward(
    grad_output: Array, input: Array, target: Array, *, reduction: str = "mean", weight: Array | None = None
) -> Gradients:
    """Return grad_input, grad_target and grad_weight, each None if its argument is an integer array or missing.

    >>> mse_loss_backward(np.array(1.0), np.array([1.0, 2.0]), np.array([3.0, 2.0]), reduction="sum")
    (array([-4.,  0.]), array([4., 0.]), None)
    """
    return _gradients(grad_output, input, target, weight, reduction, lambda d: d**2, lambda d: 2 * d)


def _reduced(errors: Array, weight: Array | None, reduction: str) -> Array:
    weighted = errors if weight is None else errors * weight
    if reduction == "none":
        return weighted
    total = weighted.sum(dtype=errors.dtype if errors.dtype.name in FLOATS else np.int64)
    return total if reduction == "sum" else _averaged(total, errors, weight)


def _averaged(total: Array, errors: Array, weight: Array | None) -> Array:
    return total / (errors.dtype.type(errors.size) if weight is None else weight.sum())


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def _gradients(
    grad_output: Array,
    input: Array,
    target: Array,
    weight: Array | None,
    reduction: str,
    error: Callable[[Array], Array],
    slope: Callable[[Array], Array],
) -> Gradients:
    """Chain the reduction, the weight and the error's slope; the target's gradient is the input's, negated."""
    x, y, w = _operands(input, target, weight, reduction, integers=False)
    difference = x - y
    errors = error(difference)
    array("grad_output", grad_output, frozenset({x.dtype.name}))
    shape("grad_output", grad_output, errors.shape if reduction == "none" else ())
    grad_errors = _averaged(grad_output, errors, w) if reduction == "mean" else grad_output
    grad_difference = grad_errors * slope(difference) * (1 if w is None else w)
    grad_weight = None if weight is None else _gathered(grad_errors * errors, weight)
    if grad_weight is not None and reduction == "mean":  # the mean divides by the weight, too
        grad_weight -= (grad_errors * _reduced(errors, w, "mean")).astype(grad_weight.dtype)
    return _gathered(grad_difference, input), _gathered(-grad_difference, target), grad_weight


def _gathered(grad: Array, argument: Array) -> Array | None:
    """Sum the gradient over the axes that broadcasting repeated; an integer array has none."""
    if argument.dtype.name not in FLOATS:
        return None
    added = tuple(range(grad.ndim - argument.ndim))
    stretched = tuple(
        axis for axis, size in enumerate(argument.shape, len(added)) if size == 1 and grad.shape[axis] != 1
    )
    return grad.sum(axis=added + stretched, dtype=grad.dtype).reshape(argument.shape).astype(argument.dtype)


def _sign(difference: Array) -> Array:
    """Return −1, 0 or 1, and 0 for NaN, which is neither above nor below 0."""
    return (difference > 0).astype(difference.dtype) - (difference < 0)


def _operands(
    input: Array, target: Array, weight: Array | None, reduction: str, integers: bool
) -> tuple[Array, Array, Array | None]:
    """Check the operands and bring them to one dtype: that of the floating point ones among them."""
    reduction_name(reduction)
    given = {"input": input, "target": target} | ({} if weight is None else {"weight": weight})
    operands = {name: array(name, value, FLOATS | INTEGERS) for name, value in given.items()}
    floats = [value.dtype for value in operands.values() if value.dtype.name in FLOATS]
    if not floats and not integers:
        raise TypeError("input and target are both integer arrays, expected at least one of floating point")
    if weight is not None:
        shape("weight", weight, input.shape)
    try:
        np.broadcast_shapes(input.shape, target.shape)
    except ValueError:
        raise ValueError(
            f"target has shape {target.shape}, which does not broadcast with input {input.shape}"
        ) from None
    dtype = np.result_type(*floats or [value.dtype for value in operands.values()])
    x, y, *w = [value.astype(dtype) for value in operands.values()]
    return x, y, w[0] if w else None
