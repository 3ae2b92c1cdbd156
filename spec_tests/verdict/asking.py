"""The question of a verdict: which operation, on which arguments, in which format, and what the results are called.

Layers are called as in `torch.nn.functional`, optimizers and transforms as in `reference`. The results of a call have
names, its parts:

    output, indices                              of a layer or a transform
    grad_input, grad_weight, ...                 of a layer's gradient, for which `grad_output` is an argument
    next_param, next_exp_avg, ...                of an optimizer, whose state is given as state_exp_avg, state_step, ...
    next_running_mean, next_running_var          of batch_norm_statistics
"""

import inspect
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any

import numpy as np

import reference
from spec_tests.run.judging import expectations, results_of
from spec_tests.vocabulary.formats import FORMATS, HALVES, rounded
from spec_tests.vocabulary.ledger import Call
from spec_tests.vocabulary.operations import GRADIENTS, OPERATIONS, OPTIMIZERS, TRANSFORMS

BACKWARD = "_backward"
STATISTICS = "batch_norm_statistics"
NEXT, STATE = "next_", "state_"
FUNCTIONS = (*OPERATIONS, *OPTIMIZERS, *TRANSFORMS, STATISTICS)

MEANINGLESS = 1e30
"""How many times the exact value a bound may be before it counts as none: see `bounds.NO_BOUND`."""

ARRAYS = ("input", "target", "weight", "bias", "running_mean", "running_var", "grad_output", "param", "grad")
IMAGES = ("img", "tensor", "pic")

ELSEWHERE = {
    **dict.fromkeys(("matmul", "mm", "addmm", "gemm", "dense", "fc", "dot"), "linear, which computes input · weightᵀ"),
    **dict.fromkeys(("conv", "convolution"), "conv2d"),
    **dict.fromkeys(("batchnorm", "BatchNormalization"), "batch_norm"),
    **dict.fromkeys(("interpolate", "upsample"), "resize with antialias=False, of a picture (c, h, w)"),
}
"""What an operation is called elsewhere."""


class BadCase(ValueError):
    """What was asked makes no sense; the message is one line."""


class Unknown(Exception):
    """Nothing can be said, for this reason."""


@dataclass(frozen=True)
class Question:
    """A call whose results are to be judged: its arguments as the format holds them."""

    operation: str
    arguments: Mapping[str, Any]
    """By name, `grad_output` among them if gradients are asked about."""
    dtype: str
    notes: tuple[str, ...] = ()
    """What was changed before anything was computed."""

    @property
    def has_gradients(self) -> bool:
        """Whether gradients can be asked about."""
        return self.operation in OPERATIONS

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The names of all results."""
        if self.operation in OPTIMIZERS:
            return tuple(f"{NEXT}{name}" for name in ("param", *OPTIMIZERS[self.operation].state, "step"))
        if self.operation == STATISTICS:
            return f"{NEXT}running_mean", f"{NEXT}running_var"
        if self.operation in TRANSFORMS:
            return ("output",)
        indices = ("indices",) if self.operation.startswith("max_pool") else ()
        return "output", *indices, *(f"grad_{name}" for name in GRADIENTS[self.operation])

    def function_of(self, part: str) -> str:
        """Return the function that a part is a result of."""
        return f"{self.operation}{BACKWARD}" if part.startswith("grad_") else self.operation

    def call(self, part: str) -> Call:
        """Return the call that has this part among its results."""
        function, arguments = self.function_of(part), dict(self.arguments)
        if function == self.operation:
            arguments.pop("grad_output", None)
            if part == "indices":
                arguments["return_indices"] = True
        elif "grad_output" not in arguments:
            raise BadCase(f"{part} is a gradient, and needs grad_output: it is not among the arguments")
        return Call(function, arguments, self.dtype)

    def answers(self, part: str, layers: Any, arguments: Mapping[str, Any] | None = None) -> Any:
        """Return what a namespace of functions answers for a part, given these arguments or those of the question."""
        call = self.call(part)
        function = getattr(layers, call.function)
        return self.part_of(part, function(**(call.arguments if arguments is None else arguments)))

    def part_of(self, part: str, result: Any) -> Any:
        """Return one part of what a function has answered."""
        names = [self._short(name) for name in self._siblings(part)]
        found = results_of(self.function_of(part), result, names)
        at = names.index(self._short(part))
        return found[at] if at < len(found) else None

    def expected(self, part: str, dtype: str | None = None, subject: Any = None) -> tuple[Any, Any]:
        """Return the exact value of a part, rounded to float64, and its bound in a format."""
        call = self.call(part)
        call = Call(call.function, call.arguments, dtype or self.dtype)
        with np.errstate(all="ignore"):
            own = refused(getattr(reference, call.function), call.arguments)
            try:
                found = expectations(call, own, subject)
            except Exception as error:
                raise Unknown(f"no bound is known for this call of {call.function} ({error})") from None
        name = self._short(part)
        if name not in found:
            raise BadCase(f"there is no {part} in this call of {call.function}: there are {', '.join(found)}")
        exact, bound = found[name]
        if exact is None:
            return None, bound
        with np.errstate(invalid="ignore"):  # NaN, or infinite as it is
            says_nothing = ~(np.asarray(bound) <= MEANINGLESS * np.maximum(abs(np.asarray(exact, np.float64)), 1))
        return exact, np.where(says_nothing & np.isfinite(exact), np.inf, bound)

    def changed(self, **arguments: Any) -> "Question":
        """Return the question with some arguments exchanged, or left out where None is given for what has a default."""
        return Question(self.operation, {**self.arguments, **arguments}, self.dtype)

    def _siblings(self, part: str) -> tuple[str, ...]:
        """Return the parts that come with this one, in the order of the function's results."""
        if part.startswith("grad_"):
            return tuple(name for name in self.parts if name.startswith("grad_"))
        return tuple(name for name in self.parts if not name.startswith("grad_"))

    def _short(self, part: str) -> str:
        return part.removeprefix(NEXT)


