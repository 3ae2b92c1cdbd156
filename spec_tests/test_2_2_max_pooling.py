"""2.2 Max pooling: a window slides over the input, and of each place only the largest cell is kept.

Nothing is computed here, cells are only compared and passed on, so everything is exact, in every number format.
"""

from itertools import product
from math import inf, nan, prod

import numpy as np
import pytest
from hypothesis import strategies as st

import reference
from reference import definition
from reference.geometry import PoolGeometry
from reference.windows import windows
from spec_tests.vocabulary.batches import as_printed_and_in_a_batch
from spec_tests.vocabulary.claims import erratum
from spec_tests.vocabulary.compare import assert_equal
from spec_tests.vocabulary.everyday_cases import everyday_pooling, everyday_poolings
from spec_tests.vocabulary.formats import all_formats, exact_formats
from spec_tests.vocabulary.levels import about, conventions, gradients, refusals, values
from spec_tests.vocabulary.operations import MAX_POOLS
from spec_tests.vocabulary.problems import SEEDS, Problem, distinct_in_every_format, special_numbers, whole_numbers
from spec_tests.vocabulary.properties import any_problem, for_all, problems
from spec_tests.vocabulary.refusals import assert_refused, assert_same_verdict
from spec_tests.vocabulary.torch_when_needed import flop_counter, nn, torch
from spec_tests.worked_examples import POOLED_MAP

# The document's example, by hand


@pytest.mark.claim("2.2.h")
@values("max_pool2d")
@as_printed_and_in_a_batch
def test_the_largest_value_in_the_first_window_of_the_example_is_9(implementation, form):
    first = form(implementation).max_pool2d(POOLED_MAP, 3, stride=1)[0, 0, 0]

    by_hand = max(
        *(1, 3, 2),
        *(5, 2, 7),
        *(9, 6, 3),
    )
    assert first == by_hand == 9


@pytest.mark.claim("2.2.j")
@values("max_pool2d")
@as_printed_and_in_a_batch
def test_the_largest_value_in_the_second_window_of_the_example_is_8(implementation, form):
    second = form(implementation).max_pool2d(POOLED_MAP, 3, stride=1)[0, 0, 1]

    by_hand = max(
        *(3, 2, 4),
        *(2, 7, 1),
        *(6, 3, 8),
    )
    assert second == by_hand == 8


@pytest.mark.claim("2.2.i", "2.2.k")
@values("max_pool2d")
@as_printed_and_in_a_batch
def test_the_second_window_of_the_example_is_the_first_moved_a_column_to_the_right(implementation, form):
    first, second = cells_seen_by(form(implementation), (0, 0)), cells_seen_by(form(implementation), (0, 1))

    assert first == {(row, column) for row in (0, 1, 2) for column in (0, 1, 2)}
    assert second == {(row, column + 1) for row, column in first}


@pytest.mark.claim("2.2.l")
@values("max_pool2d")
@as_printed_and_in_a_batch
def test_the_example_gives_3_by_3_with_stride_1_and_one_cell_with_the_default_stride(
    implementation,
    form,
):
    assert form(implementation).max_pool2d(POOLED_MAP, 3, stride=1).shape == (1, 3, 3)  # ⌊(5 − 3) / 1⌋ + 1 = 3
    assert form(implementation).max_pool2d(POOLED_MAP, 3).shape == (1, 1, 1)  # ⌊(5 − 3) / 3⌋ + 1 = 1


@pytest.mark.claim("2.2.m")
@values("max_pool2d")
@as_printed_and_in_a_batch
def test_the_first_row_of_the_example_is_9_8_8(implementation, form):
    row = form(implementation).max_pool2d(POOLED_MAP, 3, stride=1)[0, 0]

    by_hand = [
        max(1, 3, 2, 5, 2, 7, 9, 6, 3),
        max(3, 2, 4, 2, 7, 1, 6, 3, 8),
        max(2, 4, 0, 7, 1, 3, 3, 8, 2),
    ]
    assert row.tolist() == by_hand == [9, 8, 8]


@pytest.mark.claim("2.2.n")
@values("max_pool2d")
@as_printed_and_in_a_batch
def test_the_second_row_of_the_example_is_9_8_8(implementation, form):
    row = form(implementation).max_pool2d(POOLED_MAP, 3, stride=1)[0, 1]

    by_hand = [
        max(5, 2, 7, 9, 6, 3, 2, 5, 1),
        max(2, 7, 1, 6, 3, 8, 5, 1, 7),
        max(7, 1, 3, 3, 8, 2, 1, 7, 4),
    ]
    assert row.tolist() == by_hand == [9, 8, 8]


@pytest.mark.claim("2.2.o")
@values("max_pool2d")
@as_printed_and_in_a_batch
def test_the_third_row_of_the_example_is_9_8_9_and_not_9_7_9(implementation, form):
    printed, corrected = erratum("2.2.o")

    row = form(implementation).max_pool2d(POOLED_MAP, 3, stride=1)[0, 2]

    by_hand = [
        max(9, 6, 3, 2, 5, 1, 8, 3, 6),
        max(6, 3, 8, 5, 1, 7, 3, 6, 2),
        max(3, 8, 2, 1, 7, 4, 6, 2, 9),
    ]
    assert row.tolist() == by_hand == corrected
    assert row.tolist() != printed


@pytest.mark.claim("2.2.r")
@values("max_pool2d")
@as_printed_and_in_a_batch
def test_with_padding_1_as_in_the_code_the_example_stays_5_by_5(implementation, form):
    padded = form(implementation).max_pool2d(POOLED_MAP, 3, stride=1, padding=1)

    assert padded.shape == (1, 5, 5)  # ⌊(5 + 2·1 − 3) / 1⌋ + 1 = 5
    assert_equal(padded[:, 1:-1, 1:-1], form(implementation).max_pool2d(POOLED_MAP, 3, stride=1))


@pytest.mark.claim("2.2.r")
@values("max_pool2d")
@as_printed_and_in_a_batch
def test_a_negative_maximum_survives_beside_the_padding(implementation, form):
    corner = form(implementation).max_pool2d(POOLED_MAP - 10, 3, stride=1, padding=1)[0, 0, 0]

    assert corner == max(1 - 10, 3 - 10, 5 - 10, 2 - 10) == -5


