"""Eager PyTorch, on any device that it has."""

import warnings
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from packaging.version import Version
from torch import nn
from torch.nn import functional

from reference.train_in_torch import torch_network
from spec_tests.contract.functions import named
from spec_tests.contract.on_tensors import OnTensors, as_array, copied
from spec_tests.vocabulary.operations import CONVOLUTIONS, OPTIMIZERS, TRANSFORMS
from spec_tests.vocabulary.torch_when_needed import torchs_optimizer
from spec_tests.vocabulary.torchvision_transforms import transformed

EXPECTED_WARNINGS = (
    "Using a target size",  # that broadcasting warns is a test of its own
    "Using padding='same' with even kernel lengths",  # about speed
)
ON_EVERY_DEVICE = frozenset({"norm-bias-twice"})
"""The known deviations that torch shows on the CPU and on a GPU."""
ON_THE_CPU = frozenset(
    {
        "batch-norm-aliased-statistics",
        "batch-norm-large-mean",
        "batch-norm-turned-image",
        "batch-norm-weight-strides",
        "bfloat16-conv3d-weight-gradient",
        "bfloat16-strided-conv-gradient",
        "channels-last-conv-crash",
        "float16-class-weight-sum",
        "float16-mean-loss-overflow",
        "fused-optimizer-strides",
        "half-average-gradients",
        "half-batch-norm",
        "half-conv-gradients",
        "half-layer-norm-gradients",
        "layer-norm-large-mean",
        "nll-loss-2d-strides",
        "pool3d-channels-last-indices",
        "pool3d-unbatched-channels-last",
        "to-pil-image-truncates",
    }
)
"""The known deviations that torch shows on the CPU, or on some CPUs, and that tests have to make room for."""
if Version(torch.__version__) < Version("2.15"):
    ON_THE_CPU |= {"half-fused-sgd"}


