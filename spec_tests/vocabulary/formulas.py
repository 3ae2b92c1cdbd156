"""The formulas of the elementary layers and losses, on `Rounded` numbers: their error bounds.

They are written down here a second time, in the plainest stable form, so that the bound does not depend on how
the reference or the subject arranges them. Each returns the numbers with the error that has gathered in them.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from spec_tests.vocabulary.bounds import Rounded
from spec_tests.vocabulary.formats import Format
from spec_tests.vocabulary.problems import Problem

Array = npt.NDArray[Any]


def sigmoid(input: Array, kind: Format) -> Rounded:
    """1 / (1 + e^−x), by way of e^−|x|, which cannot overflow."""
    power = Rounded.exactly(-abs(input), kind).exp()
    top = Rounded(np.where(input < 0, power.value, 1), np.where(input < 0, power.error, 0), kind)
    return top / (power + 1)


def sigmoid_backward(grad_output: Array, input: Array, kind: Format) -> Rounded:
    """g · s · (1 − s)."""
    s = sigmoid(input, kind)
    return s * (-s + 1) * grad_output


def tanh(input: Array, kind: Format) -> Rounded:
    """The hyperbolic tangent, as elementary as exp."""
    return Rounded.exactly(input, kind).tanh()


def tanh_backward(grad_output: Array, input: Array, kind: Format) -> Rounded:
    """g · (1 − t²)."""
    t = tanh(input, kind)
    return (-(t * t) + 1) * grad_output


def log_softmax(input: Array, dim: int, kind: Format) -> Rounded:
    """x − max − log Σ e^(x − max)."""
    shifted = Rounded.exactly(input, kind) - input.max(dim, keepdims=True)
    return shifted - shifted.exp().sum(dim).log()


def log_softmax_backward(grad_output: Array, input: Array, dim: int, kind: Format) -> Rounded:
    """g − p · Σ g, with p = e^(log softmax)."""
    p = log_softmax(input, dim, kind).exp()
    g = Rounded.exactly(grad_output, kind)
    return g - p * g.sum(dim)


def softmax(input: Array, dim: int, kind: Format) -> Rounded:
    """e^(x − max) / Σ e^(x − max)."""
    powers = (Rounded.exactly(input, kind) - input.max(dim, keepdims=True)).exp()
    return powers / powers.sum(dim)


def softmax_backward(grad_output: Array, input: Array, dim: int, kind: Format) -> Rounded:
    """p · (g − Σ p·g)."""
    p = softmax(input, dim, kind)
    return p * (-(p * grad_output).sum(dim) + grad_output)


def regression_loss(problem: Problem, kind: Format) -> Rounded:
    """|x − y| or (x − y)², weighed and reduced."""
    errors = _errors(problem, kind)
    weighted = errors if problem.weight is None else errors * problem.weight
    if problem.reduction == "none":
        return weighted
    return weighted.sum() if problem.reduction == "sum" else weighted.sum() / _divisor(problem, kind)


def regression_loss_backward(problem: Problem, kind: Format) -> tuple[Rounded, Rounded, Rounded | None]:
    """The slope of the error, weighed and shared out; the weight's gradient is the error less the mean error."""
    g = Rounded.exactly(problem.grad_output, kind)
    if problem.reduction == "mean":
        g = g / _divisor(problem, kind)
    slope = _difference(problem, kind)
    slope = slope.sign() if problem.operation == "l1_loss" else slope * 2
    grad = g * slope if problem.weight is None else g * slope * problem.weight
    grads = grad.sum_to(problem.input.shape), (-grad).sum_to(problem.target.shape)
    if problem.weight is None:
        return *grads, None
    grad_weight = (g * _errors(problem, kind)).sum_to(problem.weight.shape)
    if problem.reduction == "mean":
        grad_weight = grad_weight - g * regression_loss(problem, kind)
    return *grads, grad_weight


