"""The specification: what the layers do, as tests that hold any implementation against it.

    import spec_tests

    spec_tests.check(linear=my_linear, dtypes=["float16"], tensors=True, levels=["values"])

`check`, its `Result` and the `SpecificationBroken` that it raises are in `spec_tests/checking.py`. They are loaded when
they are asked for: the package itself imports neither pytest nor Hypothesis nor torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spec_tests.checking import Result, SpecificationBroken, check

__all__ = ["Result", "SpecificationBroken", "check"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("spec_tests.checking"), name)
