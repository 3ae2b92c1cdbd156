"""How long the forward pass, the backward pass and a training step of the document's network take.

A row is one configuration of `benchmarks/configuration.py`; the default is the ladder defined there. Compare rows of
the same run: it also measures the machine's limits, and every row says how close it comes to them. Each row's output is
checked against the float64 reference before and after it is timed.

NumPy and torch are measured alternately on one thread only: on several, the waiting threads of one library would spin
on the processors that the other library needs.
"""

from dataclasses import replace
from typing import Any

import pytest

from benchmarks import accuracy
from benchmarks.ceilings import Limits
from benchmarks.configuration import Configuration
from benchmarks.counts import works
from benchmarks.measuring import ROW, beside, timed
from benchmarks.steps import step


@ROW
@pytest.mark.filterwarnings("default")  # print torch's warnings, which vary from machine to machine, and measure anyway
def test_network(benchmark: Any, configuration_of_row: Configuration, limits: Limits) -> None:
    row = configuration_of_row
    benchmark.group = f"{row.phase}, batch {row.batch}"
    benchmark.extra_info.update(question="network", batch=row.batch, threads=row.threads, device=row.device)
    work = works(row.phase, row.batch, row.precision)
    limits.bound(benchmark.extra_info, work, row.device, row.threads, row.precision)
    computed = step(row)

    timed(benchmark, computed.run, lambda: accuracy.error(row, computed), row.device)

    if row.who == "reference" and row.threads == 1:
        beside(benchmark, computed.run, step(replace(row, who="torch")).run, "torch")