def class_loss(problem: Problem, kind: Format) -> Rounded:
    """Minus the weighted scores (nll_loss) or log-softmaxes (cross_entropy) of the target, reduced."""
    losses = -(_shares(problem, kind) * _log_p(problem, kind)).sum(-1)
    losses = losses.reshape(losses.value.shape[:-1])
    if problem.reduction == "none":
        return losses
    return losses.sum() if problem.reduction == "sum" else losses.sum() / _class_divisor(problem, kind)


def class_loss_backward(problem: Problem, kind: Format) -> tuple[Rounded, Rounded | None, Rounded | None]:
    """p · Σ shares − shares for cross_entropy, −shares for nll_loss; class probabilities have their own gradients."""
    g = Rounded.exactly(problem.grad_output, kind)
    g = g / _class_divisor(problem, kind) if problem.reduction == "mean" else g
    g = g.reshape((*g.value.shape, 1))
    shares = _shares(problem, kind)
    if problem.operation == "nll_loss":
        return (-shares * g).moveaxis(-1, min(1, problem.input.ndim - 1)), None, None
    log_p = _log_p(problem, kind)
    grad_input = ((log_p.exp() * shares.sum(-1) - shares) * g).moveaxis(-1, min(1, problem.input.ndim - 1))
    if problem.target.dtype.kind != "f":
        return grad_input, None, None
    weight = 1.0 if problem.weight is None else problem.weight
    grad_target = (-log_p * g * weight * (1 - problem.label_smoothing)).moveaxis(-1, min(1, problem.input.ndim - 1))
    if problem.weight is None:
        return grad_input, grad_target, None
    return grad_input, grad_target, (-log_p * g * _smoothed(problem, kind)).sum_to(problem.weight.shape)


def batch_norm(problem: Problem, kind: Format) -> Rounded:
    """w · (x − m) / √(v + ε) + b; or, as is quicker for many x, x·h + (b − m·h) with h = w / √(v + ε)."""
    x, (centred, mean, root) = Rounded.exactly(problem.input, kind), _normalization(problem, kind)
    weight, bias = (_of_channels(problem, problem.arrays[name]) for name in ("weight", "bias"))
    slope = Rounded.exactly(1 if weight is None else weight, kind) / root
    normal, ready = centred / root, x * slope - mean * slope
    if weight is not None:
        normal = normal * weight
    if bias is not None:
        normal, ready = normal + bias, x * slope + (Rounded.exactly(bias, kind) - mean * slope)
    return normal.widen_to(ready)


def batch_norm_backward(problem: Problem, kind: Format) -> tuple[Rounded, Rounded, Rounded]:
    """h · g, in training h · (g − mean of g − x̂ · mean of g·x̂); Σ g·x̂; Σ g."""
    g, (centred, _, root) = Rounded.exactly(problem.grad_output, kind), _normalization(problem, kind)
    over, channels = _all_but_channels(problem), problem.input.shape[1:2]
    normal = centred / root
    grad_weight, grad_bias = (g * normal).sum(over), g.sum(over)
    inner = g
    if problem.training:
        values = problem.input.size // problem.input.shape[1]
        inner = g - grad_bias / values - normal * (grad_weight / values)
    weight = _of_channels(problem, problem.weight)
    slope = Rounded.exactly(1 if weight is None else weight, kind) / root
    return inner * slope, grad_weight.reshape(channels), grad_bias.reshape(channels)


def batch_norm_statistics(problem: Problem, kind: Format) -> tuple[Rounded, Rounded]:
    """(1 − α)·m + α · mean of the batch; the same of the variance, times N / (N − 1)."""
    _, mean, _ = _normalization(problem.changed(training=True), kind)
    values, channels = problem.input.size // problem.input.shape[1], problem.input.shape[1:2]
    var = _variance(problem, mean, kind) * values / (values - 1)
    share, keep = (Rounded.exactly(part, kind) * 1 for part in (problem.momentum, 1 - problem.momentum))
    return (
        keep * problem.running_mean + share * mean.reshape(channels),
        keep * problem.running_var + share * var.reshape(channels),
    )


