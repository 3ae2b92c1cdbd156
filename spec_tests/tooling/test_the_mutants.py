"""Mutants of the references: how one is put in its place, what is noted of it, and which tests it has to survive."""

import csv
import importlib
import importlib.util
import json
import os
import signal
import sys
from types import SimpleNamespace

import pytest

from spec_tests.strength.mutation import __main__ as command
from spec_tests.strength.mutation import limiting, mutants, running, swapping, warm
from spec_tests.strength.mutation.forking import Forking
from spec_tests.strength.mutation.mutants import Mutant
from spec_tests.strength.mutation.swapping import NotSwappable, Swapper, noting_what_runs
from spec_tests.strength.mutation.touching import paths
from spec_tests.strength.mutation.verdicts import Killed, Question, Survived, Undecided
from spec_tests.strength.mutation.warm import Warm
from spec_tests.tooling.nested_run import pytest_in_this_process

pytestmark = pytest.mark.tooling

needs_cosmic_ray = pytest.mark.skipif(
    importlib.util.find_spec("cosmic_ray") is None, reason="Cosmic Ray makes the mutants, which is not installed"
)
forks = pytest.mark.skipif(not warm.CAN_FORK, reason="no process can fork here")


# Which there are


@needs_cosmic_ray
def test_a_mutant_is_one_change_of_one_line_with_the_name_of_its_function():
    found = list(mutants.mutants_of("windows"))

    assert len({mutant.key for mutant in found}) == len(found) > 0
    assert {mutant.function for mutant in found} == {"windows"}
    assert [mutant for mutant in found if mutant.source() in (None, mutants.source("windows"))] == []


def test_the_seed_decides_the_order_and_each_mutant_keeps_its_place():
    some = [Mutant("linear", "NumberReplacer", number, "linear") for number in range(20)]
    one, other = (mutants.in_the_order_of(seed, some) for seed in (1, 2))

    assert one != other
    assert mutants.in_the_order_of(1, some[:10]) == [mutant for mutant in one if mutant in some[:10]]


def test_what_is_equivalent_is_a_line_of_its_reference():
    for file, function, before, after in command.equivalent():
        wanted = before if before != command.ANY else f"def {function}("
        assert wanted in " ".join(line.strip() for line in mutants.source(file).splitlines())
        assert after == command.ANY or before != command.ANY


def test_the_tests_of_every_reference_are_those_of_its_section_and_of_all():
    files = paths("linear")

    assert files[0] == "reference/linear.py"
    assert {"spec_tests/test_2_4_linear.py", "spec_tests/test_every_layer.py"} <= set(files)
    assert "spec_tests/test_2_2_max_pooling.py" not in files


# How one is put in its place

SMALL = '''
import functools

FACTOR = 2

def decorated(function):
    @functools.wraps(function)
    def inner(*args):
        return function(*args) + 0
    return inner

@decorated
def doubled(number):
    """Return it twice."""
    return number * FACTOR

def less(number, by=1):
    return number - by

@functools.cache
def remembered(number):
    return number + 10

class Counter:
    step = 1

    @property
    def next(self):
        return self.step + 5
'''


@pytest.fixture
def small(tmp_path, monkeypatch):
    file = tmp_path / "a_small_module.py"
    file.write_text(SMALL, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("a_small_module")
    del sys.modules["a_small_module"]


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("number * FACTOR", "number * FACTOR + 1", (7, 2, 6)),
        ("number - by", "number + by", (6, 4, 6)),
        ("by=1", "by=2", (6, 1, 6)),
        ("self.step + 5", "self.step - 5", (6, 2, -4)),
    ],
)
def test_whoever_has_imported_a_function_calls_the_changed_one(small, before, after, expected):
    doubled, less, counter = small.doubled, small.less, small.Counter()

    Swapper(set()).swap(small, SMALL.replace(before, after))

    assert (doubled(3), less(3), counter.next) == expected


def test_what_was_remembered_is_forgotten(small, monkeypatch):
    monkeypatch.setattr(swapping, "CACHED", ("a_small_module",))
    assert small.remembered(1) == 11

    Swapper(set()).swap(small, SMALL.replace("number + 10", "number + 20"))

    assert small.remembered(1) == 21


