"""Wrong implementations, each wrong in one way that is easily written by hand. The specification must catch them all.

Each names the operation that it replaces and the tests that catch it; `tooling/test_wrong_implementations.py` holds it
to that. To look at a failure: `pytest spec_tests --subject wrong:flips_the_kernel`.

The functions receive all arguments of their operation by name, defaults filled in, and spell out those that matter.
Every file in this folder is read: a new one needs no further line.
"""

from importlib import import_module
from pkgutil import iter_modules

from spec_tests.wrong_implementations.register import WRONG, Wrong, wrong

for _module in iter_modules(__path__):
    import_module(f"{__name__}.{_module.name}")

__all__ = ["WRONG", "Wrong", "wrong"]
