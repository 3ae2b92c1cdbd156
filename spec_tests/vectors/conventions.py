"""Questions about conventions: ties, kinks, NaN, the infinities, signs of zero, empty batches, integers, pictures in a row.

What is expected stands here as it is, or comes from the loops of `reference.definition`, which NaN passes through.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from math import inf, nan
from typing import Any

import numpy as np

import reference
from spec_tests.vectors import pictures
from spec_tests.vectors.exact import Expected, around, output
from spec_tests.vectors.question import Question, both
from spec_tests.vectors.randomness import Random
from spec_tests.vectors.real import reals
from spec_tests.vocabulary.operations import GRADIENTS
from spec_tests.vocabulary.problems import Array, Problem

Make = Callable[[], Iterable[Question]]


def of(operation: str) -> list[Make]:
    """Return what makes the questions about an operation's conventions."""
    return [partial(make, operation) for make in MAKERS.get(operation, ())]


def asked(
    function: str,
    arrays: Mapping[str, Any],
    options: Mapping[str, Any],
    expected: Mapping[str, Any],
    *flags: str,
    dtype: str = "float32",
    **more: Any,
) -> Question:
    """Return a question from lists of numbers: floating point ones are of the case's format."""
    given = {name: _array(value, dtype) for name, value in arrays.items()}
    results = {name: _array(value, dtype) for name, value in expected.items()}
    return Question(function, "conventions", dtype, given, options, results, flags, **more)


def _array(value: Any, dtype: str) -> Any:
    if value is None or isinstance(value, np.ndarray):
        return value
    array = np.array(value)
    return array.astype(np.int64) if array.dtype.kind in "iu" else array.astype(dtype)


def _floats(*numbers: float) -> Array:
    return np.array(numbers, np.float32)


def by_the_references(
    problem: Problem, dtype: str, *flags: str, backward: bool = True, **more: Any
) -> Iterator[Question]:
    """Ask for what the references make of a problem of NaN, of nothing, or of integers, where nothing rounds."""
    problem = problem.at(dtype) if dtype != "int64" else problem
    with np.errstate(all="ignore"):
        found = np.asarray(problem.forward(reference))
        yield Question(
            problem.operation, "conventions", dtype, problem.arrays, problem.options, {"output": found}, flags, **more
        )
        if not backward:
            return
        grads = problem.backward(reference)
    names = [f"grad_{name}" for name in GRADIENTS[problem.operation]]
    expected = dict(zip(names, grads if isinstance(grads, tuple) else (grads,), strict=True))
    arrays = {"grad_output": problem.grad_output, **problem.arrays}
    yield Question(f"{problem.operation}_backward", "conventions", dtype, arrays, problem.options, expected, flags)


# Convolutions and poolings


