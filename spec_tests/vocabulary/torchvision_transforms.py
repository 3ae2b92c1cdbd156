"""torchvision's transforms, called like the references: a picture in bytes as PIL images, everything else as tensors.

Bytes are what files hold, and PIL is what torchvision opens them with, so that PIL's bytes are those of the references.
What PIL does not offer (other numbers of channels, the pixel at ⌊i · old/new⌋) goes through tensors too.
"""

from collections.abc import Callable, Mapping
from functools import partial
from importlib import util
from typing import Any

import numpy as np

from reference.color import ADJUSTMENTS
from spec_tests.vocabulary.image_paths import PIL_V1, array, pil_image
from spec_tests.vocabulary.operations.transforms import TRANSFORMS
from spec_tests.vocabulary.subject import NotOffered

Tensor = Callable[[Any], Any]


def transformed(operation: str, arguments: Mapping[str, Any], tensor: Tensor, as_array: Tensor) -> Any:
    """Return what torchvision makes of a picture; `tensor` and `as_array` take it to torch and back."""
    if util.find_spec("torchvision") is None:
        raise NotOffered(f"{operation} is torchvision's, which is not installed")
    options = dict(arguments)
    image = options.pop(TRANSFORMS[operation].image)
    if operation == "to_tensor":
        return as_array(PIL_V1.module.functional.to_tensor(_owned(image)))
    if "interpolation" in options:
        options["interpolation"] = PIL_V1.module.InterpolationMode(options["interpolation"])
    transform = _jitter(**options) if operation == "color_jitter" else partial(_function(operation), **options)
    if _is_for_pil(operation, image, arguments):
        return _through_pil(transform, image)
    return as_array(transform(tensor(image)))


def _function(operation: str) -> Callable[..., Any]:
    function: Callable[..., Any] = getattr(PIL_V1.module.functional, operation)
    return function


def _jitter(order: Any = ADJUSTMENTS, **factors: Any) -> Any:
    """Return ColorJitter after it has drawn this order and these factors."""
    numbers = [ADJUSTMENTS.index(name) for name in order]
    drawn = (numbers, *(factors.get(f"{name}_factor") for name in ADJUSTMENTS))
    jitter = PIL_V1.module.ColorJitter()
    jitter.get_params = lambda *_: drawn
    return jitter


def _is_for_pil(operation: str, image: Any, arguments: Mapping[str, Any]) -> bool:
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or operation == "normalize":
        return False
    return image.ndim >= 3 and image.shape[-3] in (1, 3) and arguments.get("interpolation") != "nearest"


def _through_pil(transform: Callable[[Any], Any], image: Any) -> Any:
    """Return every picture (c, h, w) of an array transformed by itself."""
    outputs = [array(transform(pil_image(one))) for one in image.reshape(-1, *image.shape[-3:])]
    return np.stack(outputs).reshape(*image.shape[:-3], *outputs[0].shape)


def _owned(image: Any) -> Any:
    """Return an array that torch takes: writeable, and without negative strides."""
    if isinstance(image, np.ndarray) and (not image.flags.writeable or min(image.strides, default=0) < 0):
        return image.copy()
    return image
