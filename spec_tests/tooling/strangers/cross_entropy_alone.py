"""A student's cross entropy with its gradient, one sample after the other."""

import numpy as np

NOT_OFFERED = ["log_softmax"]  # a helper of its own kind


def cross_entropy(input, target, *, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0):
    scores, shares, counts, _ = prepared(input, target, weight, ignore_index, reduction, label_smoothing)
    losses = np.zeros(len(scores), input.dtype)
    with np.errstate(all="ignore"):
        for n, row in enumerate(shares):
            log_p = log_softmax(scores[n])
            losses[n] = -sum((s * lp for s, lp in zip(row, log_p, strict=True) if s != 0), start=input.dtype.type(0))
        if reduction == "none":
            return losses.reshape(samples_of(input))
        return losses.sum() / counts.sum() if reduction == "mean" else losses.sum()


def cross_entropy_backward(
    grad_output, input, target, *, weight=None, ignore_index=-100, reduction="mean", label_smoothing=0.0
):
    scores, shares, counts, ignored = prepared(input, target, weight, ignore_index, reduction, label_smoothing)
    if not isinstance(grad_output, np.ndarray | np.generic) or grad_output.dtype != input.dtype:
        raise TypeError("grad_output needs the dtype of input")
    if grad_output.shape != (samples_of(input) if reduction == "none" else ()):
        raise ValueError(f"grad_output has shape {grad_output.shape}")
    with np.errstate(all="ignore"):
        into = np.broadcast_to(grad_output.reshape(-1), len(scores))
        if reduction == "mean":
            into = into / counts.sum()
        grad = np.zeros_like(scores)
        for n, row in enumerate(shares):
            if not ignored[n]:
                grad[n] = into[n] * (np.exp(log_softmax(scores[n])) * row.sum() - row)
        if target.dtype.kind != "f":
            return classes_back(grad, input), None, None
        log_p = np.array([log_softmax(row) for row in scores], input.dtype).reshape(scores.shape)
        by_class = -log_p * into[:, None]
        w = np.ones(scores.shape[1], input.dtype) if weight is None else weight
        grad_target = by_class * w * input.dtype.type(1 - float(label_smoothing))
        smoothed = smooth(classes_last(target), label_smoothing)
        return (
            classes_back(grad, input),
            classes_back(grad_target, input),
            None if weight is None else (by_class * smoothed).sum(0),
        )


def log_softmax(row):
    shifted = row - row.max()
    return shifted - np.log(np.exp(shifted).sum())


def smooth(target, amount):
    amount = float(amount)
    return target * target.dtype.type(1 - amount) + target.dtype.type(amount / target.shape[1])


def samples_of(input):
    return input.shape[:1] + input.shape[2:] if input.ndim > 1 else ()


def classes_last(input):
    return np.moveaxis(input, min(1, input.ndim - 1), -1).reshape(-1, input.shape[min(1, input.ndim - 1)])


def classes_back(rows, input):
    axis = min(1, input.ndim - 1)
    last = (*input.shape[:axis], *input.shape[axis + 1 :], input.shape[axis])
    return np.ascontiguousarray(np.moveaxis(rows.reshape(last), -1, axis))


def prepared(input, target, weight, ignore_index, reduction, label_smoothing):
    """Return scores (n, c), the share of each class (n, c), what each sample counts in the mean, which are ignored."""
    if not isinstance(input, np.ndarray) or input.dtype.name not in ("float32", "float64"):
        raise TypeError("input must be an array of floating point numbers")
    if input.ndim == 0 or input.shape[min(1, input.ndim - 1)] == 0:
        raise ValueError(f"input has shape {input.shape}, which has no classes")
    if not isinstance(reduction, str) or reduction not in ("none", "mean", "sum"):
        raise ValueError(f"reduction is {reduction!r}")
    if isinstance(ignore_index, bool | np.bool_) or not isinstance(ignore_index, int | np.integer):
        raise TypeError(f"ignore_index is {ignore_index!r}")
    if not -(2**63) <= ignore_index < 2**63:
        raise ValueError(f"ignore_index is {ignore_index!r}")
    if isinstance(label_smoothing, bool | np.bool_) or not isinstance(label_smoothing, int | float | np.number):
        raise TypeError(f"label_smoothing is {label_smoothing!r}")
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing is {label_smoothing!r}")
    scores = classes_last(input)
    classes = scores.shape[1]
    if weight is not None and (not isinstance(weight, np.ndarray) or weight.dtype != input.dtype):
        raise TypeError("weight needs the dtype of input")
    if weight is not None and weight.shape != (classes,):
        raise ValueError(f"weight has shape {weight.shape}, there are {classes} classes")
    w = np.ones(classes, input.dtype) if weight is None else weight
    if not isinstance(target, np.ndarray | np.generic):
        raise TypeError("target must be an array")
    if target.dtype.kind == "f":
        if target.dtype != input.dtype:
            raise TypeError("target needs the dtype of input")
        if target.shape != input.shape or ignore_index >= 0:
            raise ValueError(f"target has shape {target.shape} and ignore_index {ignore_index}")
        shares = w * smooth(classes_last(target), label_smoothing)
        return scores, shares, np.ones(len(scores), input.dtype), np.zeros(len(scores), bool)
    if target.dtype.name not in (("int64", "uint8") if input.ndim <= 2 else ("int64",)):
        raise TypeError(f"target has dtype {target.dtype}")
    if target.shape != samples_of(input):
        raise ValueError(f"target has shape {target.shape}, expected {samples_of(input)}")
    labels = target.reshape(-1)
    ignored = np.array([int(label) == ignore_index for label in labels], bool)
    shares, counts = np.zeros_like(scores), np.zeros(len(scores), input.dtype)
    for n, label in enumerate(labels):
        if ignored[n]:
            continue
        if not 0 <= label < classes:
            raise ValueError(f"target has class {label} of {classes}")
        one_hot = np.zeros((1, classes), input.dtype)
        one_hot[0, label] = 1
        smoothed = smooth(one_hot, label_smoothing)[0]
        with np.errstate(all="ignore"):
            shares[n] = np.where(smoothed == 0, 0, smoothed * w)
        counts[n] = w[label]
    return scores, shares, counts, ignored
