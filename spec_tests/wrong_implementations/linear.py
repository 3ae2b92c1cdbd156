"""Linear layers and flatten, each wrong in one way."""

from typing import Any

import reference
from spec_tests.vocabulary.problems import Array
from spec_tests.wrong_implementations.helpers import as_in_memory
from spec_tests.wrong_implementations.register import wrong


@wrong("linear", "test_every_output_has_a_row_of_the_weight_to_itself")
def does_not_transpose_a_square_weight(input: Array, weight: Array, bias: Array | None) -> Any:
    """Multiplies by the weight as it is wherever the sizes happen to fit."""
    square = weight.ndim == 2 and weight.shape[0] == weight.shape[1]
    return reference.linear(input, weight.T if square else weight, bias)


@wrong("flatten", "test_flatten_lays_the_elements_out_in_row_order_however_they_lie_in_memory")
def flattens_in_the_order_of_memory(input: Array, **options: Any) -> Any:
    """Reads the elements as they lie, which for a transposed array is not their order."""
    return reference.flatten(as_in_memory(input), **options)


@wrong("linear", "test_one_array_for_two_arguments_gives_the_output_of_a_copy_for_each", level="contracts")
def takes_a_weight_that_is_its_input_for_symmetric(input: Array, weight: Array, bias: Array | None) -> Any:
    """Takes a shortcut for x·xᵀ where both factors are one array, and forgets to transpose."""
    return reference.linear(input, weight.T if weight is input and weight.ndim == 2 else weight, bias)