class TorchSubject(OnTensors):
    """`torch.nn.functional` behind arrays, its gradients by autograd; torchvision's transforms, if it is installed."""

    mode = ""
    """How it computes, if not as it is."""
    notes: tuple[str, ...] = ()
    """What a run says of it."""

    @classmethod
    def check(cls) -> None:
        """Raise NotAvailable if torch cannot compute so here."""

    def __init__(self, device: torch.device, dtype: str = "float32") -> None:
        super().__init__(device, dtype)
        self.name = f"torch {torch.__version__}{f', {self.mode},' if self.mode else ''} on {device}"
        on_gpu = device.type == "cuda"
        self.dtypes = frozenset({"float32", "float64", "float16", "bfloat16"} | ({"tf32"} if on_gpu else set()))
        self.deviations = ON_EVERY_DEVICE if on_gpu else ON_EVERY_DEVICE | ON_THE_CPU
        self.transforms = dict.fromkeys(CONVOLUTIONS, "fft or winograd_4_3") if on_gpu else {}

    def at(self, dtype: str) -> Self:
        """Return the subject computing in this format."""
        return type(self)(self.device, dtype)

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        if operation.startswith("_"):
            raise AttributeError(operation)
        if operation in OPTIMIZERS:
            return partial(self._step, torchs_optimizer(operation))
        if operation in TRANSFORMS:
            return partial(self._transform, operation)
        if operation.endswith("_backward"):
            return partial(self._gradients, operation.removesuffix("_backward"))
        return partial(self._call, operation)

    def function(self, operation: str) -> Callable[..., Any]:
        """Return the function of this name on tensors."""
        return _function(operation)

    def named_tensors(self, operation: str, args: Any, kwargs: Any) -> dict[str, Any]:
        """Return the arguments of a call by name, arrays as tensors."""
        return {name: self.tensor(value) for name, value in named(operation, args, kwargs).items()}

    def _call(self, operation: str, *args: Any, **kwargs: Any) -> Any:
        self._set_precision()
        output = self.function(operation)(*map(self.tensor, args), **{k: self.tensor(v) for k, v in kwargs.items()})
        return tuple(map(as_array, output)) if isinstance(output, tuple) else as_array(output)

    def cifar10_cnn(self, input: np.ndarray, parameters: Mapping[str, np.ndarray], relu: bool = False) -> np.ndarray:
        """Return the scores of the document's network, a module that has loaded these parameters."""
        self._set_precision()
        return as_array(self._network(parameters, relu)(self.tensor(input)))

    def cifar10_cnn_backward(
        self, grad_output: np.ndarray, input: np.ndarray, parameters: Mapping[str, np.ndarray], relu: bool = False
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Return the network's grad_input, and what `backward` leaves in the `grad` of every parameter."""
        self._set_precision()
        network, leaf = self._network(parameters, relu), self.tensor(input).requires_grad_()
        network(leaf).backward(self.tensor(grad_output))
        return as_array(leaf.grad), {
            name: as_array(p.grad) for name, p in network.named_parameters() if p.grad is not None
        }

    def _network(self, parameters: Mapping[str, np.ndarray], relu: bool) -> nn.Module:
        network: nn.Module = torch_network(relu)
        network.load_state_dict({name: self.tensor(value) for name, value in parameters.items()}, assign=True)
        return network.requires_grad_()

    def _step(
        self,
        optimizer: Callable[..., Any],
        param: np.ndarray,
        grad: np.ndarray,
        state: Mapping[str, Any],
        **options: Any,
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Step one parameter, its state handed over as the optimizer keeps it, with the loop that torch writes out."""
        leaf: Any = copied(self.tensor(param)).requires_grad_()
        leaf.grad = self.tensor(grad)
        stepping = optimizer([leaf], foreach=False, **options)
        if state:
            stepping.state[leaf] = {name: self._state_tensor(name, value) for name, value in state.items()}
        stepping.step()
        after = stepping.state[leaf].items()
        return as_array(leaf), {name: int(v.item()) if name == "step" else as_array(v) for name, v in after}

    def _transform(self, operation: str, *args: Any, **kwargs: Any) -> Any:
        """Return what torchvision makes of a picture."""
        self._set_precision()
        return transformed(operation, named(operation, args, kwargs), self.tensor, as_array)

    def _state_tensor(self, name: str, value: Any) -> torch.Tensor:
        return torch.tensor(float(value)) if name == "step" else copied(self.tensor(value))


def _batch_norm(input: Any, running_mean: Any, running_var: Any, *args: Any, **options: Any) -> Any:
    """Normalize, and leave the running statistics alone: torch would write the next ones into the arrays."""
    mean, var = (None if running is None else copied(running) for running in (running_mean, running_var))
    return functional.batch_norm(input, mean, var, *args, **options)


def _batch_norm_statistics(input: Any, running_mean: Any, running_var: Any, momentum: float = 0.1) -> Any:
    """Return what a training step writes into copies of the running statistics."""
    mean, var = copied(running_mean), copied(running_var)
    functional.batch_norm(input, mean, var, training=True, momentum=momentum)
    return mean, var


WITHOUT_WRITING = {"batch_norm": _batch_norm, "batch_norm_statistics": _batch_norm_statistics}
"""What torch has in place only."""


def torchs_own(operation: str) -> Callable[..., Any]:
    """Return torch's function of this name."""
    function: Callable[..., Any] = getattr(functional, operation, None) or getattr(torch, operation)
    return function


def _function(operation: str) -> Callable[..., Any]:
    return without_warnings(WITHOUT_WRITING.get(operation) or torchs_own(operation))


def without_warnings(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function without the warnings that are expected of it."""

    def quiet(*args: Any, **kwargs: Any) -> Any:
        with warnings.catch_warnings():
            for expected in EXPECTED_WARNINGS:
                warnings.filterwarnings("ignore", message=expected, category=UserWarning)
            return function(*args, **kwargs)

    return quiet
