"""A subject in a process of its own answers as it does here, and harms nothing whatever it does."""

import contextlib
import io
import math
import os
import pickle
import subprocess
import sys
import textwrap
import time

import numpy as np
import psutil
import pytest

import reference
from spec_tests import subjects
from spec_tests.contract.messages import (
    ANSWER,
    DEEPEST,
    MARK,
    Junk,
    Reader,
    answered,
    packed,
    read_answer,
    received,
    written_down,
)
from spec_tests.vocabulary.subject import NotAvailable, NotOffered, SubjectFailed

pytestmark = pytest.mark.tooling

X = np.array([-1.0, 2.0])
LIMIT = 0.5
HARMLESS = "def sigmoid(input):\n    return 1 / (1 + np.exp(-input))\n"


def sent(request):
    """Return a call as it arrives."""
    return received(io.BufferedReader(io.BytesIO(b"".join(map(bytes, packed(1, request))))))


def returned(value):
    """Return a value as it comes back."""
    arrays = []
    tree = written_down(value, arrays)
    header, body = read_answer(io.BytesIO(answered({"answer": tree}, arrays)))
    return Reader(body).value(header["answer"])


@contextlib.contextmanager
def isolated(folder, source, **limits):
    """Give a file of functions as a subject in a process of its own."""
    file = folder / "my_layers.py"
    head = "import ctypes, os, subprocess, sys, time\nimport numpy as np\n\n"
    file.write_text(head + textwrap.dedent(source) + HARMLESS, encoding="utf-8")
    subject = subjects.isolated(str(file), **limits).inner
    try:
        yield subject
    finally:
        subject.close()


def assert_goes_on(subject):
    """Assert that the subject still answers."""
    np.testing.assert_array_equal(subject.sigmoid(input=np.zeros(3)), [0.5, 0.5, 0.5])


def assert_fail(folder, cases, **limits):
    """Assert that a `relu` fails with these messages as it does what these bodies do, and harms nothing."""
    source = ["def relu(input):"]
    for number, body in enumerate(cases):
        source += [f"    if input[0] == {number}:", textwrap.indent(textwrap.dedent(body), " " * 8)]
    with isolated(folder, "\n".join(source) + "\n", **limits) as subject:
        for number, message in enumerate(cases.values()):
            argument = np.full(3, float(number))
            with pytest.raises(SubjectFailed, match=message):
                subject.relu(input=argument)
            np.testing.assert_array_equal(argument, np.full(3, float(number)))
        assert_goes_on(subject)


# What is sent


def test_arrays_arrive_with_their_strides_gaps_and_place_in_memory():
    memory = np.arange(24, dtype=np.float32)
    laid = [memory[5:17:3], memory.reshape(4, 6).T, memory[::-1], np.broadcast_to(memory[:3], (2, 3)), np.array(2.5)]

    for array, there in zip(laid, sent(laid).request, strict=True):
        assert there.dtype == array.dtype
        assert there.strides == array.strides
        np.testing.assert_array_equal(there, array)
    assert sent(memory[5:17:3]).memories[1].size == 24


def test_arguments_that_share_memory_share_it_there_and_it_is_sent_once():
    memory = np.arange(1_000.0)
    call = sent({"input": memory[::2], "nothing": memory[500:500], "weight": memory[500:], "other": np.ones(3)})

    assert np.shares_memory(call.request["input"], call.request["weight"])
    assert not np.shares_memory(call.request["input"], call.request["other"])
    assert sum(size.nbytes for size in call.memories) == memory.nbytes + 24


def test_the_same_array_twice_is_the_same_array_there():
    one, other = sent((X, X)).request

    assert one is other


def test_an_array_that_must_not_be_written_must_not_be_there():
    array = np.arange(3.0)
    array.flags.writeable = False

    assert not sent(array).request.flags.writeable
    assert sent(X).request.flags.writeable


@pytest.mark.parametrize("array", [np.zeros((0, 3)), np.array([], np.int64), np.zeros(6, "i1")[1:5].view("i2")])
def test_empty_and_unaligned_arrays_arrive(array):
    there = sent(array).request

    assert there.shape == array.shape
    assert there.dtype == array.dtype


