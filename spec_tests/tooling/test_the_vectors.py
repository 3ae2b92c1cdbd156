"""The vectors: their form, that they come out the same everywhere, what is right and wrong, and how strong they are."""

import json
import os
import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from reference.command import Refusal, WrongUsage
from spec_tests import subjects
from spec_tests.contract.functions import parameters
from spec_tests.report import merging
from spec_tests.vectors import (
    VERSION,
    answers,
    command,
    conventions,
    exact,
    large_table,
    layers,
    losses,
    refusals,
    strength,
    windows,
)
from spec_tests.vectors.arrays import described, generated, read, safetensors
from spec_tests.vectors.asking import answer, verdict
from spec_tests.vectors.comparing import Arrays, settled, what_is_wrong
from spec_tests.vectors.exact import Around
from spec_tests.vectors.flags import FLAGS
from spec_tests.vectors.randomness import Random
from spec_tests.vectors.reading import Cases, cases_in
from spec_tests.vectors.real import Real, reals, rounded_to_float64, rounded_up
from spec_tests.vectors.series import OPERATIONS, file_of, series_of
from spec_tests.vectors.writing import digest
from spec_tests.vocabulary import exact as bounded
from spec_tests.vocabulary.operations import OPERATIONS as TABLE
from spec_tests.vocabulary.operations import OPTIMIZERS, TRANSFORMS
from spec_tests.vocabulary.problems import Problem
from spec_tests.wrong_implementations import WRONG

pytestmark = pytest.mark.tooling

FOLDER = Path(__file__).parents[1] / "vectors"
SCHEMA = json.loads((FOLDER / "vectors.schema.json").read_text(encoding="utf-8"))
BY_HAND = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted((FOLDER / "by_hand").iterdir())}
STORED = Path(__file__).parent / "stored" / "vectors-small.sha256"
"""The hash of the small set; `python -m spec_tests.tooling.hash_of_vectors` writes it. It changes with the version."""
MET_BY_TORCH = {"cross_entropy/conventions-b/4": "impossible-class-without-share"}
"""Cases that torch fails, and the known deviation that is the reason."""


@pytest.fixture(scope="module")
def small():
    """Return the files of the small set."""
    return {operation: file_of(operation, small=True) for operation in OPERATIONS}


# The form


@pytest.mark.parametrize("operation", BY_HAND)
def test_the_cases_by_hand_have_the_form_of_the_schema(operation):
    jsonschema.validate(BY_HAND[operation], SCHEMA)


@pytest.mark.parametrize("operation", BY_HAND)
def test_the_references_answer_the_cases_by_hand_rightly(operation):
    file, references = BY_HAND[operation], subjects.load("reference")
    arrays = Arrays(file["arrays"])

    assert {case["id"]: verdict(references, case, arrays) for case in file["cases"]} == {
        case["id"]: "" for case in file["cases"]
    }


@pytest.mark.slow
def test_every_file_of_the_small_set_has_the_form_of_the_schema(small):
    validator = jsonschema.Draft202012Validator(SCHEMA)
    for file in small.values():
        validator.validate(json.loads(file.text()))


@pytest.mark.slow
def test_the_small_set_is_the_same_on_every_machine(small):
    assert digest(small) == STORED.read_text(encoding="utf-8").strip()


@pytest.mark.slow
def test_the_small_set_has_500_cases_of_every_operation_and_level(small):
    cases = [case for file in small.values() for case in file.cases]

    assert 500 <= len(cases) < 600
    assert {case["level"] for case in cases} == set(strength.LEVELS)
    assert {name for name, file in small.items() if not file.cases} == {"cifar10_cnn"}  # whose arrays are large


def test_the_whole_set_has_more_than_10000_problems_and_gradients():
    problems = {name: len(list(series_of(name))) for name in OPERATIONS}

    assert sum(problems.values()) > 6500  # nearly each with its gradients
    assert min(problems.values()) >= 3


def test_every_operation_of_the_table_has_vectors():
    assert set(OPERATIONS) == {*TABLE, *OPTIMIZERS, *TRANSFORMS, "cifar10_cnn"}
    assert conventions.MAKERS.keys() | refusals.FAULTS.keys() <= set(OPERATIONS)
    assert TABLE.keys() | {*OPTIMIZERS} <= refusals.FAULTS.keys()
    assert TABLE.keys() <= large_table.LARGE.keys()


