"""How well does training scale? The training step of the document's network in several processes, compared with one.

    torchrun --nproc-per-node=2 -m benchmarks.data_parallel --batch 64 --steps 20 --json scaling.json

The first process takes ordinary steps while the others wait; then all of them take steps whose gradients are averaged
by DistributedDataParallel. Let T(n) be the median time of a step in n processes:

    weak scaling      every process has a whole batch: efficiency = T(1) / T(n)
    strong scaling    (--strong) one batch is divided among them: efficiency = T(1) / (n·T(n))

On the CPU, a process has one thread, so n processes need n idle cores, and gloo exchanges the gradients; on GPUs, one
for each process, nccl does. Everything is computed in IEEE float32. The data are on the device beforehand, and the time
of a step is that of the first process, which waits for the others' gradients.

Before that, the averaged gradient is compared in float64 with that of one process on all images. Both sum the same
products in different orders, so they differ by at most twice the bound of `spec_tests/vocabulary/network.py`.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import distributed
from torch.nn import functional

import reference
from benchmarks import ceilings
from benchmarks.environment import environment
from benchmarks.side_by_side import WARM_UPS, seconds
from benchmarks.summary import scaling_table
from benchmarks.table import as_lines
from reference.checks import Array
from reference.command import Parser, Refusal, WrongUsage, number_from, run
from reference.train_in_torch import Process, TorchTrainer, rank_of_this_process
from reference.training import Training
from spec_tests.contract.on_tensors import set_float32_precision
from spec_tests.report.files import put
from spec_tests.vocabulary.formats import FORMATS
from spec_tests.vocabulary.network import roundings

PROGRAM = "python -m benchmarks.data_parallel"
COMPARED = 8
"""The number of images per process in the comparison of gradients."""
LEARNING_RATE = 0.01
Row = dict[str, Any]
"""The steps of one way to train: seconds per step, images per second in all processes, and any efficiency."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command: status 2 for invalid options, 1 for any other refusal, each with one line."""
    run(PROGRAM, lambda: measure(_options(arguments), Process.this()), rank_of_this_process())


def measure(options: argparse.Namespace, process: Process) -> None:
    """Compare, measure, print and write according to the options."""
    if options.strong and options.batch % process.processes:
        raise WrongUsage(f"--strong cannot divide --batch {options.batch} evenly among {process.processes} processes")
    if process.speaks:
        _store({}, options.json)  # tried before anything is measured
    with ceilings.threads(1 if options.device == "cpu" else 0), _group():
        together = _trainer(options.device, process)
        gradients = compared_gradients(options.device, process)
        rows = list(_rows(options, process, together))
    if not process.speaks:
        return
    result = {
        "question": "data parallel",
        "environment": environment(),
        "device": options.device,
        "backend": {"cpu": "gloo", "cuda": "nccl"}[options.device] if process.processes > 1 else None,
        "steps": options.steps,
        "warm_ups": WARM_UPS,
        "gradients": gradients,
        "rows": rows,
    }
    print("\n".join(as_lines(scaling_table(result))), flush=True)
    if process.processes == 1:
        print(f"One process has no efficiency. Start N with torchrun --nproc-per-node=N -m {PROGRAM.split()[-1]}.")
    _store(result, options.json)


def _rows(options: argparse.Namespace, process: Process, together: TorchTrainer) -> Iterator[Row]:
    """Measure one process alone, then all of them on a batch each and, if requested, on one divided batch."""
    alone = _alone(options, process)
    yield row_of("one process", alone, 1, options.batch)
    if process.processes > 1:
        yield row_of("weak", step_seconds(together, options.batch, options), process.processes, options.batch, alone)
    if process.processes > 1 and options.strong:
        share = options.batch // process.processes
        yield row_of("strong", step_seconds(together, share, options), process.processes, share, alone)


def _alone(options: argparse.Namespace, process: Process) -> Array:
    """Return the seconds of the first process's ordinary steps; the others wait and return meaningless ones."""
    seconds = np.ones(options.steps)
    if process.speaks:
        seconds = step_seconds(_trainer(options.device, Process(0, 1, process.local_rank)), options.batch, options)
    if process.processes > 1:
        distributed.barrier()
    return seconds


def step_seconds(trainer: TorchTrainer, batch: int, options: argparse.Namespace) -> Array:
    """Return the seconds of each step on this process's own batch, after a few to warm up."""
    step = training_step(trainer, *_drawn(batch, trainer.device))
    for _ in range(WARM_UPS):
        step()
    return np.array([seconds(step) for _ in range(options.steps)])


