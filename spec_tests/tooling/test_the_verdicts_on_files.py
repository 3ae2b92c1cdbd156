"""`python -m spec_tests.verdict`: cases in three kinds of files, what is printed, exit codes, and bad files."""

import json
import struct
import subprocess
import sys

import numpy as np
import pytest

import reference
from spec_tests.run.selection import ROOT
from spec_tests.tooling.public.models import bf16, normal, tf32
from spec_tests.verdict import case_files
from spec_tests.verdict.__main__ import main
from spec_tests.verdict.asking import BadCase
from spec_tests.verdict.case_files import read

pytestmark = pytest.mark.tooling

X, W = normal(1, (4, 16), (8, 16))
CASE = {"operation": "linear", "input": X, "weight": W, "output": X @ W.T}


def npz(tmp_path, **case):
    """Write a case as .npz, and return its path."""
    np.savez(tmp_path / "case.npz", **case)
    return tmp_path / "case.npz"


NAMES = {"float32": "F32", "float64": "F64", "float16": "F16", "int64": "I64", "uint16": "BF16"}


def safetensors(tmp_path, metadata, **tensors):
    """Write tensors and texts as .safetensors, and return the path; uint16 stands for bfloat16."""
    header, numbers = {"__metadata__": metadata}, b""
    for name, array in tensors.items():
        data = array.tobytes()
        span = [len(numbers), len(numbers) + len(data)]
        header[name] = {"dtype": NAMES[str(array.dtype)], "shape": list(array.shape), "data_offsets": span}
        numbers += data
    text = json.dumps(header).encode()
    (tmp_path / "case.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + numbers)
    return tmp_path / "case.safetensors"


def said(capsys, *arguments):
    """Run the command, and return its exit code and what it prints on both streams."""
    code = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, out, err


# What is printed


def test_a_right_result_ends_with_0_and_begins_with_the_decision(tmp_path, capsys):
    code, out, _ = said(capsys, npz(tmp_path, **CASE))

    assert code == 0 and out.startswith("rounding: linear in float32")


def test_a_wrong_result_ends_with_1_and_draws_the_element(tmp_path, capsys):
    output = X @ W.T
    output[2, 3] += 1
    code, out, _ = said(capsys, npz(tmp_path, **{**CASE, "output": output}))

    assert code == 1 and out.startswith("wrong: ") and "output[2, 3]" in out and "*" in out


def test_two_outputs_are_told_apart_by_their_names(tmp_path, capsys):
    case = {name: value for name, value in CASE.items() if name != "output"}
    code, out, _ = said(capsys, npz(tmp_path, **case, output_cpu=X @ W.T, output_gpu=tf32(X) @ tf32(W).T))

    assert code == 1 and out.startswith("a coarser format: linear in float32, of both, cpu is right")
    assert "output of gpu: a coarser format; fits sums of factors shortened to TF32" in out
    assert "nearer to the exact value is cpu" in out


def test_what_cannot_be_decided_ends_with_3_and_a_reason(tmp_path, capsys):
    x = np.array([[6_400_000, 6_400_001, 6_400_003]], np.float32)
    case = {"operation": "layer_norm", "input": x, "normalized_shape": 3, "output": np.zeros((1, 3), np.float32)}
    code, out, _ = said(capsys, npz(tmp_path, **{**case, "normalized_shape": [3]}))

    assert code == 3 and out.startswith("cannot say: ") and "no bound" in out


def test_json_says_the_same(tmp_path, capsys):
    code, out, _ = said(capsys, npz(tmp_path, **{**CASE, "output": X @ W.T + 1}), "--json")

    found = json.loads(out)["outputs"]["output"][0]
    assert code == 1 and found["decision"] == "wrong" and found["outside"] == 32


def test_help_says_what_a_case_holds_and_that_python_is_executed(capsys):
    code, out, _ = said(capsys, "--help")

    assert code == 0 and "the file is EXECUTED" in out and "output_NAME" in out


def test_no_case_at_all_is_a_usage_error(capsys):
    assert said(capsys)[0] == 2


def test_an_option_that_there_is_not_is_a_usage_error(capsys):
    with pytest.raises(SystemExit, match="2"):
        said(capsys, "case.npz", "--jsn")

    assert "--jsn" in capsys.readouterr().err


def test_the_example_is_a_case_that_can_be_judged(tmp_path, capsys):
    code, out, _ = said(capsys, "--example", tmp_path / "case.py")
    again, _, complaint = said(capsys, "--example", tmp_path / "case.py")
    verdict, text, _ = said(capsys, tmp_path / "case.py")

    assert (code, again, verdict) == (0, 2, 1) and "exists already" in complaint
    assert "of both, mine is right" in text and "rng, windows, which is none of the case" in text and "case.py" in out


# The three kinds of files


def test_options_and_gradients_come_by_name(tmp_path, capsys):
    x, w = normal(2, (1, 2, 5, 6), (3, 2, 3, 3))
    options = {"stride": (1, 2), "padding": 1}
    g = np.ones_like(reference.conv2d(x, w, **options))
    grads = reference.conv2d_backward(g, x, w, **options)
    case = {"operation": "conv2d", "input": x, "weight": w, "grad_output": g, **options}
    code, out, _ = said(capsys, npz(tmp_path, **case, grad_input_mine=grads[0], grad_weight_mine=grads[1]))

    assert code == 0 and "grad_input" in out and "grad_weight" in out


def test_an_optimizer_is_judged_by_its_next_state(tmp_path, capsys):
    param, grad, buffer = normal(3, (4,), (4,), (4,))
    after, state = reference.sgd(param, grad, {"momentum_buffer": buffer}, 0.1, 0.9)
    case = {
        "operation": "sgd",
        "param": param,
        "grad": grad,
        "state_momentum_buffer": buffer,
        "lr": 0.1,
        "momentum": 0.9,
    }
    found = {"next_param": after, "next_momentum_buffer": state["momentum_buffer"]}

    assert said(capsys, npz(tmp_path, **case, **found))[0] == 0


def test_settings_of_safetensors_are_texts(tmp_path, capsys):
    x, w = normal(4, (1, 2, 6, 6), (2, 2, 3, 3))
    output = reference.conv2d(x, w, stride=(2, 1), padding=1)
    metadata = {"operation": "conv2d", "stride": "(2, 1)", "padding": "1"}
    path = safetensors(tmp_path, metadata, input=x, weight=w, output=np.ascontiguousarray(output))

    assert said(capsys, path)[0] == 0


def test_bfloat16_of_safetensors_is_read_as_it_is(tmp_path, capsys):
    arrays = {"input": bf16(X), "weight": bf16(W), "output": bf16(bf16(X) @ bf16(W).T)}
    bits = {name: (array.view(np.uint32) >> 16).astype(np.uint16) for name, array in arrays.items()}
    path = safetensors(tmp_path, {"operation": "linear", "format": "bfloat16"}, **bits)
    code, out, _ = said(capsys, path)

    assert code == 0 and "linear in bfloat16" in out


def test_bfloat16_of_npz_may_be_held_in_float32_or_as_bits(tmp_path):
    arrays = {"input": bf16(X), "weight": bf16(W), "output": bf16(bf16(X) @ bf16(W).T)}
    bits = {name: (array.view(np.uint32) >> 16).astype(np.uint16) for name, array in arrays.items()}
    both = [read(npz(tmp_path, operation="linear", format="bfloat16", **held)) for held in (arrays, bits)]

    np.testing.assert_array_equal(both[0].arguments["input"], both[1].arguments["input"])
    assert both[0].dtype == both[1].dtype == "bfloat16"


def test_a_python_file_may_have_a_dictionary_of_its_case(tmp_path):
    (tmp_path / "case.py").write_text(
        "import numpy as np\nrows = 2\n"
        "case = dict(operation='relu', input=np.ones((rows, 2)), output=np.ones((rows, 2)), grad_output=None)\n"
    )

    found = read(tmp_path / "case.py")

    assert found.operation == "relu" and set(found.arguments) == {"input"} and not found.unread


def test_tensors_are_taken_as_arrays(tmp_path, capsys):
    pytest.importorskip("torch")
    (tmp_path / "case.py").write_text(
        "import torch\noperation = 'linear'\ninput = torch.ones(2, 3, dtype=torch.bfloat16, requires_grad=True)\n"
        "weight = torch.ones(4, 3, dtype=torch.bfloat16)\noutput = torch.nn.functional.linear(input, weight)\n"
    )

    code, out, _ = said(capsys, tmp_path / "case.py")

    assert code == 0 and out.startswith("exact: linear in bfloat16")


# Bad files


@pytest.mark.parametrize(
    ("case", "message"),
    [
        ({**CASE, "operation": "linera"}, "there is no operation 'linera': did you mean 'linear'"),
        ({**CASE, "operation": 3}, "`operation` is 3; a string was expected"),
        ({"input": X}, 'there is no `operation`, as "conv2d"'),
        ({**CASE, "wieght": W}, "'wieght' is no argument or result of linear: did you mean 'weight'"),
        ({**CASE, "format": "float8"}, "there is no format 'float8'"),
        ({"operation": "linear", "input": X, "weight": W}, "there is no result to judge: "),
        ({**CASE, "output_a": X, "output_b": X}, "there are results of 3 outputs, output, a, b"),
        ({**CASE, "weight": W[:, :3]}, "linear refuses these arguments: input has shape"),
        ({**CASE, "input": np.array(["a", "b"])}, "input is of dtype <U1; numbers were expected"),
        ({"operation": "linear", "input": X, "output": X}, "linear needs weight"),
        ({**CASE, "grad_input": X}, "grad_input is a gradient, and needs grad_output"),
    ],
)
def test_a_case_that_makes_no_sense_is_one_line_and_exit_code_2(case, message, tmp_path, capsys):
    code, out, err = said(capsys, npz(tmp_path, **case))

    assert code == 2 and not out
    assert err.startswith("error: ") and message in err and err.count("\n") == 1


def test_pickles_are_not_read(tmp_path, capsys):
    code, _, err = said(capsys, npz(tmp_path, **CASE, extra=np.array([object()], object)))

    assert code == 2 and "'extra' holds Python objects, not numbers: it is a pickle, and is not read" in err


@pytest.mark.parametrize("kept", [0, 3, 200, 900])
def test_a_file_that_is_cut_off_is_one_line(kept, tmp_path, capsys):
    path = npz(tmp_path, **CASE)
    path.write_bytes(path.read_bytes()[:kept])
    code, _, err = said(capsys, path)

    assert code == 2 and err.startswith("error: case.npz cannot be read: ") and err.count("\n") == 1


@pytest.mark.parametrize("kept", [0, 5, 30, -4])
def test_safetensors_that_are_cut_off_are_one_line(kept, tmp_path, capsys):
    path = safetensors(tmp_path, {"operation": "linear"}, input=X, weight=W, output=np.ascontiguousarray(X @ W.T))
    path.write_bytes(path.read_bytes()[:kept])
    code, _, err = said(capsys, path)

    assert code == 2 and err.startswith("error: case.safetensors: ") and "cut off" in err and err.count("\n") == 1


def test_a_tensor_whose_shape_contradicts_its_bytes_is_named(tmp_path):
    path = safetensors(tmp_path, {"operation": "relu"}, input=X)
    path.write_bytes(path.read_bytes().replace(b"[4, 16]", b"[4, 17]"))

    with pytest.raises(BadCase, match=r"'input' has shape \(4, 17\) of F32, but 256 bytes"):
        read(path)


HEADERS = {
    b"[" * 100_000: "its header is no JSON object",
    b'{"x": {"dtype": [], "shape": [1], "data_offsets": [0, 4]}}': "is of dtype '\\[\\]', which is not read",
    b'{"x": {"dtype": "F32", "shape": [1], "data_offsets": [0, 1e999]}}': "'x' lacks dtype, shape or data_offsets",
    b'{"x": {"dtype": "F32", "shape": [-1, -1], "data_offsets": [0, 4]}}': "'x' has shape",
    b'{"x": {"dtype": "F32", "shape": [4294967296, 4294967296], "data_offsets": [0, 0]}}': "'x' has shape",
    b'{"x": {"dtype": "F32", "shape": [0, 4611686018427387904], "data_offsets": [0, 0]}}': "'x' has shape",
    b'{"x": {"dtype": "F32", "shape": [1' + b"0" * 40 + b'], "data_offsets": [0, 0]}}': "'x' has shape",
}


@pytest.mark.parametrize("header", HEADERS, ids=range(len(HEADERS)))
def test_a_header_of_safetensors_that_makes_no_sense_is_one_line(tmp_path, header):
    (tmp_path / "case.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(4))

    with pytest.raises(BadCase, match=HEADERS[header]) as refused:
        read(tmp_path / "case.safetensors")
    assert len(str(refused.value).splitlines()) == 1


def test_a_setting_that_is_nested_too_deeply_is_a_text(tmp_path):
    with pytest.raises(BadCase, match=r"there is no operation '\[\["):
        read(safetensors(tmp_path, {"operation": "[" * 10_000}))


def test_a_case_that_is_larger_than_the_memory_is_one_line(tmp_path, monkeypatch, capsys):
    def too_large(*_):
        raise MemoryError

    monkeypatch.setattr(case_files, "_npz", too_large)
    (tmp_path / "case.npz").touch()

    assert main([str(tmp_path / "case.npz")]) == 2
    assert capsys.readouterr().err == "error: case.npz holds more than the memory does\n"


def test_a_tensor_of_an_unknown_dtype_is_named(tmp_path):
    path = safetensors(tmp_path, {"operation": "relu"}, input=X)
    path.write_bytes(path.read_bytes().replace(b'"F32"', b'"F8X"'))

    with pytest.raises(BadCase, match="'input' is of dtype 'F8X', which is not read; there are F64, F32"):
        read(path)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("operation = (", "line 1 is no Python"),
        ("raise RuntimeError('no data')", "it ended with RuntimeError: no data"),
        ("import sys\nsys.exit(7)", "it ended with SystemExit: 7"),
        ("paddin = 1\noperation = 'conv2d'", "'paddin' is no argument or result of conv2d: did you mean 'padding'"),
    ],
)
def test_a_python_file_that_fails_is_one_line(source, message, tmp_path):
    (tmp_path / "case.py").write_text(source)

    with pytest.raises(BadCase, match=r"^case\.py: ") as refused:
        read(tmp_path / "case.py")

    assert message in str(refused.value)