def test_the_functions_that_are_called_are_noted(small):
    swapper = Swapper(set())
    swapper.swap(small, SMALL)

    small.doubled(small.less(2))

    assert swapper.reached == {"doubled", "less", "inner"}


@pytest.mark.parametrize("change", [("FACTOR = 2", "FACTOR = 3"), ("step = 1", "step = 2"), ("@decorated\n", "")])
def test_what_stands_outside_functions_is_not_swapped(small, change):
    with pytest.raises(NotSwappable, match="outside functions"):
        Swapper(set()).swap(small, SMALL.replace(*change))

    assert small.doubled(3) == 6


def test_a_function_that_ran_while_modules_were_imported_is_not_swapped(small):
    with noting_what_runs() as ran:
        small.less(1)
    swapper = Swapper(ran)

    with pytest.raises(NotSwappable, match="has run already"):
        swapper.swap(small, SMALL.replace("number - by", "number + by"))
    swapper.swap(small, SMALL.replace("number * FACTOR", "number"))


# What the tests say of one

LINEAR = ["reference/linear.py", "spec_tests/test_2_4_linear.py"]


@pytest.fixture(scope="module")
def process(tmp_path_factory):
    process = Warm("reference", LINEAR, running.ROOT, tmp_path_factory.mktemp("left"))
    yield process
    process.end()


def changed(before, after):
    source = mutants.source("linear")
    assert source.count(before) == 1
    return Question("linear", "flatten", source.replace(before, after))


BEFORE = "return grad_output.reshape(input.shape).copy()"


@pytest.mark.slow
@forks
def test_a_process_that_holds_the_tests_names_the_one_that_kills_a_mutant(process):
    killed = process.ask(changed(BEFORE, "return -grad_output.reshape(input.shape).copy()"))

    assert isinstance(killed, Killed)
    assert "flatten" in killed.test


@pytest.mark.slow
@forks
def test_a_process_that_is_broken_off_ends_at_once_and_leaves_its_files_to_others(tmp_path, capfd):
    process = Warm("reference", LINEAR, running.ROOT, tmp_path)

    alone = os.getsid(process.process.pid) != os.getsid(0)  # a Ctrl-C in a terminal reaches whoever has started it
    process.break_off()
    process.end()

    assert alone
    assert process.process.returncode == -signal.SIGTERM
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow
@forks
def test_what_changes_nothing_survives_and_leaves_nothing_behind(process):
    assert process.ask(changed(BEFORE, f"{BEFORE}  # the same")) == Survived()
    assert process.ask(changed(BEFORE, "return +grad_output.reshape(input.shape).copy()")) == Survived()


@pytest.mark.slow
@forks
def test_what_has_no_test_survives(process):
    assert process.ask(Question("datasets", "_origin", mutants.source("datasets"))) == Survived()


@pytest.mark.slow
@forks
def test_a_change_outside_functions_is_left_to_a_process_of_its_own(process):
    verdict = process.ask(changed("import numpy as np", "import numpy as np\n\nnp.float128x = 0"))

    assert verdict == Undecided("the change is outside functions")


@pytest.mark.slow
@forks
@pytest.mark.skipif(not limiting.OWN_SIZE.exists(), reason="the system does not tell how large a process is")
def test_a_mutant_that_takes_all_memory_fails_a_test(process):
    greedy = changed(BEFORE, f"np.empty({2 * limiting.BYTES}, np.uint8); {BEFORE}")

    assert isinstance(process.ask(greedy), Killed)


@pytest.mark.slow
@forks
def test_a_mutant_that_ends_its_process_is_left_to_a_process_of_its_own(process):
    verdict = process.ask(changed(BEFORE, "import os; os._exit(3)"))

    assert isinstance(verdict, Undecided)


CALLED = set()
"""What stands in for the functions of a changed file that have been called."""


class Noting(Forking):
    """Runs tests one after the other, without a child, and notes what each depends on."""

    def __init__(self):
        super().__init__(None, "reference", set())
        self.swapper, self.found = SimpleNamespace(reached=CALLED), {}

    def pytest_runtestloop(self, session):
        for item, following in zip(session.items, [*session.items[1:], None], strict=True):
            CALLED.clear()
            item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
            self.found[item.name] = self._reached_by(item)
        return True


