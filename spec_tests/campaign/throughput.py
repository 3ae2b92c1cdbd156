"""How far a campaign grows: `python -m spec_tests.campaign.throughput`, on a machine that does nothing else.

It prints how many empty tasks a campaign hands out and takes down in a second, how many examples 1 and 2 workers try of
a spread of torch's properties, and what a task costs beside its examples: from that, how many workers it feeds.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import asdict
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from reference.command import needed, run
from spec_tests.campaign.child import run_in_child
from spec_tests.campaign.exploring import Asked, hand_out
from spec_tests.campaign.journal import Journal
from spec_tests.campaign.task import Outcome, Task, properties
from spec_tests.report import surroundings
from spec_tests.vocabulary.torch_when_needed import WhenNeeded

PROGRAM = "python -m spec_tests.campaign.throughput"
OPTIONS = ("--subject=torch",)
EMPTY, HANDED_TO = 2000, (1, 2, 4, 8)
"""Empty tasks, and to how many workers they are handed out."""
SPREAD = 60
"""One of so many properties is run."""
FEW, MANY = 20, 400
"""Two lengths of a task: what it costs beside its examples is what does not grow with them."""
EACH = (100, 1000, 10_000)
"""The lengths for which is said how many workers a scheduler feeds."""

distributed = WhenNeeded("distributed")


class Measured(NamedTuple):
    """What some tasks took."""

    tasks: int
    examples: int
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.tasks} tasks, {self.examples:,} examples in {self.seconds:.1f} s: "
            f"{self.tasks / self.seconds:.2f} tasks and {self.examples / self.seconds:.0f} examples a second"
        )


def main() -> None:
    """Measure and print."""
    needed("distributed", "a campaign", "campaign")
    print(f"{surroundings.machine()}; torch {surroundings.installed()['torch']}")
    rates = {workers: _handed_out(workers) for workers in HANDED_TO}
    print("empty tasks a second:", ", ".join(f"{rate:,.0f} with {workers}" for workers, rate in rates.items()))
    tests = properties(OPTIONS)[::SPREAD]
    for workers in (1, 2):
        with _cluster(workers) as client:
            client.gather(client.map(_one, tests[:1] * 2 * workers, pure=False, each=FEW))  # the children start
            short, long = (_measured(client, tests, each) for each in (FEW, MANY))
        print(f"{workers} of our workers: {long}")
        if workers == 1:
            alone = short, long
    fixed, example = costs(*alone)
    share = alone[1].examples / alone[1].tasks / MANY
    print(f"a task: {fixed:.2f} s, and {1000 * example:.2f} ms an example; of --each, {share:.0%} are drawn on average")
    most = max(rates.values())
    for each in EACH:
        seconds = fixed + example * share * each
        print(f"--each {each}: {seconds:.1f} s; one scheduler feeds {most * seconds:,.0f} workers")


def costs(short: Measured, long: Measured) -> tuple[float, float]:
    """Return the seconds that a task takes without its examples, and those of an example.

    >>> costs(Measured(10, 100, 3.0), Measured(10, 1000, 12.0))
    (0.2, 0.01)
    """
    example = (long.seconds - short.seconds) / (long.examples - short.examples)
    return (short.seconds - example * short.examples) / short.tasks, example


@contextmanager
def _cluster(workers: int, **options: Any) -> Iterator[Any]:
    with (
        distributed.LocalCluster(
            n_workers=workers, threads_per_worker=1, dashboard_address=":0", silence_logs="ERROR", **options
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


def _handed_out(workers: int) -> float:
    """Return how many empty tasks a second a campaign has done by workers that are threads of this process."""
    with TemporaryDirectory() as folder, redirect_stderr(StringIO()), _cluster(workers, processes=False) as client:
        asked = Asked(OPTIONS, EMPTY, 1, 0, Path(folder))
        journal, begun = Journal(asked.folder, asked.head()), time.perf_counter()
        hand_out(asked, [f"test {number}" for number in range(EMPTY)], journal, client, run=_nothing)
        return EMPTY / (time.perf_counter() - begun)


def _nothing(task: Task, seed: int, examples: int, *_: Any) -> dict[str, Any]:
    return asdict(Outcome(*task, seed, "passed", examples))


def _one(test: str, each: int) -> int:
    """Return the number of examples that a task of this test has tried."""
    task = Task(test, 0)
    return int(run_in_child(task, task.seed(0), each, OPTIONS)["examples"])


def _measured(client: Any, tests: Sequence[str], each: int) -> Measured:
    begun = time.perf_counter()
    examples = client.gather(client.map(_one, tests, pure=False, each=each))
    return Measured(len(tests), sum(examples), time.perf_counter() - begun)


if __name__ == "__main__":
    run(PROGRAM, main)
