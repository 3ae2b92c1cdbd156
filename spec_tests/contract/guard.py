"""The seam: every call of a subject passes here.

It records the call for the report and for the drawing of a failure. It sees to it that a function which writes into its
arguments, prints, warns, ends the program or changes NumPy's settings harms no other test. And it raises `NotOffered`
for what the subject says that it does not offer, so that such a question counts neither for it nor against it.
"""

import contextlib
import dis
import inspect
import io
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from types import TracebackType
from typing import Any, Self

import numpy as np

from spec_tests.contract.adapting import is_default
from spec_tests.contract.expectations import Expectations
from spec_tests.contract.functions import (
    ARRAYS,
    BACKWARD,
    FUNCTIONS,
    PER_AXIS,
    UNBATCHED_AXES,
    named,
    operation_of,
    parameters,
)
from spec_tests.vocabulary import ledger
from spec_tests.vocabulary.formats import FORMATS, HALVES
from spec_tests.vocabulary.ledger import Call
from spec_tests.vocabulary.operations import TRANSFORMS
from spec_tests.vocabulary.subject import NotOffered, SubjectFailed, optional

OPTIONAL = ("gradients_of", "double_backward", "threads", "tensor", "calling")
"""The methods that a guarded subject has only if the subject has them."""

PRINTED = 10_000
"""How many characters a call may print before the rest is dropped."""


