"""Functions that take torch tensors: arrays in, tensors to the function, arrays out, and gradients by autograd."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, Self

import numpy as np
import torch

from spec_tests.contract.declaration import Declaration
from spec_tests.contract.functions import BACKWARD, FUNCTIONS, operation_of, parameters, signature
from spec_tests.vocabulary.operations import GRADIENTS
from spec_tests.vocabulary.subject import NotAvailable, NotOffered

TENSOR_DTYPES = {"float16": torch.float16, "bfloat16": torch.bfloat16}


class OnTensors:
    """Whatever takes tensors, behind arrays."""

    tensors = True

    def __init__(self, device: torch.device, dtype: str = "float32") -> None:
        self.device, self.dtype = device, dtype
        self.name = ""

    def __repr__(self) -> str:
        """Return the name, which is the same in every run; an address in memory is not."""
        return self.name

    def function(self, operation: str) -> Callable[..., Any]:
        """Return the function of this name on tensors."""
        raise NotImplementedError

    def _gradients(self, operation: str, grad_output: np.ndarray, *args: Any, **kwargs: Any) -> Any:
        output, leaves, cotangent = self._recorded(operation, GRADIENTS[operation], grad_output, *args, **kwargs)
        found = torch.autograd.grad(output, list(leaves.values()), cotangent)
        grads = dict(zip(leaves, map(as_array, found), strict=True))
        ordered = tuple(grads.get(name) for name in GRADIENTS[operation])
        return ordered if len(ordered) > 1 else ordered[0]

    def gradients_of(
        self, operation: str, wanted: tuple[str, ...], grad_output: np.ndarray, *args: Any, **kwargs: Any
    ) -> tuple[np.ndarray, ...]:
        """Return the gradients of these arguments; no other requires one."""
        output, leaves, cotangent = self._recorded(operation, wanted, grad_output, *args, **kwargs)
        found = torch.autograd.grad(output, [leaves[name] for name in wanted], cotangent)
        return tuple(map(as_array, found))

    def double_backward(
        self, operation: str, vectors: Mapping[str, np.ndarray], grad_output: np.ndarray, *args: Any, **kwargs: Any
    ) -> dict[str, np.ndarray]:
        """Return the gradients of Σ ⟨vector, gradient⟩, by autograd through the graph that the first pass creates."""
        output, leaves, cotangent = self._recorded(operation, tuple(vectors), grad_output, *args, **kwargs)
        first = torch.autograd.grad(output, list(leaves.values()), cotangent.requires_grad_(), create_graph=True)
        asked = {"grad_output": cotangent, **leaves}
        weights = [self.tensor(vectors[name]) for name in leaves]
        second = torch.autograd.grad(first, list(asked.values()), weights, materialize_grads=True)
        return dict(zip(asked, map(as_array, second), strict=True))

    def _recorded(
        self, operation: str, wanted: tuple[str, ...], grad_output: np.ndarray, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, dict[str, Any], torch.Tensor]:
        """Return the output, the wanted arguments that can have a gradient, and what to send back to them."""
        self._set_precision()
        bound = signature(operation).bind(*args, **kwargs)
        tensors = {name: self.tensor(value) for name, value in bound.arguments.items()}
        leaves = {name: tensors[name] for name in wanted if has_gradient(operation, name, tensors)}
        for leaf in leaves.values():
            leaf.requires_grad_()
        bound.arguments.update(tensors)
        output = self.function(operation)(*bound.args, **bound.kwargs)
        output = output[0] if isinstance(output, tuple) else output
        cotangent = self.tensor(grad_output)
        return output, leaves, cotangent.to(output.dtype) if "dtype" in bound.arguments else cotangent

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


def copied(tensor: torch.Tensor) -> torch.Tensor:
    """Return a tensor that lies in memory of its own as this one does in its own; torch's `clone` may close gaps."""
    if tensor.is_contiguous() and not tensor.storage_offset():
        return tensor.clone()
    numbers = tensor.untyped_storage().nbytes() // tensor.element_size()
    row = tensor.as_strided((numbers,), (1,), 0).clone()
    return row.as_strided(tensor.shape, tensor.stride(), tensor.storage_offset())


def has_gradient(operation: str, name: str, tensors: dict[str, Any]) -> bool:
    """Tell whether an argument has a gradient: tensors of floating point numbers, but for the weights of classes."""
    if not (isinstance(tensors.get(name), torch.Tensor) and tensors[name].is_floating_point()):
        return False
    return not (operation == "cross_entropy" and name == "weight") or tensors["target"].is_floating_point()


def as_array(tensor: torch.Tensor) -> np.ndarray:
    """Return a tensor as an array, the half formats as the float32 that holds them exactly."""
    if tensor.dtype in TENSOR_DTYPES.values():
        tensor = tensor.float()
    return tensor.numpy(force=True)  # or a gradient that autograd knows to be 0 has no memory


