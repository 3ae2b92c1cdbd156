"""A runtime's layers under torch's names."""

from collections.abc import Callable
from typing import Any

Layer = Callable[..., Any]
OfRank = Callable[[int], Layer]


def layers_of(convolution: OfRank, max_pool: OfRank, *others: Layer) -> dict[str, Layer]:
    """Return layers by name: convolutions and max poolings of one to three axes, and others by their own names.

    >>> sorted(layers_of(lambda rank: rank, lambda rank: rank, abs))
    ['abs', 'conv1d', 'conv2d', 'conv3d', 'max_pool1d', 'max_pool2d', 'max_pool3d']
    """
    return {
        **{f"conv{rank}d": convolution(rank) for rank in (1, 2, 3)},
        **{f"max_pool{rank}d": max_pool(rank) for rank in (1, 2, 3)},
        **{layer.__name__: layer for layer in others},
    }
