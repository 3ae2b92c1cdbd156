"""The report's pictures of the layers, in the document's order. Every number in them is computed by `reference`."""

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
from spec_tests.report.figures.figure import STYLE, Picture

MAKERS = (
    transforms.gallery,
    dataloader.epochs,
    convolution.flipped,
    convolution.walk,
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
"""Each draws one picture."""


def pictures() -> list[Picture]:
    """Draw all pictures; the same ones each time, byte by byte."""
    with matplotlib.rc_context(STYLE):
        return [make() for make in MAKERS]
