"""The program that is printed with a failure: it needs nothing of this project, and fails as the run did.

Each implementation below is a file of its own, as a user of this specification would write it; what is wrong with it is
one exchanged piece of code. The program is run in an empty folder in which this project cannot be imported.
"""

import importlib.util
import io
import math
import re
import shutil
import subprocess
import sys
import warnings
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reference
from spec_tests import alone, subjects
from spec_tests.checking import LONGEST, SpecificationBroken, check
from spec_tests.run import drawing, programs, showing
from spec_tests.run.finding import NoProgram
from spec_tests.run.judging import problem_of, wrong_call
from spec_tests.tooling.nested_run import OFF
from spec_tests.vocabulary import ledger
from spec_tests.vocabulary.compare import assert_equal
from spec_tests.vocabulary.exact import assert_gradients_round_within_their_bounds, assert_rounds_within_its_bound
from spec_tests.vocabulary.ledger import Call
from spec_tests.vocabulary.operations import OPERATIONS
from spec_tests.vocabulary.problems import Problem
from spec_tests.vocabulary.subject import REFUSALS

torch = pytest.importorskip("torch", reason='programs for tensors need torch: pip install "torch-by-hand[train]"')

pytestmark = [pytest.mark.tooling, pytest.mark.slow]

ALONE = """
import runpy, sys
sys.modules["reference"] = sys.modules["spec_tests"] = None
runpy.run_path("program.py", run_name="__main__")
"""
"""Run the program where an import of this project raises ImportError."""

# The implementations, right as they stand here

CONV2D = """
import numpy as np

def conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    (sh, sw), (ph, pw), (dh, dw) = (np.broadcast_to(n, 2) for n in (stride, padding, dilation))
    x = np.pad(input, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
    o, c, k, l = weight.shape
    h, w = (x.shape[2] - dh * (k - 1) - 1) // sh + 1, (x.shape[3] - dw * (l - 1) - 1) // sw + 1
    y = np.zeros((len(x), o, h, w), x.dtype)
    for p in range(k):
        for q in range(l):
            a, b = p * dh, q * dw
            patch = x[:, :, a : a + sh * (h - 1) + 1 : sh, b : b + sw * (w - 1) + 1 : sw]
            y += np.einsum("ncij,oc->noij", patch, weight[:, :, p, q])
    return y if bias is None else y + bias[:, None, None]
"""

MAX_POOL2D = """
import numpy as np

def windows(x, k, s):
    for i in range((x.shape[2] - k) // s + 1):
        for j in range((x.shape[3] - k) // s + 1):
            yield i, j, x[:, :, i * s : i * s + k, j * s : j * s + k]

def max_pool2d(input, kernel_size, stride=None, padding=0, return_indices=False):
    k, s, p = kernel_size, stride or kernel_size, padding
    x = np.pad(input, ((0, 0), (0, 0), (p, p), (p, p)), constant_values=-np.inf)
    n, c, h, w = x.shape
    y = np.zeros((n, c, (h - k) // s + 1, (w - k) // s + 1), x.dtype)
    at = np.zeros(y.shape, np.int64)
    for i, j, window in windows(x, k, s):
        first = window.reshape(n, c, -1).argmax(-1)
        y[:, :, i, j] = window.max((2, 3))
        at[:, :, i, j] = (i * s + first // k - p) * input.shape[3] + j * s + first % k - p
    return (y, at) if return_indices else y

def max_pool2d_backward(grad_output, input, kernel_size, stride=None):
    grad = np.zeros_like(input)
    k, s = kernel_size, stride or kernel_size
    for i, j, window in windows(input, k, s):
        for n, c in np.ndindex(input.shape[:2]):
            cell = window[n, c].argmax()
            grad[n, c, i * s + cell // k, j * s + cell % k] += grad_output[n, c, i, j]
    return grad
"""

CROSS_ENTROPY = """
import numpy as np

NAMES = {"input": "scores", "target": "classes"}

def cross_entropy(scores, classes):
    shifted = scores - scores.max(1, keepdims=True)
    log_sums = np.log(np.exp(shifted).sum(1))
    return (log_sums - shifted[np.arange(len(classes)), classes]).mean(dtype=scores.dtype)
"""

LINEAR = """
import numpy as np

def linear(input, weight, bias=None):
    if bias is not None and bias.shape != weight.shape[:1]:
        raise ValueError("bias")
    output = input @ weight.T
    return output if bias is None else output + bias
"""

