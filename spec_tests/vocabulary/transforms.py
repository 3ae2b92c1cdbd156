"""Rounding bounds for convolutions that transform before they multiply.

There the error of an element comes from all that was transformed together with its window. So the bound is one number
for a plane of the output or of grad_input, and one for a kernel of grad_weight: no element's shrinks because its window
holds small numbers or lies in the padding. Nowhere is it less than the bound of direct sums: whoever transforms may
add up directly where that is quicker.

Two bounds are known for each transform, and the smaller one holds. With u for the unit roundoff:

CERTAIN, whatever the roundings do: N of them lie on a product's way into the result, each changes it by a factor within
1 ± u, and so |computed − exact| <= γ_N(u)·M for a sum M of magnitudes (Higham, Accuracy and Stability of Numerical
Algorithms, 3.1).

LIKELY, but for one result in 10¹²: if the errors of successive roundings are independent of one another, and each is
anywhere between half a unit in the last place down and half a unit up, equally likely. An error that is uniform within
±a is sub-Gaussian with variance a²/3, and with a coefficient c in the result c²·a²/3. Variances add up, and a
sub-Gaussian sum exceeds λ standard deviations with probability 2·exp(−λ²/2) at most; λ = 7.5 makes that 10⁻¹². (Higham
and Mary, A New Approach to Probabilistic Rounding Error Analysis, 2019.) What can be equal, as in equal channels, is
not taken for independent: such errors add up before they are squared.

WINOGRAD F(4×4, 3×3) (Lavin and Gray, Fast Algorithms for Convolutional Neural Networks, 2015). Of a tile d of 6×6 cells
and a kernel g come 4×4 outputs, and of a tile of grad_output comes its share of the kernel's gradient:

    y = Aᵀ [Σ_c (Bᵀ·d·B) ⊙ (G·g·Gᵀ)] A        grad_g = Gᵀ [Σ_n,tiles (Bᵀ·d·B) ⊙ (A·grad_y·Aᵀ)] G

The input's gradient is such a convolution of grad_output. All three are Zᵀ [Σ (X·x·Xᵀ) ⊙ (Y·y·Yᵀ)] Z.

Certain: M is the same with all magnitudes (Barabasz, Anderson, Soodhalter and Gregg, Error Analysis and Improving the
Accuracy of Winograd Convolution for Deep Neural Networks, 2020). N counts, twice for two axes, the additions of a row
and what is not a power of two: 3 for Bᵀ, 4 for G with its sixths and 4 for Aᵀ; or 3, 3 and 6 for A and Gᵀ. Besides it
counts the products that add up.

Likely: each rounding is followed to the result. In X·x it is of a partial sum of at most |X|·|x|, for each row r and
column b, and reaches output (p, q) with the coefficient Z_rp·Σ_s (Y·y·Yᵀ)_rs·X_sb·Z_sq. In (X·x)·Xᵀ it is of at most
|X·x|·|Xᵀ|, and has Z_rp·(Y·y·Yᵀ)_rs·Z_sq; on the side of y likewise. A product or a sum of products is at most
Σ |X·x·Xᵀ|·|Y·y·Yᵀ| and has Z_rp·Z_sq; one of Zᵀ·[…] is at most |Zᵀ|·|…| and has Z_sq; the last are at most |Zᵀ[…]|·|Z|.
Rows may come first, or columns. The elements of one transformed tile count as independent, the terms of a sum do not.

Tiles may begin anywhere, and the largest bound of all of them is that of the plane.

FFT. A transform of length 2^t along an axis takes t stages of additions, each off by u. In all but the first two, whose
roots of unity are 1 and −i, there are products with roots, off by √5·u (Brent, Percival and Zimmermann, Error Bounds
on Complex Floating-Point Multiplication, 2007), and the roots themselves are off by u.

Certain: a transform keeps Euclidean norms, up to a factor. So relative errors of both spectra and of the way back add
up, and by Cauchy and Schwarz (Percival, Rapid Multiplication Modulo the Sum and Difference of Highly Composite Numbers,
2003; Higham, chapter 24)

    |computed − exact| <= ((1 + u)^(3·Σt + 3·Σ(t − 2) + C)·(1 + √5·u)^(3·Σ(t − 2) + 1) − 1)·Σ_c ‖x_c‖₂·‖w_c‖₂

with sums over the axes, and C for the products that add up at each frequency. It allows for errors of all frequencies
that meet in one place, and is far above what occurs.

Likely: let x be ℓ stages on its way, where there is a spectrum of 2^ℓ frequencies for the cells s, s + n/2^ℓ, … of each
s < n/2^ℓ. The error of its frequency q then reaches output i by a coefficient 2^-ℓ·Σ_k w(k)·e^(…), summed over the taps
k ≡ i + s modulo n/2^ℓ only, as the other stages and the product with the other spectrum make of it. Times what is
rounded, this is a frequency of the correlation of these cells with these taps. By Parseval's theorem the squares add
up to Σ_s mean_j (the part for s of place i + j·n/2^ℓ)², even if the errors of all s are equal at most to M², with M
the largest Σ_c |x_c|⋆|w_c| at any place. The same holds for the spectrum of w, for the products, their sums over c, and
the way back. An addition has the variance u²/3 in units of what is rounded, a complex product 2·u²/3, and a root u²/3:

    variance <= (3·Σt + 9·Σ(t − 2) + 2 + C)·u²·M²/3

Lengths are powers of two, up to the next from the number of places at which image and kernel meet. Shorter ones wrap
around, so that sums from both ends meet at places that are cut off; along each axis M allows for the largest before the
first window plus the largest behind the last.

FORMATS. u is that of the sums in an operation. What has been transformed is multiplied, and so it is first rounded as
factors are (TF32), or to the format if that is the coarser (the half formats): two more roundings. Numbers below
smallest/u count as that, which allows for underflow.

MEASURED in float32 with the convolutions of `spec_tests.transforming`: the largest errors of 40,000 cases for each of
these sums, random and adverse (`python -m spec_tests.tooling.transform_cases 40000`), as shares of their bounds.

              output   grad_input   grad_weight
    FFT        0.155        0.185         0.189
    Winograd   0.230        0.225         0.237

So the bounds lie within 4.3 to 6.5 times the errors that occur. With many channels they lie further off, about in
proportion: of 128 channels of random signs, the largest shares are 0.005 by Winograd's algorithm and 0.0003 by an FFT.
The bound allows for equal errors in all channels, and for sums between the channels as large as they can be; there such
errors and such sums cancel.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import expm1, log, log1p, sqrt
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

import reference
from reference.geometry import ConvGeometry
from spec_tests.vocabulary.bounds import REFERENCE, Approximation, Floats, gamma
from spec_tests.vocabulary.formats import FORMATS, Format
from spec_tests.vocabulary.problems import Problem

A_T = np.array([[1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]], np.float64)
"""Aᵀ of F(4, 3) with the points 0, 1, −1, 2, −2 and ∞."""

B_T = np.array(
    [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
    ],
    np.float64,
)
"""Bᵀ."""

G = np.array([[6, 0, 0], [-4, -4, -4], [-4, 4, -4], [1, 2, 4], [1, -2, 4], [0, 0, 24]]) / 24

FALSE_ALARM = 1e-12
"""How probable it is, at most, that a result of a correct implementation is beyond its bound: a choice."""

DEVIATIONS = sqrt(2 * log(2 / FALSE_ALARM))
"""λ: by so many standard deviations a sub-Gaussian number is off with that probability."""


def bound(direct: Approximation, of: str, problem: Problem, subject: Any, dtype: str) -> Approximation:
    """Return the approximation by direct sums, its bound widened where the subject may transform.

    `of` says what is approximated: "output", or the argument that the gradient belongs to.
    """
    names = subject.transforms.get(problem.operation, "")
    if not names or of == "bias":  # the gradient of a bias is a plain sum
        return direct
    kind, rank = FORMATS[dtype], problem.weight.ndim - 2
    products = Products.of_problem(of, problem)
    errors = [error for name in names.split(" or ") if (error := TRANSFORMS[name](products, kind)) is not None]
    if not errors:
        return direct
    planes = np.max(errors, axis=0).reshape(*direct.exact.shape[:-rank], *[1] * rank)
    own = kind.roundoff * abs(direct.exact) + (1 + kind.roundoff) * planes + kind.smallest
    of_the_exact = direct.bound * REFERENCE.roundoff / kind.accumulation  # which is computed directly, in float64
    return Approximation(direct.exact, np.maximum(direct.bound, own + of_the_exact))


@dataclass(frozen=True)
class Products:
    """What a convolution or one of its gradients multiplies and adds up: the numbers, by groups, as float64."""

    of: str
    """Which of "output", "input" and "weight" the sums are, or belong to; it says which two arrays are multiplied."""
    cells: Floats
    """The input in its border of zeros, (n, g, c, *padded)."""
    kernels: Floats
    """(g, o, c, *kernel)"""
    grads: Floats
    """grad_output, (n, g, o, *places)."""
    geometry: ConvGeometry

    @classmethod
    def of_problem(cls, of: str, problem: Problem) -> "Products":
        """Return those of a problem."""
        rank = problem.weight.ndim - 2
        images = problem.input.reshape(-1, *problem.input.shape[-rank - 1 :])
        geometry = ConvGeometry.of(images, problem.weight, None, **problem.options)
        padded = np.pad(images, [(0, 0), (0, 0), *geometry.padding])
        cells = padded.reshape(len(images), geometry.groups, -1, *padded.shape[2:])
        kernels = problem.weight.reshape(geometry.groups, -1, *problem.weight.shape[1:])
        grads = problem.grad_output.reshape(len(images), *kernels.shape[:2], *geometry.output_size)
        cells, kernels, grads = (array.astype(np.float64) for array in (cells, kernels, grads))
        return cls(of, cells, kernels, grads, geometry)

    def magnitudes(self, least: float) -> "Products":
        """Return the magnitudes of the numbers, each counted as at least this large."""
        cells, kernels, grads = (abs(array) + least for array in (self.cells, self.kernels, self.grads))
        return replace(self, cells=cells, kernels=kernels, grads=grads)

    @property
    def rank(self) -> int:
        """Return the number of spatial axes."""
        return len(self.geometry.kernel_size)

    @property
    def spans(self) -> list[int]:
        """Return how many cells a kernel spans along each axis."""
        return [d * (k - 1) + 1 for d, k in zip(self.geometry.dilation, self.geometry.kernel_size, strict=True)]

    @property
    def transformed(self) -> int:
        """Return how many products of transformed numbers a sum has: channels that meet, or images."""
        return {"output": self.kernels.shape[2], "input": self.kernels.shape[1], "weight": len(self.cells)}[self.of]


@dataclass(frozen=True)
class Algorithm:
    """Zᵀ [Σ_k (X·x_k·Xᵀ) ⊙ (Y·y_k·Yᵀ)] Z, and how many roundings a row of X, of Y and of Zᵀ takes."""

    x: Floats
    y: Floats
    z: Floats
    roundings: tuple[int, int, int]


OUTPUT = Algorithm(B_T, G, A_T.T, (3, 4, 4))
KERNEL_GRADIENT = Algorithm(B_T, A_T.T, G, (3, 3, 6))


def winograd_4_3(products: Products, kind: Format) -> Floats | None:
    """Return the bound for F(4×4, 3×3), a number for each plane or kernel; None where it does not apply."""
    geometry = products.geometry
    if (geometry.kernel_size, geometry.stride, geometry.dilation) != ((3, 3), (1, 1), (1, 1)):
        return None
    if products.of == "weight":
        return _winograd_of_kernels(products, kind)
    cells, kernels = products.cells, products.kernels
    if products.of == "input":
        cells, kernels = _bordered(products.grads, 2), np.flip(kernels, (3, 4)).swapaxes(1, 2)
    tiles = sliding_window_view(_bordered(cells, 3), (6, 6), (3, 4))  # wherever they begin
    n, g, c, t, u, _, _ = tiles.shape
    tiles = tiles.transpose(1, 2, 0, 3, 4, 5, 6).reshape(g, c, n * t * u, 6, 6)
    bounds = _winograd(OUTPUT, tiles, kernels.swapaxes(1, 2), kind)
    return bounds.reshape(g, n, t * u, -1).max(2).swapaxes(0, 1)


def _winograd_of_kernels(products: Products, kind: Format) -> Floats:
    """Return the bound for every kernel, (g, o, c), whichever the first of its tiles, which lie 4 apart."""
    g = products.geometry.groups
    cells = sliding_window_view(_bordered(products.cells, 3), (6, 6), (3, 4))
    grads = sliding_window_view(_bordered(products.grads, 3), (4, 4), (3, 4))
    largest = np.zeros(products.kernels.shape[:3])
    for t, u in np.ndindex(4, 4):
        x, y = (
            tiles[:, :, :, t::4, u::4].transpose(1, 0, 3, 4, 2, 5, 6).reshape(g, -1, tiles.shape[2], *tiles.shape[5:])
            for tiles in (cells, grads)
        )
        bounds = _winograd(KERNEL_GRADIENT, x, y, kind)
        largest = np.maximum(largest, bounds.swapaxes(1, 2))
    return largest


def _winograd(algorithm: Algorithm, x: Floats, y: Floats, kind: Format) -> Floats:
    """Return the largest bound of a tile's outputs for x (g, k, i, a, b) and y (g, k, j, c, d): (g, i, j).

    Both orders are allowed for, rows first or columns first, each transform in its own.
    """
    rows_first = _variances(algorithm, x, y, kind)
    columns_first = _variances(algorithm, x.swapaxes(3, 4), y.swapaxes(3, 4), kind)
    pairs = zip(rows_first, columns_first, strict=True)
    variance = np.sum([np.maximum(one, other.swapaxes(3, 4)) for one, other in pairs], axis=0).max((3, 4))
    magnitudes, terms = _winograd_magnitudes(algorithm, x, y), x.shape[1]
    factors, inside = _coarser(kind), gamma(2 * sum(algorithm.roundings) + terms, kind.accumulation)
    certain = inside + factors * (2 + factors) * (1 + inside)
    return np.asarray(np.minimum(certain * magnitudes, DEVIATIONS * np.sqrt(variance / 3)))


def _winograd_magnitudes(algorithm: Algorithm, x: Floats, y: Floats) -> Floats:
    """Return M, the largest of |Z|ᵀ [Σ_k (|X|·|x_k|·|X|ᵀ) ⊙ (|Y|·|y_k|·|Y|ᵀ)] |Z|: (g, i, j)."""
    inputs = _both(abs(algorithm.x), abs(x)).transpose(3, 4, 0, 2, 1)
    kernels = _both(abs(algorithm.y), abs(y)).transpose(3, 4, 0, 1, 2)
    return np.asarray(_both(abs(algorithm.z).T, (inputs @ kernels).transpose(2, 3, 4, 0, 1)).max((3, 4)))


def _variances(algorithm: Algorithm, x: Floats, y: Floats, kind: Format) -> list[Floats]:
    """Return three times the variance that each stage adds to a tile's outputs, rows first: each (g, i, j, p, q)."""
    u, z, terms = kind.accumulation, algorithm.z, x.shape[1]
    of_x, of_y, of_z = (count * u**2 for count in algorithm.roundings)
    rows_x, rows_y = _rows(algorithm.x, x), _rows(algorithm.y, y)
    all_x, all_y = _columns(algorithm.x, rows_x), _columns(algorithm.y, rows_y)
    v, w = all_x.transpose(3, 4, 0, 2, 1), all_y.transpose(3, 4, 0, 1, 2)  # (r, s, g, i, k), (r, s, g, k, j)
    products = (v @ w).transpose(2, 3, 4, 0, 1)
    magnitudes = ((abs(v) + _least(kind)) @ (abs(w) + _least(kind))).transpose(2, 3, 4, 0, 1)
    rows_z = _rows(z.T, products)
    return [
        of_x * _before_columns(algorithm.x, x, all_y, z, kind),
        of_y * _before_columns(algorithm.y, y, all_x, z, kind).swapaxes(1, 2),
        of_x * _behind_columns(_columns(abs(algorithm.x), abs(rows_x)), all_y, z, kind),
        of_y * _behind_columns(_columns(abs(algorithm.y), abs(rows_y)), all_x, z, kind).swapaxes(1, 2),
        (terms * u**2 + 2 * _coarser(kind) ** 2) * _both(z.T**2, magnitudes**2),
        of_z * _columns(z.T**2, _rows(abs(z).T, abs(products)) ** 2),
        of_z * _columns(abs(z).T, abs(rows_z)) ** 2,
    ]


