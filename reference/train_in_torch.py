"""The torch side of `reference.train`: the same network and the same steps, with torch's modules and optimizers.

Under `torchrun` it is data-parallel: every batch is divided among the processes, which average their gradients, so
that the run equals that of one process up to rounding. torch is imported only where it is used.
"""

import atexit
import gc
import os
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from reference.checks import Array
from reference.command import Refusal, needed
from reference.training import Training

LONGEST_WAIT = timedelta(minutes=10)
"""The longest wait for the other processes, one of which may be scoring images, before the run ends with an error."""

OPTIMIZERS = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop", "adagrad": "Adagrad"}
"""Their names in `torch.optim`."""


@dataclass(frozen=True)
class Process:
    """The rank of this process and the number of processes (1 unless started by torchrun)."""

    rank: int
    processes: int
    local_rank: int

    @classmethod
    def this(cls) -> "Process":
        """Return this process as torchrun describes it in the environment."""
        if not os.environ.keys() >= _TORCHRUN:
            return cls(0, 1, 0)
        try:
            return cls(*(int(os.environ[name]) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK")))
        except ValueError:
            raise Refusal("RANK, WORLD_SIZE and LOCAL_RANK must be whole numbers") from None

    @property
    def speaks(self) -> bool:
        """Whether this process prints and writes: only the first does."""
        return self.rank == 0

    def share(self, batch: Array) -> Array:
        """Return this process's share of the indices of a batch, as torch's sampler divides them."""
        if self.processes == 1:
            return batch
        from torch.utils.data import DistributedSampler

        sampler: Any = DistributedSampler(batch, self.processes, self.rank, shuffle=False, drop_last=True)  # type: ignore[arg-type]  # it only asks for the length
        return batch[list(sampler)]


_TORCHRUN = {"RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT"}


def rank_of_this_process() -> int:
    """Return the rank, or 0 if the environment has no valid one."""
    rank = os.environ.get("RANK", "0")
    return int(rank) if os.environ.keys() >= _TORCHRUN and rank.isdecimal() else 0


class TorchTrainer:
    """The training in torch; data-parallel in several processes."""

    def __init__(
        self,
        start: Training,
        optimizer: str,
        options: Mapping[str, Any],
        relu: bool = False,
        device: str = "cpu",
        process: Process | None = None,
    ) -> None:
        self.torch = torch = needed("torch", "--implementation torch")
        process = process or Process.this()
        self.device, self.steps = _torch_device(torch, device, process), start.steps
        self.network = torch_network(relu)
        tensors = {name: torch.tensor(value) for name, value in start.parameters.items()}
        self.network.load_state_dict(tensors, assign=True)
        self.network.requires_grad_().to(self.device)
        self.optimizer = getattr(torch.optim, OPTIMIZERS[optimizer])(self.network.parameters(), **options)
        for name, parameter in self.network.named_parameters():
            if start.states.get(name):
                self.optimizer.state[parameter] = {
                    key: self._remembered(key, value) for key, value in start.states[name].items()
                }
        self.processes = process.processes
        self.trained = self._data_parallel() if self.processes > 1 else self.network

    def step(self, images: Array, labels: Array) -> float:
        """Take one step on this process's part of a batch, and return the loss of the whole batch before it."""
        torch = self.torch
        loss = torch.nn.functional.cross_entropy(self.trained(self._tensor(images)), self._tensor(labels))
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.steps += 1
        mean = loss.detach()
        if self.processes > 1:
            torch.distributed.all_reduce(mean)
        return float(mean) / self.processes

    def scores(self, images: Array) -> Array:
        """Return the scores of a batch."""
        with self.torch.no_grad():
            scores: Array = self.network(self._tensor(images)).cpu().numpy()
        return scores

    def snapshot(self) -> Training:
        """Return the network as it is now, as arrays."""
        parameters = {name: _array(parameter) for name, parameter in self.network.named_parameters()}
        states = {
            name: {
                key: int(value) if key == "step" else _array(value)
                for key, value in self.optimizer.state.get(parameter, {}).items()
                if value is not None
            }
            for name, parameter in self.network.named_parameters()
        }
        return Training(parameters, states, self.steps)

    def _tensor(self, array: Array) -> Any:
        return self.torch.from_numpy(array).to(self.device)

    def _remembered(self, key: str, value: Any) -> Any:
        return self.torch.tensor(float(value)) if key == "step" else self.torch.tensor(value).to(self.device)

    def _data_parallel(self) -> Any:
        distributed = self.torch.distributed
        if not distributed.is_initialized():
            backend = "nccl" if self.device.type == "cuda" else "gloo"
            distributed.init_process_group(backend, timeout=LONGEST_WAIT)
            atexit.register(self._leave_the_others)
        devices = [self.device] if self.device.type == "cuda" else None
        return self.torch.nn.parallel.DistributedDataParallel(self.network, device_ids=devices)

    def _leave_the_others(self) -> None:
        """End the threads that exchange gradients, which would abort a Python that ends before them."""
        self.trained = self.network
        gc.collect()
        if self.torch.distributed.is_initialized():  # whoever made the group may have ended it
            self.torch.distributed.destroy_process_group()


def torch_network(relu: bool = False) -> Any:
    """Return the network of section 2.5 as a torch module, optionally with an activation after each convolution."""
    from torch import nn

    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for stage, (ins, outs) in enumerate([(3, 32), (32, 32), (32, 64)], start=1):
        layers[f"conv{stage}"] = nn.Conv2d(ins, outs, kernel_size=5, padding=2)
        if relu:
            layers[f"relu{stage}"] = nn.ReLU()
        layers[f"p{stage}"] = nn.MaxPool2d(kernel_size=2, stride=2)
    layers["flatten"] = nn.Flatten()
    layers["linear"] = nn.Linear(64 * 4 * 4, 10)
    return nn.Sequential(layers)


def _torch_device(torch: Any, name: str, process: Process) -> Any:
    name = f"{name}:{process.local_rank}" if name == "cuda" and process.processes > 1 else name
    try:
        device = torch.device(name)
        float(torch.ones(1, device=device))
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise Refusal(f"--device {name}: {str(error).splitlines()[0]}") from None
    return device


def _array(tensor: Any) -> Array:
    array: Array = tensor.detach().cpu().numpy().copy()
    return array