LINEAR_OF_TENSORS = """
import torch

TENSORS = True

def linear(input, weight, bias=None):
    return torch.nn.functional.linear(input, weight, bias)
"""

RELU = """
import numpy as np

def relu(input):
    return np.where(input <= 0, input.dtype.type(0), input.ravel().reshape(input.shape))
"""

RELU_OF_TENSORS = """
import torch

TENSORS = True

def relu(input):
    return torch.relu(input)
"""

BATCH_NORM = """
import numpy as np

def batch_norm(input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5):
    mean, var = input.mean(0), input.var(0)
    return ((input - mean) / np.sqrt(var + eps)).astype(input.dtype)

def batch_norm_statistics(input, running_mean, running_var, momentum=0.1):
    mean, var = input.mean(0), input.var(0, ddof=1)
    return tuple((1 - momentum) * old + momentum * new for old, new in ((running_mean, mean), (running_var, var)))
"""

SGD = """
def sgd(param, grad, state, lr=1e-3, momentum=0, weight_decay=0):
    grad = grad + weight_decay * param
    buffer = momentum * state["momentum_buffer"] + grad if state else grad
    return param - lr * buffer, {"momentum_buffer": buffer}
"""

# What is asked

RNG = np.random.default_rng(7)


def draw(*shape):
    """Return numbers with all their digits, as a format of 24 bits holds them."""
    return RNG.standard_normal(shape).astype(np.float32).astype(np.float64)


IMAGE = draw(1, 1, 4, 4)
CONVOLUTION = Problem(
    "conv2d",
    {"input": IMAGE, "weight": draw(1, 1, 2, 2), "bias": draw(1)},
    {"stride": 1, "padding": 0, "dilation": (2, 1), "groups": 1},
    draw(1, 1, 2, 3),
)
POOLING = Problem("max_pool2d", {"input": -abs(IMAGE)}, {"kernel_size": 2, "padding": 1}, draw(1, 1, 3, 3))
TIES = Problem("max_pool2d", {"input": np.ones((1, 1, 2, 4))}, {"kernel_size": 2}, np.array([[[[1.5, -2.0]]]]))
LARGE_SCORES = Problem(
    "cross_entropy",
    {"input": np.array([[1000.0, 999.0], [0.5, -1.0]]), "target": np.array([1, 0])},
    {},
    np.array(1.0),
)
AFFINE = Problem("linear", {"input": draw(2, 3), "weight": draw(2, 3), "bias": draw(2)}, {}, draw(2, 2))
WITHOUT_BIAS = Problem("linear", {"input": draw(3), "weight": draw(2, 3), "bias": None}, {}, draw(2))
KINK = Problem("relu", {"input": np.array([-1.0, 0.0, np.nan, 2.5])}, {}, np.array([1.0, 2.0, 0.25, 4.0]))
NORMALIZED = Problem(
    "batch_norm",
    {"input": draw(4, 2), "running_mean": None, "running_var": None},
    {"training": True, "eps": 1e-5},
    draw(4, 2),
)


def filled(problem):
    """Return the problem with the options that it leaves at their defaults."""
    return replace(
        problem_of(Call(problem.operation, {**problem.arrays, **problem.options}, "")), grad_output=problem.grad_output
    )


def within(problem, dtype="float32"):
    """Ask for an output within its bound."""
    return lambda subject: assert_rounds_within_its_bound(filled(problem), subject, dtype)


def gradient_within(problem, dtype="float32"):
    """Ask for gradients within their bounds."""
    return lambda subject: assert_gradients_round_within_their_bounds(filled(problem), subject, dtype)


def equal(problem, result=None, **changed):
    """Ask for what the references answer, or for this one of their results."""
    narrow = problem.at("float32")

    def ask(subject):
        found, expected = (narrow.forward(layers, **changed) for layers in (subject, reference))
        assert_equal(found if result is None else found[result], expected if result is None else expected[result])

    return ask


def scattered(subject):
    """Ask for the output of an input that lies column after column."""
    equal(KINK.changed(input=np.array([[-1.0, 2.0], [3.0, -4.0]])))(subject)
    turned = np.asfortranarray(np.array([[-1.0, 2.0], [3.0, -4.0]], np.float32))
    assert_equal(subject.relu(turned), reference.relu(turned))


def refused(subject):
    """Ask for a refusal."""
    short = AFFINE.changed(bias=np.ones(1)).at("float32")
    with pytest.raises(REFUSALS):
        short.forward(subject)


