"""A program that shows a failure by itself: one call, what must come out of it, and how far that may be off.

It needs NumPy, torch if the subject takes tensors, and the file of the subject's functions; nothing of this project.
It ends with exit code 0 if the answer is right, and otherwise with 1 and what is wrong.
"""

import ast
import inspect
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from spec_tests.contract.functions import signature
from spec_tests.run import answers
from spec_tests.run.finding import NoProgram, place_of
from spec_tests.run.judging import FAILED, Judgement, format_of, operation_of, problem_of, wrong_call
from spec_tests.run.literals import FEW, Writer, all_alike, nested
from spec_tests.run.program_parts import LYING, LYING_TENSORS, NUMBERS
from spec_tests.vocabulary.formats import HALVES
from spec_tests.vocabulary.ledger import Call
from spec_tests.vocabulary.operations import GRADIENTS, OPERATIONS, OPTIMIZERS, TRANSFORMS
from spec_tests.vocabulary.subject import REFUSALS, optional

IN_TORCH_ITSELF = ("flatten", "sigmoid", "tanh")
"""What torch has as `torch.<name>`; all else is in `torch.nn.functional`."""

OTHER_DTYPE = "AssertionError: got dtype "
"""How the seam begins to say that an answer in a half format is none."""

MOST = 3000
"""Numbers in a program, at most."""


def program_of(calls: Sequence[Call], subject: Any, option: Any) -> str | None:
    """Return a program that shows what is wrong with these calls, or None if there is none without the project."""
    judgement = wrong_call(calls, subject)
    try:
        return None if judgement is None else written(judgement, subject, option)
    except NoProgram:
        return None


def written(judgement: Judgement, subject: Any, option: Any) -> str:
    """Return the program that shows what is wrong with this call; raise NoProgram if there can be none."""
    try:
        return _Program(judgement, subject, option).text()
    except NoProgram:
        raise
    except Exception as error:  # whatever the subject says of its call: the report of a failure must not break
        raise NoProgram(f"the call cannot be written down ({type(error).__name__}: {error})") from error


