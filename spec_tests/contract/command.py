"""A program in any language as a subject: it answers requests in lines of JSON on its standard input and output.

`--subject "command: ./my_program --flag"` starts it in the current folder; `PROTOCOL.md` says what it has to do.
"""

import os
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, BinaryIO, Self

from spec_tests.contract import spelled_out
from spec_tests.contract.declaration import Declaration, declare
from spec_tests.contract.functions import FUNCTIONS, nearest
from spec_tests.contract.host import Host
from spec_tests.contract.lines import VERSION, answer_in, line_of, part_of, request_for, results_in
from spec_tests.contract.messages import Junk
from spec_tests.contract.on_arrays import OnArrays
from spec_tests.contract.process import POSIX, Ended, Process
from spec_tests.vocabulary.subject import NotAvailable, SubjectFailed

PREFIX = "command:"
LONGEST = 2**28
"""How many bytes the line of an answer may have."""
LOADING = 60.0
"""For how many seconds a program may take to answer the first request, at least."""
CALL = 60.0
"""For how many seconds a call may take, where nothing else was said: a program that hangs must not hang the run."""
SETTINGS = {"dtypes": "DTYPES", "not_offered": "NOT_OFFERED", "only": "ONLY"}
"""What a program may say of itself as a file may (`declaration.py`), and what a file calls it."""
FACTS = ("name", "functions", *SETTINGS)
LONGEST_NAME = 100
NOT_IN_LINES = ("cifar10_cnn", "cifar10_cnn_backward")
"""What a program cannot offer: its arguments are no arrays by name."""
FIRST = {"hello": VERSION}
"""The first request, which asks a program what it offers."""
BY_VALUE = frozenset({"strided", "read-only"})
"""What a program cannot be asked: arrays come to it as lists of numbers."""


class Program(Process):
    """A process that answers in lines."""

    @staticmethod
    def read(stream: BinaryIO) -> bytes:
        """Return a line of its output."""
        line = stream.readline(LONGEST + 1)
        if len(line) > LONGEST:
            raise Junk(f"wrote a line of more than {LONGEST} bytes to its standard output")
        if not line.endswith(b"\n"):
            raise EOFError
        return line

    def written(self, request: Mapping[str, Any]) -> list[bytes]:
        """Return the line to send; the first request has the number 0."""
        return [line_of(self.number, request)]

    def checked(self, line: bytes) -> dict[str, Any]:
        """Return the answer in a line."""
        return answer_in(line, self.number - 1)


class ProgramHost(Host):
    """The process of a program at the moment."""

    def __init__(self, command: str, limit: float | None, loading_limit: float) -> None:
        super().__init__(limit)
        self.command, self.loading_limit = command, loading_limit
        self.folder = os.getcwd()

    def started(self) -> dict[str, Any]:
        """Start the program; return its answer to the first request."""
        try:
            process = Program(self.folder, _words(self.command), os.environ.copy())
        except (OSError, ValueError) as error:
            raise NotAvailable(f"{self.command} cannot be started: {error}") from None
        try:
            facts = part_of(process.ask(FIRST, self.loading_limit), "hello")
        except Ended as how:
            late = "; it has to flush its output behind each line" if "longer" in str(how) else ""
            raise NotAvailable(f"{self.command} {how} before it answered the first request{late}{how.said}") from None
        except Junk as junk:
            process.close()
            raise NotAvailable(f"{self.command}: {junk}") from None
        self.process = process
        return facts

    def call(self, function: str, arguments: Mapping[str, Any], dtype: str | None) -> Any:
        """Return what a function of the program returns in this format, or raise what it raises."""
        answer = self.ask(function, request_for(function, arguments, dtype))
        try:
            return results_in(answer, function, spelled_out.with_defaults(function, arguments), dtype)
        except Junk as junk:
            raise SubjectFailed(f"{function}: {junk}") from None


