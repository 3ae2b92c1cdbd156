"""What the set is made of: series of questions, with how many problems each draws, and how many for the small set."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from spec_tests.vectors import (
    conventions,
    large_table,
    layers,
    losses,
    optimizers,
    pictures,
    refusals,
    reports,
    windows,
)
from spec_tests.vectors.question import Question
from spec_tests.vectors.randomness import Random
from spec_tests.vectors.writing import File, named

Make = Callable[[], Iterable[Question]]


@dataclass(frozen=True)
class Drawn:
    """Problems to draw, each from the name of its series and its number."""

    draw: Callable[[Random], Iterator[Question]]
    count: int
    small: int

    def makes(self, operation: str, series: str, small: bool) -> list[Make]:
        """Return what makes the questions of each problem."""
        count = self.small if small else self.count
        return [partial(self.draw, Random(f"{operation}/{series}/{number}")) for number in range(1, count + 1)]


def _drawn(draw: Callable[..., Iterator[Question]], count: int, small: int, **more: Any) -> Drawn:
    return Drawn(partial(draw, **more), count, small)


DRAWN: dict[str, Drawn] = {
    "conv1d": _drawn(windows.convolution, 350, 5, rank=1),
    "conv2d": _drawn(windows.convolution, 800, 16, rank=2),
    "conv3d": _drawn(windows.convolution, 150, 4, rank=3),
    "max_pool1d": _drawn(windows.max_pooling, 250, 5, rank=1),
    "max_pool2d": _drawn(windows.max_pooling, 500, 9, rank=2),
    "max_pool3d": _drawn(windows.max_pooling, 120, 4, rank=3),
    "avg_pool2d": _drawn(windows.average_pooling, 350, 7),
    "adaptive_avg_pool2d": _drawn(windows.adaptive_pooling, 180, 6),
    "linear": _drawn(layers.linear, 250, 8),
    "flatten": _drawn(layers.flatten, 80, 4),
    "pad": _drawn(layers.pad, 200, 6),
    "relu": _drawn(layers.relu, 80, 3),
    "sigmoid": _drawn(layers.curve, 80, 3, operation="sigmoid"),
    "tanh": _drawn(layers.curve, 80, 3, operation="tanh"),
    "softmax": _drawn(layers.softmax, 180, 6, operation="softmax"),
    "log_softmax": _drawn(layers.softmax, 180, 6, operation="log_softmax"),
    "batch_norm": _drawn(layers.batch_norm, 300, 8),
    "layer_norm": _drawn(layers.layer_norm, 180, 5),
    "l1_loss": _drawn(losses.of_numbers, 180, 6, operation="l1_loss"),
    "mse_loss": _drawn(losses.of_numbers, 180, 6, operation="mse_loss"),
    "nll_loss": _drawn(losses.of_classes, 220, 6, operation="nll_loss"),
    "cross_entropy": _drawn(losses.of_classes, 400, 9, operation="cross_entropy"),
    **{name: _drawn(optimizers.step, 130, 4, name=name) for name in optimizers.STEPS},
    **{name: _drawn(pictures.picture, 60, 2, name=name) for name in pictures.CALLS},
}
"""By operation, the problems of its main series."""

FAR = {name: _drawn(layers.far_from_0, 40, 2, operation=name) for name in ("batch_norm", "layer_norm")}
SMALL_LARGE = 1
"""How many of an operation's large problems the small set has."""
SMALL_FIXED = {"conventions": 2, "refusals": 3, "reports": 1}
"""How many of its conventions, refusals (the call that is taken included) and reports."""
OPERATIONS = (*DRAWN, "cifar10_cnn")


def series_of(operation: str, small: bool = False) -> Iterator[tuple[str, int, Make]]:
    """Return the series of an operation: its name, a number, and what makes the questions of this number."""
    if operation in DRAWN:
        for number, make in enumerate(DRAWN[operation].makes(operation, "drawn", small), 1):
            yield "drawn", number, make
    if operation in FAR:
        for number, make in enumerate(FAR[operation].makes(operation, "far-from-0", small), 1):
            yield "far-from-0", number, make
    for number, make in enumerate(large_table.questions(operation), 1):
        if not small or (number <= SMALL_LARGE and operation != "cifar10_cnn"):
            yield "large", number, make
    fixed_series = {"conventions": conventions, "refusals": refusals, "reports": reports}
    for series, fixed in ((name, module.of(operation)) for name, module in fixed_series.items()):
        for number, fixed_make in enumerate(fixed, 1):
            if not small or number <= SMALL_FIXED[series]:
                yield series, number, fixed_make


def file_of(operation: str, small: bool = False) -> File:
    """Return the cases of an operation."""
    file = File(operation)
    made = ((series, number, list(make())) for series, number, make in series_of(operation, small))
    for name, question, near in named(made):
        file.add(name, question, near)
    return file