def _before_columns(matrix: Floats, tiles: Floats, others: Floats, z: Floats, kind: Format) -> Floats:
    """Return what roundings of a transform's rows do to the outputs: each goes on into a whole row of products."""
    rounded = (_rows(abs(matrix), abs(tiles)) + _least(kind)).transpose(3, 4, 0, 2, 1)  # (r, b, g, i, k)
    onwards = abs(np.einsum("sq,gkjrs,sb->rbqgkj", z, others, matrix, optimize=True))
    sums = rounded[:, :, np.newaxis] @ onwards  # equal errors of all k may add up
    return np.einsum("rp,rqgij->gijpq", z**2, (sums**2).sum(1), optimize=True)


def _behind_columns(magnitudes: Floats, others: Floats, z: Floats, kind: Format) -> Floats:
    """Return what roundings of a transform's columns, behind its rows, do to the outputs."""
    sums = (magnitudes + _least(kind)).transpose(3, 4, 0, 2, 1) @ abs(others).transpose(3, 4, 0, 1, 2)
    return _both(z.T**2, (sums**2).transpose(2, 3, 4, 0, 1))


def _rows(matrix: Floats, tiles: Floats) -> Floats:
    return np.asarray(matrix @ tiles)


def _columns(matrix: Floats, tiles: Floats) -> Floats:
    return np.asarray(tiles @ matrix.T)


