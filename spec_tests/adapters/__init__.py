"""What stands between torch's way of calling a layer and that of another runtime: NumPy is all that it needs.

A file that brings a runtime to the specification (`spec_tests/subjects/README.md` is the way to one) takes what it
needs of these; `spec_tests/subjects/jax.py` takes most of them.

    Library                a library that is imported when it is first used, with the version to install
    per_axis               an option as one number for each spatial axis
    conv_windows           where the windows of a convolution lie: numbers per axis, pads as pairs, "same" resolved
    pool_windows           likewise of a pooling, with ceil_mode resolved into pads
    in_a_batch             an input with the batch axis that it may lack, and how to take it off the output again
    channels_last          the axes by which (n, c, h, w) becomes (n, h, w, c)
    channels_first         and back
    normalized_axes        the axes of a layer normalization, which must be the end of the input's shape
    check_has_an_axis      refuses the sum along an axis that is not there
    indices_in_a_channel   the indices of cells within their channel, from those within the whole array
    layers_of              layers by torch's names, the convolutions and max poolings of one to three axes among them
    on_arrays              functions on NumPy arrays from those on a runtime's own, and their gradients
    NotOffered             what an adapter raises for a value that its runtime does not have
    asked                  what a runtime behind an adapter is asked: everything but what it refuses
"""

from spec_tests.adapters.arrays import asked, gradient_tuple, on_arrays
from spec_tests.adapters.axes import (
    channels_first,
    channels_last,
    check_has_an_axis,
    flat_axes,
    in_a_batch,
    indices_in_a_channel,
    normalized_axes,
    pads_of_each_axis,
)
from spec_tests.adapters.library import Library
from spec_tests.adapters.naming import layers_of
from spec_tests.adapters.windows import Windows, conv_windows, per_axis, pool_windows
from spec_tests.vocabulary.subject import NotOffered

__all__ = [
    "Library",
    "NotOffered",
    "Windows",
    "asked",
    "channels_first",
    "channels_last",
    "check_has_an_axis",
    "conv_windows",
    "flat_axes",
    "gradient_tuple",
    "in_a_batch",
    "indices_in_a_channel",
    "layers_of",
    "normalized_axes",
    "on_arrays",
    "pads_of_each_axis",
    "per_axis",
    "pool_windows",
]
