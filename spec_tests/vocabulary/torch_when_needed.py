"""torch and what belongs to it, imported when a test first uses it.

A file of tests that says `from spec_tests.vocabulary.torch_when_needed import nn, torch` reads as if it imported torch,
but a run whose subject needs no torch neither waits for the import nor needs torch to be installed. So nothing in such
a file uses torch while the file itself is imported: tables and parameters hold the names of torch's classes.
"""

from importlib import import_module, metadata
from typing import Any

from packaging.version import Version


class WhenNeeded:
    """A module that is imported when one of its attributes is first read or written; ModuleNotFoundError without it."""

    __slots__ = ("_module",)  # no __dict__ of its own, from which pytest's monkeypatch would restore attributes

    def __init__(self, module: str) -> None:
        """Name the module, as an import would."""
        object.__setattr__(self, "_module", module)

    def __repr__(self) -> str:
        return f"<the module {self._module}, imported when needed>"

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("_") and attribute != "__version__":  # pytest looks for such in all that a file has
            raise AttributeError(attribute)
        return getattr(import_module(self._module), attribute)

    def __setattr__(self, attribute: str, value: Any) -> None:
        setattr(import_module(self._module), attribute, value)

    def __delattr__(self, attribute: str) -> None:
        delattr(import_module(self._module), attribute)


torch, nn, functional = WhenNeeded("torch"), WhenNeeded("torch.nn"), WhenNeeded("torch.nn.functional")
torch_data, flop_counter = WhenNeeded("torch.utils.data"), WhenNeeded("torch.utils.flop_counter")
torchvision = WhenNeeded("torchvision")
Image = WhenNeeded("PIL.Image")

OPTIMIZER_CLASSES = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop", "adagrad": "Adagrad"}
"""The names of torch's optimizers, by that of the specification's function."""


def torchs_optimizer(operation: str) -> Any:
    """Return torch's class of an optimizer."""
    return getattr(torch.optim, OPTIMIZER_CLASSES[operation])


def installed_torch() -> str:
    """Return the version of the installed torch without importing it, or an empty string."""
    try:
        return metadata.version("torch")
    except metadata.PackageNotFoundError:
        return ""


def torch_is_older_than(version: str) -> bool:
    """Tell whether the installed torch comes before this version; no torch is not older.

    >>> torch_is_older_than("0.1")
    False
    """
    return bool(installed_torch()) and Version(installed_torch()) < Version(version)
