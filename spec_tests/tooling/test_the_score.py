"""`python -m spec_tests.score`: a class is graded, and a hostile file costs its own points alone."""

import ast
import csv
import io
import json
import os
import re
import subprocess
import sys
import threading
from html.parser import HTMLParser
from pathlib import Path

import pytest

from spec_tests import score
from spec_tests.contract.imports import forbidden
from spec_tests.run.exercise.starter import starter
from spec_tests.run.scoring import judging
from spec_tests.run.scoring.judging import Judged, Limits
from spec_tests.run.scoring.page import page
from spec_tests.run.scoring.results import Class, as_csv, as_json
from spec_tests.run.scoring.words import WORDS
from spec_tests.vocabulary.rungs.sentences import sentences

pytestmark = pytest.mark.tooling

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
ONLY = ("relu:values,gradients", "linear:values")

RIGHT = """
import numpy as np


def relu(input):
    input = np.asarray(input)
    if input.dtype.kind not in "iuf":
        raise TypeError(f"input has dtype {input.dtype}, expected numbers")
    return np.where(np.isnan(input), input, np.maximum(input, input.dtype.type(0)))


def relu_backward(grad_output, input):
    for name, array in (("grad_output", grad_output), ("input", input)):
        if np.asarray(array).dtype.kind != "f":
            raise TypeError(f"{name} has dtype {np.asarray(array).dtype}, expected floating-point numbers")
    if grad_output.shape != input.shape or grad_output.dtype != input.dtype:
        raise ValueError(f"grad_output {grad_output.shape} {grad_output.dtype}, expected {input.shape} {input.dtype}")
    return np.where(input <= 0, input.dtype.type(0), grad_output)


def linear(input, weight, bias=None):
    output = input @ weight.T
    return output if bias is None else output + bias
"""

CLASS = {
    "ada.py": RIGHT,
    "ben.py": RIGHT.replace("output + bias", "output - bias"),
    "did_one.py": RIGHT[: RIGHT.index("def linear")],
    "eats_memory.py": RIGHT.replace("    output = input", "    x = np.ones(1 << 33)\n    output = x[:1] * input"),
    "exits.py": "import os\n" + RIGHT.replace("    output = ", "    os._exit(0)\n    output = "),
    "loops.py": RIGHT.replace("    output = ", "    while True:\n        pass\n    output = "),
    "reference_behind.py": "import importlib\nrelu = importlib.import_module('reference').relu\n",
    "syntax.py": "def relu(input:\n",
    "tampers.py": """
import glob, os, sys
import numpy as np

print("points: 1000" * 1000)
loaded = vars(sys)["modules"]
for name in list(loaded):
    if name.startswith("spec_tests."):
        for key, value in list(vars(loaded[name]).items()):
            if callable(value) and "assert" in key:
                setattr(loaded[name], key, lambda *args, **kwargs: None)
        if "compare" in name:
            loaded[name] = None
np.array_equal = np.allclose = lambda *args, **kwargs: True
np.testing.assert_array_equal = lambda *args, **kwargs: None
for path in glob.glob("*"):
    os.remove(path)


def relu(input):
    return input


def linear(input, weight, bias=None):
    return input
""",
    "untouched.py": starter("my_layers.py", ["relu", "linear"]),
}


# What may be imported


@pytest.mark.parametrize(
    ("program", "found"),
    [
        ("import torch", "import torch"),
        ("import numpy, reference.convolution as r", "import reference.convolution"),
        ("from spec_tests import subjects", "from spec_tests import subjects"),
        ("from . import ada", "from . import ada"),
        ("from .ada import relu", "from .ada import relu"),
        ("def f():\n    import scipy", "import scipy"),
        ("import importlib\nimportlib.import_module('torch')", "import_module('torch')"),
        ("from importlib import import_module as i, import_module\nimport_module('reference')", "('reference')"),
        ("__import__('torch')", "__import__('torch')"),
        ("__import__('tor' + 'ch')", "not written out"),
        ("import sys\nsys.modules['reference']", "sys.modules"),
        ("from sys import modules", "sys import modules"),
    ],
)
def test_what_imports_more_than_numpy_is_found_before_it_runs(program, found):
    assert found in forbidden(ast.parse(program))


@pytest.mark.parametrize(
    "program",
    [
        "import numpy as np\nfrom numpy.lib.stride_tricks import sliding_window_view",
        "import math, collections.abc\nfrom __future__ import annotations",
        "__import__('math')\nimport importlib\nimportlib.import_module('numpy.linalg')",
        "# import torch\ntext = 'import torch'",
    ],
)
def test_numpy_and_the_standard_library_may_be_imported(program):
    assert not forbidden(ast.parse(program))


