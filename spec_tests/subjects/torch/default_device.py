"""PyTorch inside `with torch.device(...)`, as after `torch.set_default_device`: every call takes another way.

The context is a mode that sees each call before it is made (`TorchFunctionMode`), as the compiler and tensor subclasses
do. Arguments that a function does not hand on there are lost.
"""

from collections.abc import Callable
from typing import Any

from spec_tests.subjects.torch.eager import TorchSubject


class DefaultDevice(TorchSubject):
    """PyTorch with its device as the default one."""

    mode = "by default"

    def function(self, operation: str) -> Callable[..., Any]:
        """Return the function of this name, to be called where the device is the default."""
        plain = super().function(operation)

        def called(*args: Any, **kwargs: Any) -> Any:
            with self.device:
                return plain(*args, **kwargs)

        return called
