"""PyTorch with its work shared by two threads: sums are split elsewhere, results must stay right."""

from collections.abc import Callable
from typing import Any

from spec_tests.subjects.torch.eager import TorchSubject

THREADS = 2


class Threads(TorchSubject):
    """PyTorch with two threads; what is small is computed by one all the same."""

    mode = f"with {THREADS} threads"

    def function(self, operation: str) -> Callable[..., Any]:
        """Return the function of this name, to be called with two threads."""
        return self._in_threads(super().function(operation))

    def _gradients(self, operation: str, *args: Any, **kwargs: Any) -> Any:
        return self._in_threads(super()._gradients)(operation, *args, **kwargs)

    def _in_threads(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def shared(*args: Any, **kwargs: Any) -> Any:
            with self.threads(THREADS):
                return function(*args, **kwargs)

        return shared
