"""What a call returns exactly, and how far a right result may be from it: `vocabulary.bounds` on numbers of 70 digits.

Sums of products follow the lists of `reference.definition`, formulas the rows of `vocabulary.operations`, and what only
copies numbers is asked of the references' definitions.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal, localcontext
from functools import cache, partial
from typing import Any

import numpy as np

import reference
from reference import definition
from reference.geometry import ConvGeometry, PoolGeometry
from spec_tests.vectors.real import SUMS, Objects, Real, decimals, reals, rounded_to_float64, rounded_up
from spec_tests.vocabulary.bounds import Rounded, error_of_formula, error_of_sums
from spec_tests.vocabulary.formats import FORMATS, HALVES, Format
from spec_tests.vocabulary.operations import GRADIENTS, OPERATIONS
from spec_tests.vocabulary.operations.operation import Copies, Formulas, Sums
from spec_tests.vocabulary.problems import Array, Problem

ABSENT = None


@dataclass(frozen=True)
class Around:
    """An exact result in double precision, and how far from that each element of a right one may be."""

    near: Array
    within: Array


Expected = Array | Around | None
"""Exactly this; this or what is near it; or no result at all."""


def around(exact: Objects, error: Any) -> Around:
    """Return a result of many digits rounded to float64, its rounding error being added to the bound."""
    exact = np.asarray(exact, object)
    near = rounded_to_float64(exact)
    off = abs(exact - reals(near))
    return Around(near, rounded_up(np.asarray(error + off, object)))


def output(problem: Problem, dtype: str, exact: bool) -> dict[str, Expected]:
    """Return what the call gives, by name; `exact` says that no step of it rounds in this format."""
    if problem.operation.startswith("max_pool"):
        return _max_pooled(problem)
    match OPERATIONS[problem.operation].rounding:
        case Copies():
            return {"output": np.asarray(problem.forward(reference))}
        case Sums(terms):
            value, magnitudes = _sums(problem)[0]
            error = error_of_sums(value, magnitudes, terms(problem)[0], FORMATS[dtype])
            return {"output": _exactly(value, dtype) if exact else around(value, error)}
        case Formulas(formula, stored=stored):
            evaluated = cache(partial(formula, _wide(problem)))
            value = evaluated(FORMATS[dtype]).value
            if exact:
                return {"output": _exactly(value, dtype)}
            in_steps = stored or dtype not in HALVES
            return {"output": around(value, error_of_formula(evaluated, value, FORMATS[dtype], in_steps))}


def gradients(problem: Problem, dtype: str, exact: bool) -> dict[str, Expected]:
    """Return every gradient of the call, by name, and None for those that are absent."""
    operation = problem.operation
    if operation.startswith("max_pool"):
        return {"grad_input": _max_pooled_back(problem)}
    match OPERATIONS[operation].rounding:
        case Copies():
            found: list[Objects] = [np.asarray(problem.backward(reference))]
            return dict(zip(_names(operation), found, strict=True))
        case Sums(terms):
            gradients_of = _gradients_of_sums(problem, terms(problem)[1:], FORMATS[dtype])
        case Formulas(gradients=formulas):
            gradients_of = _gradients_of_formulas(problem, formulas, FORMATS[dtype])
    there = OPERATIONS[operation].arguments_with_gradients(problem)
    results: dict[str, Expected] = {}
    for place, argument in enumerate(GRADIENTS[operation]):
        if argument not in there:
            results[f"grad_{argument}"] = ABSENT
            continue
        value, error = gradients_of(place)
        results[f"grad_{argument}"] = _exactly(value, dtype) if exact else around(value, error)
    return results


def _names(operation: str) -> list[str]:
    return [f"grad_{name}" for name in GRADIENTS[operation]]


Gradients = Callable[[int], tuple[Objects, Any]]
"""Return a gradient by its place, and its bound."""


def _gradients_of_sums(problem: Problem, terms: tuple[int, ...], fmt: Format) -> Gradients:
    sums = _sums(problem)[1:]

    def one(place: int) -> tuple[Objects, Any]:
        value, magnitudes = sums[place]
        return value, error_of_sums(value, magnitudes, terms[place], fmt)

    return one


def _gradients_of_formulas(problem: Problem, formulas: Callable[..., Any], fmt: Format) -> Gradients:
    evaluated = cache(partial(formulas, _wide(problem)))

    def one(place: int) -> tuple[Objects, Any]:
        value = np.asarray(evaluated(fmt)[place].value, object)
        return value, error_of_formula(lambda fmt: evaluated(fmt)[place], value, fmt)

    return one


def statistics(problem: Problem, dtype: str, formula: Callable[..., tuple[Rounded, Rounded]]) -> dict[str, Expected]:
    """Return the running statistics behind a training step, from the formula of the table."""
    found = formula(_wide(problem), FORMATS[dtype])
    return {
        name: around(one.value, one.error) for name, one in zip(("running_mean", "running_var"), found, strict=True)
    }


def _exactly(value: Objects, dtype: str) -> Array:
    """Return numbers that the format holds; raise ValueError if it does not."""
    near = rounded_to_float64(value)
    held = near.astype(FORMATS[dtype].arrays)
    if not (reals(held) == value).all():
        raise ValueError(f"a result that is to be exact is no number of {dtype}")
    return held


def _wide(problem: Problem) -> Problem:
    """Return the problem in numbers of many digits; whole numbers, such as classes, stay what they are."""
    arrays = {name: _wide_array(value) for name, value in problem.arrays.items()}
    options = {name: Real(value) if type(value) is float else value for name, value in problem.options.items()}
    return replace(problem, arrays=arrays, options=options, grad_output=reals(problem.grad_output))


def _wide_array(value: Array | None) -> Any:
    return reals(value) if value is not None and value.dtype.kind == "f" else value


# Sums of products, by the lists of the definition


Sum = tuple[Objects, Objects]
"""The sums, and those of the terms' magnitudes."""


