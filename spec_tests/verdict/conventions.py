"""Other conventions and slips: what a result would be if an option were read otherwise, or a known mistake were made.

Three sources: the options of the call, each read in the other ways that are in use; what frameworks do differently as a
whole (`frameworks`); and the catalogue of wrong implementations.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

import reference
from spec_tests.verdict.asking import Question
from spec_tests.verdict.frameworks import EPS, Convention, of_frameworks
from spec_tests.verdict.prediction import Array, Prediction
from spec_tests.vocabulary.formats import FORMATS
from spec_tests.wrong_implementations import WRONG, Wrong

ROOM = 4
"""How many bounds a result may be off another convention's value, whose own bound is not worked out."""
UNITS = 8
"""Units roundoff of the largest number that it may be off besides."""

SMALL = 10_000
"""Numbers of a result up to which a convention is tried in the arrays' own format as well, whatever it is about."""

COARSE = {
    "rounds_the_weights_to_half": "a weight that was kept in float16",
    "computes_float64_in_float32": "a computation in float32",
    "multiplies_long_rows_in_tf32": "sums of factors of 11 digits (TF32)",
    "multiplies_float64_in_float32": "sums of factors that were shortened to float32",
    "multiplies_long_gradients_in_float16": "sums of factors in float16",
    "convolves_in_bfloat16": "sums of bfloat16 factors",
    "convolves_float64_in_float32_factors": "sums of factors that were shortened to float32",
    "convolves_gradients_in_tf32": "sums of factors of 11 digits (TF32)",
    "adds_the_bias_gradient_up_in_float16": "sums that were accumulated in float16",
    "adds_long_rows_up_towards_zero": "sums whose last digits were cut off at every step",
    "steps_in_float32": "a computation in float32",
    "compares_in_float32": "a computation in float32",
    "shortens_what_a_vector_register_holds": "a result of which a part was kept in float16",
    "adds_up_in_float16": "sums that were accumulated in float16",
    "takes_the_mean_square_less_the_squared_mean": "a variance from one pass, as mean of x² less (mean of x)²",
    "keeps_the_mean_square_less_the_squared_mean": "a variance from one pass, as mean of x² less (mean of x)²",
    "takes_the_mean_square_of_a_sample_less_its_squared_mean": (
        "a variance from one pass, as mean of x² less (mean of x)²"
    ),
    "writes_the_formula_of_tanh_as_it_stands": "tanh as a quotient of differences of powers, which cancel",
}
"""The wrong implementations that are right but for digits: what to say of them."""

NO_CONVENTION = ("contracts", "refusals")
"""Levels at which a wrong implementation shows in something else than its numbers."""


def conventions(question: Question, part: str) -> Iterator[Convention]:
    """Yield all that may have been understood otherwise."""
    call = question.call(part)
    function, arguments = call.function, call.arguments
    for option, value in _other_options(question.operation, arguments):
        changed = {option: value}
        now = "the default" if option not in arguments else _short(arguments[option])
        says = f"{option}={_short(value)}, where the case says {now}"
        yield Convention(f"{option}={_short(value)}", says, _calling(function, changed))
    if function == question.operation:
        yield from of_frameworks(question.operation, arguments)
        if function == "cross_entropy" and arguments["target"].dtype.kind != "f":
            yield from _of_nll_loss()
    yield from _catalogue(function, question.dtype)


def _catalogue(function: str, dtype: str) -> Iterator[Convention]:
    for name, entry in WRONG.items():
        fits = entry.operation == function and entry.dtype in ("float32", dtype)
        if fits and entry.level not in NO_CONVENTION and not entry.transforms:
            says = COARSE.get(name) or f"an implementation that {_docstring(entry)} (wrong:{name})"
            yield Convention(name, says, _calling_wrong(entry), name in COARSE)


def _of_nll_loss() -> Iterator[Convention]:
    """Yield what is done wrong to log-probabilities, done to scores."""
    for name, entry in WRONG.items():
        if entry.operation == "nll_loss" and entry.level not in NO_CONVENTION:

            def compute(a: Mapping[str, Any], entry: Wrong = entry) -> Any:
                if a.get("label_smoothing"):
                    raise ValueError("it knows no smoothing")
                log_p = reference.log_softmax(a["input"], min(1, a["input"].ndim - 1))
                options = {option: value for option, value in a.items() if option != "label_smoothing"}
                return entry.function(**{**options, "input": log_p})

            yield Convention(name, f"an implementation that {_docstring(entry)} (wrong:{name}, of nll_loss)", compute)


def _docstring(entry: Wrong) -> str:
    says = (entry.function.__doc__ or "").splitlines()[0].rstrip(".")
    return says[:1].lower() + says[1:]


def _calling(function: str, changed: dict[str, Any]) -> Callable[[Mapping[str, Any]], Any]:
    return lambda arguments: getattr(reference, function)(**{**arguments, **changed})


def _calling_wrong(entry: Wrong) -> Callable[[Mapping[str, Any]], Any]:
    return lambda arguments: entry.function(**arguments)


def _short(value: Any) -> str:
    return f"an array of shape {value.shape}" if isinstance(value, np.ndarray) else repr(value)


# Options read otherwise


