"""The statistical criterion: exact sums, limits that right sums keep, and what it catches and what it does not."""

from fractions import Fraction
from math import log

import numpy as np
import pytest

import reference
from spec_tests.tooling import long_sums
from spec_tests.vocabulary.exact_sums import (
    DIGITS,
    Exact,
    as_floats,
    exact_matmul,
    exact_sum,
    exponentials,
    full_mantissas,
    products,
    shortened,
    sums,
)
from spec_tests.vocabulary.formats import FORMATS
from spec_tests.vocabulary.long_sums import LENGTHS, ROWS
from spec_tests.vocabulary.operations import OPERATIONS
from spec_tests.vocabulary.statistics import LongSums, Statistics, assert_rounds_independently, limits_of_sums, measured

pytestmark = pytest.mark.tooling

formats = pytest.mark.parametrize("dtype", DIGITS)
lengths = pytest.mark.parametrize("terms", LENGTHS)

# Exact values


@formats
@lengths
def test_sums_of_products_are_those_of_fractions(dtype, terms):
    rng = np.random.default_rng(terms)
    a, b = full_mantissas(rng, (1, terms), dtype), full_mantissas(rng, (terms, 2), dtype)
    x, y = ([[Fraction(v) for v in row] for row in as_floats(w, dtype).tolist()] for w in (a, b.T))

    exact = products(a, b, dtype)

    for i, j in np.ndindex(1, 2):
        terms_of = [p * q for p, q in zip(x[i], y[j], strict=True)]
        assert Fraction(exact.numerators[i, j], int(exact.denominators)) == sum(terms_of)
        assert exact.norms[i, j] == pytest.approx(float(sum(t * t for t in terms_of)) ** 0.5)
        assert exact.magnitudes[i, j] == pytest.approx(float(sum(map(abs, terms_of))))


@lengths
def test_no_product_of_pieces_rounds_be_all_numbers_as_large_as_can_be(terms):
    largest = np.full((1, terms), 2**53 - 1)

    assert exact_matmul(largest, -largest.T).tolist() == [[-terms * (2**53 - 1) ** 2]]


@formats
@lengths
def test_sums_of_plain_terms_are_those_of_fractions(dtype, terms):
    a = full_mantissas(np.random.default_rng(terms), (2, terms), dtype)

    exact = sums(a, dtype)

    for i in range(2):
        total = sum(map(Fraction, as_floats(a, dtype)[i].tolist()))
        assert Fraction(exact.numerators[i], int(exact.denominators)) == total
    assert exact_sum(a).tolist() == [sum(row) for row in a.tolist()]


@formats
def test_an_error_is_a_difference_of_fractions(dtype):
    exact = Exact(np.array([1, -2], object), np.array(3, object), np.ones(2), np.ones(2))
    computed = np.array([1 / 3, -2 / 3], FORMATS[dtype].arrays)

    expected = [float(Fraction(value) - third) for value, third in zip(computed.tolist(), THIRDS, strict=True)]

    assert exact.errors(computed).tolist() == expected
    assert expected[0] != 0


THIRDS = (Fraction(1, 3), Fraction(-2, 3))


def test_the_sum_of_exponentials_has_more_digits_than_float64():
    steps = np.array([[0, 1, 2**16, 2**18 - 1]])

    (total,), one = exponentials(steps, 16)

    def exp(x):  # the series, which ends far below 2^-150
        term, result = Fraction(1), Fraction(0)
        for n in range(1, 80):
            result += term
            term *= x / n
        return result

    expected = sum(exp(Fraction(-int(step), 2**16)) for step in steps[0])
    assert abs(Fraction(total, one) - expected) < Fraction(1, 2**150)


@formats
def test_full_mantissas_have_all_digits_and_either_sign(dtype):
    drawn = full_mantissas(np.random.default_rng(0), (10_000,), dtype)

    assert {int(v).bit_length() for v in abs(drawn)} == {DIGITS[dtype]}
    assert (drawn % 2).mean() == pytest.approx(1 / 2, abs=0.03)
    assert (drawn > 0).mean() == pytest.approx(1 / 2, abs=0.03)
    assert (shortened(as_floats(drawn, dtype), 23) != as_floats(drawn, dtype)).mean() > 0.45


