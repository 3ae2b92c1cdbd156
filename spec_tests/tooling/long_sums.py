"""Right and wrong ways to add up, held to the statistical criterion: `python -m spec_tests.tooling.long_sums`.

    --rounds N    how many matrices of 4,096 sums of each kind the right ways are tried on (default 6)
    --check       write nothing: end with 1 where the tables do not say what was measured

It writes three tables. `long_sums_right.tsv` says how near to its limits each right way to add up came, the largest
share of all rounds: on terms of either sign the four statistics, on terms of one sign the worst case. All must be below
1.
`long_sums_defects.tsv` says which share of five rounds each defect is caught in, for each kind of sum and length.
`long_sums_by_operation.tsv` says which kind of sum each operation and gradient is, and which defects apply to it.

Of terms of one sign no detection is asked. The worst case (K + r)·u·Σ|terms| tells a dropped term, about 1/K of the
sum, up to K of about 4,000 in float32, and at every length in float64.

What is rounded toward zero is told apart at every length where it is added one by one or in sixteen partial sums. In
pairs it is so up to 1,152 products, or 576 plain terms, which are fewer sums: beyond, log2 K roundings in one direction
are less than the K roundings of either that are right, too.

A matrix product of 64 rows and 64 columns is 4,096 sums. They are all added up at once, one term of each after the
other: an array of partial sums, and a loop over the terms. Sums of plain terms are products whose second factor is 1.
"""

import csv
import sys
from argparse import ArgumentParser
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spec_tests.vocabulary.bounds import gamma
from spec_tests.vocabulary.exact_sums import DIGITS, Whole, as_floats, full_mantissas, products, shortened, sums
from spec_tests.vocabulary.formats import FORMATS
from spec_tests.vocabulary.long_sums import LENGTHS, ROWS, SIDE
from spec_tests.vocabulary.statistics import LongSums, Statistics, limits, measured

RIGHT_TABLE = Path(__file__).with_name("long_sums_right.tsv")
DEFECTS_TABLE = Path(__file__).with_name("long_sums_defects.tsv")
BY_OPERATION_TABLE = Path(__file__).with_name("long_sums_by_operation.tsv")

STATISTICS = tuple(Statistics.__annotations__)
DEFECT_ROUNDS = 5
PLAIN_SUMS = 1024
"""Sums of plain terms are fewer, since they share nothing."""

PARTIAL_SUMS = 16
"""Of blocked summation: as many as the lanes of two vector registers."""

Floats = npt.NDArray[Any]


@dataclass(frozen=True)
class Terms:
    """The factors of many sums of K products: x (m, K) and y (K, n); or plain terms, x (K, n) and no y."""

    x: Floats
    y: Floats | None

    def __len__(self) -> int:
        return self.x.shape[-1] if self.y is not None else len(self.x)

    def factors(self, k: int) -> tuple[Floats, Floats]:
        """Return the factors of term k of each sum."""
        return (self.x[k], np.ones_like(self.x[k])) if self.y is None else (self.x[:, k, np.newaxis], self.y[k])

    def __iter__(self) -> Iterator[Floats]:
        """Return the terms, one of each sum at a time, rounded as products are."""
        return iter(self.x) if self.y is None else (self.x[:, k, np.newaxis] * self.y[k] for k in range(len(self)))


def draw(seed: Sequence[int], terms: int, dtype: str, of: str, one_sign: bool) -> tuple[Terms, LongSums]:
    """Return the terms of 4,096 sums of products, or of 1,024 of plain terms, and their exact values."""
    rng = np.random.default_rng(seed)

    def full(*shape: int) -> Whole:
        whole = full_mantissas(rng, shape, dtype)
        return abs(whole) if one_sign else whole

    if of == "terms":
        x = full(terms, PLAIN_SUMS)
        return Terms(as_floats(x, dtype), None), LongSums(sums(x.T, dtype), terms, PLAIN_SUMS)
    x, y = full(SIDE, terms), full(terms, SIDE)
    return Terms(as_floats(x, dtype), as_floats(y, dtype)), LongSums(products(x, y, dtype), terms, SIDE)


