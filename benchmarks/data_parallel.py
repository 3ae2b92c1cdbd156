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
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import distributed
from torch.nn import functional
from torch.utils.benchmark import timer

import reference
from benchmarks import ceilings
from benchmarks.environment import environment
from benchmarks.spread import WARM_UPS, seconds
from benchmarks.summary import scaling_table
from benchmarks.table import as_lines
from reference.checks import Array
from reference.command import Interrupted, Parser, Refusal, WrongUsage, number_from, run
from reference.train_in_torch import Process, TorchTrainer, rank_of_this_process
from reference.training import Training
from reference.whole_files import check_place, write_text
from spec_tests.contract.on_tensors import set_float32_precision
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

    def command() -> None:
        options, process = _options(arguments), Process.this()
        try:
            measure(options, process)
        except KeyboardInterrupt:
            if process.speaks:
                raise Interrupted("interrupted: nothing is stored") from None
            raise

    run(PROGRAM, command, rank_of_this_process())


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = Parser(PROGRAM, description="Measure how well training the document's CNN scales.")
    add = parser.add_argument
    add("--batch", type=number_from(int, 1), default=64, help="images per process (default 64)")
    add("--steps", type=number_from(int, 1), default=20, help="number of measured steps (default 20)")
    add("--device", choices=["cpu", "cuda"], default="cpu", help="where torch computes (default cpu)")
    add("--strong", action="store_true", help="also measure one batch divided among all processes")
    add("--json", type=Path, metavar="FILE", help="write the result to FILE")
    return parser.parse_args(arguments)


def measure(options: argparse.Namespace, process: Process) -> None:
    """Compare, measure, print and write according to the options."""
    if options.strong and options.batch % process.processes:
        raise WrongUsage(f"--strong cannot divide --batch {options.batch} evenly among {process.processes} processes")
    if process.speaks:
        _store("", options.json)  # tried before anything is measured
    with ceilings.threads(1 if options.device == "cpu" else 0):
        together = _trainer(options.device, process)
        gradients = compared_gradients(options.device, process)
        rows = list(_rows(options, process, together))
    if distributed.is_initialized():
        distributed.destroy_process_group()
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
    _store(json.dumps(result, indent=1) + "\n", options.json)


def _rows(options: argparse.Namespace, process: Process, together: TorchTrainer) -> Iterator[Row]:
    """Measure one process while the others wait, then all on a batch each and, if requested, on one divided batch."""
    alone = np.ones(options.steps)
    if process.speaks:
        alone = step_seconds(_trainer(options.device, _alone(process)), options.batch, options.steps)
    yield row_of("one process", alone, 1, options.batch)
    if process.processes > 1:
        distributed.barrier()
        for scaling in ("weak", "strong") if options.strong else ("weak",):
            share = options.batch // (process.processes if scaling == "strong" else 1)
            taken = step_seconds(together, share, options.steps)
            yield row_of(scaling, taken, process.processes, share, alone)


def _alone(process: Process) -> Process:
    return Process(0, 1, process.local_rank)


def step_seconds(trainer: TorchTrainer, batch: int, steps: int) -> Array:
    """Return the seconds of each step on this process's own batch, after a few to warm up."""
    step = training_step(trainer, *_drawn(batch, trainer.device))
    for _ in range(WARM_UPS):
        step()
    return np.array([seconds(step, timer) for _ in range(steps)])


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
    mine, everyone = process.share(np.arange(number)), np.arange(number)
    averaged = _gradients(_trainer(device, process, "float64"), number, mine)
    whole = _gradients(_trainer(device, _alone(process), "float64"), number, everyone)
    counts, roundoff = roundings(number), FORMATS["float64"].roundoff
    bounds = {name: 2 * counts[name] * roundoff * float(value.norm()) for name, value in whole.items()}
    share = max(float((averaged[name] - value).norm()) / bounds[name] for name, value in whole.items())
    if process.processes > 1:
        shares: list[Any] = [None] * process.processes
        distributed.all_gather_object(shares, share)
        share = max(shares)
    if not share <= 1:
        raise Refusal(f"the averaged gradient differs from that of one process by {share:.3g} times its bound")
    return {"images": number, "dtype": "float64", "share_of_bound": share}


def _gradients(trainer: TorchTrainer, number: int, mine: Array) -> dict[str, torch.Tensor]:
    """Return the gradients of a step on some of this many images, on the CPU."""
    images, labels = _drawn(number, trainer.device, torch.float64)
    training_step(trainer, images[mine], labels[mine])()
    return {name: parameter.grad.cpu() for name, parameter in trainer.network.named_parameters()}


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


def _store(text: str, path: Path | None) -> None:
    """Write a result, whole or not at all; an empty one only tries whether that is possible."""
    if path is not None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            check_place(path)
            if text:
                write_text(path, text)
        except OSError as error:
            raise Refusal(f"--json {path}: {error.strerror}") from None


if __name__ == "__main__":
    main()