def unchanged(subject):
    """Ask that an argument is left alone."""
    KINK.at("float32").forward(subject)
    assert not ledger.entries()[-1].calls[-1].written, "relu wrote into input"


def statistics(subject):
    """Ask for the next variance, of short numbers."""
    arrays = [np.array(values, np.float32) for values in ([[1.0], [2.0], [3.0]], [0.0], [1.0])]
    found, expected = (layers.batch_norm_statistics(*arrays, momentum=0.5) for layers in (subject, reference))
    assert_equal(found[1], expected[1])


def one_step(subject):
    """Ask for a step of gradient descent."""
    arrays = np.array([1.0, -2.0], np.float32), np.array([0.5, 0.25], np.float32)
    state = {"momentum_buffer": np.array([4.0, 0.0], np.float32)}
    options = {"lr": 0.5, "momentum": 0.5, "weight_decay": 0.25}
    found, expected = (layers.sgd(*arrays, state, **options) for layers in (subject, reference))
    assert_equal(found[0], expected[0])


@dataclass(frozen=True)
class Slip:
    """What is exchanged in an implementation, and a question that brings it to light."""

    code: str
    right: str
    wrong: str
    ask: object
    dtype: str = "float32"


SLIPS = {
    "flips the kernel": Slip(CONV2D, "weight[:, :, p, q]", "weight[:, :, -1 - p, -1 - q]", within(CONVOLUTION)),
    "ignores dilation": Slip(CONV2D, "p * dh, q * dw", "p, q", within(CONVOLUTION)),
    "a gradient to the last of ties": Slip(
        MAX_POOL2D, "window[n, c].argmax()", "k * k - 1 - window[n, c][::-1, ::-1].argmax()", gradient_within(TIES)
    ),
    "pads with zeros": Slip(MAX_POOL2D, "constant_values=-np.inf", "constant_values=0", equal(POOLING)),
    "indices within the window": Slip(
        MAX_POOL2D,
        "(i * s + first // k - p) * input.shape[3] + j * s + first % k - p",
        "first",
        equal(TIES, 1, return_indices=True),
    ),
    "cross entropy without a shift": Slip(CROSS_ENTROPY, " - scores.max(1, keepdims=True)", "", within(LARGE_SCORES)),
    "rounds to half": Slip(
        LINEAR_OF_TENSORS,
        "linear(input, weight, bias)",
        "linear(input.half(), weight.half(), bias.half()).float()",
        within(AFFINE),
    ),
    "no bias in float16": Slip(
        LINEAR_OF_TENSORS, "linear(input, weight, bias)", "linear(input, weight)", within(AFFINE, "float16"), "float16"
    ),
    "a gradient at 0 in bfloat16": Slip(
        RELU_OF_TENSORS,
        "torch.relu(input)",
        "input * (input >= 0)",
        gradient_within(KINK.changed(input=np.array([-1.0, 0.0, 2.5, 0.0])), "bfloat16"),
        "bfloat16",
    ),
    "raises without a bias": Slip(LINEAR, "output if bias is None else ", "", within(WITHOUT_BIAS)),
    "does not refuse": Slip(LINEAR, "raise ValueError", "print", refused),
    "float16 of NumPy": Slip(LINEAR, "input @ weight.T", "input @ weight.T * 2", within(AFFINE, "float16"), "float16"),
    "writes into its argument": Slip(RELU, "    return", "    input[input < -0.5] = -7\n    return", unchanged),
    "writes into a tensor": Slip(RELU_OF_TENSORS, "torch.relu", "torch.relu_", unchanged),
    "reads an array in the order of memory": Slip(RELU, "ravel()", 'ravel("K")', scattered),
    "divides by one less": Slip(BATCH_NORM, "input.var(0)", "input.var(0, ddof=1)", within(NORMALIZED)),
    "keeps a biased variance": Slip(BATCH_NORM, "input.var(0, ddof=1)", "input.var(0)", statistics),
    "decays upwards": Slip(SGD, "grad + weight_decay", "grad - weight_decay", one_step),
    "a result of another dtype": Slip(
        LINEAR, "return output if", "output = output.astype(float)\n    return output if", within(AFFINE)
    ),
}