# What comes back

VALUES = [None, True, 3, -(2**100), 0.1, math.inf, "text", (1, (2.0, [])), {"step": 1, "exp_avg": None}, np.float32(3)]


@pytest.mark.parametrize("value", VALUES, ids=str)
def test_plain_values_come_back_as_they_are(value):
    assert returned(value) == value
    assert type(returned(value)) is type(value)


def test_nan_and_the_sign_of_zero_come_back():
    assert math.isnan(returned(math.nan))
    assert math.copysign(1, returned(-0.0)) == -1


@pytest.mark.parametrize("of", ["?", "i1", "u8", "f2", "<f4", ">f4", "f8", "c16"])
@pytest.mark.parametrize("shape", [(), (0, 2), (2, 3)], ids=str)
def test_arrays_come_back_as_arrays_of_their_own(shape, of):
    array = np.arange(math.prod(shape)).reshape(shape).astype(of)
    there = returned((array, array.T))[0]

    assert there.dtype == array.dtype
    assert there.flags.writeable
    assert there.base is None
    np.testing.assert_array_equal(there, array)


NO_ANSWERS = {
    "a generator": ((x for x in ()), "generator"),
    "an array of objects": (np.array([None]), "dtype object"),
    "an array of dates": (np.array(["2026-01-01"], "M8[D]"), "datetime64"),
    "another kind of array": (np.ma.masked_array([1.0]), "MaskedArray"),
    "a huge array": (np.broadcast_to(1.0, (2**20, 2**20)), "more than"),
    "a dict of numbers": ({1: 2}, "dict"),
    "something that can be called": (len, "builtin_function"),
}


@pytest.mark.parametrize("name", NO_ANSWERS)
def test_anything_else_comes_back_as_the_name_of_what_it_is(name):
    value, what = NO_ANSWERS[name]

    with pytest.raises(TypeError, match=what):
        returned(value)


def test_a_list_that_holds_itself_comes_to_an_end():
    endless = []
    endless.append(endless)

    with pytest.raises(TypeError, match="nested too deeply"):
        returned(endless)


def deep(levels):
    """Return a tree of so many tuples."""
    tree = ["None"]
    for _ in range(levels):
        tree = ["tuple", [tree]]
    return tree


@pytest.mark.parametrize(
    "tree",
    [
        None,
        7,
        [],
        ["int"],
        ["int", 3],
        ["int", "9" * 5_000],
        ["float", "x"],
        ["float", "0x1p99999"],
        ["array", "<f8", [2]],
        ["array", "<f8", [-1]],
        ["array", "<f8", [2**61, 2**61, 0]],
        ["array", "<f8", [0] * 65],
        ["array", "<f8", [True]],
        ["array", "O", [1]],
        ["number", "M8[D]"],
        ["tuple", {"a": 1}],
        ["dict", [["key"]]],
        deep(DEEPEST + 2),
    ],
    ids=lambda tree: str(tree)[:30],
)
def test_a_tree_that_makes_no_sense_is_junk(tree):
    with pytest.raises(Junk):
        Reader(memoryview(b"12345678")).value(tree)


@pytest.mark.parametrize(
    "bytes_",
    [
        b"x" * 100,
        ANSWER.pack(MARK, 2**30, 0),
        ANSWER.pack(MARK, 2, 2**40) + b"{}",
        ANSWER.pack(MARK, 3, 0) + b"{a}",
        ANSWER.pack(MARK, 100_000, 0) + b"[" * 100_000,
        ANSWER.pack(MARK, 2, 0) + b"\xff\xff",
    ],
    ids=["no mark", "much text", "many bytes", "no JSON", "nested", "no UTF-8"],
)
def test_bytes_that_are_no_answer_are_junk_before_memory_is_taken_for_them(bytes_):
    with pytest.raises(Junk):
        read_answer(io.BytesIO(bytes_))


