"""Convolution by Winograd's algorithm F(4×4, 3×3): 36 products for 16 outputs, where adding up takes 144.

A 3×3 kernel g at stride 1 makes of a tile d of 6×6 cells the 4×4 outputs

    y = Aᵀ [Σ_c (G·g·Gᵀ) ⊙ (Bᵀ·d·B)] A          ⊙: element by element

with the matrices of `spec_tests.vocabulary.transforms`. Tiles lie 4 apart; the last ones may hang over, over zeros.
The gradient of the input is such a convolution too: of grad_output in a border of two zeros, by the kernels turned
around. That of the kernel is the algorithm transposed, summed over tiles and images before the last transform:

    grad_g = Gᵀ [Σ_n,tiles (A·grad_y·Aᵀ) ⊙ (Bᵀ·d·B)] G

Axes: t u row and column of tiles; r s row and column of a transformed tile; the rest as in `transforming`.
"""

import numpy as np

from reference.checks import Array
from reference.geometry import ConvGeometry
from reference.windows import windows
from spec_tests.transforming.transforming import Transforming
from spec_tests.vocabulary.transforms import A_T, B_T, G


class Winograd(Transforming):
    """Convolutions of images by 3×3 kernels at stride 1 and dilation 1, by Winograd's algorithm."""

    transform = "winograd_4_3"
    ranks = (2,)

    A_T, B_T, G = A_T, B_T, G
    """The three transforms, of outputs, inputs and kernels."""

    def applies(self, geometry: ConvGeometry) -> bool:
        """Tell whether the kernel is 3×3, and steps and taps are one cell apart."""
        return (geometry.kernel_size, geometry.stride, geometry.dilation) == ((3, 3), (1, 1), (1, 1))

    def output(self, cells: Array, kernels: Array, geometry: ConvGeometry) -> Array:
        """Return Aᵀ [Σ_c (G·g·Gᵀ) ⊙ (Bᵀ·d·B)] A, tile by tile."""
        inputs, kernels = self.transformed(self.tiles(cells), self.B_T), self.transformed(kernels, self.G)
        products = np.einsum("ngcturs,gocrs->ngoturs", inputs, kernels, optimize=True)
        return self.joined(self.transformed(products, self.A_T), cells)

    def grad_cells(self, grads: Array, kernels: Array, cells: Array, geometry: ConvGeometry) -> Array:
        """Return the convolution of `grads` in a border of two zeros by the kernels turned around."""
        border = [(0, 0)] * (grads.ndim - 2) + [(2, 2)] * 2
        return self.output(np.pad(grads, border), np.flip(kernels, (-2, -1)).swapaxes(1, 2), geometry)

    def grad_kernels(self, grads: Array, cells: Array, geometry: ConvGeometry) -> Array:
        """Return Gᵀ [Σ_n,tiles (A·grad_y·Aᵀ) ⊙ (Bᵀ·d·B)] G."""
        inputs, outputs = self.tiles(cells), windows(_filled(grads, 0), (4, 4), (4, 4), (1, 1))
        inputs, outputs = self.transformed(inputs, self.B_T), self.transformed(outputs, self.A_T.T)
        products = np.einsum("ngcturs,ngoturs->gocrs", inputs, outputs, optimize=True)
        return self.transformed(products, self.G.T)

    def tiles(self, cells: Array) -> Array:
        """View the tiles of 6×6 cells, 4 apart: (n, g, c, h, w) -> (n, g, c, t, u, 6, 6)."""
        return windows(_filled(cells, 2), (6, 6), (4, 4), (1, 1))

    def transformed(self, tiles: Array, matrix: Array) -> Array:
        """Return the tiles multiplied by a transform's matrix from the left, and by its transpose from the right."""
        matrix = matrix.astype(tiles.dtype)
        return matrix @ tiles @ matrix.T

    def joined(self, tiles: Array, cells: Array) -> Array:
        """Lay tiles of 4×4 outputs side by side and cut off what hangs over: (…, t, u, 4, 4) -> (…, i, j)."""
        *others, t, u, _, _ = tiles.shape
        outputs = tiles.swapaxes(-3, -2).reshape(*others, 4 * t, 4 * u)
        return outputs[..., : cells.shape[-2] - 2, : cells.shape[-1] - 2]


def _filled(array: Array, more: int) -> Array:
    """Return the array with zeros after its rows and columns, up to a multiple of 4, and `more`."""
    return np.pad(array, [(0, 0)] * (array.ndim - 2) + [(0, (more - h) % 4) for h in array.shape[-2:]])