def asked(slip, code, folder):
    """Ask an implementation; return it, its calls, and what failed."""
    file = folder / "my_layers.py"
    file.write_text(code, encoding="utf-8")
    shutil.rmtree(folder / "__pycache__", ignore_errors=True)  # of a file that was as large, in the same second
    subject, entry, said = subjects.load(str(file)).at(slip.dtype), ledger.Entry("a test", "2.1"), ""
    with ledger.set_aside():
        ledger.start(entry)
        try:
            slip.ask(subject)
        except (Exception, pytest.fail.Exception) as failure:
            said = f"{type(failure).__name__}: {failure}"
    return subject, entry.calls, said


def option(subject, verbose=0):
    """Return the options of a run of a file."""
    return SimpleNamespace(subject=str(subject.source), spec_device="cpu", verbose=verbose)


def options_of(name):
    """Return the options of a run of what has this name."""
    return SimpleNamespace(subject=name, spec_device="cpu", verbose=0)


def run(program, folder):
    """Run a program in an empty folder, without this project; return its exit code and its last line."""
    folder.mkdir()
    (folder / "program.py").write_text(program, encoding="utf-8")
    child = subprocess.run([sys.executable, "-I", "-c", ALONE], cwd=folder, capture_output=True, text=True)
    written = (child.stderr or child.stdout).strip()
    return child.returncode, written.splitlines()[-1]


