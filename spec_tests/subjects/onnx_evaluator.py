"""The reference evaluator of ONNX, `onnx.reference`: NumPy code that ONNX's own tests hold runtimes against."""

from pathlib import Path
from typing import Any

from spec_tests.adapters import Library, asked, onnx_graphs
from spec_tests.contract.declaration import Declaration, declare
from spec_tests.vocabulary.subject import NotAvailable

INSTALL = onnx_graphs.INSTALL
onnx, evaluator = Library("onnx", INSTALL), Library("onnx.reference", INSTALL)


def load(device: str, variant: str) -> Declaration:
    """Return the layers that ONNX has, as its evaluator computes them."""
    if device != "cpu" or variant:
        raise NotAvailable("onnx_evaluator is asked on device 'cpu' and comes in no variants")
    functions = onnx_graphs.layers(prepared)
    return declare(functions, name=f"onnx.reference {onnx.__version__}", source=Path(__file__), ONLY=asked(functions))


def prepared(model: Any) -> onnx_graphs.Ready:
    """Return what runs a model."""
    run = evaluator.ReferenceEvaluator(model).run
    return lambda feed: run(None, dict(feed))