def _normalization(problem: Problem, kind: Format) -> tuple[Rounded, Rounded, Rounded]:
    """The distance from the mean, the mean and √(v + ε), the last two with an axis for every one of the input's."""
    x = Rounded.exactly(problem.input, kind)
    if problem.training:
        mean = x.sum(_all_but_channels(problem)) / (problem.input.size // problem.input.shape[1])
        var = _variance(problem, mean, kind)
    else:
        running: Any = [_of_channels(problem, problem.arrays[name]) for name in ("running_mean", "running_var")]
        mean, var = (Rounded.exactly(value, kind) for value in running)
    eps = Rounded.exactly(problem.eps, kind) * 1  # rounded to the format, it may be
    return x - mean, mean, (var + eps).sqrt()


def _variance(problem: Problem, mean: Rounded, kind: Format) -> Rounded:
    centred = Rounded.exactly(problem.input, kind) - mean
    return (centred * centred).sum(_all_but_channels(problem)) / (problem.input.size // problem.input.shape[1])


def _all_but_channels(problem: Problem) -> tuple[int, ...]:
    return (0, *range(2, problem.input.ndim))


def _of_channels(problem: Problem, value: Array | None) -> Array | None:
    """One number for each channel, to be broadcast over the input."""
    return None if value is None else value.reshape(-1, *[1] * (problem.input.ndim - 2))


def _difference(problem: Problem, kind: Format) -> Rounded:
    return Rounded.exactly(problem.input, kind) - problem.target


def _errors(problem: Problem, kind: Format) -> Rounded:
    difference = _difference(problem, kind)
    return abs(difference) if problem.operation == "l1_loss" else difference * difference


def _divisor(problem: Problem, kind: Format) -> Rounded:
    if problem.weight is not None:
        return Rounded.exactly(problem.weight, kind).sum()
    return Rounded.exactly(_difference(problem, kind).value.size, kind)


def _classes_last(problem: Problem, values: Array) -> Array:
    return np.moveaxis(values, min(1, problem.input.ndim - 1), -1)


def _log_p(problem: Problem, kind: Format) -> Rounded:
    scores = _classes_last(problem, problem.input)
    return Rounded.exactly(scores, kind) if problem.operation == "nll_loss" else log_softmax(scores, -1, kind)


def _smoothed(problem: Problem, kind: Format) -> Rounded:
    """The target as a distribution, the one-hot one of a class index included, smoothed."""
    if problem.target.dtype.kind == "f":
        target = _classes_last(problem, problem.target)
    else:
        classes = _classes_last(problem, problem.input).shape[-1]
        target = (np.arange(classes) == problem.target[..., np.newaxis]).astype(np.float64)
    smoothing = problem.options.get("label_smoothing", 0.0)
    if smoothing == 0:
        return Rounded.exactly(target, kind)
    return Rounded.exactly(target, kind) * (1 - smoothing) + Rounded.exactly(smoothing, kind) / target.shape[-1]


def _shares(problem: Problem, kind: Format) -> Rounded:
    shares = _smoothed(problem, kind)
    if problem.weight is not None:
        shares = shares * problem.weight
    return shares if problem.target.dtype.kind == "f" else shares.where(_counted(problem)[..., np.newaxis])


def _counted(problem: Problem) -> Array:
    return np.asarray(problem.target != problem.ignore_index)


def _class_divisor(problem: Problem, kind: Format) -> Rounded:
    """The number of samples, or with class indices the sum of the weights of those that count."""
    if problem.target.dtype.kind == "f":
        return Rounded.exactly(_classes_last(problem, problem.input)[..., 0].size, kind)
    if problem.weight is None:
        return Rounded.exactly(_counted(problem).sum(), kind)
    counted = _counted(problem)
    return Rounded.exactly(problem.weight[np.where(counted, problem.target, 0)] * counted, kind).sum()
