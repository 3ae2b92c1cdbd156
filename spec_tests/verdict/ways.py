"""Right ways to add up products, and whose rounding errors a result has.

Sums of products may be added up in any order. Five ways are carried out, on as many elements of the result as is quick:

    sequential      one after the other, products rounded
    fused           one after the other, each product added without being rounded (fused multiply-add)
    blocked         in 16 sums side by side, as vector registers do, which are added up in the end
    pairwise        halves, quarters, ... added up, and these to one another
    rounded once    in a wider format, and rounded to this one in the end

All are right. A result that is none of them bit by bit is compared with them by the root mean square of its errors.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
import numpy.typing as npt

from reference.definition import products, sliding_windows
from reference.geometry import ConvGeometry
from spec_tests.verdict.asking import Question
from spec_tests.vocabulary.formats import FORMATS, rounded

Array = npt.NDArray[Any]

SAMPLED = 256
"""Elements of a result on which the ways are carried out."""
MOST_PRODUCTS = 1_000_000
"""Products from which on fewer elements are taken."""
FEW = 300_000
"""Products of a convolution up to which its gradients' terms are listed."""
LANES = 16
UNUSUAL = 8
"""How many times the errors of all these ways are more than rounding usually leaves, although it may."""


@dataclass(frozen=True)
class Compared:
    """A result beside the right ways."""

    errors: Mapping[str, float]
    """By way, the root mean square of its errors."""
    own: float
    """That of the result."""
    more: float
    """How many times the largest error of all ways its own largest error is."""
    equal: Mapping[str, int]
    """By way, how many elements are the same bit by bit."""
    elements: int
    terms: int

    @property
    def nearest(self) -> str:
        """The way that has the most elements in common with it, or else errors of the most similar size."""
        best = max(self.equal, key=lambda way: self.equal[way])
        if self.equal[best] > 0.9 * self.elements:
            return best
        return min(self.errors, key=lambda way: abs(np.log2((self.errors[way] or 2**-200) / (self.own or 2**-200))))

    def text(self) -> str:
        """Say where the result stands among the ways."""
        others = ", ".join(f"{way} {error:.2g}" for way, error in self.errors.items())
        if self.equal[self.nearest] == self.elements:
            like = f"bit by bit those of {self.nearest} sums" if "once" not in self.nearest else "rounded once"
        else:
            like = f"nearest to those of sums {'that are ' if 'once' in self.nearest else ''}{self.nearest}"
            like = like if "once" in self.nearest else f"nearest to those of {self.nearest} sums"
        more = self.more
        unusual = (
            f"; the largest is {more:.2g} times that of all these ways, and seldom rounding" if more > UNUSUAL else ""
        )
        return f"root mean square error {self.own:.2g}, {like} (of {self.terms} terms: {others}){unusual}"


def compared(question: Question, part: str, got: Array, exact: Array) -> Compared | None:
    """Return a result beside the right ways, or None where its terms are not known."""
    if got.size == 0 or not (np.isfinite(got).all() and np.isfinite(exact).all()):
        return None
    found = terms_of(question, part, exact)
    if found is None:
        return None
    places, left, right = found
    if left.shape[1] < 2:
        return None
    at = tuple(np.asarray(places).T)
    exactly = np.asarray(exact[at], np.float64)
    results = {way: rounded(value, question.dtype) for way, value in _ways(left, right, question.dtype).items()}
    results["rounded once"] = rounded(exactly, question.dtype)
    own = np.asarray(got[at], np.float64)
    errors = {way: np.asarray(value, np.float64) - exactly for way, value in results.items()}
    most = max(float(abs(error).max()) for error in errors.values())
    return Compared(
        {way: _rms(error) for way, error in errors.items()},
        _rms(own - exactly),
        float(abs(own - exactly).max()) / (most or 2.0**-1074),
        {way: int((np.asarray(value, np.float64) == own).sum()) for way, value in results.items()},
        len(own),
        int((left != 0).sum(axis=1).max()),
    )


def _rms(errors: Array) -> float:
    return float(np.sqrt((errors**2).mean()))


def _ways(left: Array, right: Array, dtype: str) -> dict[str, Array]:
    """Add the products of each row up, in the format in which sums are accumulated."""
    kind: Any = np.float64 if dtype == "float64" else np.float32
    a, b = left.astype(kind), right.astype(kind)
    with np.errstate(all="ignore"):
        rounded_products = a * b
        ways = {"sequential": _sequential(rounded_products)}
        if kind is np.float32:
            ways["fused"] = _fused(a.astype(np.float64) * b)
        ways["blocked"] = _blocked(rounded_products)
        ways["pairwise"] = _pairwise(rounded_products)
    return ways


