"""The table of operations: one row for each, in the document's order, then what the document does not teach.

Each module of this folder holds the rows of one family (`ROWS`): what is drawn for them, how they round, how they bend.
A new layer is a new module here, and a test fails while something of it is missing.
"""

from importlib import import_module
from pkgutil import iter_modules

from spec_tests.vocabulary.operations.operation import Operation
from spec_tests.vocabulary.operations.optimizers import OPTIMIZERS, Optimizer
from spec_tests.vocabulary.operations.transforms import TRANSFORMS, Transform

_modules = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]
_rows: list[Operation] = [row for module in _modules for row in getattr(module, "ROWS", ())]

OPERATIONS: dict[str, Operation] = {
    row.name: row
    for row in sorted(_rows, key=lambda row: [int(part) for part in row.section.split(".") if part] or [99])
}
"""Every row, by name."""

GRADIENTS: dict[str, tuple[str, ...]] = {name: row.gradients for name, row in OPERATIONS.items()}
"""The arguments that a gradient function returns gradients for, in order."""

CONVOLUTIONS = ("conv1d", "conv2d", "conv3d")
MAX_POOLS = ("max_pool1d", "max_pool2d", "max_pool3d")

__all__ = [
    "CONVOLUTIONS",
    "GRADIENTS",
    "MAX_POOLS",
    "OPERATIONS",
    "OPTIMIZERS",
    "TRANSFORMS",
    "Operation",
    "Optimizer",
    "Transform",
]
