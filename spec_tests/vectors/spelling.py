"""The options of a call spelled out: one number for each axis, padding as pairs, axes counted from the front."""

from typing import Any

from spec_tests.vectors.arrays import Array
from spec_tests.vectors.question import BACKWARD, Generated, Question, Refused


def spelled(question: Question) -> dict[str, Any]:
    """Return the options with nothing left to a default; those of a refused call as they are, where they cannot be."""
    operation = question.function.removesuffix(BACKWARD)
    for beginning, spell in SPELLED.items():
        if operation.startswith(beginning):
            try:
                return spell(question, operation)
            except (TypeError, ValueError, IndexError, AttributeError):
                if not isinstance(question.expected, Refused):
                    raise
    return dict(question.options)


def _shape(value: Array | Generated | None) -> tuple[int, ...]:
    assert value is not None
    return value.shape


def _each(value: Any, rank: int) -> list[Any]:
    found = list(value) if isinstance(value, tuple | list) else [value] * rank
    if len(found) == 1:
        found *= rank
    if len(found) != rank:
        raise ValueError("not one for each axis")
    return found


def _pairs(value: Any, rank: int) -> list[list[int]]:
    return [[one, one] for one in _each(value, rank)]


def _convolution(question: Question, operation: str) -> dict[str, Any]:
    rank, options = int(operation[4]), question.options
    kernel = _shape(question.arrays["weight"])[2:]
    dilation, padding = _each(options["dilation"], rank), options["padding"]
    if padding == "valid":
        pairs = _pairs(0, rank)
    elif padding == "same":
        totals = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        pairs = [[total // 2, total - total // 2] for total in totals]
    elif isinstance(padding, str):
        raise ValueError("no padding of this name")
    else:
        pairs = _pairs(padding, rank)
    stride = _each(options["stride"], rank)
    return {"stride": stride, "padding": pairs, "dilation": dilation, "groups": options["groups"]}


def _pooling(question: Question, operation: str) -> dict[str, Any]:
    rank, options = int(operation[-2]), dict(question.options)
    kernel = _each(options["kernel_size"], rank)
    stride = kernel if options["stride"] is None else _each(options["stride"], rank)
    found = {"kernel_size": kernel, "stride": stride, "padding": _pairs(options["padding"], rank)}
    if "dilation" in options:
        found["dilation"] = _each(options["dilation"], rank)
    return {**found, **{name: value for name, value in options.items() if name not in found}}


def _adaptive(question: Question, _: str) -> dict[str, Any]:
    size = _shape(question.arrays["input"])[-2:]
    wanted = _each(question.options["output_size"], 2)
    return {"output_size": [n if w is None else w for n, w in zip(size, wanted, strict=True)]}


def _pad(question: Question, _: str) -> dict[str, Any]:
    pad, options = question.options["pad"], question.options
    pairs = [list(pair) for pair in zip(pad[::2], pad[1::2], strict=True)][::-1]
    before = [[0, 0]] * (len(_shape(question.arrays["input"])) - len(pairs))
    value = options["value"] if options["mode"] == "constant" else None
    return {
        "padding": before + pairs,
        "mode": options["mode"],
        "value": 0.0 if value is None and options["mode"] == "constant" else value,
    }


def _flatten(question: Question, _: str) -> dict[str, Any]:
    axes = len(_shape(question.arrays["input"]))
    return {name: value + axes if value < 0 else value for name, value in question.options.items()}


def _along(question: Question, _: str) -> dict[str, Any]:
    dim, axes = question.options["dim"], len(_shape(question.arrays["input"]))
    return {**question.options, "dim": dim + axes if dim < 0 else dim}


SPELLED = {
    "conv": _convolution,
    "max_pool": _pooling,
    "avg_pool": _pooling,
    "adaptive": _adaptive,
    "pad": _pad,
    "flatten": _flatten,
    "softmax": _along,
    "log_softmax": _along,
}
"""By how an operation's name begins."""
