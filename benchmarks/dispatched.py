"""What torch's operators do while a call runs: the bytes that they touch, and a record that can be played again."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

WEAK: Any = StorageWeakRef
"""A reference to a tensor's memory that does not keep it alive."""


def tensors(*values: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors within arguments or results."""
    return (value for value in tree_leaves(values) if isinstance(value, torch.Tensor))


class Traffic(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's
    """Counts the bytes that go into and out of every operator, and the most of its results that are alive at once.

    Operators that only look at their arguments otherwise touch nothing. What a kernel needs in between is not seen.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's
        self.bytes, self.peak = 0, 0
        self.results: dict[int, tuple[Any, int]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call the operator and count."""
        result = func(*args, **(kwargs or {}))
        if not func.is_view:
            self.bytes += sum(tensor.nbytes for tensor in tensors(args, kwargs, result))
            self._note(result, {tensor.untyped_storage()._cdata for tensor in tensors(args, kwargs)})
        return result

    def _note(self, result: Any, given: set[int]) -> None:
        """Count what an operator has allocated and what is still there of the others' results."""
        self.results = {place: kept for place, kept in self.results.items() if not kept[0].expired()}
        for storage in (tensor.untyped_storage() for tensor in tensors(result)):
            if storage._cdata not in given:
                self.results[storage._cdata] = WEAK(storage), storage.nbytes()
        self.peak = max(self.peak, sum(size for _, size in self.results.values()))


class Recording(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's
    """Records operators, so that `replay` can compute them again from the same memory into the same memory."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # torch's
        self.calls: list[tuple[Callable[..., Any], Any, Any, Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call the operator and keep it."""
        result = func(*args, **(kwargs or {}))
        self.calls.append((func, args, kwargs or {}, result))
        return result

    def replay(self) -> None:
        """Compute everything again."""
        with torch.no_grad():
            for func, args, kwargs, result in self.calls:
                for old, new in zip(tensors(result), tensors(func(*args, **kwargs)), strict=True):
                    if old.data_ptr() != new.data_ptr():
                        old.copy_(new)
