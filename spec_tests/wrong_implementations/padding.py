"""Padding in its modes, each wrong in one way."""

from typing import Any

import numpy as np

import reference
from spec_tests.vocabulary.problems import Array
from spec_tests.wrong_implementations.helpers import borders, cropped
from spec_tests.wrong_implementations.register import wrong


@wrong("pad", "test_every_mode_is_the_mode_of_numpys_own_pad")
def repeats_the_border_cell_in_a_reflection(input: Array, pad: Any, mode: str, **rest: Any) -> Any:
    """Mirrors the border cells too, as NumPy's "symmetric" does."""
    if mode != "reflect":
        return reference.pad(input, pad, mode, **rest)
    return np.pad(input, borders(input, pad), "symmetric")


@wrong("pad", "test_the_numbers_of_pad_go_from_the_last_axis_backwards")
def pads_the_first_axis_first(pad: Any, **rest: Any) -> Any:
    """Takes the pairs of `pad` from the first of the padded axes on, where torch counts from the last."""
    pairs = list(zip(pad[::2], pad[1::2], strict=True))
    return reference.pad(pad=[cells for pair in pairs[::-1] for cells in pair], **rest)


@wrong("pad_backward", "test_what_flows_forward_through_a_padding_flows_back_to_the_cells_it_copied")
def forgets_the_copies_in_the_border(grad_output: Array, input: Array, pad: Any, **rest: Any) -> Any:
    """Cuts the border off, where the gradient of a copy belongs to the cell that was copied."""
    return cropped(grad_output, borders(input, pad))
