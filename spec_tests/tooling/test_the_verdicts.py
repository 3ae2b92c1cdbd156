"""Verdicts: right results are never judged wrong, and what is planted is found and named."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reference
import spec_tests
from spec_tests.tooling.public.models import (
    bf16,
    half,
    many_lanes,
    normal,
    one_by_one,
    rows_products,
    tf32,
    winograd_2_3,
)
from spec_tests.verdict import BadCase, bound, judge
from spec_tests.verdict.deciding import DECISIONS
from spec_tests.vocabulary.formats import rounded
from spec_tests.vocabulary.operations import GRADIENTS, OPERATIONS
from spec_tests.vocabulary.problems import SEEDS, real_numbers, whole_numbers

pytestmark = pytest.mark.tooling

RIGHT = ("exact", "rounding")
X, W = normal(1, (4, 64), (8, 64))
LINEAR = {"input": X, "weight": W}
IMAGES, KERNELS = normal(2, (2, 3, 8, 8), (4, 3, 3, 3))
CONV = {"input": IMAGES, "weight": KERNELS, "padding": 1}


def decision(operation, arguments, output, dtype=None):
    """Return the decision on a result."""
    return judge(operation, arguments, output, dtype).decision


# Right results


ORDERS = {
    "sequential": one_by_one,
    "backwards": lambda terms: one_by_one(terms[..., ::-1]),
    "in lanes": many_lanes,
    "pairwise": lambda terms: terms.sum(-1),  # NumPy's way
    "shuffled": lambda terms: one_by_one(np.random.default_rng(0).permutation(terms, axis=-1)),
    "fused": lambda terms: fused(terms),
}


def fused(terms):
    """Add exact products up in order, rounding each sum to float32."""
    total = np.zeros(terms.shape[:-1], np.float32)
    for column in np.moveaxis(terms.astype(np.float64), -1, 0):
        total = (total + column).astype(np.float32)
    return total


@given(
    seed=SEEDS,
    rows=st.integers(1, 4),
    outs=st.integers(1, 4),
    terms=st.sampled_from([1, 2, 3, 8, 27, 64, 577]),
    numbers=st.sampled_from([real_numbers, whole_numbers, lambda rng, shape: abs(real_numbers(rng, shape))]),
    order=st.sampled_from(sorted(ORDERS)),
    dtype=st.sampled_from(["float32", "float16", "bfloat16"]),
)
@settings(max_examples=60)
def test_sums_in_any_order_are_exact_or_rounded(seed, rows, outs, terms, numbers, order, dtype):
    rng = np.random.default_rng(seed)
    x, w = (rounded(numbers(rng, (count, terms)), dtype) for count in (rows, outs))
    factors = x.astype(np.float64)[:, None] * w if order == "fused" else rows_products(x, w)

    output = rounded(ORDERS[order](factors), dtype)

    assert decision("linear", {"input": x, "weight": w}, output, dtype) in RIGHT


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_references_are_exact_or_rounded_in_every_format(operation):
    for problem in drawn(operation, 3):
        for dtype in ("float32", "float64", "float16", "bfloat16"):
            verdict = judge(operation, *answers(problem.at(dtype), dtype), dtype)
            assert {part.decision for part in verdict.parts} <= {*RIGHT, "cannot say"}, verdict


def drawn(operation, count):
    """Return a typical problem of an operation, and some drawn ones, half of them with any numbers to send back."""
    found = [OPERATIONS[operation].typical]

    @given(OPERATIONS[operation].any_problem)
    @settings(max_examples=count, derandomize=True, database=None, deadline=None)
    def collect(problem):
        found.append(problem)

    collect()
    rng = np.random.default_rng(0)
    return [
        problem if i % 2 else problem.changed(grad_output=real_numbers(rng, problem.grad_output.shape))
        for i, problem in enumerate(found)
    ]


def answers(problem, dtype, layers=reference):
    """Return the arguments of a problem, and what layers make of it, by the names of the parts."""
    with np.errstate(all="ignore"):
        grads = problem.backward(layers)
        output = np.asarray(problem.forward(layers))
    grads = grads if isinstance(grads, tuple) else (grads,)
    named = zip(GRADIENTS[problem.operation], grads, strict=True)
    parts = {"output": output} | {f"grad_{name}": grad for name, grad in named if grad is not None}
    held = {name: rounded(part, dtype) if part.dtype.kind == "f" else part for name, part in parts.items()}
    return {**problem.arrays, **problem.options, "grad_output": problem.grad_output}, held


def test_whole_numbers_through_a_transform_are_rounding_of_a_transform():
    x = np.random.default_rng(3).integers(-9, 9, (1, 8, 8, 8)).astype(np.float32)
    w = np.random.default_rng(4).integers(-3, 3, (4, 8, 3, 3)).astype(np.float32)
    shaken = winograd_2_3(x, w) + normal(5, (1, 4, 8, 8), scale=2e-6)[0]

    verdict = judge("conv2d", {"input": x, "weight": w, "padding": 1}, shaken)

    assert verdict.decision == "rounding" and "transform" in verdict.text


def test_a_result_that_is_the_exact_value_is_exact():
    x = np.arange(6, dtype=np.float32).reshape(2, 3)

    assert judge("linear", {"input": x, "weight": x}, x @ x.T).text.startswith("exact")


def test_rounding_names_the_way_in_which_the_sum_was_added_up():
    explained = {
        name: judge("linear", LINEAR, add(rows_products(X, W))).parts[0].explanation
        for name, add in (("sequential", one_by_one), ("blocked", lambda terms: many_lanes(terms, 16)))
    }

    assert explained["sequential"] == "sequential"
    assert explained["blocked"] in ("blocked", "pairwise")


def test_partial_sums_that_may_overflow_leave_the_decision_open():
    x, w = np.array([[3e38, 3e38, -3e38]], np.float32), np.ones((1, 3), np.float32)

    verdict = judge("linear", {"input": x, "weight": w}, np.array([[np.inf]], np.float32))

    assert (verdict.decision, verdict.exit_code) == ("cannot say", 3)


def test_sums_that_a_bound_says_nothing_about_leave_the_decision_open():
    x = np.array([[6_400_000, 6_400_001, 6_400_003]], np.float32)

    assert decision("layer_norm", {"input": x, "normalized_shape": (3,)}, np.zeros((1, 3), np.float32)) == "cannot say"


# Coarser formats


PLANTED = {
    "TF32": lambda x, w: tf32(x) @ tf32(w).T,
    "TF32, cut off": lambda x, w: tf32(x, cut=True) @ tf32(w, cut=True).T,
    "bfloat16": lambda x, w: bf16(x) @ bf16(w).T,
    "float16": lambda x, w: half(x * 1e-6) @ half(w).T * np.float32(1e6),
}


@pytest.mark.parametrize("fmt", ["TF32", "TF32, cut off", "bfloat16"])
@pytest.mark.parametrize("terms", [4, 64, 2048])
def test_shortened_factors_are_named_at_any_length(fmt, terms):
    x, w = normal(6, (4, terms), (8, terms))

    part = judge("linear", {"input": x, "weight": w}, PLANTED[fmt](x, w)).parts[0]

    assert (part.decision, part.explanation) == ("a coarser format", f"factors in {fmt}")


@pytest.mark.parametrize("fmt", ["bfloat16", "float16"])
@pytest.mark.parametrize("terms", [4, 2048])
def test_a_result_stored_in_half_is_named_at_any_length(fmt, terms):
    x, w = normal(7, (4, terms), (8, terms))

    part = judge("linear", {"input": x, "weight": w}, rounded(x @ w.T, fmt)).parts[0]

    assert (part.decision, part.explanation) == ("a coarser format", f"stored in {fmt}")


def test_sums_accumulated_in_half_are_a_coarser_format():
    with np.errstate(over="ignore"):
        output = one_by_one(half(rows_products(X, W)), np.float16).astype(np.float32)

    assert judge("linear", LINEAR, output).parts[0].decision == "a coarser format"


def test_float64_that_was_computed_in_float32_is_a_coarser_format():
    x, w = (array.astype(np.float64) / 3 for array in (X, W))

    part = judge(
        "linear", {"input": x, "weight": w}, (x.astype(np.float32) @ w.astype(np.float32).T).astype(float)
    ).parts[0]

    assert part.decision == "a coarser format" and "float32" in part.because


def test_a_variance_from_one_pass_is_named():
    x = (np.float32(1000) + np.arange(24, dtype=np.float32).reshape(2, 12) / np.float32(64)).astype(np.float32)
    mean = x.mean(-1, keepdims=True)
    var = (x * x).mean(-1, keepdims=True) - mean * mean
    output = (x - mean) / np.sqrt(np.maximum(var, 0) + np.float32(1e-5))

    part = judge("layer_norm", {"input": x, "normalized_shape": (12,)}, output).parts[0]

    assert part.decision == "a coarser format" and "one pass" in part.because


def test_what_rounding_explains_is_not_taken_for_a_coarser_format():
    short = tf32(X)  # all factors have few digits: a right sum of them is also one of shortened ones
    verdict = judge("linear", {"input": short, "weight": tf32(W)}, one_by_one(rows_products(short, tf32(W))))

    assert verdict.decision == "rounding"


# Other conventions and wrong results


def test_a_flipped_kernel_is_named():
    part = judge("conv2d", CONV, reference.conv2d(IMAGES, KERNELS[..., ::-1, ::-1], padding=1)).parts[0]

    assert (part.decision, part.explanation) == ("another convention", "flips_the_kernel")
    assert "turned around" in part.because


def test_channels_last_are_named_by_their_shape():
    part = judge("conv2d", CONV, reference.conv2d(**CONV).transpose(0, 2, 3, 1)).parts[0]

    assert (part.decision, part.explanation) == ("another convention", "axes: channels last")


def test_conventions_that_cannot_be_told_apart_are_all_named():
    x = np.ones((2, 3), np.float32)
    right = reference.softmax(x, 0)

    part = judge("softmax", {"input": x, "dim": 0}, np.full((2, 3), 1 / 3, np.float32)).parts[0]

    assert right[0, 0] == 0.5 and part.decision == "another convention"
    assert part.alternatives and "or" in part.because


def test_a_single_wrong_element_is_drawn_and_no_convention_is_made_of_it():
    output = reference.conv2d(**CONV)
    output[1, 2, 3, 4] += 1
    verdict = judge("conv2d", CONV, output)

    assert verdict.decision == "wrong" and verdict.exit_code == 1
    assert (
        "1 of 512 elements lies outside its bound" in verdict.text
        and "output[1, 2, 3, 4]" in verdict.text
        and "*" in verdict.text
    )


def test_the_part_of_a_result_that_is_wrong_is_said():
    output = reference.conv2d(**CONV)
    output[:, 3, 2:] += normal(10, (2, 6, 8))[0]

    assert "all of them in [:, 3, 2:8, :]" in judge("conv2d", CONV, output).text


def test_the_worst_element_is_drawn_beside_the_first():
    output = reference.conv2d(**CONV)
    output[0, 0, 0, 0] += 1
    output[1, 3, 7, 7] += 9

    text = judge("conv2d", CONV, output).text

    assert "first wrong element, output[0, 0, 0, 0]" in text and "worst wrong element, output[1, 3, 7, 7]" in text


def test_whole_numbers_leave_no_room_for_a_wrong_one():
    x, w = (np.random.default_rng(seed).integers(-4, 5, (3, 4096)).astype(np.float32) for seed in (8, 9))
    output = x @ w.T
    output[0, 0] += 1

    assert bound("linear", {"input": x, "weight": w})["output"].bound[0, 0] > 1
    assert decision("linear", {"input": x, "weight": w}, output) == "wrong"


def test_a_constant_factor_is_said():
    assert "1.01 times the exact ones" in judge("linear", LINEAR, (X @ W.T) * np.float32(1.01)).text


def test_nan_where_a_number_belongs_is_wrong():
    output = X @ W.T
    output[0, 0] = np.nan

    assert decision("linear", LINEAR, output) == "wrong"


def test_nan_where_nan_belongs_is_right():
    x = X.copy()
    x[0, 0] = np.nan
    with np.errstate(invalid="ignore"):
        output = x @ W.T

    assert decision("linear", {"input": x, "weight": W}, output) in RIGHT


# Two outputs


def test_of_two_outputs_the_nearer_one_is_named():
    verdict = judge("linear", LINEAR, X @ W.T, other=tf32(X) @ tf32(W).T, names=("cpu", "gpu"))

    assert verdict.nearer[0].name == "cpu" and "of both, cpu is right" in verdict.text
    assert verdict.decision == "a coarser format" and verdict.exit_code == 1


def test_two_right_outputs_are_both_right():
    products = rows_products(X, W)
    verdict = judge("linear", LINEAR, one_by_one(products), other=products.sum(-1))

    assert verdict.is_right and "both are right" in verdict.text and verdict.exit_code == 0


def test_two_wrong_outputs_are_neither_right():
    assert "neither output is right" in judge("linear", LINEAR, X @ W.T + 1, other=X @ W.T - 1).text


def test_a_verdict_is_data_too():
    data = json.loads(json.dumps(judge("linear", LINEAR, X @ W.T + 1, other=X @ W.T).as_json()))

    assert data["decision"] == "wrong" and data["nearer"]["output"]["output"] == "other"
    assert data["outputs"]["output"][0]["first"] == [0, 0] and data["outputs"]["other"][0]["decision"] in DECISIONS


# Bounds, and the assertion


def test_a_bound_is_0_where_the_exact_value_must_be_met():
    found = bound("relu", {"input": X, "grad_output": X})

    assert not found["output"].bound.any() and not found["grad_input"].bound.any()


def test_bounds_of_a_gradient_alone_leave_the_output_out():
    assert set(bound("linear_backward", {**LINEAR, "grad_output": X @ W.T})) == {"grad_input", "grad_weight"}


def test_the_bound_of_half_is_wider_than_that_of_single():
    wide, narrow = (bound("linear", LINEAR, dtype)["output"].bound for dtype in ("float16", "float32"))

    assert (wide > narrow).all()


def test_an_optimizer_has_bounds_for_its_state():
    found = bound("adam", {"param": X[0], "grad": X[1], "state": {}, "lr": 0.1})

    assert set(found) == {"next_param", "next_exp_avg", "next_exp_avg_sq", "next_step"}


def test_the_gradient_of_a_cell_that_wins_twice_may_round():
    x = np.zeros((1, 1, 1, 3), np.float32)
    x[..., 1] = 1
    g = np.array([[[[1.0, 2.0**-24]]]], np.float32)

    found = bound("max_pool2d", {"input": x, "kernel_size": (1, 2), "stride": 1, "grad_output": g})["grad_input"]

    assert found.bound[0, 0, 0, 1] > 0 and not found.bound[0, 0, 0, 0]


def test_the_assertion_passes_a_right_result_and_prints_the_verdict_on_a_wrong_one():
    spec_tests.assert_within_bound("linear", LINEAR, X @ W.T)

    with pytest.raises(AssertionError, match=r"^wrong: linear in float32"):
        spec_tests.assert_within_bound("linear", LINEAR, X @ W.T + 1)


def test_gradients_are_judged_by_name():
    g = X @ W.T
    grads = dict(zip(("grad_input", "grad_weight"), reference.linear_backward(g, X, W), strict=False))
    verdict = judge("linear", {**LINEAR, "grad_output": g}, {**grads, "grad_weight": grads["grad_weight"] / 4})

    assert [part.decision for part in verdict.parts] == ["rounding", "wrong"]
    assert "0.25 times the exact ones" in verdict.text


# Questions that make no sense


@pytest.mark.parametrize(
    ("operation", "arguments", "output", "message"),
    [
        ("conv2", CONV, X, r"there is no operation 'conv2': did you mean 'conv2d'\?"),
        ("matmul", LINEAR, X, "here it is called linear"),
        ("linear", {"input": X}, X, "linear needs weight: it is not among the arguments"),
        ("conv2d", {**CONV, "strides": 2}, X, r"conv2d has no argument 'strides': did you mean 'stride'\?"),
        ("linear", {"input": X, "weight": W[:, :3]}, X, "linear refuses these arguments: input has shape"),
        (
            "linear",
            LINEAR,
            {"output": X @ W.T, "grad_inpt": X},
            r"has no result 'grad_inpt': did you mean 'grad_input'\?",
        ),
        ("linear", LINEAR, {"grad_input": X}, "grad_input is a gradient, and needs grad_output"),
        ("linear", LINEAR, np.array(["a"]), "output is of dtype <U1; numbers were expected"),
        ("linear", LINEAR, (X, X), "output is a tuple; an array or a mapping of arrays by name was expected"),
        ("linear_backward", {**LINEAR, "grad_output": X @ W.T}, X, "linear_backward has several results; name them"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused_in_one_line(operation, arguments, output, message):
    with pytest.raises(BadCase, match=message) as refused:
        judge(operation, arguments, output)

    assert "\n" not in str(refused.value)


def test_a_format_that_there_is_not_is_refused():
    with pytest.raises(BadCase, match="there is no format 'float8'; there are float32, float64"):
        judge("linear", LINEAR, X @ W.T, "float8")


def test_arguments_with_more_digits_than_the_format_are_rounded_and_it_is_said():
    verdict = judge("linear", LINEAR, rounded(half(X) @ half(W).T, "float16"), "float16")

    assert verdict.is_right and "input has more digits than float16, and was rounded to it first" in verdict.text


# Known deviations


def test_sums_that_are_rounded_on_the_way_are_named_as_the_deviation_they_are():
    fmt = "bfloat16"
    x, w, g = (rounded(array, fmt) for array in normal(11, (48, 2, 5, 5), (3, 2, 3, 3), (48, 3, 3, 3)))
    shares = [reference.conv2d_backward(g[i : i + 1], x[i : i + 1], w)[1] for i in range(48)]
    total = np.zeros_like(w)
    for share in shares:  # each image's share of the gradient is rounded before it is added
        total = rounded(total + rounded(share, fmt), fmt)

    part = judge("conv2d", {"input": x, "weight": w, "grad_output": g}, {"grad_weight": total}, fmt).parts[0]

    assert part.decision == "a coarser format" and part.explanation == "half-conv-gradients"


@pytest.mark.parametrize("fmt", ["float16", "bfloat16"])
def test_what_torch_makes_of_half_is_right_or_a_known_deviation(fmt):
    torch = pytest.importorskip("torch")
    kind = getattr(torch, fmt)
    x = torch.from_numpy(normal(12, (6, 3, 2, 2))[0]).to(kind).requires_grad_()
    output = torch.nn.functional.batch_norm(x, None, None, training=True)
    case = {"input": x, "running_mean": None, "running_var": None, "training": True}

    part = judge("batch_norm", case, output).parts[0]

    assert part.decision in RIGHT or part.explanation == "half-batch-norm"