OF_FIXTURES = f"""
import pytest
from {__name__} import CALLED

@pytest.fixture(scope="module")
def made():
    CALLED.add("make")

@pytest.fixture(scope="module")
def finished(made):
    CALLED.add("finish")

def test_first(finished):
    CALLED.add("look")

def test_second(finished): pass

def test_third(made): pass

def test_fourth(): pass
"""


def test_a_test_depends_on_what_its_fixtures_called_for_another_test(tmp_path):
    (tmp_path / "test_it.py").write_text(OF_FIXTURES, encoding="utf-8")
    options, noting = ["-c", os.devnull, "--rootdir", str(tmp_path)], Noting()

    code, said = pytest_in_this_process(*options, str(tmp_path), plugins=[noting])

    assert code == 0, said
    assert noting.found == {
        "test_first": {"look", "make", "finish"},
        "test_second": {"make", "finish"},
        "test_third": {"make"},
        "test_fourth": set(),
    }


def test_what_has_killed_most_goes_first_in_this_run_and_then_in_earlier_ones():
    forking = Forking(None, "reference", set())
    items = [
        SimpleNamespace(nodeid=f"a.py::{name}") for name in ("test_a", "test_b[1]", "test_b[2]", "test_c", "test_d")
    ]
    forking.kills.update([("linear", "", "a.py::test_d")] * 2 + [("linear", "flatten", "a.py::test_c")])
    killers = running.killers_of(
        running.Outcome("linear", "", "operator", number, killed_by, 0.1)
        for number, killed_by in enumerate(["test_a", "test_b", "test_b", "", "", ""])
    )

    order = forking._in_order(items, Question("linear", "flatten", "", killers["linear"]))

    assert killers == {"linear": ("test_b", "test_a")}
    assert [item.nodeid.partition("::")[2] for item in order] == [
        "test_c",
        "test_d",
        "test_b[1]",
        "test_b[2]",
        "test_a",
    ]


@pytest.mark.slow
def test_a_run_of_its_own_names_the_test_that_kills_and_restores_the_reference(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "SUBJECTS", ("reference",))
    monkeypatch.setattr(running, "paths", lambda _: LINEAR)
    copy, mutant = running.Copy(tmp_path), Mutant("linear", "NumberReplacer", 0, "flatten")

    killed_by = copy.killed_by(mutant, changed(BEFORE, "return -grad_output.reshape(input.shape)").source)

    assert "flatten" in killed_by
    assert (copy.root / "reference" / "linear.py").read_text(encoding="utf-8") == mutants.source("linear")


@pytest.mark.slow
def test_a_mutant_of_what_has_no_test_survives_a_run_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "SUBJECTS", ("reference",))
    monkeypatch.setattr(running, "paths", lambda _: ["spec_tests/tooling/test_the_lines.py"])

    unchanged = Mutant("linear", "NumberReplacer", 0, "flatten"), mutants.source("linear")

    assert running.Copy(tmp_path).killed_by(*unchanged) == ""


@pytest.mark.slow
@pytest.mark.parametrize("on_the_reference", [0, -9])
def test_a_run_that_is_ended_kills_a_mutant_if_the_reference_itself_passes(tmp_path, monkeypatch, on_the_reference):
    statuses = iter([-9, on_the_reference])
    monkeypatch.setattr(running.Copy, "_run", lambda *_: (next(statuses), "said"))
    unchanged = Mutant("linear", "NumberReplacer", 0, "flatten"), mutants.source("linear")

    if on_the_reference == 0:
        assert running.Copy(tmp_path).killed_by(*unchanged) == "pytest's status -9"
    else:
        with pytest.raises(SystemExit, match=r"^on the reference itself, with reference, pytest ends with status -9:"):
            running.Copy(tmp_path).killed_by(*unchanged)


@pytest.mark.slow
@pytest.mark.parametrize(("on_the_reference", "killed_by"), [(5, ""), (0, "pytest's status 5")])
def test_a_mutant_is_killed_where_it_alone_leaves_no_test(tmp_path, monkeypatch, on_the_reference, killed_by):
    monkeypatch.setattr(
        running.Copy, "_run", lambda *given: (on_the_reference if "--collect-only" in given[-1] else 5, "")
    )

    assert running.Copy(tmp_path).killed_by(Mutant("linear", "NumberReplacer", 0, "flatten"), "") == killed_by


# What is noted