def _sums(problem: Problem) -> list[Sum]:
    """Return the output and every gradient."""
    with localcontext(SUMS):
        by_operation = {
            "linear": _linear,
            "avg_pool2d": _averaged,
            "adaptive_avg_pool2d": _averaged,
        }
        return by_operation.get(problem.operation, _convolved)(problem)


def _convolved(problem: Problem) -> list[Sum]:
    batched = problem.input.ndim == problem.weight.ndim
    input, grad_output = (value if batched else value[np.newaxis] for value in (problem.input, problem.grad_output))
    geometry = ConvGeometry.of(input, problem.weight, problem.bias, **problem.options)
    x, w, g = map(decimals, (input, problem.weight, problem.grad_output.reshape(grad_output.shape)))
    ax, aw, ag = (np.abs(value) for value in (x, w, g))
    out, grad_x, grad_w = ((_zeros(value.shape), _zeros(value.shape)) for value in (g, x, w))
    over = (0, *range(2, g.ndim))
    if problem.bias is not None:
        bias = decimals(problem.bias).reshape(-1, *[1] * problem.rank)
        out[0][...] += bias
        out[1][...] += np.abs(bias)
    for place, cell, tap in definition.products(input, problem.weight, geometry):
        out[0][place] += x[cell] * w[tap]
        out[1][place] += ax[cell] * aw[tap]
        grad_x[0][cell] += g[place] * w[tap]
        grad_x[1][cell] += ag[place] * aw[tap]
        grad_w[0][tap] += g[place] * x[cell]
        grad_w[1][tap] += ag[place] * ax[cell]
    grad_b = (g.sum(axis=over), ag.sum(axis=over))
    shapes = (problem.grad_output.shape, problem.input.shape, problem.weight.shape, problem.weight.shape[:1])
    return [
        (reals(one).reshape(shape), reals(other).reshape(shape))
        for (one, other), shape in zip((out, grad_x, grad_w, grad_b), shapes, strict=True)
    ]


def _linear(problem: Problem) -> list[Sum]:
    x, w, g = map(decimals, (problem.input, problem.weight, problem.grad_output))
    outs, ins = (w.shape[0] if w.ndim == 2 else 1), w.shape[-1]
    x, w, g = x.reshape(-1, ins), w.reshape(outs, ins), g.reshape(-1, outs)
    b = _zeros((outs,)) if problem.bias is None else decimals(problem.bias)
    shapes = (problem.grad_output.shape, problem.input.shape, problem.weight.shape, problem.weight.shape[:-1])
    found = []
    signed = (x @ w.T + b, g @ w, g.T @ x, g.sum(axis=0))
    x, w, g, b = (np.abs(value) for value in (x, w, g, b))
    for one, other, shape in zip(signed, (x @ w.T + b, g @ w, g.T @ x, g.sum(axis=0)), shapes, strict=True):
        found.append((reals(one).reshape(shape), reals(other).reshape(shape)))
    return found


def _averaged(problem: Problem) -> list[Sum]:
    rank = 2
    size, places = problem.input.shape[-rank:], problem.grad_output.shape[-rank:]
    x, g = decimals(problem.input).reshape(1, -1, *size), decimals(problem.grad_output).reshape(1, -1, *places)
    if problem.operation == "adaptive_avg_pool2d":
        windows, how = definition.adaptive_windows(size, places), {}
    else:
        counting = ("count_include_pad", "divisor_override")
        how = {name: problem.options[name] for name in counting}
        geometry = PoolGeometry.of(size, **{k: v for k, v in problem.options.items() if k not in counting})
        windows = definition.sliding_windows(geometry)
    out, grad = (_zeros(g.shape), _zeros(g.shape)), (_zeros(x.shape), _zeros(x.shape))
    for place, cells, divisor in definition.means(x, windows, **how):
        out[0][place] = sum((x[cell] for cell in cells), Decimal(0)) / divisor
        out[1][place] = sum((abs(x[cell]) for cell in cells), Decimal(0)) / abs(divisor)
        for cell in cells:
            grad[0][cell] += g[place] / divisor
            grad[1][cell] += abs(g[place]) / abs(divisor)
    shapes = (problem.grad_output.shape, problem.input.shape)
    return [
        (reals(one).reshape(shape), reals(other).reshape(shape))
        for (one, other), shape in zip((out, grad), shapes, strict=True)
    ]


def _zeros(shape: tuple[int, ...]) -> Objects:
    return np.full(shape, Decimal(0), object)


# Maxima, by the definition


def _max_pooled(problem: Problem) -> dict[str, Expected]:
    """Return the maxima, and their indices if they are asked for."""
    output, indices = definition.max_pooling(*_channels_and_windows(problem))
    shape = problem.grad_output.shape
    found: dict[str, Expected] = {"output": output.reshape(shape)}
    if problem.options.get("return_indices"):
        found["indices"] = indices.astype(np.int64).reshape(shape)
    return found


def _max_pooled_back(problem: Problem) -> Array:
    input, windows = _channels_and_windows(problem)
    places = problem.grad_output.shape[-problem.rank :]
    grad = definition.max_pooling_backward(problem.grad_output.reshape(1, -1, *places), input, windows)
    return grad.reshape(problem.input.shape)


def _channels_and_windows(problem: Problem) -> tuple[Array, definition.Windows]:
    size = problem.input.shape[-problem.rank :]
    options = {name: value for name, value in problem.options.items() if name != "return_indices"}
    windows = definition.sliding_windows(PoolGeometry.of(size, **options))
    return problem.input.reshape(1, -1, *size), windows