class _Program:
    """The parts of a program, from the import of the functions to the verdict."""

    def __init__(self, judgement: Judgement, subject: Any, option: Any) -> None:
        self.judgement, self.call, self.subject, self.option = judgement, judgement.call, subject, option
        self.is_torch = option.subject == "torch"
        self.tensors = self.is_torch or getattr(subject, "tensors", False) is True
        self.dtype = format_of(self.call)
        self.writer = Writer(self.tensors, self.dtype, option.spec_device)
        self.arguments = {name: v for name, v in self.call.arguments.items() if isinstance(v, np.ndarray | np.generic)}
        self.imported = ""
        """How the function is found that is called."""
        self._check()

    def _check(self) -> None:
        """Raise NoProgram for what cannot be written down, or is too long for anyone to read."""
        if self.dtype == "bfloat16" and not self.tensors:
            raise NoProgram("NumPy has no bfloat16")
        everything = [*self.arguments.values(), *(part.expected for part in self.judgement.parts)]
        count = sum(np.size(array) for array in everything if array is not None)
        if count > MOST:
            raise NoProgram(f"its arrays of {count} numbers would fill pages")

    def text(self) -> str:
        """Return the whole program."""
        asked = self._asked()  # tells what has to be imported
        body = [self._functions(), self._helpers(), self._given(), asked, self._verdict()]
        return "\n".join([self._heading(), self._imports(body), *filter(None, body)])

    def _heading(self) -> str:
        needs = "NumPy and torch" if self.tensors else "NumPy"
        file = "" if self.is_torch else ", and the functions under test"
        said = textwrap.fill(f"{self.judgement.complaint}".replace("\\", "/").replace('"""', "'''"), 116)
        return f'"""{self.call.function} in {self.dtype}:\n\n{said}\n\nThis program needs {needs}{file}.\n"""\n'

    def _imports(self, body: Sequence[str]) -> str:
        text = "\n".join(body)
        plain = [name for name in ("importlib.util", "importlib", "os", "sys") if f"{name}." in text]
        plain = [name for name in plain if not (name == "importlib" and "importlib.util" in plain)]
        from_math = [name for name in ("inf", "nan") if _names(text, name)]
        lines = [f"import {name}" for name in plain]
        lines += [f"from math import {', '.join(from_math)}"] if from_math else []
        lines += ["from typing import Any"] if "Any" in text else []
        lines += ["", "import numpy as np", *["import torch"] * self.tensors]
        lines += ["from torch.nn import functional"] if self.is_torch else []
        return "\n".join([*lines, ""])

    def _functions(self) -> str:
        """Return how the subject's functions are found."""
        lines = [f"DEVICE = {self.writer.device!r}\n"] if self.writer.device != "cpu" else []
        return "\n".join([*lines, *[self.imported] * bool(self.imported)])

    def _helpers(self) -> str:
        scattered = any(map(self.writer.lies_scattered, self.arguments.values()))
        helpers = [(LYING_TENSORS if self.tensors else LYING)] if scattered else []
        helpers += [NUMBERS] if self.tensors and (self.judgement.parts or self.call.written) else []
        helpers += [inspect.getsource(answers.complaint)] if self.judgement.parts or self.call.written else []
        return "".join(f"\n{helper}\n" for helper in helpers)

    def _given(self) -> str:
        """Return the arguments that are arrays, each under its name."""
        lines = [f"{name} = {self.writer.code(value)}" for name, value in self.arguments.items()]
        if "read-only" in self.call.error and not self.tensors:
            lines += [f"{name}.flags.writeable = False" for name, v in self.arguments.items() if np.ndim(v)]
        copy = "clone" if self.tensors else "copy"
        lines += [f"{name}_before = {name}.{copy}()" for name in self.call.written if name in self.arguments]
        return "\n".join(lines) + "\n" if lines else ""

    def _asked(self) -> str:
        """Return the call; of a gradient that the subject leaves to autograd, all that leads to it."""
        made = self._by_autograd() if self._needs_autograd() else f"got = {self._called(self.call.function)}\n"
        if self.judgement.refusal:
            refused = ", ".join(error.__name__ for error in REFUSALS)
            wrong = f"{self.call.function} answered, expected a refusal: {self.judgement.refusal}"
            right = "print('right: it refuses:', refusal)"
            return (
                f"try:\n{indented(made)}except ({refused}) as refusal:\n    {right}\nelse:\n    sys.exit({wrong!r})\n"
            )
        if self.call.error.startswith(FAILED):  # to end with exit code 0 would look like success
            said = f"sys.exit(f'{self.call.function} raised {{type(error).__name__}}: {{error}}')"
            return f"try:\n{indented(made)}except BaseException as error:\n    {said}\n"
        return made

    def _needs_autograd(self) -> bool:
        if not self.tensors or self.call.function not in (f"{name}_backward" for name in GRADIENTS):
            return False
        return self.is_torch or not self._offers(self.call.function)

    def _offers(self, function: str) -> bool:
        """Tell whether the subject has a function of its own under this name."""
        try:
            self._adapted(function, dict(self.call.arguments))
        except Exception:  # whatever it raises, there is none
            return False
        return True

    def _by_autograd(self) -> str:
        operation = operation_of(self.call.function)
        leaves = OPERATIONS[operation].arguments_with_gradients(problem_of(self.call))
        required = [f"{name}.requires_grad_()" for name in leaves]
        output = "output = output[0] if isinstance(output, tuple) else output"
        places = [f"grads[{leaves.index(name)}]" if name in leaves else "None" for name in GRADIENTS[operation]]
        lines = [*required, f"output = {self._called(operation)}", output]
        lines += [f"grads = torch.autograd.grad(output, [{', '.join(leaves)}], grad_output.to(output.dtype))"]
        return "\n".join([*lines, f"got = ({', '.join(places)},)", ""])

    def _called(self, function: str) -> str:
        """Return the call of one of the subject's functions."""
        arguments = {
            n: v for n, v in self.call.arguments.items() if n != "grad_output" or function.endswith("backward")
        }
        name, given = self._adapted(function, arguments)
        by_place = sorted((item for item in given.items() if isinstance(item[0], int)), key=lambda item: item[0])
        by_name = [item for item in given.items() if not isinstance(item[0], int)]
        written = [self._argument(key, value, arguments) for key, value in (*by_place, *by_name)]
        if self.is_torch:
            from_here = "torch" if function in IN_TORCH_ITSELF else "functional"
            return f"{from_here}.{name}({', '.join(written)})"
        self.imported, called = place_of(self.option.subject, self.subject, function, name)
        return f"{called}({', '.join(written)})"

    def _adapted(self, function: str, arguments: dict[str, Any]) -> tuple[str, Mapping[Any, Any]]:
        """Return the subject's own name of a function, and the arguments by its own names."""
        if self.is_torch and (function in OPTIMIZERS or function in TRANSFORMS or function == "batch_norm_statistics"):
            raise NoProgram(f"torch has no function {function}")
        if not self.is_torch and optional(self.subject, "calling"):
            name, given = self.subject.calling(function, arguments)
            return name, given
        return function, _without_defaults(function, arguments)

    def _argument(self, key: Any, value: Any, arguments: Mapping[str, Any]) -> str:
        """Return one argument of the call, an array by its variable: of equal ones, by that of its own name."""
        names = [name for name in arguments if name in self.arguments]
        equal = [name for name in names if _is_the_same(value, self.arguments[name])]
        itself = [name for name in names if value is self.arguments[name]]
        named = next(iter([*itself, *[name for name in equal if name == key], *equal]), None)
        code = self.writer.code(value) if named is None else named
        return f"{key}={code}" if isinstance(key, str) and key.isidentifier() else code

    def _verdict(self) -> str:
        if self.judgement.refusal:
            return ""
        lines = [] if self.call.error else [self._unchanged()]
        if self.judgement.parts:
            lines += [self._expected(), self._compared()]
        lines += [] if self.call.error else [self._new_memory()]
        return "\n".join([*filter(None, lines), "print('right')\n"])

    def _unchanged(self) -> str:
        lines = []
        for name in self.call.written:
            values = f"{name}, {name}_before"
            values = f"numbers({name}), numbers({name}_before)" if self.tensors else values
            lines += [f"if wrong := complaint('{name} behind the call', {values}, 0, ''):"]
            lines += [f"    sys.exit(f'{self.call.function} wrote into {name}: {{wrong}}')", ""]
        return "\n".join(lines)

    def _new_memory(self) -> str:
        if not self.call.shared:
            return ""
        address = "{0}.untyped_storage().data_ptr() == {1}.untyped_storage().data_ptr()"
        overlap = address if self.tensors else "np.shares_memory({0}, {1})"
        lines = ["for result in got if isinstance(got, tuple) else (got,):"]
        for name in self.call.shared:
            wrong = f"the answer of {self.call.function} shares memory with {name}"
            lines += [f"    if result is not None and {overlap.format('result', name)}:\n        sys.exit({wrong!r})"]
        return "\n".join([*lines, ""])

    def _expected(self) -> str:
        """Return the exact numbers, how far each may be off, and what they have to be of."""
        comment = "# By name: what must come out, how far each number may be off, and the dtype ('' for any)."
        rows = [
            f"    {part.name!r}: ({_numbers(part.expected)}, {_bound(part.bound)}, {part.dtype!r}),\n"
            for part in self.judgement.parts
        ]
        return f"{comment}\nexpected = {{\n{''.join(rows)}}}\n"

    def _compared(self) -> str:
        read = "numbers(result)" if self.tensors else "result"
        results = "list(got) if isinstance(got, tuple | list) else [got]"
        if self.call.function in OPTIMIZERS:
            results = "[got[0], *(got[1].get(name) for name in list(expected)[1:])]"
            read = f"np.asarray({read}) if isinstance(result, int) else {read}"
        return f"""\
results = {results}
if len(results) != len(expected):
    sys.exit(f"{self.judgement.parts[0].name}: got {{len(results)}} results, expected {{len(expected)}}")
{self._dtype_compared()}for (name, (exact, bound, dtype)), result in zip(expected.items(), results):
    if wrong := complaint(name, {read}, exact, bound, dtype):
        sys.exit(wrong)
"""

    def _dtype_compared(self) -> str:
        """Return what sees to it that results of a half format have it, if that is what was wrong."""
        if not self.call.error.startswith(OTHER_DTYPE) or self.dtype not in HALVES:
            return ""
        wanted = f"torch.{self.dtype}" if self.tensors else f"np.{self.dtype}"
        is_float = "result.is_floating_point()" if self.tensors else "result.dtype.kind == 'f'"
        return f"""\
for result in results:
    if result is not None and {is_float} and result.dtype != {wanted}:
        sys.exit(f"{OTHER_DTYPE}{{result.dtype}}, expected {wanted.removeprefix("np.")}")
"""