@pytest.mark.parametrize("operation", ["flatten", "hflip"])
def test_a_case_of_the_small_set_is_one_of_the_whole(operation):
    whole, small = ({case["id"]: case for case in described_cases(operation, small)} for small in (False, True))

    assert small.keys() <= whole.keys()
    assert all(whole[name] == case for name, case in small.items())


def described_cases(operation, small):
    """Return the cases of an operation with their arrays in place of the names."""
    cases = Cases.made(file_of(operation, small))
    arrays = cases.arrays.entries
    for case in cases.cases:
        arguments = {key: arrays[name] for key, name in case["arguments"].items() if name}
        expected = {key: arrays[one["equals"]] for key, one in case["expected"].items() if "equals" in one}
        yield case | {"arguments": arguments, "expected": expected}


@pytest.mark.slow
def test_every_array_is_stored_once(small):
    for file in small.values():
        entries = [json.dumps(entry, sort_keys=True) for entry in file.entries.values()]
        assert len(entries) == len(set(entries))


@pytest.mark.slow
def test_every_refusal_names_a_call_beside_it_that_must_be_taken(small):
    for file in small.values():
        by_id = {case["id"]: case for case in file.cases}
        assert len(by_id) == len(file.cases)
        for case in file.cases:
            assert (case["level"] == "refusals") == ("refused" in case["expected"]) == ("near" in case)
            assert "near" not in case or "refused" not in by_id[case["near"]]["expected"]


def options_of(function):
    """Return the options that a function has, by the names of the README, and as torch calls them."""
    arrays = {"input", "weight", "bias", "target", "grad_output", "running_mean", "running_var", "param", "grad"}
    names = [name for name in parameters(function) if name not in arrays | {"img", "pic", "tensor"}]
    inside = {"state": ["step"], "parameters": []}
    as_torch = {option for name in names for option in inside.get(name, [name])}
    return {"padding" if name == "pad" else name for name in as_torch}, as_torch


@pytest.mark.slow
def test_every_case_spells_out_every_option_of_its_function(small):
    for case in (case for file in small.values() for case in file.cases):
        assert (set(case["options"]), set(case["as_torch"])) == options_of(case["function"]), case["id"]


@pytest.mark.parametrize("operation", BY_HAND)
def test_the_cases_by_hand_spell_out_every_option_too(operation):
    for case in BY_HAND[operation]["cases"]:
        assert (set(case["options"]), set(case["as_torch"])) == options_of(case["function"]), case["id"]


@pytest.mark.slow
def test_every_flag_is_explained_and_each_operation_has_some(small):
    used = {flag for file in small.values() for case in file.cases for flag in case["flags"]}

    assert used <= FLAGS.keys()
    assert all(case["flags"] for file in small.values() for case in file.cases)
    assert all(
        {"about", "catches", "reports"} <= flag.keys() <= {"about", "catches", "reports", "choice"}
        for flag in FLAGS.values()
    )


# Arrays


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_an_array_comes_back_from_its_bits_as_it_was(dtype):
    array = Random(dtype).real((3, 4), dtype).astype("float64" if dtype == "float64" else "float32")
    array[0, :3] = np.nan, -np.inf, -0.0

    entry = described(array, dtype)

    found = read(entry)
    assert found.dtype == array.dtype
    assert np.array_equal(found, array, equal_nan=True)
    assert np.signbit(found[0, 2])
    assert entry["values"][:3] == ["NaN", "-Infinity", -0.0]


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
def test_a_readable_number_is_the_shortest_that_rounds_to_the_element(dtype):
    array = Random(f"readable {dtype}").real((40,), dtype).astype("float32")

    entry = described(array, dtype)

    for number, text in zip(array.tolist(), map(repr, entry["values"]), strict=True):
        assert float(bounded_format(float(text), dtype)) == number


def bounded_format(number, dtype):
    """Return a number rounded to a format."""
    return Problem("relu", {"input": np.array(number)}, {}, np.array(0.0)).at(dtype).input


def test_integers_and_bytes_are_written_as_twos_complement():
    assert described(np.array([-1, 2]), "int64")["bits"] == "f" * 16 + "0" * 15 + "2"
    assert described(np.array([255, 16], np.uint8), "uint8")["bits"] == "ff10"


