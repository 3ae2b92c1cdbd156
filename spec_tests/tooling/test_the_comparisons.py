"""The comparisons are themselves tested: what they refuse, what they say, and that their bounds are right and sharp.

Fractions are the judge here: every floating point number is one, and their arithmetic is exact.
"""

import operator
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spec_tests.vocabulary import ledger
from spec_tests.vocabulary.bounds import (
    ELEMENTARY_ULPS,
    Approximation,
    Rounded,
    formula,
    gamma,
    sum_bound,
)
from spec_tests.vocabulary.compare import assert_equal, assert_within
from spec_tests.vocabulary.formats import FORMATS, rounded
from spec_tests.vocabulary.problems import SEEDS, real_numbers

pytestmark = [pytest.mark.tooling, pytest.mark.slow]

nan, inf = np.nan, np.inf
FLOAT32, FLOAT64 = FORMATS["float32"], FORMATS["float64"]
RECORD = ledger.record


@pytest.fixture(autouse=True, scope="module")
def off_the_record():
    """Keep the comparisons of this file out of the summary, which names the largest error that was seen."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ledger, "record", lambda *_, **__: None)
        yield


# Exact equality


def array(*numbers, dtype="float32"):
    """Return these numbers as an array."""
    return np.array(numbers, dtype)


UNEQUAL = {
    "another number": (
        array(1, 2),
        array(1, 3),
        r"1 of 2 elements differ; first at \[1\]: got 2.0, expected 3.0",
    ),
    "the nearest number": (np.nextafter(array(1), 2), array(1), "got 1.0000001192092896, expected 1.0"),
    "NaN for a number": (array(nan), array(1), "got nan, expected 1.0"),
    "a number for NaN": (array(1), array(nan), "got 1.0, expected nan"),
    "an infinity for the largest number": (
        array(inf),
        np.finfo("float32").max.reshape(1),
        "got inf, expected 3.4",
    ),
    "the other infinity": (array(inf), array(-inf), "got inf, expected -inf"),
    "a number without axes": (np.float32(1), np.float32(2), "the only element differs: got 1.0, expected 2.0"),
    "the last element of a grid": (np.eye(2), np.ones((2, 2)), r"2 of 4 elements differ; first at \[0, 1\]: got 0.0"),
    "another shape": (array(1, 1), array(1), r"got shape \(2,\), expected \(1,\)"),
    "a shape that would broadcast": (np.ones((1, 2)), np.ones(2), r"got shape \(1, 2\), expected \(2,\)"),
    "a wider format": (array(1, dtype="float64"), array(1), "got dtype float64, expected float32"),
    "integers": (array(1, dtype="int64"), array(1), "got dtype int64, expected float32"),
    "a list": ([1.0], array(1), "got list, expected an array"),
    "nothing at all": (None, array(1), "got NoneType, expected an array"),
    "empty arrays": (array(), array(), r"nothing to compare: shape \(0,\) has no elements"),
}
"""What `assert_equal` gets, what it is told to expect, and what it says."""


@pytest.mark.parametrize("case", UNEQUAL)
def test_the_exact_comparison_refuses(case):
    actual, expected, message = UNEQUAL[case]

    with pytest.raises(AssertionError, match=message):
        assert_equal(actual, expected)


def test_exact_comparison_treats_nan_as_equal_and_ignores_the_sign_of_zero():
    assert_equal(array(nan, 0.0, inf, 1), array(nan, -0.0, inf, 1))


@given(seed=SEEDS)
def test_the_exact_comparison_finds_a_single_wrong_bit_anywhere(seed):
    rng = np.random.default_rng(seed)
    expected = real_numbers(rng, (2, 3, 4)).astype("float32")
    actual = expected.copy()
    at = tuple(rng.integers(expected.shape))
    actual[at] = np.nextafter(actual[at], np.float32(inf))

    with pytest.raises(AssertionError, match=rf"1 of 24 elements differ; first at \[{', '.join(map(str, at))}\]: got "):
        assert_equal(actual, expected)


# Within a bound


@given(exact=st.integers(1001, 2000), bound=st.integers(0, 1000), sign=st.sampled_from([-1, 1]))
def test_an_error_equal_to_its_bound_passes_and_the_next_number_fails(exact, bound, sign):
    farthest = array(exact + sign * bound)
    approximation = Approximation(array(exact, dtype="float64"), array(bound, dtype="float64"))

    assert_within(farthest, approximation, "float32")
    with pytest.raises(AssertionError, match=r"outside (its|their) bound"):
        assert_within(np.nextafter(farthest, np.float32(sign * inf)), approximation, "float32")


@pytest.mark.parametrize("bound", [array(0.5, 0.25, dtype="float64"), np.float64(0.25)], ids=["each", "one for all"])
def test_a_failed_bounded_comparison_says_where_what_it_got_the_error_and_the_bound(bound):
    approximation = Approximation(array(1, 5, dtype="float64"), bound)

    with pytest.raises(AssertionError) as refusal:
        assert_within(array(1, 5.5), approximation, "float32")

    assert str(refusal.value) == (
        "1 of 2 elements lie outside their bound; first at [1]: got 5.5, exact 5.0, error 0.5, bound 0.25"
    )


OUTSIDE = {
    "NaN": (array(nan), "the only element lies outside its bound: got nan, exact 1.0, error nan, bound 0.5"),
    "an infinity": (array(inf), "the only element lies outside its bound: got inf, exact 1.0, error inf, bound 0.5"),
    "another shape": (array(1, 1), r"got shape \(2,\), expected \(1,\)"),
    "a wider format than asked for": (array(1, dtype="float64"), "got dtype float64, expected float32"),
    "a number of Python": (1.0, "got float, expected an array"),
}
"""What `assert_within` gets for 1 ± 0.5 in float32, and what it says."""


@pytest.mark.parametrize("case", OUTSIDE)
def test_the_bounded_comparison_refuses(case):
    actual, message = OUTSIDE[case]

    with pytest.raises(AssertionError, match=message):
        assert_within(actual, Approximation(array(1, dtype="float64"), array(0.5, dtype="float64")), "float32")


def test_the_bounded_comparison_refuses_to_compare_nothing():
    with pytest.raises(AssertionError, match="nothing to compare"):
        assert_within(array(), Approximation(array(dtype="float64"), array(dtype="float64")), "float32")


@pytest.mark.parametrize(("exact", "bound"), [(nan, 1), (inf, 1), (1, inf), (1, nan)])
def test_a_bound_that_lets_everything_pass_is_an_error_of_the_test(exact, bound):
    with pytest.raises(ValueError, match="must be finite"):
        assert_within(array(1), Approximation(array(exact, dtype="float64"), array(bound, dtype="float64")), "float32")


def test_only_comparisons_that_held_are_recorded_with_their_share_of_the_bound(monkeypatch):
    entry = ledger.Entry("a test", "2.1")
    monkeypatch.setattr(ledger, "record", RECORD)
    monkeypatch.setattr(ledger, "_current", entry)
    approximation = Approximation(array(1, 1, dtype="float64"), array(0.5, 2, dtype="float64"))

    assert_within(array(1.25, 1.5), approximation, "float32")
    assert_equal(array(1, dtype="float64"), array(1, dtype="float64"))
    with pytest.raises(AssertionError):
        assert_within(array(9, 9), approximation, "float32")

    assert (entry.comparisons, entry.worst) == (2, {"float32": (0.5, 0.25, 0.5), "float64": (0, 0, 0)})


# γ


@given(count=st.integers(1, 10**6), bits=st.integers(21, 53))
def test_gamma_is_what_its_formula_says(count, bits):
    u = Fraction(1, 2**bits)
    exact = count * u / (1 - count * u)

    computed = Fraction(gamma(count, float(u)))

    assert (
        abs(computed - exact) <= Fraction(gamma(2, FLOAT64.roundoff)) * exact
    )  # a difference and a quotient are rounded


@given(count=st.integers(1, 100), bits=st.integers(7, 53))
def test_gamma_exceeds_the_error_of_that_many_successive_roundings(count, bits):
    u = Fraction(1, 2**bits)

    assert (1 + u) ** count - 1 <= Fraction(gamma(count, float(u)))
    assert 1 - (1 - u) ** count <= Fraction(gamma(count, float(u)))


def test_gamma_refuses_more_roundings_than_it_can_bound():
    with pytest.raises(ValueError, match=r"16777216 roundings of .* have no bound"):
        gamma(2**24, 2**-24)


# Sums of products


@pytest.mark.parametrize("number_format", ["float32", "float16", "bfloat16", "tf32"])
@given(count=st.integers(1, 8), scale=st.integers(-150, 8), seed=SEEDS)
def test_the_bound_of_a_sum_holds_for_every_order_of_adding_up(number_format, count, scale, seed):
    rng = np.random.default_rng(seed)
    left, right = (
        rounded(real_numbers(rng, (count,)) * 2.0**scale, number_format),
        rounded(real_numbers(rng, (count,)), number_format),
    )

    computed = rounded(added_up(list(factor(left, number_format) * factor(right, number_format)), rng), number_format)

    exact, magnitude = products(left, right)
    assert abs(Fraction(float(computed)) - exact) <= bound_of_sum(exact, magnitude, count, number_format)


@given(terms=st.lists(st.integers(1, 1000), min_size=1, max_size=20), at=st.integers(0))
def test_the_bound_of_a_sum_does_not_hold_if_a_term_is_dropped(terms, at):
    dropped = Fraction(terms[at % len(terms)])
    exact = Fraction(sum(terms))

    assert dropped > bound_of_sum(exact, exact, len(terms), "float32")


@given(terms=st.lists(st.integers(-100, 100), max_size=20), odd=st.integers(2**10, 2**11 - 1))
def test_the_bound_of_a_sum_does_not_hold_if_a_term_is_rounded_to_half(terms, odd):
    term = Fraction(2 * odd + 1, 2)  # of 12 significant bits, one more than float16 has
    exact, magnitude = sum(terms) + term, sum(map(abs, terms)) + term

    lost = abs(Fraction(float(rounded(float(term), "float16"))) - term)

    assert lost > bound_of_sum(exact, magnitude, len(terms) + 1, "float32")


def added_up(terms, rng):
    """Add float32 numbers two by two, in an order drawn at random."""
    while len(terms) > 1:
        one, other = (terms.pop(rng.integers(len(terms))) for _ in range(2))
        terms.append(one + other)
    return terms[0]


def factor(values, number_format):
    """Return the factors as the format multiplies them: TF32 keeps 11 significant bits of float32."""
    mantissa, exponent = np.frexp(values)
    return (
        np.ldexp(np.round(mantissa * 2**11) / 2**11, exponent).astype("float32") if number_format == "tf32" else values
    )


def products(left, right):
    """Return the exact sum of the products of these numbers, and that of their magnitudes."""
    exact = [Fraction(float(x)) * Fraction(float(y)) for x, y in zip(left, right, strict=True)]
    return sum(exact), sum(map(abs, exact))


def bound_of_sum(exact, magnitude, count, number_format):
    """Return the bound as a fraction."""
    return Fraction(float(sum_bound(np.float64(exact), np.float64(magnitude), count, number_format)))


# Formulas: numbers that carry their error

ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv}
ELEMENTARY = {"exp": np.exp, "log": np.log, "tanh": np.tanh}


@pytest.mark.parametrize("sign", ARITHMETIC)
@given(seed=SEEDS)
def test_what_float32_computes_is_within_the_error_of_the_rounded_number(sign, seed):
    x, y = float32_numbers(seed, 2)
    exact = ARITHMETIC[sign](Fraction(float(x)), Fraction(float(y)))

    number = ARITHMETIC[sign](Rounded.exactly(x, FLOAT32), Rounded.exactly(y, FLOAT32))

    assert abs(Fraction(float(ARITHMETIC[sign](x, y))) - exact) <= Fraction(float(number.error))


@pytest.mark.parametrize("sign", ARITHMETIC)
@given(seed=SEEDS)
def test_a_result_two_float32_numbers_away_is_outside_that_error(sign, seed):
    x, y = float32_numbers(seed, 2)
    exact = ARITHMETIC[sign](Fraction(float(x)), Fraction(float(y)))
    number = ARITHMETIC[sign](Rounded.exactly(x, FLOAT32), Rounded.exactly(y, FLOAT32))

    for direction in (inf, -inf):
        wrong = steps_away(ARITHMETIC[sign](x, y), direction, steps=2)
        assert abs(Fraction(float(wrong)) - exact) > Fraction(float(number.error))


@given(seed=SEEDS)
def test_errors_are_carried_through_a_formula(seed):
    a, b, c, d, e = float32_numbers(seed, 5)

    def evaluate(a, b, c, d, e):
        return (a * b + c) / d - abs(-e) * a

    number = evaluate(*[Rounded.exactly(value, FLOAT32) for value in (a, b, c, d, e)])
    exact = evaluate(*[Fraction(float(value)) for value in (a, b, c, d, e)])

    assert abs(Fraction(float(evaluate(a, b, c, d, e))) - exact) <= Fraction(float(number.error))


@given(seed=SEEDS)
def test_a_quotient_by_an_inexact_number_carries_the_errors_of_both(seed):
    a, b, c, d = abs(float32_numbers(seed, 4))

    number = (Rounded.exactly(a, FLOAT32) + b) / (Rounded.exactly(c, FLOAT32) * d)
    exact = (Fraction(float(a)) + Fraction(float(b))) / (Fraction(float(c)) * Fraction(float(d)))

    assert abs(Fraction(float((a + b) / (c * d))) - exact) <= Fraction(float(number.error))


@given(count=st.integers(1, 50), seed=SEEDS)
def test_a_sum_in_any_order_is_within_the_error_of_the_rounded_sum(count, seed):
    terms = float32_numbers(seed, count)

    computed = added_up(list(terms), np.random.default_rng(seed))

    error = Rounded.exactly(terms, FLOAT32).sum().error
    assert abs(Fraction(float(computed)) - sum(Fraction(float(term)) for term in terms)) <= Fraction(float(error))


@pytest.mark.parametrize("name", ELEMENTARY)
@given(seed=SEEDS)
def test_an_elementary_function_of_a_rounded_number_holds_for_numpy_and_torch(name, seed):
    x, y = np.minimum(abs(float32_numbers(seed, (2, 5))), 8)  # exp(88) is still a float32 number

    def evaluate(kind):
        return getattr(Rounded.exactly(x, kind) * y, name)()

    approximation = formula(evaluate, ELEMENTARY[name](x.astype("float64") * y.astype("float64")), "float32")

    assert_within(ELEMENTARY[name](x * y), approximation, "float32")
    assert_within(getattr(torch.from_numpy(x * y), name)().numpy(), approximation, "float32")


@pytest.mark.parametrize("name", ELEMENTARY)
@given(seed=SEEDS)
def test_an_elementary_function_may_err_by_no_more_units_than_stated(name, seed):
    x = abs(float32_numbers(seed, 5))
    value = ELEMENTARY[name](x.astype("float64"))

    error = getattr(Rounded.exactly(x, FLOAT32), name)().error

    assert_equal(error, ELEMENTARY_ULPS * 2 * FLOAT32.roundoff * abs(value) + ELEMENTARY_ULPS * 2 * FLOAT32.smallest)


@given(count=st.integers(1, 50), seed=SEEDS)
def test_the_error_bound_of_a_sum_is_at_most_one_rounding_per_term_plus_one(count, seed):
    terms = float32_numbers(seed, count)

    error = Rounded.exactly(terms, FLOAT32).sum().error

    magnitude = abs(terms.astype("float64")).sum()
    roundings = gamma(count + 1, FLOAT32.roundoff)
    assert error <= roundings * magnitude * (1 + roundings) + FLOAT32.smallest


def test_the_shape_operations_keep_every_error_with_its_number():
    number = Rounded(np.arange(6.0).reshape(2, 3), np.arange(6.0).reshape(2, 3), FLOAT32)

    moved = number.moveaxis(0, 1).reshape((6,)).where(np.arange(6) > 2)

    assert_equal(moved.value, np.array([0.0, 0, 0, 4, 2, 5]))
    assert_equal(moved.error, moved.value)


def test_sum_to_undoes_a_broadcast():
    number = Rounded.exactly(np.ones((4, 2, 3)), FLOAT32)

    assert_equal(number.sum_to((2, 1)).value, np.full((2, 1), 12.0))


def float32_numbers(seed, shape):
    """Return float32 numbers other than 0, of several orders of magnitude and both signs."""
    return real_numbers(
        np.random.default_rng(seed), np.empty(shape).shape if isinstance(shape, tuple) else (shape,)
    ).astype("float32")


def steps_away(value, direction, steps):
    """Return the float32 number so many numbers from this one."""
    for _ in range(steps):
        value = np.nextafter(value, np.float32(direction))
    return value


# Number formats

TORCH = {name: getattr(torch, name) for name in ("float32", "float64", "float16", "bfloat16")}


@pytest.mark.parametrize("number_format", TORCH)
def test_each_formats_unit_roundoff_and_smallest_number_agree_with_torch(number_format):
    info = torch.finfo(TORCH[number_format])

    assert FORMATS[number_format].roundoff == info.eps / 2
    assert FORMATS[number_format].smallest == info.tiny * info.eps


@pytest.mark.parametrize("number_format", ["float16", "bfloat16"])
@given(seed=SEEDS)
def test_rounding_to_a_half_format_agrees_with_torch_for_any_bits(number_format, seed):
    values = np.random.default_rng(seed).integers(2**32, size=100, dtype=np.uint32).view(np.float32)

    assert_equal(rounded(values, number_format), torch.from_numpy(values).to(TORCH[number_format]).float().numpy())


def test_every_nan_stays_nan_when_rounded_to_a_half_format():
    values = np.array([0x7F800001, 0x7FFFFFFF, 0xFF800001, 0xFFFFFFFF], np.uint32).view(np.float32)

    assert_equal(rounded(values, "bfloat16"), array(nan, nan, nan, nan))
    assert_equal(rounded(values, "float16"), array(nan, nan, nan, nan))


def numbers_halfway(number_format):
    """Return numbers halfway between two neighbours of a half format, its subnormals and its largest included."""
    neighbours = (
        torch.arange(0x7F80 if number_format == "bfloat16" else 0x7C00, dtype=torch.int16)
        .view(TORCH[number_format])
        .double()
    )
    halfway = (neighbours[1:] + neighbours[:-1]) / 2
    return np.concatenate(
        [halfway.numpy(), [float(neighbours[-1]) * (1 + FORMATS[number_format].roundoff / 2)]]
    ).astype("float32")


@pytest.mark.parametrize("number_format", ["float16", "bfloat16"])
def test_rounding_to_a_half_format_agrees_with_torch_at_every_tie(number_format):
    ties = numbers_halfway(number_format)

    assert_equal(rounded(ties, number_format), torch.from_numpy(ties).to(TORCH[number_format]).float().numpy())
    assert_equal(rounded(-ties, number_format), -rounded(ties, number_format))


@pytest.mark.parametrize(("number_format", "beyond"), [("float16", 65520.0), ("bfloat16", 3.4e38), ("float32", 1e39)])
def test_numbers_beyond_the_largest_of_a_format_round_to_infinity(number_format, beyond):
    assert_equal(rounded(np.array([beyond, -beyond]), number_format), array(inf, -inf))


@pytest.mark.parametrize("number_format", FORMATS)
@given(seed=SEEDS)
def test_a_rounded_number_is_rounded_to_itself(number_format, seed):
    once = rounded(real_numbers(np.random.default_rng(seed), (50,)), number_format)

    assert_equal(rounded(once, number_format), once)


@pytest.mark.parametrize("number_format", FORMATS)
@given(scale=st.integers(-140, 8), seed=SEEDS)
def test_rounding_errs_by_at_most_the_unit_roundoff(number_format, scale, seed):
    value = real_numbers(np.random.default_rng(seed), ()) * 2.0**scale
    value = np.float32(value)  # `rounded` starts from float32

    error = abs(Fraction(float(rounded(value, number_format))) - Fraction(float(value)))

    assert error <= max(
        Fraction(FORMATS[number_format].roundoff) * abs(Fraction(float(value))),
        Fraction(FORMATS[number_format].smallest) / 2,
    )
