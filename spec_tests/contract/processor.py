"""What the processor of this machine is and can do: a deviation may need its widest instructions to show."""

import platform
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")


def is_one_of(machines: Iterable[str]) -> bool:
    """Tell whether this machine is one of these, each an architecture and the instructions that it must have.

    An example is "x86_64 avx512f avx512_bf16". On Linux the instructions are known; elsewhere there are none.
    """
    here = {platform.machine(), *_instructions()}
    return any(here.issuperset(machine.split()) for machine in machines)


@cache
def _instructions() -> frozenset[str]:
    text = CPUINFO.read_text(encoding="utf-8", errors="replace") if CPUINFO.is_file() else ""
    found = re.search(r"^(?:flags|Features)\s*:(.*)$", text, re.MULTILINE)
    return frozenset(found[1].split()) if found else frozenset()
