"""What convolutions and poolings refuse, and the call beside it that they must take."""

from typing import Any

from spec_tests.vectors.faulty import MIXED, Faults, whole, zeros


def _convolution(rank: int) -> tuple[Any, Faults]:
    taken = (
        {"input": whole("x", 1, 4, *[5] * rank), "weight": whole("w", 6, 2, *[3] * rank), "bias": whole("b", 6)},
        {"stride": 1, "padding": 0, "dilation": 1, "groups": 2},
    )
    return taken, [
        ("groups must divide the output channels", {"weight": zeros(5, 2, *[3] * rank), "bias": zeros(5)}),
        (
            "weight has 3 input channels in a group, input has 4 channels in 2 groups",
            {"weight": zeros(6, 3, *[3] * rank)},
        ),
        ("groups must be at least 1", {"groups": 0}),
        ("groups must be at least 1, not -1", {"groups": -1}),
        ("input has too few axes", {"input": zeros(4, *[5] * (rank - 1))}),
        ("input has too many axes", {"input": zeros(1, 1, 4, *[5] * rank)}),
        ("weight lacks an axis", {"weight": zeros(6, 2, *[3] * (rank - 1))}),
        ("bias has 5 numbers, expected 6", {"bias": zeros(5)}),
        ("bias has two axes, expected one", {"bias": zeros(6, 1)}),
        ("the kernel spans 7 cells, the input has 5", {"dilation": 3}),
        ("stride must be at least 1", {"stride": 0}),
        ("stride must be at least 1, not -1", {"stride": -1}),
        ("padding must be at least 0", {"padding": -1}),
        ("dilation must be at least 1", {"dilation": 0}),
        ("padding that keeps the size needs a stride of 1", {"padding": "same", "stride": 2}),
        ("there is no padding of this name", {"padding": "full"}),
        ("four numbers for the stride are too many", {"stride": (1, 1, 1, 1)}),
        (MIXED, {"weight": zeros(6, 2, *[3] * rank, dtype="float64")}),
        (f"{MIXED}: a bias of float64", {"bias": zeros(6, dtype="float64")}),
        ("weight has no taps", {"weight": zeros(6, 2, 0, *[3] * (rank - 1))}),
        (
            "grad_output is not shaped like the output",
            {"function": f"conv{rank}d_backward", "grad_output": zeros(1, 6, *[4] * rank)},
        ),
    ]


def _max_pool(rank: int) -> tuple[Any, Faults]:
    taken = (
        {"input": whole("x", 1, 2, *[5] * rank)},
        {"kernel_size": 2, "stride": 2, "padding": 0, "dilation": 1, "ceil_mode": False, "return_indices": False},
    )
    return taken, [
        ("kernel_size must be at least 1", {"kernel_size": 0}),
        ("kernel_size must be at least 1, not -1", {"kernel_size": -1}),
        ("stride must be at least 1", {"stride": 0}),
        ("stride must be at least 1, not -1", {"stride": -1}),
        ("padding must be at least 0", {"padding": -1}),
        ("padding must be at most half of the kernel, which is 2", {"padding": 2}),
        ("padding must be at most half of the kernel, dilated or not", {"kernel_size": 3, "padding": 2, "dilation": 2}),
        ("dilation must be at least 1", {"dilation": 0}),
        ("the kernel spans 6 cells, the input has 5", {"kernel_size": 6}),
        ("the dilated kernel spans 9 cells, the padded input has 7", {"kernel_size": 3, "dilation": 4, "padding": 1}),
        ("input has too few axes", {"input": zeros(*[5] * rank)}),
        ("input has too many axes", {"input": zeros(1, 1, 2, *[5] * rank)}),
        ("the input has no channels", {"input": zeros(1, 0, *[5] * rank)}),
        (
            "grad_output is not shaped like the output",
            {"function": f"max_pool{rank}d_backward", "grad_output": zeros(1, 2, *[3] * rank)},
        ),
    ]


def _average() -> tuple[Any, Faults]:
    taken = (
        {"input": whole("x", 1, 2, 5, 5)},
        {
            "kernel_size": 2,
            "stride": 2,
            "padding": 0,
            "ceil_mode": False,
            "count_include_pad": True,
            "divisor_override": None,
        },
    )
    return taken, [
        ("kernel_size must be at least 1", {"kernel_size": 0}),
        ("stride must be at least 1", {"stride": 0}),
        ("padding must be at least 0", {"padding": -1}),
        ("padding must be at most half of the kernel, which is 2", {"padding": 2}),
        ("the kernel spans 6 cells, the input has 5", {"kernel_size": 6}),
        ("the divisor must not be 0", {"divisor_override": 0}),
        ("input has too few axes", {"input": zeros(5, 5)}),
        ("the input has no channels", {"input": zeros(1, 0, 5, 5)}),
        (
            "grad_output is not shaped like the output",
            {"function": "avg_pool2d_backward", "grad_output": zeros(1, 2, 3, 2)},
        ),
    ]


def _adaptive() -> tuple[Any, Faults]:
    return ({"input": whole("x", 1, 2, 4, 4)}, {"output_size": (2, 2)}), [
        ("output_size must be at least 1, not -1", {"output_size": (-1, 2)}),
        ("three sizes for two axes", {"output_size": (2, 2, 2)}),
        ("input has too few axes", {"input": zeros(4, 4)}),
        ("the input has no cells", {"input": zeros(1, 2, 0, 4)}),
        (
            "grad_output is not shaped like the output",
            {"function": "adaptive_avg_pool2d_backward", "grad_output": zeros(1, 2, 3, 2)},
        ),
    ]


FAULTS: dict[str, tuple[Any, Faults]] = {
    **{f"conv{rank}d": _convolution(rank) for rank in (1, 2, 3)},
    **{f"max_pool{rank}d": _max_pool(rank) for rank in (1, 2, 3)},
    "avg_pool2d": _average(),
    "adaptive_avg_pool2d": _adaptive(),
}