def usual(left: Array, right: Array, dtype: str) -> Iterator[Array]:
    """Yield the sums of all ways."""
    yield from _ways(left, right, dtype).values()


def worst(left: Array, right: Array, dtype: str) -> Iterator[Array]:
    """Yield sums in the worst orders: all that is positive first, or all that is negative."""
    kind: Any = np.float64 if dtype == "float64" else np.float32
    with np.errstate(all="ignore"):
        terms = np.sort(left.astype(kind) * right.astype(kind), axis=1)
    yield from (_sequential(terms), _sequential(terms[:, ::-1]))


def _sequential(terms: Array) -> Array:
    return np.asarray(np.add.accumulate(terms, axis=1)[:, -1])


def _fused(terms: Array) -> Array:
    """Add exact products of float32 numbers up, rounding after each: in float64 a sum of two is nearly exact."""
    total = np.zeros(len(terms), np.float32)
    for column in terms.T:
        total = (total + column).astype(np.float32)
    return total


def _blocked(terms: Array) -> Array:
    padded = np.pad(terms, [(0, 0), (0, -terms.shape[1] % LANES)])
    lanes = np.add.accumulate(padded.reshape(len(terms), -1, LANES), axis=1)[:, -1]
    return _pairwise(lanes)


def _pairwise(terms: Array) -> Array:
    while terms.shape[1] > 1:
        if terms.shape[1] % 2:
            terms = np.pad(terms, [(0, 0), (0, 1)])
        terms = terms[:, 0::2] + terms[:, 1::2]
    return terms[:, 0]


# The terms of some elements


Found = tuple[list[tuple[int, ...]], Array, Array]
"""Places of the result, and for each the left and the right factors of its products, filled up with zeros."""


def terms_of(question: Question, part: str, exact: Array) -> Found | None:
    """Return the factors of the products of some elements, or None where a result is no sum of products."""
    if question.operation == "linear":
        return _of_linear(question, part, exact)
    if question.operation.startswith("conv"):
        return _of_convolution(question, part, exact)
    return None


