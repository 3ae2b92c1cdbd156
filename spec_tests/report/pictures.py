"""The report's pictures of the layers, in the document's order. Every number in them is computed by `reference`."""

import matplotlib

from spec_tests.report import (
    pictures_backpropagation,
    pictures_convolution,
    pictures_cross_entropy,
    pictures_curves,
    pictures_dataloader,
    pictures_networks,
    pictures_optimizers,
    pictures_pooling,
    pictures_transforms,
)
from spec_tests.report.picture import STYLE, Picture

MAKERS = (
    pictures_transforms.gallery,
    pictures_dataloader.epochs,
    pictures_convolution.flipped,
    pictures_convolution.walk,
    pictures_convolution.two_channels,
    pictures_pooling.winners,
    pictures_pooling.ceil_mode,
    pictures_curves.activations,
    pictures_networks.cifar10_cnn,
    pictures_curves.losses,
    pictures_cross_entropy.two_models,
    pictures_backpropagation.backpropagation,
    pictures_optimizers.paths,
    pictures_networks.resnet50,
    pictures_networks.bottleneck,
)
"""Each draws one picture."""


def pictures() -> list[Picture]:
    """Draw all pictures; the same ones each time, byte by byte."""
    with matplotlib.rc_context(STYLE):
        return [make() for make in MAKERS]