@pytest.mark.claim("2.2.a")
@values("max_pool2d")
@pytest.mark.parametrize(
    ("kernel_size", "stride", "padding", "size"),
    [
        pytest.param(3, 1, 1, 32, id="32 stays 32, as in the code"),  # ⌊(32 + 2·1 − 3) / 1⌋ + 1
        pytest.param(2, 2, 0, 16, id="32 becomes 16"),  # ⌊(32 − 2) / 2⌋ + 1
        pytest.param(3, 1, 0, 30, id="32 becomes 30"),  # ⌊(32 − 3) / 1⌋ + 1
        pytest.param(2, 1, 1, 33, id="32 becomes 33"),  # ⌊(32 + 2·1 − 2) / 1⌋ + 1
    ],
)
@as_printed_and_in_a_batch
def test_whether_a_map_becomes_smaller_depends_on_window_stride_and_padding(
    implementation, form, kernel_size, stride, padding, size
):
    image = np.zeros((3, 32, 32))

    assert form(implementation).max_pool2d(image, kernel_size, stride, padding).shape == (3, size, size)


# Laws


@pytest.mark.claim("2.2.d")
@values(*MAX_POOLS)
@for_all(problem=problems())
def test_every_output_is_the_largest_cell_of_its_own_window(subject, problem):
    cells = by_channel(problem, problem.input)

    largest = np.stack([cells[:, window].max(axis=1) for window in windows_of(problem)], axis=1)

    assert_equal(by_channel(problem, problem.forward(subject)), largest)


@conventions(*MAX_POOLS)
@for_all(problem=problems())
def test_an_index_is_the_number_of_the_first_largest_cell_in_its_own_channel(subject, problem):
    _, places = problem.forward(subject, return_indices=True)

    assert_equal(by_channel(problem, places), winners_of(problem, problem.input))


@values(*MAX_POOLS)
@for_all(problem=problems())
def test_an_index_points_at_the_value_that_is_returned(subject, problem):
    assert_indices_point_at_the_output(problem, subject)


@conventions(*MAX_POOLS)
@for_all(problem=problems(numbers=special_numbers))
def test_an_index_points_at_the_nan_or_infinity_that_is_returned(subject, problem):
    assert_indices_point_at_the_output(problem, subject)


@pytest.mark.claim("2.2.b", "2.2.g")
@values(*MAX_POOLS)
@for_all(problem=problems())
def test_every_channel_of_every_image_is_pooled_by_itself_and_none_is_lost(subject, problem):
    rank = problem.rank
    channels = problem.input.reshape(-1, 1, *problem.input.shape[-rank:])

    output = problem.forward(subject)
    alone = np.concatenate([problem.forward(subject, input=channel) for channel in channels])

    assert output.shape[:-rank] == problem.input.shape[:-rank]
    assert_equal(output.reshape(alone.shape), alone)


@pytest.mark.claim("2.2.g")
@values(*MAX_POOLS)
@for_all(problem=problems())
def test_a_window_has_as_many_places_as_a_convolution_kernel_of_its_size(subject, problem):
    rank = problem.rank
    channels = problem.input.reshape(-1, 1, *problem.input.shape[-rank:])
    options = {option: problem.per_axis(option) for option in ("stride", "padding", "dilation")}
    kernel = np.ones((1, 1, *problem.per_axis("kernel_size")), channels.dtype)

    convolved = getattr(subject, f"conv{rank}d")(channels, kernel, **options)

    assert problem.forward(subject, input=channels, ceil_mode=False).shape == convolved.shape


@pytest.mark.claim("2.2.g")
@values(*MAX_POOLS)
@for_all(problem=problems(), seed=SEEDS)
def test_a_map_shifted_by_the_stride_gives_an_output_shifted_by_one(subject, problem, seed):
    problem = problem.changed(padding=0, ceil_mode=False)
    stride = problem.per_axis("stride")
    size = (*problem.input.shape[: -len(stride)], *[8 + s for s in stride])
    scene = whole_numbers(np.random.default_rng(seed), size).astype(problem.input.dtype)

    before = problem.forward(subject, input=scene)
    after = problem.forward(subject, input=scene[(..., *[slice(s, None) for s in stride])])

    next_places = (..., *[slice(1, 1 + places) for places in after.shape[-len(stride) :]])
    assert_equal(after, before[next_places])


@values(*MAX_POOLS)
@for_all(problem=problems())
def test_a_stride_of_s_keeps_every_sth_window(subject, problem):
    problem = problem.changed(ceil_mode=False)
    every = [slice(None, None, s) for s in problem.per_axis("stride")]

    kept = problem.forward(subject, stride=1)[(..., *every)]

    assert_equal(problem.forward(subject), kept)


@pytest.mark.claim("2.2.l")
@values(*MAX_POOLS)
@for_all(problem=problems())
def test_the_stride_is_the_kernel_size_unless_given(subject, problem):
    problem = problem.changed(stride=None)
    pool = getattr(subject, problem.operation)
    others = {option: value for option, value in problem.options.items() if option != "stride"}

    with_stride = problem.forward(subject, stride=problem.kernel_size)

    assert_equal(problem.forward(subject), with_stride)
    assert_equal(pool(problem.input, **others), with_stride)


@values(*MAX_POOLS)
@for_all(problem=problems())
def test_a_dilated_window_pools_every_dth_cell(subject, problem):
    problem = problem.changed(ceil_mode=False, stride=1, padding=0)
    spacing, kernel_size = problem.per_axis("dilation"), problem.per_axis("kernel_size")
    spans = [d * (k - 1) + 1 for d, k in zip(spacing, kernel_size, strict=True)]
    scene = np.resize(problem.input, (*problem.input.shape[: -len(spans)], *[span + 3 for span in spans]))

    every = scene[(..., *[slice(None, None, d) for d in spacing])]

    dilated = problem.forward(subject, input=scene, stride=spacing)
    assert_equal(dilated, problem.forward(subject, input=every, dilation=1))


@values("max_pool1d")
@pytest.mark.parametrize("dilation", [2, 3, 4])
def test_a_spread_window_that_begins_in_the_padding_reads_only_its_own_cells(implementation, dilation):
    rising = np.arange(1.0, 3 * dilation - 2)  # with 2 cells on either side, just as long as a window

    for row in (rising, rising[::-1]):
        output = implementation.max_pool1d(row[np.newaxis, np.newaxis], 4, stride=1, padding=2, dilation=dilation)

        its_own = [row[place - 2] for place in range(0, 3 * dilation + 1, dilation) if 0 <= place - 2 < len(row)]
        assert output.tolist() == [[[max(its_own)]]]


@pytest.mark.claim("2.2.r")
@conventions(*MAX_POOLS)
@for_all(problem=problems())
def test_padding_is_a_border_of_minus_infinities_around_the_input(subject, problem):
    problem = problem.changed(ceil_mode=False)
    border = [(p, p) for p in problem.per_axis("padding")]
    all_axes = [(0, 0)] * (problem.input.ndim - len(border)) + border
    padded = np.pad(problem.input, all_axes, constant_values=-inf)

    assert_equal(problem.forward(subject), problem.forward(subject, input=padded, padding=0))