def training_step(trainer: TorchTrainer, images: torch.Tensor, labels: torch.Tensor) -> Callable[[], None]:
    """Return a step: forward, backward (averaging the gradients of several processes) and update."""

    def step() -> None:
        trainer.optimizer.zero_grad()
        functional.cross_entropy(trainer.trained(images), labels).backward()  # type: ignore[no-untyped-call]
        trainer.optimizer.step()

    return step


def row_of(scaling: str, seconds: Array, processes: int, batch: int, alone: Array | None = None) -> Row:
    """Describe the steps of this many processes, each with this batch; `alone` are those of one with the whole batch.

    >>> row_of("weak", np.array([0.25]), processes=2, batch=8, alone=np.array([0.125]))["efficiency"]
    0.5
    >>> row_of("strong", np.array([0.25]), processes=2, batch=4, alone=np.array([0.5]))["efficiency"]
    1.0
    """
    p5, median, p95 = map(float, np.quantile(seconds, (0.05, 0.5, 0.95)))
    divided = processes if scaling == "strong" else 1
    return {
        "scaling": scaling,
        "processes": processes,
        "batch_of_a_process": batch,
        "median": median,
        "p5": p5,
        "p95": p95,
        "samples_per_second": processes * batch / median,
        "efficiency": None if alone is None else float(np.median(alone)) / median / divided,
    }


def compared_gradients(device: str, process: Process) -> dict[str, Any]:
    """Return how close the averaged gradient is to one process's; raise Refusal if it is beyond the bound."""
    number = COMPARED * process.processes
    mine = process.share(np.arange(number))
    averaged = _gradients(_trainer(device, process, "float64"), number, mine)
    whole = _gradients(_trainer(device, Process(0, 1, process.local_rank), "float64"), number, np.arange(number))
    counts, roundoff = roundings(number), FORMATS["float64"].roundoff
    shares = [
        float((averaged[name] - value).norm() / (2 * counts[name] * roundoff * value.norm()))
        for name, value in whole.items()
    ]
    share = _greatest_of_all(max(shares), process)
    if not share <= 1:
        raise Refusal(f"the averaged gradient differs from that of one process by {share:.3g} times its bound")
    return {"images": number, "dtype": "float64", "share_of_bound": share}


def _gradients(trainer: TorchTrainer, number: int, mine: Array) -> dict[str, torch.Tensor]:
    """Return the gradients of a step on some of this many images, on the CPU."""
    images, labels = _drawn(number, trainer.device, torch.float64)
    training_step(trainer, images[mine], labels[mine])()
    return {name: parameter.grad.cpu() for name, parameter in trainer.network.named_parameters()}


def _greatest_of_all(number: float, process: Process) -> float:
    if process.processes == 1:
        return number
    numbers: list[Any] = [None] * process.processes
    distributed.all_gather_object(numbers, number)
    return max(numbers)


def _trainer(device: str, process: Process, dtype: str = "float32") -> TorchTrainer:
    start = Training(reference.initial_parameters(np.random.default_rng(0), dtype))
    trainer = TorchTrainer(start, "sgd", {"lr": LEARNING_RATE}, device=device, process=process)
    if trainer.device.type == "cuda":
        set_float32_precision("ieee")
        torch.cuda.set_device(trainer.device)  # the device for which the clock and the barrier wait
    return trainer


def _drawn(number: int, device: torch.device, dtype: torch.dtype = torch.float32) -> tuple[torch.Tensor, torch.Tensor]:
    """Return this many images and their labels on the device."""
    rng = np.random.default_rng(1)
    images = torch.from_numpy(rng.standard_normal((number, 3, 32, 32)))
    return images.to(device, dtype), torch.from_numpy(rng.integers(0, 10, number)).to(device)


@contextmanager
def _group() -> Iterator[None]:
    """Destroy the process group at the end, if the trainer has created one and no error occurred."""
    yield
    if distributed.is_initialized():
        distributed.destroy_process_group()


def _store(result: Mapping[str, Any], path: Path | None) -> None:
    """Write a result, whole or not at all; an empty one only tries the folder."""
    if path is None:
        return
    try:
        put({path.name: json.dumps(result, indent=1) + "\n"} if result else {}, path.parent)
    except OSError as error:
        raise Refusal(f"--json {path}: {error.strerror}") from None


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(PROGRAM, description="Measure how well training the document's CNN scales.")
    add = parser.add_argument
    add("--batch", type=number_from(int, 1), default=64, help="images per process (default 64)")
    add("--steps", type=number_from(int, 1), default=20, help="number of measured steps (default 20)")
    add("--device", choices=["cpu", "cuda"], default="cpu", help="where torch computes (default cpu)")
    add("--strong", action="store_true", help="also measure one batch divided among all processes")
    add("--json", type=Path, metavar="FILE", help="write the result to FILE")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    main()
