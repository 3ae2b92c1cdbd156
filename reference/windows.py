"""Every window of an array, as a view, without a copy."""

from collections.abc import Sequence

from numpy.lib.stride_tricks import sliding_window_view

from reference.checks import Array


def windows(
    input: Array, kernel_size: Sequence[int], stride: Sequence[int], dilation: Sequence[int], writeable: bool = False
) -> Array:
    """View every window of the last axes: (…, *size) -> (…, *places, *kernel_size).

    Writing through a writeable view writes the input. One cell lies in many windows, but never twice
    under the same tap: add tap by tap.

    >>> import numpy as np
    >>> windows(np.arange(5), kernel_size=(3,), stride=(2,), dilation=(1,))
    array([[0, 1, 2],
           [2, 3, 4]])
    """
    spans = [d * (k - 1) + 1 for k, d in zip(kernel_size, dilation, strict=True)]
    view = sliding_window_view(input, spans, axis=tuple(range(-len(spans), 0)), writeable=writeable)
    steps = tuple(slice(None, None, step) for step in (*stride, *dilation))
    return view[(slice(None),) * (input.ndim - len(spans)) + steps]