def _places(exact: Array, terms: int) -> list[tuple[int, ...]]:
    """Return places all over a result, as many as is quick."""
    count = max(1, min(exact.size, SAMPLED, MOST_PRODUCTS // max(terms, 1)))
    flat = np.linspace(0, exact.size - 1, count).astype(int)
    return [tuple(int(i) for i in np.unravel_index(at, exact.shape)) for at in np.unique(flat)]


def _filled(places: list[tuple[int, ...]], rows: list[tuple[Array, Array]]) -> Found:
    width = max(len(left) for left, _ in rows)
    both = [np.array([np.pad(row[side], (0, width - len(row[side]))) for row in rows]) for side in (0, 1)]
    return places, both[0], both[1]


def _of_linear(question: Question, part: str, exact: Array) -> Found | None:
    a = question.arguments
    x, w, bias = a["input"], a["weight"], a.get("bias")
    if w.ndim != 2:
        return None
    rows = x.reshape(-1, x.shape[-1])
    if part == "output":
        places = _places(exact, w.shape[1])
        pairs = [(x[place[:-1]], w[place[-1]]) for place in places]
        pairs = [_with_bias(pair, bias, place[-1]) for pair, place in zip(pairs, places, strict=True)]
    elif part == "grad_input":
        g = a["grad_output"]
        places = _places(exact, w.shape[0])
        pairs = [(g[place[:-1]], w[:, place[-1]]) for place in places]
    elif part == "grad_weight":
        g = a["grad_output"].reshape(-1, w.shape[0])
        places = _places(exact, len(rows))
        pairs = [(g[:, o], rows[:, i]) for o, i in places]
    else:
        return None
    return _filled(places, pairs)


def _with_bias(pair: tuple[Array, Array], bias: Array | None, at: int) -> tuple[Array, Array]:
    if bias is None:
        return pair
    return np.append(pair[0], bias[at]), np.append(pair[1], np.ones(1, pair[1].dtype))


def _of_convolution(question: Question, part: str, exact: Array) -> Found | None:
    a = dict(question.arguments)
    x, w, bias = a.pop("input"), a.pop("weight"), a.pop("bias", None)
    g = a.pop("grad_output", None)
    batched = x.ndim == w.ndim
    x = x if batched else x[np.newaxis]
    geometry = ConvGeometry.of(x, w, None, **a)
    if part == "output":
        return _of_outputs(x, w, bias, geometry, exact, batched)
    if part not in ("grad_input", "grad_weight") or g is None:
        return None
    g = g if batched else g[np.newaxis]
    if g.size * w.shape[1] * prod(geometry.kernel_size) > FEW:
        return None
    rows: dict[tuple[int, ...], tuple[list[Any], list[Any]]] = {}
    for out, cell, tap in products(x, w, geometry):
        target, other = (cell, w[tap]) if part == "grad_input" else (tap, x[cell])
        row = rows.setdefault(target, ([], []))
        row[0].append(g[out])
        row[1].append(other)
    whole = exact if batched or part == "grad_weight" else exact[np.newaxis]
    places = [place for place in _places(whole, 1) if place in rows]
    if not places:
        return None
    pairs = [(np.array(rows[place][0]), np.array(rows[place][1])) for place in places]
    if not batched and part == "grad_input":
        places = [place[1:] for place in places]
    return _filled(places, pairs)


def _of_outputs(x: Array, w: Array, bias: Array | None, geometry: ConvGeometry, exact: Array, batched: bool) -> Found:
    windows = sliding_windows(geometry)
    channels, per_group = w.shape[1], len(w) // geometry.groups
    places, pairs = _places(exact, channels * prod(geometry.kernel_size)), []
    for place in places:
        n, o, *at = place if batched else (0, *place)
        cells, taps = _inside(windows[tuple(at)], geometry)
        group = slice(o // per_group * channels, (o // per_group + 1) * channels)
        left = x[n, group][np.ix_(range(channels), *cells)].ravel()
        right = w[o][np.ix_(range(channels), *taps)].ravel()
        pairs.append(_with_bias((left, right), bias, o))
    return _filled(places, pairs)


def _inside(window: tuple[range, ...], geometry: ConvGeometry) -> tuple[list[list[int]], list[list[int]]]:
    """Return the cells of a window that are the input's along every axis, and the taps that lie on them."""
    cells, taps = [], []
    for along, size in zip(window, geometry.input_size, strict=True):
        inside = [(cell, tap) for tap, cell in enumerate(along) if 0 <= cell < size]
        cells.append([cell for cell, _ in inside])
        taps.append([tap for _, tap in inside])
    return cells, taps


def is_exact_in_any_order(question: Question, part: str, accumulated: str | None = None) -> bool:
    """Tell whether no order of a sum can round: products are whole multiples of a number, and few enough.

    So it is with small whole numbers, with multiples of a power of two, and with a single product of few digits.
    `accumulated` is the format of the sums, unless it is the one that right implementations use.
    """
    if not (question.operation == "linear" or question.operation.startswith("conv")):
        return False
    left, right = {
        "output": ("input", "weight"),
        "grad_input": ("grad_output", "weight"),
        "grad_weight": ("grad_output", "input"),
        "grad_bias": ("grad_output", ""),
    }[part]
    arguments = question.arguments
    arrays = [arguments[name] for name in (left, right) if name]
    if part == "output" and arguments.get("bias") is not None:
        arrays.append(arguments["bias"])
    if not all(np.asarray(array).dtype.kind == "f" and np.isfinite(array).all() for array in arrays):
        return False
    quanta = [quantum(array) for array in arrays]
    step = quanta[0] * (quanta[1] if right else 1.0)
    if len(quanta) == 3:
        step = min(step, quanta[2])
    magnitudes = {name: abs(value) for name, value in arguments.items() if isinstance(value, np.ndarray)}
    largest = float(np.max(question.changed(**magnitudes).expected(part)[0], initial=0.0))
    u = FORMATS[question.dtype].accumulation if accumulated is None else FORMATS[accumulated].roundoff
    return bool(step > 0 and largest / step <= 1 / u)


def quantum(array: Array) -> float:
    """Return the largest power of two that all numbers are multiples of, infinite if all are 0.

    >>> quantum(np.array([0.75, -2.0]))
    0.25
    """
    numbers = np.asarray(array, np.float64).ravel()
    numbers = numbers[numbers != 0]
    if not numbers.size:
        return 1.0
    mantissa, exponent = np.frexp(numbers)
    digits = np.ldexp(mantissa, 53).astype(np.int64)
    lowest = np.log2((digits & -digits).astype(np.float64)).astype(int) + exponent - 53
    return float(2.0 ** int(lowest.min()))


__all__ = ["Compared", "Iterator", "compared", "is_exact_in_any_order", "quantum"]