def test_numbers_that_a_half_format_does_not_have_are_not_written():
    for dtype in ("float16", "bfloat16"):
        with pytest.raises(ValueError, match=f"that {dtype} does not have"):
            described(np.array([1 / 3], np.float32), dtype)


def test_the_generator_is_the_rule_of_the_readme():
    state, found = 7, []
    for _ in range(5):
        state = (state * 1664525 + 1013904223) % 4294967296
        found.append((-8 + (state // 65536) * 16 // 65536) / 4)

    assert generated((5,), "float32", seed=7, low=-8, count=16, exponent=-2).tolist() == found


def test_a_file_of_safetensors_holds_the_arrays_behind_its_header():
    half = np.array([1.5, -2.0], np.float32)
    data = safetensors({"a0": (np.array([[1.0, 2.0]], np.float32), "float32"), "a1": (half, "bfloat16")})

    size = int.from_bytes(data[:8], "little")
    header, body = json.loads(data[8 : 8 + size]), data[8 + size :]
    assert size % 8 == 0
    assert header["a0"] == {"dtype": "F32", "shape": [1, 2], "data_offsets": [0, 8]}
    assert header["a1"] == {"dtype": "BF16", "shape": [2], "data_offsets": [8, 12]}
    assert body == np.array([1.0, 2.0], "<f4").tobytes() + bytes.fromhex("c03f00c0")


def test_the_package_safetensors_reads_the_files():
    package = pytest.importorskip("safetensors.numpy")
    file = file_of("flatten", small=True)

    loaded = package.load(file.safetensors())

    assert loaded.keys() == file.arrays.keys()
    assert all(np.array_equal(loaded[name], array, equal_nan=True) for name, (array, _) in file.arrays.items())


# Numbers of 70 digits


def test_elementary_functions_are_right_to_65_digits():
    e = Decimal("2.718281828459045235360287471352662497757247093699959574966967627724")
    ln2 = Decimal("0.693147180559945309417232121458176568075500134360255254120680009493")
    tanh1 = Decimal("0.761594155955764888119458282604793590412768597257936551596810500121953")

    for found, right in ((Real(1).exp(), e), (Real(2).log(), ln2), (Real(-1).tanh(), -tanh1), (Real(4).sqrt(), 2)):
        assert abs(found.decimal / right - 1) < Decimal("1e-64")


@pytest.mark.parametrize("small", ["1e-9", "-3e-12", "1e-40", "-1e-8"])
def test_of_a_small_number_the_series_are_inverse_to_one_another(small):
    number = Real(Decimal(small))

    assert abs(number.expm1().log1p().decimal / number.decimal - 1) < Decimal("1e-60")
    assert abs((number.exp() - 1).decimal / number.expm1().decimal - 1) < Decimal("1e-28")  # what cancelling leaves


def test_results_are_rounded_to_the_nearest_and_bounds_upwards():
    thirds = reals(np.arange(1, 50)) / 3

    assert rounded_to_float64(thirds).tolist() == [float(Fraction(n, 3)) for n in range(1, 50)]
    up = rounded_up(thirds)
    assert all(
        Fraction(n, 3) <= Fraction(found) <= Fraction(n, 3) * (1 + Fraction(1, 2**11)) for n, found in enumerate(up, 1)
    )


# Exact results and bounds

DRAWS = {
    "conv2d": lambda r: windows.convolution(r, 2),
    "avg_pool2d": windows.average_pooling,
    "adaptive_avg_pool2d": windows.adaptive_pooling,
    "linear": layers.linear,
    "tanh": lambda r: layers.curve(r, "tanh"),
    "log_softmax": lambda r: layers.softmax(r, "log_softmax"),
    "batch_norm": layers.batch_norm,
    "layer_norm": layers.layer_norm,
    "mse_loss": lambda r: losses.of_numbers(r, "mse_loss"),
    "cross_entropy": lambda r: losses.of_classes(r, "cross_entropy"),
}


@pytest.mark.parametrize("operation", DRAWS)
def test_a_bound_is_the_specifications_less_what_its_reference_may_err(operation):
    for number in range(1, 7):
        for question in DRAWS[operation](Random(f"{operation}/tested/{number}")):
            if question.function != operation:
                continue
            problem = Problem(operation, dict(question.arrays), dict(question.options), np.zeros(()))
            result = question.expected["output"]
            if not isinstance(result, Around):
                continue
            known = bounded.forward(with_grad_output(problem, result.near.shape), question.dtype)
            near_enough = abs(result.near - known.exact) <= known.bound
            assert near_enough.all()
            assert (result.within <= known.bound * (1 + 2**-10)).all()
            assert (result.within >= known.bound * (0.4 if question.dtype == "float64" else 0.999)).all()


def with_grad_output(problem, shape):
    """Return the problem with a `grad_output` of the output's shape, which the numbers of terms are taken from."""
    return problem.changed(grad_output=np.zeros(shape))


def test_whole_numbers_have_to_come_out_exactly():
    with pytest.raises(ValueError, match="no number of float32"):
        exact._exactly(reals([2**24 + 1]), "float32")


# What is wrong with a result

CASE = {"function": "relu", "dtype": "float32", "expected": {"output": {"shape": [2], "equals": "a"}}}
ARRAYS = Arrays(
    {
        "a": {"dtype": "float32", "shape": [2], "bits": "0000000040000000"},
        "b": {"dtype": "float64", "shape": [2], "bits": "0" * 16 + "4000000000000000"},
        "c": {"dtype": "float64", "shape": [2], "bits": "0" * 16 + "3f50000000000000"},
        "d": {"dtype": "float32", "shape": [1], "bits": "40000000"},
    }
)
RIGHT = np.array([0, 2], np.float32)


@pytest.mark.parametrize(
    ("expected", "results", "wrong"),
    [
        ({"shape": [2], "equals": "a"}, {"output": RIGHT}, ""),
        ({"shape": [2], "equals": "a"}, {"output": -RIGHT * -1}, ""),
        ({"shape": [2], "equals": "a"}, {"output": RIGHT + 1}, r"output\[0\] is 1.0, expected 0.0; 2 are wrong"),
        ({"shape": [2], "equals": "a"}, {"output": RIGHT[:1]}, r"output has shape \[1\], expected \[2\]"),
        ({"shape": [2], "equals": "a"}, {"output": RIGHT.astype("float64")}, "is of float64, expected float32"),
        ({"shape": [2], "equals": "a"}, {"grad": RIGHT}, "output is missing"),
        ({"shape": [2], "equals": "a"}, {"output": None}, "there is no output"),
        (
            {"shape": [2], "equals": "a", "signed_zeros": True},
            {"output": RIGHT * np.float32(-1)},
            r"output\[0\] is -0.0",
        ),
        ({"absent": True}, {"output": RIGHT}, "output is there, expected none"),
        ({"absent": True}, {"output": None}, ""),
        ({"shape": [2], "near": "b", "within": "c"}, {"output": RIGHT * np.float32(1 + 2**-12)}, ""),
        (
            {"shape": [2], "near": "b", "within": "c"},
            {"output": RIGHT * np.float32(1 + 2**-10)},
            r"output\[1\] is 2.0019",
        ),
        ({"shape": [2], "near": "b", "within": "c"}, {"output": RIGHT * np.float32(np.nan)}, r"output\[0\] is nan"),
        ({"shape": [2], "equals": "d", "places": [1]}, {"output": RIGHT}, ""),
        ({"shape": [2], "equals": "d", "places": [1]}, {"output": RIGHT * 3}, r"output\[1\] is 6.0, expected 2.0"),
    ],
)
def test_what_is_wrong_with_a_result_is_said_in_a_few_words(expected, results, wrong):
    found = what_is_wrong(CASE | {"expected": {"output": expected}}, ARRAYS, results)

    assert re.search(wrong, found) if wrong else found == ""


def test_a_call_that_is_taken_breaks_a_refusal():
    assert what_is_wrong(CASE | {"expected": {"refused": "stride is 0"}}, ARRAYS, {}) == "is taken, though stride is 0"


def test_what_a_transform_leaves_is_rounded_if_all_of_it_is_nearly_whole():
    nearly, not_so = np.array([0.9999, -2.0001], np.float32), np.array([0.9999, 0.5], np.float32)

    assert settled({"output": nearly})["output"].tolist() == [1, -2]
    assert settled({"output": not_so})["output"] is not_so


# How strong they are


@pytest.mark.slow
def test_the_references_answer_the_small_set_rightly(small):
    references = subjects.load("reference")
    wrong = {
        case["id"]: said
        for file in map(Cases.made, small.values())
        for case in file.cases
        if (said := verdict(references, case, file.arrays)) != ""
    }

    assert wrong == {}


@pytest.mark.slow
@pytest.mark.torch_api
def test_torch_answers_the_small_set_rightly_but_for_known_deviations(small):
    torch = pytest.importorskip("spec_tests.subjects.torch").load("cpu", "")
    wrong = {
        case["id"]: said
        for file in map(Cases.made, small.values())
        for case in file.cases
        if (said := verdict(torch, case, file.arrays)) and case["id"] not in MET_BY_TORCH
    }

    assert wrong == {}


@pytest.mark.slow
@pytest.mark.parametrize("operation", ["relu", "pad", "hflip", "sgd"])
def test_the_table_of_strength_is_what_is_measured(operation):
    rows = table()
    results = list(strength.measured([Cases.made(file_of(operation))]))

    assert results
    assert {result.line for result in results} <= set(rows.values())


def test_the_cases_catch_95_percent_of_the_wrong_implementations_they_can_show():
    rows = {name: row.split("\t") for name, row in table().items()}
    shown = {name: row for name, row in rows.items() if row[2] in strength.LEVELS}
    not_caught = {name for name, row in shown.items() if row[4] == "0"}

    assert rows.keys() == WRONG.keys()
    assert len(not_caught) <= 0.05 * len(shown)


def table():
    """Return the stored rows by the wrong implementation's name."""
    header, *rows = strength.TABLE.read_text(encoding="utf-8").splitlines()
    assert header == strength.HEADER
    return {row.partition("\t")[0]: row for row in rows}


@pytest.mark.slow
def test_the_small_set_alone_catches_most_wrong_layers(small):
    results = list(strength.measured(map(Cases.made, (small["conv2d"], small["max_pool2d"], small["cross_entropy"]))))
    shown = [result for result in results if result.wrong.level in strength.LEVELS]

    assert len(strength.missed(results)) <= 0.4 * len(shown)


# The command


@pytest.fixture(scope="module")
def flattened(tmp_path_factory):
    """Return a folder with the cases of one operation."""
    folder = tmp_path_factory.mktemp("vectors") / "set"
    command.write_set(folder, small=True, only=["flatten", "relu"])
    return folder


def test_the_command_writes_what_the_index_lists(flattened):
    index = json.loads((flattened / "index.json").read_text(encoding="utf-8"))

    assert set(index["operations"]) == {"flatten", "relu"}
    assert index["cases"] == sum(len(cases.cases) for cases in cases_in(flattened))
    assert {"README.md", "LICENSE", "vectors.schema.json", "flatten.safetensors"} <= {
        f.name for f in flattened.iterdir()
    }


def test_what_a_killed_command_has_left_is_in_nobodys_way(tmp_path):
    left = tmp_path / ".unfinished-abc"
    left.mkdir()
    os.utime(left, (0, 0))

    command.main([str(tmp_path), "--small", "--only", "hflip"])

    assert not left.exists()
    assert (tmp_path / "hflip.json").exists()


def test_a_set_is_replaced_and_any_other_folder_refused(tmp_path, capsys):
    for _ in range(2):
        command.main([str(tmp_path / "new"), "--small", "--only", "hflip"])
    assert "wrote" in capsys.readouterr().out
    (tmp_path / "new" / "mine.txt").write_text("mine")

    with pytest.raises(SystemExit) as ended:
        command.main([str(tmp_path / "new"), "--only", "hflip"])

    assert ended.value.code == WrongUsage.status
    assert "holds mine.txt, expected an empty folder or one of vectors" in capsys.readouterr().err
    assert (tmp_path / "new" / "hflip.json").exists()


def given_answers(folder):
    """Return the references' answers to all cases of a folder, in the form of the README."""
    references, found = subjects.load("reference"), {}
    for cases in cases_in(folder):
        for case in cases.cases:
            try:
                results = answer(references, case, cases.arrays)
            except (ValueError, TypeError) as error:
                found[case["id"]] = {"refused": str(error)}
                continue
            formats = {
                name: case["dtype"] if v is not None and v.dtype.kind == "f" else "int64" for name, v in results.items()
            }
            found[case["id"]] = {
                name: None if value is None else described(value, formats[name]) for name, value in results.items()
            }
    return found


def test_right_answers_pass_and_a_wrong_one_is_named(flattened, tmp_path, capsys):
    found = given_answers(flattened)
    file = tmp_path / "answers.json"
    file.write_text(json.dumps({"name": "mine", "version": VERSION, "answers": found}))
    command.main(["check", str(flattened), str(file)])
    assert "mine: passed / answered" in capsys.readouterr().out
    name = next(name for name, one in found.items() if name.startswith("relu/drawn") and one["output"]["shape"])
    found[name]["output"]["bits"] = "f" + found[name]["output"]["bits"][1:]
    file.write_text(json.dumps({"name": "mine", "version": VERSION, "answers": found}))

    with pytest.raises(SystemExit) as ended:
        command.main(["check", str(flattened), str(file), "--json", str(tmp_path / "result.json")])

    assert ended.value.code == Refusal.status
    assert f"{name}: output[" in capsys.readouterr().out
    assert [one["case"] for one in json.loads((tmp_path / "result.json").read_text())["failures"]] == [name]


def test_a_failed_case_says_where_torch_chose_one_of_several_right_answers(flattened):
    chosen = [
        case["id"]
        for cases in cases_in(flattened)
        for case in cases.cases
        if case["id"].startswith("relu") and "torch keeps the sign of zero in relu" in answers._choice(case)
    ]
    wrong = {name: {"passed": False, "why": "0.0, expected -0.0"} for name in chosen}

    (failure, *_) = answers.checked(cases_in(flattened), "mine", wrong).failures

    assert failure["why"].startswith("0.0, expected -0.0 (a choice, torch keeps the sign of zero in relu: ")


def test_answers_become_a_column_of_the_report(flattened):
    answered = given_answers(flattened)
    passed = {name: {"passed": True} for name in answered} | {"relu/drawn/1": {"passed": False, "why": "leaks"}}
    reports = [
        answers.as_report(answers.checked(cases_in(flattened), name, one))
        for name, one in (("mine", answered), ("other", passed))
    ]

    merged = merging.merge(reports)

    schema = json.loads((FOLDER.parent / "report" / "claims.schema.json").read_text(encoding="utf-8"))
    jsonschema.validate(merged, schema)
    outcomes = {test["test"].partition("::")[2]: [r["outcome"] for r in test["results"]] for test in merged["tests"]}
    assert [run["name"] for run in merged["runs"]] == ["mine", "other"]
    assert outcomes["relu-values"] == ["passed", "failed"]
    assert outcomes["flatten-gradients"] == ["passed", "passed"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "has no answers"),
        ('{"name": "a", "version": 0, "answers": {}}', f"answers version 0 of the vectors, expected {VERSION}"),
        (f'{{"version": {VERSION}, "answers": {{}}}}', "has no name"),
        (
            f'{{"name": "a", "version": {VERSION}, "answers": {{"relu/drawn/0": {{}}}}}}',
            "there is no case 'relu/drawn/0'",
        ),
    ],
)
def test_a_file_that_holds_no_answers_is_told_in_one_line(flattened, tmp_path, capsys, text, message):
    file = tmp_path / "answers.json"
    file.write_text(text)

    with pytest.raises(SystemExit) as ended:
        command.main(["check", str(flattened), str(file)])

    assert ended.value.code == WrongUsage.status
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (3, "the answer is int, expected an object"),
        ({"output": {"dtype": "float32", "shape": [1]}}, "no array of this form"),
        ({"output": {"dtype": "float31", "shape": [1], "bits": ""}}, "dtype must be one of"),
        ({"output": {"dtype": "float32", "shape": [1], "bits": "0"}}, "no array of this form"),
        ({"refused": "too hard"}, "is refused: too hard"),
        ({}, "output is missing"),
    ],
)
def test_an_answer_of_another_form_fails_its_case(flattened, given, why):
    result = answers.checked(cases_in(flattened), "mine", {"relu/drawn/1": given})

    assert [failure["case"] for failure in result.failures] == ["relu/drawn/1"]
    assert why in result.failures[0]["why"]
