"""The timed calls: one phase of the document's network in one configuration, in torch or in the reference.

A `Step` is a call to time and a way to see what it computed, for the check against the reference. Images, labels and
initial parameters are drawn from one seed; the first 64 images are the same at every batch.

A phase is timed alone: the backward pass goes repeatedly through a graph built beforehand. The learning rate is a small
power of two, so that all numbers stay ordinary during a thousand steps on one batch, and so that every implementation
rounds the update once.
"""

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch.nn import functional

import reference
from benchmarks.configuration import SIDE_BY_SIDE, Configuration
from benchmarks.cuda import captured
from benchmarks.spread import Call
from reference.checks import Array
from reference.cnn import PARAMETERS, cifar10_cnn_layers, cifar10_cnn_layers_backward
from reference.train_in_torch import torch_network
from reference.training import Training, training_step
from spec_tests.contract.on_tensors import set_float32_precision

LEARNING_RATE = 2.0**-10
NEAR = 2**-15
"""512 units of float32, relative to the root mean square of all cells.

The largest error of a cell that was observed is 106 units; a lead is the difference of two cells.
"""


@dataclass(frozen=True)
class Step:
    """A call to time, its results by name ("scores", or each parameter's gradient), and the update if any."""

    run: Callable[[], Any]
    outcome: Callable[[], dict[str, Array]]
    updated: Callable[[], dict[str, Array]] | None = None
    """The parameters after the step of `outcome`, which starts from the initial parameters."""


@cache
def drawn(batch: int) -> tuple[Array, Array]:
    """Return images (n, 3, 32, 32) and labels (n,).

    In the first 64 images, the maximum of every pooling window leads clearly enough for float32, so that the gradient
    is the same in every implementation.
    """
    rng = np.random.default_rng(0)
    images = rng.standard_normal((2 * SIDE_BY_SIDE, 3, 32, 32), np.float32)
    decided = images[np.flatnonzero(lead(images) > NEAR)[:SIDE_BY_SIDE]]  # of 128, more than enough
    others = rng.standard_normal((max(batch - SIDE_BY_SIDE, 0), 3, 32, 32), np.float32)
    return np.concatenate([decided, others])[:batch], np.random.default_rng(1).integers(0, 10, batch)


def lead(images: Array) -> Array:
    """Return for each image the smallest lead of a window's maximum, in units of the layer's root mean square."""
    outputs = cifar10_cnn_layers(images.astype("float64"), wide_parameters())
    return np.min([leads_of_windows(outputs[f"conv{stage}"]).min(axis=1) for stage in "123"], axis=0)


