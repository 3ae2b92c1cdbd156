"""Processors with Intel's matrix instructions (AMX), with which torch gets convolutions in bfloat16 wrong.

Some of them end the process, and with it the run and its record; others return what lay in memory, now and then. So
oneDNN, which computes them, is kept from these instructions, unless whoever starts the run has said what it may use.
"""

import os

from spec_tests.contract import processor

DEVIATION = "bfloat16-conv-amx"
"""Its id in `deviations.toml`, where it is described."""
MACHINES = ("x86_64 amx_bf16",)
"""Those that show it."""
SETTINGS = ("ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA")
"""What oneDNN reads from the environment before it computes anything: the widest instructions that it may use."""
WITHOUT = "AVX512_CORE_FP16"
"""All that comes before AMX."""


def leave_out() -> tuple[str, ...]:
    """Keep oneDNN in this process, and in those that it starts, from AMX; return what a run has to say of it."""
    if not processor.is_one_of(MACHINES) or any(os.environ.get(name, WITHOUT) != WITHOUT for name in SETTINGS):
        return ()
    os.environ[SETTINGS[0]] = WITHOUT
    return (f"oneDNN computes without AMX: known deviation {DEVIATION}; {SETTINGS[0]}=DEFAULT asks it with AMX",)