@pytest.mark.claim("2.2.r")
@values(*MAX_POOLS)
@for_all(problem=problems())
def test_where_every_cell_is_negative_so_is_every_output(subject, problem):
    problem = problem.changed(input=problem.input - 5)

    assert problem.forward(subject).max() < 0


@values(*MAX_POOLS)
@for_all(problem=problems())
def test_ceil_mode_adds_at_most_one_window_an_axis_and_changes_no_other(subject, problem):
    rank = problem.rank

    floor, ceil = (problem.forward(subject, ceil_mode=mode) for mode in (False, True))

    assert all(more - places in (0, 1) for places, more in zip(floor.shape[-rank:], ceil.shape[-rank:], strict=True))
    assert_equal(ceil[(..., *map(slice, floor.shape[-rank:]))], floor)


@values(*MAX_POOLS)
@for_all(problem=problems())
def test_ceil_mode_adds_a_window_for_cells_left_over_if_it_starts_inside_the_input(subject, problem):
    rank = problem.rank
    options = [problem.per_axis(option) for option in ("kernel_size", "stride", "padding", "dilation")]

    floor, ceil = (problem.forward(subject, ceil_mode=mode).shape[-rank:] for mode in (False, True))

    for places, more, h, k, s, p, d in zip(floor, ceil, problem.input.shape[-rank:], *options, strict=True):
        cells_are_left_over = (places - 1) * s + d * (k - 1) + 1 < p + h + p
        starts_in_time = places * s < p + h
        assert (more > places) == (cells_are_left_over and starts_in_time)


@values("max_pool2d")
@for_all(problem=problems())
def test_pooling_a_map_is_pooling_along_its_rows_and_then_along_its_columns(subject, problem):
    options = {option: problem.per_axis(option) for option in ("kernel_size", "stride", "padding", "dilation")}
    of_columns, of_rows = ({option: pair[axis] for option, pair in options.items()} for axis in (0, 1))
    maps = problem.input.reshape(-1, *problem.input.shape[-2:])

    along_rows = subject.max_pool1d(maps, **of_rows, ceil_mode=problem.ceil_mode)
    along_both = subject.max_pool1d(along_rows.swapaxes(1, 2), **of_columns, ceil_mode=problem.ceil_mode).swapaxes(1, 2)

    assert_equal(problem.forward(subject).reshape(along_both.shape), along_both)


@values("max_pool2d", "max_pool3d")
@pytest.mark.parametrize("operation", [pytest.param(f"max_pool{n}d", marks=about(f"max_pool{n + 1}d")) for n in (1, 2)])
@for_all(problem=problems())
def test_a_pooling_is_one_of_a_rank_more_across_a_single_cell(subject, problem):
    rank = problem.rank
    alone = {"kernel_size": 1, "stride": 1, "padding": 0, "dilation": 1}
    options = {option: (cell, *problem.per_axis(option)) for option, cell in alone.items()}
    input = np.expand_dims(problem.input, -rank - 1)

    higher = getattr(subject, f"max_pool{rank + 1}d")(input, **options, ceil_mode=problem.ceil_mode)

    assert_equal(np.squeeze(higher, -rank - 1), problem.forward(subject))


@values(*MAX_POOLS)
@for_all(problem=problems(), seed=SEEDS)
def test_an_increasing_function_may_come_before_or_after_pooling(subject, problem, seed):
    function = increasing_function(seed)

    before = problem.forward(subject, input=function(problem.input))

    assert_equal(before, function(problem.forward(subject)))


@values(*MAX_POOLS)
@for_all(problem=problems(), seed=SEEDS)
def test_the_cells_of_a_window_that_overlaps_no_other_may_change_places(subject, problem, seed):
    problem = problem.changed(stride=None, padding=0, dilation=1, ceil_mode=False)
    kernel_size, rng = problem.per_axis("kernel_size"), np.random.default_rng(seed)
    scene = np.resize(problem.input, (*problem.input.shape[: -len(kernel_size)], *[3 * k for k in kernel_size]))
    mixed = scene.copy()
    tiles = windows(mixed, kernel_size, kernel_size, (1,) * len(kernel_size), writeable=True)

    tiles[...] = rng.permuted(tiles.reshape(-1, prod(kernel_size)), axis=1).reshape(tiles.shape)

    assert_equal(problem.forward(subject, input=mixed), problem.forward(subject, input=scene))


@pytest.mark.claim("2.2.f")
@values("max_pool1d")
@pytest.mark.parametrize("window", [[2.0, 2.0], [2.0, 1.0], [-7.0, 2.0]])
@as_printed_and_in_a_batch
def test_a_window_gives_the_same_as_long_as_its_largest_value_is_the_same(implementation, form, window):
    assert form(implementation).max_pool1d(np.array([window]), 2).tolist() == [[2]]


@pytest.mark.claim("2.2.y")
@values("max_pool2d")
@as_printed_and_in_a_batch
def test_the_value_of_largest_magnitude_is_not_the_one_that_pooling_keeps(implementation, form):
    window = np.array([[[-9.0, 0.1], [0.0, -0.2]]])

    assert form(implementation).max_pool2d(window, 2).tolist() == [[[0.1]]]
    assert abs(window).max() == 9


@pytest.mark.claim("2.2.y")
@values("max_pool2d", "linear")
@as_printed_and_in_a_batch
def test_behind_pooling_a_larger_value_may_count_against_a_class_or_not_at_all(implementation, form):
    small, large = (form(implementation).max_pool2d(np.array([[[v, 0.0]]]), (1, 2)).reshape(1, 1) for v in (1.0, 2.0))

    scores = [form(implementation).linear(value, np.array([[-1.0], [0.0]])).tolist() for value in (small, large)]

    assert scores == [[[-1, 0]], [[-2, 0]]]


@pytest.mark.claim("2.2.f")
@values(*MAX_POOLS)
@for_all(problem=problems(), seed=SEEDS)
def test_noise_in_losing_cells_is_filtered_out_as_long_as_they_still_lose(subject, problem, seed):
    noise = whole_numbers(np.random.default_rng(seed), problem.input.shape).astype(problem.input.dtype)

    output = problem.forward(subject)
    noisy = np.where(wins(problem), problem.input, np.minimum(noise, output.min()))

    assert_equal(problem.forward(subject, input=noisy), output)


@pytest.mark.claim("2.2.f")
@values(*MAX_POOLS)
@for_all(problem=problems())
def test_noise_in_the_largest_cell_of_a_window_always_gets_through(subject, problem):
    problem = problem.changed(input=problem.input + 5)  # positive, so that doubling keeps the winners' order

    noisy = np.where(wins(problem), 2 * problem.input, problem.input)

    assert_equal(problem.forward(subject, input=noisy), 2 * problem.forward(subject))


