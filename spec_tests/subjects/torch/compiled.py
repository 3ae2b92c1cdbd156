"""PyTorch functions compiled by `torch.compile`.

Every new shape is compiled anew, so a property with few examples takes long. Where compiling gives up, torch computes
eagerly and says nothing: here that is an error.
"""

import shutil
from collections.abc import Callable
from types import FunctionType
from typing import Any

import torch

from spec_tests.subjects.torch.captured import Captured, Capturing
from spec_tests.vocabulary.subject import NotAvailable


class Compiled(Capturing):
    """PyTorch with functions that are compiled by a backend of `torch.compile`."""

    backend = ""

    def capture(self, function: Callable[..., Any], tensors: tuple[torch.Tensor, ...]) -> Captured:  # noqa: ARG002
        """Return the function, to be compiled at its first call.

        torch remembers by code object what it has compiled, and gives up after a few times: each gets its own.
        """
        code = function.__code__.replace(co_name=function.__name__)
        alone = FunctionType(code, function.__globals__, None, None, function.__closure__)
        return torch.compile(alone, backend=self.backend, fullgraph=True, dynamic=False)


class AotEager(Compiled):
    """PyTorch traced and differentiated ahead of time as `torch.compile` does it, and run without generated code."""

    mode, backend = "compiled by aot_eager", "aot_eager"


class Inductor(Compiled):
    """PyTorch compiled by inductor."""

    mode, backend = "compiled by inductor", "inductor"

    @classmethod
    def check(cls) -> None:
        """Raise NotAvailable if there is no C++ compiler."""
        if not any(map(shutil.which, ("g++", "clang++", "c++", "cl"))):
            raise NotAvailable(
                "inductor needs a C++ compiler: apt-get install g++, xcode-select --install, or the Visual Studio "
                "Build Tools; torch:aot_eager needs none"
            )
