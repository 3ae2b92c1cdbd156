"""Convolution straight from its sum: read this file first.

A convolution layer lays a small kernel of weights on every window of its input, multiplies the cells
that lie on one another and adds the products up (section 2.1.2):

    output[n, o, place] = bias[o] + Σ input[n, c, place·stride − padding + tap·dilation] · weight[o, c, tap]
                                  c, tap

n is the image, o the output channel, c the input channel, `place` where the kernel lies and `tap` the cell
of the kernel, each along every spatial axis. The kernel is not flipped: mathematics calls this operation
cross-correlation. With groups, output channel o sees only the input channels of its own group.

So a convolution is nothing but a list of products: this input cell, times this weight, goes into that
output cell. `products` is that list, and everything else follows from it, the gradients too: whatever an
output cell receives as its gradient goes back along the same products, times the other factor.

These loops are for reading and for proving: `reference.convolution` computes the same with matrix products.
"""

from collections.abc import Iterator

import numpy as np

from reference.checks import Array, Size, shape
from reference.geometry import ConvGeometry

Index = tuple[int, ...]


def products(input: Array, weight: Array, geometry: ConvGeometry) -> Iterator[tuple[Index, Index, Index]]:
    """Yield (output cell, input cell, weight cell) for every product of a convolution of these two arrays."""
    outputs, channels, *kernel_size = weight.shape
    for n, o in np.ndindex(len(input), outputs):
        group = o // (outputs // geometry.groups)
        for place in np.ndindex(*geometry.output_size):
            for c, *tap in np.ndindex(channels, *kernel_size):
                cell = [
                    at * stride - before + t * dilation
                    for at, stride, (before, _), t, dilation in zip(
                        place, geometry.stride, geometry.padding, tap, geometry.dilation, strict=True
                    )
                ]
                if all(
                    0 <= at < size for at, size in zip(cell, input.shape[2:], strict=True)
                ):  # the rest is padding: 0
                    yield (n, o, *place), (n, group * channels + c, *cell), (o, c, *tap)


def convolution(
    input: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> Array:
    """Convolve a batch: input (n, c, *size), weight (o, c / groups, *kernel) -> (n, o, *output).

    Any number of spatial axes, always with a batch; options and their errors are those of `reference.conv2d`.
    Padding is skipped, not multiplied by, so a weight that is not finite does not turn it into NaN.

    >>> image = np.array([[[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]])
    >>> edge = np.array([[[[1, 0, -1], [1, 0, -1], [1, 0, -1]]]])
    >>> convolution(image, edge)
    array([[[[-6]]]])
    """
    geometry = ConvGeometry.of(input, weight, bias, stride, padding, dilation, groups)
    output = np.zeros((len(input), len(weight), *geometry.output_size), input.dtype)
    if bias is not None:
        output += bias.reshape(-1, *[1] * len(geometry.output_size))
    for out, cell, tap in products(input, weight, geometry):
        output[out] += input[cell] * weight[tap]
    return output


def convolution_backward(
    grad_output: Array,
    input: Array,
    weight: Array,
    bias: Array | None = None,
    stride: Size = 1,
    padding: Size | str = 0,
    dilation: Size = 1,
    groups: int = 1,
) -> tuple[Array, Array, Array | None]:
    """Return grad_input, grad_weight and grad_bias (None without a bias), each shaped like its argument.

    >>> grad_input, grad_weight, _ = convolution_backward(
    ...     np.array([[[2.0]]]), input=np.array([[[3.0, 4.0]]]), weight=np.array([[[5.0, 6.0]]])
    ... )
    >>> grad_input, grad_weight
    (array([[[10., 12.]]]), array([[[6., 8.]]]))
    """
    geometry = ConvGeometry.of(input, weight, bias, stride, padding, dilation, groups)
    shape("grad_output", grad_output, (len(input), len(weight), *geometry.output_size))
    grad_input, grad_weight = np.zeros_like(input), np.zeros_like(weight)
    for out, cell, tap in products(input, weight, geometry):
        grad_input[cell] += grad_output[out] * weight[tap]
        grad_weight[tap] += grad_output[out] * input[cell]
    grad_bias = None if bias is None else grad_output.sum(axis=(0, *range(2, grad_output.ndim)))
    return grad_input, grad_weight, grad_bias
