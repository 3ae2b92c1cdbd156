"""Questions about layers without windows: linear, flatten, pad, activations, normalizations."""

from collections.abc import Iterator
from math import prod
from typing import Any

from spec_tests.vectors import exact
from spec_tests.vectors.question import Question, alone, both, kind_of, numbers
from spec_tests.vectors.randomness import Random
from spec_tests.vocabulary.operations.batch_norm import batch_norm_statistics
from spec_tests.vocabulary.problems import Problem

FLOATS = ("real float32", "real float32", "real float32", "real float64")
"""Numbers of formulas whose rounding in half formats is each implementation's choice."""


def linear(r: Random) -> Iterator[Question]:
    """Draw a linear layer behind any number of leading axes, with a bias or without, or of a single feature."""
    whole, dtype = kind_of(r)
    ins, outs = (r.integer(1, 5) if not r.chance(8) else r.choice(9, 17, 33) for _ in range(2))
    usual = r.chance(2)
    leading = (r.integer(1, 4),) if usual else r.sizes(r.integer(0, 3), 1, 3)
    out = (outs,) if usual or not r.chance(4) else ()
    arrays = {
        "input": numbers(r, (*leading, ins), whole, dtype),
        "weight": numbers(r, (*out, ins), whole, dtype),
        "bias": numbers(r, out, whole, dtype) if out and (usual or r.chance(2)) else None,
    }
    asked = list(both(Problem("linear", arrays, {}, numbers(r, (*leading, *out), whole, dtype)), dtype, whole))
    yield from asked
    if r.chance(8) and len(asked) > 1 and arrays["bias"] is not None:
        yield alone(asked[1], r.choice("input", "weight", "bias"))


def flatten(r: Random) -> Iterator[Question]:
    """Draw a flattening of neighbouring axes."""
    shape = r.sizes(r.choice(1, 2, 3, 4, 4, 5), 1, 3)
    start = r.integer(0, len(shape) - 1)
    end = r.integer(start, len(shape) - 1)
    back = r.choice(0, len(shape))
    options = {"start_dim": start - back, "end_dim": end - back}
    flat = (*shape[:start], prod(shape[start : end + 1]), *shape[end + 1 :])
    yield from both(Problem("flatten", {"input": r.whole(shape, 9)}, options, r.whole(flat, 9)), "float32", True)


def pad(r: Random) -> Iterator[Question]:
    """Draw a padding of one to three axes, in any mode."""
    mode, rank = r.choice("constant", "reflect", "replicate", "circular"), r.integer(1, 3)
    usual = r.choice(1, 2, 3) if rank == 2 and r.chance(2) else None
    least = 1 + (usual or 0) * (mode in ("reflect", "circular"))
    size, leading = r.sizes(rank, least, least + 3), r.sizes(r.integer(1, 2), 1, 2)

    def cells(h: int) -> int:
        return usual or r.integer(0, {"reflect": h - 1, "circular": h}.get(mode, 3))

    pairs = [(cells(h), cells(h)) for h in size]
    padded = tuple(h + before + after for h, (before, after) in zip(size, pairs, strict=True))
    numbers_of_pad = tuple(n for pair in reversed(pairs) for n in pair)
    value = float(r.integer(-4, 4)) if mode == "constant" else None
    options = {"pad": numbers_of_pad, "mode": mode, "value": value}
    _, dtype = kind_of(r, "whole float32", "whole float32", "whole float64", "whole bfloat16")
    yield from both(
        Problem("pad", {"input": r.whole((*leading, *size))}, options, r.whole((*leading, *padded))), dtype, True
    )


def relu(r: Random) -> Iterator[Question]:
    """Draw a relu of whole numbers, whose kink is among them, or of real ones."""
    whole, dtype = kind_of(r)
    shape = r.sizes(r.integer(0, 4), 1, 4)
    yield from both(Problem("relu", {"input": numbers(r, shape, whole, dtype)}, {}, r.real(shape, dtype)), dtype, True)


def curve(r: Random, operation: str) -> Iterator[Question]:
    """Draw a sigmoid or tanh, now and then of large numbers."""
    _, dtype = kind_of(r, *FLOATS, "real float16", "real bfloat16")
    shape, spread = r.sizes(r.integer(0, 3), 1, 4), r.choice(1, 3, 3, 5)
    yield from both(Problem(operation, {"input": r.real(shape, dtype, spread)}, {}, r.real(shape, dtype)), dtype, False)


