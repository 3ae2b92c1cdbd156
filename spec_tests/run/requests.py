"""What shows the failure of a program in another language: the lines that it was sent."""

from typing import Any

import numpy as np

from spec_tests.contract.command import Commanded
from spec_tests.run.judging import format_of
from spec_tests.vocabulary.ledger import Call

MOST = 3000
"""Numbers in the lines, at most."""

ADVICE = """\
These lines show the failure by themselves: save them, from mark to mark, in a file cases.jsonl, and run

    {command} < cases.jsonl
"""


def requests_for(call: Call, subject: Any) -> tuple[str, str] | None:
    """Return the lines that ask a program for a call again and how to use them; None if the subject is no program."""
    program = getattr(subject, "inner", None)
    if not isinstance(program, Commanded):
        return None
    if sum(np.size(value) for value in call.arguments.values()) > MOST:
        return None
    advice = ADVICE.format(command=program.host.command)
    return advice.rstrip(), program.lines_for(call.function, call.arguments, format_of(call))
