"""The matrix as data: lanes, the form of the file, merging, comparing, and the plain table."""

import copy
import json
import re
from types import SimpleNamespace

import pytest

from spec_tests import subjects
from spec_tests.contract import expectations
from spec_tests.matrix import __main__ as command
from spec_tests.matrix import columns, comparing, explaining, journal, merging, reading, table, wanted
from spec_tests.matrix.asked import asked
from spec_tests.matrix.child import Recorder
from spec_tests.matrix.columns import column, shown_as, total
from spec_tests.matrix.journal import DEVIATION, FAILED, KEPT, NOT_OFFERED, NOT_REACHED, Ended, Journal
from spec_tests.matrix.lanes import LANES, Lane, Lanes
from spec_tests.report.json_files import Unreadable

pytest.importorskip("jsonschema", reason='the matrix needs jsonschema: pip install "torch-by-hand[report]"')

pytestmark = pytest.mark.tooling

FILE = "spec_tests/test_2_3_activation.py"
VALUE, SLOPE, TIE = (f"{FILE}::test_{name}" for name in ("value[relu-float32]", "slope", "tie[relu]"))
REQUIRES = {VALUE: [["values", "relu"]], SLOPE: [["gradients", "relu"]], TIE: [["conventions", "relu"]]}
KNOWN = {
    "id": "relu-tie",
    "subject": "torch",
    "versions": ["2.15"],
    "where": "relu at 0",
    "where_zh": "relu 在 0 处",
    "expected": "0",
    "expected_zh": "0",
    "found": "1",
    "found_zh": "1",
    "consequence": "none",
}


def measured(subject="torch", tie=DEVIATION, **facts):
    """Return a column: `value` is kept, `slope` is not offered, `tie` ends as asked."""
    ended = {
        VALUE: Ended(KEPT, 0.5),
        SLOPE: Ended(NOT_OFFERED, reason="about gradients that the subject does not offer"),
        TIE: Ended(tie, deviations=["relu-tie"] if tie == DEVIATION else [], message="1 is not 0", how=tie),
    }
    found = Journal({"deviations": [KNOWN], "dtypes": ["float32"], "notes": []}, "", REQUIRES, ended)
    known = {
        "subject": subject,
        "name": f"{subject} 2.15 on cpu",
        "device": "cpu",
        "status": "measured",
        "said": "",
        "lane": Lane("quick").described(),
        "started": "2026-11-29T10:00:00+00:00",
        "seconds": 12.5,
        "versions": {"python": "3.12.1", "torch": "2.15.0"},
        "machine": "Linux x86_64, 2 CPUs",
        "load": 1.5,
        "note": "",
        "commit": None,
        "modified": None,
    }
    return column({**known, **facts}, found)


def matrix(*columns, missing=()):
    """Return a matrix of these columns."""
    return {"columns": list(columns), "missing": [{"subject": name, "said": f"pip install {name}"} for name in missing]}


def cell_of(column, level):
    """Return relu's cell at a level."""
    (cell,) = [cell for cell in column["cells"] if cell["level"] == level]
    return cell


# Columns


def test_a_cell_is_the_worst_of_what_counts_in_it():
    found = Journal(requirements={VALUE: [["values", "relu"]], TIE: [["values", "relu"]]}, ended={VALUE: Ended(KEPT)})

    for tie, state in ((KEPT, KEPT), (FAILED, FAILED), (DEVIATION, DEVIATION), (NOT_OFFERED, KEPT)):
        found.ended[TIE] = Ended(tie)
        assert column({}, found)["cells"][0]["state"] == state
    del found.ended[TIE]
    assert column({}, found)["cells"][0]["state"] == NOT_REACHED


def test_a_known_deviation_is_explained_in_both_languages():
    (known,) = measured()["deviations"]

    assert (known["id"], known["tests"]) == ("relu-tie", 1)
    assert known["found"] == known["found_zh"] == "1"
    assert cell_of(measured(), "conventions")["deviations"] == ["relu-tie"]


