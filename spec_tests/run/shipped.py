"""Whether the package `reference` that Python finds is the one that came with the specification.

The name is a common one: a project may have a folder of it, and so has an index of packages. Against another one, every
comparison would be with something else.
"""

from importlib.util import find_spec
from pathlib import Path

import pytest

from spec_tests.installed import hidden

OURS = Path(__file__).parents[2] / "reference" / "__init__.py"


def require() -> None:
    """Raise UsageError in one line unless `reference` is the specification's own, and packages are what they seem."""
    if reason := hidden():
        raise pytest.UsageError(reason)
    found = find_spec("reference")
    place = Path(found.origin) if found and found.origin else None
    if place is None or place.resolve() != OURS.resolve():
        there = place or (f"a folder without __init__.py ({', '.join(_folders(found))})" if found else "nothing")
        raise pytest.UsageError(
            f"the specification needs its own package `reference`, {OURS}, but Python finds {there}: "
            "rename the other one, or run from a folder that does not put it on Python's path"
        )


def _folders(found: object) -> list[str]:
    return [str(folder) for folder in getattr(found, "submodule_search_locations", None) or ()]
