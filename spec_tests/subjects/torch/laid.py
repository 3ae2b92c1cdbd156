"""PyTorch on arrays that lie in memory in other ways than row by row. No result may depend on that."""

from collections.abc import Sequence
from typing import Any
from zlib import crc32

import numpy as np

from spec_tests.subjects.torch.eager import TorchSubject
from spec_tests.vocabulary.layouts import CHANNELS_LAST, LAYOUTS, Layout


class ChannelsLast(TorchSubject):
    """PyTorch on arrays in channels_last: those of four axes, and of five (`torch.channels_last_3d`)."""

    mode = "in channels_last"

    def tensor(self, value: Any) -> Any:
        """Return an array as a tensor in channels_last, if it is contiguous and has channels; else as it lies."""
        return super().tensor(_laid(value, [CHANNELS_LAST] if np.ndim(value) in (4, 5) else []))


class Strided(TorchSubject):
    """PyTorch on arrays each of which lies in one of `vocabulary.layouts.LAYOUTS`.

    Which one follows from its shape and its place in the call: two arguments mostly lie in different ways, and calls on
    other numbers of the same shapes can be compared to the last digit. None lies expanded: its numbers would decide.
    """

    mode = "strided"
    place = 0
    """How many arguments of the present call have been seen."""

    def _call(self, operation: str, *args: Any, **kwargs: Any) -> Any:
        self.place = 0
        return super()._call(operation, *args, **kwargs)

    def _recorded(self, *args: Any, **kwargs: Any) -> Any:
        self.place = 0
        return super()._recorded(*args, **kwargs)

    def tensor(self, value: Any) -> Any:
        """Return an array as a tensor that lies in some layout, if it is contiguous; else as it lies."""
        self.place += 1  # one that is None counts too: the others lie as they do beside it
        return super().tensor(_laid(value, list(LAYOUTS.values()), self.place))


def _laid(value: Any, layouts: Sequence[Layout], place: int = 0) -> Any:
    """Return an array in one of these layouts, if any fits it and it does not lie in some way already."""
    if not isinstance(value, np.ndarray) or not value.flags.c_contiguous or not layouts:
        return value
    fitting = [layout for layout in layouts if layout.fits(value.shape) and not layout.expanded(9)]
    return fitting[crc32(repr((value.shape, place)).encode()) % len(fitting)].lay(value) if fitting else value
