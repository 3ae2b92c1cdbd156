"""The least that the network's layers have to do: floating-point operations, and bytes to and from memory.

A product and its addition are two operations; comparisons and additions of biases are not counted, as in torch's
`FlopCounterMode`. Bytes are ideal: every layer reads its input once and writes its result once, whatever the caches
hold; parameters count once per batch, everything else once per sample. For each pooling window, the gradient needs to
know which cell was the maximum: one byte.

The floor of a phase is the least time that a chip needs for it: for each layer, the time of the operations at the
chip's rate or of the bytes at its bandwidth, whichever is longer, without products with the zeros of padding. The
bandwidth is that of a copy of no more bytes than the layer touches, because the layer before may have left them in a
cache. Training does not compute the gradient of the images.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from math import prod

from reference.cnn import PARAMETERS

Size = tuple[int, ...]
SIZES: dict[str, tuple[Size, Size]] = {
    "conv1": ((3, 32, 32), (32, 32, 32)),
    "p1": ((32, 32, 32), (32, 16, 16)),
    "conv2": ((32, 16, 16), (32, 16, 16)),
    "p2": ((32, 16, 16), (32, 8, 8)),
    "conv3": ((32, 8, 8), (64, 8, 8)),
    "p3": ((64, 8, 8), (64, 4, 4)),
    "linear": ((64 * 4 * 4,), (10,)),
}
"""What each layer reads and writes for one image."""
LAYERS = tuple(SIZES)
PADDING = (2, 2)
NUMBER_BYTES = {"ieee": 4, "tf32": 4, "bf16": 2}
PARAMETER_BYTES = 4
"""Parameters and their gradients stay in float32 under autocast."""


@dataclass(frozen=True)
class Work:
    """The work of one layer in one direction for a batch."""

    layer: str
    flop: int
    bytes: int
    padding_flop: int = 0
    """Those of them on the zeros of padding, which a kernel may skip."""

    @property
    def useful_flop(self) -> int:
        """The operations that no kernel can skip."""
        return self.flop - self.padding_flop


@dataclass(frozen=True)
class Ceiling:
    """The rates that a device reached."""

    device: str
    threads: int
    precision: str
    matmul: float
    """FLOP/s of a large matrix product."""
    convolution: float
    """FLOP/s of a large convolution."""
    bandwidth: float
    """Bytes/s, read plus written, of a large copy."""
    copies: tuple[tuple[int, float], ...] = ()
    """The bytes that copies of increasing size read and write, and their bytes/s; small ones stay in caches."""

    @property
    def rate(self) -> float:
        """The higher of the two rates, in FLOP/s."""
        return max(self.matmul, self.convolution)

    def bandwidth_for(self, bytes: float) -> float:
        """Return the highest bandwidth of a copy that touches this many bytes or more, or of the next smaller one.

        >>> Ceiling("cpu", 1, "ieee", 1.0, 1.0, bandwidth=1.0, copies=((8, 5.0), (64, 3.0))).bandwidth_for(9)
        5.0
        """
        smaller = max((size for size, _ in self.copies if size <= bytes), default=0)
        return max([rate for size, rate in self.copies if size >= smaller], default=self.bandwidth)

    def better(self, other: "Ceiling") -> "Ceiling":
        """Return the higher of each of the rates of two measurements."""
        matmul, convolution = max(self.matmul, other.matmul), max(self.convolution, other.convolution)
        copies = tuple((size, max(a, b)) for (size, a), (_, b) in zip(self.copies, other.copies, strict=True))
        bandwidth = max(self.bandwidth, other.bandwidth)
        return replace(self, matmul=matmul, convolution=convolution, bandwidth=bandwidth, copies=copies)


@dataclass(frozen=True)
class Floor:
    """The least time for some work, in seconds, and what accounts for most of it."""

    seconds: float
    binds: str


def floor(work: Iterable[Work], ceiling: Ceiling) -> Floor:
    """Return the least time for the work.

    >>> ceiling = Ceiling("cpu", 1, "ieee", matmul=50.0, convolution=100.0, bandwidth=10.0)
    >>> floor([Work("conv1", flop=300, bytes=10), Work("p1", flop=0, bytes=20)], ceiling)
    Floor(seconds=5.0, binds='compute')
    """
    times = [(work.useful_flop / ceiling.rate, work.bytes / ceiling.bandwidth_for(work.bytes)) for work in work]
    compute = sum(by_rate for by_rate, by_bandwidth in times if by_rate > by_bandwidth)
    memory = sum(by_bandwidth for by_rate, by_bandwidth in times if by_rate <= by_bandwidth)
    return Floor(compute + memory, "compute" if compute > memory else "memory")


def works(phase: str, batch: int, precision: str = "ieee") -> list[Work]:
    """Return the work of a phase, layer by layer; a training step is forward, backward and the update.

    >>> sum(work.flop for work in works("forward", 1)), sum(work.flop for work in works("backward", 1))
    (24596480, 44277760)
    """
    forward = [_forward(layer, batch, precision) for layer in LAYERS]
    backward = [_backward(layer, batch, precision, of_input=layer != "conv1") for layer in reversed(LAYERS)]
    update = Work("update", 0, 3 * sum(map(_parameter_bytes, LAYERS)))  # reads each and its gradient, and writes it
    return {"forward": forward, "backward": backward}.get(phase, [*forward, *backward, update])


def layer_work(layer: str, phase: str, batch: int) -> list[Work]:
    """Return the work of a single layer in float32 with all its gradients, including that of the images."""
    forward, backward = _forward(layer, batch, "ieee"), _backward(layer, batch, "ieee", of_input=True)
    return {"forward": [forward], "backward": [backward]}.get(phase, [forward, backward])


def _forward(layer: str, batch: int, precision: str) -> Work:
    flop, padding = _flop(layer, batch)
    numbers = batch * sum(map(prod, SIZES[layer]))
    return Work(layer, flop, numbers * NUMBER_BYTES[precision] + _parameter_bytes(layer), padding)


def _backward(layer: str, batch: int, precision: str, of_input: bool) -> Work:
    """Count reading the input and the output's gradient, and writing the gradients of input and parameters."""
    ins, outs = (batch * prod(size) for size in SIZES[layer])
    if layer.startswith("p"):
        return Work(layer, 0, (ins + outs) * NUMBER_BYTES[precision] + outs)
    flop, padding = ((1 + of_input) * count for count in _flop(layer, batch))
    numbers = (outs + ins + ins * of_input) * NUMBER_BYTES[precision]
    weight = prod(PARAMETERS[f"{layer}.weight"]) * PARAMETER_BYTES * of_input
    return Work(layer, flop, numbers + weight + _parameter_bytes(layer), padding)


