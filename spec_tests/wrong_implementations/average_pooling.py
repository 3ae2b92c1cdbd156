"""Average poolings, each wrong in one way."""

from typing import Any

import numpy as np

import reference
from spec_tests.vocabulary.operations.average_pooling import adaptive_window
from spec_tests.vocabulary.problems import Array
from spec_tests.wrong_implementations.helpers import pair
from spec_tests.wrong_implementations.register import wrong

MEAN_OF_A_WINDOW = "test_every_output_is_the_sum_of_its_window_over_its_count"
AVERAGE = "test_average_poolings_round_within_their_bound"
FLOWS_THROUGH_A_MEAN = "test_what_flows_forward_through_a_mean_flows_back_through_it"


@wrong("avg_pool2d", "test_zeros_of_the_padding_count_unless_they_are_left_out", MEAN_OF_A_WINDOW, AVERAGE)
def always_counts_the_padding(count_include_pad: bool, **rest: Any) -> Any:
    """Ignores that the padding may be left out."""
    return reference.avg_pool2d(count_include_pad=True, **rest)


@wrong(
    "avg_pool2d",
    "test_the_overhang_of_ceil_mode_counts_in_neither_case",
    MEAN_OF_A_WINDOW,
    AVERAGE,
    report="microsoft/onnxruntime#16203",
)
def counts_the_overhang(kernel_size: Any, count_include_pad: bool, divisor_override: int | None, **rest: Any) -> Any:
    """Divides by the size of the window, however much of it hangs over the end."""
    divisor = int(np.prod(pair(kernel_size))) if divisor_override is None and count_include_pad else divisor_override
    return reference.avg_pool2d(
        kernel_size=kernel_size, count_include_pad=count_include_pad, divisor_override=divisor, **rest
    )


@wrong("avg_pool2d", "test_a_divisor_of_ones_own_divides_every_sum", MEAN_OF_A_WINDOW, AVERAGE)
def ignores_the_divisor(divisor_override: int | None, **rest: Any) -> Any:
    """Takes the mean, whatever it was told to divide by."""
    return reference.avg_pool2d(**rest)


@wrong("avg_pool2d_backward", FLOWS_THROUGH_A_MEAN)
def gives_every_cell_the_whole_gradient(divisor_override: int | None, **rest: Any) -> Any:
    """Forgets to share out."""
    return reference.avg_pool2d_backward(divisor_override=1, **rest)


@wrong(
    "adaptive_avg_pool2d",
    "test_two_adaptive_windows_over_three_cells_share_the_middle_one",
    MEAN_OF_A_WINDOW,
    report="apple/coremltools#1733",
)
def cuts_the_input_into_windows_that_do_not_overlap(input: Array, output_size: Any) -> Any:
    """Begins every window where the one before ends, at ⌊i·h/n⌋."""
    sizes = output_size if isinstance(output_size, tuple) else (output_size, output_size)
    wanted = [h if n is None else n for h, n in zip(input.shape[-2:], sizes, strict=True)]
    if any(n > h for h, n in zip(input.shape[-2:], wanted, strict=True)):
        return reference.adaptive_avg_pool2d(input, output_size)
    for axis, n in zip((-2, -1), wanted, strict=True):
        edges = [i * input.shape[axis] // n for i in range(n)]
        counts = np.diff([*edges, input.shape[axis]]).reshape(-1, *[1] * (-axis - 1))
        input = np.add.reduceat(input, edges, axis) / counts.astype(input.dtype)
    return input


@wrong("adaptive_avg_pool2d_backward", FLOWS_THROUGH_A_MEAN, "test_adaptive_windows_share_out_the_whole_gradient")
def keeps_one_gradient_of_a_cell_that_two_windows_share(grad_output: Array, input: Array, output_size: Any) -> Any:
    """Assigns where it has to add: windows overlap."""
    grad_input, sizes = np.zeros_like(input), grad_output.shape[-2:]
    for place in np.ndindex(sizes):
        cells = [adaptive_window(i, h, n) for i, h, n in zip(place, input.shape[-2:], sizes, strict=True)]
        rows, columns = (slice(cell.start, cell.stop) for cell in cells)
        share = grad_output[(..., *place)] / input.dtype.type(len(cells[0]) * len(cells[1]))
        grad_input[..., rows, columns] = share[..., np.newaxis, np.newaxis]
    return grad_input