def test_what_is_allowed_by_name_may_be_imported():
    assert not forbidden(ast.parse("import scipy.special"), ["scipy"])
    assert forbidden(ast.parse("import scipy.special, torch"), ["scipy"])


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        (b"def relu(input:\n", "line 1: SyntaxError"),
        (b"x = 1\0", "null byte"),
        (b"\xff\xfe", "SyntaxError"),
        (b"#" * (judging.LONGEST + 1), "it has more than 1000000 bytes"),
        (b"import torch\n", "forbidden import: line 1: import torch"),
    ],
)
def test_a_file_that_is_not_even_started_has_a_reason(source, reason):
    assert reason in judging.unfit(source, [])


# What is written down


ASKED = (("relu", "values", "plain"), ("relu", "values", "the rest"), ("linear", "values", "plain"))
SMALL = Class(
    ASKED,
    (
        Judged("<b>&=.py", {ASKED[0]: "right", ASKED[1]: "wrong"}),
        Judged("=cmd.py", {}, "line 1: <script>"),
        Judged(
            "c.py",
            {ASKED[0]: "right", ASKED[1]: "wrong", ASKED[2]: "wrong", ("sgd", "values", "plain"): "right"},
            said={ASKED[2]: "linear took longer than <2> s"},
        ),
    ),
)


def test_the_table_has_points_by_operation_and_level_and_no_formulas():
    rows = list(csv.reader(io.StringIO(as_csv(SMALL))))

    assert rows[0] == ["file", "points", "out of", "percent", "relu values", "linear values", "stopped at", "remark"]
    assert rows[1][:6] == ["<b>&=.py", "1", "3", "33.3", "1", "0"]
    assert rows[2] == ["'=cmd.py", "0", "3", "0.0", "0", "0", "", "line 1: <script>"]
    assert rows[3][1] == "1"  # what was not asked has no points


def test_where_a_file_stopped_is_in_the_table_and_why_in_data_and_page():
    rows = list(csv.reader(io.StringIO(as_csv(SMALL, "zh"))))
    stopped = as_json(SMALL)["files"][2]["stopped"]

    assert rows[3][6] == " | ".join(sentences(*key, "zh").wrong for key in ASKED[1:])
    assert [one["found"] for one in stopped] == ["", "linear took longer than <2> s"]
    assert "linear took longer than &lt;2&gt; s" in page(SMALL, "en")


def test_a_file_that_ended_its_process_is_remarked_upon_and_one_that_is_wrong_is_not():
    said = {ASKED[0]: "output: got 1, expected 2", ASKED[1]: "SubjectEnded: relu took longer than 2 s"}

    assert Judged("a.py", {}, said=said).remark == "relu took longer than 2 s"
    assert Judged("a.py", {}, said={ASKED[0]: said[ASKED[0]]}).remark == ""
    assert Judged("a.py", {}, "it cannot be read", said=said).remark == "it cannot be read"


def test_the_rung_that_most_failed_on_comes_first_with_those_who_did():
    assert SMALL.failed() == [(ASKED[1], ["<b>&=.py", "c.py"]), (ASKED[2], ["c.py"])]
    assert [rung["failed"] for rung in as_json(SMALL)["rungs"]] == [[], ["<b>&=.py", "c.py"], ["c.py"]]


@pytest.mark.parametrize("language", WORDS)
def test_the_page_of_a_class_shows_other_peoples_text_as_text(language):
    class Tags(HTMLParser):
        found, outside = set(), []

        def handle_starttag(self, tag, attrs):
            self.found.add(tag)
            self.outside += [value for name, value in attrs if name in ("src", "href")]

    text, tags = page(SMALL, language), Tags()
    tags.feed(text)

    assert not tags.found & {"b", "script"}
    assert not tags.outside
    assert "&lt;b&gt;&amp;=.py" in text
    assert WORDS[language]["failed"] in text


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nowhere"], "there is no folder nowhere"),
        (["."], "no file there ends in .py"),
        ([".", "--only", "conv2"], "did you mean 'conv2d'?"),
        ([".", "--jobs", "0"], "is no number of files above 0"),
        ([".", "--memory-limit", "much"], "is no amount of memory"),
        ([".", "--csv", "a", "--page", "a"], "three different files"),
        ([".", "--allow", ""], "'' is no name of a module"),
        ([".", "--allow", "../torch"], "'../torch' is no name of a module"),
    ],
)
def test_bad_input_ends_with_one_line_and_code_2(tmp_path, monkeypatch, capsys, arguments, complaint):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        score.main(arguments)

    assert ended.value.code == 2
    assert complaint in capsys.readouterr().err.splitlines()[-1]


