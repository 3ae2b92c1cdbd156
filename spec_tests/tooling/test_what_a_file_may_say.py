"""What a file of functions says of itself makes sense, or the run stops with one line that says what does not."""

import re

import pytest

from spec_tests import subjects
from spec_tests.tooling.nested_run import pytest_in_this_process
from spec_tests.tooling.small_specification import NUMBER, small_specification

pytestmark = [pytest.mark.tooling, pytest.mark.slow]

RELU = "import numpy as np\n\ndef relu(input):\n    return np.maximum(input, 0)\n"

MISTAKES = {
    "a syntax error": ("def relu(input)\n", r"layers\.py, line 1: SyntaxError: expected ':'"),
    "a bad indentation": ("def relu(input):\nreturn input\n", r"layers\.py, line 2: IndentationError: expected"),
    "a package that is not there": ("import tensorflaw\n", r"line 1: tensorflaw is not installed"),
    "a name that is not there": ("from math import square\n", r"line 1: ImportError: cannot import name 'square'"),
    "an exception": ("1 / 0\n", r"layers\.py, line 1: ZeroDivisionError: division by zero"),
    "an exception of two lines": ("raise ValueError('one\\ntwo')\n", r"line 1: ValueError: one$"),
    "the end of the program": ("import sys\nsys.exit('done')\n", r"line 2: SystemExit: done"),
    "no function": ("x = 1\n", r"layers\.py has no function that the specification knows .*: it has none at all"),
    "an unknown function": ("def conv_2d(x): pass\n", r"it has conv_2d; did you mean 'conv2d'\?"),
    "no function at all": ("relu = 3\n", r"relu is of type int; a function was expected"),
    "a module": ("import math as relu\n", r"relu is a module; a function was expected"),
    "too few arguments": ("def relu(): pass\n", r"relu has no argument for input: it takes \(\), .* gives \(input\)"),
    "too many arguments": (
        "def relu(input, slope): pass\n",
        r"relu needs an argument 'slope', which the specification",
    ),
    "an unknown format": (
        f"{RELU}DTYPES = ['fp32']\n",
        r"DTYPES names 'fp32'; the formats are .*did you mean 'float32'",
    ),
    "a format for formats": (f"{RELU}DTYPES = 'float32'\n", r"DTYPES is 'float32'; a list of strings was expected"),
    "no formats": (f"{RELU}DTYPES = []\n", r"DTYPES is empty; the formats are float32, "),
    "a format that NumPy lacks": (f"{RELU}DTYPES = ['bfloat16']\n", r"bfloat16, which NumPy does not have"),
    "names in a list": (f"{RELU}NAMES = ['x']\n", r"NAMES is of type list; a dict was expected"),
    "a number for a name": (f"{RELU}NAMES = {{'relu': 1}}\n", r"NAMES says of relu 1; a name was expected"),
    "a name for nothing": (f"{RELU}NAMES = {{'wieght': 'w'}}\n", r"NAMES names 'wieght', .*did you mean 'weight'\?"),
    "a name of nothing": (f"{RELU}NAMES = {{'conv2d': 'relo'}}\n", r"has no relo; did you mean 'relu'\?"),
    "an argument of another": (
        f"{RELU}NAMES = {{'relu.dim': 'd'}}\n",
        r"NAMES names relu\.dim: relu has no argument 'dim'",
    ),
    "an unknown feature": (
        f"{RELU}NOT_OFFERED = ['unbatch']\n",
        r"NOT_OFFERED names 'unbatch', .*did you mean 'unbatched'",
    ),
    "a feature alone": (f"{RELU}NOT_OFFERED = 'empty'\n", r"NOT_OFFERED is 'empty'; a list of strings was expected"),
    "a feature that is a number": (
        f"{RELU}NOT_OFFERED = [1]\n",
        r"NOT_OFFERED holds 1; a list of strings was expected",
    ),
    "an unknown level": (
        f"{RELU}ONLY = ['relu:value']\n",
        r"ONLY relu:value: there is no level 'value'; there are values",
    ),
    "an unknown operation": (
        f"{RELU}ONLY = ['rellu']\n",
        r"ONLY rellu: there is no operation 'rellu'; did you mean 'relu'",
    ),
    "tensors, perhaps": (f"{RELU}TENSORS = 1\n", r"TENSORS is 1; True or False was expected"),
    "other devices": (f"{RELU}TENSORS = True\nDEVICES = ['cuda']\n", r"DEVICES names cuda, but not cpu"),
}


@pytest.fixture
def file(tmp_path):
    """Return a function that writes a file of functions."""

    def write(text):
        path = tmp_path / "layers.py"
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


@pytest.mark.parametrize(("text", "message"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_a_file_is_said_in_one_line(file, text, message):
    with pytest.raises(subjects.NotAvailable) as told:
        subjects.load(file(text))

    assert re.search(message, str(told.value))
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("tochr", r"no subject 'tochr'; did you mean 'torch'\?; there are fft, .*path that ends in \.py"),
        ("no/such/layers.py", r"there is no file no/such/layers\.py"),
        ("no_such_package.layers", r"no_such_package is not installed, and there is no such module"),
        ("math:squareroot", r"math has no 'squareroot'"),
        ("reference.convolution:conv4d", r"reference\.convolution has no 'conv4d'; did you mean 'conv"),
    ],
)
def test_a_subject_that_is_not_there_is_said_in_one_line(name, message):
    with pytest.raises(subjects.NotAvailable) as told:
        subjects.load(name)

    assert re.search(message, str(told.value))
    assert "\n" not in str(told.value)


def test_a_file_beside_the_missing_one_is_named(file):
    there = file(RELU)

    with pytest.raises(subjects.NotAvailable, match=r"there is no file .*layer\.py; did you mean 'layers\.py'\?"):
        subjects.load(there.replace("layers.py", "layer.py"))


def test_a_device_that_is_not_there_is_said_in_one_line(file):
    with pytest.raises(subjects.NotAvailable, match="torch has no device 'warp' here"):
        subjects.load(file(f"{RELU}TENSORS = True\n"), "warp")


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("def relu(input)\n", [], "layers.py, line 1: SyntaxError"),
        ("raise SystemExit\n", [], "layers.py, line 1: SystemExit"),
        (f"{RELU}DTYPES = ['fp32']\n", [], "DTYPES names 'fp32'"),
        (RELU, ["--only", "relo"], "--only relo: there is no operation 'relo'; did you mean 'relu'?"),
        (RELU, ["--only", "relu:value"], "--only relu:value: there is no level 'value'"),
        (RELU, ["--only", "conv2d"], "--only conv2d: layers.py does not offer it"),
        (RELU, ["--device", "cuda"], "functions on NumPy arrays run on device 'cpu'"),
        (RELU, ["--dtype", "float16"], "--dtype float16: layers.py computes in float32, float64"),
    ],
)
def test_a_run_on_it_stops_with_exit_code_4_and_no_traceback(file, tmp_path, monkeypatch, text, options, message):
    folder = small_specification(tmp_path, monkeypatch)
    (folder / f"test_2_2_lines{next(NUMBER)}.py").write_text("def test_nothing(subject): pass\n", encoding="utf-8")
    plugin = ["-p", "spec_tests.run.plugin", "--rootdir", str(tmp_path)]

    code, output = pytest_in_this_process(*plugin, "--subject", file(text), *options, str(folder))

    errors = [line for line in output.splitlines() if line.startswith("ERROR")]
    assert code == pytest.ExitCode.USAGE_ERROR
    assert len(errors) == 1
    assert message in errors[0]
    assert "Traceback" not in output
