"""Problems that are the same in every run, large enough to be shared among threads: torch begins at 32,768 numbers."""

from collections.abc import Iterator
from functools import cache
from itertools import product

import numpy as np

import reference
from spec_tests.vocabulary.layout_cases import of_channels, posed
from spec_tests.vocabulary.operations import OPERATIONS
from spec_tests.vocabulary.problems import Problem


@cache
def threaded_cases(operation: str) -> tuple[Problem, ...]:
    """Return the problems of an operation, the quickest first."""
    return tuple(_threaded(operation))


def _threaded(operation: str) -> Iterator[Problem]:
    row, rng = OPERATIONS[operation], np.random.default_rng(6)
    if operation.startswith("conv"):
        rank = row.typical.rank
        size = {1: (1030,), 2: (34, 31), 3: (10, 11, 10)}[rank]
        for images, ins, outs, options in ((2, 17, 16, {}), (4, 8, 24, {"stride": 2}), (2, 32, 32, {"groups": 32})):
            weight = (outs, ins // options.get("groups", 1), *[3] * rank)
            yield posed(operation, {"padding": 1, **options}, input=(images, ins, *size), weight=weight, bias=(outs,))
    elif "pool" in operation:
        rank = 2 if "avg" in operation else row.typical.rank
        size = {1: (2048,), 2: (64, 32), 3: (16, 16, 8)}[rank]
        options = {"output_size": 4} if operation.startswith("adaptive") else {"kernel_size": 2}
        yield posed(operation, options, input=(3, 17, *size))
        if "output_size" not in options:
            yield posed(operation, {"kernel_size": 3, "stride": 2, "padding": 1}, input=(2, 24, *size))
    elif operation == "pad":
        for mode in reference.padding.MODES:
            yield posed("pad", {"pad": (1, 2, 2, 1), "mode": mode, "value": None}, input=(3, 17, 40, 33))
    elif operation in ("softmax", "log_softmax"):
        for dim in (1, 0, 2):
            yield posed(operation, {"dim": dim}, input=(40, 33, 32))
    elif operation == "linear":
        yield posed("linear", {}, input=(130, 300), weight=(257, 300), bias=(257,))
    elif operation == "flatten":
        yield posed("flatten", {"start_dim": 1}, input=(40, 33, 32))
    elif operation in ("l1_loss", "mse_loss"):
        for reduction in ("mean", "sum", "none"):
            weights = of_channels(rng, 40_960).reshape(40, 1024)
            yield posed(operation, {"reduction": reduction}, input=(40, 1024), target=(40, 1024), weight=None)
            yield posed(operation, {"reduction": reduction}, input=(40, 1024), target=(40, 1024), weight=weights)
    elif operation in ("nll_loss", "cross_entropy"):
        for shape, reduction in product(((4096, 10), (3, 17, 32, 32)), ("mean", "sum", "none")):
            target = rng.integers(0, shape[1], (shape[0], *shape[2:]))
            given = {"reduction": reduction, "ignore_index": 1}
            yield posed(operation, given, input=shape, target=target, weight=of_channels(rng, shape[1]))
    elif operation == "batch_norm":
        for training, shape in product((True, False), ((4, 17, 32, 32), (512, 80))):
            channels = shape[1]
            yield posed(
                "batch_norm",
                {"training": training, "momentum": 0.25, "eps": 0.25},
                input=shape,
                running_mean=(channels,),
                running_var=of_channels(rng, channels),
                weight=(channels,),
                bias=(channels,),
            )
    elif operation == "layer_norm":
        for shape, normalized in (((300, 130), (130,)), ((40, 33, 32), (33, 32))):
            given = {"normalized_shape": normalized, "eps": 0.25}
            yield posed("layer_norm", given, input=shape, weight=normalized, bias=normalized)
    else:
        yield posed(operation, {}, input=(40, 33, 32))