@pytest.mark.claim("2.2.f")
@conventions(*MAX_POOLS)
@for_all(problem=problems(), spike=st.sampled_from([100.0, inf, nan]), seed=SEEDS)
def test_a_spike_comes_out_of_exactly_the_windows_that_hold_it(subject, problem, spike, seed):
    spiked = problem.input.copy()
    cell = np.random.default_rng(seed).integers(spiked.size)
    spiked.reshape(-1)[cell] = spike
    channel, number = divmod(int(cell), by_channel(problem, spiked).shape[1])

    expected = by_channel(problem, problem.forward(subject))
    expected[channel, [number in window for window in windows_of(problem)]] = spike

    assert_equal(by_channel(problem, problem.forward(subject, input=spiked)), expected)


# What networks use: exactly the definition


@values(*MAX_POOLS)
@exact_formats
@everyday_poolings
def test_max_pool_with_everyday_options_equals_the_definition(subject, operation, options, dtype):
    problem = everyday_pooling(operation, options).at(dtype)

    output, _ = definition.max_pooling(problem.input, sliding_windows(problem))

    assert_equal(problem.forward(subject), output)


@values(*MAX_POOLS)
@exact_formats
@everyday_poolings
def test_the_indices_of_max_pool_with_everyday_options_equal_the_definition(subject, operation, options, dtype):
    problem = everyday_pooling(operation, options).at(dtype)

    _, places = definition.max_pooling(problem.input, sliding_windows(problem))

    assert_equal(problem.forward(subject, return_indices=True)[1], places)


@gradients(*MAX_POOLS)
@exact_formats
@everyday_poolings
def test_the_gradient_of_max_pool_with_everyday_options_equals_the_definition(subject, operation, options, dtype):
    problem = everyday_pooling(operation, options).at(dtype)

    grad_input = definition.max_pooling_backward(problem.grad_output, problem.input, sliding_windows(problem))

    assert_equal(problem.backward(subject), grad_input)


# The definition, and the references


SPECIAL = {"numbers": special_numbers, "grad_outputs": special_numbers}


@pytest.mark.parametrize("operation", MAX_POOLS)
@for_all(plain=problems(batched=True), special=problems(batched=True, **SPECIAL))
def test_the_fast_max_pooling_of_the_references_is_the_definition(plain, special):
    for problem in (plain, special):
        output, indices = definition.max_pooling(problem.input, sliding_windows(problem))

        assert_equal(problem.forward(reference), output)
        assert_equal(problem.forward(reference, return_indices=True)[1], indices)


@pytest.mark.parametrize("operation", MAX_POOLS)
@for_all(plain=problems(batched=True), special=problems(batched=True, **SPECIAL))
def test_the_fast_gradient_of_max_pooling_is_that_of_the_definition(plain, special):
    for problem in (plain, special):
        grad_input = definition.max_pooling_backward(problem.grad_output, problem.input, sliding_windows(problem))

        assert_equal(problem.backward(reference), grad_input)


