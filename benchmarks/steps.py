"""The timed calls: one phase of the document's network in one configuration, by torch or by the reference.

A `Step` is a call to time and a way to see what it computed, for the check against the reference. Images, labels and
first parameters are drawn from one seed: the first 64 images are the same at every batch.

A phase is timed alone: the backward pass goes through a graph made beforehand, as often as wanted. The learning rate
is a small power of two, so that a thousand steps on one batch stay among ordinary numbers, and so that the update is
rounded once, whoever computes it.
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
from benchmarks.configuration import Configuration
from reference.checks import Array
from reference.cnn import PARAMETERS, cifar10_cnn_layers, cifar10_cnn_layers_backward
from reference.train_in_torch import torch_network
from reference.training import Training, training_step
from spec_tests.subjects.torch import set_float32_precision

LEARNING_RATE = 2.0**-10
WARM_UP = 3
"""Calls before the first that counts: a cold one allocates, chooses algorithms, and compiles."""


@dataclass(frozen=True)
class Step:
    """A call to time, what it computed, by name ("scores", or each parameter's gradient), and the update if any."""

    run: Callable[[], Any]
    outcome: Callable[[], dict[str, Array]]
    updated: Callable[[], dict[str, Array]] | None = None
    """The parameters that one step from the first ones leaves, with `outcome` its gradients."""


@cache
def drawn(batch: int) -> tuple[Array, Array]:
    """Return images (n, 3, 32, 32) and labels (n,)."""
    images = np.random.default_rng(0).standard_normal((batch, 3, 32, 32), np.float32)
    return images, np.random.default_rng(1).integers(0, 10, batch)


@cache
def first_parameters() -> dict[str, Array]:
    """Return the network's parameters before training."""
    return reference.initial_parameters(np.random.default_rng(2))


def step(configuration: Configuration) -> Step:
    """Return the step of a configuration; raises what torch raises where it cannot be computed."""
    return by_reference(configuration) if configuration.who == "reference" else by_torch(configuration)


def by_reference(configuration: Configuration) -> Step:
    """Return the reference's step, in the float32 of its arrays."""
    images, labels = drawn(configuration.batch)
    parameters = first_parameters()
    if configuration.phase == "forward":
        return _seen(lambda: {"scores": reference.cifar10_cnn(images, parameters)})
    if configuration.phase == "backward":
        outputs = cifar10_cnn_layers(images, parameters)
        one = np.ones((), np.float32)

        def gradients() -> dict[str, Array]:
            grad_scores, _, _ = reference.cross_entropy_backward(one, outputs["linear"], labels)
            return cifar10_cnn_layers_backward(grad_scores, outputs, parameters, input_requires_grad=False)[1]

        return _seen(gradients)
    training = Training(parameters)

    def trained() -> dict[str, Array]:
        _, after = training_step(training, images, labels, reference.sgd, lr=LEARNING_RATE)
        return dict(after.parameters)

    return Step(trained, lambda: reference.cifar10_cnn_loss(images, labels, parameters)[-1], trained)


def _seen(run: Callable[[], dict[str, Array]]) -> Step:
    return Step(run, run)


def by_torch(configuration: Configuration) -> Step:
    """Return torch's step."""
    if configuration.device == "cuda":
        set_float32_precision("tf32" if configuration.precision == "tf32" else "ieee")
    batch = _Batch(configuration)
    call = {"forward": batch.forward, "backward": batch.backward, "training step": batch.training_step}
    return call[configuration.phase]()


class _Batch:
    """torch's network, one batch, and how to compute with them in one configuration."""

    def __init__(self, configuration: Configuration) -> None:
        self.configuration, self.device = configuration, torch.device(configuration.device)
        layout = torch.channels_last if configuration.layout == "channels_last" else torch.contiguous_format
        network = torch_network()
        network.load_state_dict({name: torch.tensor(value) for name, value in first_parameters().items()}, assign=True)
        self.network = network.requires_grad_().to(self.device, memory_format=layout)
        images, labels = map(torch.from_numpy, drawn(configuration.batch))
        self.images, self.labels = images.contiguous(memory_format=layout), labels
        if configuration.data == "copied":
            self.images, self.labels = self.images.pin_memory(), self.labels.pin_memory()
        else:
            self.images, self.labels = self.images.to(self.device), self.labels.to(self.device)
        self.parameters = list(self.network.parameters())
        self.optimizer = torch.optim.SGD(self.parameters, lr=LEARNING_RATE)
        compiled = configuration.mode == "compile"
        if compiled:
            torch.compiler.reset()  # every row compiles for itself, and few may share a function's cache
        self.computes = torch.compile(self.network, dynamic=False) if compiled else self.network

    def scores(self) -> torch.Tensor:
        """Return the scores of the batch, copied to the device first if the configuration says so."""
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
        """Return the backward pass alone."""
        keep: dict[str, torch.Tensor] = {}

        def prepare() -> None:
            keep["loss"] = self.loss()

        def gradients() -> tuple[torch.Tensor, ...]:
            return torch.autograd.grad(keep["loss"], self.parameters, retain_graph=True)

        run = self._replayed(gradients, prepare)
        return Step(run, lambda: self._named(run()))

    def training_step(self) -> Step:
        """Return forward, backward and update."""

        def trained() -> None:
            self.optimizer.zero_grad()
            self.loss().backward()  # type: ignore[no-untyped-call]  # torch's
            self.optimizer.step()

        run = self._replayed(trained)

        def from_the_start() -> dict[str, Array]:
            with torch.no_grad():
                for parameter, value in zip(self.parameters, first_parameters().values(), strict=True):
                    parameter.copy_(torch.from_numpy(value))
            run()
            return self._named(self.parameters)

        def gradients() -> dict[str, Array]:
            from_the_start()
            return self._named([parameter.grad for parameter in self.parameters])

        return Step(run, gradients, from_the_start)

    def _precision(self) -> Any:
        if self.configuration.precision == "bf16":
            return torch.autocast(self.device.type, torch.bfloat16)
        return nullcontext()

    def _replayed(self, run: Callable[[], Any], prepare: Callable[[], None] = lambda: None) -> Callable[[], Any]:
        """Return the call itself, prepared; or a CUDA graph of it that is captured once and replays its launches."""
        if self.configuration.mode != "graph":
            prepare()
            return run
        aside: Any = torch.cuda.Stream()  # type: ignore[no-untyped-call]  # torch's
        aside.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(aside):  # a graph's backward pass runs on the stream of its forward pass
            prepare()
            for _ in range(WARM_UP):
                run()
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=aside):
            result = run()

        def replay() -> Any:
            graph.replay()
            return result

        return replay

    def _named(self, tensors: Iterable[torch.Tensor | None]) -> dict[str, Array]:
        return {name: _array(tensor) for name, tensor in zip(PARAMETERS, tensors, strict=True) if tensor is not None}


def _array(tensor: torch.Tensor) -> Array:
    array: Array = tensor.detach().float().cpu().numpy()
    return array.copy()