def refused(function: Any, arguments: Mapping[str, Any]) -> Any:
    """Return what a reference answers; what it refuses makes no sense as a case."""
    try:
        return function(**arguments)
    except (ValueError, TypeError) as error:
        raise BadCase(f"{function.__name__} refuses these arguments: {str(error).splitlines()[0]}") from None


def question(operation: str, arguments: Mapping[str, Any], dtype: str | None = None, output: Any = None) -> Question:
    """Return a question about these arguments, checked, in the format that is claimed: unless given, the output's."""
    operation = known_operation(operation)
    given = dict(_read(operation, arguments))
    dtype = known_format(dtype) if dtype is not None else _format_of(output, given)
    notes, held = [], {}
    for name, value in given.items():
        held[name] = value
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            held[name] = rounded(value, dtype)
            wide, after = value.astype(np.float64), held[name].astype(np.float64)
            if not np.array_equal(wide, after, equal_nan=True):
                notes.append(f"{name} has more digits than {dtype}, and was rounded to it first")
    if operation in OPTIMIZERS:
        state = {name.removeprefix(STATE): held.pop(name) for name in list(held) if name.startswith(STATE)}
        held["state"] = {**state, **({"step": int(state["step"])} if "step" in state else {})}
    return Question(operation, held, dtype, tuple(notes))


def known_operation(name: str) -> str:
    """Return the operation of this name, or the one whose gradient it names."""
    plain = name.removesuffix(BACKWARD)
    if plain in FUNCTIONS:
        return plain
    if name in ELSEWHERE:
        raise BadCase(f"there is no operation {name!r}; here it is called {ELSEWHERE[name]}")
    raise BadCase(f"there is no operation {name!r}{near(name, FUNCTIONS)}; there are {', '.join(FUNCTIONS)}")


def known_format(name: str) -> str:
    """Return the name of a number format, as it is called here."""
    plain = str(name).removeprefix("torch.")
    short = {"half": "float16", "float": "float32", "double": "float64", "bf16": "bfloat16"}
    short |= {f"fp{digits}": f"float{digits}" for digits in (16, 32, 64)}
    plain = short.get(plain, plain)
    if plain not in FORMATS:
        raise BadCase(f"there is no format {str(name)!r}; there are {', '.join(FORMATS)}")
    return plain