# Limits


def test_too_few_sums_are_refused():
    with pytest.raises(ValueError, match="999 sums are too few"):
        limits_of_sums(64, 999, 999)


@lengths
def test_the_limits_are_the_formulas_solved(terms):
    found, t, size, n = limits_of_sums(terms, 4096, 64), log(9e6), 4096, 64

    c = found.mean**2 * size / (2 * terms / 3 * t)
    x = found.largest**2 / (2 * terms / 3 * (t + log(size)))
    assert c - 1 - log(c) == pytest.approx(2 * t / n)
    assert x - 1 - log(x) == pytest.approx(2 * (t + log(size)))
    square = c + 2 * (c * x * t / size) ** 0.5 + 2 * x * t / size
    assert found.root_mean_square**2 == pytest.approx(terms / 3 * square)


def test_sequential_sums_err_as_the_derivation_says():
    """A rounding error is uniform on half a unit, u·2^e, not u·|s|: of all mantissas the mean of 4^e/s² is 0.541."""
    terms, found = 1152, []
    for seed in range(4):
        drawn, exact = long_sums.draw([seed], terms, "float32", "products", one_sign=False)
        found.append(measured(long_sums.sequential(drawn), exact, "float32").root_mean_square ** 2)

    assert np.mean(found) == pytest.approx(0.541 * (terms + 3) / 6, rel=0.1)


@pytest.mark.parametrize("statistic", list(Statistics.__annotations__))
def test_each_statistic_can_fail_by_itself(statistic):
    rng, size = np.random.default_rng(0), 4096
    allowed, signs = limits_of_sums(64, size, size), rng.choice([-1, 1], size)
    errors = {
        "root_mean_square": 1.1 * allowed.root_mean_square * signs * rng.choice([-1, 1], size),
        "mean": np.full(size, 1.5 * allowed.mean),
        "mean_away_from_zero": -1.5 * allowed.mean_away_from_zero * signs,
        "largest": 1.1 * allowed.largest * (np.arange(size) == 7),
    }[statistic]
    values, norms = signs * 2**40, np.full(size, 2.0**53 * 2**10)  # an error of 1 is 2^10, so that rint takes little
    exact = Exact(values.astype(object), np.array(1, object), norms, norms)
    computed = (values + np.rint(errors * 2**10)).astype(np.float64)

    with pytest.raises(AssertionError, match=f"the {statistic.replace('_', ' ')} is"):
        assert_rounds_independently(computed, LongSums(exact, 64, size), "float64")


# What is right and what is wrong


RIGHT = long_sums.table(long_sums.RIGHT_TABLE)
DEFECTS = long_sums.table(long_sums.DEFECTS_TABLE)


def test_more_than_a_million_right_sums_were_tried_and_none_rejected():
    assert sum(int(row["sums"]) for row in RIGHT) > 1_000_000
    assert {(row["way"], row["signs"], row["dtype"], int(row["terms"])) for row in RIGHT} == {
        (way, signs, dtype, terms)
        for way in long_sums.RIGHT
        for signs in ("both", "one")
        for dtype in DIGITS
        for terms in LENGTHS
    }
    assert max(map(float, shares_in(RIGHT))) < 1


def shares_in(rows):
    return [row[name] for row in rows for name in (*long_sums.STATISTICS, "worst case") if row[name]]


def test_every_defect_is_always_caught_but_where_pairs_are_cut_off():
    missed = {row["defect"] for row in DEFECTS for terms in LENGTHS if float(row[str(terms)]) < 1}

    assert {row["defect"] for row in DEFECTS} == set(long_sums.DEFECTS)
    assert missed <= {"pairwise sums cut off"}


