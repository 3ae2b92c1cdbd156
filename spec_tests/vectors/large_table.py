"""The large questions of every operation: sizes that leave remainders of tiles, vectors and blocks."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from spec_tests.vectors import sized
from spec_tests.vectors.question import Question

MORE: dict[str, Any] = {"count_include_pad": True, "divisor_override": None}
LARGE: dict[str, tuple[Callable[[int], Iterator[Question]], ...]] = {
    "conv1d": (
        sized.conv((12,), 9, 7, 3, 1, 1),
        sized.conv((9,), 17, 33, 3, 1, 1, images=2),
        sized.conv((7,), 513, 16, 1, 2, 0),
        sized.conv((9,), 128, 128, 5, 1, 2, groups=128),
        sized.conv((1025,), 2, 3, 7, 2, 3),
        sized.conv((9,), 67, 5, 3, 1, 1, most=(2047, 1)),
    ),
    "conv2d": (
        sized.conv((5, 4), 7, 9, 3, 1, 1),
        sized.conv((4, 5), 17, 15, 3, 1, 1, images=2),
        sized.conv((5, 6), 31, 33, 3, 2, 1),
        sized.conv((5, 6), 3, 64, 1, 2, 0, images=2),
        sized.conv((3, 3), 65, 129, 1, 1, 0),
        sized.conv((3, 2), 512, 24, 3, 1, 1),
        sized.conv((5, 4), 127, 16, 5, 1, 2),
        sized.conv((9, 8), 3, 63, 7, 2, 3),
        sized.conv((5, 4), 24, 24, 3, 1, 1, groups=24, images=2),
        sized.conv((7, 6), 24, 24, 3, 2, 1, groups=24),
        sized.conv((5, 4), 20, 64, 3, 1, 1, groups=4, images=2),
        sized.conv((4, 3), 3, 8, 3, 1, 1, images=129),
        sized.conv((18, 17), 8, 8, 3, 1, 1),
        sized.conv((33, 31), 4, 4, 3, 1, 0),
        sized.conv((16, 16), 3, 6, 5, 1, 2, images=2),
        sized.conv((12, 13), 9, 5, 3, 1, 1, most=(2047, 1)),
        sized.conv((13, 11), 66, 4, 3, 1, 1, most=(1000, 1)),
    ),
    "conv3d": (
        sized.conv((3, 4, 3), 9, 17, 3, 1, 1),
        sized.conv((3, 3, 2), 65, 16, 1, 2, 0, images=2),
        sized.conv((3, 2, 3), 24, 24, 3, 1, 1, groups=24),
    ),
    "linear": (
        sized.linear((3,), 7, 9),
        sized.linear((2, 5), 17, 15),
        sized.linear((17,), 33, 31),
        sized.linear((4,), 65, 127),
        sized.linear((33,), 129, 63),
        sized.linear((16,), 512, 16),
        sized.linear((2,), 513, 257),
        sized.linear((1,), 1025, 10),
        sized.linear((129,), 24, 10),
        sized.linear((769,), 17, 5),
        sized.linear((2,), 4096, 3, (4095, 1)),
        sized.linear((2, 2), 4099, 2, (2047, 1)),
        sized.linear((2,), 4097, 2, (4, 1), "float64", 2**26 + 1),
        sized.linear((4096,), 3, 2, (4095, 1)),
        sized.linear((4100,), 2, 3, (2047, 1)),
    ),
    "flatten": (sized.one_whole("flatten", (129, 17, 3), (129, 51), start_dim=1, end_dim=-1),),
    "pad": (
        sized.one_whole("pad", (2, 3, 1025), (2, 3, 1075), pad=(17, 33), mode="circular", value=None),
        sized.one_whole("pad", (1, 65, 3, 4), (1, 65, 6, 7), pad=(2, 1, 1, 2), mode="reflect", value=None),
        sized.one_whole("pad", (129, 2, 3), (129, 2, 6), pad=(1, 2), mode="constant", value=-3.0),
    ),
    "relu": (sized.one_whole("relu", (33, 31), (33, 31)), sized.one_whole("relu", (9, 1025), (9, 1025))),
    "sigmoid": tuple(sized.one("sigmoid", shape) for shape in ((7,), (17,), (33, 31), (2, 65, 9))),
    "tanh": tuple(sized.one("tanh", shape) for shape in ((7,), (17,), (33, 31), (2, 65, 9))),
    **{
        name: tuple(
            sized.one(name, shape, 16, dim=dim)
            for shape, dim in (
                ((3, 7), 1),
                ((5, 17), -1),
                ((2, 17, 3), 1),
                ((31, 33), 0),
                ((2, 65), 1),
                ((3, 129), -1),
                ((3, 513), 1),
                ((2, 1025), 1),
                ((1, 1025, 2), 1),
                ((1, 2049), -1),
                ((257, 10), 1),
            )
        )
        for name in ("softmax", "log_softmax")
    },
    "max_pool1d": (sized.pool("max_pool1d", (1, 3, 1025), 2, 2, 0, dilation=1),),
    "max_pool2d": (
        sized.pool("max_pool2d", (2, 9, 4, 5), 2, 2, 0, dilation=1),
        sized.pool("max_pool2d", (1, 17, 5, 6), 3, 2, 1, dilation=1),
        sized.pool("max_pool2d", (1, 65, 4, 3), 3, 1, 1, dilation=1),
        sized.pool("max_pool2d", (129, 2, 4, 2), 2, 2, 0, dilation=1),
        sized.pool("max_pool2d", (1, 2, 33, 31), 3, 2, 1, dilation=1),
    ),
    "max_pool3d": (sized.pool("max_pool3d", (1, 17, 3, 4, 3), 2, 2, 0, dilation=1),),
    "avg_pool2d": (
        sized.pool("avg_pool2d", (2, 9, 4, 5), 2, 2, 0, **MORE),
        sized.pool("avg_pool2d", (1, 17, 5, 6), 4, 2, 1, **MORE),
        sized.pool("avg_pool2d", (1, 3, 32, 32), (32, 32), None, 0, **MORE),
        sized.pool("avg_pool2d", (2, 3, 8, 8), (8, 8), 8, 0, **MORE),
        sized.pool("avg_pool2d", (129, 2, 4, 2), 2, 2, 0, **MORE),
    ),
    "adaptive_avg_pool2d": (
        sized.adaptive((2, 9, 4, 8), 2),
        sized.adaptive((1, 513, 4, 4), 1),
        sized.adaptive((1, 17, 32, 32), 1),
        sized.adaptive((2, 2048, 2, 2), 1),
    ),
    "batch_norm": tuple(
        sized.batch_norm(shape, training)
        for shape in ((5, 7), (3, 17, 2, 2), (2, 65, 3), (129, 5, 1, 1), (512, 3), (1, 3, 33, 31))
        for training in (True, False)
    ),
    "layer_norm": (
        sized.layer_norm((3,), (7,)),
        sized.layer_norm((2, 3), (17,)),
        sized.layer_norm((2,), (33, 31)),
        sized.layer_norm((2,), (513,)),
        sized.layer_norm((2,), (1025,)),
        sized.layer_norm((129,), (24,)),
    ),
    **{
        name: (
            sized.regression(name, (33, 31), "none"),
            sized.regression(name, (1025,), "sum"),
            sized.regression(name, (513,), "mean"),
            sized.regression(name, (129, 9), "mean"),
            sized.regression(name, (4096,), "mean", "float64"),
            sized.regression(name, (4097,), "mean"),
        )
        for name in ("l1_loss", "mse_loss")
    },
    "nll_loss": (
        sized.classes("nll_loss", (9, 7), "none"),
        sized.classes("nll_loss", (33, 17), "sum"),
        sized.classes("nll_loss", (769, 9), "sum"),
        sized.classes("nll_loss", (769, 3), "mean"),
        sized.classes("nll_loss", (2, 65, 3), "sum"),
        sized.classes("nll_loss", (5, 1025), "none"),
    ),
    "cross_entropy": (
        sized.classes("cross_entropy", (9, 7), "none"),
        sized.classes("cross_entropy", (33, 17), "none"),
        sized.classes("cross_entropy", (2, 65, 3), "sum"),
        sized.classes("cross_entropy", (3, 129), "none", 0.25),
        sized.classes("cross_entropy", (129, 10), "mean"),
        sized.classes("cross_entropy", (2, 1000), "mean"),
        sized.classes("cross_entropy", (3, 1025), "none"),
        sized.classes("cross_entropy", (5, 101), "mean", 0.1),
    ),
    "cifar10_cnn": (sized.network(2, False), sized.network(1, True), sized.network(2, True)),
}
"""Of every operation, what makes its large questions from a seed."""


def questions(operation: str) -> Iterator[Callable[[], Iterator[Question]]]:
    """Return the large questions of an operation, each still to be made."""
    for i, make in enumerate(LARGE.get(operation, ())):
        yield partial(make, 1000 * (i + 1) + len(operation))
