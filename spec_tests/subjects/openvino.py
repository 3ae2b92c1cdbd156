"""OpenVINO on the CPU, computing in float32: ONNX graphs, read and compiled, one for each shape, kept."""

from pathlib import Path
from typing import Any

import numpy as np

from spec_tests.adapters import Library, asked, onnx_graphs
from spec_tests.contract.declaration import Declaration, declare
from spec_tests.vocabulary.subject import NotAvailable

INSTALL = "openvino==2026.4.1"
openvino = Library("openvino", INSTALL)
PROPERTIES = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1, "PERFORMANCE_HINT": "LATENCY"}
"""Without the first, it may compute in 16 bits where the processor can."""


def load(device: str, variant: str) -> Declaration:
    """Return the layers that ONNX has, as OpenVINO computes them; float64 it would compute in float32."""
    if device != "cpu" or variant:
        raise NotAvailable("openvino is asked on device 'cpu' and comes in no variants")
    version = openvino.__version__.partition("-")[0]
    functions = onnx_graphs.layers(Compiler(openvino.Core()).prepared)
    return declare(
        functions, name=f"openvino {version}", source=Path(__file__), ONLY=asked(functions), DTYPES=["float32"]
    )


class Compiler:
    """What makes models of graphs."""

    def __init__(self, core: Any) -> None:
        self.core = core

    def prepared(self, model: Any) -> onnx_graphs.Ready:
        """Return what runs a model, on copies: arrays that must not be written are refused."""
        compiled = self.core.compile_model(self.core.read_model(model.SerializeToString()), "CPU", PROPERTIES)
        return lambda feed: list(compiled({name: np.array(value) for name, value in feed.items()}).values())