def run_here(program):
    """Run a program in this process, without this project; it raises SystemExit if it finds something wrong."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", list(sys.path))
        patch.setitem(sys.modules, "reference", None)
        patch.setitem(sys.modules, "spec_tests", None)
        patch.setitem(sys.modules, "my_layers", None)
        exec(compile(program, "program.py", "exec"), {"__name__": "__main__"})


def ended_here(program):
    """Run a program in this process, for torch takes seconds to start; return what `run` returns."""
    with pytest.raises(SystemExit) as ended:
        run_here(program)
    return (1, ended.value.code) if isinstance(ended.value.code, str) else (ended.value.code, "")


def program_in(output):
    """Return the program that stands between the two marks in what was printed."""
    return output.partition(f"{drawing.BEGIN}\n")[2].partition(drawing.END)[0]


def facts(message):
    """Return what a message says: the place of the first wrong element, what was got and what was expected."""
    found = re.search(r"(?:first at (\[.*?\]): |only element .*?: |: |^)got (.*?), (?:exact|expected) ([^,]*)", message)
    return found.groups() if found else message


@pytest.mark.parametrize("name", SLIPS)
def test_a_program_fails_as_the_run_did_and_holds_for_a_right_implementation(name, tmp_path):
    slip = SLIPS[name]
    assert slip.code.count(slip.right) == 1
    subject, calls, failure = asked(slip, slip.code.replace(slip.right, slip.wrong), tmp_path)

    program = programs.program_of(calls, subject, option(subject))
    code, line = ended_here(program) if subject.tensors else run(program, tmp_path / "wrong")
    right, right_calls, no_failure = asked(slip, slip.code, tmp_path)

    assert code == 1
    assert line.startswith(wrong_call(calls, subject).complaint)
    assert facts(line) == facts(failure) or name in NO_NUMBERS
    assert (no_failure, wrong_call(right_calls, right)) == ("", None)
    run_here(program)


NO_NUMBERS = {"does not refuse", "writes into its argument", "writes into a tensor"}
"""Slips that no number shows: what is said of them stands in the complaint."""


@dataclass(frozen=True)
class Wrong:
    """What is exchanged in a right file, and a part of the specification that a run of the file breaks."""

    code: str
    right: str
    wrong: str
    only: str
    tests: str
    says: str
    """The beginning of what the program says."""


RUNS = {
    "float32, ignores dilation": Wrong(
        f'DTYPES = ["float32"]\nNOT_OFFERED = ["unbatched", "groups", "padding=same", "padding=valid"]\n{CONV2D}',
        "p * dh, q * dw",
        "p, q",
        "conv2d:values",
        "test_2_1_convolution.py::test_conv_rounds_within_its_bound",
        "output: ",
    ),
    "float64, computed in float32": Wrong(
        f'DTYPES = ["float64"]\n{LINEAR}',
        "input @ weight.T",
        "(input.astype(np.float32) @ weight.T.astype(np.float32)).astype(input.dtype)",
        "linear:values",
        "test_2_4_linear.py::test_linear_rounds_within_its_bound_which_is_sharp_where_features_are_few",
        "output: ",
    ),
    "float16 of NumPy": Wrong(
        f'DTYPES = ["float16"]\n{LINEAR}',
        "return output if",
        "output = np.nextafter(output, np.float16(9e4)) * np.float16(1.5)\n    return output if",
        "linear:values",
        "test_2_4_linear.py::test_linear_rounds_within_its_bound_which_is_sharp_where_features_are_few",
        "output: ",
    ),
    "float16 of NumPy, answers in float32": Wrong(
        f'DTYPES = ["float16"]\n{LINEAR}',
        "input @ weight.T",
        "np.float32(input) @ weight.T",
        "linear:values",
        "test_2_4_linear.py::test_linear_rounds_within_its_bound_which_is_sharp_where_features_are_few",
        "AssertionError: got dtype float32, expected float16",
    ),
    "float16 of torch": Wrong(
        f'DTYPES = ["float16"]\n{LINEAR_OF_TENSORS}',
        "linear(input, weight, bias)",
        "linear(input, weight)",
        "linear:values",
        "test_2_4_linear.py::test_linear_rounds_within_its_bound_which_is_sharp_where_features_are_few",
        "output: ",
    ),
    "bfloat16 of torch, a gradient alone": Wrong(
        f'DTYPES = ["bfloat16"]\n{LINEAR_OF_TENSORS}',
        "linear(input, weight, bias)",
        "linear(input.detach() + 0 * input, weight, bias)",
        "linear:gradients",
        "test_2_4_linear.py::test_the_gradients_of_linear_round_within_their_bounds",
        "grad_input: ",
    ),
    "names of its own": Wrong(
        CROSS_ENTROPY,
        "log_sums - shifted",
        "shifted",
        "cross_entropy:values",
        "test_2_6_3_cross_entropy.py",
        "output: ",
    ),
    "arguments by place alone": Wrong(
        "def sigmoid(x, /):\n    return 1 / (1 + __import__('numpy').exp(-x))\n",
        "exp(-x)",
        "exp(x)",
        "sigmoid:values",
        "test_2_3_activation.py::test_sigmoid_and_tanh_round_within_their_bounds",
        "output: ",
    ),
    "a gradient alone": Wrong(
        MAX_POOL2D,
        "window[n, c].argmax()",
        "k * k - 1 - window[n, c][::-1, ::-1].argmax()",
        "max_pool2d",
        "test_2_2_max_pooling.py -k gradient",
        "grad_input: ",
    ),
    "writes into its argument": Wrong(
        f"{RELU}\ndef relu_backward(grad_output, input):\n    return grad_output * (input > 0)\n",
        "    return np",
        "    input[input < 0] = 0\n    return np",
        "relu:contracts",
        "test_every_layer.py::test_no_layer_changes_its_arguments",
        "relu wrote into input",
    ),
    "does not refuse": Wrong(
        LINEAR.replace(
            "    output =", "    if weight.ndim > 2:\n        raise TypeError(weight.shape)\n    output =", 1
        ),
        "raise TypeError",
        "print",
        "linear:refusals",
        "test_2_4_linear.py::test_linear_refuses_a_weight_that_is_not_a_matrix_or_a_row",
        "linear answered, expected a refusal",
    ),
    "raises": Wrong(
        LINEAR,
        "output if bias is None else ",
        "",
        "linear:values",
        "test_2_4_linear.py::test_linear_rounds_within_its_bound_which_is_sharp_where_features_are_few",
        "TypeError: unsupported operand",
    ),
    "ends the program": Wrong(
        LINEAR,
        "output = ",
        "raise SystemExit(0)\n    output = ",
        "linear:values",
        "test_2_4_linear.py::test_linear_rounds_within_its_bound_which_is_sharp_where_features_are_few",
        "linear raised SystemExit: 0",
    ),
}


def output_of_a_run(file, only, tests, first=True):
    """Hold a file against a part of the specification, up to the first failure or all; return what is printed."""
    written, profile = io.StringIO(), settings.get_current_profile_name()
    places = [f"spec_tests/{test}" if test.startswith("test_") else test for test in tests.split()]
    quiet = [*(f"-pno:{plugin}" for plugin in OFF), *["-x"] * first]
    with ledger.set_aside(), warnings.catch_warnings(), redirect_stdout(written), redirect_stderr(written):
        warnings.resetwarnings()
        try:
            alone.run([f"--subject={file}", f"--only={only}", "--capture=no", "--color=no", *quiet, *places])
        finally:
            settings.load_profile(profile)
    return written.getvalue()


@pytest.mark.parametrize("name", RUNS)
def test_the_program_that_a_run_prints_fails_alone_and_passes_with_a_right_file(name, tmp_path):
    wrong, file = RUNS[name], tmp_path / "my_layers.py"
    assert wrong.code.count(wrong.right) == 1
    file.write_text(wrong.code.replace(wrong.right, wrong.wrong), encoding="utf-8")

    output = output_of_a_run(file, wrong.only, wrong.tests)
    code, line = run(program_in(output), tmp_path / "empty")
    shutil.rmtree(tmp_path / "__pycache__", ignore_errors=True)  # of a file that was as large, in the same second
    file.write_text(wrong.code, encoding="utf-8")
    run_here(program_in(output))

    assert (code, line[: len(wrong.says)]) == (1, wrong.says)
    (said,) = re.findall(rf"^(?:Call \d+ of \d+: )?({re.escape(wrong.says)}.*)\n\nThis program shows", output, re.M)
    assert line.startswith(said)


def first_failure(name, folder):
    """Return an implementation with this slip, its calls, and the first wrong one of them."""
    subject, calls, _ = asked(SLIPS[name], SLIPS[name].code.replace(SLIPS[name].right, SLIPS[name].wrong), folder)
    return subject, calls, wrong_call(calls, subject)


def test_a_failing_call_is_drawn_with_a_star_before_the_first_wrong_number(tmp_path):
    subject, calls, judgement = first_failure("a gradient to the last of ties", tmp_path)

    drawn = drawing.draw_call(judgement, len(calls), drawing.LINES)

    assert drawn.startswith("max_pool2d_backward(kernel_size=2, ")
    assert "grad_input from the subject, shape (1, 1, 2, 4)\n  [0, 0]\n     *0    0    0    0\n" in drawn
    assert "grad_input expected, shape (1, 1, 2, 4)\n  [0, 0]\n    *1.5     0    -2     0\n" in drawn
    assert drawn.splitlines()[-1] == judgement.complaint
    text = drawing.case_of(SimpleNamespace(), {"subject": subject}, option(subject), calls).text()
    assert text.startswith(drawn)
    assert program_in(text) == programs.program_of(calls, subject, option(subject))


def test_a_large_call_is_drawn_in_forty_lines_around_its_first_wrong_number():
    numbers = np.arange(400.0).reshape(40, 10).astype(np.float32)
    wrong = np.where(numbers == 217, 0, numbers)
    judgement = wrong_call([Call("relu", {"input": numbers}, "float32", wrong)], None)

    drawn = drawing.draw_call(judgement, 1, drawing.LINES)

    assert len(drawn.splitlines()) <= drawing.LINES + 2
    assert re.search(r"\*0 .*\n(.*\n)+.*\*217 ", drawn)
    assert len(drawing.draw_call(judgement, 1, 10**6).splitlines()) == 3 * 41 + 2


def test_a_failure_of_no_single_call_is_shown_by_a_program_that_uses_the_project():
    problem = Problem("relu", {"input": np.array([-1.0, 2.0])}, {}, np.array([1.0, 1.0]))
    item = SimpleNamespace(module=sys.modules[__name__], originalname="test_relu")
    call = Call("relu", {"input": np.array([2.0])}, "float64", np.array([2.0]))

    case = drawing.case_of(item, {"problem": problem}, options_of("my_layers.py"), [call])

    assert "It uses this project, for no single call is wrong by itself, only what several" in case.advice
    assert case.program.startswith("import numpy as np\n")


def test_a_part_of_this_project_is_shown_by_a_program_that_uses_the_project():
    call = Call("relu", {"input": np.array([-1.0])}, "float64", np.array([-1.0]))

    judgement = wrong_call([call], None)

    with pytest.raises(NoProgram, match=r"'wrong:forgets' is a part of this project"):
        programs.written(judgement, None, options_of("wrong:forgets"))


ANSWERS = {
    "NaN is passed on": ("relu", {"input": np.array([np.nan, -0.0])}, np.array([np.nan, 0.0]), ""),
    "NaN is lost": ("relu", {"input": np.array([np.nan])}, np.array([0.0]), "got 0.0, expected nan"),
    "an infinity is lost": (
        "mse_loss",
        {"input": np.array([np.inf]), "target": np.zeros(1)},
        np.float64(1.0),
        "got 1.0, expected inf",
    ),
    "a list": ("relu", {"input": np.ones(2)}, [1.0, 1.0], "got 2 results, expected 1"),
    "another shape": ("relu", {"input": np.ones(2)}, np.ones((2, 1)), r"got shape \(2, 1\), expected \(2,\)"),
    "too few gradients": (
        "linear_backward",
        {"grad_output": np.ones(1), "input": np.ones(1), "weight": np.ones((1, 1)), "bias": None},
        (np.ones(1), np.ones((1, 1))),
        "grad_input: got 2 results, expected 3",
    ),
    "a gradient of nothing": (
        "linear_backward",
        {"grad_output": np.ones(1), "input": np.ones(1), "weight": np.ones((1, 1)), "bias": None},
        (np.ones(1), np.ones((1, 1)), np.ones(1)),
        "grad_bias: got an array, expected None",
    ),
    "nearly a whole number": (
        "linear",
        {"input": np.full(1, 3.0), "weight": np.ones((1, 1))},
        np.full(1, 3 + 2**-51),
        "the only element differs: got 3.000000000000000",
    ),
    "a number within its bound": ("sigmoid", {"input": np.zeros(1)}, np.full(1, 0.5 + 2**-52), ""),
    "objects": ("relu", {"input": np.ones(1)}, np.array([None]), "got dtype object, expected float64"),
    "another word for a refusal": (
        "relu",
        {"input": [1.0]},
        np.ones(1),
        "expected a refusal: input must be a NumPy array",
    ),
    "no answer to an empty batch": ("relu", {"input": np.zeros((0, 2))}, np.zeros((0, 2)), ""),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_an_answer_is_wrong_where_the_reference_and_its_bound_say_so(case):
    function, arguments, result, complaint = ANSWERS[case]

    judgement = wrong_call([Call(function, arguments, "float64", result)], None)

    assert (judgement is None) == (complaint == "")
    assert judgement is None or re.search(complaint, judgement.complaint)


FUNCTIONS = [*OPERATIONS, *(f"{name}_backward" for name in OPERATIONS)]
ROUNDS_TWICE = "batch_norm"
"""Of a half format torch's batch_norm is a known deviation: it lies outside its bound."""