class Planned(Mutant):
    """A mutant of which it is known what becomes of it."""

    def source(self):
        return None if self.operator == "None" else f"{self.operator} {self.occurrence}"

    def change(self):
        return f"before {self.occurrence}", "after"


FATES = {"Killed": "a.py::test_a[1]", "Survives": ""}
OPERATORS = ("Killed", "Survives", "None")
SOME = [Planned("linear", operator, number, "linear") for operator in OPERATORS for number in (0, 1)]


@pytest.fixture
def tried(monkeypatch, tmp_path):
    """Return a function that runs the command, and returns its status, what it stored, and which mutants it tried."""
    asked = []

    def killed_by(_, mutant, __, alone):
        asked.append((mutant.operator, mutant.occurrence, alone))
        return FATES[mutant.operator]

    monkeypatch.setattr(command, "PACKAGES", ())  # Cosmic Ray may be missing
    monkeypatch.setattr(command, "mutants_of", lambda file: SOME if file == "linear" else [])
    monkeypatch.setattr(running.Bench, "_killed_by", killed_by)

    def run(*options):
        asked.clear()
        stored = [tmp_path / "journal.tsv", tmp_path / "out.json"]
        code = command.main([f"--journal={stored[0]}", f"--out={stored[1]}", "--processes=1", *options])
        return code, json.loads(stored[1].read_text(encoding="utf-8")), list(asked)

    return run


def rows(tmp_path):
    with (tmp_path / "journal.tsv").open(encoding="utf-8", newline="") as file:
        return {(row["operator"], row["occurrence"]): row for row in csv.DictReader(file, delimiter="\t")}


def test_the_test_that_kills_a_mutant_is_noted_without_its_parameters(tried, tmp_path):
    tried()

    assert rows(tmp_path)["Killed", "0"]["caught_by"] == "test_a"


def test_a_survivor_is_tried_again_in_a_run_of_its_own_and_then_reported(tried, capsys):
    code, stored, asked = tried()

    assert code == 1
    assert {("Survives", 0, False), ("Survives", 0, True)} <= set(asked)
    assert ["linear", "linear", "before 0", "after", "open"] in stored["survivors"]
    assert "survives:\n    linear" in capsys.readouterr().out


def test_what_cannot_be_compiled_is_no_mutant(tried):
    _, stored, _ = tried()

    assert (stored["mutants"], stored["tried"], stored["killed"]) == (4, 4, 2)


def test_a_run_goes_on_where_the_journal_ends(tried):
    _, _, first = tried("--sample=3")
    _, stored, second = tried()

    assert {ask[:2] for ask in first}.isdisjoint(ask[:2] for ask in second)
    assert stored["tried"] == 4
    assert tried()[2] == []


def test_mutants_of_a_reference_that_has_changed_are_tried_again(tried, monkeypatch):
    tried()
    monkeypatch.setattr(running, "state", lambda _: "another")

    assert len({ask[:2] for ask in tried()[2]}) == 4


def test_survivors_are_tried_again_where_that_is_asked_for(tried):
    tried()

    assert sorted(tried("--again")[2]) == [("Survives", 0, True), ("Survives", 1, True)]


@pytest.mark.parametrize("alike", [("before 0", "after"), ("before 0", "*"), ("*", "*")], ids=" to ".join)
def test_what_is_equivalent_does_not_count(tried, monkeypatch, alike):
    reasons = {("linear", "linear", *alike): "the same", ("linear", "linear", "before 1", "after"): "the same"}
    monkeypatch.setattr(command, "equivalent", lambda: reasons)
    code, stored, asked = tried()

    assert code == 0
    assert (stored["tried"], stored["counted"], stored["killed of counted"]) == (4, 2, 1.0)
    assert ("Survives", 0, True) not in asked


def test_an_unknown_reference_is_refused_in_one_line(capsys):
    with pytest.raises(SystemExit):
        command.main(["--files", "linear,convolutoin"])

    assert "there is no reference convolutoin" in capsys.readouterr().err


def test_a_failed_test_is_named_whole_whatever_its_cases_are_called():
    printed = "FAILED spec_tests/test_a.py::test_b[two axes-float32] - AssertionError: a - b\nFAILED x.py::test_c\n"

    assert running.FAILED.findall(printed) == ["spec_tests/test_a.py::test_b[two axes-float32]", "x.py::test_c"]