def _conv(operation: str, batch: int, size: int = 4, groups: int = 1, kernel: int = 2, bias: bool = True) -> Problem:
    r, rank = Random(f"{operation} {batch} {groups} {kernel}"), int(operation[4])
    options = {"stride": 1, "padding": 0, "dilation": 1, "groups": groups}
    places = (size - kernel + 1,) * rank
    arrays = {
        "input": r.whole((batch, 2, *[size] * rank)),
        "weight": r.whole((2, 2 // groups, *[kernel] * rank)),
        "bias": r.whole((2,)) if bias else None,
    }
    return Problem(operation, arrays, options, r.whole((batch, 2, *places)))


def conv_of_nothing(operation: str) -> Iterator[Question]:
    """An empty batch has an empty output and gradients of 0."""
    return by_the_references(_conv(operation, 0), "float32", "empty")


def conv_of_nan(operation: str, at: int, value: float) -> Iterator[Question]:
    """A NaN or infinity of the input reaches exactly the outputs whose window holds it."""
    problem = _conv(operation, 2, kernel=1 + at % 3)
    problem.input.reshape(-1)[at * 7 % problem.input.size] = value
    weight = np.where(problem.weight == 0, 1, problem.weight)  # 0 · ∞ would be NaN, too
    flag = "nan" if value != value else "infinities"
    return by_the_references(problem.changed(weight=weight), "float32", flag, backward=False)


def conv_of_integers(operation: str, number: int) -> Iterator[Question]:
    """Whole numbers in an integer format keep every digit."""
    r = Random(f"{operation} of integers {number}")
    problem = _conv(operation, 1, groups=1 + number % 2, kernel=1 + number % 3)
    arrays = {name: value.astype(np.int64) for name, value in problem.arrays.items()}
    arrays["input"] += np.array([r.integer(2**53, 2**55) for _ in range(arrays["input"].size)]).reshape(
        arrays["input"].shape
    )
    return by_the_references(replace(problem, arrays=arrays), "int64", "integers", backward=False)


def _pool(operation: str, r: Random, leading: tuple[int, ...], more: dict[str, Any]) -> Problem:
    rank = int(operation[-2])
    kernel, stride = r.choice((2, 2), (3, 2), (2, 1), (3, 1)) if operation != "avg_pool2d" else (2, r.choice(1, 2))
    options = {"kernel_size": kernel, "stride": stride, "padding": r.choice(0, 1), "ceil_mode": r.chance(2), **more}
    size = r.sizes(rank, 3, 6 if rank < 3 else 4)
    sizing = {name: options[name] for name in ("kernel_size", "stride", "padding", "ceil_mode")}
    places: Any = reference.max_pool_output_size(size, **sizing)
    return Problem(operation, {"input": r.special((*leading, *size))}, options, r.whole((*leading, *places)))


def max_pool_of_specials(operation: str, number: int) -> Iterator[Question]:
    """NaN wins, the last of several; of equal cells the first; a window of minus infinities points at its first cell."""
    r = Random(f"{operation} of specials {number}")
    more = {"dilation": 1, "return_indices": number % 3 > 0}
    problem = _pool(operation, r, (1, 3) if number % 2 else (2, 1), more)
    if number % 4 == 0:
        problem = problem.changed(input=np.where(np.isnan(problem.input), 0, problem.input))  # ties, and infinities
    flag = "nan" if np.isnan(problem.input).any() else "ties"
    return both(problem, r.choice("float32", "float64", "float16"), True, flag, "infinities", level="conventions")


def max_pool_of_digits(operation: str, number: int) -> Iterator[Question]:
    """Numbers that only the last digit tells apart."""
    r = Random(f"{operation} of digits {number}")
    problem = _pool(operation, r, (1, 2), {"dilation": 1, "return_indices": True})
    step = 2.0**-50 if number % 2 else 2.0**-22
    problem = problem.changed(input=1 + step * r.distinct(problem.input.shape))
    return both(problem, "float64" if number % 2 else "float32", True, "one-digit-more", level="conventions")


def max_pool_of_integers(operation: str, number: int) -> Iterator[Question]:
    """Integers keep every digit; a padding of theirs never wins."""
    r = Random(f"{operation} of integers {number}")
    problem = _pool(operation, r, (1, 2), {"dilation": 1, "return_indices": True})
    shape = problem.input.shape
    cells = -(2**53) - np.array([r.below(9) for _ in range(problem.input.size)], np.int64).reshape(shape)
    problem = replace(problem, arrays={"input": cells})
    yield Question(
        operation, "conventions", "int64", problem.arrays, problem.options, output(problem, "float32", True), ("integers", "ties")
    )  # fmt: skip


def pool_of_nothing(operation: str) -> Iterator[Question]:
    """An empty batch has an empty output."""
    more = {"dilation": 1} if operation.startswith("max") else {"count_include_pad": True, "divisor_override": None}
    return by_the_references(_pool(operation, Random(operation), (0, 2), more), "float32", "empty")


def average_of_nan(operation: str, number: int) -> Iterator[Question]:
    """A NaN or infinity reaches exactly the windows that hold it."""
    r = Random(f"{operation} of nan {number}")
    problem = _pool(operation, r, (1, 2), {"count_include_pad": number % 2 > 0, "divisor_override": None, "padding": 0})
    problem = problem.changed(input=r.whole(problem.input.shape), ceil_mode=False)
    places: Any = reference.max_pool_output_size(problem.input.shape[2:], 2, problem.stride)
    value = (nan, inf, -inf)[number % 3]
    problem.input.reshape(-1)[number * 5 % problem.input.size] = value
    problem = problem.changed(grad_output=r.whole((1, 2, *places)))
    return by_the_references(problem, "float32", "nan" if value != value else "infinities")


def adaptive(operation: str, value: float | None) -> Iterator[Question]:
    """The same of adaptive windows, or an empty batch."""
    input = Random(operation).whole((1, 2, 4, 4)) if value is not None else np.zeros((0, 2, 4, 4))
    if value is not None:
        input[0, 1, 2, 1] = value
    problem = Problem(
        operation, {"input": input}, {"output_size": (2, 2)}, Random(operation).whole((len(input), 2, 2, 2))
    )
    return by_the_references(problem, "float32", "empty" if value is None else "nan")


# Layers without windows


def linear(operation: str) -> Iterator[Question]:
    """An empty batch; NaN in one row; integers of many digits."""
    r = Random(operation)
    arrays = {"input": r.whole((0, 3)), "weight": r.whole((2, 3)), "bias": r.whole((2,))}
    yield from by_the_references(Problem(operation, arrays, {}, r.whole((0, 2))), "float32", "empty")


def linear_of_nan(operation: str) -> Iterator[Question]:
    """A NaN reaches its own row alone."""
    r = Random(f"{operation} of nan")
    arrays = {"input": r.whole((3, 3)), "weight": np.abs(r.whole((2, 3))) + 1, "bias": None}
    arrays["input"][1, 2] = nan
    return by_the_references(Problem(operation, arrays, {}, r.whole((3, 2))), "float32", "nan", backward=False)


def linear_of_integers(operation: str) -> Iterator[Question]:
    """Integers keep every digit."""
    r = Random(f"{operation} of integers")
    whole = {"input": r.whole((2, 3)), "weight": r.whole((4, 3)), "bias": r.whole((4,))}
    arrays = {name: value.astype(np.int64) for name, value in whole.items()}
    arrays["bias"] += 2**53
    return by_the_references(Problem(operation, arrays, {}, r.whole((2, 4))), "int64", "integers", backward=False)


def copies(operation: str, empty: bool) -> Iterator[Question]:
    """What copies cells copies NaN and the infinities, and of an empty batch nothing."""
    r = Random(f"{operation} {empty}")
    shape = (0, 2, 3) if empty else (2, 2, 3)
    options: Mapping[str, Any] = {"pad": (1, 2), "mode": "replicate", "value": None}
    out = (*shape[:2], 6)
    if operation == "flatten":
        options, out = {"start_dim": 1, "end_dim": 2}, (shape[0], 6)
    flags = ("empty",) if empty else ("nan", "infinities")
    return by_the_references(Problem(operation, {"input": r.special(shape)}, options, r.whole(out)), "float32", *flags)


def relu(operation: str) -> Iterator[Question]:
    """Zeros keep their sign, NaN stays NaN."""
    numbers = _floats(-0.0, 0.0, nan, inf, -inf, -1, 2, 1e-45, -1e-45)
    kept = _floats(-0.0, 0.0, nan, inf, 0, 0, 2, 1e-45, 0)
    yield asked(operation, {"input": numbers}, {}, {"output": kept}, "signed-zeros", "nan", "infinities", signed=True)
    grad = _floats(1, 2, 3, 4, 5, 6, 7, 8, 9)
    passed = _floats(0, 0, 3, 4, 0, 0, 7, 8, 0)
    yield asked("relu_backward", {"grad_output": grad, "input": numbers}, {}, {"grad_input": passed}, "kink", "nan")


def relu_of_integers(operation: str) -> Iterator[Question]:
    """Integers are taken, too."""
    numbers = np.array([-3, 0, 2**53 + 1, -(2**53) - 1])
    yield asked(
        operation, {"input": numbers}, {}, {"output": np.array([0, 0, 2**53 + 1, 0])}, "integers", dtype="int64"
    )


def limits(operation: str) -> Iterator[Question]:
    """The activations of NaN are NaN, those of the infinities their limits; numbers whose powers of e overflow."""
    numbers = _floats(nan, inf, -inf, 1e4, -1e4)
    low = 0.0 if operation == "sigmoid" else -1.0
    found = _floats(nan, 1, low, 1, low)
    yield asked(operation, {"input": numbers}, {}, {"output": found}, "nan", "infinities", "large-numbers")
    grads = _floats(nan, 0, 0, 0, 0)
    arrays = {"grad_output": _floats(1, 2, 3, 4, 5), "input": numbers}
    yield asked(f"{operation}_backward", arrays, {}, {"grad_input": grads}, "nan", "infinities", "large-numbers")


def impossible_scores(operation: str, scores: list[float], probabilities: list[float]) -> Iterator[Question]:
    """Scores of minus infinity have probability 0, the others share it; with NaN or infinity all are NaN."""
    with np.errstate(all="ignore"):
        found = (
            np.log(np.array(probabilities, np.float32))
            if operation == "log_softmax"
            else np.array(probabilities, np.float32)
        )
    flag = "nan" if any(p != p for p in probabilities) else "infinities"
    yield asked(operation, {"input": [scores]}, {"dim": 1}, {"output": found[np.newaxis]}, flag)


def far_apart(operation: str) -> Iterator[Question]:
    """Scores thousands apart: the logarithm is their distance, the probability 0 or 1."""
    scores = np.array([[0, 1, -1], [1, 1, 0]]) * 8192.0
    problem = Problem(operation, {"input": scores}, {"dim": 1}, np.array([[1.0, 2, -1], [3, 0, 1]]))
    return both(problem, "float32", False, "large-numbers")


def with_a_dtype(operation: str) -> Iterator[Question]:
    """With a dtype the scores are converted first, and the gradient back."""
    r = Random(f"{operation} with a dtype")
    scores = r.real((2, 3), "float32")
    wide = Problem(operation, {"input": scores}, {"dim": 1}, r.real((2, 3), "float32"))
    forward, backward = both(wide, "float64", False)
    options = {"dim": 1, "dtype": "float64"}
    held = {"input": scores.astype(np.float32)}
    yield forward.changed(level="conventions", arrays=held, options=options)
    narrow = next(iter(list(both(wide, "float32", False))[1:]))
    yield narrow.changed(
        level="conventions", options=options,
        arrays={"grad_output": backward.arrays["grad_output"], **held},
    )  # fmt: skip


# Losses

LOSS = {"ignore_index": -100, "reduction": "mean"}


def nothing_counts(operation: str, reduction: str) -> Iterator[Question]:
    """With all targets ignored the mean is NaN, the sum 0, and every gradient 0."""
    options = {**LOSS, "reduction": reduction, **({"label_smoothing": 0.0} if operation == "cross_entropy" else {})}
    arrays = {"input": [[1.0, 2.0], [0.5, -1.0]], "target": [-100, -100], "weight": None}
    loss = {"mean": nan, "sum": 0.0, "none": [0.0, 0.0]}[reduction]
    yield asked(operation, arrays, options, {"output": loss}, "ignore-index", *["nan"] * (reduction == "mean"))
    grad = [1.0, 1.0] if reduction == "none" else 1.0
    expected: dict[str, Any] = {"grad_input": [[0.0, 0.0], [0.0, 0.0]]}
    if operation == "cross_entropy":
        expected |= {"grad_target": None, "grad_weight": None}
    yield asked(f"{operation}_backward", {"grad_output": grad, **arrays}, options, expected, "ignore-index")


def infinite_scores(operation: str) -> Iterator[Question]:
    """An impossible class costs infinitely much if it is the target, and else nothing."""
    options = {**LOSS, "reduction": "none", "label_smoothing": 0.0}
    arrays = {"input": [[0.0, -inf, -inf], [0.0, -inf, -inf]], "target": [0, 1], "weight": None}
    yield asked(operation, arrays, options, {"output": [0.0, inf]}, "infinities")
    probabilities = np.array([[1.0, 0.0, 0.0]], np.float32)
    arrays = {"input": [[0.0, -inf, -1000.0]], "target": probabilities, "weight": None}
    yield asked(operation, arrays, options, {"output": [0.0]}, "infinities", "class-probabilities")


def kink(operation: str) -> Iterator[Question]:
    """Where input and target are equal, and at NaN, the slope of an absolute value is 0."""
    arrays = {
        "grad_output": [1.0, 2.0, 3.0, 4.0],
        "input": [1.0, 2.0, nan, -1.0],
        "target": [1.0, 5.0, 0.0, -3.0],
        "weight": None,
    }
    grads = {"grad_input": [0.0, -2.0, 0.0, 4.0], "grad_target": [0.0, 2.0, 0.0, -4.0], "grad_weight": None}
    yield asked("l1_loss_backward", arrays, {"reduction": "none"}, grads, "kink", "nan")
    yield asked(
        operation, {name: arrays[name] for name in ("input", "target", "weight")}, {"reduction": "none"},
        {"output": [0.0, 3.0, nan, 2.0]}, "nan",
    )  # fmt: skip


def squares_of_nan(operation: str) -> Iterator[Question]:
    """NaN and the infinities pass through a square."""
    arrays = {"input": [1.0, nan, inf, 2.0], "target": [1.0, 0.0, 1.0, -inf], "weight": None}
    yield asked(operation, arrays, {"reduction": "none"}, {"output": [0.0, nan, inf, inf]}, "nan", "infinities")


def no_sample(operation: str) -> Iterator[Question]:
    """An empty batch of samples normalizes to nothing."""
    r = Random(operation)
    arrays = {"input": r.whole((0, 3)), "weight": r.whole((3,)), "bias": r.whole((3,))}
    problem = Problem(operation, arrays, {"normalized_shape": (3,), "eps": 1e-5}, r.whole((0, 3)))
    return by_the_references(problem, "float32", "empty", backward=False)


def half_sums(operation: str) -> Iterator[Question]:
    """A mean whose sum leaves float16 is right all the same."""
    input = np.full((1, 1, 2, 2), 40000.0)
    options = {
        "kernel_size": 2,
        "stride": None,
        "padding": 0,
        "ceil_mode": False,
        "count_include_pad": True,
        "divisor_override": None,
    }
    problem = Problem(operation, {"input": input}, options, np.ones((1, 1, 1, 1)))
    expected: Mapping[str, Expected] = {
        "output": around(reals(np.full((1, 1, 1, 1), 40000.0)), np.full((1, 1, 1, 1), 16.0, object))
    }
    arrays = {"input": problem.at("float16").input}
    yield Question(operation, "conventions", "float16", arrays, options, expected, ("rounding", "large-numbers"))


# Pictures


def batch_of_pictures(operation: str) -> Iterator[Question]:
    """Each picture of a batch is transformed as it is alone."""
    r = Random(f"{operation} of several")
    img = pictures._bytes(r, (2, 3, 4, 5))
    more = {
        "adjust_brightness": {"brightness_factor": 1.5}, "adjust_contrast": {"contrast_factor": 0.5},
        "adjust_saturation": {"saturation_factor": 0.25}, "adjust_hue": {"hue_factor": 0.125},
        "resize": {"size": (3, 7), "interpolation": "bilinear"}, "center_crop": {"output_size": (3, 2)},
        "crop": {"top": 1, "left": 2, "height": 2, "width": 3},
    }.get(operation, {})  # fmt: skip
    yield pictures.question(operation, {"img": img, **more}, "uint8", "conventions", "several-pictures")


def grey_pictures(operation: str) -> Iterator[Question]:
    """Saturation and hue leave grey bytes as they are."""
    r = Random(f"{operation} of grey")
    img = np.repeat(pictures._bytes(r, (1, 4, 5)), 3, axis=0)
    factor = {"adjust_hue": {"hue_factor": 0.25}, "adjust_saturation": {"saturation_factor": 1.5}}[operation]
    yield Question(operation, "conventions", "uint8", {"img": img}, factor, {"output": img}, ("bytes",))


def moved_numbers(operation: str) -> Iterator[Question]:
    """Numbers that are no bytes are moved, and not divided."""
    numbers = Random(operation).real((3, 2, 3), "float32").astype(np.float32)
    moved = numbers.transpose(2, 0, 1).copy()
    yield Question(
        operation, "conventions", "float32", {"pic": numbers}, {}, {"output": moved}, ("other-numbers-than-bytes",)
    )


def no_factor(operation: str) -> Iterator[Question]:
    """A jitter without factors changes nothing; a factor of 0 is one."""
    r = Random(operation)
    img = pictures._bytes(r, (3, 3, 4))
    yield Question(operation, "conventions", "uint8", {"img": img}, {}, {"output": img}, ("bytes", "a-factor-of-0"))


def factor_of_zero(operation: str) -> Iterator[Question]:
    """A brightness of 0 is black."""
    img = pictures._bytes(Random(f"{operation} of zero"), (3, 3, 4))
    options = {"brightness_factor": 0.0}
    yield Question(
        operation,
        "conventions",
        "uint8",
        {"img": img},
        options,
        {"output": np.zeros_like(img)},
        ("bytes", "a-factor-of-0"),
    )


_CONV: list[Callable[[str], Iterable[Question]]] = [
    conv_of_nothing,
    *[partial(conv_of_nan, at=at, value=(nan, inf)[at % 2]) for at in range(10)],
    *[partial(conv_of_integers, number=number) for number in range(6)],
]
_MAX_POOL: list[Callable[[str], Iterable[Question]]] = [
    *[partial(max_pool_of_specials, number=number) for number in range(40)],
    pool_of_nothing,
    *[partial(max_pool_of_digits, number=number) for number in range(10)],
]
_INTEGERS = [partial(max_pool_of_integers, number=number) for number in range(5)]
_SCORES = [
    ([-inf, 0.0, 0.0], [0.0, 0.5, 0.5]), ([-inf, -inf, 3.0], [0.0, 0.0, 1.0]), ([-inf] * 3, [nan] * 3),
    ([inf, 0.0, 0.0], [nan] * 3), ([nan, 0.0, 1.0], [nan] * 3), ([0.0, 0.0, -inf, 0.0, 0.0], [0.25, 0.25, 0.0, 0.25, 0.25]),
]  # fmt: skip
_SOFTMAX: list[Callable[[str], Iterable[Question]]] = [
    *[
        partial(impossible_scores, scores=scores, probabilities=shares)
        for scores, shares in _SCORES
        if shares != [0.0, 0.5, 0.5]
    ],
    far_apart,
    with_a_dtype,
]
_CLASSES: list[Callable[[str], Iterable[Question]]] = [
    partial(nothing_counts, reduction=one) for one in ("mean", "sum", "none")
]
MAKERS: dict[str, list[Callable[[str], Iterable[Question]]]] = {
    **dict.fromkeys(("conv1d", "conv2d", "conv3d"), _CONV),
    "max_pool1d": _MAX_POOL,
    "max_pool2d": [*_MAX_POOL, *_INTEGERS],
    "max_pool3d": [*_MAX_POOL, *_INTEGERS],
    "avg_pool2d": [pool_of_nothing, *[partial(average_of_nan, number=number) for number in range(8)], half_sums],
    "adaptive_avg_pool2d": [partial(adaptive, value=value) for value in (None, nan)],
    "linear": [linear, linear_of_nan, linear_of_integers],
    "flatten": [partial(copies, empty=empty) for empty in (True, False)],
    "pad": [partial(copies, empty=empty) for empty in (True, False)],
    "relu": [relu, relu_of_integers],
    "sigmoid": [limits],
    "tanh": [limits],
    "softmax": [partial(impossible_scores, scores=[-inf, 0.0, 0.0], probabilities=[0.0, 0.5, 0.5]), *_SOFTMAX],
    "log_softmax": _SOFTMAX,
    "nll_loss": _CLASSES,
    "cross_entropy": [*_CLASSES, infinite_scores],
    "l1_loss": [kink],
    "mse_loss": [squares_of_nan],
    "layer_norm": [no_sample],
    **{
        name: [batch_of_pictures]
        for name in ("resize", "crop", "center_crop", "hflip", "vflip", "adjust_brightness", "adjust_contrast")
    },
    **{name: [batch_of_pictures, grey_pictures] for name in ("adjust_saturation", "adjust_hue")},
    "to_tensor": [moved_numbers],
    "color_jitter": [no_factor, factor_of_zero],
}