def test_a_pickle_is_junk():
    with pytest.raises(Junk):
        read_answer(io.BytesIO(pickle.dumps(X) * 3))


# The process


@pytest.fixture(scope="module")
def alone():
    """Give the references in a process of their own."""
    subject = subjects.isolated("reference", time_limit=60).inner
    yield subject
    subject.close()


def test_the_references_in_a_process_of_their_own_answer_and_refuse_as_here(alone):
    np.testing.assert_array_equal(alone.relu(X), reference.relu(X))
    with pytest.raises(ValueError, match="weight") as here:
        reference.conv2d(np.ones((1, 2, 3, 3)), np.ones((1, 3, 1, 1)))
    with pytest.raises(ValueError, match="weight") as there:
        alone.conv2d(np.ones((1, 2, 3, 3)), np.ones((1, 3, 1, 1)))

    assert str(there.value) == str(here.value)
    assert alone.name == f"reference (NumPy {np.__version__})"


def test_unknown_names_are_no_functions_there_either(alone):
    with pytest.raises(AttributeError, match="no function convolve"):
        _ = alone.convolve
    with pytest.raises(AttributeError):
        _ = alone.__wrapped__


def test_several_gradients_dicts_and_second_gradients_come_back(alone):
    input, weight = np.ones((2, 3)), np.arange(6.0).reshape(2, 3)
    grad_output = np.ones((2, 2))
    there = alone.linear_backward(grad_output, input, weight)
    for one, other in zip(there, reference.linear_backward(grad_output, input, weight), strict=True):
        np.testing.assert_array_equal(one, other)

    (grad_weight,) = alone.gradients_of("linear", ("weight",), grad_output, input, weight)
    np.testing.assert_array_equal(grad_weight, there[1])
    second = alone.double_backward("linear", {"weight": weight}, grad_output, input=input, weight=weight, bias=None)
    np.testing.assert_array_equal(second["input"], grad_output @ weight)
    after, state = alone.sgd(X, X, {}, lr=0.5, momentum=0.5)
    np.testing.assert_array_equal(after, X / 2)
    np.testing.assert_array_equal(state["momentum_buffer"], X)


def test_what_cannot_be_sent_is_not_offered(alone):
    with pytest.raises(NotOffered, match="cannot be handed"):
        alone.relu(lambda: 0)
    np.testing.assert_array_equal(alone.relu(X), reference.relu(X))


@pytest.mark.slow
def test_a_subject_that_does_not_exist_is_not_available():
    with pytest.raises(NotAvailable, match="no wrong implementation 'nothing'"):
        subjects.isolated("wrong:nothing")


slow = pytest.mark.slow


@slow
def test_a_file_says_of_itself_what_it_says_here(tmp_path):
    source = """
        DTYPES = ["float32"]
        NOT_OFFERED = ["strided"]
        ONLY = ["relu:values", "sigmoid"]
        NAMES = {"relu": "mine"}
        def mine(x):
            return np.maximum(x, 0)
    """
    with isolated(tmp_path, source) as there:
        here = subjects.load(str(tmp_path / "my_layers.py"))

        for name in ("name", "dtypes", "lacks", "only", "notes"):
            assert getattr(there, name) == getattr(here, name), name
        assert (there.name, there.source, there.tensors) == (here.name, here.source, here.tensors)
        assert there.offers("relu")
        assert not there.offers("conv2d")
        assert not hasattr(there, "gradients_of")
        name, given = there.calling("relu", {"input": X})
        assert name == "mine"
        assert given["x"] is X


@slow
def test_a_call_that_takes_too_long_is_ended_and_the_next_one_is_answered(tmp_path):
    too_long = [
        "while True: pass",
        "return sum(range(10**13))",
        "try:\n    time.sleep(100)\nexcept BaseException:\n    time.sleep(100)",
        "subprocess.run([sys.executable, '-c', 'import time; time.sleep(100)'])",
    ]
    start = time.monotonic()

    assert_fail(tmp_path, dict.fromkeys(too_long, rf"^relu took longer than {LIMIT} s$"), time_limit=LIMIT)
    assert time.monotonic() - start < 60