def _both(matrix: Floats, tiles: Floats) -> Floats:
    return np.asarray(matrix @ tiles @ matrix.T)


def fft(products: Products, kind: Format) -> Floats:
    """Return the bound for an FFT, a number for each plane or kernel."""
    products, u, factors = products.magnitudes(_least(kind)), kind.accumulation, _coarser(kind)
    stages = [(h + span - 2).bit_length() for h, span in zip(products.cells.shape[3:], products.spans, strict=True)]
    added, turned, terms = 3 * sum(stages), 3 * sum(max(t - 2, 0) for t in stages), products.transformed
    growth = 2 * log1p(factors) + (added + turned + terms) * log1p(u) + (turned + 1) * log1p(sqrt(5) * u)
    norms, magnitudes = _fft_norms(products), _fft_magnitudes(products)
    likely = DEVIATIONS * sqrt(((added + 3 * turned + 2 + terms) * u**2 + 2 * factors**2) / 3)
    return np.asarray(np.minimum(norms * expm1(growth), magnitudes * likely))


def _fft_norms(products: Products) -> Floats:
    """Return Σ‖x‖₂·‖w‖₂ for every plane or kernel."""
    arrays = (products.cells, products.kernels, products.grads)
    cells, kernels, grads = (np.sqrt((array**2).sum(_spatial(array))) for array in arrays)
    if products.of == "output":
        return np.einsum("ngc,goc->ngo", cells, kernels)
    if products.of == "input":
        return np.einsum("ngo,goc->ngc", grads, kernels)
    return np.einsum("ngo,ngc->goc", grads, cells)


