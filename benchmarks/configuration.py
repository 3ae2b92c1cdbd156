"""What varies among the network's rows: a configuration is one way to compute one phase of one batch.

    phase       forward; backward, through a graph built beforehand; training step, including the parameter update
    device      cpu or cuda
    threads     of the CPU; 0 on a GPU
    layout      of the images in memory: contiguous (channel by channel) or channels_last (pixel by pixel)
    precision   ieee float32; tf32 (products of float32 numbers rounded to 11 bits, on GPUs); bf16 (autocast)
    mode        eager; compile (torch.compile); graph (a CUDA graph that replays all launches at once)
    data        resident on the device, or copied to it within the timed step
    who         torch, or the NumPy reference

The default is the ladder: a sequence of configurations that each change one thing, from one CPU thread to a CUDA graph
in bf16. Options of pytest replace parts of it and leave the rest as it is.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from itertools import product
from typing import Any

PHASES = ("forward", "backward", "training step")
BOTH = "both passes"
"""A phase of single layers: torch's pooling keeps in its forward pass what its backward pass needs."""
LAYER_PHASES = ("forward", "backward", BOTH)
VALUES: dict[str, tuple[str, ...]] = {
    "phase": (*PHASES, BOTH),
    "device": ("cpu", "cuda"),
    "layout": ("contiguous", "channels_last"),
    "precision": ("ieee", "tf32", "bf16"),
    "mode": ("eager", "compile", "graph"),
    "data": ("resident", "copied"),
    "who": ("torch", "reference"),
}
"""The values of options that are not numbers."""

POWERS = tuple(2**power for power in range(14))
"""The batches, 1 to 8192."""
LARGEST_ON_CPU = 512
"""In the default run; beyond it, samples per second no longer rise."""
STORY = (1, 64, 1024)
"""The batches of rungs that serve a single comparison."""
SIDE_BY_SIDE = 64
"""The batch at which NumPy is compared with torch."""

WHERE = (("torch", "cpu"), ("reference", "cpu"), ("torch", "cuda"))
"""Who computes where, in the questions that have no ladder."""

IMPOSSIBLE: tuple[tuple[dict[str, str], str], ...] = (
    ({"device": "cpu", "mode": "graph"}, "mode graph is a CUDA graph: device must be cuda"),
    ({"device": "cpu", "precision": "tf32"}, "precision tf32 exists only on NVIDIA's GPUs: device must be cuda"),
    ({"device": "cpu", "data": "copied"}, "data is copied to a GPU: device must be cuda"),
    (
        {"phase": "backward", "data": "copied"},
        "phase backward starts from what the forward pass left on the device: data must be resident",
    ),
    ({"mode": "graph", "data": "copied"}, "mode graph replays on data at fixed addresses: data must be resident"),
)
"""Settings that exclude each other, and why."""


@dataclass(frozen=True)
class Configuration:
    """The settings of one row as parameters of a test: strings and whole numbers."""

    phase: str = "forward"
    device: str = "cpu"
    threads: int = 1
    layout: str = "contiguous"
    precision: str = "ieee"
    mode: str = "eager"
    data: str = "resident"
    who: str = "torch"
    batch: int = SIDE_BY_SIDE

    @property
    def id(self) -> str:
        """The row's name in pytest."""
        threads = f"{self.threads}-threads" if self.device == "cpu" else ""
        parts = (self.phase, self.who, self.device, threads, self.layout, self.precision, self.mode, self.data)
        return "-".join([*filter(None, parts), str(self.batch)]).replace(" ", "-")

    @property
    def nonsense(self) -> str:
        """Why this configuration is impossible, or an empty string."""
        plain = Configuration(self.phase, threads=self.threads, who="reference", batch=self.batch)
        if self.who == "reference" and self != plain:
            return "who reference is NumPy, which computes only on the CPU, contiguous, ieee and eager"
        mine = asdict(self).items()
        return next((why for settings, why in IMPOSSIBLE if settings.items() <= mine), "")


NAMES = tuple(field.name for field in fields(Configuration))

QUESTIONS: dict[str, tuple[str, ...]] = {
    "network": NAMES,
    "layer": ("layer", "phase", "who"),
    "rivals": ("work", "who"),
    "resnet50": ("who",),
}
"""The questions that benchmarks answer, and the parameters of their rows."""


