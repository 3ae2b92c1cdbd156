"""The subject: the implementation that the specification is run against.

A subject is a namespace of functions named and called as in `torch.nn.functional`, NumPy arrays in, NumPy
arrays out, and for each of them its gradient, `<name>_backward(grad_output, ...)` with the same arguments.
A gradient function returns one array for each name that `GRADIENTS` lists, a tuple if there are several,
with None for an argument that is missing or has no gradient. The package `reference` is such a namespace. The
document's network (`cifar10_cnn` and its gradient, as in `reference.cnn`) and the optimizers have forms of their own.
Gradients of some arguments alone, and gradients of gradients, are optional: `vocabulary/subject.py` says how they come.

One file in this folder is one subject: it has a function `load(device, variant)` that returns a `Subject`, or
raises `NotAvailable`. `--subject NAME` loads the file NAME.py, `--subject NAME:VARIANT` passes the variant on.
"""

from importlib import import_module
from pkgutil import iter_modules

from spec_tests.vocabulary.subject import Subject


class NotAvailable(Exception):
    """The subject, its variant or its device is not to be had here."""


def names() -> list[str]:
    """Return the subjects there are."""
    return sorted(module.name for module in iter_modules(__path__))


def load(name: str, device: str = "cpu") -> Subject:
    """Return the subject of this name on this device; raise NotAvailable if there is none."""
    file, _, variant = name.partition(":")
    if file not in names():
        raise NotAvailable(f"no subject {file!r}; there are {', '.join(names())}")
    try:
        module = import_module(f"{__name__}.{file}")
    except ModuleNotFoundError as error:
        raise NotAvailable(
            f"{error.name} is not installed: pip install {error.name}, or test another subject (--subject reference)"
        ) from None
    subject: Subject = module.load(device, variant)
    return subject