class Guarded:
    """A subject behind the seam."""

    def __init__(
        self,
        inner: Any,
        *,
        foreign: bool = False,
        lacks: frozenset[str] = frozenset(),
        only: Mapping[str, frozenset[str]] | None = None,
        notes: tuple[str, ...] = (),
        dtype: str | None = None,
        expected: Expectations | None = None,
    ) -> None:
        self.expected, self.reasons = expected, expected.not_offered if expected else {}
        self.inner, self.foreign, self.only = inner, foreign or expected is not None, only or {}
        self.lacks = lacks | frozenset(self.reasons)
        self.notes, self.dtype = notes, dtype
        self.wrote: tuple[str, ...] = ()
        """What the last call wrote into that wrote at all: it is restored, so a test cannot see it otherwise."""
        self.printed = ""
        """The beginning of what the last call printed."""
        self.name, self.dtypes = inner.name, inner.dtypes
        self.transforms, self.deviations = inner.transforms, inner.deviations
        self.source, self.tensors = _own(inner, "source", None), _own(inner, "tensors", False)
        self.reports = _own(inner, "last_written", None) is not None
        """Whether it says itself what it wrote into: it got copies of the arguments."""
        self.optional = [name for name in OPTIONAL if optional(inner, name)]
        self._take_over()

    def _take_over(self) -> None:
        """Have the optional methods that the subject has."""
        for method in self.optional:
            recorded = method in ("gradients_of", "double_backward")
            self.__dict__[method] = partial(self._other, method) if recorded else getattr(self.inner, method)

    def __repr__(self) -> str:
        """Return the name, which is the same in every run; an address in memory is not."""
        return str(self.name)

    def at(self, dtype: str) -> Self:
        """Return the subject computing in this format."""
        other = object.__new__(type(self))
        other.__dict__ |= self.__dict__ | {"inner": self.inner.at(dtype), "dtype": dtype}
        other._take_over()
        return other

    def offers(self, function: str) -> bool:
        """Tell whether the subject has a function of this name and lets itself be asked."""
        if function in self.lacks or (function.endswith(BACKWARD) and "gradients" in self.lacks):
            return False
        method = optional(self.inner, "offers")
        return True if method is None else bool(method(function))

    def __getattr__(self, function: str) -> Callable[..., Any]:
        if function.startswith("_") or function in ("inner", "foreign", "lacks") or function not in FUNCTIONS:
            if self.__dict__.get("foreign", True):
                raise AttributeError(function)
            other: Callable[..., Any] = getattr(self.inner, function)
            return other
        return partial(self._call, function)

    def _call(self, function: str, *args: Any, **kwargs: Any) -> Any:
        arguments = named(function, args, kwargs)
        if self.foreign:
            arguments = self._as_it_can_be_asked(operation_of(function), arguments)
            self._check_offered(function, arguments)
            return self._recorded(function, arguments, partial(self._contained, function, arguments))
        return self._recorded(function, arguments, partial(getattr(self.inner, function), *args, **kwargs))

    def _other(self, method: str, operation: str, what: Any, *args: Any, **kwargs: Any) -> Any:
        """Call an optional method: the gradients of some arguments, or of gradients."""
        function = f"{operation}{BACKWARD}"
        arguments = named(function, args, kwargs)
        if self.foreign:
            arguments = self._as_it_can_be_asked(operation, arguments)
            self._check_offered(function, arguments)
            args, kwargs = (), arguments
        call = partial(getattr(self.inner, method), operation, what, *args, **kwargs)
        contained = partial(self._containing, function, call) if self.foreign else call
        return self._recorded(f"{method}", arguments, contained)

    def _recorded(self, function: str, arguments: dict[str, Any], call: Callable[[], Any]) -> Any:
        """Make a call and record it; arguments that it writes into are restored."""
        arrays = {name: value for name, value in arguments.items() if isinstance(value, np.ndarray)}
        before = {name: value.copy(order="K") for name, value in arrays.items()}
        dtype = self.dtype or next((str(a.dtype) for a in arrays.values() if a.dtype.kind == "f"), "float64")
        kept = {**arguments, **before}
        try:
            result = call()
        except NotOffered:
            raise
        except Exception as error:
            written = _restored(arrays, before) or (tuple(self.inner.last_written) if self.reports else ())
            failure = f"{type(error).__name__}: {error}"
            ledger.called(Call(function, kept, dtype, error=failure, written=written, printed=self.printed))
            raise
        changed = [name for name, value in arrays.items() if not _same(value, before[name])]
        if changed:
            result = _own_memory(result, [arrays[name] for name in changed])
            _restored(arrays, before)
        written = tuple(changed) or (tuple(self.inner.last_written) if self.reports else ())
        self.wrote = written or self.wrote
        shared = _shared(result, arrays) or (tuple(self.inner.last_shared) if self.reports else ())
        ledger.called(Call(function, kept, dtype, result, written=written, shared=shared, printed=self.printed))
        return result

    def _contained(self, function: str, arguments: dict[str, Any]) -> Any:
        return self._containing(function, partial(getattr(self.inner, function), **arguments))

    def _containing(self, function: str, call: Callable[[], Any]) -> Any:
        """Call a function of others: what it raises is a refusal, a failure, or that it does not offer this."""
        try:
            with _quiet() as printed:
                try:
                    return call()
                finally:
                    self.printed = str(_own(self.inner, "last_printed", "")) or printed.getvalue()[:1000]
        except NotOffered:
            raise
        except NotImplementedError as error:
            raise NotOffered(f"{function} is not implemented{f': {error}' if str(error) else ''}") from None
        except Exception as error:
            if type(error).__module__.partition(".")[0] in ("hypothesis", "_pytest", "pytest"):
                raise SubjectFailed(f"{function} raised {type(error).__name__}, which only a test may") from error
            raise
        except KeyboardInterrupt as error:
            if not _raised_by_code(error.__traceback__):
                raise
            raise SubjectFailed(f"{function} raised KeyboardInterrupt") from error
        except BaseException as error:
            raise SubjectFailed(f"{function} raised {type(error).__name__}: {error}") from error

    def _as_it_can_be_asked(self, operation: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return arrays without axes for NumPy's scalars, and one number for equal ones if it takes no tuples."""
        for name in ARRAYS:
            if isinstance(arguments.get(name), np.generic):
                arguments = {**arguments, name: np.asarray(arguments[name])}
        if not {"tuples", f"{operation}.tuples"} & self.lacks:
            return arguments
        return {
            name: _one_for_all(operation, value) if name in PER_AXIS else value for name, value in arguments.items()
        }

    def _check_offered(self, function: str, arguments: dict[str, Any]) -> None:
        """Raise NotOffered for what the subject does not have, or says that it cannot be asked."""
        if not self.offers(function):
            raise NotOffered(f"{function} is not offered{self._because(function, 'gradients')}")
        arrays = [value for value in arguments.values() if isinstance(value, np.ndarray)]
        if self.dtype not in HALVES:
            held = {str(np.dtype(FORMATS[name].arrays)) for name in self.dtypes if name not in HALVES}
            for array in arrays:
                if array.dtype.name in {"float32", "float64"} - held or (not held and array.dtype.kind in "iub"):
                    raise NotOffered(f"{array.dtype} is not offered")
        if not self.lacks:
            return
        operation = operation_of(function)
        for feature in _features(operation, arguments, arrays):
            if feature in self.lacks or f"{operation}.{feature}" in self.lacks:
                because = self._because(f"{operation}.{feature}", feature)
                raise NotOffered(f"{operation}: {feature} is not offered{because}")

    def _because(self, *what: str) -> str:
        """Return the reason that the subject's expectation file gives, if it does."""
        return next((f": {self.reasons[name]}" for name in what if name in self.reasons), "")


def _own(inner: Any, name: str, default: Any) -> Any:
    """Return an attribute of a subject; what its `__getattr__` makes of any name does not count."""
    return inspect.getattr_static(inner, name, default)


def _features(operation: str, arguments: Mapping[str, Any], arrays: list[np.ndarray]) -> Iterator[str]:
    """Name everything that a call makes use of and that a subject may not offer."""
    row = TRANSFORMS.get(operation)
    input = arguments.get("input" if row is None else row.image)
    if isinstance(input, np.ndarray):
        if row is not None and input.ndim > 3:
            yield "batched"
        if UNBATCHED_AXES.get(operation) == input.ndim:
            yield "unbatched"
        if input.dtype.kind in "iub":
            yield "integers"
    if arguments.get("return_indices"):
        yield "indices"
    if any(array.size == 0 for array in arrays):
        yield "empty"
    if not all(array.flags.c_contiguous for array in arrays):
        yield "strided"
    if not all(array.flags.writeable for array in arrays):
        yield "read-only"
    if any(isinstance(arguments.get(name), tuple | list) for name in PER_AXIS):
        yield "tuples"
    for name, value in arguments.items():
        if value is None or isinstance(value, np.ndarray):
            if value is not None and name not in ("input", "grad_output"):
                yield name
            continue
        yield f"{name}={value}"
        if not _says_nothing(operation, name, value):
            yield name


def _one_for_all(operation: str, value: Any) -> Any:
    """Return the number that stands for each axis, if they are equal and as many as there are axes."""
    if isinstance(value, tuple | list) and operation[-2:] == f"{len(value)}d" and len(set(value)) == 1:
        return value[0]
    return value


def _says_nothing(operation: str, name: str, value: Any) -> bool:
    """Tell whether an option has its default."""
    known = parameters(operation)
    return name in known and is_default(value, known[name])


def _same(one: np.ndarray, other: np.ndarray) -> bool:
    """Tell whether two arrays hold the same bytes."""
    return one.shape == other.shape and one.dtype == other.dtype and one.tobytes() == other.tobytes()


def _restored(arrays: Mapping[str, np.ndarray], before: Mapping[str, np.ndarray]) -> tuple[str, ...]:
    """Write back what was changed, and return the names of it."""
    changed = tuple(name for name, value in arrays.items() if not _same(value, before[name]))
    for name in changed:
        array = arrays[name]
        if array.shape != before[name].shape or array.dtype != before[name].dtype:
            continue  # an array that was itself turned into another one cannot be helped
        writeable = array.flags.writeable
        with contextlib.suppress(ValueError):
            array.flags.writeable = True
            array[...] = before[name]
            array.flags.writeable = writeable
    return changed


def _own_memory(result: Any, written: list[np.ndarray]) -> Any:
    """Return a result in memory of its own, if it lies in an argument that is about to be restored."""
    if isinstance(result, tuple):
        return tuple(_own_memory(one, written) for one in result)
    if isinstance(result, np.ndarray) and any(np.may_share_memory(result, array) for array in written):
        return result.copy()
    return result


def _shared(result: Any, arrays: Mapping[str, np.ndarray]) -> tuple[str, ...]:
    """Return the arguments that a result shares memory with."""
    results = [one for one in (result if isinstance(result, tuple) else (result,)) if isinstance(one, np.ndarray)]
    return tuple(
        name
        for name, array in arrays.items()
        if any(np.may_share_memory(one, array) and np.shares_memory(one, array) for one in results)
    )


class _Bounded(io.StringIO):
    """What is printed, up to a length."""

    def write(self, text: str) -> int:
        if self.tell() < PRINTED:
            super().write(text[: PRINTED - self.tell()])
        return len(text)


@contextlib.contextmanager
def _quiet() -> Iterator["_Bounded"]:
    """Let a foreign function neither print nor warn, nor change how NumPy computes; yield what it prints."""
    limit = sys.getrecursionlimit()
    with (
        warnings.catch_warnings(),
        np.errstate(),
        contextlib.redirect_stdout(printed := _Bounded()),
        contextlib.redirect_stderr(_Bounded()),
    ):
        warnings.simplefilter("ignore")
        try:
            yield printed
        finally:
            if sys.getrecursionlimit() != limit:
                sys.setrecursionlimit(limit)


def _raised_by_code(traceback: TracebackType | None) -> bool:
    """Tell whether a `raise` statement raised something, and not a signal."""
    last = traceback
    while last is not None and last.tb_next is not None:
        last = last.tb_next
    return last is not None and last.tb_frame.f_code.co_code[last.tb_lasti] == dis.opmap["RAISE_VARARGS"]
