"""A program that answers lines of JSON is a subject like any other; what it does instead is said in one line."""

import json
import os
import re
import shlex
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from spec_tests import subjects
from spec_tests.contract.host import PATIENCE
from spec_tests.contract.lines import answer_in, line_of, request_for, results_in
from spec_tests.contract.messages import Junk
from spec_tests.tooling.nested_run import pytest_in_this_process
from spec_tests.vocabulary import ledger
from spec_tests.vocabulary.formats import rounded
from spec_tests.vocabulary.subject import NotAvailable, NotOffered, SubjectEnded, SubjectFailed

pytestmark = pytest.mark.tooling

SPECIFICATION = Path(__file__).parents[1]
SECTION = SPECIFICATION / "test_2_3_activation.py"
X = np.array([-1.0, 2.0], np.float32)

SERVING = '''
import json, os, sys, time

def serve(answer, functions=("relu",), name="mine", **said):
    """Answer the first request with what is said, and all others with what `answer` returns, an object or a text."""
    for line in sys.stdin:
        asked = json.loads(line)
        if "hello" in asked:
            found = {"hello": {"name": name, "functions": functions, **said}}
        else:
            found = answer(asked)
            found = found if isinstance(found, str) else {"answer": found}
        print(found if isinstance(found, str) else json.dumps({"id": asked["id"], **found}), flush=True)

def echo(asked):
    return {"output": asked["arguments"]["input"]}
'''

