"""The process that a subject lives in: it loads the subject and answers calls until its input ends.

`isolated.py` starts it as `python -m spec_tests.contract.worker`. It speaks through descriptors of its own: what the
subject writes to its standard output, or reads from its standard input, disturbs nothing.
"""

import contextlib
import io
import os
import sys
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, BinaryIO

import numpy as np

from spec_tests.contract import imports
from spec_tests.contract.messages import Received, answered, laid, printable, received, written_down
from spec_tests.vocabulary.subject import REFUSALS, NotAvailable, NotOffered, offers, optional

PASSED_ON = (NotOffered, NotAvailable, *REFUSALS)
"""The exceptions whose types are told apart."""
KEPT = 1_000
"""How many characters of what a call prints are kept."""
LONGEST = 10_000
"""How many characters of a message are passed on."""
OPTIONAL = ("gradients_of", "double_backward", "calling", "threads")
FACTS = ("name", "dtypes", "transforms", "deviations", "source", "tensors")


class _Printed(io.RawIOBase):
    """What is printed: the beginning is kept, the rest dropped."""

    def __init__(self) -> None:
        super().__init__()
        self.kept = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        size = memoryview(data).nbytes
        if len(self.kept) < 4 * KEPT:
            self.kept += bytes(memoryview(data).cast("B")[: 4 * KEPT])
        return size

    def close(self) -> None:
        """Stay open: whoever closes it may print again in the next call."""


class Served:
    """A subject, and how it answers."""

    def __init__(self, subject: Any, printed: _Printed) -> None:
        # behind the seam, what it wrote into would be restored before it is seen: the seam is in the other process
        self.subject, self.printed = getattr(subject, "inner", subject), printed
        self.facts = _facts(subject, self.subject)
        self.in_format: dict[str | None, Any] = {None: self.subject}
        self.threads = contextlib.ExitStack()

    def answer(self, call: Received) -> bytes:
        """Do what is asked, and return the answer to be sent."""
        header: dict[str, Any] = {"call": call.number}
        arrays: list[np.ndarray] = []
        before = [memory.copy() for memory in call.memories]
        self.printed.kept.clear()
        try:
            if isinstance(call.request, Exception):
                raise NotOffered(f"an argument cannot be handed to another process: {call.request}")
            result = self._done(call.request)
            header["answer"] = written_down(result, arrays)
            header["shared"] = _shared(result, call)
        except BaseException as error:  # whatever it is, the run has to know of it
            arrays.clear()
            header["error"] = described(error)
        with contextlib.suppress(Exception):
            header["written"] = [*_written(call, before), *self._says_written(call.request)]
        header["printed"] = printable(self.printed.kept.decode("utf-8", "replace")[:KEPT])
        try:
            return answered(header, arrays)
        except (ValueError, MemoryError) as error:
            return answered({"call": call.number, "error": described(error)}, [])

    def _done(self, request: Mapping[str, Any]) -> Any:
        match request:
            case {"call": function, "args": args, "kwargs": kwargs, "dtype": dtype}:
                with warnings.catch_warnings(), np.errstate():
                    warnings.simplefilter("ignore")
                    return getattr(self._at(dtype), function)(*args, **kwargs)
            case {"has": name}:
                return callable(getattr(self.subject, name, None))
            case {"offers": name}:
                return offers(self.subject, name)
            case {"calling": function, "arguments": arguments}:
                return _calling(self.subject, function, arguments)
            case {"threads": count}:
                self.threads.close()
                if count is not None:
                    self.threads.enter_context(self.subject.threads(count))
                return None
        raise ValueError("unknown request")

    def _at(self, dtype: str | None) -> Any:
        if dtype not in self.in_format:
            self.in_format[dtype] = self.subject.at(dtype)
        return self.in_format[dtype]

    def _says_written(self, request: Mapping[str, Any]) -> Iterator[str]:
        """Return the arguments that a subject which copies them says that its function wrote into."""
        said = self._at(request.get("dtype")).__dict__.get("last_written", ()) if "call" in request else ()
        yield from map(str, said)


def _facts(subject: Any, inner: Any) -> dict[str, Any]:
    found: dict[str, Any] = {name: getattr(subject, name, None) for name in FACTS}
    return {
        **found,
        "source": None if found["source"] is None else str(found["source"]),
        "foreign": getattr(subject, "foreign", False) is True,
        "dtypes": sorted(found["dtypes"]),
        "deviations": sorted(found["deviations"]),
        "transforms": dict(found["transforms"]),
        "lacks": sorted(getattr(subject, "lacks", ())),
        "notes": list(getattr(subject, "notes", ())),
        "only": {operation: sorted(levels) for operation, levels in getattr(subject, "only", {}).items()},
        "optional": [method for method in OPTIONAL if optional(inner, method)],
    }


def described(error: BaseException) -> list[str]:
    """Return the type of an exception, as far as it is told apart, and its message."""
    kind = next((kind.__name__ for kind in type(error).__mro__ if kind in PASSED_ON), "")
    try:
        message = printable(str(error))[:LONGEST]
    except BaseException:  # of another's class, whatever it does
        message = ""
    if kind:
        return [kind, message]
    name = printable(type(error).__name__)
    return ["", f"{name}: {message}" if message else name]


