"""What layers without windows, losses, optimizers and transforms refuse, and the call beside it that they must take."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from spec_tests.vectors.faulty import MIXED, Faults, whole, zeros
from spec_tests.vocabulary.operations import OPTIMIZERS


def _scores(more: Mapping[str, Any]) -> tuple[Any, Faults]:
    target = np.array([0, 2])
    taken = (
        {"input": np.array([[0, -1000, -1000], [-1000, -1000, 0]], np.float32), "target": target, "weight": None},
        {"ignore_index": -100, "reduction": "sum", **more},
    )
    faults: Faults = [
        ("there are 3 classes, from 0 to 2, and no class 3", {"target": np.array([0, 3])}),
        ("there is no class -1, and it is not the one to ignore", {"target": np.array([0, -1])}),
        ("there is no class -100 if -1 is the one to ignore", {"target": np.array([0, -100]), "ignore_index": -1}),
        ("there are 2 samples and 3 targets", {"target": np.array([0, 1, 2])}),
        ("the target has an axis too many", {"target": np.array([[0], [1]])}),
        ("weight has 2 numbers for 3 classes", {"weight": np.ones(2, np.float32)}),
        ("weight has two axes", {"weight": np.ones((1, 3), np.float32)}),
        (f"{MIXED}: a weight of float64", {"weight": np.ones(3)}),
        ("there is no such reduction", {"reduction": "avg"}),
        ("scores are of floating point", {"input": zeros(2, 3, dtype="int64")}),
    ]
    if more:
        faults += [
            ("label_smoothing must be at most 1", {"label_smoothing": 1.5}),
            ("the probabilities are for 2 classes, the scores for 3", {"target": np.full((2, 2), 0.5, np.float32)}),
        ]
    return taken, faults


def _regression(name: str) -> tuple[Any, Faults]:
    taken = (
        {"input": whole("x", 2, 3), "target": whole("y", 2, 3), "weight": None},
        {"reduction": "sum"},
    )
    return taken, [
        ("the shapes do not broadcast", {"target": zeros(2, 4)}),
        ("there is no such reduction", {"reduction": "average"}),
        ("weight is not shaped like the input", {"weight": np.ones(3, np.float32)}),
        (
            "grad_output is not shaped like the loss",
            {"function": f"{name}_backward", "grad_output": zeros(2, 3)},
        ),
    ]


def _linear() -> tuple[Any, Faults]:
    arrays = {"input": whole("x", 2, 3), "weight": whole("w", 4, 3), "bias": whole("b", 4)}
    taken: tuple[Any, dict[str, Any]] = (arrays, {})
    return taken, [
        ("input has 4 features, weight takes 3", {"input": zeros(2, 4)}),
        ("input has no axes", {"input": zeros()}),
        ("weight has three axes", {"weight": zeros(1, 4, 3)}),
        ("bias has 3 numbers for 4 outputs", {"bias": zeros(3)}),
        ("bias has two axes", {"bias": zeros(4, 1)}),
        (MIXED, {"weight": zeros(4, 3, dtype="float64")}),
        ("grad_output is not shaped like the output", {"function": "linear_backward", "grad_output": zeros(2, 3)}),
    ]


def _batch_norm() -> tuple[Any, Faults]:
    arrays = {
        "input": whole("x", 2, 3, 2),
        "running_mean": zeros(3),
        "running_var": np.full(3, 0.75, np.float32),
        "weight": None,
        "bias": None,
    }
    return (arrays, {"training": False, "momentum": 0.5, "eps": 0.25}), [
        ("there is no variance of one value", {"input": zeros(1, 3, 1), "training": True}),
        ("running_mean has 4 numbers for 3 channels", {"running_mean": zeros(4)}),
        ("running_var has 2 numbers for 3 channels", {"running_var": zeros(2)}),
        ("weight has 1 number for 3 channels", {"weight": zeros(1)}),
        ("bias has 4 numbers for 3 channels", {"bias": zeros(4)}),
        ("eps must be at least 0", {"eps": -1.0}),
        ("running_var is there without running_mean", {"running_mean": None}),
        ("running_mean is there without running_var, in training", {"running_var": None, "training": True}),
        ("without training there must be running statistics", {"running_mean": None, "running_var": None}),
        ("the input has no channels", {"input": zeros(2)}),
        (f"{MIXED}: a weight of float64", {"weight": np.ones(3)}),
        ("the input is of floating point", {"input": zeros(2, 3, 2, dtype="int64")}),
    ]


def _layer_norm() -> tuple[Any, Faults]:
    taken = (
        {"input": np.array([[-2, 2], [1, 1]], np.float32), "weight": None, "bias": None},
        {"normalized_shape": (2,), "eps": 0.0},
    )
    taken[0]["input"] = np.array([[-2, 2], [3, 1]], np.float32)
    return taken, [
        ("the input does not end in this shape", {"normalized_shape": (3,)}),
        ("the input has fewer axes than the shape", {"normalized_shape": (1, 2, 2)}),
        ("the shape has no axis", {"normalized_shape": ()}),
        ("weight is not of the shape", {"weight": np.ones(1, np.float32)}),
        ("weight has two axes", {"weight": np.ones((1, 2), np.float32)}),
        ("bias is not of the shape", {"bias": np.ones(3, np.float32)}),
        (f"{MIXED}: a weight of float64", {"weight": np.ones(2)}),
        ("the input is of floating point", {"input": zeros(2, 2, dtype="int64")}),
    ]


def _softmax(name: str) -> tuple[Any, Faults]:
    taken = ({"input": np.array([[0.0, -np.inf], [-np.inf, 2.0]], np.float32)}, {"dim": 1})
    return taken, [
        ("there is no axis 2", {"dim": 2}),
        ("there is no axis -3", {"dim": -3}),
        ("grad_output is not shaped like the input", {"function": f"{name}_backward", "grad_output": zeros(2, 3)}),
    ]


def _elementwise(name: str) -> tuple[Any, Faults]:
    taken: tuple[Any, dict[str, Any]] = ({"input": np.array([[0.0, 0.0]], np.float32)}, {})
    return taken, [
        ("grad_output is not shaped like the input", {"function": f"{name}_backward", "grad_output": zeros(1, 3)}),
    ]


def _pad() -> tuple[Any, Faults]:
    taken = ({"input": whole("x", 1, 2, 3)}, {"pad": (1, 2), "mode": "reflect", "value": None})
    return taken, [
        ("a reflection of 3 cells needs 4", {"pad": (3, 0)}),
        ("there is no such mode", {"mode": "mirror"}),
        ("what goes round 4 cells needs as many", {"pad": (4, 0), "mode": "circular"}),
        ("half a pair of numbers", {"pad": (1, 2, 1)}),
        ("more pairs than axes", {"pad": (1,) * 8, "mode": "constant"}),
        ("more is taken away than there is", {"pad": (-2, -2), "mode": "constant"}),
        ("grad_output is not shaped like the output", {"function": "pad_backward", "grad_output": zeros(1, 2, 5)}),
    ]


def _flatten() -> tuple[Any, Faults]:
    return ({"input": whole("x", 2, 3, 2)}, {"start_dim": 1, "end_dim": 2}), [
        ("the first axis lies behind the last", {"start_dim": 2, "end_dim": 1}),
        ("there is no axis 3", {"end_dim": 3}),
        ("there is no axis -4", {"start_dim": -4}),
        ("grad_output is not shaped like the output", {"function": "flatten_backward", "grad_output": zeros(2, 5)}),
    ]


OPTIONS: dict[str, dict[str, Any]] = {
    "sgd": {"lr": 0.5, "momentum": 0.5, "dampening": 0, "weight_decay": 0, "nesterov": False, "maximize": False},
    "adam": {"lr": 0.5, "betas": (0.5, 0.75), "eps": 0.0, "weight_decay": 0, "amsgrad": False, "maximize": False},
    "adamw": {"lr": 0.5, "betas": (0.5, 0.75), "eps": 0.0, "weight_decay": 0, "amsgrad": False, "maximize": False},
    "rmsprop": {
        "lr": 0.5,
        "alpha": 0.75,
        "eps": 0.0,
        "weight_decay": 0,
        "momentum": 0,
        "centered": False,
        "maximize": False,
    },
    "adagrad": {
        "lr": 0.5,
        "lr_decay": 0,
        "weight_decay": 0,
        "initial_accumulator_value": 0,
        "eps": 0.0,
        "maximize": False,
    },
}
"""With these the first step from whole numbers rounds nothing."""


def _optimizer(name: str) -> tuple[Any, Faults]:
    arrays = {"param": np.array([2.0, -1.0], np.float32), "grad": np.array([4.0, 2.0], np.float32)}
    names = [
        option
        for option, value in OPTIONS[name].items()
        if option not in ("betas", "dampening") and not isinstance(value, bool)
    ]
    faults: Faults = [(f"{option} must be at least 0", {option: -0.5}) for option in names]
    if "betas" in OPTIONS[name]:
        faults += [
            ("an average that does not forget: beta must be below 1", {"betas": (1.0, 0.5)}),
            ("a second beta of 1", {"betas": (0.5, 1.0)}),
            ("a beta below 0", {"betas": (-0.5, 0.5)}),
        ]
    if name == "sgd":
        faults += [
            ("Nesterov's look ahead needs momentum", {"nesterov": True, "momentum": 0}),
            ("Nesterov's look ahead takes no dampening", {"nesterov": True, "dampening": 0.5}),
        ]
    return (arrays, {**OPTIONS[name], "step": None}), faults


def _pictures() -> dict[str, tuple[Any, Faults]]:
    img = np.arange(24, dtype=np.uint8).reshape(3, 2, 4) * 8
    grey = np.repeat(img[:1], 3, axis=0).copy()
    light = img.astype(np.float32) / 256
    two = ("a picture has 1 channel or 3, not 2", {"img": img[:2].copy()})
    blends: dict[str, tuple[Any, Faults]] = {
        f"adjust_{name}": (
            ({"img": light}, {f"{name}_factor": 1.0}),
            [
                (f"{name}_factor must be at least 0", {f"{name}_factor": -1.0}),
                ("a picture has 1 channel or 3, not 2", {"img": light[:2].copy()}),
            ],
        )
        for name in ("brightness", "contrast", "saturation")
    }
    std = ({"tensor": whole("x", 2, 2, 2)}, {"mean": [0.0, 1.0], "std": [1.0, 0.5]})
    return {
        **blends,
        "adjust_hue": (
            ({"img": grey}, {"hue_factor": 0.5}),
            [
                ("a hue is shifted by half a turn at most", {"hue_factor": 0.75}),
                ("nor by more than half a turn backwards", {"hue_factor": -0.51}),
                two,
            ],
        ),
        "normalize": (
            std,
            [
                ("a std of 0", {"std": [1.0, 0.0]}),
                ("two means for three channels", {"tensor": zeros(3, 2, 2), "std": [1.0]}),
                ("bytes are no floating point", {"tensor": np.zeros((2, 2, 2), np.uint8)}),
                ("a picture has channels", {"tensor": zeros(2, 2), "mean": [0.0], "std": [1.0]}),
            ],
        ),
        "resize": (
            ({"img": img}, {"size": (2, 4), "interpolation": "bilinear"}),
            [
                ("a size is at least 1", {"size": (0, 3)}),
                ("three numbers for two axes", {"size": (2, 3, 4)}),
                ("there is no such interpolation", {"interpolation": "round"}),
            ],
        ),
        "hflip": (({"img": img}, {}), [("a picture has a height and a width", {"img": np.zeros(4, np.uint8)})]),
        "vflip": (({"img": img}, {}), [("a picture has a height and a width", {"img": np.zeros(4, np.uint8)})]),
    }


FAULTS: dict[str, tuple[Any, Faults]] = {
    "pad": _pad(),
    "linear": _linear(),
    "flatten": _flatten(),
    **{name: _elementwise(name) for name in ("relu", "tanh", "sigmoid")},
    **{name: _softmax(name) for name in ("softmax", "log_softmax")},
    "nll_loss": _scores({}),
    "cross_entropy": _scores({"label_smoothing": 0.0}),
    **{name: _regression(name) for name in ("l1_loss", "mse_loss")},
    "batch_norm": _batch_norm(),
    "layer_norm": _layer_norm(),
    **{name: _optimizer(name) for name in OPTIMIZERS},
    **_pictures(),
}
