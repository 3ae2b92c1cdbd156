"""The adapters, by themselves: what they make of torch's options, held against plain loops and numbers by hand."""

import numpy as np
import pytest

from spec_tests import adapters
from spec_tests.adapters import Library
from spec_tests.vocabulary.subject import NotAvailable

pytestmark = pytest.mark.tooling


def places(size, kernel, stride, before, behind, dilation, ceil_mode):
    """Count, one by one, where a window begins: it fits, or with ceil_mode hangs over and begins before the padding."""
    reach, count = dilation * (kernel - 1) + 1, 0
    while True:
        start = count * stride - before
        fits = start + reach <= size + behind
        hangs_over = ceil_mode and start < size and start - stride + reach < size + behind
        if not fits and not hangs_over:
            return count
        count += 1


@pytest.mark.parametrize("ceil_mode", [False, True])
def test_a_pooling_has_as_many_windows_as_are_counted_one_by_one(ceil_mode):
    for size, kernel, stride, dilation in np.ndindex(6, 3, 4, 2):
        size, kernel, stride, dilation = size + 1, kernel + 1, stride + 1, dilation + 1
        for padding in range(kernel // 2 + 1):
            expected = places(size, kernel, stride, padding, padding, dilation, ceil_mode)
            if expected:
                windows = adapters.pool_windows((size,), kernel, stride, padding, dilation, ceil_mode)
                assert windows.output_size == (expected,), (size, kernel, stride, padding, dilation)


def test_what_hangs_over_becomes_a_pad_behind():
    windows = adapters.pool_windows((5, 4), (2, 3), None, 0, 1, ceil_mode=True)

    assert windows.stride == (2, 3)
    assert windows.padding == ((0, 0), (0, 0))
    assert windows.pads == ((0, 1), (0, 2))  # 5 + 1 cells hold 3 windows of 2, 4 + 2 hold 2 windows of 3
    assert windows.one_after_the_other == (0, 0, 1, 2)
    assert windows.output_size == (3, 2)


def test_an_average_counts_the_padding_asked_for_and_never_what_hangs_over():
    windows = adapters.pool_windows((3,), 2, 2, 1, ceil_mode=True)  # cells -1 0 | 1 2

    assert windows.cells(True).tolist() == [2, 2]
    assert windows.cells(False).tolist() == [1, 2]
    assert adapters.pool_windows((3,), 2, 2, ceil_mode=True).cells(True).tolist() == [2, 1]


def test_same_puts_the_odd_cell_behind():
    assert adapters.conv_windows((5, 5), (4, 3), padding="same", dilation=(1, 2)).pads == ((1, 2), (2, 2))


def test_valid_adds_nothing():
    assert adapters.conv_windows((5,), (4,), padding="valid").pads == ((0, 0),)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: adapters.per_axis((1, 2), 3), r"expected one number or 3, one for each axis, got \(1, 2\)"),
        (lambda: adapters.conv_windows((5,), (2,), 2, "same"), 'padding="same" needs a stride of 1, got stride 2'),
        (lambda: adapters.conv_windows((5,), (2,), 1, "full"), "padding must be numbers, .* got 'full'"),
        (lambda: adapters.in_a_batch(np.zeros((2, 2)), 2), "input has 2 axes; 4 were expected, or 3 without a batch"),
        (lambda: adapters.pads_of_each_axis((1, 2, 3), 2), r"pad must hold a pair .* got \(1, 2, 3\)"),
        (lambda: adapters.flat_axes((2, 3), 1, 0), "start_dim must not come after end_dim, got 1 and 0"),
    ],
)
def test_an_option_that_makes_no_sense_is_refused_in_one_line(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_channels_go_last_and_come_back():
    array = np.arange(24).reshape(1, 2, 3, 4)

    last = array.transpose(adapters.channels_last(4))

    assert last.shape == (1, 3, 4, 2)
    assert (last.transpose(adapters.channels_first(4)) == array).all()


def test_indices_in_the_whole_array_become_indices_in_a_channel():
    values = np.arange(24).reshape(2, 3, 2, 2)

    assert (adapters.indices_in_a_channel(values, (2, 2)) == [[0, 1], [2, 3]]).all()


# Functions on arrays, and their gradients


def scaled(input, weight, times=2):
    return input * weight * times


def slope(function, arrays, grad_output):
    """Return the gradients of a product, by steps of 1, which are exact for it."""
    return [
        grad_output * (function(*[a + 1 if a is array else a for a in arrays]) - function(*arrays)) for array in arrays
    ]


def test_gradients_come_in_the_specifications_order_and_none_where_there_is_none():
    functions = adapters.on_arrays({"conv2d": scaled}, np.asarray, np.asarray, slope)

    grads = functions["conv2d_backward"](np.array([1.0]), np.array([3.0]), np.array([5.0]), times=4)

    assert [None if grad is None else grad.tolist() for grad in grads] == [[20.0], [12.0], None]


def test_an_operation_without_a_gradient_has_none():
    assert "relu_backward" not in adapters.on_arrays({"relu": abs}, np.asarray, np.asarray)
    assert "relu_backward" not in adapters.on_arrays({"relu": abs}, np.asarray, np.asarray, slope, ["relu"])


def test_a_result_lies_in_memory_of_its_own():
    kept = np.ones(3)
    functions = adapters.on_arrays({"relu": lambda _: kept}, np.asarray, np.asarray)

    assert not np.shares_memory(functions["relu"](np.zeros(3)), kept)


# Libraries


def test_a_library_that_is_missing_says_what_to_install():
    library = Library("no_such_library.core", "no-such-library[cpu]==1.2")

    with pytest.raises(
        NotAvailable, match=r'no_such_library is not installed: pip install "no-such-library\[cpu\]==1.2"'
    ):
        _ = library.array


def test_a_library_is_a_module_whose_attributes_are_read_when_needed():
    assert Library("math", "nothing").pi > 3
    assert Library("json", "nothing").loaded().__name__ == "json"