def softmax(r: Random, operation: str) -> Iterator[Question]:
    """Draw a softmax or its logarithm along any axis, now and then of large scores."""
    _, dtype = kind_of(r, *FLOATS)
    shape = r.sizes(r.integer(1, 4), 1, 3)
    axis = r.integer(0, len(shape) - 1)
    if r.chance(6):
        shape = tuple(r.choice(9, 17, 33) if i == axis else 1 for i in range(len(shape)))
    dim = axis - r.choice(0, len(shape))
    scores = r.real(shape, dtype, r.choice(1, 3))
    if r.chance(4):
        scores = scores * 64
    yield from both(Problem(operation, {"input": scores}, {"dim": dim}, r.real(shape, dtype)), dtype, False)


def batch_norm(r: Random) -> Iterator[Question]:
    """Draw a batch norm in training or evaluation, with up to three axes behind the channels."""
    _, dtype = kind_of(r, *FLOATS)
    training, usual = r.chance(2), r.chance(2)
    further = r.sizes(2 if usual else r.integer(0, 3), 1, 3)
    images, channels = r.integer(1, 4), r.integer(1, 3) if not r.chance(10) else r.choice(5, 9)
    if training and images * prod(further) == 1:
        images = 2
    shape = (images, channels, *further)
    arrays: dict[str, Any] = {"input": r.real(shape, dtype), "running_mean": None, "running_var": None}
    if usual or not training or r.chance(2):
        arrays["running_mean"] = r.real((channels,), dtype)
        arrays["running_var"] = abs(r.real((channels,), dtype, 1))
    arrays["weight"] = r.real((channels,), dtype) if usual or r.chance(2) else None
    arrays["bias"] = r.real((channels,), dtype) if usual or r.chance(2) else None
    eps = 1e-5 if usual else r.choice(1e-5, 0.25, 2.0)
    options = {"training": training, "momentum": 0.1 if usual else r.choice(0.1, 0.5), "eps": eps}
    problem = Problem("batch_norm", arrays, options, r.real(shape, dtype))
    asked = list(both(problem, dtype, False, "training" if training else "evaluation"))
    yield from asked
    if r.chance(8):
        yield alone(asked[1], "input")
    if training and arrays["running_mean"] is not None:
        yield _statistics(problem, dtype)


def _statistics(problem: Problem, dtype: str) -> Question:
    problem = problem.at(dtype)
    arrays = {name: problem.arrays[name] for name in ("input", "running_mean", "running_var")}
    expected = exact.statistics(problem, dtype, batch_norm_statistics)
    options = {"momentum": problem.momentum}
    return Question("batch_norm_statistics", "values", dtype, arrays, options, expected, ("rounding", "training"))


def far_from_0(r: Random, operation: str) -> Iterator[Question]:
    """Draw a normalization of numbers far from 0, where the mean of squares less the squared mean cancels."""
    far = r.choice(-1, 1) * 2.0 ** r.integer(6, 11)
    shape = (r.integer(3, 6), r.integer(1, 2)) if operation == "batch_norm" else (2, r.integer(4, 8))
    input = far + r.whole(shape, 8) / 8
    arrays: dict[str, Any] = {"input": input, "weight": None, "bias": None}
    options: dict[str, Any] = {"normalized_shape": shape[1:], "eps": 1e-5}
    if operation == "batch_norm":
        arrays |= {"running_mean": r.whole(shape[1:]), "running_var": r.whole(shape[1:]) + 5}
        options = {"training": True, "momentum": 0.1, "eps": 1e-5}
    problem = Problem(operation, arrays, options, r.whole(shape))
    yield from list(both(problem, "float32", False, "far-from-0"))[:1]
    if operation == "batch_norm":
        yield _statistics(problem, "float32").changed(flags=("rounding", "training", "far-from-0"))


def layer_norm(r: Random) -> Iterator[Question]:
    """Draw a layer norm over one to three last axes, behind none to two others."""
    _, dtype = kind_of(r, *FLOATS)
    usual = r.chance(2)
    sizes = (r.integer(2, 6),) if usual else r.sizes(r.integer(1, 3), 1, 3)
    leading = r.sizes(r.integer(1, 2) if usual else r.integer(0, 2), 1, 3)
    arrays: dict[str, Any] = {
        "input": r.real((*leading, *sizes), dtype),
        "weight": r.real(sizes, dtype) if usual or r.chance(2) else None,
        "bias": r.real(sizes, dtype) if usual or r.chance(2) else None,
    }
    options = {"normalized_shape": sizes, "eps": 1e-5 if usual else r.choice(1e-5, 0.25, 2.0)}
    yield from both(Problem("layer_norm", arrays, options, r.real((*leading, *sizes), dtype)), dtype, False)