def _calling(subject: Any, function: str, arguments: Mapping[str, Any]) -> Any:
    """Return what its own function is called with; what is an argument as it came, by that argument's name."""
    name, given = subject.calling(function, arguments)
    places = {id(value): key for key, value in arguments.items()}
    return name, [(key, places.get(id(value)), None if id(value) in places else value) for key, value in given.items()]


def _arguments(call: Received) -> Iterator[tuple[str | int, int]]:
    """Yield every array in the arguments of a call: the argument's name or place, and the array's number."""
    numbers = {id(array): number for number, array in enumerate(call.arrays)}
    if not isinstance(call.request, Mapping) or "call" not in call.request:
        return
    for key, value in [*enumerate(call.request["args"]), *call.request["kwargs"].items()]:
        yield from ((key, numbers[id(array)]) for array in _arrays(value) if id(array) in numbers)


def _arrays(value: Any, depth: int = 0) -> Iterator[np.ndarray]:
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, tuple | list | dict) and depth < 10:
        for one in value.values() if isinstance(value, dict) else value:
            yield from _arrays(one, depth + 1)


def _written(call: Received, before: list[np.ndarray]) -> list[str | int]:
    """Return the arguments that were written into; of memory that no argument shows, all that lie there."""
    changed = {i for i, old in enumerate(before) if old.tobytes() != call.memories[i].tobytes()}
    found: dict[str | int, None] = {}
    for i in changed:
        there = [(key, call.layouts[n]) for key, n in _arguments(call) if call.layouts[n][0] == i]
        seen = [key for key, layout in there if _differs(laid(layout, before[i]), laid(layout, call.memories[i]))]
        found |= dict.fromkeys(seen or [key for key, _ in there])
    return list(found)


def _differs(one: np.ndarray, other: np.ndarray) -> bool:
    return one.tobytes() != other.tobytes()


def _shared(result: Any, call: Received) -> list[str | int]:
    """Return the arguments that results share memory with."""
    results = [array for array in _arrays(result) if array.size]
    found = {key: None for key, n in _arguments(call) if any(_overlap(one, call.arrays[n]) for one in results)}
    return list(found)


def _overlap(one: np.ndarray, other: np.ndarray) -> bool:
    if not np.may_share_memory(one, other):
        return False
    try:
        return np.shares_memory(one, other, max_work=10_000)  # type: ignore[arg-type]  # any number may be given
    except Exception:  # too hard to tell: their ranges overlap
        return True


def serve(incoming: BinaryIO, outgoing: BinaryIO, printed: _Printed) -> None:
    """Load the subject that the first message names, and answer calls until there are no more."""
    first = received(incoming)
    try:
        served = Served(_loaded(first.request), printed)
        header = {"call": first.number, "answer": written_down(served.facts, [])}
    except BaseException as error:  # whatever it is, the run has to know of it
        outgoing.write(answered({"call": first.number, "error": described(error)}, []))
        outgoing.flush()
        return
    outgoing.write(answered(header, []))
    outgoing.flush()
    while True:
        call = received(incoming)
        _redirected(printed)
        outgoing.write(served.answer(call))
        outgoing.flush()


def _loaded(request: Mapping[str, Any]) -> Any:
    sys.path[:] = request["path"]
    if request["memory_limit"] is not None:
        limit_memory(request["memory_limit"])
    module, _, function = request["load"].partition(":")
    load = getattr(import_module(module), function)
    if request["imports"] is not None:
        imports.guard(request["imports"])
    return load(request["subject"], request["device"])


def limit_memory(size: int) -> None:
    """Allow this process so many bytes beyond those that it has, where the system knows such a limit."""
    try:
        resource: Any = import_module("resource")
    except ModuleNotFoundError:  # Windows has none
        return
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_AS, (size + _mapped(),) * 2)


def _mapped() -> int:
    """Return how many bytes of addresses this process has, 0 where that is not known."""
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError):
        return 0


def _own_channels() -> tuple[BinaryIO, BinaryIO]:
    """Take the standard input and output for the calls, and put nothing in their place."""
    incoming, outgoing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    os.close(nothing)
    return incoming, outgoing


def _redirected(printed: _Printed) -> None:
    """Let what is printed be kept, and whoever reads find nothing."""
    if getattr(sys.stdout, "buffer", None) is printed and getattr(sys.stderr, "buffer", None) is printed:
        return
    for name in ("stdout", "stderr"):
        stream = io.TextIOWrapper(printed, "utf-8", "backslashreplace", write_through=True)  # type: ignore[type-var]
        setattr(sys, name, stream)
    sys.stdin = io.StringIO()


def _end_with(parent: int) -> None:
    """End this process when the one that started it is no more, also in the midst of a call."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)


def main() -> None:
    """Serve until the input ends, and end at once, whatever the subject has left to do."""
    channels = _own_channels()
    printed = _Printed()
    _redirected(printed)
    if os.name == "posix":
        threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    with contextlib.suppress(EOFError, OSError):
        serve(*channels, printed)
    os._exit(0)


if __name__ == "__main__":
    main()