def _other_options(operation: str, arguments: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    given = arguments.get
    for flag, default in _FLAGS.get(operation, {}).items():
        yield flag, not given(flag, default)
    for option, values in _VALUES.get(operation, {}).items():
        yield from ((option, value) for value in values if value != given(option))
    for array in ("bias", "weight"):
        if given(array) is not None and operation not in ("linear", "conv1d", "conv2d", "conv3d"):
            yield array, None
    if given("bias") is not None and operation in ("linear", "conv1d", "conv3d"):
        yield "bias", None
    if operation in ("softmax", "log_softmax"):
        yield from (("dim", dim) for dim in range(arguments["input"].ndim) if dim != given("dim"))
    if operation == "sgd" and given("momentum"):
        yield "dampening", given("momentum")
    if operation in ("batch_norm", "batch_norm_statistics"):
        yield "momentum", 1 - given("momentum", 0.1)
    if operation.startswith("max_pool") or operation == "avg_pool2d":
        if given("stride") is not None:
            yield "stride", None
        yield "stride", 1
    for pair in ("padding", "stride", "dilation", "kernel_size", "output_size", "betas"):
        both = given(pair)
        if isinstance(both, tuple) and len(set(both)) > 1:
            yield pair, tuple(reversed(both))


_CONV: dict[str, tuple[Any, ...]] = {"padding": (0, 1, "same"), "stride": (1,), "dilation": (1,)}
_POOL: dict[str, tuple[Any, ...]] = {"padding": (0,), "dilation": (1,)}
_REDUCED: dict[str, tuple[Any, ...]] = {"reduction": ("mean", "sum", "none")}
_VALUES: dict[str, dict[str, tuple[Any, ...]]] = {
    "conv1d": _CONV,
    "conv2d": _CONV,
    "conv3d": _CONV,
    "max_pool1d": _POOL,
    "max_pool2d": _POOL,
    "max_pool3d": _POOL,
    "avg_pool2d": {"padding": (0,), "divisor_override": (None,)},
    "l1_loss": _REDUCED,
    "mse_loss": _REDUCED,
    "nll_loss": {**_REDUCED, "ignore_index": (-100, 0, -1)},
    "cross_entropy": {**_REDUCED, "ignore_index": (-100, 0, -1), "label_smoothing": (0.0,)},
    "batch_norm": {"eps": EPS},
    "layer_norm": {"eps": EPS},
    "pad": {"mode": ("constant", "reflect", "replicate", "circular"), "value": (0.0,)},
    "resize": {"interpolation": ("nearest", "nearest-exact", "bilinear", "bicubic")},
    "sgd": {"weight_decay": (0,), "dampening": (0,), "momentum": (0,)},
    "adam": {"weight_decay": (0,), "eps": EPS},
    "adamw": {"weight_decay": (0, 0.01), "eps": EPS},
    "rmsprop": {"weight_decay": (0,), "alpha": (0.99, 0.9), "eps": EPS},
    "adagrad": {"weight_decay": (0,), "eps": EPS},
}
"""What an option may have been taken for."""

_FLAGS: dict[str, dict[str, bool]] = {
    **{f"max_pool{rank}d": {"ceil_mode": False} for rank in (1, 2, 3)},
    "avg_pool2d": {"ceil_mode": False, "count_include_pad": True},
    "batch_norm": {"training": False},
    "resize": {"antialias": True},
    "sgd": {"nesterov": False, "maximize": False},
    "adam": {"amsgrad": False, "maximize": False},
    "adamw": {"amsgrad": False, "maximize": False},
    "rmsprop": {"centered": False, "maximize": False},
    "adagrad": {"maximize": False},
}
"""Switches, with what they are unless given."""


# As predictions


def as_predictions(
    question: Question, part: str, exact: Array, bound: Array, sums_are_exact: bool = False, overflows: bool = True
) -> Iterator[Prediction]:
    """Yield the results of other conventions, computed in float64, and where it may matter in the arrays' own format.

    It matters where digits are what is wrong, and where a result `overflows` or has NaN; a small one is tried anyway.
    """
    call = question.call(part)
    finite = bound[np.isfinite(bound)]
    room = 0.0 if sums_are_exact else ROOM * float(finite.max(initial=0.0))
    u = FORMATS[question.dtype].roundoff
    for convention in conventions(question, part):
        kind = "coarser" if convention.coarse else "convention"
        for wide in (True, False) if convention.coarse or overflows or exact.size <= SMALL else (True,):
            try:
                with np.errstate(all="ignore"):
                    arguments = _at(call.arguments, np.float64) if wide else call.arguments
                    value = question.part_of(part, convention.compute(arguments))
                if value is None or np.asarray(value).dtype.kind not in "biuf":
                    continue
                value = np.asarray(value, np.float64)
            except Exception:  # a hypothesis that has nothing to say of such a call
                continue
            whole = exact.dtype.kind != "f" or not bound.any()
            largest = float(abs(value[np.isfinite(value)]).max(initial=0.0))
            allowed = 0.0 if whole else room + UNITS * u * largest
            if convention.coarse:
                allowed = allowed if wide else max(room, UNITS * u * largest)
            yield Prediction(kind, convention.name, convention.says, value, np.full(value.shape, allowed))


def _at(arguments: Any, dtype: Any) -> dict[str, Any]:
    """Return the arguments with all floating point arrays in a dtype, those of an optimizer's state included."""
    found: dict[str, Any] = {}
    for name, value in arguments.items():
        if isinstance(value, dict):
            found[name] = _at(value, dtype)
        else:
            is_float = isinstance(value, np.ndarray) and value.dtype.kind == "f"
            found[name] = value.astype(dtype) if is_float else value
    return found