PAGE = (SPECIFICATION / "contract" / "PROTOCOL.md").read_text(encoding="utf-8")
(PROGRAM,) = re.findall(r"^```python\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
"""The page for who writes such a program, and the whole program in it, which computes relu."""


@pytest.fixture
def command(tmp_path):
    """Return a function that writes a program and returns the command that runs it."""

    def written(source):
        file = tmp_path / "program.py"
        file.write_text(SERVING + textwrap.dedent(source), encoding="utf-8")
        return f'command: "{sys.executable}" "{file}"'

    return written


@pytest.fixture
def started(command):
    """Return a function that starts a program as a subject; all are ended after the test."""
    found = []

    def start(source, limit=None, **limits):
        found.append(subjects.isolated(command(source), "cpu", limit, **limits))
        return found[-1]

    yield start
    for subject in found:
        subject.inner.close()


def started_times(folder):
    """Return how often a program has started that writes a dot to `starts` when it does."""
    return len((folder / "starts").read_text(encoding="utf-8"))


COUNTED = "open(os.path.join(os.path.dirname(__file__), 'starts'), 'a').write('.')\n"

# What is sent, and what comes back

ARRAYS = {
    "float32": [0.1, -0.0, np.inf, -np.inf, np.nan, 1e-45, 3.4028234663852886e38],
    "float64": [0.1, -0.0, np.inf, -np.inf, np.nan, 5e-324, 1.7976931348623157e308],
    "int64": [-(2**63), 2**63 - 1, 0],
    "int32": [-(2**31), 2**31 - 1],
    "uint8": [0, 255],
    "bool": [True, False],
}


def answered(said, function="relu", dtype=None):
    """Return what a program returned that answers a call of a function so."""
    line = json.dumps({"id": 1, "answer": said}).encode()
    return results_in(answer_in(line, 1), function, {}, dtype)


@pytest.mark.parametrize("left_out", ["", "bits", "values"])
@pytest.mark.parametrize("numbers", ARRAYS)
def test_an_array_comes_back_bit_by_bit_by_its_bits_or_by_its_values(numbers, left_out):
    array = np.array(ARRAYS[numbers], numbers)
    written = request_for("relu", {"input": array})["arguments"]["input"]

    back = answered({"output": {key: value for key, value in written.items() if key != left_out}})

    assert back.dtype == array.dtype
    assert back.tobytes() == array.tobytes()


@pytest.mark.parametrize("array", [np.float32(2.5), np.zeros((0, 3)), np.arange(24.0).reshape(2, 3, 4)], ids=np.shape)
def test_every_shape_comes_back_from_an_echo(started, array):
    np.testing.assert_array_equal(started("serve(echo)").relu(array), array, strict=True)


def test_long_arrays_come_as_bits_alone(started):
    subject = started("serve(lambda asked: {'refused': ' '.join(asked['arguments']['input'])})")

    for size, found in ((64, "dtype shape bits values"), (65, "dtype shape bits")):
        with pytest.raises(ValueError, match=f"^{found}$"):
            subject.relu(np.zeros(size))


@pytest.mark.parametrize("half", ["float16", "bfloat16"])
def test_a_half_is_sent_as_a_half_and_comes_back_in_float32(started, half):
    subject = started(f"""
        def answer(asked):
            assert asked["dtype"] == asked["arguments"]["input"]["dtype"] == "{half}"
            assert len(asked["arguments"]["input"]["bits"]) == 4 * 4
            return echo(asked)

        serve(answer, dtypes=["{half}"])
        """)
    halves = rounded([1 / 3, -65504.0, 2.0**-24, np.inf], half)

    np.testing.assert_array_equal(subject.at(half).relu(halves), halves, strict=True)


def test_what_is_no_half_is_no_answer_in_halves(started):
    subject = started(
        "serve(lambda asked: {'output': {**asked['arguments']['input'], 'dtype': 'float32', 'bits': '0' * 16}},"
        " dtypes=['float16'])"
    )

    with pytest.raises(AssertionError, match=r"^got dtype float32, expected float16$"):
        subject.at("float16").relu(X)


def test_a_request_has_every_argument_and_spells_every_option_out(started):
    subject = started("serve(lambda asked: {'refused': json.dumps(asked)}, functions=['conv2d'])")

    with pytest.raises(ValueError, match="conv2d") as refused:
        subject.conv2d(X.reshape(1, 1, 2, 1), X.reshape(1, 1, 2, 1), padding="same", dilation=(1, 2))

    array = {"dtype": "float32", "shape": [1, 1, 2, 1], "bits": "bf80000040000000", "values": [-1, 2]}
    assert json.loads(str(refused.value)) == {
        "id": 1,
        "function": "conv2d",
        "dtype": "float32",
        "arguments": {"input": array, "weight": array, "bias": None},
        "options": {"stride": [1, 1], "padding": [[0, 1], [0, 0]], "dilation": [1, 2], "groups": 1},
        "as_torch": {"stride": 1, "padding": "same", "dilation": [1, 2], "groups": 1},
    }


def test_gradients_are_told_apart_by_name_and_null_is_none(started):
    subject = started(
        """
        def answer(asked):
            input, weight = asked["arguments"]["input"], asked["arguments"]["weight"]
            return {"grad_bias": None, "grad_weight": weight, "grad_input": input}

        serve(answer, functions=["linear_backward"])
        """
    )

    grad_input, grad_weight, grad_bias = subject.linear_backward(X, X, 2 * X)

    np.testing.assert_array_equal(grad_input, X)
    np.testing.assert_array_equal(grad_weight, 2 * X)
    assert grad_bias is None


def test_the_state_of_an_optimizer_goes_and_comes_by_name(started):
    subject = started(
        """
        def answer(asked):
            step, arrays = asked["options"]["step"] or 0, asked["arguments"]
            return {"param": arrays["grad"], "step": step + 1, "state.exp_avg": arrays.get("state.exp_avg")}

        serve(answer, functions=["adam"])
        """
    )
    param, first = subject.adam(X, 2 * X, {})
    _, second = subject.adam(X, X, {"step": 1, "exp_avg": X})

    np.testing.assert_array_equal(param, 2 * X)
    assert first == {"step": 1, "exp_avg": None}
    assert second["step"] == 2
    np.testing.assert_array_equal(second["exp_avg"], X, strict=True)


def test_a_program_refuses_or_does_not_offer_in_its_own_words(started):
    subject = started(
        """
        words = iter([{"refused": "input is too short"}, {"not_offered": "only long ones"}])
        serve(lambda asked: next(words))
        """
    )

    with pytest.raises(ValueError, match=r"^input is too short$"):
        subject.relu(X)
    with pytest.raises(NotOffered, match=r"^only long ones$"):
        subject.relu(X)


def test_what_a_program_says_of_itself_is_known_of_the_subject(started):
    subject = started(
        "serve(echo, name='my layers 1.0', functions=['relu', 'conv2d'], dtypes=['float32'],"
        " not_offered=['conv2d.dilation'], only=['relu:values'])"
    )

    assert (subject.name, subject.dtypes) == ("my layers 1.0", {"float32"})
    assert subject.only == {"relu": {"values"}}
    assert subject.offers("relu")
    assert not subject.offers("relu_backward")
    with pytest.raises(NotOffered, match="conv2d: dilation is not offered"):
        subject.conv2d(X.reshape(1, 1, 1, 2), X.reshape(1, 1, 1, 2), dilation=2)


def test_a_program_is_not_asked_about_the_layout_of_arrays(started):
    fixed = X.copy()
    fixed.flags.writeable = False

    for array in (np.arange(6.0)[::2], fixed):
        with pytest.raises(NotOffered, match="is not offered"):
            started("serve(echo)").relu(array)


def test_what_json_has_no_words_for_is_not_offered(started):
    for array in (X.astype(complex), np.array([None])):
        with pytest.raises(NotOffered, match="cannot be handed to a program"):
            started("serve(echo)").relu(array)


# What is no answer

WELL = '"dtype": "int8", "shape": [1]'


def with_output(inside):
    """Return the line of an answer with this inside its output."""
    return f'{{"id": 1, "answer": {{"output": {{{inside}}}}}}}'


JUNK = {
    "hello": "wrote what is no line of JSON to its standard output: hello",
    "": "wrote what is no line of JSON to its standard output: $",
    "[1, 2]": r"answered \[1, 2\], an object was expected",
    '{"answer": {}}': 'its answer has no "id": {"answer": ',
    '{"id": 7, "answer": {}}': 'answered with "id" 7 to the request with "id" 1',
    '{"id": true, "answer": {}}': 'answered with "id" true to the request with "id" 1',
    '{"id": 1, "outputs": []}': 'its answer has no object "answer": nothing but id, outputs',
    '{"id": 1, "answer": [2]}': r'its answer has no object "answer": \[2\]',
    '{"id": 1, "answer": {}}': "its answer has no output",
    '{"id": 1, "answer": {"outputs": 1}}': "its answer has \"outputs\", expected output; did you mean 'output'",
    '{"id": 1, "answer": {"output": 1, "refused": "no"}}': "with refused the reason alone was expected",
    '{"id": 1, "answer": {"refused": null}}': "with refused the reason alone was expected",
    '{"id": 1, "answer": {"output": 3}}': "output is 3, an array was expected",
    with_output('"shape": [1]'): "output has no dtype",
    with_output('"dtype": "int8"'): "output has no shape",
    with_output(WELL): "output has neither bits nor values",
    with_output('"dtype": "f4", "shape": []'): 'output.dtype is "f4", expected one of float16, ',
    with_output('"dtype": [], "shape": []'): r"output.dtype is \[\], expected one of float16, ",
    with_output('"dtype": "int8", "shape": 3'): "shape is 3, a list of lengths was expected",
    with_output('"dtype": "int8", "shape": [-1]'): r"shape is \[-1\], a list of lengths",
    with_output(WELL + ', "bits": 3'): "output.bits is 3, hexadecimal digits were expected",
    with_output(WELL + ', "bits": "0 "'): 'output.bits is "0 ", hexadecimal digits',
    with_output(WELL + ', "bits": "012"'): r"bits has 3 digits, 2 were expected for shape \[1\]",
    with_output(WELL + ', "values": 1'): "output.values is 1, a list of numbers was expected",
    with_output(WELL + ', "values": []'): "has 0 values, .* room for 1",
    with_output(WELL + ', "values": [300]'): "output: a number is too large for int8",
    with_output(WELL + ', "values": [0.5]'): r"values\[0\] is 0.5, expected a whole number",
    with_output('"dtype": "bool", "shape": [], "values": [2]'): r"values\[0\] is 2, .* true or",
    with_output('"dtype": "float32", "shape": [], "values": [null]'): 'is null, .* "NaN"',
    with_output('"dtype": "float32", "shape": [], "values": [[1]]'): r"is \[1\], expected a num",
    "[" * 100_000: "wrote what is no line of JSON",
}
"""Lines, and what is said of them."""


@pytest.mark.parametrize("line", JUNK, ids=range(len(JUNK)))
def test_what_is_no_answer_is_said_in_one_line(line):
    with pytest.raises(Junk, match=JUNK[line]) as said:
        results_in(answer_in(line.encode(), 1), "relu", {}, None)

    assert len(str(said.value).splitlines()) == 1
    assert len(str(said.value)) < 300


@pytest.mark.parametrize("line", ["hello", '{"id": 2}', '{"id": 1}'])
def test_the_call_behind_one_that_was_not_answered_is_answered(started, line):
    subject = started(f"serve(lambda asked: echo(asked) if asked['arguments']['input']['shape'] == [1] else {line!r})")

    with pytest.raises(SubjectFailed, match=r"^relu: "):
        subject.relu(X)
    np.testing.assert_array_equal(subject.relu(X[:1]), X[:1])


def test_a_line_without_an_end_is_not_read_to_the_end(started, monkeypatch):
    monkeypatch.setattr("spec_tests.contract.command.LONGEST", 1000)
    subject = started("serve(lambda asked: 'x' * 5000)")

    with pytest.raises(SubjectFailed, match="relu: wrote a line of more than 1000 bytes to its standard output"):
        subject.relu(X)


def test_an_answer_too_many_is_noticed_at_the_next_call(started):
    subject = started("serve(lambda asked: json.dumps({'id': asked['id'], 'answer': echo(asked)}) + '\\nready')")

    subject.relu(X)
    with pytest.raises(SubjectFailed, match="relu: wrote what is no line of JSON to its standard output: ready"):
        subject.relu(X)


# A program that hangs or ends


def failing(first):
    """Return a program that fails at the first call of its first process in this way."""
    return f"""
first = not os.path.exists(os.path.join(os.path.dirname(__file__), "starts"))
{COUNTED}
def answer(asked):
    if first:
        {first}
    return echo(asked)

serve(answer)
"""


ENDS = {
    "sys.exit(3)": "relu ended its process with exit code 3$",
    "sys.stderr.write('out\\nof\\n  memory \\n'); sys.exit(1)": "exit code 1: out / of / memory$",
    "1 / 0": "relu ended its process with exit code 1: .*ZeroDivisionError: division by zero$",
    "sys.stdout.write('{'); sys.stdout.flush(); os._exit(0)": "relu ended its process with exit code 0$",
    "time.sleep(60)": "relu took longer than 0.5 s$",
    "sys.stderr.write('x' * 10**6); time.sleep(60)": "relu took longer than 0.5 s: x{4000}$",
    "os.close(1); time.sleep(60)": "relu closed the channel of its process$",
}


@pytest.mark.parametrize("way", ENDS)
@pytest.mark.slow
def test_a_program_that_hangs_or_ends_is_started_again(started, way, tmp_path):
    subject = started(failing(way), 0.5 if "sleep" in way else 20)

    with pytest.raises(SubjectEnded, match=ENDS[way]):
        subject.relu(X)
    np.testing.assert_array_equal(subject.relu(X), X)

    assert started_times(tmp_path) == 2


@pytest.mark.skipif(os.name != "posix", reason="signals end processes on POSIX systems")
def test_the_signal_that_ended_a_program_is_named(started):
    with pytest.raises(SubjectEnded, match="relu was killed by signal 11"):
        started(failing("os.kill(os.getpid(), 11)")).relu(X)


@pytest.mark.slow
def test_a_function_that_always_ends_its_program_is_not_called_forever(started, tmp_path):
    subject = started(COUNTED + "serve(lambda asked: sys.exit(1))")

    for _ in range(PATIENCE):
        with pytest.raises(SubjectEnded, match="exit code 1"):
            subject.relu(X)
    with pytest.raises(SubjectEnded, match="relu is not called any more: 10 times it ended its process"):
        subject.relu(X)

    assert started_times(tmp_path) == PATIENCE


@pytest.mark.slow
def test_a_program_that_does_not_start_again_is_said_to(started):
    subject = started(failing("sys.exit(1)").replace("serve(answer)", "serve(answer) if first else sys.exit('no')"))

    with pytest.raises(SubjectEnded):
        subject.relu(X)
    with pytest.raises(SubjectFailed, match=r"relu cannot be asked again: .* exit code 1 before it answered .*: no$"):
        subject.relu(X)


@pytest.mark.slow
def test_a_program_may_take_its_time_to_start(started):
    subject = started("time.sleep(1)\nserve(echo)", 0.5)

    np.testing.assert_array_equal(subject.relu(X), X)


def test_a_program_that_is_closed_leaves_no_process(started):
    subject = started("serve(lambda asked: {'refused': str(os.getpid())})")
    with pytest.raises(ValueError, match=r"\d+") as refused:
        subject.relu(X)

    subject.inner.close()

    assert not psutil.pid_exists(int(str(refused.value)))


# What cannot be a subject

FIRST = {
    "serve(echo, functions=['conv2'])": "functions names 'conv2', which is unknown; did you mean 'conv2d'",
    "serve(echo, functions=['cifar10_cnn'])": "functions names 'cifar10_cnn', which is unknown",
    "serve(echo, functions='relu')": "functions is 'relu'; a list of names was expected",
    "serve(echo, functions=[])": "functions is empty: it offers nothing",
    "serve(echo, dtypes=['fp32'])": "dtypes names 'fp32'; the formats are float32, .*; did you mean 'float32'",
    "serve(echo, dtypes=['bfloat16', 'fp32'])": "dtypes names 'fp32'",
    "serve(echo, dtypes=['tf32'])": "dtypes names tf32, which NumPy does not have$",
    "serve(echo, not_offered=['unbatchd'])": "not_offered names 'unbatchd', which .* did you mean 'unbatched'",
    "serve(echo, only=['relu:speed'])": "only relu:speed: there is no level 'speed'",
    "serve(echo, name='two\\nlines')": "name is .*; one line of at most 100 characters was expected",
    "serve(echo, dtype='float32')": "it says 'dtype' of itself; known are .*; did you mean 'dtypes'",
    "print('Welcome!', flush=True); serve(echo)": "no line of JSON to its standard output: Welcome!",
    "input(); print('{}')": 'its answer has no "id": {}',
    "input(); print('{\"id\": 0}')": 'its answer has no object "hello": nothing but id',
    "sys.exit('no GPU here')": "exit code 1 before it answered the first request: no GPU here",
}


@pytest.mark.parametrize("source", FIRST)
def test_a_program_that_says_nonsense_of_itself_is_no_subject(started, source):
    with pytest.raises(NotAvailable, match=FIRST[source]) as error:
        started(source)

    assert len(str(error.value).splitlines()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("source", ["time.sleep(60)", "input(); print('{}', end=''); time.sleep(60)"])
def test_a_program_that_does_not_answer_at_first_is_told_to_flush(started, source):
    with pytest.raises(
        NotAvailable, match=r"took longer than 0\.5 s before .* has to flush its output behind each line"
    ):
        started(source, loading_limit=0.5)


@pytest.mark.parametrize("text", ["command:", "command:  "])
def test_a_command_names_a_program(text):
    with pytest.raises(NotAvailable, match=r'command: names no program; for example --subject "command: \./my_program'):
        subjects.load(text)


@pytest.mark.parametrize("text", ["command: ./no_such_program --flag", "command: 'unbalanced"])
def test_a_command_that_cannot_be_started_is_no_subject(text):
    with pytest.raises(NotAvailable, match="cannot be started"):
        subjects.load(text)


def test_a_program_is_not_asked_for_a_device(command):
    with pytest.raises(NotAvailable, match="not asked for device 'cuda'"):
        subjects.load(command("serve(echo)"), "cuda")


def test_a_program_is_held_to_no_limit_but_that_of_its_time(started):
    assert started("serve(echo)", 20, memory_limit=None).name == "mine"
    with pytest.raises(NotAvailable, match=r"^a program in another language is held to no memory_limit"):
        started("serve(echo)", 20, memory_limit=2**30)


# A run


def run(subject, *arguments):
    """Run what is required of relu in its own section on a subject; return the exit code and what was printed."""
    with ledger.set_aside():
        return pytest_in_this_process("-q", str(SECTION), "--only", "relu", "--subject", subject, *arguments)


ONE = "test_relu_is_the_maximum_of_0_and_x"
BODY = "    if array["
"""Where the program of the page begins to compute."""


def changed(old, new):
    """Return the program of the page with a change."""
    assert PROGRAM.count(old) == 1
    return PROGRAM.replace(old, new)


def test_the_exchange_of_the_page_is_what_its_program_answers(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM, encoding="utf-8")
    requests, answers = [], []
    for line in re.findall(r"^    (\{.*\})$", PAGE.partition("## What else")[0], re.MULTILINE):
        (answers if "answer" in line or "functions" in line else requests).append(line)

    words = [sys.executable, str(tmp_path / "program.py")]
    ended = subprocess.run(words, input="\n".join(requests), capture_output=True, text=True, check=True)

    assert len(requests) == 2
    assert [json.loads(line) for line in ended.stdout.splitlines()] == [json.loads(line) for line in answers]


def test_the_call_of_the_page_is_what_a_run_sends():
    (line,) = re.findall(r"^    (\{.*as_torch.*\})$", PAGE, re.MULTILINE)

    assert (
        line_of(1, request_for("relu", {"input": np.array([-1.0, -0.0, -np.inf], np.float32)})) == f"{line}\n".encode()
    )


@pytest.mark.slow
def test_a_right_program_passes_and_is_counted_by_level(command):
    code, output = run(command(PROGRAM), "-k", f"{ONE} or test_a_nan or infinit or rung")

    assert code == 0, output
    assert "subject: relu in 20 lines" in output
    (row,) = [line for line in output.splitlines() if line.startswith("relu  ")]
    assert re.fullmatch(r"relu +[1-9]\d* / \d+ +– +[1-9]\d* / \d+ +– +–", row)


@pytest.mark.slow
def test_a_wrong_program_is_drawn_small_with_the_lines_that_show_it(command):
    name = command(changed("n > 0", "n > -4"))

    code, output = run(name, "-k", ONE)

    assert code == 1
    assert "input = -" in output, output  # one number is left of the array
    shown = output.partition("begins here")[2].partition("# ---")[0]
    asked = "".join(f"{line}\n" for line in shown.splitlines() if line.startswith("{"))
    words = shlex.split(name.removeprefix("command:"))
    answered = subprocess.run(words, input=asked, capture_output=True, text=True, check=True).stdout.splitlines()
    first, answer = map(json.loads, answered)
    assert first["hello"]["name"] == "relu in 20 lines"
    assert answer["answer"]["output"]["values"][0] < 0


@pytest.mark.slow
def test_what_ends_a_program_is_not_made_smaller(command, tmp_path):
    code, output = run(command(COUNTED + changed(BODY, f"    sys.exit(9)\n{BODY}")), "-k", ONE)

    assert code == 1
    assert "relu ended its process with exit code 9" in output
    assert started_times(tmp_path) <= 3


@pytest.mark.slow
def test_a_program_is_held_to_the_time_limit_of_the_run(command):
    begin = time.monotonic()

    code, output = run(command(changed(BODY, f"    time.sleep(60)\n{BODY}")), "-k", ONE, "--time-limit", "0.3")

    assert code == 1
    assert "relu took longer than 0.3 s" in output
    assert time.monotonic() - begin < 30


def test_a_program_that_is_not_there_is_an_error_of_usage():
    code, output = run("command: ./no_such_program")

    assert code == pytest.ExitCode.USAGE_ERROR
    assert "--subject command: ./no_such_program: ./no_such_program cannot be started" in output