@slow
@pytest.mark.skipif(sys.platform != "linux", reason="the system does not tell how long a process has worked")
def test_a_call_that_has_hardly_had_the_processor_may_take_longer(tmp_path):
    waits = f"import time\ndef relu(input):\n    time.sleep({1.5 * LIMIT})\n    return input\n"

    with isolated(tmp_path, waits, time_limit=LIMIT) as subject:
        np.testing.assert_array_equal(subject.relu(input=X), X)


@slow
def test_what_is_neither_answer_nor_refusal_is_a_failure_in_one_line(tmp_path):
    cases = {
        "sys.exit(3)": r"^relu raised SystemExit: 3$",
        "raise KeyboardInterrupt": r"^relu raised KeyboardInterrupt$",
        "raise BaseException('no')": r"^relu raised BaseException: no$",
        "return 1 // 0": "^relu raised ZeroDivisionError",
        "raise MemoryError": r"^relu raised MemoryError$",
        "raise type('Odd', (Exception,), {'__str__': lambda self: 1 // 0})": r"^relu raised Odd$",
        "return (x for x in input)": "^relu returned an object of type generator$",
        "os._exit(3)": r"^relu ended its process with exit code 3$",
        "os.closerange(3, 20)\nreturn input": "^relu .* its process",
    }
    assert_fail(tmp_path, cases)


@slow
@pytest.mark.skipif(os.name != "posix", reason="Windows has exit codes for this")
def test_a_crash_is_a_failure_in_one_line(tmp_path):
    crashes = {"ctypes.string_at(0)": 11, "os.kill(os.getpid(), 9)": 9, "os.abort()": 6}

    assert_fail(tmp_path, {body: rf"^relu was killed by signal {number}$" for body, number in crashes.items()})


@slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux holds a process to its limit of memory")
def test_a_call_that_eats_memory_meets_its_limit(tmp_path):
    cases = {
        "return np.ones(10**9)": r"^relu raised MemoryError: Unable to allocate",
        "kept = []\nwhile True: kept.append(bytearray(10**7))": r"^relu raised MemoryError$",
    }
    assert_fail(tmp_path, cases, memory_limit=2**29, time_limit=30)


@slow
def test_a_refusal_comes_back_as_the_type_that_it_is_of(tmp_path):
    raised = {
        "UnicodeError": ValueError,
        "TypeError": TypeError,
        "RecursionError": RuntimeError,
        "IndexError": IndexError,
        "NotImplementedError": NotImplementedError,
    }
    source = f"def relu(input):\n    raise [{', '.join(raised)}][int(input[0])]('input is wrong')\n"
    with isolated(tmp_path, source) as subject:
        for number, kind in enumerate(raised.values()):
            with pytest.raises(kind, match=r"^input is wrong$") as refusal:
                subject.relu(input=np.full(3, float(number)))
            assert type(refusal.value) is kind


@slow
def test_what_is_printed_goes_nowhere_and_its_beginning_is_kept(tmp_path, capfd):
    source = """
        print("loading")
        os.write(1, b"to the output")
        def relu(input):
            print("hello", file=sys.stderr)
            for _ in range(1_000):
                print("x" * 1_000)
            os.write(1, b"to the output" * 10_000)
            os.system("echo from a program")
            sys.__stdout__.write("more")
            assert sys.stdin.read() == ""
            assert os.read(0, 10) == b""
            return np.maximum(input, 0)
        def tanh(input):
            sys.stdout.close()
            sys.stdout = None
            return np.tanh(input)
    """
    with isolated(tmp_path, source) as subject:
        np.testing.assert_array_equal(subject.relu(input=X), [0, 2])
        assert subject.last_printed.startswith("hello\nxxx")
        assert len(subject.last_printed) == 1_000
        subject.tanh(input=X)
        assert subject.last_printed == ""
        assert_goes_on(subject)
    assert capfd.readouterr() == ("", "")


