"""What a subject is: the implementation that the specification is run against.

Two of its methods are optional, and not part of the form below. A subject that has neither is asked for all gradients
at once, and only once; what is required of them is then skipped, and says so.

    gradients_of(operation, wanted, grad_output, *arguments, **options)
        the gradients of the arguments that `wanted` names, in that order, without computing any other
    double_backward(operation, vectors, grad_output, *arguments, **options)
        the gradients of Σ ⟨vectors[a], gradient of a⟩ over the arguments a that `vectors` names: a mapping from those
        names, and from "grad_output", to arrays. It raises NotImplementedError for what it does not offer.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Protocol, Self


class NotAvailable(Exception):
    """The subject, its variant or its device is not to be had here."""


class NotOffered(Exception):
    """The subject was asked for what it does not offer: neither an answer nor a refusal."""


class SubjectFailed(Exception):
    """The subject did what no implementation may do: it tried to end the program, for example."""


class SubjectEnded(SubjectFailed):
    """The subject took too long for a call, or ended its process: each such call costs time."""


REFUSALS = (ValueError, TypeError, RuntimeError, IndexError, NotImplementedError)
"""What a subject may raise to refuse its arguments; any other exception is a defect."""


class Subject(Protocol):
    """An implementation under test."""

    name: str
    """How reports call it, with its device and version where it has one."""

    dtypes: frozenset[str]
    """The number formats it computes in, of those in `spec_tests.vocabulary.formats`."""

    transforms: Mapping[str, str]
    """The operations that do not add up products directly but transform first, and how ("fft", "winograd_4_3")."""

    deviations: frozenset[str]
    """The known deviations (`deviations.toml`) that it shows and that a bound has to make room for."""

    def at(self, dtype: str) -> Self:
        """Return the subject computing in this format.

        For float32 and float64 that is the format of the arrays themselves. For the others the arrays are
        float32 already rounded to the format: the subject casts them on the way in and back on the way out.
        """

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        """Return the function of this name."""

    # A subject that computes with several threads may have a context manager `threads(count)`, inside which it uses so
    # many; subjects without it are not asked about them.


def offers(subject: Any, function: str) -> bool:
    """Tell whether a subject has a function of this name; one that does not say so has all."""
    method = optional(subject, "offers")
    return True if method is None else bool(method(function))


def written_into(subject: Any) -> tuple[str, ...]:
    """Return the arguments that a subject wrote into, of its calls since this was asked last.

    The seam restores them after each call, so that one test harms no other: comparing them finds nothing.
    """
    found: tuple[str, ...] = vars(subject).get("wrote", ())
    if found:
        subject.wrote = ()
    return found


def optional(subject: Any, method: str) -> Callable[..., Any] | None:
    """Return an optional method of a subject, or None: what `__getattr__` makes of any name does not count."""
    return getattr(subject, method) if inspect.getattr_static(subject, method, None) is not None else None
