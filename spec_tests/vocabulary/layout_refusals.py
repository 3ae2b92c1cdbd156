"""What must be refused in every layout: problems with several cells along every axis, and what mends each of them."""

from typing import Any

import numpy as np

from spec_tests.vocabulary.layout_cases import SIZES
from spec_tests.vocabulary.problems import Problem

REFUSED: dict[str, Problem] = {
    problem.operation: problem
    for problem in (
        *(
            Problem(
                f"conv{rank}d",
                {"input": np.ones((2, 4, *size)), "weight": np.ones((6, 5, *[3] * rank)), "bias": np.ones(6)},
                {"padding": 1},
                np.ones((2, 6, *size)),
            )
            for rank, size in SIZES.items()
        ),
        *(
            Problem(
                f"max_pool{rank}d",
                {"input": np.ones((2, 4, *size))},
                {"kernel_size": 2, "padding": 2},
                np.ones((2, 4, *size)),
            )
            for rank, size in SIZES.items()
        ),
        Problem("avg_pool2d", {"input": np.ones((2, 4, 6, 5))}, {"kernel_size": 7}, np.ones((2, 4, 1, 1))),
        Problem(
            "pad", {"input": np.ones((2, 4, 6, 5))}, {"pad": (5, 0, 0, 0), "mode": "reflect"}, np.ones((2, 4, 6, 10))
        ),
        Problem(
            "linear",
            {"input": np.ones((3, 4)), "weight": np.ones((6, 5)), "bias": np.ones(6)},
            {},
            np.ones((3, 6)),
        ),
        Problem("flatten", {"input": np.ones((2, 4, 6))}, {"start_dim": 2, "end_dim": 1}, np.ones((2, 24))),
        Problem(
            "batch_norm",
            {
                "input": np.ones((2, 4, 6, 5)),
                "running_mean": np.zeros(4),
                "running_var": np.ones(4),
                "weight": np.ones(5),
                "bias": np.ones(4),
            },
            {"training": True},
            np.ones((2, 4, 6, 5)),
        ),
        Problem(
            "layer_norm",
            {"input": np.ones((2, 4, 6)), "weight": np.ones(4), "bias": np.ones(4)},
            {"normalized_shape": (4,)},
            np.ones((2, 4, 6)),
        ),
        *(
            Problem(
                operation,
                {"input": np.ones((2, 4, 6)), "target": np.full((2, 6), 4), "weight": np.ones(4)},
                {},
                np.ones(()),
            )
            for operation in ("nll_loss", "cross_entropy")
        ),
    )
}
"""A call that must be refused, of every operation that refuses one for its shapes or its numbers."""

NEAR: dict[str, dict[str, Any]] = {
    **{f"conv{rank}d": {"weight": np.ones((6, 4, *[3] * rank))} for rank in SIZES},
    **{f"max_pool{rank}d": {"padding": 1} for rank in SIZES},
    "avg_pool2d": {"kernel_size": 5},
    "pad": {"pad": (4, 0, 0, 0)},
    "linear": {"weight": np.ones((6, 4))},
    "flatten": {"end_dim": 2},
    "batch_norm": {"weight": np.ones(4)},
    "layer_norm": {"input": np.ones((2, 6, 4))},
    **{operation: {"target": np.full((2, 6), 3)} for operation in ("nll_loss", "cross_entropy")},
}
"""What mends each of them."""