def ladder(cores: int) -> list[Configuration]:
    """Return the default rows without their phases: one configuration for each batch of each rung.

    >>> [rung.layout for rung in ladder(cores=2) if rung.batch == 64 and rung.who == "torch" and rung.device == "cpu"]
    ['contiguous', 'contiguous', 'channels_last', 'channels_last']
    """
    one = Configuration(threads=1)
    all_cores = replace(one, threads=cores)
    last_on_cpu = replace(all_cores, layout="channels_last")
    gpu = Configuration(device="cuda", threads=0)
    tf32 = replace(gpu, precision="tf32")
    last = replace(tf32, layout="channels_last")
    half = replace(last, precision="bf16")
    rungs = [
        (one, POWERS),
        (all_cores, POWERS),
        (last_on_cpu, POWERS),
        (replace(last_on_cpu, mode="compile"), (SIDE_BY_SIDE,)),
        (gpu, POWERS),
        (tf32, POWERS),
        (replace(tf32, data="copied"), STORY),
        (last, STORY),
        (half, POWERS),
        (replace(half, mode="compile"), STORY),
        (replace(half, mode="graph"), POWERS),
        (replace(one, who="reference"), (SIDE_BY_SIDE,)),
        (replace(all_cores, who="reference"), (SIDE_BY_SIDE,)),
    ]
    each_once = dict.fromkeys(replace(rung, batch=batch) for rung, batches in rungs for batch in batches)
    return list(each_once)  # on one core, several rungs are the same


def chosen_rows(options: Mapping[str, Sequence[Any]], cores: int) -> list[Configuration]:
    """Return the rows that options select; options are lists of values under the names of `Configuration`.

    Without options these are the rows of the ladder for every phase, on the CPU up to `LARGEST_ON_CPU`. `phase`,
    `device` and `batch` select rungs of the ladder and change their batches. Any other option replaces the rungs by all
    combinations of the given values, with the other settings at their defaults. Raises ValueError for a value that no
    row can have.

    >>> [row.id for row in chosen_rows({"phase": ["forward"], "threads": [1], "batch": [8]}, cores=2)]
    ['forward-torch-cpu-1-threads-contiguous-ieee-eager-resident-8']
    """
    rungs = _combinations(options, cores) if options.keys() - {"phase", "device", "batch"} else ladder(cores)
    rungs = [rung for rung in rungs if rung.device in options.get("device", VALUES["device"])]
    if "batch" in options:
        rungs = [replace(rung, batch=batch) for rung in rungs for batch in options["batch"]]
    else:
        rungs = [rung for rung in rungs if rung.device == "cuda" or rung.batch <= LARGEST_ON_CPU]
    phases = [phase for phase in options.get("phase", PHASES) if phase in PHASES]
    asked = [replace(rung, phase=phase) for phase in phases for rung in rungs]
    possible = [row for row in asked if not row.nonsense]
    for name, value in ((name, value) for name, values in options.items() for value in values):
        if phases and value != BOTH and not any(getattr(row, name) == value for row in possible):
            reasons = dict.fromkeys(row.nonsense for row in asked if getattr(row, name) == value)
            raise ValueError("; ".join(reasons) or f"no selected row can have {name} {value}")
    return list(dict.fromkeys(possible))


def _combinations(options: Mapping[str, Sequence[Any]], cores: int) -> list[Configuration]:
    """Return all combinations of the given values; on a GPU there are no threads of the CPU."""
    given = {"threads": [cores], **options}
    names = [name for name in NAMES if name in given and name not in ("phase", "batch")]
    rows = [Configuration(**dict(zip(names, each, strict=True))) for each in product(*(given[name] for name in names))]
    return [replace(row, threads=0) if row.device == "cuda" else row for row in rows]


def parsed(name: str, text: str, cores: int) -> list[Any]:
    """Return the values of an option, separated by commas: words of `VALUES`, or whole numbers from 1.

    `threads` may be "all". Raises ValueError, which names the option, its value and what was expected.

    >>> parsed("threads", "1,all", cores=2), parsed("phase", "training step", cores=2)
    ([1, 2], ['training step'])
    """
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words:
        raise ValueError(f"{name} is empty")
    return list(dict.fromkeys(_value(name, word, cores) for word in words))


def _value(name: str, word: str, cores: int) -> Any:
    known = VALUES.get(name)
    if known and word not in known:
        raise ValueError(f"{name} is {word!r}, expected one of {', '.join(known)}")
    if known or (name, word) == ("threads", "all"):
        return word if known else cores
    if not word.isdecimal() or int(word) < 1:
        raise ValueError(f"{name} is {word!r}, expected a whole number of at least 1")
    if name == "threads" and int(word) > cores:
        raise ValueError(f"threads is {word}, but there are {cores} processors")
    return int(word)


def cores() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
