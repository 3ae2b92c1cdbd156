"""Convolution by the fast Fourier transform.

A transform F turns circular correlation into products, frequency by frequency. With X, W and G for the transforms of
the padded input, of the kernel with its taps a dilation apart and of grad_output with its cells a stride apart, all of
one length along each axis, and W* for the conjugate:

    output = F⁻¹(Σ_c X·W*)        grad_input = F⁻¹(Σ_o G·W)        grad_weight = F⁻¹(Σ_n X·G*)

A length of the padded input's is enough: what wraps around then falls on places where no window begins. It is rounded
up to a power of two. numpy.fft computes in the precision of its input, single or double.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from reference.checks import Array
from reference.geometry import ConvGeometry
from spec_tests.transforming.transforming import Transforming


class Fft(Transforming):
    """Convolutions of every rank and geometry, by an FFT."""

    transform = "fft"
    ranks = (1, 2, 3)

    def applies(self, geometry: ConvGeometry) -> bool:
        """Tell that every geometry will do."""
        return True

    def output(self, cells: Array, kernels: Array, geometry: ConvGeometry) -> Array:
        """Return F⁻¹(Σ_c X·W*) at the places where windows begin."""
        lengths = self.lengths(_size(cells, geometry))
        kernels = self.there(_spread(kernels, geometry.dilation), lengths).conj()
        products = np.einsum("ngc...,goc...->ngo...", self.there(cells, lengths), kernels, optimize=True)
        return self.back(products, lengths)[_every(geometry.stride, geometry.output_size)]

    def grad_cells(self, grads: Array, kernels: Array, cells: Array, geometry: ConvGeometry) -> Array:
        """Return F⁻¹(Σ_o G·W)."""
        size = _size(cells, geometry)
        lengths = self.lengths(size)
        grads = self.there(_spread(grads, geometry.stride), lengths)
        kernels = self.there(_spread(kernels, geometry.dilation), lengths)
        products = np.einsum("ngo...,goc...->ngc...", grads, kernels, optimize=True)
        return self.back(products, lengths)[_every((1,) * len(size), size)]

    def grad_kernels(self, grads: Array, cells: Array, geometry: ConvGeometry) -> Array:
        """Return F⁻¹(Σ_n X·G*) at the taps."""
        lengths = self.lengths(_size(cells, geometry))
        grads = self.there(_spread(grads, geometry.stride), lengths).conj()
        products = np.einsum("ngo...,ngc...->goc...", grads, self.there(cells, lengths), optimize=True)
        return self.back(products, lengths)[_every(geometry.dilation, geometry.kernel_size)]

    def lengths(self, size: Sequence[int]) -> tuple[int, ...]:
        """Return the lengths to transform at: the powers of two from this size on."""
        return tuple(1 << (h - 1).bit_length() for h in size)

    def there(self, array: Array, lengths: Sequence[int]) -> Array:
        """Return the spectra of real arrays, filled up with zeros to these lengths: half of each, by symmetry."""
        return np.fft.rfftn(array, lengths, axes=range(-len(lengths), 0))

    def back(self, spectra: Array, lengths: Sequence[int]) -> Array:
        """Return the real arrays of these lengths that have these spectra."""
        return np.fft.irfftn(spectra, lengths, axes=range(-len(lengths), 0))


def _size(cells: Array, geometry: ConvGeometry) -> tuple[int, ...]:
    return cells.shape[-len(geometry.kernel_size) :]


def _spread(array: Array, steps: Sequence[int]) -> Array:
    """Return the array with its last axes spread out, neighbours a step apart and zeros between them."""
    size = array.shape[array.ndim - len(steps) :]
    spread = np.zeros((*array.shape[: -len(steps)], *[(h - 1) * s + 1 for h, s in zip(size, steps, strict=True)]))
    spread = spread.astype(array.dtype)
    spread[_every(steps, size)] = array
    return spread


def _every(steps: Sequence[int], counts: Sequence[int]) -> Any:
    """Return the index of so many cells along each of the last axes, a step apart."""
    return (..., *[slice(0, n * s, s) for s, n in zip(steps, counts, strict=True)])