def _flop(layer: str, batch: int) -> tuple[int, int]:
    ins, outs = ((batch, *size) for size in SIZES[layer])
    return (0, 0) if layer.startswith("p") else flop_of(ins, PARAMETERS[f"{layer}.weight"], outs, padding=PADDING)


def _parameter_bytes(layer: str) -> int:
    return sum(prod(size) for name, size in PARAMETERS.items() if name.startswith(layer)) * PARAMETER_BYTES


def flop_of(input: Size, weight: Size, output: Size, stride: Size = (1, 1), padding: Size = (0, 0)) -> tuple[int, int]:
    """Return the operations of a linear layer, or of a 2-D convolution without groups or dilation, from all its sizes.

    Beside them, how many of them have a zero of the padding as a factor.
    """
    axes = zip(input[2:], output[2:], weight[2:], stride, padding, strict=False)  # a linear layer has none
    sums = 2 * output[0] * prod(weight[:2])
    flop = sums * prod(weight[2:]) * prod(output[2:])
    return flop, flop - sums * prod(taps_inside(*axis) for axis in axes)


def taps_inside(cells: int, places: int, kernel: int, stride: int, padding: int) -> int:
    """Return how many taps of a kernel, over all its positions along one axis, meet a cell and not the padding.

    >>> taps_inside(cells=4, places=4, kernel=3, stride=1, padding=1)  # 2 + 3 + 3 + 2
    10
    """
    met = (place * stride + tap - padding for place in range(places) for tap in range(kernel))
    return sum(0 <= cell < cells for cell in met)
