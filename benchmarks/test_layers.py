"""How close does hand-written NumPy come to torch, layer by layer? The network's layers, batch 64, one thread, float32.

The reference's row includes its time as a multiple of torch's, both measured alternately. Compare these multiples,
which carry over to other machines, rather than the times, which do not. Backward means all gradients of a layer.
"""

from typing import Any

import pytest

from benchmarks import layers
from benchmarks.ceilings import Ceilings
from benchmarks.configuration import SIDE_BY_SIDE
from benchmarks.counts import LAYERS, layer_work
from benchmarks.measuring import ROW, counted, described, timed
from benchmarks.side_by_side import ratio


@ROW
@pytest.mark.usefixtures("one_thread")
@pytest.mark.parametrize("who", layers.BY)
@pytest.mark.parametrize("phase", ["forward", "backward"])
@pytest.mark.parametrize("layer", LAYERS)
def test_layer(benchmark: Any, layer: str, phase: str, who: str, ceiling: Ceilings) -> None:
    problem = layers.problem(layer)
    runs = {name: by(problem, phase) for name, by in layers.BY.items()}
    benchmark.group = f"{layer} {phase}, batch {SIDE_BY_SIDE}"
    benchmark.extra_info.update(described("layer", SIDE_BY_SIDE, threads=1))
    benchmark.extra_info.update(counted([layer_work(layer, phase, SIDE_BY_SIDE)], ceiling("cpu", 1, "ieee")))
    benchmark.extra_info.update(error=layers.error(runs[who](), problem, phase))

    timed(benchmark, runs[who])

    if who == "reference" and benchmark.enabled:
        benchmark.extra_info.update(ratio=ratio(runs["reference"], runs["torch"]).as_data("torch"))
