"""All figures of the document's sections, in its order. Every number in them is computed by `reference`."""

import matplotlib

from spec_tests.report.figures import (
    backpropagation,
    convolution,
    cross_entropy,
    curves,
    dataloader,
    networks,
    optimizers,
    pooling,
    transforms,
)
from spec_tests.report.figures.figure import STYLE
from spec_tests.report.page_figure import PageFigure

MAKERS = (
    transforms.gallery,
    dataloader.epochs,
    convolution.flipped,
    convolution.sliding,
    convolution.two_channels,
    pooling.winners,
    pooling.ceil_mode,
    curves.activations,
    networks.cifar10_cnn,
    curves.losses,
    cross_entropy.two_models,
    backpropagation.backpropagation,
    optimizers.paths,
    networks.resnet50,
    networks.bottleneck,
)
"""The functions that draw them, one figure each."""


def draw() -> list[PageFigure]:
    """Draw all figures, the same bytes every time."""
    with matplotlib.rc_context(STYLE):
        return [make() for make in MAKERS]