def test_a_target_that_cannot_be_written_is_refused_before_anything_runs(tmp_path, monkeypatch, capsys):
    (tmp_path / "ada.py").write_text(RIGHT)
    monkeypatch.setattr(score, "grade", lambda *_: pytest.fail("it ran"))
    with pytest.raises(SystemExit):
        score.main([str(tmp_path), "--csv", str(tmp_path / "nowhere" / "scores.csv")])

    assert "cannot be written" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["ada.py"]


@pytest.mark.parametrize(
    ("targets", "reason"),
    [
        (["handed_in/ada.py"], "handed_in/ada.py cannot be written: it is a program, and left as it is"),
        (["as_text"], "as_text cannot be written: it is what is read"),
        (["scores", "./scores"], "--csv, --json and --page: three different files were expected"),
        (["scores", "handed_in/../scores"], "handed_in/../scores cannot be written: it is to hold something else, too"),
    ],
)
def test_no_result_takes_the_place_of_what_was_handed_in_or_of_another(tmp_path, monkeypatch, capsys, targets, reason):
    (tmp_path / "handed_in").mkdir()
    (tmp_path / "handed_in" / "ada.py").write_text(RIGHT)
    (tmp_path / "as_text").write_text(RIGHT)
    (tmp_path / "handed_in" / "ben.py").symlink_to(tmp_path / "as_text")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(score, "grade", lambda *_: pytest.fail("it ran"))
    before = sorted(tmp_path.rglob("*"))

    with pytest.raises(SystemExit):
        score.main(
            ["handed_in", *(f"{option}={target}" for option, target in zip(("--csv", "--json"), targets, strict=False))]
        )

    assert capsys.readouterr().err.splitlines()[-1].endswith(f"error: {reason}")
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "handed_in" / "ada.py").read_text() == (tmp_path / "as_text").read_text() == RIGHT


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.py")

    assert judging.judge(tmp_path / "pipe.py", Limits(), threading.Event()).reason == "it cannot be read: it is no file"


def test_a_file_is_read_up_to_the_longest_that_is_judged(tmp_path):
    with (tmp_path / "long.py").open("wb") as file:
        file.truncate(2**40)

    assert judging.judge(tmp_path / "long.py", Limits(), threading.Event()).reason == "it has more than 1000000 bytes"


def test_the_name_of_a_file_cannot_command_the_terminal(tmp_path, monkeypatch, capsys):
    (tmp_path / "a\x1b[31m\nb.py").write_text("def relu(input:\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(score, "grade", unstarted)

    score.main([".", "--only", "relu:values"])

    lines = capsys.readouterr().out.split("\n")
    assert lines[0].startswith(r"[1/1] a\x1b[31m\nb.py: 0 / 1 (0.0 %, 0 s)  line 1: SyntaxError: ")
    assert all(line.isprintable() for line in lines)


def unstarted(files, limits, _jobs, ended):
    """Judge files that are not even started."""
    asked = (("relu", "values", "plain"),)
    judged = tuple(judging.judge(file, limits, threading.Event()) for file in files)
    for one in judged:
        ended(Class(asked, ()), one)
    return Class(asked, judged)


# A class


@pytest.fixture(scope="module")
def graded(tmp_path_factory):
    """Grade a class, and return the result by file, and what was printed."""
    folder = tmp_path_factory.mktemp("class")
    for name, text in CLASS.items():
        (folder / name).write_text(text, encoding="utf-8")
    command = [sys.executable, "-m", "spec_tests.score", ".", "--time-limit", "1", "--file-limit", "40"]
    command += ["--csv=scores.csv", "--json=scores.json", "--page=page.html", "--language=en"]
    command += [f"--only={entry}" for entry in ONLY]
    done = subprocess.run(command, capture_output=True, env=ENVIRONMENT, cwd=folder, check=False, text=True)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in folder.iterdir()} == {*CLASS, "scores.csv", "scores.json", "page.html"}
    result = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    return result, {file["file"]: file for file in result["files"]}, done.stdout


def by_operation(file):
    return {entry["operation"]: (entry["points"], entry["possible"]) for entry in file["operations"]}


@pytest.mark.slow
def test_a_right_file_has_every_point_whatever_the_others_do(graded):
    result, files, _ = graded

    assert files["ada.py"]["points"] == files["ada.py"]["possible"] == result["possible"] > 10
    assert files["ada.py"]["remark"] == ""