def test_a_line_that_was_never_finished_is_left_out_of_the_journal(tmp_path):
    file = tmp_path / "journal.jsonl"
    journal.Writer(file).write(begin="test_a")
    file.write_text(f'{file.read_text("utf-8")}{{"begin": "test_', encoding="utf-8")

    assert journal.read(file).running == "test_a"


def test_a_test_that_ended_is_not_running(tmp_path):
    writer = journal.Writer(tmp_path / "journal.jsonl")
    writer.write(begin="test_a")
    writer.end("test_a", Ended(FAILED, message="no"))

    read = journal.read(writer.file)

    assert (read.running, read.ended["test_a"].message) == ("", "no")


# The file


def test_what_is_packed_is_unpacked_the_same():
    whole = matrix(measured(), measured("reference", KEPT), missing=["jax"])
    del whole["columns"][1]["outcomes"][SLOPE]

    packed = reading.packed(whole)

    assert [one["outcomes"] for one in packed["columns"]] == ["odk", " kk"]
    assert reading.unpacked(json.loads(json.dumps(packed))) == whole


DEFECTS = {
    "a later format": (lambda data: data.update(format=2), r"\$\.format: 2 is of a later version"),
    "no columns": (lambda data: data.pop("columns"), "'columns' is a required property"),
    "a state of its own": (
        lambda data: data["columns"][0]["cells"][0].update(state="failed"),
        r"\$\.columns\[0\]\.cells\[0\]\.state: 'failed', expected 'kept'",
    ),
    "too few letters": (
        lambda data: data["columns"][0].update(outcomes="k"),
        "has 1 letters, expected one for each of 3",
    ),
    "an unknown letter": (lambda data: data["columns"][0].update(outcomes="kkz"), "does not match"),
    "no time zone": (lambda data: data["columns"][0].update(started="2026-11-29T10:00:00"), "it has no time zone"),
    "a cell twice": (lambda data: data["columns"][0]["cells"].append(data["columns"][0]["cells"][0]), "more than once"),
    "a script as a report": (
        lambda data: data["columns"][0]["deviations"][0].update(issue="javascript:alert(1)"),
        "does not match",
    ),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_malformed_matrix_is_refused_in_a_line_that_names_the_place(defect, tmp_path):
    spoil, message = DEFECTS[defect]
    data = copy.deepcopy(reading.packed(matrix(measured())))
    spoil(data)
    (tmp_path / "matrix.json").write_text(json.dumps(data), encoding="utf-8")

    with pytest.raises(Unreadable, match=message) as raised:
        reading.read(tmp_path / "matrix.json")

    assert len(str(raised.value).splitlines()) == 1


def test_a_file_is_written_as_a_whole_or_not_at_all(tmp_path):
    reading.write(tmp_path / "matrix.json", matrix(measured()))
    before = (tmp_path / "matrix.json").read_bytes()

    with pytest.raises(Unreadable):
        reading.write(tmp_path / "matrix.json", matrix({**measured(), "status": "well"}))

    assert (tmp_path / "matrix.json").read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["matrix.json"]


# Lanes


def test_the_lanes_of_the_project_say_what_they_ask():
    lanes = Lanes()

    assert {"quick", "full", "ci"} <= set(lanes.lanes)
    assert all(lane.en and lane.zh for lane in lanes.lanes.values())


def test_a_subject_may_differ_from_its_lane(tmp_path):
    file = tmp_path / "lanes.toml"
    file.write_text('[quick]\nexamples = 5\n[quick.subject."torch:compile"]\nexamples = 2\n', encoding="utf-8")

    lanes = Lanes(file)

    assert lanes.of("quick", "torch").examples == 5
    assert lanes.of("quick", "torch:compile").examples == 2


def test_the_lane_of_every_push_asks_every_runtime_and_every_other_mode_of_torch():
    others = set(Lanes().subjects) - set(Lanes().subjects_of("ci"))

    assert others == {"torch", "reference"}  # of which the specification is asked in full
    assert all(Lanes().of("ci", subject).seconds <= 180 for subject in Lanes().subjects_of("ci"))


def test_a_lane_may_have_subjects_of_its_own(tmp_path):
    file = tmp_path / "lanes.toml"
    file.write_text('subjects = ["a", "b"]\n[quick]\n[short]\nsubjects = ["b"]\n', encoding="utf-8")

    assert [wanted.wanted([], Lanes(file), lane) for lane in ("quick", "short")] == [["a", "b"], ["b"]]
    with pytest.raises(ValueError, match=r"no lane 'shrt' in .*; did you mean 'short'"):
        wanted.wanted([], Lanes(file), "shrt")


@pytest.mark.parametrize(
    ("settings", "only", "left_out"),
    [
        ({}, {}, ""),
        ({"dtypes": ("float64",)}, {}, "float32"),
        ({"dtypes": ("float32",), "levels": ("values",)}, {"relu": {"values"}}, ""),
        ({"levels": ("gradients", "refusals")}, {}, "values"),
        ({}, {"tanh": {"values"}}, "values of relu"),
        ({}, {"relu": {"gradients"}}, "values of relu"),
    ],
)
def test_a_lane_leaves_out_what_it_does_not_ask_and_names_it(settings, only, left_out):
    recorder = Recorder(None, asked("a", "cpu", Lane("x", **settings), []), only, None)
    item = SimpleNamespace(callspec=SimpleNamespace(params={"dtype": "float32"}))

    assert recorder.not_in_the_lane(item, [("values", "relu")]) == left_out


def test_patience_multiplies_the_limits_of_time_alone():
    lane = Lane("x", seconds=10.0, test_seconds=4.0, call_seconds=0.0, examples=5)

    assert lane.with_patience(2.5) == Lane("x", seconds=25.0, test_seconds=10.0, call_seconds=0.0, examples=5)


WRONG_LANES = {
    "no TOML": ("[quick", "is no TOML"),
    "no lane": ("quick = 3", "quick is 3, expected a lane"),
    "an unknown setting": ("[quick]\nexample = 3", "'example'; did you mean 'examples'"),
    "no number": ('[quick]\nexamples = "3"', "quick.examples is '3', expected a whole number"),
    "a fraction": ("[quick]\nexamples = 1.5", "quick.examples is 1.5, expected a whole number"),
    "true for a number": ("[quick]\nexamples = true", "quick.examples is True, expected a whole number"),
    "a number for true": ("[quick]\nslow = 1", "quick.slow is 1, expected true or false"),
    "no examples": ("[quick]\nexamples = 0", "quick.examples is 0, expected at least 1"),
    "no time": ("[quick]\nseconds = 0", "quick.seconds is 0, expected a number above 0"),
    "endless": ("[quick]\nseconds = inf", "quick.seconds is inf, expected a number above 0"),
    "a string for a list": ('[quick]\nonly = "relu"', "quick.only is 'relu', expected a list of strings"),
    "an unknown format": ('[quick]\ndtypes = ["float8"]', "quick.dtypes names 'float8', expected some of"),
    "an unknown level": ('[quick]\nlevels = ["value"]', "quick.levels names 'value', expected some of values,"),
    "a subject's": ('[quick.subject."a:b"]\nseconds = -1', 'quick.subject."a:b".seconds is -1'),
    "a subject that is none": ("[quick.subject]\na = 3", 'quick.subject."a" is 3, expected a table'),
}


@pytest.mark.parametrize("wrong", WRONG_LANES)
def test_what_is_wrong_with_a_lane_is_said_in_one_line(wrong, tmp_path):
    text, message = WRONG_LANES[wrong]
    (tmp_path / "lanes.toml").write_text(text, encoding="utf-8")

    with pytest.raises(ValueError, match=re.escape(message)) as raised:
        Lanes(tmp_path / "lanes.toml")

    assert "lanes.toml" in str(raised.value)


def test_a_lane_that_there_is_not_is_refused_with_those_that_there_are():
    with pytest.raises(ValueError, match=r"no lane 'quik' in .*; did you mean 'quick'.*; there are quick, full"):
        Lanes().of("quik", "torch")


def test_the_settings_of_lanes_are_explained_in_their_file():
    explained = LANES.read_text(encoding="utf-8").partition("[quick]")[0]

    assert not [
        name for name in vars(Lane("x")) if name != "name" and not re.search(rf"^# .*\b{name}\b", explained, re.M)
    ]


def test_what_was_not_expected_of_a_column_is_listed():
    right, known, failed = measured(tie=KEPT), measured(), measured(tie=FAILED)
    (deviation,) = known["deviations"]

    assert [list(columns.unexpected(one)) for one in (right, known)] == [[], []]
    assert list(columns.unexpected(failed)) == [f"torch: {TIE}: 1 is not 0"]
    assert list(columns.unexpected({**known, "deviations": [{**deviation, "shown": False}]})) == [
        "torch: the smallest example of relu-tie does not show it: has it been mended?"
    ]
    assert list(columns.unexpected({**right, "status": "unfinished", "said": "its 9 seconds were over"})) == [
        "torch: unfinished: its 9 seconds were over"
    ]


# Which subjects


def test_subjects_are_named_once_and_none_is_empty():
    assert wanted.wanted(["torch", " reference", "torch"], Lanes(), "quick") == ["torch", "reference"]
    with pytest.raises(ValueError, match="empty name"):
        wanted.wanted(["torch", ""], Lanes(), "quick")


def test_every_subject_is_measured_unless_it_is_there_to_be_wrong():
    files = {name.partition(":")[0] for name in wanted.wanted([], Lanes(), "quick")}

    assert files == set(subjects.names()) - {"wrong", "fft", "winograd", "command"}


def test_torch_is_measured_in_all_its_modes():
    torch = pytest.importorskip("spec_tests.subjects.torch", reason="torch is not installed", exc_type=ImportError)

    measured_modes = [name.partition(":")[2] for name in Lanes().subjects if name.partition(":")[0] == "torch"]

    assert measured_modes == list(torch.VARIANTS)


# Merging


def test_columns_are_put_in_the_order_of_the_lanes():
    whole = merging.ordered(matrix(measured("x"), measured("b"), measured("a")), ["a", "b"])

    assert [one["subject"] for one in whole["columns"]] == ["a", "b", "x"]


def test_merged_columns_keep_their_own_machine_versions_and_date():
    other = measured(started="2026-11-30T10:00:00+00:00", machine="Darwin arm64", versions={"torch": "2.11.0"})

    whole = merging.merge([matrix(measured(), missing=["jax"]), matrix(other, measured("jax", KEPT))])

    assert [one["subject"] for one in whole["columns"]] == ["torch", "torch", "jax"]
    assert [one["machine"] for one in whole["columns"][:2]] == ["Linux x86_64, 2 CPUs", "Darwin arm64"]
    assert whole["missing"] == []
    assert merging.telling(whole["columns"]) == ["torch 2.15.0", "torch 2.11.0", ""]


def test_a_measurement_that_occurs_twice_is_kept_once():
    whole = matrix(measured(), missing=["jax"])

    assert merging.merge([whole, whole]) == whole


def test_the_newest_column_of_a_subject_on_a_machine_may_be_kept_alone():
    later = measured(started="2026-11-29T13:00:00+02:00", seconds=1.0)
    mac = measured(machine="Darwin arm64")

    whole = merging.newest(matrix(measured(), later, mac, measured("jax")))

    assert [(one["subject"], one["seconds"]) for one in whole["columns"]] == [
        ("torch", 1.0),
        ("torch", 12.5),
        ("jax", 12.5),
    ]


def test_a_new_measurement_takes_the_place_of_the_old_one():
    whole = matrix(measured("a"), measured("b"), measured("c"), missing=["b"])

    changed = merging.replaced(whole, measured("b", KEPT, seconds=1.0))

    assert [(one["subject"], one["seconds"]) for one in changed["columns"]] == [("a", 12.5), ("b", 1.0), ("c", 12.5)]
    assert changed["missing"] == []


# What is known by now

EXPECTATIONS = """
package = "torch"

[[deviation]]
id = "late"
versions = ["2.15"]
seen = "CPU"
seen_zh = "CPU"
operations = ["relu"]
kind = "silent"
where = "relu at 0"
where_zh = "relu 在 0 处"
expected = "0"
expected_zh = "0"
found = "1"
found_zh = "1"
why = "the definition says 0"
why_zh = "定义规定为 0"
tests = ["test_2_3_activation.py::test_tie*"]
failure = "1 is not 0"

[deviation.example]
call = "relu"
arguments = {input = [0.0]}
right = 0.0
found = 1.0
"""


@pytest.mark.parametrize(
    ("versions", "failure", "count"), [("2.15", "1 is not 0", 1), ("2.1", "1 is not 0", 0), ("2.15", "2 is not 0", 0)]
)
def test_a_failure_that_is_listed_by_now_is_a_known_deviation(versions, failure, count, tmp_path):
    text = EXPECTATIONS.replace('["2.15"]', f'["{versions}"]').replace('"1 is not 0"', f'"{failure}"')
    (tmp_path / "torch.toml").write_text(text, encoding="utf-8")
    known = expectations.read(tmp_path / "torch.toml", "torch")

    whole, found = explaining.explained(matrix(measured(tie=FAILED), measured("jax", FAILED)), {"torch": known}.get)

    state = DEVIATION if count else FAILED
    torch, jax = whole["columns"]
    tie = "relu conventions: 1 test"
    assert list(explaining.left(whole)) == [f"torch: {tie}"] * (1 - count) + [f"jax: {tie}"]
    assert found == count
    assert cell_of(torch, "conventions")["state"] == torch["outcomes"][TIE] == state
    assert [one["tests"] for one in torch["deviations"]] == [1] * count
    assert cell_of(jax, "conventions")["state"] == FAILED
    reading.check(reading.packed(whole))


@pytest.mark.parametrize(
    ("flag", "verdict"), [("", "defect"), ("difference = true", "difference"), ("ours = true", "ours")]
)
def test_what_is_said_of_a_known_deviation_is_what_its_file_says_now(flag, verdict, tmp_path):
    text = EXPECTATIONS.replace('"late"', '"relu-tie"').replace('"silent"', f'"silent"\n{flag}')
    (tmp_path / "torch.toml").write_text(text, encoding="utf-8")
    known = expectations.read(tmp_path / "torch.toml", "torch")

    whole, _ = explaining.explained(matrix(measured()), {"torch": known}.get)

    (torch,) = whole["columns"]
    assert [(one["id"], one["verdict"], one["why"]) for one in torch["deviations"]] == [
        ("relu-tie", verdict, "the definition says 0")
    ]
    assert shown_as(torch, DEVIATION, ["relu-tie"]) == verdict
    assert total(torch)[verdict] == 1
    reading.check(reading.packed(whole))


def test_a_deviation_that_no_file_has_any_more_explains_nothing():
    whole, found = explaining.explained(matrix(measured()), {}.get)

    (torch,) = whole["columns"]
    assert (found, torch["deviations"]) == (0, [])
    assert cell_of(torch, "conventions")["state"] == torch["outcomes"][TIE] == FAILED
    assert list(explaining.left(whole)) == ["torch: relu conventions: 1 test"]
    reading.check(reading.packed(whole))


def test_of_several_deviations_a_defect_is_shown_before_a_difference():
    column = {"deviations": [{"id": "a", "verdict": "difference"}, {"id": "b"}, {"id": "c", "verdict": "ours"}]}

    shown = [shown_as(column, DEVIATION, ids) for ids in (["a"], ["a", "b"], ["c", "a"], ["c"], ["none"])]

    assert shown == ["difference", "defect", "difference", "ours", "defect"]
    assert shown_as(column, KEPT, []) == KEPT


def test_a_failure_that_is_listed_for_a_deviation_of_the_register_is_explained_too(tmp_path):
    entry = '[[registered]]\nid = "nll-loss-2d-strides"\ntests = ["test_2_3_activation.py::test_tie*"]\n'
    (tmp_path / "torch.toml").write_text(f'package = "torch"\n{entry}', encoding="utf-8")
    known = expectations.read(tmp_path / "torch.toml", "torch")

    whole, found = explaining.explained(matrix(measured(tie=FAILED)), {"torch": known}.get)

    assert found == 1
    assert "nll-loss-2d-strides" in [one["id"] for one in whole["columns"][0]["deviations"]]


# Comparing


@pytest.mark.parametrize(
    ("was", "now", "kind"),
    [
        (KEPT, FAILED, "broke"),
        (KEPT, DEVIATION, "broke"),
        (DEVIATION, FAILED, "broke"),
        (FAILED, KEPT, "mended"),
        (DEVIATION, KEPT, "mended"),
        (FAILED, DEVIATION, "explained"),
        (KEPT, NOT_REACHED, "lost"),
        (NOT_OFFERED, FAILED, "won"),
    ],
)
def test_every_change_of_a_test_has_its_kind(was, now, kind):
    (comparison,), alone = comparing.compare(matrix(measured(tie=was)), matrix(measured(tie=now)))

    assert [(change.kind, change.times) for change in comparison.changes] == [(kind, 1)]
    assert comparing.broke([comparison]) == (kind == "broke")
    assert alone == []


def test_what_broke_is_told_with_its_cell_its_test_and_its_message():
    comparisons, alone = comparing.compare(matrix(measured(tie=KEPT)), matrix(measured(tie=FAILED)))

    text = "\n".join(comparing.lines(comparisons, alone))

    assert "broke     1 test: relu conventions: was kept, is now failed" in text
    assert f"{TIE}: 1 is not 0" in text
    assert "together: 1 broke" in text


def test_a_mended_test_is_told_with_the_cell_that_it_was_in():
    (comparison,), _ = comparing.compare(matrix(measured(tie=FAILED)), matrix(measured(tie=KEPT)))

    assert comparison.changes[0].text.startswith("1 test: relu conventions: was failed, is now kept")


def test_no_change_is_said_to_be_none():
    comparisons, alone = comparing.compare(matrix(measured()), matrix(measured()))

    assert list(comparing.lines(comparisons, alone))[1:] == ["  together: no change"]


def test_versions_and_what_the_lane_asks_are_compared():
    other = measured(versions={"python": "3.12.1", "torch": "2.11.0"}, lane=Lane("quick", examples=7).described())

    (comparison,), _ = comparing.compare(matrix(measured()), matrix(other))

    assert [change.text for change in comparison.changes] == [
        "torch was 2.15.0, is now 2.11.0",
        "examples was 100, is now 7",
    ]


def test_a_renamed_test_is_compared_under_its_present_name(monkeypatch):
    monkeypatch.setattr(comparing, "present_names", lambda test: (test.replace("test_old", "test_tie"),))
    old = measured(tie=KEPT)
    old["outcomes"] = {test.replace("test_tie", "test_old"): how for test, how in old["outcomes"].items()}

    (comparison,), _ = comparing.compare(matrix(old), matrix(measured(tie=FAILED)))

    assert comparison.changes[0].kind == "broke"


def test_columns_without_a_counterpart_are_named_with_the_reason():
    _, alone = comparing.compare(
        matrix(measured(), measured("jax")), matrix(measured(), measured("mlx"), missing=["jax"])
    )

    assert alone[0].startswith("jax (jax 2.15 on cpu, 2026-11-29 10:00) is in OLD and has no counterpart in NEW: pip")
    assert alone[1].startswith("mlx (")


def test_single_columns_are_compared_whatever_they_are_of():
    (comparison,), _ = comparing.compare(matrix(measured("a")), matrix(measured("b")))

    assert "NEW is of another subject" in "\n".join(comparing.lines([comparison], []))


def test_matrices_that_have_nothing_in_common_are_refused():
    with pytest.raises(ValueError, match="no column of one matrix"):
        comparing.compare(matrix(measured("a"), measured("b")), matrix(measured("c")))


def test_of_several_columns_of_a_subject_those_of_one_machine_are_compared():
    mac = measured(machine="Darwin arm64", tie=FAILED)
    comparisons, _ = comparing.compare(matrix(measured(tie=KEPT), mac), matrix(mac, measured(tie=KEPT)))

    assert [comparison.changes for comparison in comparisons] == [[], []]


# The command and the table


def run(capsys, *arguments):
    """Run the command; return its exit status, and what it printed and complained of."""
    try:
        command.main([str(argument) for argument in arguments])
        status = 0
    except SystemExit as end:
        status = end.code
    return status, *capsys.readouterr()


def test_the_command_compares_and_ends_with_1_if_something_broke(tmp_path, capsys):
    old, new = tmp_path / "old.json", tmp_path / "new.json"
    reading.write(old, matrix(measured(tie=KEPT)))
    reading.write(new, matrix(measured(tie=FAILED)))

    assert run(capsys, "compare", old, new)[0] == 1
    assert run(capsys, "compare", new, old)[0] == 0


def test_the_table_has_a_sign_for_each_level():
    lines = list(table.lines(matrix(measured(), measured("reference", FAILED), missing=["jax"])))

    text = "\n".join(lines)
    assert "\noperation  torch  reference\nrelu       +-!    +-X\n" in text
    assert "\ntorch: torch 2.15 on cpu, quick lane, 12 s\n  1 kept, 1 known defect, 1 not offered\n" in text
    assert "  known: relu-tie (1)\n" in text
    assert "  not explained: relu conventions (1)\n" in text
    assert lines[-1] == "jax is missing: pip install jax"


def test_above_a_column_stand_its_subject_its_variant_and_what_tells_it_apart():
    old = measured(versions={"torch": "2.11"})
    long = f"folder/{'x' * 30}.py"
    lines = list(table.lines(matrix(measured(), old, measured("torch:channels_last"), measured(long))))

    head = [line for line in lines if line.startswith(("operation", "  "))][2:4]  # after the signs
    assert head == [
        "operation  torch         torch       torch:         …xxxxxxxxxxxxxxxx.py",
        "           torch 2.15.0  torch 2.11  channels_last",
    ]
    assert any(line.startswith(f"{long}: ") for line in lines)


def test_many_subjects_are_broken_into_several_tables():
    lines = list(table.lines(matrix(*(measured(f"s{number}") for number in range(30)))))

    assert sum(line.startswith("operation") for line in lines) == 2
    assert max(map(len, lines)) <= table.PAGE


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare", "missing.json", "missing.json"], "missing.json cannot be read: No such file or directory"),
        (["show", "lanes.toml"], "lanes.toml cannot be read"),
        (["--lane", "quik"], "no lane 'quik'"),
        (["--subjects", "torch,,reference"], "empty name"),
        (["--lanes", "missing.toml"], "missing.toml cannot be read"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
    ],
)
def test_wrong_usage_is_told_in_one_line_with_status_2(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    status, _, complaint = run(capsys, *arguments)

    assert status == 2
    assert message in complaint
    assert len(complaint.splitlines()) == 1
