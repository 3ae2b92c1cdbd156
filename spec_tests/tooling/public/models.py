"""How results come about elsewhere, in NumPy: shorter factors, other orders, sums in half.

Written from what formats and algorithms are, and not with what the verdicts use.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from reference import conv2d

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Rebuilt:
    """One report: the call, and what came out."""

    operation: str
    arguments: Mapping[str, Any]
    outputs: Mapping[str, Mapping[str, Any]]
    """By the output's name, its results by name."""
    dtype: str | None = None


Builder = Callable[[], Rebuilt]

BUILDERS: dict[str, Builder] = {}
"""By name."""


def rebuilt(builder: Builder) -> Builder:
    """Register a case under the builder's name."""
    BUILDERS[builder.__name__] = builder
    return builder


def outputs(**by_name: Any) -> dict[str, dict[str, Any]]:
    """Return outputs by name, each with one result that is called output."""
    return {name: {"output": value} for name, value in by_name.items()}


def normal(seed: int, *shapes: tuple[int, ...], scale: float = 1.0) -> list[Array]:
    """Return arrays of normal numbers in float32."""
    rng = np.random.default_rng(seed)
    return [(rng.standard_normal(shape) * scale).astype(np.float32) for shape in shapes]


def uniform(seed: int, *shapes: tuple[int, ...], low: float = 0.0, high: float = 1.0) -> list[Array]:
    """Return arrays of uniform numbers in float32."""
    rng = np.random.default_rng(seed)
    return [rng.uniform(low, high, shape).astype(np.float32) for shape in shapes]


def tf32(x: Array, cut: bool = False) -> Array:
    """Return float32 numbers with 13 bits less: to nearest, ties away from 0, or cut off."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    return ((bits + np.uint32(0 if cut else 0x1000)) & np.uint32(0xFFFFE000)).view(np.float32)


def bf16(x: Array) -> Array:
    """Return float32 numbers with 16 bits less, to nearest, ties to even."""
    bits = np.ascontiguousarray(x, np.float32).view(np.uint32)
    odd = (bits >> np.uint32(16)) & np.uint32(1)
    return ((bits + np.uint32(0x7FFF) + odd) & np.uint32(0xFFFF0000)).view(np.float32)


def half(x: Array) -> Array:
    """Return float16 numbers, held in float32."""
    with np.errstate(over="ignore"):
        return np.asarray(x, np.float16).astype(np.float32)


def one_by_one(terms: Array, dtype: Any = np.float32) -> Array:
    """Add the last axis up from its beginning, rounding each time."""
    return np.asarray(np.add.accumulate(terms.astype(dtype), axis=-1)[..., -1])


def many_lanes(terms: Array, lanes: int = 8) -> Array:
    """Add the last axis up in lanes, and then these."""
    padded = np.pad(terms, [(0, 0)] * (terms.ndim - 1) + [(0, -terms.shape[-1] % lanes)])
    return one_by_one(one_by_one(padded.reshape(*terms.shape[:-1], -1, lanes).swapaxes(-1, -2)))


def rows_products(x: Array, weight: Array) -> Array:
    """Return the products of a linear layer, (rows, outs, ins)."""
    return np.asarray(x[:, np.newaxis, :] * weight)


def patches(x: Array, k: int, stride: int = 1, padding: int = 0) -> Array:
    """Return the windows of images as rows: (n, i, j, c·k·k)."""
    padded = np.pad(x, [(0, 0), (0, 0), (padding,) * 2, (padding,) * 2])
    view = np.lib.stride_tricks.sliding_window_view(padded, (k, k), (2, 3))[:, :, ::stride, ::stride]
    return np.ascontiguousarray(view.transpose(0, 2, 3, 1, 4, 5)).reshape(len(x), *view.shape[2:4], -1)


def in_order(x: Array, weight: Array, add: Any = one_by_one, stride: int = 1, padding: int = 0) -> Array:
    """Convolve images, adding products up in a given way."""
    rows = patches(x, weight.shape[-1], stride, padding)
    return np.stack([add(rows * kernel.ravel()) for kernel in weight], 1)


def winograd_2_3(x: Array, weight: Array) -> Array:
    """Convolve with 3 by 3 kernels and padding 1 by Winograd's F(2×2, 3×3), all in float32."""
    b_t = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]], np.float32)
    g = np.array([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]], np.float32)
    a_t = np.array([[1, 1, 1, 0], [0, 1, -1, -1]], np.float32)
    padded = np.pad(x, [(0, 0), (0, 0), (1, 1), (1, 1)])
    tiles = np.lib.stride_tricks.sliding_window_view(padded, (4, 4), (2, 3))[:, :, ::2, ::2]
    d = np.einsum("ap,ncijpq,bq->ncijab", b_t, tiles, b_t)
    u = np.einsum("ap,ocpq,bq->ocab", g, weight, g)
    m = np.einsum("ncijab,ocab->noijab", d, u)
    y = np.einsum("pa,noijab,qb->noijpq", a_t, m, a_t)
    n, o, i, j = y.shape[:4]
    return np.ascontiguousarray(y.transpose(0, 1, 2, 4, 3, 5)).reshape(n, o, 2 * i, 2 * j)


def shortened_conv(x: Array, weight: Array, shorter: Callable[[Array], Array], **options: Any) -> Array:
    """Convolve shortened factors, adding up in float32."""
    return np.asarray(conv2d(shorter(x), shorter(weight), **options))


__all__ = ["BUILDERS", "Builder", "Rebuilt", "field"]