# Right ways to add up


def sequential(terms: Terms) -> Floats:
    """One term after the other."""
    return _reduced(terms, np.add)


def blocked(terms: Terms) -> Floats:
    """Sixteen partial sums, each of every sixteenth term, and then those in pairs."""
    return _blocked(terms, np.add)


def pairwise(terms: Terms) -> Floats:
    """Halves of halves."""
    return _pairwise(terms, np.add)


def fused(terms: Terms) -> Floats:
    """One after the other, product and sum rounded together.

    The sum's error and the product's are added before the last rounding: all but one in 2^20 or so are as fused
    hardware has it.
    """
    total: Any = 0.0
    for k in range(len(terms)):
        x, y = terms.factors(k)
        product, lost = _two_product(x, y)
        near, rest = _two_sum(np.asarray(total, product.dtype), product)
        total = near + (rest + lost)
    return np.asarray(total)


def kahan(terms: Terms) -> Floats:
    """Compensated summation: what each addition loses is given to the next term."""
    total, lost = None, None
    for term in terms:
        if total is None or lost is None:
            total, lost = term, np.zeros_like(term)
            continue
        corrected = term - lost
        nearer = total + corrected
        lost = (nearer - total) - corrected
        total = nearer
    return np.asarray(total)


def blas(terms: Terms) -> Floats:
    """NumPy's own matrix product, or its sum."""
    return np.asarray(terms.x.sum(axis=0) if terms.y is None else terms.x @ terms.y)


RIGHT: dict[str, Callable[[Terms], Floats]] = {
    "sequential": sequential,
    "pairwise": pairwise,
    "blocked": blocked,
    "fused multiply-add": fused,
    "Kahan": kahan,
    "BLAS": blas,
}


def _reduced(terms: Any, add: Callable[[Floats, Floats], Floats]) -> Floats:
    total = None
    for term in terms:
        total = term if total is None else add(total, term)
    return np.asarray(total)


def _blocked(terms: Terms, add: Callable[[Floats, Floats], Floats]) -> Floats:
    partial_sums: list[Floats] = []
    for k, term in enumerate(terms):
        if k < PARTIAL_SUMS:
            partial_sums.append(term)
        else:
            partial_sums[k % PARTIAL_SUMS] = add(partial_sums[k % PARTIAL_SUMS], term)
    return _pairwise(partial_sums, add)


def _pairwise(terms: Any, add: Callable[[Floats, Floats], Floats]) -> Floats:
    """Add neighbours of one size, as the digits of a binary counter are carried."""
    waiting: list[tuple[int, Floats]] = []
    for term in terms:
        size, total = 1, term
        while waiting and waiting[-1][0] == size:
            size, total = 2 * size, add(waiting.pop()[1], total)
        waiting.append((size, total))
    return _reduced((total for _, total in reversed(waiting)), add)


