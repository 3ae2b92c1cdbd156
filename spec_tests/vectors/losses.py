"""Questions about losses: of numbers and of classes."""

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from spec_tests.vectors.layers import FLOATS
from spec_tests.vectors.question import Question, alone, both, kind_of, numbers
from spec_tests.vectors.randomness import Random
from spec_tests.vocabulary.problems import Array, Problem

REDUCTIONS = ("mean", "mean", "sum", "none")


def of_numbers(r: Random, operation: str) -> Iterator[Question]:
    """Draw an l1_loss or mse_loss, the shapes equal or broadcasting, with or without a positive weight."""
    whole, dtype = kind_of(r, "whole float32", *FLOATS)
    usual = r.chance(2)
    shape = r.sizes(r.integer(1, 3) if usual else r.integer(0, 3), 1, 3)
    stretched = r.choice(None, "input", "target") if shape and not usual else None
    shapes = {
        name: tuple(r.choice(n, 1) for n in shape) if name == stretched else shape for name in ("input", "target")
    }
    reduction = r.choice("sum", "none") if whole else r.choice(*REDUCTIONS)
    arrays: dict[str, Any] = {name: numbers(r, shapes[name], whole, dtype) for name in shapes}
    weighted = not usual and r.chance(2)
    arrays["weight"] = abs(numbers(r, shapes["input"], whole, dtype)) + whole if weighted else None
    grad_output = numbers(r, shape if reduction == "none" else (), whole, dtype)
    asked = list(both(Problem(operation, arrays, {"reduction": reduction}, grad_output), dtype, whole))
    yield from asked
    if r.chance(8):
        yield alone(asked[1], *r.choice(("input",), ("target",), ("input", "target")))


def of_classes(r: Random, operation: str) -> Iterator[Question]:
    """Draw an nll_loss or cross_entropy: further axes, class weights, ignored samples, smoothing, probabilities."""
    _, dtype = kind_of(r, *FLOATS)
    usual = r.chance(2)
    classes = r.integer(1, 5) if not r.chance(8) else r.choice(9, 17)
    batch = (r.integer(1, 4),) if usual else r.choice((), (1,), (2,), (3,))
    further = r.sizes(r.integer(0, 2), 1, 3) if batch and not usual else ()
    weighted, reduction = not usual and r.chance(2), "mean" if usual else r.choice(*REDUCTIONS)
    ignored, smoothing, share, probabilities = -100, 0.0, 0, False
    if not usual:
        probabilities = operation == "cross_entropy" and r.chance(3)
        smoothing = r.choice(0.0, 0.25, 1.0, 0.1) if operation == "cross_entropy" else 0.0
        if not probabilities:
            ignored, share = r.choice(-100, 7, *range(classes > 1)), r.choice(0, 3)
    samples = (*batch, *further)
    target: Array
    if probabilities:
        target = _distributions(r, samples, classes, dtype)
    else:
        drawn = [ignored if share and r.chance(share) else r.below(classes) for _ in range(prod(samples))]
        if all(one == ignored for one in drawn):
            drawn[0] = classes - 1 if classes - 1 != ignored else 0
        target = np.array(drawn, np.int64).reshape(samples)
    arrays: dict[str, Any] = {
        "input": r.real((*batch, classes, *further), dtype) * (32 if r.chance(5) else 1),
        "target": target,
        "weight": abs(r.real((classes,), dtype, 1)) if weighted else None,
    }
    options: dict[str, Any] = {"ignore_index": ignored, "reduction": reduction}
    if operation == "cross_entropy":
        options["label_smoothing"] = smoothing
    problem = Problem(operation, arrays, options, r.real(samples if reduction == "none" else (), dtype))
    asked = list(both(problem, dtype, False))
    yield from asked
    if probabilities and r.chance(2):
        yield alone(asked[1], "target")


def _distributions(r: Random, samples: tuple[int, ...], classes: int, dtype: str) -> Array:
    """Return probabilities with the classes as second axis; they add up to 1 as nearly as the format has it."""
    counts = np.array([r.integer(0, 4) for _ in range(prod(samples) * classes)], np.float64).reshape(*samples, classes)
    counts[..., 0] += 1
    shares = (counts / counts.sum(-1, keepdims=True)).astype(dtype).astype(np.float64)
    return np.moveaxis(shares, -1, min(1, len(samples)))
