"""How close does hand-written NumPy come to torch, layer by layer? The network's layers, batch 64, one thread, float32.

The reference's row includes its time as a multiple of torch's, both measured alternately. Compare these multiples,
which carry over to other machines, rather than the times, which do not. Backward means all gradients of a layer. The
two passes of pooling are fairly compared only together: torch keeps in the first where the maxima were. On a GPU, torch
alone computes.
"""

from typing import Any

import pytest

from benchmarks import layers
from benchmarks.ceilings import Limits
from benchmarks.configuration import LAYER_PHASES, SIDE_BY_SIDE, WHERE
from benchmarks.counts import LAYERS, layer_work
from benchmarks.measuring import ROW, beside, timed


@ROW
@pytest.mark.row(batch=SIDE_BY_SIDE)
@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize(("who", "device"), WHERE)
@pytest.mark.parametrize("phase", LAYER_PHASES)
@pytest.mark.parametrize("layer", LAYERS)
def test_layer(benchmark: Any, layer: str, phase: str, who: str, where: str, limits: Limits) -> None:
    problem, threads = layers.problem(layer), 1 if where == "cpu" else 0
    by_torch = layers.by_torch(problem, phase, where)
    run = by_torch if who == "torch" else layers.by_reference(problem, phase)
    benchmark.group = f"{layer} {phase}, batch {SIDE_BY_SIDE}"
    benchmark.extra_info.update(question="layer", batch=SIDE_BY_SIDE, threads=threads, device=where)
    limits.bound(benchmark.extra_info, layer_work(layer, phase, SIDE_BY_SIDE), where, threads, "ieee")

    timed(benchmark, run, lambda: layers.error(run(), problem, phase), where)

    if who == "reference":
        beside(benchmark, run, by_torch, "torch")