@pytest.mark.slow
def test_a_wrong_file_loses_the_points_of_what_is_wrong_alone(graded):
    _, files, printed = graded

    ada, ben = by_operation(files["ada.py"]), by_operation(files["ben.py"])
    assert ben["relu"] == ada["relu"]
    assert 0 < ben["linear"][0] < ada["linear"][0]
    assert re.search(r"^ +\d  linear .*not", printed, re.MULTILINE)


@pytest.mark.slow
def test_a_file_without_a_function_loses_the_points_of_that_function_alone(graded):
    _, files, _ = graded

    points = by_operation(files["did_one.py"])
    assert points["relu"] == by_operation(files["ada.py"])["relu"]
    assert points["linear"] == (0, by_operation(files["ada.py"])["linear"][1])
    assert files["did_one.py"]["remark"] == ""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["eats_memory.py", "exits.py", "loops.py"])
def test_a_hostile_function_costs_the_points_of_its_own_operation_alone(graded, name):
    if name == "eats_memory.py" and not sys.platform.startswith("linux"):
        pytest.skip("only Linux limits the memory of a process so")
    _, files, _ = graded

    points = by_operation(files[name])
    assert points["relu"] == by_operation(files["ada.py"])["relu"]
    assert points["linear"][0] == 0


@pytest.mark.slow
def test_a_file_that_changes_the_judge_in_its_process_has_no_points_for_values(graded):
    _, files, _ = graded

    tampering = files["tampers.py"]
    assert [entry["levels"]["values"][0] for entry in tampering["operations"]] == [0, 0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "remark"),
    [
        ("syntax.py", "line 1: SyntaxError"),
        ("reference_behind.py", "forbidden import: line 2: import_module('reference')"),
        ("untouched.py", ""),
    ],
)
def test_a_file_that_has_no_points_has_a_reason(graded, name, remark):
    _, files, printed = graded

    assert files[name]["points"] == 0
    assert files[name]["remark"].startswith(remark)
    assert f"{name}: 0 / " in printed


@pytest.mark.slow
def test_a_hidden_import_is_refused_while_the_file_runs(tmp_path):
    program = "import builtins\nbring = vars(builtins)['__im' + 'port__']\nrelu = bring('reference').relu\n"
    file = tmp_path / "hides.py"
    file.write_text(program)

    judged = judging.judge(file, Limits(only=ONLY), threading.Event())

    assert not judged.rungs
    assert "reference is not to be imported" in judged.reason
    assert "hides.py, line 3" in judged.reason


@pytest.mark.slow
def test_what_was_decided_before_a_file_was_ended_counts(tmp_path):
    file, reached, stop = tmp_path / "slow.py", tmp_path / "reached", threading.Event()
    waits = f"    open({str(reached)!r}, 'w').close()\n    time.sleep(600)\n    output = input"
    file.write_text("import time\n" + RIGHT.replace("    output = input", waits))

    def watch():
        while not reached.exists() and not stop.wait(0.1):
            pass
        stop.set()

    watching = threading.Thread(target=watch)
    watching.start()
    judged = judging.judge(file, Limits(call=600, only=("relu:values", "linear:values")), stop)
    stop.set()
    watching.join()

    assert judged.reason == "not ended within 120 s"
    assert {outcome for (name, *_), outcome in judged.rungs.items() if name == "relu"} == {"right"}
    assert not [name for name, *_ in judged.rungs if name == "linear"]


@pytest.mark.slow
def test_a_file_has_no_more_time_than_its_limit(tmp_path):
    file = tmp_path / "slow.py"
    file.write_text("while True:\n    pass\n")

    judged = judging.judge(file, Limits(file=2, only=ONLY), threading.Event())

    assert judged.reason == "not ended within 2 s"
    assert judged.seconds < 2 + 2 * judging.GRACE
    assert not judged.rungs


def test_a_ctrl_c_ends_the_judging_process(tmp_path, monkeypatch):
    started, start = [], subprocess.Popen

    class Interrupting:
        def is_set(self):
            raise KeyboardInterrupt

    monkeypatch.setattr(judging.subprocess, "Popen", lambda *a, **k: started.append(start(*a, **k)) or started[0])
    command = [sys.executable, "-c", "import time; time.sleep(60)"]

    with pytest.raises(KeyboardInterrupt):
        judging._ran(command, str(tmp_path), subprocess.DEVNULL, 600, Interrupting())

    assert started[0].returncode is not None