def test_the_table_says_which_defects_apply_to_each_operation_and_gradient():
    assert long_sums.table(long_sums.BY_OPERATION_TABLE) == [*long_sums.operation_rows()]


@pytest.mark.slow
@formats
@lengths
def test_right_ways_to_add_up_are_accepted(dtype, terms):
    for way in long_sums.RIGHT:
        for one_sign in (False, True):
            found = long_sums.shares_of_right_sums(way, terms, dtype, 1, "products", one_sign)
            assert max(found.shares.values()) < 1, way


@pytest.mark.slow
def test_measured_again_the_table_of_defects_is_the_same_up_to_1152_terms():
    lengths = [terms for terms in LENGTHS if terms <= 1152]
    again = [*long_sums.defect_rows(lengths)]

    assert again == [{name: row[name] for name in again[0]} for row in DEFECTS]


PRODUCTS = [row for row in ROWS if row.of == "products" and not row.one_sign]


@pytest.mark.slow
@pytest.mark.parametrize("row", PRODUCTS, ids=[row.name for row in PRODUCTS])
@pytest.mark.parametrize("digits", [11, 8])
@formats
def test_shortened_factors_are_caught_in_every_operation(row, digits, dtype):
    case = row.case(1152, dtype)
    (problem,) = case.calls
    parameters = ("running_mean", "running_var")
    short = {
        name: value if value is None or name in parameters else shortened(value, digits)
        for name, value in {**problem.arrays, "grad_output": problem.grad_output}.items()
    }
    shorter = type(case)((problem.changed(**short),), case.result, case.read, case.sums)

    assert_rounds_independently(case.computed(reference), case.sums, dtype)
    with pytest.raises(AssertionError, match="root mean square"):
        assert_rounds_independently(shorter.computed(reference), case.sums, dtype)


OF_BOTH_SIGNS = [row for row in ROWS if not row.one_sign]
DRIVEN_BY = {"cross_entropy": "target", "mse_loss": "input"}
"""The argument whose numbers are the terms, where it is neither the output's input nor the gradient's grad_output."""


@pytest.mark.slow
@pytest.mark.parametrize("row", OF_BOTH_SIGNS, ids=[row.name for row in OF_BOTH_SIGNS])
@pytest.mark.parametrize("times", [0, 2])
def test_a_number_that_is_dropped_or_added_twice_is_caught_in_every_operation(row, times):
    case = row.case(576, "float32")
    first, *others = case.calls
    name = DRIVEN_BY.get(row.operation, "input" if row.result in ("output", "mean") else "grad_output")
    numbers = getattr(first, name).copy()
    place = (-1, 0) if row.name == "cross_entropy-output" else (-1,) * numbers.ndim
    numbers[place] *= times
    wrong = type(case)((first.changed(**{name: numbers}), *others), case.result, case.read, case.sums)

    with pytest.raises(AssertionError, match="of the errors of"):
        assert_rounds_independently(wrong.computed(reference), case.sums, "float32")


NO_LONG_SUM = {
    "flatten": "copies",
    "pad": "copies; a gradient adds up the few cells that show the same one",
    "max_pool1d": "copies; a gradient adds up the few windows over a cell",
    "max_pool2d": "copies; a gradient adds up the few windows over a cell",
    "max_pool3d": "copies; a gradient adds up the few windows over a cell",
    "relu": "element by element",
    "sigmoid": "element by element",
    "tanh": "element by element",
}


def test_every_operation_has_a_row_or_a_reason_for_having_none():
    with_rows = {row.operation.removesuffix("_statistics") for row in ROWS}

    assert with_rows.isdisjoint(NO_LONG_SUM)
    assert with_rows | set(NO_LONG_SUM) == set(OPERATIONS)


def test_every_row_is_of_an_operation_and_has_a_name_of_its_own():
    names = [row.name for row in ROWS]

    assert len(set(names)) == len(names)
    for row in ROWS:
        gradients = OPERATIONS[row.operation.removesuffix("_statistics")].gradients
        assert row.result in (*gradients, "output", "mean", "variance")