def _fft_magnitudes(products: Products) -> Floats:
    """Return M for every plane or kernel: the largest sum of magnitudes at any place, wrapped around or not."""
    cells, kernels, grads, geometry = products.cells, products.kernels, products.grads, products.geometry
    if products.of == "output":
        by_group = zip(cells.swapaxes(0, 1), kernels, strict=True)
        return np.stack([_largest(x, w, geometry.dilation) for x, w in by_group], 1)
    if products.of == "weight":
        by_group = zip(
            cells.transpose(1, 2, 0, *_spatial(cells)), grads.transpose(1, 2, 0, *_spatial(grads)), strict=True
        )
        found = np.stack([_largest(x, w, geometry.stride).T for x, w in by_group])
        return np.minimum(found, _fft_norms(products))
    flat = [array.reshape(len(array), -1, *array.shape[3:]) for array in (grads, cells)]
    options: Any = {"stride": geometry.stride, "dilation": geometry.dilation, "groups": geometry.groups}
    backward = getattr(reference, f"conv{products.rank}d_backward")
    everywhere, *_ = backward(*flat, kernels.reshape(-1, *kernels.shape[2:]), **options)
    return np.asarray(everywhere.reshape(*cells.shape[:3], -1).max(-1))


def _largest(images: Floats, kernels: Floats, dilation: tuple[int, ...]) -> Floats:
    """Return the largest sum of products at any place where images (n, c, …) and kernels (o, c, …) meet: (n, o)."""
    beyond = [d * (k - 1) for d, k in zip(dilation, kernels.shape[2:], strict=True)]
    conv = getattr(reference, f"conv{len(beyond)}d")
    sums: Floats = conv(images, kernels, padding=beyond, dilation=dilation)
    for cells in beyond:  # along the first axis that is left
        before, behind = sums[:, :, :cells].max(2, initial=0), sums[:, :, sums.shape[2] - cells :].max(2, initial=0)
        sums = np.maximum(sums.max(2), before + behind)
    return sums


def _spatial(array: Floats) -> tuple[int, ...]:
    return tuple(range(3, array.ndim))


def _coarser(kind: Format) -> float:
    """Return the unit roundoff of transformed numbers as factors of products, where it is coarser than that of sums."""
    return max(kind.factors, kind.roundoff if kind.roundoff > kind.accumulation else 0)


def _least(kind: Format) -> float:
    """Return the magnitude that a number counts as at least: smaller ones may be rounded more coarsely."""
    return kind.smallest / kind.roundoff


def _bordered(images: Floats, cells: int) -> Floats:
    return np.pad(images, [(0, 0)] * (images.ndim - 2) + [(cells, cells)] * 2)


TRANSFORMS: dict[str, Callable[[Products, Format], Floats | None]] = {"fft": fft, "winograd_4_3": winograd_4_3}
"""The transforms that a subject may name, alone or several as in "fft or winograd_4_3"."""
