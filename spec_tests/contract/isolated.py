"""A subject in a process of its own, which cannot harm the run: it may loop, exit, crash or eat memory.

Whatever ends or overruns a call is `SubjectFailed`, in one line; the next call starts another process. Nothing that
comes from that process is trusted further than as an answer (`messages.py`).
"""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Self

from spec_tests.contract.functions import named
from spec_tests.contract.host import Host
from spec_tests.contract.messages import Junk, Reader
from spec_tests.contract.process import Ended, Process
from spec_tests.vocabulary.subject import REFUSALS, NotAvailable, NotOffered, SubjectFailed

LOADING = 60.0
"""For how many seconds a subject may load, at least."""
OPTIONAL = ("gradients_of", "double_backward", "calling", "threads")
"""The methods that a subject may have."""
LONGEST = 10_000
"""How many characters of a message are kept."""
RAISED: Mapping[str, type[Exception]] = {kind.__name__: kind for kind in (NotOffered, NotAvailable, *REFUSALS)}


class _Defect(Exception):
    """What no subject may do: "raised SystemExit", "returned a generator"."""


class _Host(Host):
    """The process that a subject lives in at the moment, and what is known of the subject."""

    def __init__(self, first: Mapping[str, Any], limit: float | None, loading_limit: float) -> None:
        super().__init__(limit)
        self.first, self.loading_limit = first, loading_limit
        self.folder = os.getcwd()
        self.known: dict[str, bool] = {}
        self.offered: dict[str, bool] = {}

    def started(self) -> dict[str, Any]:
        """Start a process that loads the subject; return what the subject says of itself."""
        subject = self.first["subject"]
        process = Process(self.folder)
        try:
            header, body = process.ask(self.first, self.loading_limit)
            facts: dict[str, Any] = _value(header, body)
            _checked(facts)
        except Ended as how:
            raise NotAvailable(f"{subject} {how} while it was loaded{how.said}") from None
        except Junk as junk:
            process.close()
            raise NotAvailable(f"{subject} disturbs its process: {junk}") from None
        except Exception as error:
            process.close()
            raise NotAvailable(str(error) if isinstance(error, NotAvailable) else f"{subject}: {error}") from None
        self.process = process
        return facts


class Isolated:
    """A subject in a process of its own; of the form that `vocabulary/subject.py` describes.

    `load` is the function that loads it there, by its module and name; `time_limit` holds for one call. If the
    subject is `foreign`, it is not believed when it says that it needs room for deviations or transforms.
    With `imports` it can import NumPy, the standard library and these modules alone.
    """

    last_written: tuple[str, ...] = ()
    """The arguments that the last call wrote into; those of the run are unharmed."""
    last_shared: tuple[str, ...] = ()
    """The arguments that results of the last call shared memory with; in the run they are arrays of their own."""
    last_printed = ""
    """The beginning of what the last call printed."""

    def __init__(
        self,
        subject: str,
        device: str = "cpu",
        time_limit: float | None = None,
        memory_limit: int | None = None,
        *,
        load: Callable[[str, str], Any],
        foreign: bool = True,
        loading_limit: float | None = None,
        imports: Sequence[str] | None = None,
    ) -> None:
        first = {
            "subject": subject,
            "device": device,
            "memory_limit": memory_limit,
            "imports": imports,
            "load": f"{load.__module__}:{load.__qualname__}",
            "path": [str(Path(entry).absolute()) for entry in sys.path],
        }
        loading = max(LOADING, 10 * (time_limit or 0)) if loading_limit is None else loading_limit
        self._host, self._dtype = _Host(first, time_limit, loading), None
        facts = self._host.started()
        self.name: str = facts["name"]
        self.dtypes = frozenset(facts["dtypes"])
        self.foreign = foreign or facts["foreign"]
        self.transforms: Mapping[str, str] = {} if self.foreign else facts["transforms"]
        self.deviations: frozenset[str] = frozenset() if self.foreign else frozenset(facts["deviations"])
        self.source = None if facts["source"] is None else Path(facts["source"])
        self.tensors = bool(facts["tensors"])
        self.lacks = frozenset(facts["lacks"])
        self.notes = tuple(facts["notes"])
        self.only = {operation: frozenset(levels) for operation, levels in facts["only"].items()}
        self._optional = [name for name in OPTIONAL if name in facts["optional"]]
        self._set_optional()

    def __repr__(self) -> str:
        """Return the name, which is the same in every run; an address in memory is not."""
        return self.name

    def at(self, dtype: str) -> Self:
        """Return the subject computing in this format, in the same process."""
        here = type(self).__new__(type(self))
        here.__dict__ |= self.__dict__ | {"_dtype": dtype}
        here._set_optional()
        return here

    def _set_optional(self) -> None:
        for method in self._optional:
            own = getattr(type(self), f"_{method}", None)
            setattr(self, method, partial(own, self) if own else partial(self._call, method))

    def close(self) -> None:
        """End the process; another call starts one."""
        self._host.close()

    def offers(self, function: str) -> bool:
        """Tell whether the subject has a function of this name."""
        if function not in self._host.offered:
            self._host.offered[function] = bool(self._ask(function, {"offers": function}))
        return self._host.offered[function]

    def __getattr__(self, function: str) -> Callable[..., Any]:
        if function.startswith("_"):
            raise AttributeError(function)
        known = self._host.known
        if function not in known:
            known[function] = bool(self._ask(function, {"has": function}))
        if not known[function]:
            raise AttributeError(f"{self.name} has no function {function}")
        return partial(self._call, function)

    def _call(self, function: str, *args: Any, **kwargs: Any) -> Any:
        what = f"{function} of {args[0]}" if function in self._optional and args else function
        return self._ask(what, {"call": function, "args": args, "kwargs": kwargs, "dtype": self._dtype})

    def _ask(self, what: str, request: Mapping[str, Any]) -> Any:
        self.last_written, self.last_shared, self.last_printed = (), (), ""
        header, body = self._host.ask(what, request)
        self.last_written = _names(header.get("written"), request)
        self.last_shared = _names(header.get("shared"), request)
        self.last_printed = str(header.get("printed", ""))[:1000]
        try:
            return _value(header, body)
        except _Defect as defect:
            raise SubjectFailed(f"{what} {defect}") from None
        except Junk as junk:
            self.close()
            raise SubjectFailed(f"{what}: {junk}") from None

    def _calling(self, function: str, arguments: Mapping[str, Any]) -> tuple[str, dict[str | int, Any]]:
        """Return the name of its own function, and what that is called with."""
        answer = self._ask(function, {"calling": function, "arguments": dict(arguments)})
        match answer:
            case (str(name), list(given)) if all(isinstance(one, tuple) and len(one) == 3 for one in given):
                return name, {key: value if place is None else arguments[place] for key, place, value in given}
        raise SubjectFailed(f"{function}: its answer makes no sense")

    @contextlib.contextmanager
    def _threads(self, count: int) -> Iterator[None]:
        """Let the subject use so many threads."""
        self._ask("threads", {"threads": count})
        try:
            yield
        finally:
            self._ask("threads", {"threads": None})


