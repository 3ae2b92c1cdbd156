"""How many times torch's time the references may take, both measured alternately on one thread."""

from collections.abc import Sequence

from benchmarks.results import Row

CONVOLUTION = 1.3
NEAR_THE_PEAK, BESIDE_THE_PEAK = 0.9, 1.6
"""If torch's convolution reaches this share of the chip's limit, so many times its time will do."""

GOALS = {
    ("layer", "conv", "backward"): ("a convolution's backward pass", 2.0),
    ("layer", "p", "both passes"): ("both passes of a pooling", 1.5),
    ("network", "", "training step"): ("a training step of the network", 1.8),
    ("resnet50", "", ""): ("ResNet-50", 1.2),
}
"""By question, kind of layer and phase: what the goal is about, and the most that it allows."""


def goal(row: Row, rows: Sequence[Row]) -> tuple[str, float] | None:
    """Return what a row's goal is about and the multiple of torch's time that it allows, or None without a goal."""
    if row.who != "reference" or row.ratio is None or row.ratio.to != "torch":
        return None
    kind = str(row.params.get("layer", "")).rstrip("0123456789")
    if (kind, row.phase) == ("conv", "forward"):
        return "a convolution's forward pass", BESIDE_THE_PEAK if _near_the_peak(row, rows) else CONVOLUTION
    return GOALS.get((row.question, kind, row.phase))


def _near_the_peak(row: Row, rows: Sequence[Row]) -> bool:
    """Tell whether torch's row for the same work is near the chip's limit."""
    wanted = {**row.params, "who": "torch"}
    same = [other for other in rows if other.params == wanted and other.floor is not None]
    return any((other.floor or 0) >= NEAR_THE_PEAK * other.median for other in same)
