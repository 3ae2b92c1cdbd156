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
from functools import cache, partial
from typing import Any

import numpy as np
import torch
from torch.nn import functional

import reference
from benchmarks.configuration import SIDE_BY_SIDE, Configuration
from benchmarks.side_by_side import WARM_UPS
from reference.checks import Array
from reference.cnn import PARAMETERS, cifar10_cnn_layers, cifar10_cnn_layers_backward
from reference.train_in_torch import torch_network
from reference.training import Training, training_step
from spec_tests.subjects.torch import set_float32_precision

LEARNING_RATE = 2.0**-10
NEAR = 2**-15
"""512 units of float32. A cell was seen off by at most 106 of the 64 images' root mean square, a lead by two such."""


@dataclass(frozen=True)
class Step:
    """A call to time, what it computed, by name ("scores", or each parameter's gradient), and the update if any."""

    run: Callable[[], Any]
    outcome: Callable[[], dict[str, Array]]
    updated: Callable[[], dict[str, Array]] | None = None
    """After `outcome`, whose step started from the first parameters: the parameters that it left."""


@cache
def drawn(batch: int) -> tuple[Array, Array]:
    """Return images (n, 3, 32, 32) and labels (n,).

    In the first 64 images no two cells of a pooling window are so near that float32 could take one for the other: each
    has one gradient, whoever computes it.
    """
    rng = np.random.default_rng(0)
    images = rng.standard_normal((2 * SIDE_BY_SIDE, 3, 32, 32), np.float32)
    decided = images[np.flatnonzero(lead(images) > NEAR)[:SIDE_BY_SIDE]]  # of twice as many more than enough are
    others = rng.standard_normal((max(batch - SIDE_BY_SIDE, 0), 3, 32, 32), np.float32)
    return np.concatenate([decided, others])[:batch], np.random.default_rng(1).integers(0, 10, batch)


def lead(images: Array) -> Array:
    """Return for each image by how much, in units of its layer, the greatest cell of a window leads, at the least."""
    wide = {name: value.astype("float64") for name, value in first_parameters().items()}
    outputs = cifar10_cnn_layers(images.astype("float64"), wide)
    leads = [leads_of_windows(outputs[f"conv{stage}"]).reshape(len(images), -1).min(axis=1) for stage in "123"]
    return np.min(leads, axis=0)


def leads_of_windows(x: Array) -> Array:
    """Return by how much the greatest cell of every 2×2 window leads, in units of all cells' root mean square."""
    n, c, h, w = x.shape
    windows = x.reshape(n, c, h // 2, 2, w // 2, 2).swapaxes(3, 4).reshape(n, -1, 4)
    second, first = np.moveaxis(np.partition(windows, (2, 3), axis=2)[..., 2:], -1, 0)
    leads: Array = (first - second) / np.sqrt(np.mean(x * x))
    return leads


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

    loss = partial(reference.cifar10_cnn_loss, images, labels, parameters, input_requires_grad=False)
    return Step(trained, lambda: loss()[-1], trained)


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

        def gradients_from_the_start() -> dict[str, Array]:
            with torch.no_grad():
                for parameter, value in zip(self.parameters, first_parameters().values(), strict=True):
                    parameter.copy_(torch.from_numpy(value))
            run()
            return self._named([parameter.grad for parameter in self.parameters])

        return Step(run, gradients_from_the_start, lambda: self._named(self.parameters))

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
            for _ in range(WARM_UPS):
                run()
        torch.cuda.current_stream().wait_stream(aside)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=aside):
            result = run()

        return _Replay(graph, result, (self, run))

    def _named(self, tensors: Iterable[torch.Tensor | None]) -> dict[str, Array]:
        return {name: _array(tensor) for name, tensor in zip(PARAMETERS, tensors, strict=True) if tensor is not None}


@dataclass(frozen=True)
class _Replay:
    """A captured CUDA graph, as a call. It works on the addresses it was captured with, which have to stay taken."""

    graph: Any
    result: Any
    alive: tuple[Any, ...]

    def __call__(self) -> Any:
        self.graph.replay()
        return self.result


def _array(tensor: torch.Tensor) -> Array:
    array: Array = tensor.detach().float().cpu().numpy()
    return array.copy()