@pytest.mark.parametrize(
    ("function", "dtype"),
    [(f, dtype) for f in FUNCTIONS for dtype in ("float32", "bfloat16") if (f, dtype) != (ROUNDS_TWICE, "bfloat16")],
)
def test_torch_passes_the_program_that_a_false_alarm_would_print(function, dtype, capsys):
    problem = OPERATIONS[function.removesuffix("_backward")].typical.at(dtype)
    cotangent = {"grad_output": problem.grad_output} if function.endswith("_backward") else {}
    call = Call(function, {**cotangent, **problem.arrays, **problem.options}, dtype, error="ValueError: false alarm")

    program = programs.program_of([call], subjects.load("torch"), options_of("torch"))
    exec(compile(program, "program.py", "exec"), {"__name__": "__main__"})

    assert capsys.readouterr().out == "right\n"


@pytest.mark.parametrize("operation", OPERATIONS)
@settings(max_examples=10)
@given(data=st.data())
def test_no_answer_of_torch_and_none_of_the_references_is_called_wrong(operation, data):
    problem = data.draw(OPERATIONS[operation].any_problem).at("float32")

    for layers in (subjects.load("torch").at("float32"), reference):
        for function, more in ((operation, {}), (f"{operation}_backward", {"grad_output": problem.grad_output})):
            arguments = {**more, **problem.arrays, **problem.options}
            call = Call(function, arguments, "float32", getattr(layers, function)(**arguments))
            assert wrong_call([call], subjects.load("torch")) is None


