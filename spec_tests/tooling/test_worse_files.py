"""Files, names and numbers by which a stranger tried to break the commands, beyond those of `test_bad_files`."""

import contextlib
import copy
import gzip
import json
import os
import random
import re
import shlex
import shutil
import subprocess
import sys
from argparse import ArgumentTypeError
from pathlib import Path

import numpy as np
import pytest

from reference import archives, command, datasets, initial_parameters, train, whole_files
from reference.training import Checkpoint, Training
from spec_tests import start, subjects
from spec_tests.matrix.__main__ import main as of_matrices
from spec_tests.report import json_files
from spec_tests.report.__main__ import main as of_reports
from spec_tests.run import draws, options
from spec_tests.vectors import VERSION
from spec_tests.vectors.command import main as vectors
from spec_tests.vectors.writing import NAME
from spec_tests.verdict import case_files
from spec_tests.verdict.__main__ import main as verdict
from spec_tests.vocabulary.subject import NotAvailable

pytestmark = [pytest.mark.tooling, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
OBEYED = "\n\x1b[31m"
"""What a terminal would obey."""


def error_of(main, capsys, *arguments):
    """Return the status and the one line with which a command ends that refuses its arguments."""
    with pytest.raises(SystemExit) as ended:
        main([*map(str, arguments)])
    (line,) = capsys.readouterr().err.split("\n")[:-1]
    assert line.isprintable()
    assert len(line) < 1100
    return ended.value.code, line


# Data folders


def batch(images, **changed):
    """Return the content of a file of CIFAR-10."""
    usual = {"labels": [0] * images, "data": np.zeros((images, 3072), np.uint8), "filenames": ["a.png"] * images}
    return {name: value for name, value in {**usual, **changed}.items() if value is not None}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A stand-in for CIFAR-10."""
    root = tmp_path_factory.mktemp("whole")
    datasets.write_cifar10(root, train_images=100, test_images=10)
    return root


@pytest.fixture
def data(whole, tmp_path):
    """A copy of it that may be changed."""
    shutil.copytree(whole, tmp_path / "data")
    return tmp_path / "data"


def put(data, content, *files):
    """Write files anew, and the checksums that they have then."""
    folder = data / "cifar-10-batches-py"
    for file in files:
        archives.write_pickle(folder / file, content)
    names = [path for path in folder.iterdir() if path.name != archives.CHECKSUMS]
    lines = [f"{archives.md5_of(path)}  {path.name}\n" for path in names]
    (folder / archives.CHECKSUMS).write_text("".join(lines), encoding="utf-8")


TRAINING = [f"data_batch_{number}" for number in range(1, 6)]


@pytest.mark.parametrize(
    ("content", "files", "message"),
    [
        (batch(20, labels=None, fine_labels=[50] * 20), TRAINING, "it has not one label for each of its 20 images"),
        (
            batch(10, labels=None, fine_labels=[50] * 10),
            ["test_batch"],
            "it has not one label for each of its 10 images",
        ),
        (batch(0), ["test_batch"], "it has no test images"),
        (batch(0), TRAINING, "it has no training images"),
    ],
    ids=["classes of CIFAR-100", "classes of CIFAR-100 to test on", "nothing to test on", "nothing to train on"],
)
def test_data_that_cannot_be_trained_on_are_refused_before_the_first_step(data, content, files, message, capsys):
    put(data, content, *files)

    code, line = error_of(train.main, capsys, "--data", data, "--batch-size", 10, "--epochs", 1)

    assert code == 1
    assert line.startswith(f"python -m reference.train: error: --data {data}: ")
    assert line.endswith(message)


READING = """
import sys
from reference.archives import read_pickle
try:
    read_pickle(b"\\x80\\x02}(" + b")" + WITHIN * 1_300_000 + b"K\\x01u.")
except ValueError as error:
    print(error)
"""


@pytest.mark.parametrize("within", ["b'\\x85'", "b'K\\x00\\x86'", "b'K\\x00K\\x00\\x87'"])
def test_a_key_within_a_million_tuples_does_not_end_python(within):
    done = subprocess.run(
        [sys.executable, "-c", READING.replace("WITHIN", within)], cwd=ROOT, capture_output=True, text=True
    )

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == ("is not a file of CIFAR: it holds a dictionary with a tuple for a key, expected texts\n")


# Numbers and names


@pytest.mark.parametrize("options", [["--optimizer", "adam", "--lr", "1e39"], ["--lr", "1e308"]])
def test_a_learning_rate_that_torch_cannot_hold_is_too_large(whole, options, capsys):
    usual = ["--data", whole, "--batch-size", 10, "--epochs", 1, "--implementation", "torch"]

    code, line = error_of(train.main, capsys, *usual, *options)

    assert code == 1
    assert line.startswith(f"python -m reference.train: error: --lr {float(options[-1])} is too large for float32: ")


@pytest.mark.skipif(os.name == "nt", reason="names of files are text on Windows")
def test_a_log_folder_that_is_no_text_is_refused(whole, tmp_path, capsys):
    code, line = error_of(train.main, capsys, "--data", whole, "--logdir", tmp_path / "\udcff")

    assert code == 1
    assert line.endswith("--logdir " + rf"{tmp_path}/\udcff: TensorBoard takes no name that is not UTF-8")


@pytest.mark.parametrize("key", [f"a{OBEYED}", "a" * 20_000])
def test_a_name_within_a_checkpoint_cannot_command_the_terminal(whole, tmp_path, key, capsys):
    name, parameters = "conv1.bias", initial_parameters(np.random.default_rng(0))
    Checkpoint(Training(parameters), {}).save(tmp_path / "c.npz")
    with np.load(tmp_path / "c.npz") as saved:
        np.savez(tmp_path / "c.npz", **{**saved, f"states/{name}/{key}": np.zeros(3, np.int64)})

    code, line = error_of(train.main, capsys, "--data", whole, "--resume", tmp_path / "c.npz")

    assert code == 1
    assert line.endswith("has dtype int64, expected one of float32, float64")


def refuse(message):
    """Refuse, in a command."""
    raise command.Refusal(message)


@pytest.mark.parametrize(
    "ending",
    [
        lambda: command.run("try", lambda: refuse(OBEYED + "x" * 5000)),
        lambda: command.run("try", lambda: os.stat(OBEYED + "x" * 5000)),
        lambda: command.run("try", lambda: command.Parser("try").parse_args([OBEYED + "x" * 5000])),
        lambda: command.EndingParser("try").parse_args([OBEYED + "x" * 5000]),
    ],
    ids=["a refusal", "an error of the system", "an option", "an option of pytest's commands"],
)
def test_an_error_of_any_command_is_one_line_of_text(ending, capsys):
    def main(_):
        ending()

    code, line = error_of(main, capsys)

    assert code in (1, 2)
    assert r"\n\x1b[31mxxx" in line


# Names that lead to what is open


@pytest.mark.skipif(not Path("/proc/self/fd/1").exists(), reason="this system has no names for what is open")
@pytest.mark.parametrize("links", [0, 1, 2])
def test_a_checkpoint_does_not_take_the_place_of_a_name_of_what_is_open(whole, tmp_path, links, capsys):
    with (tmp_path / "opened").open("w+", encoding="utf-8") as opened:
        place = Path(f"/proc/self/fd/{opened.fileno()}")
        for link in range(links):  # as /dev/stdout is one, which root could replace
            (tmp_path / str(link)).symlink_to(place)
            place = tmp_path / str(link)
        before = sorted(tmp_path.iterdir())

        usual = ["--data", whole, "--batch-size", 10, "--epochs", 1]
        code, line = error_of(train.main, capsys, *usual, "--checkpoint", place)

        assert (code, line) == (1, f"python -m reference.train: error: --checkpoint {place}: is not a file")
        with pytest.raises(OSError, match="is not a file"), whole_files.unfinished_file(place):
            pass
        assert (sorted(tmp_path.iterdir()), place.is_symlink()) == (before, True)


@pytest.mark.skipif(not Path("/proc/self/fd/1").exists(), reason="this system has no names for what is open")
def test_a_text_for_the_output_stands_behind_what_was_printed_before(tmp_path):
    program = """if True:
        from pathlib import Path
        from reference.whole_files import check_place, write_text
        print("before")
        check_place(Path("/dev/stdout"))
        write_text(Path("/dev/stdout"), "text\\n")
        print("after")
    """
    with (tmp_path / "out").open("w") as out:
        subprocess.run([sys.executable, "-c", program], cwd=ROOT, stdout=out, check=True)

    assert (tmp_path / "out").read_text(encoding="utf-8") == "before\ntext\nafter\n"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


# JSON


def bomb(file):
    """Write a small file that unpacks to more than is read."""
    with gzip.open(file, "wb", compresslevel=1) as packed:
        for _ in range(json_files.LARGEST // 2**20):
            packed.write(b" " * 2**20)
        packed.write(b"{}")


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (bomb, f"it has more than {json_files.LARGEST} bytes"),
        (lambda file: file.symlink_to("/dev/zero"), f"it has more than {json_files.LARGEST} bytes"),
        (lambda file: file.write_text('{"a": 1, "a": 2}'), "an object: 'a' occurs more than once"),
        (lambda file: file.write_text('{"format": 1' + "0" * 400 + "}"), "a number of 401 digits is none of float64"),
        (lambda file: file.write_text('{"a": ' + "1" * 5000 + "}"), "Exceeds the limit"),
        (lambda file: file.write_text('{"a": Infinity}'), "$.a: inf is not a JSON number"),
        (lambda file: file.write_text("{}", encoding="utf-16"), "is not JSON"),
        (lambda file: file.write_text("{}", encoding="utf-8-sig"), "is not JSON"),
    ],
    ids=["bomb", "endless", "one name twice", "400 digits", "5000 digits", "infinity", "UTF-16", "byte order mark"],
)
def test_a_file_that_is_no_honest_json_is_refused(write, message, tmp_path, capsys):
    file = tmp_path / "a.json"
    write(file)

    code, line = error_of(of_matrices, capsys, "show", file)

    assert code == 2
    assert line.startswith(f"python -m spec_tests.matrix: error: {file} ")
    assert message in line


def places(value, place=(), seen=None):
    """Yield where the parts of a JSON value are, one for each kind of place."""
    seen = set() if seen is None else seen
    kind = tuple("*" if isinstance(part, int) else part for part in place)
    if kind not in seen:
        seen.add(kind)
        yield place
        parts = enumerate(value) if isinstance(value, list) else value.items() if isinstance(value, dict) else ()
        for name, part in parts:
            yield from places(part, (*place, name), seen)


def replaced(value, place, new):
    """Return a JSON value with one part replaced."""
    if not place:
        return new
    changed = copy.copy(value)
    changed[place[0]] = replaced(value[place[0]], place[1:], new)
    return changed


STORED = Path(__file__).with_name("stored") / "claims-of-832af97.json.gz"
ODD = [
    None,
    [],
    {},
    "",
    -1,
    float("inf"),
    True,
    10**400,
    10**22,
    1e308,
    [[]],
    "x" * 100_000,
    OBEYED,
    "\ud800",
    "2020-01-01",
]


def small_report():
    """Return a report with few claims and tests."""
    data = json.loads(gzip.decompress(STORED.read_bytes()))
    known = {id for test in data["tests"][:4] for id in test["claims"]}
    claims = [claim for claim in data["claims"] if claim["id"] in known]
    return {**data, "claims": claims, "tests": data["tests"][:4]}


def small_matrix():
    """Return a matrix with one test."""
    data = json.loads((ROOT / "docs/matrix/versions/matrix.json").read_text(encoding="utf-8"))
    cases = len(data["tests"][0]["cases"])
    columns = [
        {**one, "outcomes": one["outcomes"][:cases], "cells": one["cells"][:2], "findings": one["findings"][:1]}
        for one in data["columns"][:2]
    ]
    return {**data, "tests": data["tests"][:1], "columns": columns}


COMMANDS = {
    "spec_tests.report compare": (small_report, lambda file: of_reports(["compare", file, file])),
    "spec_tests.matrix show": (small_matrix, lambda file: of_matrices(["show", file])),
    "spec_tests.matrix compare": (small_matrix, lambda file: of_matrices(["compare", file, file])),
}
ASKED = 100
"""Of the thousands of ways to spoil each file; others in every command."""


@pytest.mark.parametrize("name", COMMANDS)
def test_a_file_with_any_part_replaced_is_taken_or_refused_in_one_line(name, tmp_path, capsys):
    make, main = COMMANDS[name]
    whole, file = make(), tmp_path / "file.json"
    ways = [(place, new) for place in places(whole) for new in ODD]
    for place, new in random.Random(name).sample(ways, ASKED):
        file.write_text(json.dumps(replaced(whole, place, new)), encoding="utf-8")
        with contextlib.suppress(SystemExit):
            main(str(file))
        if errors := capsys.readouterr().err:
            (line,) = errors.split("\n")[:-1]
            assert line.isprintable() and len(line) < 1100, (place, new)
            assert line.startswith(f"python -m {name.split()[0]}: error: ") and str(file) in line, (place, new)


@pytest.mark.parametrize(
    ("name", "place", "new"),
    [
        ("spec_tests.matrix show", ("columns", 0, "seconds"), 10**400),
        ("spec_tests.matrix show", ("columns", 0, "started"), "x" * 100_000),
    ],
)
def test_what_the_replaced_parts_found(name, place, new, tmp_path, capsys):
    make, main = COMMANDS[name]
    (tmp_path / "file.json").write_text(json.dumps(replaced(make(), place, new)), encoding="utf-8")
    with contextlib.suppress(SystemExit):
        main(str(tmp_path / "file.json"))

    errors = capsys.readouterr().err
    assert len(errors.splitlines()) == 1
    assert len(errors) < 700


# Subjects and options of a run


SAYING = {
    "an error without a text": "class Odd(Exception):\n    def __str__(self): raise self\nraise Odd()",
    "names that raise": "class Odd(dict):\n    def items(self): raise RuntimeError('a\\nb')\nNAMES = Odd(a=1)",
    "an attribute that ends": "class Odd:\n    def __eq__(self, _): raise SystemExit(0)\nDTYPES = Odd()",
}


@pytest.mark.parametrize("said", SAYING)
def test_what_a_subject_raises_as_it_is_read_is_one_line(said, tmp_path):
    (tmp_path / "mine.py").write_text(f"{SAYING[said]}\ndef relu(x): return x\n", encoding="utf-8")

    with pytest.raises(NotAvailable) as refused:
        subjects.load(str(tmp_path / "mine.py"))
    assert len(str(refused.value).splitlines()) == 1


def test_a_subject_whose_name_is_too_long_for_a_file_is_not_there():
    with pytest.raises(NotAvailable, match=r"File name too long|there is no file"):
        subjects.load("a" * 300 + ".py")


def test_a_folder_is_not_proposed_as_the_file_that_was_meant(tmp_path):
    (tmp_path / "mine.py").mkdir()

    with pytest.raises(NotAvailable, match=r"there is no file \S+mine.py$"):
        subjects.load(str(tmp_path / "mine.py"))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--subject", f"a{OBEYED}"], r"--subject a\n\x1b[31m: no subject "),
        (
            ["--campaign", "spec_tests"],
            "--campaign spec_tests: no campaign left this folder, which has no campaign.json",
        ),
        (["--dtype", " ,"], "--dtype  , names no number format"),
        (
            [
                "--subject",
                "spec_tests/tooling/strangers/conv2d_alone.py",
                "--exercise",
                "--exercise-json",
                "spec_tests",
            ],
            "--exercise-json spec_tests cannot be written: Is a directory",
        ),
        (["--hypothesis-profile", "9" * 5000], ": no such profile; the specification has repeatable, explore"),
    ],
    ids=["a subject", "a campaign", "formats", "a place", "a profile"],
)
def test_an_option_that_makes_no_sense_ends_a_run_with_one_line(options, message):
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "spec_tests/test_the_links.py", *options]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True)

    errors = [line for line in done.stderr.splitlines() if line]
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert len(errors) == 1
    assert message in errors[0]
    assert errors[0].isprintable()


@pytest.mark.parametrize("option", ["report", "tensorboard", "cifar10", "cifar100", "campaign", "resnet50-weights"])
def test_an_empty_path_is_not_this_folder(option):
    with pytest.raises(ArgumentTypeError, match=r"^an empty text is no path$"):
        options.OPTIONS[option]["type"]("")


CASE = {"id": "a", "level": "values", "dtype": "float32", "flags": [], "arguments": {}, "options": {}, "expected": {}}


@pytest.mark.parametrize(
    "spoilt",
    [{"cases": 1}, {"cases": ["x"]}, {"cases": [None]}, {"cases": [{}]}, {"operation": 1}, {"arrays": 1}]
    + [{"cases": [CASE | {name: 1}]} for name in CASE]
    + [{"cases": [CASE | {"flags": [[]]}]}],
)
def test_a_file_of_vectors_that_holds_no_cases_is_refused_in_one_line(spoilt, tmp_path, capsys):
    index = {"name": NAME, "version": VERSION, "operations": {"relu": {"json": {"file": "relu.json"}}}}
    answers = {"name": "mine", "version": VERSION, "answers": {}}
    whole = {"operation": "relu", "cases": [CASE], "arrays": {}}
    for name, content in (("index", index), ("answers", answers), ("relu", whole | spoilt)):
        (tmp_path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")

    code, line = error_of(vectors, capsys, "check", tmp_path, tmp_path / "answers.json")

    assert code == 2
    assert line.endswith(f"error: {tmp_path / 'relu.json'} holds no cases of vectors")


def test_a_number_of_examples_has_few_digits():
    assert not draws._is_random("9" * 5000)
    assert draws._is_random("1000000")


# Cases of a verdict


def case():
    """Return what a case says of a right linear layer."""
    ones = np.ones((2, 2), np.float32)
    return {"operation": np.array("linear"), "input": ones, "weight": ones, "output": 2 * ones}


def with_zip_field(content, at, value):
    """Change a field of every entry of an archive, in its directory and before its content."""
    changed = bytearray(content)
    for signature, offset in ((b"PK\x01\x02", at), (b"PK\x03\x04", at - 2)):
        place = changed.find(signature)
        while place >= 0:
            changed[place + offset] = value
            place = changed.find(signature, place + 4)
    return bytes(changed)


VERSION_NEEDED, FLAGS, METHOD = 6, 8, 10


@pytest.mark.parametrize(("field", "value"), [(VERSION_NEEDED, 200), (FLAGS, 1), (METHOD, 99)])
def test_an_archive_that_python_cannot_unpack_is_no_case(field, value, tmp_path, capsys):
    np.savez(tmp_path / "case.npz", **case())
    (tmp_path / "case.npz").write_bytes(with_zip_field((tmp_path / "case.npz").read_bytes(), field, value))

    assert verdict([str(tmp_path / "case.npz")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: case.npz cannot be read: ")


def test_a_case_that_unpacks_to_more_than_any_memory_is_not_unpacked(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(case_files, "LARGEST", 2**20)
    np.savez_compressed(tmp_path / "case.npz", **case(), bias=np.zeros(2**18, np.float32))

    assert verdict([str(tmp_path / "case.npz")]) == 2
    assert capsys.readouterr().err == "error: case.npz unpacks to more than 1048576 bytes\n"


@pytest.mark.parametrize("name", [f"a{OBEYED}.npz", f"a{OBEYED}", "a" * 300 + ".npz", f"{'a' * 5000}.txt"])
def test_the_name_of_a_case_cannot_command_the_terminal(name, capsys):
    assert verdict([name]) == 2
    (line,) = capsys.readouterr().err.split("\n")[:-1]
    assert line.isprintable()
    assert len(line) < 1100


def test_a_case_whose_error_has_no_text_is_told_by_its_kind(tmp_path, capsys):
    (tmp_path / "case.py").write_text(SAYING["an error without a text"], encoding="utf-8")

    assert verdict([str(tmp_path / "case.py")]) == 2
    assert capsys.readouterr().err == "error: case.py: it ended with Odd\n"


@pytest.mark.skipif(os.name == "nt", reason="names of files are text on Windows")
def test_a_file_of_any_name_can_be_written_with_its_name_in_it(tmp_path):
    whole_files.write_new_text(tmp_path / "\udcff.py", "\udcff")

    assert (tmp_path / "\udcff.py").read_text(encoding="utf-8") == r"\udcff"


@pytest.mark.skipif(os.name == "nt", reason="names of files are text on Windows")
def test_what_no_file_can_say_is_escaped_in_what_is_no_file_too():
    whole_files.write_text(Path(os.devnull), "\udcff")


# A result in the place of something else


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_no_file_takes_the_place_of_what_is_none(tmp_path):
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(OSError, match="is not a file"), whole_files.unfinished_file(tmp_path / "pipe"):
        pass
    assert (tmp_path / "pipe").is_fifo()


def test_a_link_that_leads_nowhere_is_replaced(tmp_path):
    (tmp_path / "loop").symlink_to("loop")

    whole_files.check_place(tmp_path / "loop")
    whole_files.write_text(tmp_path / "loop", "text")

    assert (tmp_path / "loop").read_text(encoding="utf-8") == "text"


@pytest.mark.parametrize(
    ("written", "read", "reason"),
    [
        (["a"], ["a"], "it is what is read"),
        (["new", "link"], ["b", "a"], "it is what is read"),
        (["a", "./a"], [], "it is to hold something else, too"),
        (["new", "folder/../new"], ["a"], "it is to hold something else, too"),
        (["loop", "loop"], [], "it is to hold something else, too"),
        (["new"], ["a", "b"], ""),
        (["a", "b"], ["c"], ""),
        ([os.devnull, os.devnull], [], ""),
        (["folder"], ["folder"], ""),
    ],
)
def test_what_is_written_is_neither_read_nor_written_twice(tmp_path, monkeypatch, written, read, reason):
    monkeypatch.chdir(tmp_path)
    for name in "abc":
        (tmp_path / name).touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("a")
    (tmp_path / "loop").symlink_to("loop")

    refused = pytest.raises(FileExistsError, match=reason) if reason else contextlib.nullcontext()
    with refused:
        whole_files.check_apart(map(Path, written), map(Path, read))


MINE = "def relu(input):\n    return input\n"


@pytest.mark.parametrize(
    "command",
    [
        ["spec_tests", "--subject=mine.py", "--exercise", "--exercise-json=mine.py"],
        ["spec_tests.score", ".", "--json", "mine.py"],
        ["spec_tests.vectors", "strength", "--table", "mine.py"],
        ["spec_tests.vectors", "check", "set", "answers.json", "--json", "answers.json"],
        ["spec_tests.vectors", "check", "set", "answers.json", "--report", "set/index.json"],
        ["spec_tests.vectors", "check", "set", "answers.json", "--json", "new", "--report", "./new"],
        ["spec_tests.strength", "--named", "--out", "answers.json", "--journal", "answers.json"],
        ["spec_tests.strength", "--names", "answers.json", "--out", "answers.json"],
        ["spec_tests.strength.mutation", "--journal", "new", "--out", "new"],
        ["spec_tests.strength.repeats", "--journal", "new", "--out", "new"],
        ["spec_tests.strength.time", "--out", "mine.py"],
        ["benchmarks.data_parallel", "--json", "mine.py"],
        ["reference.train", "--data", "data", "--checkpoint", "data/cifar-10-batches-py/batches.meta"],
    ],
    ids=" ".join,
)
def test_a_result_never_takes_the_place_of_what_somebody_wrote(tmp_path, command):
    (tmp_path / "mine.py").write_text(MINE, encoding="utf-8")
    (tmp_path / "answers.json").write_text("[]", encoding="utf-8")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "index.json").write_text("{}", encoding="utf-8")
    for program, package in (("mutation", "cosmic_ray"), ("repeats", "random_order")):
        if command[0].endswith(program):
            pytest.importorskip(package)
    if command[0] == "reference.train":
        datasets.write_cifar10(tmp_path / "data", train_images=64, test_images=10)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    places = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, "-m", *command]
    done = subprocess.run(words, cwd=tmp_path, env=places, capture_output=True, text=True)

    line = done.stderr.splitlines()[-1] if done.stderr.strip() else done.stdout.splitlines()[-1]
    assert done.returncode, line
    assert re.search("it is (a program, and left as it is|what is read|to hold something else, too)", done.stderr), line
    assert "Traceback" not in done.stderr
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


# The name of a starter


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("numpy.py", "numpy.py would hide the module numpy from Python: choose another name"),
        ("torch.py", "torch.py would hide the module torch from Python: choose another name"),
        ("random.py", "random.py would hide the module random from Python: choose another name"),
        ('a"""b.py', "a name without quotes, backslashes and line breaks was expected"),
        ("a\\b.py", "a name without quotes, backslashes and line breaks was expected"),
        ("a\nb.py", "a name without quotes, backslashes and line breaks was expected"),
        (f"a{OBEYED}.py", "a name without quotes, backslashes and line breaks was expected"),
    ],
)
def test_a_starter_has_no_name_that_hides_a_module_or_ends_its_text(tmp_path, monkeypatch, capsys, name, reason):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(SystemExit):
        start.main([name])

    (line,) = capsys.readouterr().err.splitlines()
    assert line.isprintable()
    assert line.endswith(reason)
    assert not any(tmp_path.iterdir())


def test_the_line_that_a_starter_is_tried_with_holds_for_any_name_and_folder(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    start.main(["my layers.py", "--only", "relu", "--language", "en"])

    file, _, line = capsys.readouterr().out.strip().partition(": ")
    assert file == "my layers.py"
    assert f"    {line}\n" in Path(file).read_text(encoding="utf-8")
    assert shlex.split(line)[:2] == ["python", "-m"]
    places = {**os.environ, "PYTHONPATH": str(ROOT)}
    words = [sys.executable, *shlex.split(line)[1:]]
    done = subprocess.run(words, env=places, capture_output=True, encoding="utf-8")
    assert (done.returncode, done.stderr) == (pytest.ExitCode.NO_TESTS_COLLECTED, "")
    assert "Next: begin relu" in done.stdout
