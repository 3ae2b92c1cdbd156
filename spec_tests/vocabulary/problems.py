"""What the tests draw: a problem is the arguments of one call, and a cotangent to send back through it.

Hypothesis draws the geometry and a seed; the arrays are filled from the seed. So a failing case shrinks to the
smallest geometry in a second, and prints as code that builds it again.

A problem's arrays are float64. `problem.at(dtype)` is the same problem rounded to a number format.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from itertools import product
from math import prod
from operator import add
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

import reference
from spec_tests.vocabulary.formats import rounded

Array = npt.NDArray[Any]
Numbers = Callable[[np.random.Generator, tuple[int, ...]], Array]


def whole_numbers(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Fill with -4 … 4: their products add up without rounding, so every correct implementation agrees exactly."""
    return rng.integers(-4, 5, shape).astype(np.float64)


def real_numbers(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Fill with numbers of all digits and several orders of magnitude, so that sums round and cancel."""
    return np.asarray(rng.standard_normal(shape) * 2.0 ** rng.integers(-3, 4, shape))


def distinct_numbers(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Fill with different whole numbers in random order: nothing ties."""
    return np.asarray(rng.permutation(prod(shape)).reshape(shape).astype(np.float64) - prod(shape) // 2)


def special_numbers(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Fill with 0, 1, NaN and the infinities: ties, and everything that comparisons get wrong."""
    return rng.choice([0.0, 1.0, np.nan, np.inf, -np.inf], shape, p=[0.2, 0.2, 0.15, 0.15, 0.3])


@dataclass(frozen=True)
class Problem:
    """One call: the name of the operation, its arrays, its options, and a cotangent shaped like its output."""

    operation: str
    arrays: dict[str, Any]
    options: dict[str, Any]
    grad_output: Array

    def __getattr__(self, name: str) -> Any:
        for named in (self.__dict__.get("arrays", {}), self.__dict__.get("options", {})):
            if name in named:
                return named[name]
        raise AttributeError(name)

    def at(self, dtype: str) -> Self:
        """Return the problem with its floating point arrays rounded to a number format."""
        arrays = {name: _at(value, dtype) for name, value in self.arrays.items()}
        return replace(self, arrays=arrays, grad_output=_at(self.grad_output, dtype))

    def per_axis(self, option: str) -> tuple[int, ...]:
        """Return an option of a convolution with one number for every spatial axis."""
        value = self.options[option]
        return value if isinstance(value, tuple) else (value,) * (self.arrays["weight"].ndim - 2)

    def forward(self, layers: Any, **changed: Any) -> Any:
        """Call the operation on this namespace of functions, with some arguments changed if need be."""
        return getattr(layers, self.operation)(**{**self.arrays, **self.options, **changed})

    def backward(self, layers: Any, **changed: Any) -> Any:
        """Call the operation's gradient on this namespace of functions."""
        arguments = {"grad_output": self.grad_output, **self.arrays, **self.options, **changed}
        return getattr(layers, f"{self.operation}_backward")(**arguments)

    def changed(self, **arguments: Any) -> Self:
        """Return the problem with some arrays or options exchanged."""
        arrays = {name: arguments.get(name, value) for name, value in self.arrays.items()}
        options = {name: arguments.get(name, value) for name, value in self.options.items()}
        return replace(self, arrays=arrays, options=options, grad_output=arguments.get("grad_output", self.grad_output))


def _at(value: Array | None, dtype: str) -> Any:
    return rounded(value, dtype) if value is not None and value.dtype.kind == "f" else value


SEEDS = st.integers(0, 2**32 - 1)


@lru_cache(maxsize=None, typed=True)
def _choice(*values: Any) -> st.SearchStrategy[Any]:
    """Return the choice among these values; made once, for making a strategy takes longer than drawing from it."""
    return st.sampled_from(values)


@cache
def _tuples(rank: int, least: int, most: int) -> st.SearchStrategy[tuple[int, ...]]:
    return st.sampled_from(list(product(range(least, most + 1), repeat=rank)))


def _per_axis(draw: st.DrawFn, rank: int, least: int, most: int) -> tuple[int, ...]:
    """Draw one number for every axis: a single choice, which is quicker than one for each."""
    return draw(_tuples(rank, least, most))


def _one_or_all(one: bool, numbers: tuple[int, ...]) -> int | tuple[int, ...]:
    """Return equal numbers as a single one, if so chosen: both forms mean the same."""
    return numbers[0] if one and len(set(numbers)) == 1 else numbers


def _leading(draw: st.DrawFn) -> tuple[int, ...]:
    """Draw the batch axis: one, two or three images, or no such axis."""
    return draw(_choice((1,), (2,), (), (3,)))


@st.composite
def conv_problems(
    draw: st.DrawFn,
    numbers: Numbers = whole_numbers,
    ranks: tuple[int, ...] = (2, 1, 3),
    channels: int = 2,
    kernel: int = 3,
    paddings: tuple[str, ...] = ("numbers", "same", "valid"),
    batched: bool = False,
) -> Problem:
    """Draw a convolution of one of these ranks: all options independently, and differently along every axis."""
    rank = draw(_choice(*ranks))
    groups, ins, outs = draw(_choice(*range(1, 4))), draw(st.integers(1, channels)), draw(st.integers(1, channels))
    kernel_size, dilation = _per_axis(draw, rank, 1, kernel), _per_axis(draw, rank, 1, 3)
    padding = draw(_choice(*paddings))
    pads = _per_axis(draw, rank, 0, 2) if padding == "numbers" else (0,) * rank
    stride = (1,) * rank if padding == "same" else _per_axis(draw, rank, 1, 4)
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, kernel_size, strict=True)]
    smallest = [1 if padding == "same" else max(1, span - 2 * p) for span, p in zip(spans, pads, strict=True)]
    size = tuple(map(add, smallest, _per_axis(draw, rank, 0, 3)))
    one = draw(_choice(False, True))
    options = {
        "stride": _one_or_all(one, stride),
        "padding": _one_or_all(one, pads) if padding == "numbers" else padding,
        "dilation": _one_or_all(one, dilation),
        "groups": groups,
    }
    with_bias, batch = draw(_choice(False, True)), (draw(_choice(*range(1, 4))),) if batched else _leading(draw)
    rng = np.random.default_rng(draw(SEEDS))
    output_size: Any = reference.conv_output_size(size, kernel_size, stride, options["padding"], dilation)
    arrays = {
        "input": numbers(rng, (*batch, groups * ins, *size)),
        "weight": numbers(rng, (groups * outs, ins, *kernel_size)),
        "bias": numbers(rng, (groups * outs,)) if with_bias else None,
    }
    return Problem(f"conv{rank}d", arrays, options, numbers(rng, (*batch, groups * outs, *output_size)))


@st.composite
def pool_problems(
    draw: st.DrawFn,
    numbers: Numbers = whole_numbers,
    ranks: tuple[int, ...] = (2, 1, 3),
    cotangents: Numbers = whole_numbers,
) -> Problem:
    """Draw a max pooling of one of these ranks, every window of which holds at least one real cell."""
    rank = draw(_choice(*ranks))
    kernel_size, dilation = _per_axis(draw, rank, 1, 3), _per_axis(draw, rank, 1, 3)
    pads = tuple(min(p, k // 2) for p, k in zip(_per_axis(draw, rank, 0, 1), kernel_size, strict=True))
    stride = draw(_choice(None, *product(range(1, 5), repeat=rank)))
    spans = [d * (k - 1) + 1 for d, k in zip(dilation, kernel_size, strict=True)]
    smallest = [max(1, d, span - 2 * p) for d, span, p in zip(dilation, spans, pads, strict=True)]
    size = tuple(map(add, smallest, _per_axis(draw, rank, 0, 4)))
    one = draw(_choice(False, True))
    options: dict[str, Any] = {
        "kernel_size": _one_or_all(one, kernel_size),
        "stride": stride if stride is None else _one_or_all(one, stride),
        "padding": _one_or_all(one, pads),
        "dilation": _one_or_all(one, dilation),
        "ceil_mode": draw(_choice(False, True)),
    }
    channels, batch, rng = draw(_choice(*range(1, 3))), _leading(draw), np.random.default_rng(draw(SEEDS))
    output_size: Any = reference.max_pool_output_size(size, **options)
    arrays = {"input": numbers(rng, (*batch, channels, *size))}
    return Problem(f"max_pool{rank}d", arrays, options, cotangents(rng, (*batch, channels, *output_size)))


@st.composite
def avg_pool_problems(draw: st.DrawFn, numbers: Numbers = whole_numbers, kernel: int = 2) -> Problem:
    """Draw an average pooling; with kernels of up to 2×2 every divisor is a power of two, and nothing rounds."""
    kernel_size = _per_axis(draw, 2, 1, kernel)
    pads = tuple(min(p, k // 2) for p, k in zip(_per_axis(draw, 2, 0, 1), kernel_size, strict=True))
    stride = draw(_choice(None, *product(range(1, 4), repeat=2)))
    smallest = [max(1, k - 2 * p) for k, p in zip(kernel_size, pads, strict=True)]
    size = tuple(map(add, smallest, _per_axis(draw, 2, 0, 4)))
    one, ceil_mode, counted = draw(_choice(*product((False, True), repeat=3)))
    options: dict[str, Any] = {
        "kernel_size": _one_or_all(one, kernel_size),
        "stride": stride if stride is None else _one_or_all(one, stride),
        "padding": _one_or_all(one, pads),
        "ceil_mode": ceil_mode,
    }
    output_size: Any = reference.max_pool_output_size(size, **options)
    options |= {"count_include_pad": counted, "divisor_override": draw(_choice(None, None, 4, -2))}
    channels, batch, rng = draw(_choice(*range(1, 3))), _leading(draw), np.random.default_rng(draw(SEEDS))
    arrays = {"input": numbers(rng, (*batch, channels, *size))}
    return Problem("avg_pool2d", arrays, options, numbers(rng, (*batch, channels, *output_size)))


def adaptive_window(i: int, size: int, windows: int) -> range:
    """Return the cells of window i, of so many windows that share out a size."""
    return range(i * size // windows, -(-(i + 1) * size // windows))


ADAPTIVE_SIZES = list(product(range(1, 9), range(1, 9)))
"""Sizes, and how many windows share them out."""

DYADIC_SIZES = [
    (size, windows)
    for size, windows in ADAPTIVE_SIZES
    if all(len(adaptive_window(i, size, windows)) in (1, 2, 4, 8) for i in range(windows))
]
"""Those where every window holds a power of two of cells, so that no mean rounds."""


@st.composite
def adaptive_pool_problems(
    draw: st.DrawFn, numbers: Numbers = whole_numbers, sizes: list[tuple[int, int]] = DYADIC_SIZES
) -> Problem:
    """Draw an average pooling to a given size, of more cells or of fewer."""
    (h, i), (w, j) = draw(_choice(*product(sizes, sizes)))
    one = draw(_choice(False, True))
    output_size = i if one and i == j else (i if i != h else None, j)
    channels, batch, rng = draw(_choice(*range(1, 3))), _leading(draw), np.random.default_rng(draw(SEEDS))
    arrays = {"input": numbers(rng, (*batch, channels, h, w))}
    return Problem("adaptive_avg_pool2d", arrays, {"output_size": output_size}, numbers(rng, (*batch, channels, i, j)))


@st.composite
def batch_norm_problems(
    draw: st.DrawFn,
    numbers: Numbers = real_numbers,
    training: tuple[bool, ...] = (False, True),
    epsilons: tuple[float, ...] = (1e-5, 0.25, 2.0),
) -> Problem:
    """Draw a batch norm with up to three axes behind the channels, with weight and bias or without either."""
    in_training, rank = draw(_choice(*product(training, (2, 0, 1, 3))))
    images, channels, *further = draw(_choice(*product(range(1, 5), range(1, 4), *[range(1, 4)] * rank)))
    if in_training and images * prod(further) == 1:  # there is no variance of one value
        images = 2
    shape, rng = (images, channels, *further), np.random.default_rng(draw(SEEDS))
    tracked, with_weight, with_bias = draw(_choice(*product((True, False), repeat=3)))
    momentum, eps = draw(_choice(*product((0.1, 0.5, 1.0), epsilons)))
    arrays: dict[str, Any] = {"input": numbers(rng, shape), "running_mean": None, "running_var": None}
    if tracked or not in_training:
        arrays |= {"running_mean": numbers(rng, (channels,)), "running_var": abs(numbers(rng, (channels,))) + 0.25}
    arrays["weight"] = numbers(rng, (channels,)) if with_weight else None
    arrays["bias"] = numbers(rng, (channels,)) if with_bias else None
    options = {"training": in_training, "momentum": momentum, "eps": eps}
    return Problem("batch_norm", arrays, options, numbers(rng, shape))


@st.composite
def dyadic_batch_norm_problems(draw: st.DrawFn) -> Problem:
    """Draw a batch norm in evaluation that rounds nothing: whole numbers, each √(variance + ε) a power of two."""
    problem = draw(batch_norm_problems(whole_numbers, training=(False,), epsilons=(0.25,)))
    roots = 2.0 ** np.random.default_rng(draw(SEEDS)).integers(0, 3, problem.running_var.shape)
    return problem.changed(running_var=roots**2 - 0.25)


@st.composite
def pad_problems(
    draw: st.DrawFn, numbers: Numbers = whole_numbers, modes: tuple[str, ...] = reference.padding.MODES
) -> Problem:
    """Draw a padding in one of these modes, of one to three axes."""
    mode, rank = draw(_choice(*modes)), draw(_choice(*range(1, 4)))
    size, leading = _per_axis(draw, rank, 1, 4), _per_axis(draw, draw(_choice(*range(1, 3))), 1, 2)
    before, after = (
        tuple(draw(st.integers(0, {"reflect": h - 1, "circular": h}.get(mode, 3))) for h in size) for _ in "ba"
    )
    pad = [cells for pair in reversed(list(zip(before, after, strict=True))) for cells in pair]
    rng = np.random.default_rng(draw(SEEDS))
    padded = [h + b + a for h, b, a in zip(size, before, after, strict=True)]
    options = {
        "pad": tuple(pad),
        "mode": mode,
        "value": float(draw(st.integers(-4, 4))) if mode == "constant" else None,
    }
    return Problem("pad", {"input": numbers(rng, (*leading, *size))}, options, numbers(rng, (*leading, *padded)))


@st.composite
def linear_problems(draw: st.DrawFn, numbers: Numbers = whole_numbers, features: int = 4) -> Problem:
    """Draw a linear layer behind any number of leading axes, with a bias or without, or of a single feature."""
    leading = _per_axis(draw, draw(_choice(*range(4))), 1, 3)
    ins, outs = draw(st.integers(1, features)), draw(st.integers(1, features))
    has_output_axis = draw(_choice(True, True, True, False))
    with_bias, rng = has_output_axis and draw(_choice(False, True)), np.random.default_rng(draw(SEEDS))
    out = (outs,) if has_output_axis else ()
    arrays = {
        "input": numbers(rng, (*leading, ins)),
        "weight": numbers(rng, (*out, ins)),
        "bias": numbers(rng, out) if with_bias else None,
    }
    return Problem("linear", arrays, {}, numbers(rng, (*leading, *out)))


@st.composite
def elementwise_problems(draw: st.DrawFn, operation: str, numbers: Numbers = whole_numbers) -> Problem:
    """Draw an activation of arrays with zero to four axes."""
    shape = _per_axis(draw, draw(_choice(*range(5))), 1, 4)
    rng = np.random.default_rng(draw(SEEDS))
    return Problem(operation, {"input": numbers(rng, shape)}, {}, real_numbers(rng, shape))


@st.composite
def softmax_problems(draw: st.DrawFn, operation: str, numbers: Numbers = real_numbers) -> Problem:
    """Draw a softmax along any axis, counted from the front or the back."""
    shape = _per_axis(draw, draw(_choice(*range(1, 5))), 1, 4)
    dim, rng = draw(st.integers(-len(shape), len(shape) - 1)), np.random.default_rng(draw(SEEDS))
    return Problem(operation, {"input": numbers(rng, shape)}, {"dim": dim}, real_numbers(rng, shape))


@st.composite
def flatten_problems(draw: st.DrawFn) -> Problem:
    """Draw a flattening of neighbouring axes."""
    shape = _per_axis(draw, draw(_choice(*range(1, 6))), 1, 3)
    start = draw(st.integers(0, len(shape) - 1))
    end = draw(st.integers(start, len(shape) - 1))
    flat = (*shape[:start], prod(shape[start : end + 1]), *shape[end + 1 :])
    rng = np.random.default_rng(draw(SEEDS))
    counted = draw(_choice(False, True))  # from the back
    options = {"start_dim": start - counted * len(shape), "end_dim": end - counted * len(shape)}
    return Problem("flatten", {"input": whole_numbers(rng, shape)}, options, whole_numbers(rng, flat))


REDUCTIONS = st.sampled_from(["mean", "sum", "none"])


@st.composite
def regression_problems(
    draw: st.DrawFn,
    operation: str,
    numbers: Numbers = whole_numbers,
    reductions: st.SearchStrategy[str] = REDUCTIONS,
    broadcast: bool = True,
) -> Problem:
    """Draw an l1_loss or mse_loss, the shapes equal or broadcasting, with or without a positive weight."""
    shape = _per_axis(draw, draw(_choice(*range(4))), 1, 3)
    stretched = draw(_choice(None, "input", "target")) if broadcast and shape else None
    shapes = {
        name: tuple(draw(_choice(n, 1)) for n in shape) if name == stretched else shape for name in ("input", "target")
    }
    weighted, reduction, rng = draw(_choice(False, True)), draw(reductions), np.random.default_rng(draw(SEEDS))
    arrays: dict[str, Any] = {name: numbers(rng, shapes[name]) for name in shapes}
    arrays["weight"] = np.abs(numbers(rng, shapes["input"])) + 1 if weighted else None
    cotangent = numbers(rng, shape if reduction == "none" else ())
    return Problem(operation, arrays, {"reduction": reduction}, cotangent)


@st.composite
def class_problems(
    draw: st.DrawFn,
    operation: str,
    numbers: Numbers = real_numbers,
    reductions: st.SearchStrategy[str] = REDUCTIONS,
    targets: tuple[str, ...] = ("indices", "probabilities"),
) -> Problem:
    """Draw an nll_loss or cross_entropy: batch and further axes, class weights, ignored samples, smoothing."""
    batch, classes = _leading(draw), draw(_choice(*range(1, 5)))
    further = _per_axis(draw, draw(_choice(*range(3))), 1, 3) if batch else ()
    kind, weighted, reduction = draw(_choice(*targets)), draw(_choice(False, True)), draw(reductions)
    ignored = draw(_choice(-100, 7, *range(classes > 1))) if kind == "indices" else -100
    smoothing = draw(_choice(0.0, 0.25, 1.0)) if operation == "cross_entropy" else 0.0
    rng = np.random.default_rng(draw(SEEDS))
    samples = (*batch, *further)
    if kind == "indices":
        target: Array = rng.integers(0, classes, samples)
        target = np.where(rng.random(samples) < draw(_choice(0.0, 0.3)), ignored, target)
        if (target == ignored).all():  # a mean over nothing is a convention, tested by itself
            target[(0,) * target.ndim] = classes - 1
    else:
        target = np.moveaxis(rng.dirichlet(np.ones(classes), samples), -1, min(1, len(batch)))
    arrays = {
        "input": numbers(rng, (*batch, classes, *further)),
        "target": target,
        "weight": np.abs(numbers(rng, (classes,))) + 0.5 if weighted else None,
    }
    options: dict[str, Any] = {"ignore_index": ignored, "reduction": reduction}
    if operation == "cross_entropy":
        options["label_smoothing"] = smoothing
    return Problem(operation, arrays, options, numbers(rng, samples if reduction == "none" else ()))