class Functions(OnTensors):
    """The functions of a declaration, on tensors."""

    transforms: Mapping[str, str] = {}
    deviations: frozenset[str] = frozenset()

    def __init__(self, declaration: Declaration, device: torch.device, dtype: str = "float32") -> None:
        super().__init__(device, dtype)
        self.declaration = declaration
        self.name, self.dtypes, self.source = declaration.name, declaration.dtypes, declaration.source
        self.last_written: tuple[str, ...] = ()
        """The tensors that the last call wrote into: they need not share the memory of the arrays."""
        self.last_shared: tuple[str, ...] = ()

    def at(self, dtype: str) -> Self:
        """Return the subject computing in this format."""
        return type(self)(self.declaration, self.device, dtype)

    def offers(self, function: str) -> bool:
        """Tell whether there is such a function, or for a gradient the function whose gradient autograd finds."""
        functions = self.declaration.functions
        return function in functions or (
            function.endswith(BACKWARD)
            and function not in self.declaration.lacks
            and operation_of(function) in functions
            and operation_of(function) in GRADIENTS
        )

    def calling(self, function: str, arguments: Mapping[str, Any]) -> tuple[str, dict[str | int, Any]]:
        """Return the name of its own function, and what that is called with, names for keywords, numbers for places."""
        adapted = self.declaration.functions[function]
        return adapted.own_name, adapted.given(arguments)

    def __getattr__(self, function: str) -> Callable[..., Any]:
        if function not in FUNCTIONS:
            raise AttributeError(function)
        if function in self.declaration.functions or not function.endswith(BACKWARD):
            return partial(self._call, function)
        return partial(self._by_autograd, operation_of(function))

    def function(self, operation: str) -> Callable[..., Any]:
        """Return the function of this name on tensors, by the specification's names, in its order or by keyword."""
        adapted = self.declaration.functions[operation]

        def call(*args: Any, **kwargs: Any) -> Any:
            arguments = {**dict(zip(parameters(operation), args, strict=False)), **kwargs}
            if operation == "batch_norm":  # as torch's own, it may write the next statistics into them
                kept = {name: arguments.get(name) for name in ("running_mean", "running_var")}
                arguments |= {name: copied(value) for name, value in kept.items() if value is not None}
            return adapted(**arguments)

        return call

    def _call(self, function: str, **arguments: Any) -> Any:
        self._set_precision()
        tensors = {name: self.tensor(value) for name, value in arguments.items()}
        before = {name: copied(value) for name, value in tensors.items() if isinstance(value, torch.Tensor)}
        result = self.function(function)(**tensors)
        self.last_written = tuple(name for name, value in before.items() if not _same(value, tensors[name]))
        outputs = result if isinstance(result, tuple) else (result,)
        arrays = tuple(map(self._result, outputs))
        return arrays if isinstance(result, tuple) else arrays[0]

    def _result(self, value: Any) -> Any:
        """Return a tensor as an array; of a half format, it must have that format."""
        if not isinstance(value, torch.Tensor):
            return value
        wanted = TENSOR_DTYPES.get(self.dtype)
        if wanted is not None and value.is_floating_point() and value.dtype != wanted:
            raise AssertionError(f"got dtype {value.dtype}, expected {wanted}")
        return as_array(value)

    def _by_autograd(self, operation: str, grad_output: np.ndarray, **arguments: Any) -> Any:
        with _without_gradient(operation):
            return self._gradients(operation, grad_output, **arguments)

    def gradients_of(
        self, operation: str, wanted: tuple[str, ...], grad_output: np.ndarray, *args: Any, **kwargs: Any
    ) -> tuple[np.ndarray, ...]:
        """Return the gradients of these arguments, if autograd finds them."""
        self._check_autograd(operation)
        with _without_gradient(operation):
            return super().gradients_of(operation, wanted, grad_output, *args, **kwargs)

    def double_backward(
        self, operation: str, vectors: Mapping[str, np.ndarray], grad_output: np.ndarray, *args: Any, **kwargs: Any
    ) -> dict[str, np.ndarray]:
        """Return the gradients of the gradients, if autograd finds them."""
        self._check_autograd(operation)
        with _without_gradient(operation):
            return super().double_backward(operation, vectors, grad_output, *args, **kwargs)

    def _check_autograd(self, operation: str) -> None:
        if f"{operation}{BACKWARD}" in self.declaration.functions:
            raise NotOffered(f"{operation} has its own gradient, which gives all or none")


@contextmanager
def _without_gradient(operation: str) -> Iterator[None]:
    """Turn what autograd says of an output without a gradient into NotOffered."""
    try:
        yield
    except (RuntimeError, NotImplementedError) as error:
        if not any(words in str(error) for words in WITHOUT_GRADIENT):
            raise
        reason = "its output does not depend on its arguments for autograd"
        raise NotOffered(f"{operation} has no gradient: {reason}") from None


WITHOUT_GRADIENT = (
    "does not require grad",
    "no autograd formula",
    "autograd kernel was not registered",
    "derivative for",
)
"""What torch says of an output that it knows no gradient of."""


def load(declaration: Declaration, device: str) -> Functions:
    """Return the functions of a declaration on this device, tried out by one addition there."""
    return Functions(declaration, tried_out(device))


def tried_out(device: str) -> torch.device:
    """Return a device on which one addition works; raise NotAvailable if it does not."""
    try:
        (torch.ones(1, device=device) + 1).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise NotAvailable(f"torch has no device {device!r} here: {str(error).splitlines()[0]}") from None
    torch.set_num_threads(1)  # two threads on a busy machine take ten times as long
    return torch.device(device)


def _same(one: torch.Tensor, other: torch.Tensor) -> bool:
    """Tell whether two tensors hold the same numbers, NaN among them."""
    if torch.equal(one, other):
        return True
    return one.is_floating_point() and torch.allclose(one, other, rtol=0, atol=0, equal_nan=True)