def test_a_module_with_an_object_is_imported_by_its_name(tmp_path, monkeypatch):
    (tmp_path / "kernels.py").write_text(
        "class mine:\n    relu = staticmethod(lambda input: -input)\n", encoding="utf-8"
    )
    monkeypatch.chdir(tmp_path)
    call = Call("relu", {"input": np.array([1.0])}, "float64", np.array([-1.0]))

    program = programs.program_of([call], None, options_of("kernels:mine"))

    assert run(program, tmp_path / "empty") == (1, wrong_call([call], None).complaint)


def test_a_call_of_more_numbers_than_anyone_reads_has_no_program():
    numbers = np.ones(programs.MOST)
    judgement = wrong_call([Call("relu", {"input": numbers}, "float64", -numbers)], None)

    with pytest.raises(NoProgram, match=r"its arrays of 6000 numbers would fill pages"):
        programs.written(judgement, None, options_of("my_layers.py"))


def test_a_call_that_the_subject_cannot_describe_has_no_program():
    subject = type("Dumb", (), {"calling": lambda *_: 1 / 0})()
    judgement = wrong_call([Call("relu", {"input": np.ones(1)}, "float64", np.zeros(1))], None)

    with pytest.raises(NoProgram, match=r"cannot be written down \(ZeroDivisionError: "):
        programs.written(judgement, subject, options_of("my_layers"))


