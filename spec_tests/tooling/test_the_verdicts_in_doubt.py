"""Verdicts where a bound alone says too little: no finite bound, one element among many, small systematic errors."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reference
import spec_tests
from spec_tests.tooling.public.models import half, many_lanes, normal, one_by_one, rows_products
from spec_tests.verdict import BadCase, bound, judge
from spec_tests.vocabulary.formats import rounded
from spec_tests.vocabulary.problems import SEEDS

pytestmark = pytest.mark.tooling

RIGHT = ("exact", "rounding")
MASKED = np.array([[-np.inf, 0, 1], [2, 0, -np.inf]], np.float32)


# Elements without a finite bound


@pytest.mark.parametrize("operation", ["softmax", "log_softmax"])
def test_a_masked_score_leaves_all_others_a_bound(operation):
    arguments = {"input": MASKED, "dim": 1, "grad_output": np.ones((2, 3), np.float32)}

    assert all(np.isfinite(one.bound).all() for one in bound(operation, arguments).values())


def test_a_masked_class_leaves_the_loss_a_bound():
    arguments = {"input": MASKED, "target": np.array([1, 0])}

    assert np.isfinite(bound("cross_entropy", arguments)["output"].bound)
    assert judge("cross_entropy", arguments, reference.cross_entropy(**arguments)).decision in RIGHT
    assert judge("cross_entropy", arguments, np.float32(50)).decision == "wrong"


@pytest.mark.parametrize("operation", ["softmax", "log_softmax"])
@pytest.mark.parametrize("number", [7.0, np.nan, np.inf])
def test_a_wrong_number_in_a_masked_row_is_wrong(operation, number):
    output = getattr(reference, operation)(MASKED, 1)
    assert judge(operation, {"input": MASKED, "dim": 1}, output).decision in RIGHT

    output[0, 1] = number

    assert judge(operation, {"input": MASKED, "dim": 1}, output).decision not in (*RIGHT, "cannot say")
    with pytest.raises(AssertionError):
        spec_tests.assert_within_bound(operation, {"input": MASKED, "dim": 1}, output)


def test_a_number_where_the_exact_value_is_infinite_is_wrong():
    output = reference.log_softmax(MASKED, 1)
    output[0, 0] = -1e30

    assert judge("log_softmax", {"input": MASKED, "dim": 1}, output).decision == "wrong"


def test_an_element_that_cannot_be_judged_leaves_the_decision_open():
    x = np.array([[6_400_000, 6_400_001, 6_400_003], [1, 2, 4]], np.float32)
    arguments, output = {"input": x, "normalized_shape": (3,)}, np.zeros((2, 3), np.float32)
    output[1] = reference.layer_norm(**arguments)[1]

    verdict = judge("layer_norm", arguments, output)

    assert verdict.decision == "cannot say" and verdict.exit_code == 3
    assert "3 of 6 elements have no finite bound" in verdict.text and "doubtful element" in verdict.text
    with pytest.raises(AssertionError, match=r"^cannot say"):
        spec_tests.assert_within_bound("layer_norm", arguments, output)


# Plain bugs that larger errors would hide


def halves(dtype):
    """Return arguments of a linear layer in a half format, and its right result."""
    x, w = (rounded(array, dtype) for array in normal(21, (8, 256), (16, 256)))
    return {"input": x, "weight": w}, rounded(x.astype(np.float64) @ w.T, dtype)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("off", [0.25, 1.0, 3.0, 10.0])
def test_one_wrong_element_in_half_is_no_matter_of_a_coarser_format(dtype, off):
    arguments, output = halves(dtype)
    output[2, 3] = rounded(output[2, 3] + off, dtype)

    verdict = judge("linear", arguments, output, dtype)

    assert verdict.decision == "wrong" and "output[2, 3]" in verdict.text


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_a_column_that_is_left_out_is_no_matter_of_a_coarser_format(dtype):
    arguments, _ = halves(dtype)
    x, w = (arguments[name].astype(np.float64) for name in ("input", "weight"))
    without = [np.delete(array, 100, axis=1) for array in (x, w)]

    assert judge("linear", arguments, rounded(without[0] @ without[1].T, dtype), dtype).decision == "wrong"


def test_a_last_term_that_is_left_out_is_named():
    arguments, _ = halves("float16")
    x, w = (arguments[name].astype(np.float64)[:, :-1] for name in ("input", "weight"))

    part = judge("linear", arguments, rounded(x @ w.T, "float16"), "float16").parts[0]

    assert (part.decision, part.explanation) == ("another convention", "without the last term")


@pytest.mark.parametrize("short", [True, False])
def test_sums_accumulated_in_float16_are_named_at_any_length(short):
    x, w = normal(22, (8, 300), (10, 300))
    x, w = (half(x), half(w)) if short else (x, w)
    output = one_by_one(half(rows_products(x, w)), np.float16).astype(np.float32)

    assert judge("linear", {"input": x, "weight": w}, output).parts[0].explanation == "sums in float16"


@pytest.mark.parametrize("off", [1e-4, 1e-3])
def test_one_wrong_element_is_no_matter_of_a_transform(off):
    x, w = normal(23, (2, 3, 8, 8), (4, 3, 3, 3))
    output = reference.conv2d(x, w, padding=1)
    output[1, 2, 3, 4] += np.float32(off)

    verdict = judge("conv2d", {"input": x, "weight": w, "padding": 1}, output)

    assert verdict.decision == "wrong" and "output[1, 2, 3, 4]" in verdict.text


POINTS = {
    "G": [
        [1 / 4, 0, 0],
        [-1 / 6] * 3,
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ],
    "B": [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ],
    "A": [[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]],
}
G, B, A = (np.array(rows, np.float32) for rows in POINTS.values())


@given(seed=SEEDS, channels=st.sampled_from([1, 3, 16]), outs=st.integers(1, 8), tiles=st.integers(1, 4))
@settings(max_examples=20, deadline=None)
def test_winograds_algorithm_is_rounding(seed, channels, outs, tiles):
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((1, channels, 4 * tiles, 4 * tiles)).astype(np.float32)
    w = rng.standard_normal((outs, channels, 3, 3)).astype(np.float32)
    padded, output = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)]), np.empty((1, outs, 4 * tiles, 4 * tiles), np.float32)
    for i, j in np.ndindex(tiles, tiles):
        tile = B @ padded[:, :, 4 * i : 4 * i + 6, 4 * j : 4 * j + 6] @ B.T
        output[:, :, 4 * i : 4 * i + 4, 4 * j : 4 * j + 4] = A @ np.einsum("ncij,ocij->noij", tile, G @ w @ G.T) @ A.T

    assert judge("conv2d", {"input": x, "weight": w, "padding": 1}, output).decision in RIGHT


# Within the bound, but not rounding


LONG = dict(zip(("input", "weight"), normal(24, (4, 4096), (8, 4096)), strict=True))
EXACT = LONG["input"].astype(np.float64) @ LONG["weight"].T.astype(np.float64)


def changed(output, change):
    """Return a copy of a result, as `change` leaves it, in float32."""
    output = output.copy()
    change(output)
    return output.astype(np.float32)


def one_off(output):
    """Add to one element."""
    output[1, 1] += 0.1


def all_off(output):
    """Add the same to all elements."""
    output += 0.02


def a_row_scaled(output):
    """Scale one row."""
    output[2] *= 1.0001


def a_row_off(output):
    """Add the same to one row."""
    output[3] += 0.03


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (one_off, "output[1, 1]"),
        (all_off, "all of them are off by 0.02"),
        (a_row_scaled, "those in [2, :] are 1.0001"),
        (a_row_off, "those in [3, :] are off by 0.0"),
    ],
)
def test_errors_within_their_bounds_that_rounding_seldom_makes_are_doubtful(change, said):
    verdict = judge("linear", LONG, changed(EXACT, change))

    assert verdict.decision == "cannot say" and verdict.exit_code == 3
    assert "within the bound, but rounding seldom makes such errors" in verdict.text and said in verdict.text


WAYS = {
    "sequential": one_by_one,
    "of positive numbers first": lambda terms: one_by_one(np.sort(terms, -1)[..., ::-1]),
    "of negative numbers first": lambda terms: one_by_one(np.sort(terms, -1)),
    "in 2 lanes": lambda terms: many_lanes(terms, 2),
    "in 64 lanes": lambda terms: many_lanes(terms, 64),
    "shuffled": lambda terms: one_by_one(np.random.default_rng(0).permutation(terms, axis=-1)),
    "shuffled one by one": lambda terms: one_by_one(np.random.default_rng(0).permuted(terms, axis=-1)),
}
NUMBERS = {
    "of both signs": lambda rng, shape: rng.standard_normal(shape),
    "positive": lambda rng, shape: abs(rng.standard_normal(shape)),
    "all equal": lambda rng, shape: np.full(shape, rng.standard_normal()),
    "of many sizes": lambda rng, shape: np.exp(3 * rng.standard_normal(shape)),
    "alternating": lambda rng, shape: abs(rng.standard_normal(shape)) * np.where(np.arange(shape[-1]) % 2, 1, -1),
    "mostly zero": lambda rng, shape: rng.standard_normal(shape) * (rng.random(shape) < 0.1),
    "far from 0": lambda rng, shape: 100 + rng.standard_normal(shape),
}


@given(
    seed=SEEDS,
    rows=st.integers(1, 5),
    outs=st.integers(1, 5),
    terms=st.sampled_from([16, 17, 64, 150, 577, 2048]),
    numbers=st.sampled_from(sorted(NUMBERS)),
    weights=st.sampled_from(["of both signs", "positive"]),
    way=st.sampled_from(sorted(WAYS)),
)
@settings(max_examples=60, deadline=None)
def test_no_order_of_a_sum_is_doubtful(seed, rows, outs, terms, numbers, weights, way):
    rng = np.random.default_rng(seed)
    x, w = NUMBERS[numbers](rng, (rows, terms)), NUMBERS[weights](rng, (outs, terms))
    x, w = x.astype(np.float32), w.astype(np.float32)

    verdict = judge("linear", {"input": x, "weight": w}, WAYS[way](rows_products(x, w)))

    assert verdict.decision in RIGHT, verdict


# False names, and what has none


def test_nan_that_spreads_to_another_row_is_wrong():
    x, w = normal(25, (2, 4), (3, 4))
    x[0, 1] = np.nan

    assert judge("linear", {"input": x, "weight": w}, np.full((2, 3), np.nan, np.float32)).decision == "wrong"


@pytest.mark.parametrize(
    ("operation", "numbers", "output"),
    [("relu", [1e-40, 2, 3e-42], [0, 2, 0]), ("sigmoid", [-100, 1], [0, 0.7310586])],
)
def test_numbers_flushed_to_0_are_named(operation, numbers, output):
    part = judge(operation, {"input": np.array(numbers, np.float32)}, np.array(output, np.float32)).parts[0]

    assert (part.decision, part.explanation, part.alternatives) == ("a coarser format", "flushed subnormals", ())


def test_an_activation_is_not_explained_by_sums():
    x = normal(26, (3, 40))[0]

    part = judge("relu", {"input": x}, np.maximum(half(x), 0)).parts[0]

    assert part.decision == "a coarser format" and "sums" not in part.because and "float16" in part.because


def test_axes_in_another_order_are_named_if_the_shape_stays_the_same():
    x, w = normal(27, (6, 9), (6, 9))
    images, kernels = normal(28, (2, 3, 8, 8), (4, 3, 3, 3))

    turned = judge("linear", {"input": x, "weight": w}, (x @ w.T).T).parts[0]
    planes = judge(
        "conv2d", {"input": images, "weight": kernels}, reference.conv2d(images, kernels).swapaxes(2, 3)
    ).parts[0]

    assert (turned.decision, turned.explanation) == ("another convention", "axes: (1, 0)")
    assert planes.explanation == "axes: (0, 1, 3, 2)"


# What is said


def test_of_two_outputs_the_one_that_keeps_nan_is_nearer():
    x = np.array([np.nan, 1, -1], np.float32)

    verdict = judge("relu", {"input": x}, np.array([np.nan, 1, 0]), other=np.array([0, 1, 0]), names=("a", "b"))

    assert verdict.nearer[0].name == "a"


def test_what_has_to_be_exact_has_no_share_of_a_bound():
    text = judge("relu", {"input": np.float32([[1, 2, -1]])}, np.float32([[1, 2, -0.01]])).text

    assert "has to be" in text and "%" not in text


def test_a_float32_result_that_is_stored_as_float64_is_said_to_be_right_in_float32():
    x, w = normal(29, (4, 64), (8, 64))

    verdict = judge("linear", {"input": x, "weight": w}, (x @ w.T).astype(np.float64))

    assert verdict.decision == "a coarser format" and "with --format float32 it is rounding" in verdict.text


def test_an_operation_that_there_is_not_is_answered_by_those_that_there_are():
    with pytest.raises(BadCase, match=r"there are conv1d, .*adagrad"):
        judge("gelu", {"input": np.ones(3)}, np.ones(3))


def test_the_state_of_an_optimizer_may_be_called_as_in_torch():
    param, grad, average, square = (abs(array) for array in normal(30, (4,), (4,), (4,), (4,)))
    state = {"exp_avg": average, "exp_avg_sq": square, "step": 3}
    after, _ = reference.adam(param, grad, state, 0.1)

    assert judge("adam", {"param": param, "grad": grad, "lr": 0.1, **state}, after).decision in RIGHT


def test_whole_numbers_are_written_in_full():
    x = np.array([[123_456_789_012]])

    text = judge("linear", {"input": x, "weight": np.array([[1]])}, x + 1).text

    assert "in int64" in text and "got 123456789013, exact 123456789012" in text


def test_an_option_is_named_before_what_is_further_from_hand():
    x = normal(31, (1, 2, 6, 6))[0]
    arguments = {"input": x, "kernel_size": 3, "stride": 1, "padding": 1}

    part = judge("avg_pool2d", arguments, reference.avg_pool2d(**arguments, count_include_pad=False)).parts[0]

    assert part.explanation == "count_include_pad=False"