@pytest.mark.parametrize("cells", [1, 2, 3, 4])
def test_the_fast_max_pooling_of_a_short_row_is_the_definition_whatever_the_window(cells):
    rows = np.array([np.arange(cells), np.arange(cells)[::-1]], float)[:, np.newaxis]
    for kernel_size, stride, dilation, ceil_mode in product(range(1, 7), range(1, 5), (1, 2), (False, True)):
        for padding in range(kernel_size // 2 + 1):
            if cells + 2 * padding <= dilation * (kernel_size - 1):
                continue  # the window does not fit
            options = (kernel_size, stride, padding, dilation, ceil_mode)
            output, places = definition.max_pooling(
                rows, definition.sliding_windows(PoolGeometry.of((cells,), *options))
            )

            found = reference.max_pool1d(rows, *options, return_indices=True)

            assert_equal(found[0], output)
            assert_equal(found[1], places)


@pytest.mark.parametrize("integer", ["uint8", "int8", "int16", "int32", "int64"])
def test_the_fast_max_pooling_of_integers_is_the_definition(integer):
    extremes = [np.iinfo(integer).min, np.iinfo(integer).max]
    input = np.random.default_rng(0).choice(extremes, (2, 2, 7, 5), p=[0.8, 0.2]).astype(integer)
    options = {"kernel_size": 3, "stride": 2, "padding": 1, "ceil_mode": True}

    output, indices = definition.max_pooling(input, definition.sliding_windows(PoolGeometry.of((7, 5), **options)))

    assert_equal(reference.max_pool2d(input, **options), output)
    assert_equal(reference.max_pool2d(input, **options, return_indices=True)[1], indices)


@pytest.mark.parametrize(("number", "lowest"), [("float32", -inf), ("float64", -inf), ("uint8", 0), ("int8", -128)])
def test_a_window_without_a_real_cell_has_the_lowest_number_and_index_minus_1(number, lowest):
    input, options = np.array([[[[5, 6]]]], number), {"kernel_size": (1, 2), "padding": (0, 1), "dilation": (1, 3)}
    windows = definition.sliding_windows(PoolGeometry.of((1, 2), **options))
    assert list(windows.values()) == [(range(1), range(-1, 3, 3))]  # cells −1 and 2, where 0 and 1 are real

    for output, index in (
        definition.max_pooling(input, windows),
        reference.max_pool2d(input, **options, return_indices=True),
    ):
        assert_equal(output, np.full((1, 1, 1, 1), lowest, number))
        assert_equal(index, np.full((1, 1, 1, 1), -1))


@pytest.mark.parametrize("max_pool_backward", [reference.max_pool1d_backward, definition.max_pooling_backward])
def test_a_window_without_a_real_cell_gives_its_gradient_to_no_cell(max_pool_backward):
    options = {"kernel_size": 2, "padding": 1, "dilation": 3}
    if max_pool_backward is definition.max_pooling_backward:
        options = {"windows": definition.sliding_windows(PoolGeometry.of((2,), **options))}

    grad_input = max_pool_backward(np.array([[[7.0]]]), np.array([[[5.0, 6.0]]]), **options)

    assert_equal(grad_input, np.zeros((1, 1, 2)))


@pytest.mark.parametrize("options", [{"kernel_size": 2}, {"kernel_size": 9}, {"kernel_size": 2, "dilation": 10**10}])
def test_ceil_mode_takes_no_memory_for_the_cells_that_a_stride_steps_over(options):
    line, first = np.array([[4.0, 1.0, 3.0]]), np.array([[2.0, 0.0, 0.0]])
    options = {**options, "stride": 10**10, "ceil_mode": True}

    output, index = reference.max_pool1d(line, **options, return_indices=True)

    assert (output.item(), index.item()) == (4, 0)
    assert_equal(reference.max_pool1d_backward(np.array([[2.0]]), line, **options), first)


@pytest.mark.compares_with_reference
@values(*MAX_POOLS)
@all_formats
@for_all(problem=problems())
def test_max_pool_equals_the_reference_in_every_format(subject, dtype, problem):
    assert_equal(problem.forward(subject), problem.forward(reference), dtype)


@pytest.mark.compares_with_reference
@conventions(*MAX_POOLS)
@all_formats
@for_all(problem=problems(numbers=special_numbers))
def test_max_pool_equals_the_reference_with_ties_nan_and_infinities(subject, dtype, problem):
    assert_equal(problem.forward(subject), problem.forward(reference), dtype)


@pytest.mark.compares_with_reference
@conventions(*MAX_POOLS)
@exact_formats
@for_all(problem=any_problem)
def test_the_indices_of_max_pool_equal_the_references(subject, problem):
    _, places = problem.forward(subject, return_indices=True)

    assert_equal(places, problem.forward(reference, return_indices=True)[1])


# Gradients


@gradients(*MAX_POOLS)
@for_all(problem=problems(numbers=distinct_in_every_format))
def test_without_ties_each_window_sends_its_gradient_to_its_largest_cell_alone(subject, problem):
    cells, grads = by_channel(problem, problem.input), by_channel(problem, problem.grad_output)

    by_hand = np.zeros_like(cells)
    for place, window in enumerate(windows_of(problem)):
        for channel, numbers in enumerate(cells):
            by_hand[channel, window[numbers[window].argmax()]] += grads[channel, place]

    assert_equal(by_channel(problem, problem.backward(subject)), by_hand)


@conventions(*MAX_POOLS)
@for_all(problem=any_problem)
def test_the_gradient_of_a_window_lands_where_its_index_points(subject, problem):
    _, places = problem.forward(subject, return_indices=True)
    channels = np.arange(prod(places.shape[: -problem.rank]))[:, np.newaxis]

    landed = np.zeros_like(by_channel(problem, problem.input))
    np.add.at(landed, (channels, by_channel(problem, places)), by_channel(problem, problem.grad_output))

    assert_equal(by_channel(problem, problem.backward(subject)), landed)


@gradients(*MAX_POOLS)
@for_all(problem=problems())
def test_in_every_channel_grad_input_adds_up_to_grad_output(subject, problem):
    grad_input = problem.backward(subject)

    assert_equal(by_channel(problem, grad_input).sum(axis=1), by_channel(problem, problem.grad_output).sum(axis=1))


@gradients(*MAX_POOLS)
@for_all(problem=problems(), seed=SEEDS)
def test_the_gradient_of_max_pool_depends_on_the_order_of_the_cells_only(subject, problem, seed):
    function = increasing_function(seed)

    assert_equal(problem.backward(subject, input=function(problem.input)), problem.backward(subject))


@pytest.mark.compares_with_reference
@gradients(*MAX_POOLS)
@all_formats
@for_all(problem=problems(numbers=distinct_in_every_format))
def test_the_gradient_of_max_pool_equals_the_references_in_every_format(subject, dtype, problem):
    assert_equal(problem.backward(subject), problem.backward(reference), dtype)


@pytest.mark.compares_with_reference
@conventions(*MAX_POOLS)
@all_formats
@for_all(problem=any_problem)
def test_the_gradient_equals_the_references_with_ties_nan_and_infinities(subject, dtype, problem):
    assert_equal(problem.backward(subject), problem.backward(reference), dtype)


# Conventions

ONE_WINDOW = {"max_pool1d": (4,), "max_pool2d": (2, 2), "max_pool3d": (2, 1, 2)}
"""Windows of four cells, numbered in row order, that fill their whole input."""


@conventions(*MAX_POOLS)
@exact_formats
def test_of_equal_cells_the_index_is_that_of_the_first_in_row_order(subject, operation, dtype):
    output, index = pool_four([0, 7, 7, 7], operation, dtype).forward(subject, return_indices=True)

    assert (output.item(), index.item()) == (7, 1)


@conventions(*MAX_POOLS)
@exact_formats
def test_of_equal_cells_the_first_in_row_order_takes_the_whole_gradient(subject, operation, dtype):
    grad_input = pool_four([0, 7, 7, 7], operation, dtype).backward(subject)

    assert_equal(grad_input.ravel(), np.array([0, 3, 0, 0], dtype))


@conventions(*MAX_POOLS)
@exact_formats
def test_nan_beats_infinity(subject, operation, dtype):
    assert np.isnan(pool_four([nan, inf, nan, inf], operation, dtype).forward(subject).item())


@conventions(*MAX_POOLS)
@exact_formats
def test_where_nan_beats_infinity_the_index_is_that_of_the_last_nan(subject, operation, dtype):
    _, index = pool_four([nan, inf, nan, inf], operation, dtype).forward(subject, return_indices=True)

    assert index.item() == 2


@conventions(*MAX_POOLS)
@exact_formats
def test_where_nan_beats_infinity_the_last_nan_takes_the_whole_gradient(subject, operation, dtype):
    grad_input = pool_four([nan, inf, nan, inf], operation, dtype).backward(subject)

    assert_equal(grad_input.ravel(), np.array([0, 0, 3, 0], dtype))


@conventions(*MAX_POOLS)
@exact_formats
@pytest.mark.parametrize("first", [0.0, -0.0])
def test_of_the_two_zeros_the_first_is_returned_with_its_sign(subject, operation, dtype, first):
    output = pool_four([first, -first, 0.0, -0.0], operation, dtype).forward(subject).item()

    assert output == 0
    assert np.signbit(output) == np.signbit(first)


@conventions(*MAX_POOLS)
@exact_formats
@pytest.mark.parametrize("first", [0.0, -0.0])
def test_of_the_two_zeros_the_index_is_that_of_the_first(subject, operation, dtype, first):
    problem = pool_four([first, -first, 0.0, -0.0], operation, dtype)

    assert problem.forward(subject, return_indices=True)[1].item() == 0


@conventions(*MAX_POOLS)
@for_all(problem=problems())
def test_a_window_of_minus_infinities_points_at_its_first_real_cell(subject, problem):
    problem = problem.changed(input=np.full_like(problem.input, -inf))

    output, places = (by_channel(problem, array) for array in problem.forward(subject, return_indices=True))

    assert_equal(output, np.full_like(output, -inf))
    assert_equal(places, np.tile([window[0] for window in windows_of(problem)], (len(output), 1)))


INTEGERS = ["uint8", "int8", "int16", "int32", "int64"]


@conventions("max_pool2d", "max_pool3d")
@for_all(problem=problems(), integer=st.sampled_from(INTEGERS), seed=SEEDS)
def test_max_pool2d_and_3d_take_integers_and_keep_them_to_the_last_digit(subject_on_cpu, problem, integer, seed):
    input = extreme_integers(integer, seed, problem.input.shape)

    output = problem.forward(subject_on_cpu, input=input)

    winners = winners_of(problem, input)
    assert_equal(by_channel(problem, output), np.take_along_axis(by_channel(problem, input), winners, axis=1))


@conventions("max_pool2d", "max_pool3d")
@for_all(problem=problems(), integer=st.sampled_from(INTEGERS), seed=SEEDS)
def test_of_integers_too_an_index_is_that_of_the_first_largest_cell(subject_on_cpu, problem, integer, seed):
    input = extreme_integers(integer, seed, problem.input.shape)

    _, places = problem.forward(subject_on_cpu, input=input, return_indices=True)

    assert_equal(by_channel(problem, places), winners_of(problem, input))


def extreme_integers(integer, seed, shape):
    """Return the least and the greatest integers of a dtype, and those next to them, in any order."""
    lowest, highest = np.iinfo(integer).min, np.iinfo(integer).max
    extremes = np.array([lowest, lowest, lowest, lowest + 1, highest - 1, highest], integer)
    return np.random.default_rng(seed).choice(extremes, shape)


@conventions(*MAX_POOLS)
@exact_formats
def test_the_pooling_of_an_empty_batch_is_empty(subject, operation, dtype):
    output = getattr(subject, operation)(of_no_images(operation, 5, dtype), 2)

    assert (output.shape, output.dtype) == (of_no_images(operation, 2, dtype).shape, dtype)


@conventions(*MAX_POOLS)
@exact_formats
def test_an_empty_batch_has_no_indices(subject, operation, dtype):
    _, places = getattr(subject, operation)(of_no_images(operation, 5, dtype), 2, return_indices=True)

    assert places.shape == of_no_images(operation, 2, dtype).shape


@conventions(*MAX_POOLS)
@exact_formats
def test_the_gradient_of_pooling_an_empty_batch_is_empty(subject, operation, dtype):
    empty, grad_output = (of_no_images(operation, size, dtype) for size in (5, 2))

    grad_input = getattr(subject, f"{operation}_backward")(grad_output, empty, 2)

    assert (grad_input.shape, grad_input.dtype) == (empty.shape, dtype)


def of_no_images(operation, size, dtype):
    """Return a batch of no images of two channels, of this size along every axis."""
    return np.zeros((0, 2, *[size] * rank_of(operation)), dtype)


# Refusals: beside each refused call the nearest one that must be taken


def each_of(*refused):
    """Run the test with each of these refused options, the nearest ones that must be taken, and the message."""
    named = [pytest.param(*case, id=str(case[0]).strip("{}")) for case in refused]
    return pytest.mark.parametrize(("options", "taken", "message"), named)


@refusals(*MAX_POOLS)
@each_of(
    ({"kernel_size": 0}, {"kernel_size": 1}, "kernel_size must be at least 1, got 0"),
    ({"kernel_size": -1}, {"kernel_size": 1}, "kernel_size must be at least 1, got -1"),
    ({"stride": 0}, {"stride": 1}, "stride must be at least 1, got 0"),
    ({"stride": -1}, {"stride": 1}, "stride must be at least 1, got -1"),
    ({"padding": -1}, {"padding": 0}, "padding must be at least 0, got -1"),
    ({"padding": 2}, {"padding": 1}, r"padding must be at most half of kernel_size \(2.*\), got \(2"),
    (
        {"kernel_size": 3, "padding": 2, "dilation": 2},
        {"kernel_size": 3, "padding": 1, "dilation": 2},
        r"padding must be at most half of kernel_size \(3",
    ),
    ({"dilation": 0}, {"dilation": 1}, "dilation must be at least 1, got 0"),
    ({"dilation": -1}, {"dilation": 1}, "dilation must be at least 1, got -1"),
    ({"kernel_size": 6}, {"kernel_size": 5}, r"spans \(6.*\) cells, the padded input has only \(5"),
    (
        {"kernel_size": 3, "dilation": 4, "padding": 1},
        {"kernel_size": 3, "dilation": 3, "padding": 1},
        r"spans \(9.*\) cells, the padded input has only \(7",
    ),
)
def test_max_pool_refuses_a_window_that_cannot_be_placed(subject_on_cpu, operation, options, taken, message):
    input = np.zeros((1, 2, *[5] * rank_of(operation)), np.float32)

    assert_refused(subject_on_cpu, operation, message, near=taken, **{"input": input, "kernel_size": 2, **options})


@refusals(*MAX_POOLS)
@each_of(
    ({"kernel_size": 2.0}, {"kernel_size": 2}, "kernel_size must be a whole number, got 2.0"),
    ({"kernel_size": True}, {"kernel_size": 1}, "kernel_size must be a whole number, got True"),
    ({"kernel_size": None}, {"kernel_size": 2}, "kernel_size must be a whole number, got None"),
    ({"stride": 1.0}, {"stride": 1}, "stride must be a whole number, got 1.0"),
    ({"padding": "same"}, {"padding": 1}, "padding must be a whole number or . of them, got 'same'"),
    ({"dilation": None}, {"dilation": 1}, "dilation must be a whole number, got None"),
    ({"ceil_mode": 1}, {"ceil_mode": True}, "ceil_mode must be True or False, got 1"),
    ({"ceil_mode": "yes"}, {"ceil_mode": True}, "ceil_mode must be True or False, got 'yes'"),
    ({"ceil_mode": None}, {"ceil_mode": False}, "ceil_mode must be True or False, got None"),
)
def test_max_pool_refuses_an_option_of_the_wrong_kind(subject_on_cpu, operation, options, taken, message):
    input = np.zeros((1, 2, *[5] * rank_of(operation)), np.float32)

    assert_refused(subject_on_cpu, operation, message, near=taken, **{"input": input, "kernel_size": 2, **options})


@refusals(*MAX_POOLS)
@pytest.mark.parametrize("option", ["kernel_size", "stride", "padding", "dilation"])
def test_max_pool_refuses_an_option_with_a_number_too_many(subject_on_cpu, operation, option):
    rank = rank_of(operation)
    input, message = np.zeros((1, 2, *[5] * rank), np.float32), f"{option} must have 1 or {rank} numbers"
    call = {"input": input, "kernel_size": 2, option: (1,) * (rank + 1)}

    assert_refused(subject_on_cpu, operation, message, near={option: (1,) * rank}, **call)


@refusals("max_pool3d")
@pytest.mark.parametrize("option", ["kernel_size", "stride", "padding", "dilation"])
def test_max_pool3d_refuses_an_option_with_a_number_missing(subject_on_cpu, option):
    input, message = np.zeros((1, 2, 5, 5, 5), np.float32), f"{option} must have 1 or 3 numbers"
    call = {"input": input, "kernel_size": 2, option: (1, 1)}

    assert_refused(subject_on_cpu, "max_pool3d", message, near={option: (1, 1, 1)}, **call)


@refusals(*MAX_POOLS)
@pytest.mark.parametrize(
    ("leading", "taken"), [((), (1,)), ((1, 1, 2), (1, 2))], ids=["no channel axis", "an axis too many"]
)
def test_max_pool_refuses_an_input_with_the_wrong_number_of_axes(subject_on_cpu, operation, leading, taken):
    rank = rank_of(operation)
    input, message = np.zeros((*leading, *[5] * rank), np.float32), f"input has {rank + len(leading)} axes, expected"
    near = {"input": np.zeros((*taken, *[5] * rank), np.float32)}

    assert_refused(subject_on_cpu, operation, f"{message} {rank + 2}", near=near, input=input, kernel_size=2)


@refusals(*MAX_POOLS)
@pytest.mark.parametrize("empty", ["channels", "channels of one image", "cells"])
def test_max_pool_refuses_an_input_without_channels_or_cells(subject_on_cpu, operation, empty):
    cells = (5,) * rank_of(operation)
    refused, taken = {
        "channels": ((2, 0, *cells), (0, 2, *cells)),
        "channels of one image": ((0, *cells), (1, *cells)),
        "cells": ((2, 2, *cells[1:], 0), (2, 2, *cells[1:], 1)),
    }[empty]
    input, near = np.zeros(refused, np.float32), {"input": np.zeros(taken, np.float32)}
    message = "only the batch may be empty"

    assert_refused(subject_on_cpu, operation, message, near=near, input=input, kernel_size=1)


@refusals(*MAX_POOLS)
def test_max_pool_refuses_truth_values(subject_on_cpu, operation):
    input = np.zeros((1, 2, *[5] * rank_of(operation)), bool)
    near = {"input": input.astype(np.float32)}

    assert_refused(subject_on_cpu, operation, "input has dtype bool", near=near, input=input, kernel_size=2)


@refusals("max_pool1d")
@pytest.mark.parametrize("integer", INTEGERS)
def test_max_pool1d_refuses_integers(subject_on_cpu, integer):
    input = np.zeros((1, 2, 5), integer)
    near, message = {"input": input.astype(np.float32)}, f"input has dtype {integer}"

    assert_refused(subject_on_cpu, "max_pool1d", message, near=near, input=input, kernel_size=2)


@refusals(*MAX_POOLS)
def test_the_gradient_of_max_pool_refuses_a_grad_output_not_shaped_as_the_output(subject_on_cpu, operation):
    rank, message = rank_of(operation), "grad_output has shape .*, expected"
    taken, refused, input = (np.zeros((1, 2, *[size] * rank), np.float32) for size in (2, 3, 5))
    call = {"grad_output": refused, "input": input, "kernel_size": 2}

    assert_refused(subject_on_cpu, f"{operation}_backward", message, near={"grad_output": taken}, **call)


@refusals(*MAX_POOLS)
def test_there_is_no_gradient_of_max_pool_for_integers(subject_on_cpu, operation):
    shapes = {name: (1, 2, *[size] * rank_of(operation)) for name, size in (("grad_output", 2), ("input", 5))}
    refused, near = ({name: np.zeros(shape, kind) for name, shape in shapes.items()} for kind in ("int64", "float32"))
    message = "has dtype int64, expected"

    assert_refused(subject_on_cpu, f"{operation}_backward", message, near=near, **refused, kernel_size=2)


@st.composite
def possible_or_not(draw, operation):
    """Draw a pooling whose options are independent of one another; in every second one may be out of range."""
    rank = rank_of(operation)
    odd = draw(st.sampled_from(["nothing", "nothing", "nothing", "kernel_size", "stride", "padding", "dilation"]))

    def numbers(option, *usual, out_of_range):
        number = st.sampled_from([usual[0], *out_of_range] if option == odd else usual)
        return draw(number | st.tuples(*[number] * rank))

    options = {
        "kernel_size": numbers("kernel_size", 2, 2, 3, 4, out_of_range=(1, 0)),
        "stride": None if draw(st.booleans()) else numbers("stride", 1, 2, 3, out_of_range=(0,)),
        "padding": numbers("padding", 0, 0, 1, out_of_range=(2, 3, -1)),
        "dilation": numbers("dilation", 1, 1, 2, 3, out_of_range=(0,)),
        "ceil_mode": draw(st.booleans()),
    }
    spacing = options["dilation"] if isinstance(options["dilation"], tuple) else (options["dilation"],) * rank
    size = [max(1, d) + draw(st.integers(1, 8)) for d in spacing]  # no window steps over the whole input
    return Problem(operation, {"input": np.zeros((1, *size))}, options, grad_output=np.zeros(()))


@pytest.mark.compares_with_reference
@refusals(*MAX_POOLS)
@for_all(problem=lambda operation, _: possible_or_not(operation))
def test_whatever_the_options_max_pool_takes_what_the_reference_takes(subject_on_cpu, problem):
    assert_same_verdict(problem, subject_on_cpu)


# The layer: torch.nn.MaxPool1d, MaxPool2d, MaxPool3d

POOLS = {1: "MaxPool1d", 2: "MaxPool2d", 3: "MaxPool3d"}
"""The layers by rank."""


@pytest.mark.torch_api
@pytest.mark.parametrize("rank", POOLS)
def test_by_default_a_pooling_layer_steps_by_its_kernel_and_does_not_pad_or_dilate(rank):
    kernel_size = (2, 3, 4)[:rank]

    layer = getattr(nn, POOLS[rank])(kernel_size)

    assert layer.stride == layer.kernel_size == kernel_size
    assert (layer.padding, layer.dilation) == (0, 1)
    assert (layer.return_indices, layer.ceil_mode) == (False, False)


@pytest.mark.torch_api
@pytest.mark.claim("2.2.l")
def test_the_layer_needs_stride_1_to_make_3_by_3_of_the_example():
    example = torch.from_numpy(POOLED_MAP)

    assert nn.MaxPool2d(3, stride=1)(example).shape == (1, 3, 3)
    assert nn.MaxPool2d(3)(example).shape == (1, 1, 1)


@pytest.mark.torch_api
@pytest.mark.parametrize("rank", POOLS)
def test_a_pooling_layer_has_nothing_to_learn_and_nothing_to_save(rank):
    layer = getattr(nn, POOLS[rank])(2)

    assert isinstance(layer, nn.Module)
    assert not list(layer.parameters())
    assert not layer.state_dict()


@pytest.mark.torch_api
@pytest.mark.parametrize("operation", MAX_POOLS)
@for_all(problem=any_problem)
def test_a_pooling_layer_pools_with_its_options(problem):
    layer = getattr(nn, POOLS[problem.rank])(**problem.options)

    output = layer(torch.from_numpy(problem.input)).numpy()

    assert_equal(output, problem.forward(reference))


@pytest.mark.torch_api
@pytest.mark.parametrize("operation", MAX_POOLS)
@for_all(problem=problems())
def test_a_pooling_layer_returns_indices_when_asked(problem):
    layer = getattr(nn, POOLS[problem.rank])(**problem.options, return_indices=True)

    _, places = layer(torch.from_numpy(problem.input))

    assert_equal(places.numpy(), problem.forward(reference, return_indices=True)[1])


@pytest.mark.torch_api
@pytest.mark.parametrize("operation", MAX_POOLS)
@for_all(problem=problems())
def test_a_pooling_layer_passes_its_gradient_back(problem):
    layer = getattr(nn, POOLS[problem.rank])(**problem.options)
    input = torch.tensor(problem.input, requires_grad=True)

    layer(input).backward(torch.from_numpy(problem.grad_output))

    assert_equal(input.grad.numpy(), problem.backward(reference))


@pytest.mark.torch_api
@pytest.mark.claim("2.2.c")
def test_a_linear_layer_behind_pooling_has_a_quarter_of_the_weights():
    whole = torch.zeros(6, 32, 32)
    pooled = nn.MaxPool2d(2)(whole)

    before, after = (nn.Linear(features.numel(), 10) for features in (whole, pooled))

    assert count(before) == 6 * 32 * 32 * 10 + 10 == 61_450
    assert count(after) == 6 * 16 * 16 * 10 + 10 == 15_370


@pytest.mark.torch_api
@pytest.mark.claim("2.2.c")
def test_a_convolution_has_the_same_parameters_with_pooling_before_it_or_without():
    whole = torch.zeros(6, 32, 32)
    convolution = nn.Conv2d(6, 12, kernel_size=3, padding=1)

    before, after = (convolution(features).shape for features in (whole, nn.MaxPool2d(2)(whole)))

    assert (before, after) == ((12, 32, 32), (12, 16, 16))
    assert count(convolution) == 12 * (6 * 3 * 3) + 12 == 660


@pytest.mark.torch_api
@pytest.mark.claim("2.2.c", "2.2.v")
def test_2_by_2_pooling_with_stride_2_quarters_the_cost_of_the_next_convolution():
    whole = torch.zeros(1, 6, 32, 32)

    before, after = cost_of_convolving(whole), cost_of_convolving(nn.MaxPool2d(2)(whole))

    assert before == 2 * 12 * (6 * 3 * 3) * 32 * 32
    assert before == 4 * after


@pytest.mark.torch_api
@pytest.mark.claim("2.2.v")
@pytest.mark.parametrize(
    ("kernel_size", "padding", "size"),
    [pytest.param(3, 1, 32, id="nothing, as in the code"), pytest.param(3, 0, 30, id="a border")],
)
def test_with_stride_1_pooling_saves_the_next_convolution_at_most_a_border(kernel_size, padding, size):
    whole = torch.zeros(1, 6, 32, 32)

    pooled = nn.MaxPool2d(kernel_size, stride=1, padding=padding)(whole)

    assert cost_of_convolving(pooled) * 32 * 32 == cost_of_convolving(whole) * size * size


# What the tests share


def assert_indices_point_at_the_output(problem, subject):
    """Require that each index is that of a cell equal to the output."""
    output, places = (by_channel(problem, array) for array in problem.forward(subject, return_indices=True))

    assert_equal(np.take_along_axis(by_channel(problem, problem.input), places, axis=1), output)


def cells_seen_by(layers, place):
    """Return the rows and columns of the example's cells that reach this place of its output."""
    seen = set()
    for row, column in np.ndindex(5, 5):
        spiked = POOLED_MAP.copy()
        spiked[0, row, column] = 10  # more than any other cell
        if layers.max_pool2d(spiked, 3, stride=1)[(0, *place)] == 10:
            seen.add((row, column))
    return seen


def rank_of(operation):
    """Return the number of spatial axes of an operation of this name."""
    return int(operation[-2])


def by_channel(problem, array):
    """Return an array with one row for each channel of each image."""
    return array.reshape(-1, prod(array.shape[-problem.rank :]))


def sliding_windows(problem):
    """Return the windows of a problem, as the definition takes them."""
    return definition.sliding_windows(PoolGeometry.of(problem.input.shape[-problem.rank :], **problem.options))


def windows_of(problem):
    """Return the windows, each a list of the numbers of its real cells: the definition, cell by cell."""
    size, places = problem.input.shape[-problem.rank :], problem.grad_output.shape[-problem.rank :]
    options = [problem.per_axis(option) for option in ("kernel_size", "stride", "padding", "dilation")]
    along_axes = [
        [[cell for tap in range(k) if 0 <= (cell := at * s - p + tap * d) < h] for at in range(n)]
        for h, n, k, s, p, d in zip(size, places, *options, strict=True)
    ]
    return [[int(np.ravel_multi_index(cell, size)) for cell in product(*window)] for window in product(*along_axes)]


def winners_of(problem, input):
    """Return, by channel and window, the number of the first of the largest cells; NaN is not expected."""
    cells = by_channel(problem, input)
    return np.stack([np.array(window)[cells[:, window].argmax(axis=1)] for window in windows_of(problem)], axis=1)


def wins(problem):
    """Tell of every cell whether it is the first largest of any window."""
    winning = np.zeros(problem.input.shape, bool)
    np.put_along_axis(by_channel(problem, winning), winners_of(problem, problem.input), True, axis=1)
    return winning


def increasing_function(seed):
    """Return a function of the whole numbers -4 … 4 that is strictly increasing, and otherwise random."""
    values = np.cumsum(np.random.default_rng(seed).integers(1, 5, 9)) - 20
    return lambda numbers: values[numbers.astype(int) + 4].astype(numbers.dtype)


def pool_four(cells, operation, dtype):
    """Return the pooling of four cells as one window, to which a gradient of 3 comes back."""
    window = ONE_WINDOW[operation]
    input, grad_output = np.array(cells, float).reshape(1, 1, *window), np.full((1, 1, *[1] * len(window)), 3.0)
    return Problem(operation, {"input": input}, {"kernel_size": window}, grad_output).at(dtype)


def count(layer):
    """Return the number of a layer's parameters."""
    return sum(parameter.numel() for parameter in layer.parameters())


def cost_of_convolving(maps):
    """Return the floating point operations of a convolution with 12 kernels of 3×3, padded to keep the size."""
    with flop_counter.FlopCounterMode(display=False) as counter:
        nn.Conv2d(maps.shape[1], 12, kernel_size=3, padding=1)(maps)
    return counter.get_total_flops()
