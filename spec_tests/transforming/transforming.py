"""What every convolution that transforms has in common: it goes to the transform's domain, multiplies and comes back.

    output      = back(of_input(input) · of_kernels(weight))          summed over the input channels of a group
    grad_input  = the same of grad_output, by the kernels turned around, or the transforms in reverse
    grad_weight = the same of grad_output and input                    summed over images

Everything around it is here: the batch axis, groups, padding, the bias, and which calls go the direct way instead:
those that a transform does not apply to, integers, empty batches, and all that has to be refused.

Axes: n image, g group, c input channel of a group, o output channel of a group; the spatial axes follow.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import reference
from reference.checks import FLOATS, Array, shape
from reference.geometry import ConvGeometry


class Transforming(ABC):
    """Convolutions of these ranks by one transform."""

    transform: str
    """Its name in `spec_tests.vocabulary.transforms`."""

    ranks: tuple[int, ...]

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        """How often each function transformed, by name; a call that went the direct way does not count."""

    @abstractmethod
    def applies(self, geometry: ConvGeometry) -> bool:
        """Tell whether the transform can compute convolutions of this geometry."""

    @abstractmethod
    def output(self, cells: Array, kernels: Array, geometry: ConvGeometry) -> Array:
        """Convolve padded images: cells (n, g, c, *size), kernels (g, o, c, *kernel) -> (n, g, o, *places)."""

    @abstractmethod
    def grad_cells(self, grads: Array, kernels: Array, cells: Array, geometry: ConvGeometry) -> Array:
        """Return the gradient of the padded images: grads (n, g, o, *places) -> (n, g, c, *size)."""

    @abstractmethod
    def grad_kernels(self, grads: Array, cells: Array, geometry: ConvGeometry) -> Array:
        """Return the gradient of the kernels: grads (n, g, o, *places), cells -> (g, o, c, *kernel)."""

    @property
    def transforms(self) -> dict[str, str]:
        """Return which operations transform, and how: see `spec_tests.vocabulary.subject`."""
        return {f"conv{rank}d": self.transform for rank in self.ranks}

    def functions(self) -> dict[str, Callable[..., Any]]:
        """Return the functions that take the place of the references', by name."""
        forward = {f"conv{rank}d": partial(self._forward, rank) for rank in self.ranks}
        return forward | {f"conv{rank}d_backward": partial(self._backward, rank) for rank in self.ranks}

    @np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
    def _forward(
        self, rank: int, input: Array, weight: Array, bias: Array | None = None, *options: Any, **named: Any
    ) -> Array:
        operation = f"conv{rank}d"
        geometry = self._geometry(rank, input, weight, bias, *options, **named)
        if geometry is None:
            return getattr(reference, operation)(input, weight, bias, *options, **named)
        self.calls[operation] += 1
        cells, kernels = _padded(input, geometry), _by_group(weight, geometry)
        output = self.output(cells, kernels, geometry).reshape(*_batch(input, rank), len(weight), *geometry.output_size)
        return output if bias is None else output + bias.reshape(-1, *[1] * rank)

    @np.errstate(all="ignore")  # NaN and infinity are results here, not accidents
    def _backward(
        self,
        rank: int,
        grad_output: Array,
        input: Array,
        weight: Array,
        bias: Array | None = None,
        *options: Any,
        **named: Any,
    ) -> tuple[Array, Array, Array | None]:
        operation = f"conv{rank}d_backward"
        geometry = self._geometry(rank, input, weight, bias, *options, **named)
        if geometry is None or not _same_dtype(grad_output, input):
            return getattr(reference, operation)(grad_output, input, weight, bias, *options, **named)
        shape("grad_output", grad_output, (*_batch(input, rank), len(weight), *geometry.output_size))
        self.calls[operation] += 1
        cells, kernels = _padded(input, geometry), _by_group(weight, geometry)
        grads = grad_output.reshape(len(cells), *kernels.shape[:2], *geometry.output_size)
        grad_input = _cropped(self.grad_cells(grads, kernels, cells, geometry), geometry).reshape(input.shape)
        grad_weight = self.grad_kernels(grads, cells, geometry).reshape(weight.shape)
        places = (0, *range(3, grads.ndim))
        return grad_input, grad_weight, None if bias is None else grads.sum(places).reshape(bias.shape)

    def _geometry(self, rank: int, *arguments: Any, **named: Any) -> ConvGeometry | None:
        """Return the geometry of a call to transform; None if it is to go the direct way, or be refused there."""
        input, weight, bias, stride, padding, dilation, groups = _arguments(*arguments, **named)
        if not (_same_dtype(input, weight) and weight.ndim == rank + 2 and input.ndim in (rank + 1, rank + 2)):
            return None
        images = input if input.ndim == rank + 2 else input[np.newaxis]
        geometry = ConvGeometry.of(images, weight, bias, stride, padding, dilation, groups)
        return geometry if len(images) and self.applies(geometry) else None


def _arguments(
    input: Any,
    weight: Any,
    bias: Any = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: Any = 1,
) -> tuple[Any, ...]:
    """Return the arguments of a convolution in their order, defaults filled in."""
    return input, weight, bias, stride, padding, dilation, groups


def _same_dtype(one: Any, other: Any) -> bool:
    """Tell whether both are arrays of one floating point format that is computed in."""
    return type(one) is type(other) is np.ndarray and one.dtype == other.dtype and one.dtype.name in FLOATS


def _batch(input: Array, rank: int) -> tuple[int, ...]:
    return input.shape[: -rank - 1]


def _padded(input: Array, geometry: ConvGeometry) -> Array:
    """Return the images with their border of zeros: (n, g·c, *size) or (g·c, *size) -> (n, g, c, *padded)."""
    rank = len(geometry.kernel_size)
    padded = np.pad(input, [(0, 0)] * (input.ndim - rank) + list(geometry.padding))
    images = len(input) if input.ndim == rank + 2 else 1
    return padded.reshape(images, geometry.groups, -1, *padded.shape[-rank:])


def _cropped(padded: Array, geometry: ConvGeometry) -> Array:
    """Return what the border surrounds."""
    sizes = padded.shape[-len(geometry.padding) :]
    inside: Any = [slice(before, h - after) for h, (before, after) in zip(sizes, geometry.padding, strict=True)]
    return padded[(..., *inside)]


def _by_group(weight: Array, geometry: ConvGeometry) -> Array:
    return weight.reshape(geometry.groups, -1, *weight.shape[1:])
