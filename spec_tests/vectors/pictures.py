"""Questions about transforms of pictures, in bytes and in floating point."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from spec_tests.vectors.exact import Around, Expected
from spec_tests.vectors.question import Question
from spec_tests.vectors.randomness import Random
from spec_tests.vectors.real import rounded_up
from spec_tests.vocabulary.operations.transforms import TRANSFORMS, at
from spec_tests.vocabulary.problems import Array

KEPT = 30
"""The binary digits that are kept of results in floating point, far fewer than machines may differ in."""

FACTORS = (0.0, 0.5, 1.0, 2.0, 1.5, 0.25, 2.75)
ORDER = ("brightness", "contrast", "saturation", "hue")


def some_bytes(r: Random, shape: tuple[int, ...]) -> Array:
    """Return bytes, black and white among them."""
    return r.filled(shape, lambda: r.choice(0, 255, r.below(256), r.below(256), r.below(256))).astype(np.uint8)


def _light(r: Random, shape: tuple[int, ...]) -> Array:
    """Return numbers from 0 to 1 with all digits of float32."""
    return r.filled(shape, lambda: r.below(2**24 + 1) / 2**24).astype(np.float32)


def _picture(r: Random, kind: str, channels: tuple[int, ...] = (1, 3), least: int = 1) -> Array:
    shape = (r.choice(*channels), *r.sizes(2, least, 7))
    return some_bytes(r, shape) if kind == "bytes" else _light(r, shape)


def picture(r: Random, name: str) -> Iterator[Question]:
    """Draw a call of this transform."""
    kind = r.choice("bytes", "floats")
    call = CALLS[name](r, kind)
    image = TRANSFORMS[name].image
    dtype = "float32" if call[image].dtype.kind == "f" or name == "to_tensor" else "uint8"
    yield question(name, call, dtype)


def question(name: str, call: dict[str, Any], dtype: str, level: str = "values", *flags: str) -> Question:
    """Ask for what a transform makes of this call."""
    row = TRANSFORMS[name]
    call = at(call, dtype) if dtype != "uint8" else call
    found = row.expected(call, dtype)
    kind = "bytes" if call[row.image].dtype == np.uint8 else "floats"
    named = tuple(feature.name.replace(" ", "-") for feature in row.rungs if feature.used_by(call))
    return Question(
        name,
        level,
        dtype,
        {row.image: call[row.image]},
        {key: value for key, value in call.items() if key != row.image},
        {"output": _around(found, dtype)},
        (kind, *named, *flags),
    )


def _around(found: Any, dtype: str) -> Expected:
    """Return a result as it is if nothing rounds, else in so many digits as every machine agrees upon."""
    if not np.any(found.bound):
        return np.asarray(found.exact).astype(dtype)
    mantissa, exponent = np.frexp(found.exact)
    near = np.ldexp(np.rint(mantissa * 2.0**KEPT), exponent - KEPT)
    return Around(near, rounded_up((found.bound + abs(near) * 2.0**-KEPT).astype(object)))


def _stored(r: Random, _: str) -> dict[str, Any]:
    shape = r.sizes(2, 1, 6)
    return {"pic": some_bytes(r, shape if r.chance(3) else (*shape, r.integer(1, 4)))}


def _normalization(r: Random, _: str) -> dict[str, Any]:
    tensor = r.real((r.choice(1, 3), *r.sizes(2, 1, 5)), "float32")
    count = r.choice(len(tensor), 1)
    means = [r.integer(-256, 256) / 64 for _ in range(count)]
    return {"tensor": tensor, "mean": means, "std": [r.integer(1, 256) / 64 for _ in range(count)]}


def _resizing(r: Random, kind: str) -> dict[str, Any]:
    img = _picture(r, kind, least=2)
    size = r.choice(r.integer(1, 9), (r.integer(1, 9), r.integer(2, 9)))
    call: dict[str, Any] = {"img": img, "size": size, "interpolation": r.choice("bilinear", "bicubic")}
    return {**call, "antialias": r.chance(2)} if kind == "floats" else call


def _crop(r: Random, kind: str) -> dict[str, Any]:
    img = _picture(r, kind)
    height, width = r.sizes(2, 1, 9)
    top, left = (r.integer(-side, edge + 2) for side, edge in zip((height, width), img.shape[1:], strict=True))
    return {"img": img, "top": top, "left": left, "height": height, "width": width}


def _center_crop(r: Random, kind: str) -> dict[str, Any]:
    return {"img": _picture(r, kind), "output_size": r.choice(r.integer(1, 9), r.sizes(2, 1, 9))}


def _flip(r: Random, kind: str) -> dict[str, Any]:
    return {"img": _picture(r, kind)}


def _adjustment(r: Random, kind: str, name: str) -> dict[str, Any]:
    factor = r.choice(0.0, 0.5, -0.5, 0.25, -0.125, 0.0625) if name == "hue" else r.choice(*FACTORS)
    return {"img": _picture(r, kind), f"{name}_factor": factor}


def _jitter(r: Random, kind: str) -> dict[str, Any]:
    order = r.shuffled(ORDER)
    given = ORDER if kind == "bytes" else [r.choice(*ORDER)]
    factors = {f"{name}_factor": r.choice(0.25, -0.25, 0.0) if name == "hue" else r.choice(*FACTORS) for name in given}
    return {"img": _picture(r, kind, (3,)), "order": order, **factors}


CALLS: dict[str, Any] = {
    "to_tensor": _stored,
    "normalize": _normalization,
    "resize": _resizing,
    "crop": _crop,
    "center_crop": _center_crop,
    "hflip": _flip,
    "vflip": _flip,
    "color_jitter": _jitter,
    **{f"adjust_{name}": partial(_adjustment, name=name) for name in ORDER},
}