def _value(header: Mapping[str, Any], body: memoryview) -> Any:
    """Return what an answer holds, or raise what it says was raised."""
    match header:
        case {"error": [str(kind), str(message)]} if kind in RAISED:
            raise RAISED[kind](message[:LONGEST])
        case {"error": ["", str(message)]}:
            raise _Defect(f"raised {(message.splitlines() or [''])[0][:LONGEST]}")
        case {"answer": tree}:
            try:
                return Reader(body).value(tree)
            except TypeError as error:
                raise _Defect(f"returned {error}") from None
    raise Junk("its answer makes no sense")


def _names(keys: Any, request: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of arguments, of which the other process says the names or the places."""
    if not isinstance(keys, list) or not keys or "call" not in request:
        return ()
    function, args = request["call"], request["args"]
    if function in ("gradients_of", "double_backward"):
        function, args = f"{args[0]}_backward", args[2:]
        keys = [key - 2 if type(key) is int else key for key in keys]
    with contextlib.suppress(AttributeError):  # a function that the specification does not know
        places = dict(enumerate(named(function, (*range(len(args)),), {})))
        keys = [places.get(key, key) if isinstance(key, int) else key for key in keys]
    return tuple(dict.fromkeys(str(key)[:200] for key in keys[:100]))


def _checked(facts: Any) -> None:
    """Raise Junk if what a subject says of itself has not the form that it must have."""
    text, texts = (lambda v: isinstance(v, str)), (lambda v: isinstance(v, list) and all(isinstance(x, str) for x in v))
    forms: dict[str, Callable[[Any], bool]] = {
        "name": text,
        "source": lambda v: v is None or isinstance(v, str),
        "tensors": lambda v: v is None or isinstance(v, bool),
        "foreign": lambda v: isinstance(v, bool),
        **dict.fromkeys(("dtypes", "deviations", "lacks", "notes", "optional"), texts),
        "transforms": lambda v: isinstance(v, dict) and all(map(text, v.values())),
        "only": lambda v: isinstance(v, dict) and all(map(texts, v.values())),
    }
    for name, has_form in forms.items():
        if not isinstance(facts, dict) or name not in facts or not has_form(facts[name]):
            raise Junk(f"what it says of its {name} makes no sense")