class Commanded(OnArrays):
    """A program as a subject, on arrays of the format's own type."""

    def __init__(self, declaration: Declaration, host: ProgramHost, dtype: str | None = None) -> None:
        super().__init__(declaration, dtype)
        self.host = host

    def at(self, dtype: str) -> Self:
        """Return the subject computing in this format, in the same process."""
        return type(self)(self.declaration, self.host, dtype)

    def close(self) -> None:
        """End the process; another call starts one."""
        self.host.close()

    def lines_for(self, function: str, arguments: Mapping[str, Any], dtype: str) -> str:
        """Return what a new process of the program has to be sent for it to answer this call in this format."""
        return (line_of(0, FIRST) + line_of(1, request_for(function, arguments, dtype))).decode()

    def _call(self, function: str, **arguments: Any) -> Any:
        return self.host.call(function, arguments, self.dtype)


def of_a_command(text: str, device: str, limit: float | None = None, loading_limit: float | None = None) -> Commanded:
    """Return the program that `command: ...` names, started; raise NotAvailable if it cannot be asked."""
    command = text.removeprefix(PREFIX).strip()
    if not command:
        raise NotAvailable(f'{PREFIX} names no program; for example --subject "{PREFIX} ./my_program --flag"')
    if device != "cpu":
        raise NotAvailable(f"a program computes where it likes, and is not asked for device {device!r}")
    limit = CALL if limit is None else limit
    host = ProgramHost(command, limit, max(LOADING, 10 * limit) if loading_limit is None else loading_limit)
    facts = host.started()
    try:
        declaration = _declared(command, facts)
    except NotAvailable as error:
        host.close()
        raise NotAvailable(f"{command}: {error}") from None
    return Commanded(declaration, host)


def _words(command: str) -> list[str]:
    """Return the words of a command, the first one as the path of a program where it can be found."""
    words = shlex.split(command) if POSIX else [word.strip('"') for word in shlex.split(command, posix=False)]
    return [shutil.which(words[0]) or words[0], *words[1:]]


def _declared(command: str, facts: Mapping[str, Any]) -> Declaration:
    """Check what a program says of itself."""
    for key in facts:
        if key not in FACTS:
            raise NotAvailable(f"it says {key!r} of itself; known are {', '.join(FACTS)}{nearest(key, FACTS)}")
    functions, name = facts.get("functions"), facts.get("name", command[:LONGEST_NAME])
    if not isinstance(functions, list) or not all(isinstance(function, str) for function in functions):
        raise NotAvailable(f"functions is {functions!r}; a list of names was expected")
    known = [function for function in FUNCTIONS if function not in NOT_IN_LINES]
    for function in functions:
        if function not in known:
            raise NotAvailable(f"functions names {function!r}, which is unknown{nearest(function, known)}")
    if not functions:
        raise NotAvailable("functions is empty: it offers nothing")
    if not isinstance(name, str) or not name.isprintable() or not name or len(name) > LONGEST_NAME:
        raise NotAvailable(f"name is {name!r}; one line of at most {LONGEST_NAME} characters was expected")
    settings = {own: facts[key] for key, own in SETTINGS.items() if key in facts}
    wide: Any = settings.get("DTYPES")
    with_bfloat16 = isinstance(wide, list) and "bfloat16" in wide  # which NumPy does not have, but lines have
    if with_bfloat16:
        settings["DTYPES"] = [dtype for dtype in wide if dtype != "bfloat16"] or ["float32"]
    try:
        said = declare(dict.fromkeys(functions, _takes_anything), name=name, **settings)
    except NotAvailable as error:
        text = str(error)
        for key, own in SETTINGS.items():
            text = text.replace(own, key)
        raise NotAvailable(text.partition(": TENSORS")[0]) from None
    return replace(said, dtypes=frozenset(wide)) if with_bfloat16 else said


def _takes_anything(**arguments: Any) -> None:
    """Stand for a function of a program, which takes all arguments by name."""