def _two_sum(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Return a + b, rounded, and what was rounded off, exactly (Knuth)."""
    near = a + b
    of_b = near - a
    return near, (a - (near - of_b)) + (b - of_b)


def _two_product(x: Floats, y: Floats) -> tuple[Floats, Floats]:
    """Return x·y, rounded, and what was rounded off, exactly (Dekker; Veltkamp's splitting)."""
    near = x * y
    (x1, x0), (y1, y0) = _halves(x), _halves(y)
    return near, ((x1 * y1 - near) + x1 * y0 + x0 * y1) + x0 * y0


def _halves(x: Floats) -> tuple[Floats, Floats]:
    big = x * x.dtype.type(2 ** ((DIGITS[x.dtype.name] + 1) // 2) + 1)
    high = big - (big - x)
    return high, x - high


# Defects


def _shorter(digits: int, terms: Terms, _: np.random.Generator) -> Floats:
    assert terms.y is not None
    return blas(Terms(shortened(terms.x, digits), shortened(terms.y, digits)))


def _short_sums(digits: int, terms: Terms, _: np.random.Generator) -> Floats:
    return _reduced(terms, lambda a, b: shortened(a + b, digits))


def _miscounted(sign: int, terms: Terms, rng: np.random.Generator) -> Floats:
    """One term of one sum, dropped or doubled."""
    total, k = blas(terms), int(rng.integers(len(terms)))
    x, y = terms.factors(k)
    at = np.unravel_index(rng.integers(total.size), total.shape)
    total[at] += sign * (x * y)[at]
    return total


def _truncating(way: Callable[..., Floats], terms: Terms, _: np.random.Generator) -> Floats:
    return way(terms, _towards_zero)


def _towards_zero(a: Floats, b: Floats) -> Floats:
    near, lost = _two_sum(a, b)
    return np.where(near * lost < 0, np.nextafter(near, near.dtype.type(0)), near)


Defect = Callable[[Terms, np.random.Generator], Floats]

DEFECTS: dict[str, tuple[tuple[str, ...], tuple[str, ...], Defect]] = {
    "factors in TF32": (("products",), ("float32", "float64"), partial(_shorter, 11)),
    "factors in float16": (("products",), ("float32", "float64"), partial(_shorter, 11)),
    "factors in bfloat16": (("products",), ("float32", "float64"), partial(_shorter, 8)),
    "factors in float32": (("products",), ("float64",), partial(_shorter, 24)),
    "sums in float16": (("products", "terms"), ("float32", "float64"), partial(_short_sums, 11)),
    "sums in bfloat16": (("products", "terms"), ("float32", "float64"), partial(_short_sums, 8)),
    "sums in float32": (("products", "terms"), ("float64",), partial(_short_sums, 24)),
    "a term dropped": (("products", "terms"), ("float32", "float64"), partial(_miscounted, -1)),
    "a term doubled": (("products", "terms"), ("float32", "float64"), partial(_miscounted, 1)),
    "sequential sums cut off": (("products", "terms"), ("float32", "float64"), partial(_truncating, _reduced)),
    "blocked sums cut off": (("products", "terms"), ("float32", "float64"), partial(_truncating, _blocked)),
    "pairwise sums cut off": (("products", "terms"), ("float32", "float64"), partial(_truncating, _pairwise)),
}
"""Each defect, to which kinds of sums and which formats it applies, and how it adds up.

In the range of these numbers TF32 has the digits of float16. What is cut off is cut off by every addition: they round
toward zero.
"""


# What is measured


@dataclass(frozen=True)
class Nearest:
    """The largest shares of their limits, of so many sums."""

    sums: int
    shares: dict[str, float]


def shares_of_right_sums(way: str, terms: int, dtype: str, rounds: int, of: str, one_sign: bool) -> Nearest:
    """Return how near a right way to add up comes to the limits."""
    largest: dict[str, float] = {}
    for i in range(rounds):
        drawn, exact = draw([i, terms], terms, dtype, of, one_sign)
        for name, share in _shares(RIGHT[way](drawn), exact, dtype, one_sign).items():
            largest[name] = max(largest.get(name, 0.0), share)
    return Nearest(rounds * SIDE**2, largest)


def _shares(computed: Floats, exact: LongSums, dtype: str, one_sign: bool) -> dict[str, float]:
    if not one_sign:
        return measured(computed, exact, dtype).shares(limits(exact))
    bound = gamma(exact.terms, FORMATS[dtype].roundoff) * exact.exact.magnitudes
    return {"worst case": float((abs(exact.exact.errors(computed)) / bound).max())}


def is_caught(defect: Defect, drawn: Terms, exact: LongSums, dtype: str, rng: np.random.Generator) -> bool:
    """Tell whether a statistic is above its limit."""
    return max(_shares(defect(drawn, rng), exact, dtype, one_sign=False).values()) > 1


def right_rows(rounds: int, lengths: Sequence[int] = LENGTHS) -> Iterator[dict[str, str]]:
    """Measure the first table."""
    for dtype in DIGITS:
        for one_sign in (False, True):
            for terms in lengths:
                for way in RIGHT:
                    found = shares_of_right_sums(way, terms, dtype, rounds, "products", one_sign)
                    yield {
                        "way": way,
                        "signs": "one" if one_sign else "both",
                        "dtype": dtype,
                        "terms": str(terms),
                        "sums": str(found.sums),
                        **{name: f"{share:.3f}" for name, share in found.shares.items()},
                    }


def defect_rows(lengths: Sequence[int] = LENGTHS, rounds: int = DEFECT_ROUNDS) -> Iterator[dict[str, str]]:
    """Measure the second table."""
    for dtype in DIGITS:
        for of in ("products", "terms"):
            names = [name for name, (kinds, formats, _) in DEFECTS.items() if of in kinds and dtype in formats]
            caught = {name: dict.fromkeys(lengths, 0) for name in names}
            for terms in lengths:
                for i in range(rounds):
                    drawn, exact = draw([i, terms, 1], terms, dtype, of, one_sign=False)
                    for name in names:
                        rng = np.random.default_rng(i)
                        caught[name][terms] += is_caught(DEFECTS[name][2], drawn, exact, dtype, rng)
            for name in names:
                shares = {str(terms): f"{caught[name][terms] / rounds:g}" for terms in lengths}
                yield {"defect": name, "of": of, "dtype": dtype, **shares}


def operation_rows() -> Iterator[dict[str, str]]:
    """Return the third table, which needs no measuring."""
    for row in ROWS:
        applying = [name for name, (kinds, _, _) in DEFECTS.items() if row.of in kinds]
        yield {
            "operation": row.operation,
            "result": row.result,
            "of": row.of,
            "signs": "one" if row.one_sign else "both",
            "terms": " ".join(map(str, row.lengths)),
            "defects": "" if row.one_sign else ", ".join(applying),
        }


def table(file: Path) -> list[dict[str, str]]:
    """Return the rows of a table."""
    with file.open(encoding="utf-8", newline="") as opened:
        return [*csv.DictReader(opened, dialect="excel-tab")]


def _write(file: Path, rows: list[dict[str, str]], columns: Sequence[str]) -> None:
    with file.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.DictWriter(opened, columns, dialect="excel-tab", lineterminator="\n", restval="")
        writer.writeheader()
        writer.writerows(rows)


def main(arguments: Sequence[str]) -> int:
    """Measure the tables, and write or check them."""
    parser = ArgumentParser(prog="python -m spec_tests.tooling.long_sums", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args(arguments)
    columns = ("way", "signs", "dtype", "terms", "sums", *STATISTICS, "worst case")
    found = {
        DEFECTS_TABLE: ([*defect_rows()], ("defect", "of", "dtype", *map(str, LENGTHS))),
        BY_OPERATION_TABLE: ([*operation_rows()], ("operation", "result", "of", "signs", "terms", "defects")),
        RIGHT_TABLE: ([*right_rows(options.rounds)], columns),
    }
    right, _ = found[RIGHT_TABLE]
    shares = [float(row[name]) for row in right for name in (*STATISTICS, "worst case") if row.get(name)]
    print(f"{sum(int(row['sums']) for row in right):,} right sums, the largest share of a limit {max(shares)}")
    if options.check:
        return int(
            any(table(file) != [{c: row.get(c, "") for c in cs} for row in rs] for file, (rs, cs) in found.items())
        )
    for file, (rows, header) in found.items():
        _write(file, rows, header)
    return int(max(shares) > 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
