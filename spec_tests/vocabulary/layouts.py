"""Layouts: how an array may lie in memory while its values stay the same, in the strides of NumPy.

An array is a view of a longer row of numbers: where it begins there, and how far apart neighbours along each axis lie.
`channels last` is the order of axes that fast convolutions prefer; a picture that comes as (h, w, c) is turned into
(c, h, w), and a batch axis put before it, without moving a number. What lies in the gaps is NaN, or -1 of whole
numbers: an implementation that reads it shows it. torch has no negative strides, so there are none.

A plan says how each argument of a call lies: `input` alone, the cotangent alone, both alike, both differently, and the
weights beside them. The result of a call must not depend on its plan.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from spec_tests.vocabulary.problems import Array, Problem
from spec_tests.vocabulary.subject import REFUSALS

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Layout:
    """A way to lie in memory."""

    name: str
    lay: Callable[[Array], Array]
    """Return the values laid out so."""
    fits: Callable[[Shape], bool]
    """Whether an array of this shape can lie so, and not just as one that is contiguous."""
    expanded: Callable[[int], Shape] = lambda _: ()
    """The axes along which every number is the same one in memory, of an array with so many axes."""

    def values(self, array: Array) -> Array:
        """Return what an array is in this layout, contiguous: the same, or constant along the expanded axes."""
        first = tuple(slice(0, 1) if axis in self.expanded(array.ndim) else slice(None) for axis in range(array.ndim))
        return np.ascontiguousarray(np.broadcast_to(array[first], array.shape)).reshape(array.shape)


def _memory(numbers: int, dtype: Any) -> Array:
    """Return a row of numbers that no result may depend on."""
    return np.full(numbers, np.array(np.nan if dtype.kind == "f" else -1).astype(dtype), dtype)


def _stored(
    array: Array,
    order: Callable[[int], Shape] = lambda ndim: tuple(range(ndim)),
    steps: Callable[[int], Mapping[int, int]] = lambda _: {},
    margins: Callable[[int], Mapping[int, int]] = lambda _: {},
    offset: int = 0,
) -> Array:
    """Store an array with its axes in this order, the slowest first, and gaps: each `step`-th place, within margins."""
    axes, step, margin = order(array.ndim), steps(array.ndim), margins(array.ndim)
    box = [step.get(axis, 1) * size + 2 * margin.get(axis, 0) for axis, size in enumerate(array.shape)]
    memory = _memory(offset + prod(box), array.dtype)
    places = memory[offset:].reshape([box[axis] for axis in axes]).transpose(np.argsort(axes) if axes else ())
    taken = tuple(
        slice(margin.get(axis, 0), margin.get(axis, 0) + step.get(axis, 1) * size, step.get(axis, 1))
        for axis, size in enumerate(array.shape)
    )
    view = np.asarray(places[taken] if taken else places)
    view[...] = array
    return view


def _channels_last(ndim: int) -> Shape:
    return (0, *range(2, ndim), 1)


def _first_axis_last(ndim: int) -> Shape:
    return (*range(1, ndim), 0)


def _turned(array: Array, stride_of_the_batch: int) -> Array:
    """Turn a picture from (h, w, c) and put a batch axis before it, whose stride nobody needs."""
    view = _stored(array[0], _first_axis_last)[np.newaxis]
    return as_strided(view, strides=(stride_of_the_batch * array.itemsize, *view.strides[1:]))


def _with_an_axis_of_1(array: Array) -> Array:
    """See a sequence (n, l, c) as pictures (n, c, l, 1) that are one cell wide; torch gives that axis stride 1."""
    view = _stored(array, _channels_last)
    return as_strided(view, strides=(*view.strides[:-1], array.itemsize))


def _expanded(array: Array, axes: Callable[[int], Shape]) -> Array:
    """Keep one number along these axes; the result may be read only."""
    first = tuple(slice(0, 1) if axis in axes(array.ndim) else slice(None) for axis in range(array.ndim))
    return np.broadcast_to(_stored(array[first], offset=1), array.shape)


def _several(least: int, shape: Shape) -> bool:
    """Tell whether an array has so many axes, of more than one entry in all."""
    return len(shape) >= least and prod(shape) > 1


def _one_picture(shape: Shape) -> bool:
    return len(shape) >= 3 and shape[0] == 1 and prod(shape) > 1


def _expanding(name: str, axes: Callable[[int], Shape], least: int) -> Layout:
    def fits(shape: Shape) -> bool:
        return len(shape) >= least and prod(shape[axis] for axis in axes(len(shape))) > 1

    return Layout(name, partial(_expanded, axes=axes), fits, axes)


CONTIGUOUS = Layout("contiguous", partial(_stored), partial(_several, 0))
CHANNELS_LAST = Layout("channels last", partial(_stored, order=_channels_last), partial(_several, 3))
EVERY_SECOND = Layout(
    "every second entry",
    partial(_stored, steps=lambda ndim: dict.fromkeys(range(ndim), 2), offset=1),
    partial(_several, 1),
)
TRANSPOSED = Layout(
    "transposed", partial(_stored, order=lambda ndim: tuple(range(ndim))[::-1]), lambda shape: _several(2, shape)
)
ONE_NUMBER = _expanding("one number expanded", lambda ndim: tuple(range(ndim)), 1)
OFFSET_1 = Layout("from element 1", partial(_stored, offset=1), lambda _: True)
TURNED = Layout("a picture turned", lambda array: _turned(array, array.shape[1]), _one_picture)
WITH_AN_AXIS_OF_1 = Layout(
    "a sequence with an axis of 1", _with_an_axis_of_1, lambda shape: len(shape) >= 4 and shape[-1] == 1
)

LAYOUTS = {
    layout.name: layout
    for layout in (
        CHANNELS_LAST,
        Layout(
            "every second channel of channels last",
            partial(_stored, order=_channels_last, steps=lambda _: {1: 2}),
            partial(_several, 3),
        ),
        Layout(
            "a crop of channels last",
            partial(_stored, order=_channels_last, margins=lambda ndim: dict.fromkeys(range(2, ndim), 1)),
            partial(_several, 3),
        ),
        TURNED,
        Layout("a picture turned, its batch axis of stride 0", lambda array: _turned(array, 0), _one_picture),
        WITH_AN_AXIS_OF_1,
        Layout("the first axis last", partial(_stored, order=_first_axis_last), partial(_several, 3)),
        TRANSPOSED,
        EVERY_SECOND,
        Layout(
            "a part of a larger array",
            partial(_stored, margins=lambda ndim: dict.fromkeys(range(ndim), 1)),
            partial(_several, 1),
        ),
        OFFSET_1,
        Layout("from element 3", partial(_stored, offset=3), lambda _: True),
        ONE_NUMBER,
        _expanding("expanded along the first axis", lambda _: (0,), 2),
        _expanding("expanded along the channels", lambda _: (1,), 2),
        _expanding("expanded behind the channels", lambda ndim: tuple(range(2, ndim)), 3),
    )
}
"""Every layout but the contiguous one, by name."""


# Which argument lies how


@dataclass(frozen=True)
class Plan:
    """How some arguments of a call lie in memory; the others are contiguous."""

    layouts: Mapping[str, Layout]

    def __repr__(self) -> str:
        return ", ".join(f"{argument} {layout.name}" for argument, layout in self.layouts.items())

    def lies(self, argument: str) -> Layout:
        """Return how an argument lies."""
        return self.layouts.get(argument, CONTIGUOUS)

    def constant(self) -> tuple[tuple[str, str], ...]:
        """Return the arguments that it makes constant along some axes: it poses another problem."""
        return tuple((name, layout.name) for name, layout in self.layouts.items() if layout.expanded(9))

    def contiguous(self, problem: Problem) -> Problem:
        """Return the problem that it poses, with contiguous arrays."""
        return self._map(problem, lambda layout, array: layout.values(array))

    def laid(self, problem: Problem) -> Problem:
        """Return the problem with its arrays in their layouts."""
        return self._map(problem, lambda layout, array: layout.lay(array))

    def _map(self, problem: Problem, change: Callable[[Layout, Array], Array]) -> Problem:
        arrays = arrays_of(problem)
        return problem.changed(**{name: change(layout, arrays[name]) for name, layout in self.layouts.items()})


def arrays_of(problem: Problem) -> dict[str, Array]:
    """Return the arrays of a problem that are there, `grad_output` included, by name."""
    return {k: v for k, v in {**problem.arrays, "grad_output": problem.grad_output}.items() if v is not None}


FIRST = ("channels last", "a picture turned", "a sequence with an axis of 1", "the first axis last", "transposed")
SECOND = ("channels last", "a picture turned", "transposed", "every second entry", "one number expanded")
BESIDE = ("every second entry", "one number expanded", "from element 1")


def plans(problem: Problem) -> list[Plan]:
    """Return all ways to lay the arguments of a problem that are tried.

    Each argument alone in every layout that it fits; input and cotangent alike; both differently; the weights beside
    the two, in an order of their own.
    """
    fitting = {
        name: [layout for layout in LAYOUTS.values() if layout.fits(array.shape)]
        for name, array in arrays_of(problem).items()
    }
    weights = [name for name in fitting if name not in ("input", "grad_output")]
    both = [layout for layout in fitting["input"] if layout in fitting["grad_output"]]
    alone = [Plan({name: layout}) for name, layouts in fitting.items() for layout in layouts]
    alike = [Plan({"input": layout, "grad_output": layout}) for layout in both]
    unlike = [
        Plan({"input": one, "grad_output": other})
        for one in fitting["input"]
        for other in fitting["grad_output"]
        if one is not other and one.name in FIRST and other.name in SECOND
    ]
    beside = [
        Plan({**outer.layouts, **dict.fromkeys((name for name in weights if weight in fitting[name]), weight)})
        for weight in map(LAYOUTS.__getitem__, BESIDE)
        for outer in (*alike, Plan({}))
        if outer.layouts.get("input", CONTIGUOUS).name in (CONTIGUOUS.name, *FIRST)
        and any(weight in fitting[name] for name in weights)
    ]
    return [*alone, *alike, *unlike, *beside]


@contextmanager
def under(*words: Any) -> Iterator[None]:
    """Say in a failure how the arguments lie; a refusal is a failure, too."""
    try:
        yield
    except (AssertionError, *REFUSALS) as failure:
        said = failure if isinstance(failure, AssertionError) else f"refused in this layout: {failure}"
        raise AssertionError(f"{'; '.join(map(str, words))}: {said}") from failure