def indented(code: str) -> str:
    """Return code one level further in."""
    return textwrap.indent(code, " " * 4)


def _numbers(array: Any) -> str:
    if array is None:
        return "None"
    dtype = "" if array.dtype in (np.float64, np.int64) else f", {str(array.dtype)!r}"
    if array.size > FEW and all_alike(array):
        return f"np.full({array.shape}, {array.flat[0].item()!r}{dtype})"
    return f"np.array({nested(array, 4)}{dtype})" if array.size else f"np.zeros({array.shape})"


def _bound(bound: Any) -> str:
    """Return the bound as one number if it is the same everywhere."""
    everywhere = np.unique(bound)
    if everywhere.size < 2:
        return repr(float(everywhere[0]) if everywhere.size else 0.0)
    return f"np.array({nested(np.asarray(bound), 4)})"


def _names(code: str, name: str) -> bool:
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(ast.parse(code)))


def _without_defaults(function: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that are not what the specification gives by default."""
    parameters = signature(function).parameters
    return {name: value for name, value in arguments.items() if not _is_default(value, parameters[name].default)}


def _is_default(value: Any, default: Any) -> bool:
    return value is default or (type(value) is type(default) and not isinstance(value, np.ndarray) and value == default)


def _is_the_same(value: Any, array: Any) -> bool:
    """Tell whether a value is this argument, as it is or as a tensor or array made of it."""
    if not hasattr(value, "shape") or tuple(value.shape) != np.shape(array):
        return False
    plain = value.detach().cpu().float().numpy() if hasattr(value, "detach") else np.asarray(value)
    return bool(np.array_equal(plain, array, equal_nan=plain.dtype.kind == "f"))
