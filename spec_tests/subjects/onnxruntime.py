"""ONNX Runtime on the CPU, one thread, with all of its optimizations: a session for each shape, kept."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from spec_tests.adapters import Library, asked, onnx_graphs
from spec_tests.contract.declaration import Declaration, declare
from spec_tests.vocabulary.subject import NotAvailable, NotOffered

INSTALL = "onnxruntime==1.32.0"
onnxruntime, states = Library("onnxruntime", INSTALL), Library("onnxruntime.capi.onnxruntime_pybind11_state", INSTALL)
FATAL = 4
"""The level of what it may log."""


def load(device: str, variant: str) -> Declaration:
    """Return the layers that ONNX has, as the runtime computes them."""
    if device != "cpu" or variant:
        raise NotAvailable("onnxruntime is asked on device 'cpu' and comes in no variants")
    functions = onnx_graphs.layers(prepared)
    return declare(
        functions, name=f"onnxruntime {onnxruntime.__version__}", source=Path(__file__), ONLY=asked(functions)
    )


def prepared(model: Any) -> onnx_graphs.Ready:
    """Return what runs a model; NotOffered where the runtime has no kernel for a node, as for float64 in Conv."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.log_severity_level = 1, FATAL
    with _as_python_has_them():
        session = onnxruntime.InferenceSession(model.SerializeToString(), options, ["CPUExecutionProvider"])

    def run(feed: onnx_graphs.Feed) -> Any:
        with _as_python_has_them():
            return session.run(None, dict(feed))

    return run


@contextlib.contextmanager
def _as_python_has_them() -> Iterator[None]:
    """Raise the runtime's own kinds of exceptions as a RuntimeError, and a missing kernel as NotOffered."""
    try:
        yield
    except states.NotImplemented as error:
        raise NotOffered(str(error)) from None
    except Exception as error:
        if not type(error).__module__.startswith("onnxruntime"):
            raise
        raise RuntimeError(f"{type(error).__name__}: {error}") from None