def leads_of_windows(x: Array) -> Array:
    """Return the lead of every 2×2 window's maximum (n, windows), in units of the root mean square of all cells."""
    n, c, h, w = x.shape
    windows = x.reshape(n, c, h // 2, 2, w // 2, 2).swapaxes(3, 4).reshape(n, -1, 4)
    second, first = np.moveaxis(np.partition(windows, (2, 3), axis=2)[..., 2:], -1, 0)
    leads: Array = (first - second) / np.sqrt(np.mean(x * x))
    return leads


@cache
def first_parameters() -> dict[str, Array]:
    """Return the network's parameters before training."""
    return reference.initial_parameters(np.random.default_rng(2))


@cache
def wide_parameters() -> dict[str, Array]:
    """Return the same in float64."""
    return {name: value.astype("float64") for name, value in first_parameters().items()}


def step(configuration: Configuration) -> Step:
    """Return the step of a configuration; raises what torch raises if it cannot be computed."""
    if configuration.who == "reference":
        return _by_reference(configuration.phase, configuration.batch)
    batch = _Batch(configuration)
    if configuration.phase == "training step":
        return batch.training_step()
    return batch.forward() if configuration.phase == "forward" else batch.backward()


def _by_reference(phase: str, batch: int) -> Step:
    """Return the reference's step, in the float32 of its arrays."""
    images, labels = drawn(batch)
    parameters, training = first_parameters(), Training(first_parameters())
    outputs, one = cifar10_cnn_layers(images, parameters), np.ones((), np.float32)

    def scores() -> dict[str, Array]:
        return {"scores": reference.cifar10_cnn(images, parameters)}

    def gradients() -> dict[str, Array]:
        grad_scores, _, _ = reference.cross_entropy_backward(one, outputs["linear"], labels)
        return cifar10_cnn_layers_backward(grad_scores, outputs, parameters, input_requires_grad=False)[1]

    def trained() -> dict[str, Array]:
        _, after = training_step(training, images, labels, reference.sgd, lr=LEARNING_RATE)
        return dict(after.parameters)

    if phase == "training step":
        return Step(trained, gradients, trained)
    run = scores if phase == "forward" else gradients
    return Step(run, run)


class _Batch:
    """torch's network and one batch, and how to compute with them in one configuration."""

    def __init__(self, configuration: Configuration) -> None:
        if configuration.device == "cuda":
            set_float32_precision("tf32" if configuration.precision == "tf32" else "ieee")
        self.configuration, self.device = configuration, torch.device(configuration.device)
        layout = torch.channels_last if configuration.layout == "channels_last" else torch.contiguous_format
        network = torch_network()
        network.load_state_dict({name: torch.tensor(value) for name, value in first_parameters().items()}, assign=True)
        self.network = network.requires_grad_().to(self.device, memory_format=layout)
        self.parameters = list(self.network.parameters())
        self.optimizer = torch.optim.SGD(self.parameters, lr=LEARNING_RATE)
        images, labels = map(torch.from_numpy, drawn(configuration.batch))
        copied = configuration.data == "copied"
        self.images, self.labels = (
            tensor.pin_memory() if copied else tensor.to(self.device)
            for tensor in (images.contiguous(memory_format=layout), labels)
        )
        self.computes: Any = self.network
        if configuration.mode == "compile":
            torch.compiler.reset()  # every row compiles anew, because the cache of a function is small
            self.computes = torch.compile(self.network, dynamic=False)

    def scores(self) -> torch.Tensor:
        """Return the scores of the batch, which is first copied to the device if the configuration says so."""
        with self._precision():
            scores: torch.Tensor = self.computes(self.images.to(self.device, non_blocking=True))
            return scores

    def loss(self) -> torch.Tensor:
        """Return the loss of the batch."""
        scores = self.scores()
        with self._precision():
            return functional.cross_entropy(scores, self.labels.to(self.device, non_blocking=True))

    def forward(self) -> Step:
        """Return the forward pass."""
        run = self._replayed(torch.no_grad()(self.scores))
        return Step(run, lambda: {"scores": _array(run())})

    def backward(self) -> Step:
        """Return the backward pass on its own."""
        keep: dict[str, torch.Tensor] = {}
        run = self._replayed(
            lambda: torch.autograd.grad(keep["loss"], self.parameters, retain_graph=True),
            prepare=lambda: keep.update(loss=self.loss()),
        )
        return Step(run, lambda: self._named(run()))

    def training_step(self) -> Step:
        """Return the forward pass, the backward pass and the update."""

        def trained() -> None:
            self.optimizer.zero_grad()
            self.loss().backward()  # type: ignore[no-untyped-call]  # torch's
            self.optimizer.step()

        run = self._replayed(trained)

        def gradients_from_the_start() -> dict[str, Array]:
            with torch.no_grad():
                for parameter, value in zip(self.parameters, first_parameters().values(), strict=True):
                    parameter.copy_(torch.from_numpy(value))
            run()
            return self._named(parameter.grad for parameter in self.parameters)

        return Step(run, gradients_from_the_start, lambda: self._named(self.parameters))

    def _precision(self) -> Any:
        half = self.configuration.precision == "bf16"
        return torch.autocast(self.device.type, torch.bfloat16) if half else nullcontext()

    def _replayed(self, run: Callable[[], Any], prepare: Call = lambda: None) -> Callable[[], Any]:
        """Return the prepared call itself, or a CUDA graph, captured once, that replays its launches."""
        if self.configuration.mode == "graph":
            return captured(run, prepare, self)
        prepare()
        return run

    def _named(self, tensors: Iterable[torch.Tensor | None]) -> dict[str, Array]:
        return {name: _array(tensor) for name, tensor in zip(PARAMETERS, tensors, strict=True) if tensor is not None}


def _array(tensor: torch.Tensor) -> Array:
    array: Array = tensor.detach().float().cpu().numpy()
    return array.copy()