@slow
def test_arguments_that_are_written_into_or_returned_are_named_and_unharmed(tmp_path):
    source = """
        def relu(input):
            return np.maximum(input, 0, out=input)
        def tanh(input):
            input.base.flags.writeable = input.flags.writeable = True
            input[0] = 7
            return np.tanh(input)
        def linear(input, weight, bias=None):
            input.base[1] = 7
            return weight[::2]
    """
    with isolated(tmp_path, source) as subject:
        argument, rows = X.copy(), np.zeros(8)
        read_only = argument[:]
        read_only.flags.writeable = False

        relu = subject.relu(input=argument)
        assert (subject.last_written, subject.last_shared) == (("input",), ("input",))
        subject.sigmoid(input=argument)
        assert (subject.last_written, subject.last_shared) == ((), ())
        subject.tanh(input=read_only)
        assert subject.last_written == ("input",)
        subject.linear(input=rows[::2], weight=np.ones((3, 4)))
        assert (subject.last_written, subject.last_shared) == (("input",), ("weight",))

        np.testing.assert_array_equal(relu, [0, 2])
        np.testing.assert_array_equal(argument, X)
        np.testing.assert_array_equal(rows, np.zeros(8))
        relu[:] = 5  # memory of its own


@slow
def test_the_seam_records_what_was_written_into_in_the_other_process(tmp_path):
    (tmp_path / "my_layers.py").write_text("def relu(input):\n    input[0] = 0\n    return input\n")
    guarded = subjects.isolated(str(tmp_path / "my_layers.py"))
    at = guarded.at("float32")
    at.relu(X)

    assert (at.inner.last_written, at.inner.last_shared) == (("input",), ("input",))
    with pytest.raises(NotOffered, match="tanh is not offered"):
        at.tanh(X)
    guarded.inner.close()


JUNK = [
    "b'junk' * 100",
    "struct.pack('<4sIQ', b'ans:', 2, 2**62) + b'{}'",
    "struct.pack('<4sIQ', b'ans:', 2, 0) + b'{}'",
    "struct.pack('<4sIQ', b'ans:', 4, 0) + b'[[]]'",
]


@slow
def test_junk_from_the_process_is_a_failure_in_one_line(tmp_path):
    body = """
        import contextlib, struct
        for descriptor in range(3, 20):
            with contextlib.suppress(OSError):
                os.write(descriptor, {})
        return input
    """
    cases = [textwrap.dedent(body).replace("{}", junk) for junk in JUNK]
    message = r"^relu: what came from its process is no answer"

    assert_fail(tmp_path, dict.fromkeys(cases, message), time_limit=20)


@slow
def test_nothing_that_is_returned_is_executed_here(tmp_path):
    source = f"""
        class Evil:
            def __reduce__(self):
                return os.mkdir, ({str(tmp_path / "harm")!r},)
            def __array__(self, dtype=None, copy=None):
                os._exit(9)
        class Number(float):
            def hex(self):
                return Evil()
        def relu(input):
            return Evil()
        def tanh(input):
            return Number(2.5)
    """
    with isolated(tmp_path, source) as subject:
        with pytest.raises(SubjectFailed, match="returned an object of type Evil"):
            subject.relu(input=X)
        assert subject.tanh(input=X) == 2.5
    assert not (tmp_path / "harm").exists()


@slow
def test_what_it_replaces_in_its_process_changes_no_judgement_here(tmp_path):
    source = """
        import reference
        from spec_tests.contract import on_arrays
        from spec_tests.vocabulary import compare
        reference.relu = lambda input: input
        compare.assert_equal = lambda *_: None
        on_arrays.OnArrays.deviations = frozenset({"large-values"})
        on_arrays.OnArrays.transforms = {"conv2d": "fft"}
        sys.modules["spec_tests.vocabulary.ledger"] = None
        def relu(input):
            return input
    """
    with isolated(tmp_path, source) as subject:
        assert not subject.deviations
        assert not subject.transforms
        np.testing.assert_array_equal(subject.relu(input=X), X)
    np.testing.assert_array_equal(reference.relu(X), [0, 2])


@slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_process_that_it_leaves_behind_with_the_pipe_open_holds_nothing_up(tmp_path):
    body = f"""
        if os.fork() == 0:
            with open({str(tmp_path / "pid")!r}, "w") as file:
                file.write(str(os.getpid()))
            time.sleep(100)
            os._exit(0)
        time.sleep(0.5)
        os._exit(3)
    """
    start = time.monotonic()
    assert_fail(tmp_path, {body: "exit code 3"})

    assert time.monotonic() - start < 15
    assert gone(int((tmp_path / "pid").read_text()))


def gone(pid, within=5.0):
    """Tell whether a process ends within so many seconds."""
    with contextlib.suppress(psutil.NoSuchProcess, psutil.TimeoutExpired):
        process = psutil.Process(pid)
        end = time.monotonic() + within
        while time.monotonic() < end and process.status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.05)
        return process.status() == psutil.STATUS_ZOMBIE
    return True


@slow
@pytest.mark.parametrize(
    ("body", "limit", "message"),
    [
        ("sys.exit('not today')", 60.0, "not today"),
        ("os._exit(7)", 60.0, "ended its process with exit code 7 while it was loaded"),
        ("raise ValueError('no such data')", 60.0, "line 4: ValueError: no such data"),
        ("while True: pass", 2.0, "took longer than 2 s while it was loaded"),
        ("os.closerange(0, 20)", 2.0, "my_layers.py"),  # waits for its limit
    ],
)
def test_a_file_that_ends_its_process_when_it_is_loaded_is_not_available(tmp_path, body, limit, message):
    with pytest.raises(NotAvailable, match=message), isolated(tmp_path, f"{body}\n", loading_limit=limit):
        pass


@slow
def test_a_file_that_cannot_be_loaded_a_second_time_is_a_failure(tmp_path):
    source = f"""
        if os.path.exists({str(tmp_path / "once")!r}):
            os._exit(1)
        os.mkdir({str(tmp_path / "once")!r})
        def relu(input):
            os._exit(3)
    """
    with isolated(tmp_path, source) as subject:
        with pytest.raises(SubjectFailed, match="exit code 3"):
            subject.relu(input=X)
        with pytest.raises(SubjectFailed, match=r"sigmoid cannot be asked again: .*exit code 1"):
            subject.sigmoid(input=X)


RUN = """
import sys, os
from spec_tests import subjects
import numpy as np
subject = subjects.isolated(sys.argv[1])
print(int(subject.relu(input=np.ones(1))[0]), flush=True)
{end}
"""


@slow
@pytest.mark.parametrize("end", ["", "os._exit(1)", "subject.tanh(input=np.ones(1))"])
def test_the_process_ends_with_the_run_that_started_it(tmp_path, end):
    file = tmp_path / "my_layers.py"
    source = "import os\ndef relu(input):\n    return input * 0 + os.getpid()\ndef tanh(input):\n    while True: pass\n"
    file.write_text(source, encoding="utf-8")
    command = [sys.executable, "-W", "error", "-c", RUN.format(end=end), str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        pid = int(run.stdout.readline())
        if "tanh" in end:
            time.sleep(0.5)
            run.kill()
            if os.name != "posix":
                psutil.Process(pid).kill()  # on Windows it ends with its call
        assert run.stderr.read() == ""

    assert gone(pid)


@slow
def test_tensors_half_formats_and_threads_pass_through():
    pytest.importorskip("torch")
    torch = subjects.isolated("torch", time_limit=60)
    half = torch.at("float16")
    with half.threads(2):
        result = half.linear(np.full((1, 3), 0.1, np.float32), np.ones((1, 3), np.float32))
    memory = np.arange(12.0, dtype=np.float32)

    assert result.dtype == np.float32
    assert result == np.float16(result)
    np.testing.assert_array_equal(torch.relu(memory[1::2]), memory[1::2])
    assert torch.deviations == subjects.load("torch").deviations
    torch.inner.close()
