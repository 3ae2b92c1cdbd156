"""The process that a subject lives in at the moment: asked, and started again when a call has ended it."""

from abc import ABC, abstractmethod
from collections import Counter
from typing import Any

from spec_tests.contract.messages import Junk
from spec_tests.contract.process import Ended, Process
from spec_tests.vocabulary.subject import NotAvailable, SubjectEnded, SubjectFailed

PATIENCE = 10
"""How often a function may end its process, or take too long, before it is not called any more."""


class Host(ABC):
    """A process that answers for a subject, and how often each function has ended one."""

    def __init__(self, limit: float | None) -> None:
        self.limit = limit
        """For how many seconds a call may take."""
        self.process: Process | None = None
        self.ended = Counter[str]()
        """How often a function has ended its process, or taken too long."""

    @abstractmethod
    def started(self) -> Any:
        """Start a process and keep it; return what the subject says of itself. Raises NotAvailable."""

    def ask(self, what: str, request: Any) -> Any:
        """Return the answer to a request, of a new process if the last one has ended; `what` is for messages."""
        if self.ended[what] >= PATIENCE:
            raise SubjectEnded(f"{what} is not called any more: {PATIENCE} times it ended its process or took too long")
        if self.process is None:
            try:
                self.started()
            except NotAvailable as error:
                raise SubjectFailed(f"{what} cannot be asked again: {error}") from None
        assert self.process is not None
        try:
            return self.process.ask(request, self.limit)
        except Ended as how:
            self.ended[what] += 1
            raise SubjectEnded(f"{what} {how}{how.said}") from None
        except Junk as junk:
            raise SubjectFailed(f"{what}: {junk}") from None
        finally:
            if not self.process.close.alive:
                self.process = None

    def close(self) -> None:
        """End the process; another call starts one."""
        if self.process is not None:
            self.process.close()
            self.process = None
