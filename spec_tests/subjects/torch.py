"""Eager PyTorch, on any device that it has."""

import inspect
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from packaging.version import Version
from torch import nn
from torch.nn import functional

import reference
from reference.train_in_torch import torch_network
from spec_tests.subjects import NotAvailable
from spec_tests.vocabulary.operations import CONVOLUTIONS, GRADIENTS, OPTIMIZERS
from spec_tests.vocabulary.torch_when_needed import torchs_optimizer

OLDEST = "2.11"
"""The first version of torch that the specification was held against."""
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
TENSOR_DTYPES = {"float16": torch.float16, "bfloat16": torch.bfloat16}


class TorchSubject:
    """`torch.nn.functional` behind arrays, its gradients by autograd."""

    def __init__(self, device: torch.device, dtype: str = "float32") -> None:
        self.device = device
        self.dtype = dtype
        self.name = f"torch {torch.__version__} on {device}"
        on_gpu = device.type == "cuda"
        self.dtypes = frozenset({"float32", "float64", "float16", "bfloat16"} | ({"tf32"} if on_gpu else set()))
        self.deviations = ON_EVERY_DEVICE if on_gpu else ON_EVERY_DEVICE | ON_THE_CPU
        self.transforms = dict.fromkeys(CONVOLUTIONS, "fft or winograd_4_3") if on_gpu else {}

    def __repr__(self) -> str:
        """Return the name, which is the same in every run; an address in memory is not."""
        return self.name

    def at(self, dtype: str) -> Self:
        """Return the subject computing in this format."""
        return type(self)(self.device, dtype)

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        if operation.startswith("_"):
            raise AttributeError(operation)
        if operation in OPTIMIZERS:
            return partial(self._step, torchs_optimizer(operation))
        if operation.endswith("_backward"):
            return partial(self._gradients, operation.removesuffix("_backward"))
        return partial(self._call, operation)

    def _call(self, operation: str, *args: Any, **kwargs: Any) -> Any:
        self._set_precision()
        output = _function(operation)(*map(self.tensor, args), **{k: self.tensor(v) for k, v in kwargs.items()})
        return tuple(map(_array, output)) if isinstance(output, tuple) else _array(output)

    def _gradients(self, operation: str, grad_output: np.ndarray, *args: Any, **kwargs: Any) -> Any:
        output, leaves, cotangent = self._recorded(operation, GRADIENTS[operation], grad_output, *args, **kwargs)
        found = torch.autograd.grad(output, list(leaves.values()), cotangent)
        grads = dict(zip(leaves, map(_array, found), strict=True))
        ordered = tuple(grads.get(name) for name in GRADIENTS[operation])
        return ordered if len(ordered) > 1 else ordered[0]

    def gradients_of(
        self, operation: str, wanted: tuple[str, ...], grad_output: np.ndarray, *args: Any, **kwargs: Any
    ) -> tuple[np.ndarray, ...]:
        """Return the gradients of these arguments; no other requires one."""
        output, leaves, cotangent = self._recorded(operation, wanted, grad_output, *args, **kwargs)
        found = torch.autograd.grad(output, [leaves[name] for name in wanted], cotangent)
        return tuple(map(_array, found))

    def double_backward(
        self, operation: str, vectors: Mapping[str, np.ndarray], grad_output: np.ndarray, *args: Any, **kwargs: Any
    ) -> dict[str, np.ndarray]:
        """Return the gradients of Σ ⟨vector, gradient⟩, by autograd through the graph that the first pass creates."""
        output, leaves, cotangent = self._recorded(operation, tuple(vectors), grad_output, *args, **kwargs)
        first = torch.autograd.grad(output, list(leaves.values()), cotangent.requires_grad_(), create_graph=True)
        asked = {"grad_output": cotangent, **leaves}
        weights = [self.tensor(vectors[name]) for name in leaves]
        second = torch.autograd.grad(first, list(asked.values()), weights, materialize_grads=True)
        return dict(zip(asked, map(_array, second), strict=True))

    def _recorded(
        self, operation: str, wanted: tuple[str, ...], grad_output: np.ndarray, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, dict[str, Any], torch.Tensor]:
        """Return the output, the wanted arguments that can have a gradient, and what to send back to them."""
        self._set_precision()
        bound = inspect.signature(getattr(reference, operation)).bind(*args, **kwargs)
        tensors = {name: self.tensor(value) for name, value in bound.arguments.items()}
        leaves = {name: tensors[name] for name in wanted if _has_gradient(operation, name, tensors)}
        for leaf in leaves.values():
            leaf.requires_grad_()
        bound.arguments.update(tensors)
        output = _function(operation)(*bound.args, **bound.kwargs)
        output = output[0] if isinstance(output, tuple) else output
        cotangent = self.tensor(grad_output)
        return output, leaves, cotangent.to(output.dtype) if "dtype" in bound.arguments else cotangent

    def cifar10_cnn(self, input: np.ndarray, parameters: Mapping[str, np.ndarray], relu: bool = False) -> np.ndarray:
        """Return the scores of the document's network, a module that has loaded these parameters."""
        self._set_precision()
        return _array(self._network(parameters, relu)(self.tensor(input)))

    def cifar10_cnn_backward(
        self, grad_output: np.ndarray, input: np.ndarray, parameters: Mapping[str, np.ndarray], relu: bool = False
    ) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Return the network's grad_input, and what `backward` leaves in the `grad` of every parameter."""
        self._set_precision()
        network, leaf = self._network(parameters, relu), self.tensor(input).requires_grad_()
        network(leaf).backward(self.tensor(grad_output))
        return _array(leaf.grad), {name: _array(p.grad) for name, p in network.named_parameters() if p.grad is not None}

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
        leaf: Any = _copy(self.tensor(param)).requires_grad_()
        leaf.grad = self.tensor(grad)
        stepping = optimizer([leaf], foreach=False, **options)
        if state:
            stepping.state[leaf] = {name: self._state_tensor(name, value) for name, value in state.items()}
        stepping.step()
        after = stepping.state[leaf].items()
        return _array(leaf), {name: int(v.item()) if name == "step" else _array(v) for name, v in after}

    def _state_tensor(self, name: str, value: Any) -> torch.Tensor:
        return torch.tensor(float(value)) if name == "step" else _copy(self.tensor(value))

    def _set_precision(self) -> None:
        if self.device.type == "cuda":
            set_float32_precision("tf32" if self.dtype == "tf32" else "ieee")

    def tensor(self, value: Any) -> Any:
        """Return an array as a tensor that lies in its memory as the array does, or a value that is no array itself.

        It shares the array's memory where it can. Strides and the offset in memory are kept in any case: in another
        format, on another device, and of an array that must not be written, whose memory is copied.
        A dtype of NumPy becomes the one of the same name.
        """
        if isinstance(value, np.dtype):
            return getattr(torch, value.name)
        if not isinstance(value, np.ndarray | np.generic):
            return value
        array = np.asarray(value)
        if any(stride < 0 for stride in array.strides):  # torch has no such tensors
            array = np.array(array, order="C")
        memory, offset = _memory(array)
        writeable = array.flags.writeable and memory.flags.writeable
        tensor = torch.from_numpy(memory if writeable else memory.copy())
        if tensor.is_floating_point() and self.dtype in TENSOR_DTYPES:
            tensor = tensor.to(TENSOR_DTYPES[self.dtype])
        tensor = tensor.to(self.device)
        if memory is array:
            return tensor
        return tensor.as_strided(array.shape, [stride // array.itemsize for stride in array.strides], offset)

    @contextmanager
    def threads(self, count: int) -> Iterator[None]:
        """Let torch share out its work among so many threads."""
        before = torch.get_num_threads()
        torch.set_num_threads(count)
        try:
            yield
        finally:
            torch.set_num_threads(before)


def _memory(array: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the memory that an array lies in, as one row, and its place there; or the array itself, if it is all."""
    if array.base is None and array.flags.c_contiguous:
        return array, 0
    owner: Any = array
    while owner.base is not None:  # `as_strided` puts an object between
        owner = owner.base if isinstance(owner.base, np.ndarray) else getattr(owner.base, "base", None)
        if not isinstance(owner, np.ndarray):
            return array, 0  # memory that is not NumPy's
    row = owner.ravel(order="K")
    if row.base is not owner or row.dtype != array.dtype:
        return array, 0
    return row, (_address(array) - _address(row)) // array.itemsize


def _address(array: np.ndarray) -> int:
    address: int = array.__array_interface__["data"][0]
    return address


def set_float32_precision(precision: str) -> None:
    """Say how float32 products are computed: "ieee", or "tf32" where a GPU may shorten them."""
    backends: list[Any] = [torch.backends.cuda.matmul, torch.backends.cudnn.conv]  # type: ignore[attr-defined]  # exists
    for backend in backends:
        backend.fp32_precision = precision
    torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction = False
    torch.backends.cuda.matmul.allow_bf16_reduced_precision_reduction = False
    torch.backends.cudnn.benchmark = False


def load(device: str, variant: str) -> TorchSubject:
    """Return torch on this device, tried out by one addition there."""
    if variant:
        raise NotAvailable("torch comes in no variants")
    if Version(torch.__version__) < Version(OLDEST):
        raise NotAvailable(f"torch {torch.__version__} is too old, {OLDEST} or later is needed: pip install -U torch")
    try:
        (torch.ones(1, device=device) + 1).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise NotAvailable(f"torch has no device {device!r} here: {str(error).splitlines()[0]}") from None
    torch.set_num_threads(1)  # two threads on a busy machine take ten times as long
    return TorchSubject(torch.device(device))


def _copy(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor that lies in memory of its own as this one does in its own; torch's `clone` may close gaps."""
    if tensor.is_contiguous() and not tensor.storage_offset():
        return tensor.clone()
    numbers = tensor.untyped_storage().nbytes() // tensor.element_size()
    row = tensor.as_strided((numbers,), (1,), 0).clone()
    return row.as_strided(tensor.shape, tensor.stride(), tensor.storage_offset())


def _batch_norm(input: Any, running_mean: Any, running_var: Any, *args: Any, **options: Any) -> Any:
    """Normalize, and leave the running statistics alone: torch would write the next ones into the arrays."""
    mean, var = (None if running is None else _copy(running) for running in (running_mean, running_var))
    return functional.batch_norm(input, mean, var, *args, **options)


def _batch_norm_statistics(input: Any, running_mean: Any, running_var: Any, momentum: float = 0.1) -> Any:
    """Return what a training step writes into copies of the running statistics."""
    mean, var = _copy(running_mean), _copy(running_var)
    functional.batch_norm(input, mean, var, training=True, momentum=momentum)
    return mean, var


WITHOUT_WRITING = {"batch_norm": _batch_norm, "batch_norm_statistics": _batch_norm_statistics}
"""What torch has in place only."""


def _function(operation: str) -> Callable[..., Any]:
    function: Callable[..., Any] = (
        WITHOUT_WRITING.get(operation) or getattr(functional, operation, None) or getattr(torch, operation)
    )

    def quiet(*args: Any, **kwargs: Any) -> Any:
        with warnings.catch_warnings():
            for expected in EXPECTED_WARNINGS:
                warnings.filterwarnings("ignore", message=expected, category=UserWarning)
            return function(*args, **kwargs)

    return quiet


def _has_gradient(operation: str, name: str, tensors: dict[str, Any]) -> bool:
    if not (isinstance(tensors.get(name), torch.Tensor) and tensors[name].is_floating_point()):
        return False
    return not (operation == "cross_entropy" and name == "weight") or tensors["target"].is_floating_point()


def _array(tensor: torch.Tensor) -> np.ndarray:
    """Return a tensor as an array, the half formats as the float32 that holds them exactly."""
    if tensor.dtype in TENSOR_DTYPES.values():
        tensor = tensor.float()
    return tensor.numpy(force=True)  # or a gradient that autograd knows to be 0 has no memory
