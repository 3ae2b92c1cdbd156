"""The specification: what the layers do, as tests that hold any implementation against it.

    import spec_tests

    spec_tests.check(linear=my_linear, dtypes=["float16"], tensors=True, levels=["values"])
    print(spec_tests.judge("linear", {"input": x, "weight": w}, output))

`check`, its `Result` and the `SpecificationBroken` that it raises are in `spec_tests/checking.py`; `judge`, `bound` and
`assert_within_bound`, which say of single results whether they are right, in `spec_tests/verdict`. They are loaded when
they are asked for: the package itself imports neither pytest nor Hypothesis nor torch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from spec_tests.installed import require_for_command

if TYPE_CHECKING:
    from spec_tests.checking import Result, SpecificationBroken, check
    from spec_tests.verdict import BadCase, Verdict, assert_within_bound, bound, judge

__all__ = [
    "BadCase",
    "Result",
    "SpecificationBroken",
    "Verdict",
    "assert_within_bound",
    "bound",
    "check",
    "judge",
]

_VERDICTS = ("BadCase", "Verdict", "assert_within_bound", "bound", "judge")


require_for_command()


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("spec_tests.verdict" if name in _VERDICTS else "spec_tests.checking"), name)