def argument_names(operation: str) -> tuple[str, ...]:
    """Return what a call of this operation may be given, the state of an optimizer entry by entry."""
    names = [name for name in inspect.signature(getattr(reference, operation)).parameters if name != "return_indices"]
    if operation in OPTIMIZERS:
        names.remove("state")
        names += [f"{STATE}{name}" for name in (*OPTIMIZERS[operation].state, "step")]
    return (*names, "grad_output") if operation in OPERATIONS else tuple(names)


def of_state(operation: str, name: str) -> str:
    """Return the argument that is meant: `state_exp_avg` where an optimizer's state is called `exp_avg`."""
    in_state = operation in OPTIMIZERS and name in (*OPTIMIZERS[operation].state, "step")
    return f"{STATE}{name}" if in_state else name


def is_array(name: str) -> bool:
    """Tell whether an argument is an array, and not an option."""
    return name in (*ARRAYS, *IMAGES) or (name.startswith(STATE) and name != f"{STATE}step")


def near(name: str, known: Collection[str]) -> str:
    """Return what was probably meant, or all there is if it is little."""
    nearest = get_close_matches(name, list(known), 1, 0.5)
    few = f"; there are {', '.join(known)}" if len(known) <= 12 else ""
    return f": did you mean {nearest[0]!r}?" if nearest else few


def _read(operation: str, arguments: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    known = argument_names(operation)
    state = arguments.get("state") if operation in OPTIMIZERS else None
    if isinstance(state, Mapping):
        others = {name: value for name, value in arguments.items() if name != "state"}
        arguments = others | {f"{STATE}{name}": value for name, value in state.items()}
    for called, value in arguments.items():
        name = of_state(operation, called)
        if name not in known:
            raise BadCase(f"{operation} has no argument {name!r}{near(name, known)}")
        if value is not None:
            yield name, as_array(name, value) if is_array(name) else _as_option(name, value)
    parameters = inspect.signature(getattr(reference, operation)).parameters
    for name, parameter in parameters.items():
        if parameter.default is parameter.empty and arguments.get(name) is None and name != "state":
            if name in ("running_mean", "running_var") and operation == "batch_norm":
                yield name, None
                continue
            raise BadCase(f"{operation} needs {name}: it is not among the arguments")


def as_array(name: str, value: Any) -> np.ndarray[Any, Any]:
    """Return an array of numbers, whatever it came as; bfloat16 as float32."""
    try:
        if hasattr(value, "detach"):  # a tensor of torch: NumPy has no bfloat16
            value = value.detach().cpu()
            value = value.float() if "bfloat16" in str(value.dtype) else value
        array = np.asarray(value)
        if array.dtype.name == "bfloat16":  # of ml_dtypes
            array = array.astype(np.float32)
    except (TypeError, ValueError, RuntimeError) as error:
        raise BadCase(f"{name} is no array of numbers: {str(error).splitlines()[0]}") from None
    if array.dtype.kind not in "biuf":
        raise BadCase(f"{name} is of dtype {array.dtype}; numbers were expected")
    return array


def _as_option(name: str, value: Any) -> Any:
    """Return an option as Python has it: a number, a word, or a tuple of numbers."""
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return tuple(_as_option(name, entry) for entry in value)
    if isinstance(value, bytes):
        value = value.decode()
    if not isinstance(value, bool | int | float | str | None):
        raise BadCase(f"{name} is of type {type(value).__name__}; a number, a word or a tuple of numbers was expected")
    return value


def _format_of(output: Any, arguments: Mapping[str, Any]) -> str:
    """Return the format that a result claims: its own, or that of the arguments if it is of whole numbers."""
    for value in (output, *arguments.values()):
        kind = getattr(value, "dtype", None)
        name = str(kind).removeprefix("torch.")
        if kind is not None and name in FORMATS:
            return name
    return "float32"


def held_in(dtype: str) -> np.dtype[Any]:
    """Return the dtype in which NumPy holds a format."""
    return np.dtype(np.float16) if dtype == "float16" else np.dtype(FORMATS[dtype].arrays)


__all__ = ["FORMATS", "HALVES", "BadCase", "Question", "Unknown", "question"]