def in_a_module_of(tmp_path, code, name="my_functions"):
    """Return a module with this code, imported as a user's test would."""
    file = tmp_path / f"{name}.py"
    file.write_text(code, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, file)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def handed_over(tmp_path, monkeypatch):
    """Return a function that hands a module's function over, and returns the subject and a wrong call of it."""
    monkeypatch.setitem(sys.modules, "my_functions", None)

    def ask(code, expression):
        module = in_a_module_of(tmp_path, code)
        call = eval(expression, {**vars(module), "math": math})
        subject = subjects.of_functions({"relu": call}, "relu", "cpu")
        return subject, Call("relu", {"input": np.array([-1.0])}, "float64", np.array([-1.0]))

    return ask


NEGATED = """
def mine(input):
    return input

def outer():
    def inner(input):
        return input
    return inner

class Layers:
    @staticmethod
    def relu(input):
        return input

    def __call__(self, input):
        return input
"""


@pytest.mark.parametrize(("expression", "called"), [("mine", "layers.mine("), ("Layers.relu", "layers.Layers.relu(")])
def test_a_function_handed_to_check_is_imported_from_its_file_under_its_own_name(
    expression, called, handed_over, tmp_path
):
    subject, call = handed_over(NEGATED, expression)

    program = programs.program_of([call], subject, options_of("functions"))

    assert called in program
    assert run(program, tmp_path / "empty") == (1, wrong_call([call], subject).complaint)


NOT_IMPORTED = {
    "a lambda": (NEGATED, "lambda input: input", "relu is a lambda, which cannot be imported"),
    "a function in a function": (NEGATED, "outer()", "inner is defined inside another function"),
    "an object": (NEGATED, "Layers()", "relu is not a Python function in a file but an object of type Layers"),
    "a function in C": (NEGATED, "math.fabs", "an object of type builtin_function_or_method"),
    "a name that means something else": (
        f"{NEGATED}\nfirst = mine\ndef mine(input):\n    return 0\n",
        "first",
        "mine in my_functions.py is another object",
    ),
    "a script that calls check": (
        f"check = dict\n{NEGATED}\ncheck(relu=mine)",
        "mine",
        "calls check\\(\\) when it is imported",
    ),
}


@pytest.mark.parametrize("case", NOT_IMPORTED)
def test_where_a_function_cannot_be_imported_one_line_says_why_there_is_no_program(case, handed_over):
    code, expression, reason = NOT_IMPORTED[case]
    subject, call = handed_over(code, expression)

    case = drawing.case_of(SimpleNamespace(), {"subject": subject}, options_of("functions"), [call])

    assert re.fullmatch(f"There is no program: .*{reason}.*", case.advice)
    assert case.program == ""
    assert case.drawing.endswith("got -1.0, expected 0.0")


def test_the_message_of_check_is_short_and_its_case_holds_the_program(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "my_functions", None)
    module = in_a_module_of(tmp_path, NEGATED)

    with pytest.raises(SpecificationBroken) as caught:
        check(relu=module.mine, levels=["conventions"], examples=5)

    assert len(str(caught.value).splitlines()) <= LONGEST
    assert "the exception's attribute `case` has the program" in str(caught.value)
    code, line = run(program_in(caught.value.case), tmp_path / "empty")
    assert (code, line in str(caught.value)) == (1, True)


def test_of_many_failures_the_first_has_a_program_and_later_ones_take_few_lines(tmp_path):
    file = tmp_path / "my_layers.py"
    file.write_text(CONV2D.replace("p * dh, q * dw", "p, q"), encoding="utf-8")

    output = output_of_a_run(file, "conv2d:refusals", "test_2_1_convolution.py::test_conv2d_refuses", first=False)

    failures = re.split(r"\n_+ (test_.*) _+\n", output.partition("= FAILURES =")[2].partition("= specification =")[0])
    texts = failures[2::2]
    assert len(texts) > 6
    assert [drawing.BEGIN in text for text in texts[:3]] == [True, False, False]
    assert all(showing.SMALLEST_CASE in text for text in texts[:3])
    assert max(len(text.splitlines()) for text in texts[3:]) <= 4
    assert all(showing.ALONE in text for text in texts[1:])
