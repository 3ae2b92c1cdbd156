"""Losses for classes: negative log-likelihood and cross entropy (sections 2.6.3 and 2.6.4).

    nll_loss(x, y)      = − w[y] · x[y]                                    x: logarithms of probabilities
    cross_entropy(x, y) = nll_loss(log_softmax(x), y)                      x: any scores ("logits")
    cross_entropy(x, t) = − Σ w[c] · t[c] · log_softmax(x)[c]              t: a probability for each class
                            c

for every sample, then reduced: kept ("none"), summed ("sum") or averaged ("mean"). With class indices the mean
divides by the sum of the targets' weights, not by their number; with class probabilities it divides by the
number of samples. A target equal to `ignore_index` counts in neither.

`label_smoothing` ε replaces the target by (1 − ε) of itself and ε / C of every class:
(1 − ε) · loss + ε / C · Σ w[c] · (−log_softmax(x)[c]).

Axes: n sample, c class (the second axis, or the only one), and any further axes, whose every place is a sample.
"""

import numpy as np

from reference.activation import log_softmax, softmax
from reference.checks import FLOATS, Array, array, integer, real, reduction_name, same_dtype, shape

TARGETS = frozenset({"int64", "uint8"})


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def nll_loss(
    input: Array, target: Array, *, weight: Array | None = None, ignore_index: int = -100, reduction: str = "mean"
) -> Array:
    """Return minus the score of each sample's class: input (n, c, …) or (c,), target (n, …) or (), int64.

    `weight` (c,) weights the classes. The input is neither normalised nor checked to be logarithms. Returns a number,
    or with reduction "none" an array shaped like the target. Raises TypeError for other dtypes and ValueError
    for shapes that do not fit, a class that does not exist, or an unknown reduction.

    >>> nll_loss(np.log(np.array([[0.25, 0.75], [0.5, 0.5]])), np.array([0, 1]), reduction="sum").round(4)
    np.float64(2.0794)
    """
    scores = _classes_last(input)
    ignored, index = _checked_indices(scores, target, ignore_index)
    weights = _class_weights(scores, weight)
    losses = -np.where(ignored, 0, weights[index] * _picked(scores, index))
    return _reduced(losses, np.where(ignored, 0, weights[index]), reduction)


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def nll_loss_backward(
    grad_output: Array,
    input: Array,
    target: Array,
    *,
    weight: Array | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Array:
    """Return grad_input: −w[y] at each sample's class y, scaled by the reduction, and 0 elsewhere.

    >>> nll_loss_backward(np.array(1.0), np.zeros((2, 2)), np.array([0, -100]))
    array([[-1.,  0.],
           [ 0.,  0.]])
    """
    scores = _classes_last(input)
    ignored, index = _checked_indices(scores, target, ignore_index)
    weights = _class_weights(scores, weight)
    divisor = np.where(ignored, 0, weights[index])
    shares = np.where(ignored, 0, -weights[index] * _grad_losses(grad_output, divisor, reduction))
    grad = np.zeros_like(scores)
    np.put_along_axis(grad, index[..., np.newaxis], shares[..., np.newaxis], axis=-1)
    return _classes_back(grad, input)


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def cross_entropy(
    input: Array,
    target: Array,
    *,
    weight: Array | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Array:
    """Return the cross entropy of scores: input (n, c, …) or (c,), and target one of two kinds.

    Class indices (n, …) or (), int64; or class probabilities, of the input's shape and dtype. `weight` (c,)
    weights the classes. Returns a number, or with reduction "none" an array of one loss per sample. Raises the
    same errors as `nll_loss`, and ValueError for `label_smoothing` outside [0, 1] or a class index to ignore among
    class probabilities.

    >>> cross_entropy(np.array([[0.0, 0.0]]), np.array([1])).round(4)
    np.float64(0.6931)
    """
    shares, divisor, _ = _shares(input, target, weight, ignore_index, label_smoothing)
    log_p = log_softmax(_classes_last(input), -1)
    return _reduced(-_times_log(shares, log_p).sum(axis=-1), divisor, reduction)


@np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
def cross_entropy_backward(
    grad_output: Array,
    input: Array,
    target: Array,
    *,
    weight: Array | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> tuple[Array, Array | None, Array | None]:
    """Return grad_input, grad_target and grad_weight; the last two None for class indices, as in torch.

    grad_input = p · Σ s − s, where s[c] is the weighted share of class c in the target, and p the softmax.

    >>> cross_entropy_backward(np.array(1.0), np.array([[0.0, 0.0]]), np.array([1]))
    (array([[ 0.5, -0.5]]), None, None)
    """
    shares, divisor, ignored = _shares(input, target, weight, ignore_index, label_smoothing)
    scores = _classes_last(input)
    grad_losses = _grad_losses(grad_output, divisor, reduction)[..., np.newaxis]
    slope = softmax(scores, -1) * shares.sum(axis=-1, keepdims=True) - shares
    grad_input = _classes_back(np.where(ignored[..., np.newaxis], 0, grad_losses * slope), input)
    if target.dtype.name not in FLOATS:
        return grad_input, None, None
    information = grad_losses * -log_softmax(scores, -1)
    grad_target = information * _class_weights(scores, weight) * scores.dtype.type(1 - float(label_smoothing))
    grad_weight = information * _smoothed(_classes_last(target), label_smoothing)
    over_samples = tuple(range(scores.ndim - 1))
    return (
        grad_input,
        _classes_back(grad_target, input),
        None if weight is None else grad_weight.sum(axis=over_samples),
    )


def _shares(
    input: Array, target: Array, weight: Array | None, ignore_index: int, label_smoothing: float
) -> tuple[Array, Array, Array]:
    """Return the weighted share of every class (n, …, c), what the mean divides by, and which samples are ignored."""
    scores = _classes_last(input)
    weights = _class_weights(scores, weight)
    label_smoothing = real("label_smoothing", label_smoothing)
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing must be from 0 to 1, got {label_smoothing}")
    if isinstance(target, np.ndarray | np.generic) and target.dtype.name in FLOATS:
        same_dtype(input=input, target=target)
        shape("target", target, input.shape)
        ignore_index = integer("ignore_index", ignore_index)
        if ignore_index >= 0:
            raise ValueError(f"ignore_index {ignore_index} needs class indices, target holds class probabilities")
        every_sample = np.ones(scores.shape[:-1], scores.dtype)
        return weights * _smoothed(_classes_last(target), label_smoothing), every_sample, every_sample == 0
    ignored, index = _checked_indices(scores, target, ignore_index)
    one_hot = (np.arange(scores.shape[-1]) == index[..., np.newaxis]).astype(scores.dtype)
    smoothed = np.where(ignored[..., np.newaxis], 0, _smoothed(one_hot, label_smoothing))
    shares = np.where(smoothed == 0, 0, weights * smoothed)  # a class without a share adds nothing, whatever its weight
    return shares, np.where(ignored, 0, weights[index]), ignored


def _smoothed(target: Array, label_smoothing: float) -> Array:
    classes = target.shape[-1]
    smoothing = float(label_smoothing)
    return target * target.dtype.type(1 - smoothing) + target.dtype.type(smoothing / classes)


def _times_log(shares: Array, log_p: Array) -> Array:
    """Return shares · log p, where a class without a share adds nothing, even at probability 0: 0 · log 0 = 0."""
    return shares * np.where(shares == 0, 0, log_p)


def _reduced(losses: Array, divisor: Array, reduction: str) -> Array:
    if reduction_name(reduction) == "none":
        return losses
    return losses.sum() if reduction == "sum" else losses.sum() / divisor.sum()


def _grad_losses(grad_output: Array, divisor: Array, reduction: str) -> Array:
    """Return the gradient that reaches each sample's loss through the reduction."""
    array("grad_output", grad_output, frozenset({divisor.dtype.name}))
    shape("grad_output", grad_output, divisor.shape if reduction_name(reduction) == "none" else ())
    return np.broadcast_to(grad_output / divisor.sum() if reduction == "mean" else grad_output, divisor.shape)


def _classes_last(input: Array) -> Array:
    """Return a view with the class axis, the second or the only one, at the end."""
    array("input", input)
    if input.ndim == 0:
        raise ValueError("input has no axes, expected (n, c, …), or (c,) without the batch")
    scores = np.moveaxis(input, min(1, input.ndim - 1), -1)
    if scores.shape[-1] == 0:
        raise ValueError(f"input has shape {input.shape}, expected at least one class")
    return scores


def _classes_back(grad: Array, input: Array) -> Array:
    return np.ascontiguousarray(np.moveaxis(grad, -1, min(1, input.ndim - 1)))


def _checked_indices(scores: Array, target: Array, ignore_index: int) -> tuple[Array, Array]:
    """Return which samples are ignored, and every sample's class, 0 for the ignored."""
    array("target", target, TARGETS if scores.ndim <= 2 else frozenset({"int64"}))  # as in torch
    shape("target", target, scores.shape[:-1])
    ignore_index = integer("ignore_index", ignore_index)
    ignored = np.equal(target, ignore_index)
    wrong = target[~ignored & ((target < 0) | (target >= scores.shape[-1]))]
    if wrong.size:
        raise ValueError(
            f"target has class {wrong[0]}, expected 0 to {scores.shape[-1] - 1} or ignore_index {ignore_index}"
        )
    return ignored, np.where(ignored, 0, target).astype(np.int64)


def _class_weights(scores: Array, weight: Array | None) -> Array:
    if weight is None:
        return np.ones(scores.shape[-1], scores.dtype)
    array("weight", weight)
    same_dtype(input=scores, weight=weight)
    shape("weight", weight, scores.shape[-1:])
    return weight


def _picked(scores: Array, index: Array) -> Array:
    return np.take_along_axis(scores, index[..., np.newaxis], axis=-1)[..., 0]