@pytest.mark.parametrize(("name", "message"), [("no.npz", "there is no file"), ("case.txt", "ends in none of .npz")])
def test_a_path_that_leads_nowhere_is_one_line(name, message, tmp_path, capsys):
    code, _, err = said(capsys, tmp_path / name)

    assert code == 2 and message in err


def test_a_single_array_is_no_case(tmp_path, capsys):
    with (tmp_path / "case.npz").open("wb") as file:
        np.save(file, X)

    assert "is a single array; np.savez writes several by name" in said(capsys, tmp_path / "case.npz")[2]


# NumPy alone


@pytest.mark.slow
def test_a_verdict_needs_numpy_alone(tmp_path):
    program = (
        "import sys\nsys.modules.update(dict.fromkeys(['pytest', 'hypothesis', 'torch', 'safetensors', 'ml_dtypes']))\n"
        f"from spec_tests.verdict.__main__ import main\ncode = main([{str(npz(tmp_path, **CASE))!r}])\n"
        "print([name for name in ('pytest', 'hypothesis') if sys.modules[name] is not None])\nsys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT.parent,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("rounding: ") and done.stdout.endswith("[]\n")


@pytest.mark.slow
def test_a_reader_that_stops_reading_is_no_error(tmp_path):
    path = npz(tmp_path, **{**CASE, "output": X @ W.T + 1})
    program = subprocess.Popen(
        [sys.executable, "-m", "spec_tests.verdict", path],
        cwd=ROOT.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    program.stdout.close()  # before anything is written

    assert program.stderr.read() == b""
    program.stderr.close()
    assert program.wait() in (141, 1)
