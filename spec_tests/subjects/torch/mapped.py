"""PyTorch's `vmap`: a batch must equal its images, computed one by one by the operation without a batch axis."""

from collections.abc import Callable
from typing import Any

import torch

from spec_tests.contract.functions import UNBATCHED_AXES, parameters
from spec_tests.subjects.torch.eager import TorchSubject
from spec_tests.vocabulary.subject import NotOffered

ELEMENTWISE = ("relu", "sigmoid", "tanh")
CLASS_LOSSES = ("nll_loss", "cross_entropy")
LOSSES = ("l1_loss", "mse_loss", *CLASS_LOSSES)


class Vmap(TorchSubject):
    """PyTorch with the first axis of the input mapped over by `torch.vmap`.

    An image has an axis less than its batch, so other calls are refused of it: refusals are those of the batch.
    """

    mode = "by vmap"

    def function(self, operation: str) -> Callable[..., Any]:
        """Return the function of this name, mapped over a batch."""
        whole = super().function(operation)

        def mapped(*args: Any, **kwargs: Any) -> Any:
            arguments = {**dict(zip(parameters(operation), args, strict=False)), **kwargs}
            whole(**arguments)
            return _mapped(operation, whole, arguments)

        return mapped


def _mapped(operation: str, whole: Callable[..., Any], arguments: dict[str, Any]) -> Any:
    """Return what a function makes of a batch, image by image."""
    input = arguments["input"]
    over = ["input"]
    if input.ndim <= _own_axes(operation, arguments, input.ndim):
        raise NotOffered(f"{operation} without a batch has nothing to map over")
    if input.shape[0] == 0:
        raise NotOffered("vmap does not map over an empty batch")
    if operation in LOSSES:
        if arguments.get("reduction", "mean") != "none":
            raise NotOffered(f"{operation} is mapped only where nothing is added up over the batch")
        over.append("target")
        if arguments.get("weight") is not None and operation in ("l1_loss", "mse_loss"):
            over.append("weight")
        if any(arguments[name].shape[0] != input.shape[0] or arguments[name].ndim < 1 for name in over):
            raise NotOffered(f"{operation} of arrays that are broadcast is not mapped")
    if operation == "flatten":
        arguments = _of_an_image(arguments, input.ndim)
    if "dim" in arguments:
        dim = arguments["dim"] % input.ndim
        if dim == 0:
            raise NotOffered(f"{operation} along the batch is not mapped")
        arguments = {**arguments, "dim": dim - 1}

    in_a_batch = operation in CLASS_LOSSES and input.ndim > 2  # torch has no picture of classes without a batch

    def of_one(*parts: torch.Tensor) -> Any:
        given = [part.unsqueeze(0) for part in parts] if in_a_batch else parts
        result = whole(**{**arguments, **dict(zip(over, given, strict=True))})
        return result.squeeze(0) if in_a_batch else result

    return torch.vmap(of_one)(*(arguments[name] for name in over))


def _of_an_image(arguments: dict[str, Any], ndim: int) -> dict[str, Any]:
    """Return the arguments of flatten for an image, whose axes are counted without the batch."""
    ends = {name: arguments.get(name, default) % ndim for name, default in {"start_dim": 0, "end_dim": -1}.items()}
    if ends["start_dim"] == 0:
        raise NotOffered("flatten of the batch is not mapped")
    return {**arguments, **{name: end - 1 for name, end in ends.items()}}


def _own_axes(operation: str, arguments: dict[str, Any], ndim: int) -> int:
    """Return the number of axes that an image has at most, if it is one and no batch."""
    if operation in UNBATCHED_AXES:
        return UNBATCHED_AXES[operation]
    if operation == "layer_norm":
        return len(arguments["normalized_shape"])
    if operation == "batch_norm" or operation == "batch_norm_statistics":
        raise NotOffered(f"{operation} takes its statistics from the batch")
    if operation == "pad":
        return len(arguments["pad"]) // 2
    return 0 if operation in (*ELEMENTWISE, "flatten", "l1_loss", "mse_loss") else ndim
