"""A run on a subject of NumPy functions needs NumPy, pytest and Hypothesis alone, and does not wait for torch."""

import subprocess
import sys
import textwrap
from types import SimpleNamespace

import pytest

from spec_tests import subjects
from spec_tests.run import unread
from spec_tests.run.selection import ROOT
from spec_tests.subjects import torch as torch_subject
from spec_tests.vocabulary import torch_when_needed
from spec_tests.vocabulary.results import NOT_READ, reason_zh

pytestmark = pytest.mark.tooling

NEEDED_BY_PYTEST = ("packaging", "pygments")
OPTIONAL = [name for name in (*unread.PACKAGES, "latex2mathml", "onnx", "autograd") if name not in NEEDED_BY_PYTEST]
WITHOUT = f"""
import sys
sys.modules.update(dict.fromkeys({OPTIONAL}))

class WithoutBenchmark:  # pytest has looked for its plugins' modules before: None would be a surprise
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "pytest_benchmark":
            raise ModuleNotFoundError(name, name=name)

sys.meta_path.insert(0, WithoutBenchmark())
"""
"""A program begins with this so as to find none of the packages that only some runs need."""


def pytest_in_a_child(arguments, before="", after="", expected=0):
    """Run pytest on the specification in a process of its own, and return what it prints."""
    options = ["-q", "-p", "no:cacheprovider", "-p", "no:benchmark", *arguments]
    program = f"{before}import sys, pytest\ncode = pytest.main({options})\n{textwrap.dedent(after)}\nsys.exit(code)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT.parent,
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    assert done.returncode == expected, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_reading_a_section_for_a_numpy_subject_does_not_import_torch():
    after = "print('torch was imported' if 'torch' in sys.modules else 'torch was not imported')"

    output = pytest_in_a_child(["--co", "spec_tests/test_2_1_convolution.py", "--subject=reference"], after=after)

    assert "torch was not imported" in output


@pytest.mark.slow
def test_a_section_runs_where_numpy_pytest_and_hypothesis_alone_are_installed():
    output = pytest_in_a_child(["spec_tests/test_2_4_linear.py", "--subject=reference"], before=WITHOUT)

    assert "kept the specification as far as it was run" in output
    assert "about torch itself, which is not the subject" in output


@pytest.mark.slow
def test_every_file_is_read_or_left_out_with_its_reason_without_torch():
    output = pytest_in_a_child(["spec_tests", "--subject=reference", "-k", "nothing_is_called_so"], WITHOUT, expected=5)

    assert "error" not in output.lower()
    assert "files not read: about torch itself, which is not the subject" in output


@pytest.mark.slow
def test_a_run_on_torch_without_torch_ends_with_one_line():
    output = pytest_in_a_child(["spec_tests/test_2_4_linear.py"], before=WITHOUT, expected=4)

    assert "torch is not installed: pip install torch, or test another subject" in output
    assert "Traceback" not in output


@pytest.mark.slow
def test_a_report_without_its_packages_ends_with_one_line(tmp_path):
    arguments = ["spec_tests/test_2_4_linear.py", "--subject=reference", "--report", str(tmp_path / "report")]

    output = pytest_in_a_child(arguments, before=WITHOUT, expected=4)

    assert (
        'the report needs jinja2, jsonschema, latex2mathml, matplotlib, not installed here: pip install "torch'
        in output
    )


@pytest.mark.slow
def test_a_file_that_needs_a_missing_package_is_left_out_with_that_reason():
    before = "import sys; sys.modules['tensorboard'] = None\n"

    output = pytest_in_a_child(["spec_tests/test_1_1_tensorboard.py"], before, expected=5)

    assert "1 file not read: tensorboard is needed, which is not installed\n" in output
    assert output.endswith("No test of the specification was run; 1 file not read for the reasons above.\n")


def test_the_reason_names_the_missing_package_in_both_languages():
    assert NOT_READ["package"].en.format(package="pillow") == "pillow is needed, which is not installed"
    assert reason_zh("pillow is needed, which is not installed") == "需要 pillow，而它没有安装"


def test_a_file_of_which_a_single_test_is_asked_for_is_read():
    file = ROOT / "test_1_4_datasets.py"

    def reason(*arguments):
        option = SimpleNamespace(subject="reference", device="cpu")
        config = SimpleNamespace(option=option, args=arguments, invocation_params=SimpleNamespace(dir=ROOT.parent))
        return unread._reason(file, config)

    assert reason("spec_tests") == "about torch itself, which is not the subject"
    assert reason("spec_tests/test_1_4_datasets.py::test_it") is None


def test_a_module_is_imported_when_it_is_first_used_and_its_names_can_be_replaced(monkeypatch):
    lazy = torch_when_needed.WhenNeeded("textwrap")

    assert not hasattr(lazy, "__test__")
    before = textwrap.dedent
    assert lazy.dedent is before
    with monkeypatch.context() as patch:
        patch.setattr(lazy, "dedent", len)
        assert textwrap.dedent is len
    assert textwrap.dedent is before


def test_a_module_that_is_missing_is_named_when_it_is_used():
    with pytest.raises(ModuleNotFoundError, match="No module named 'no_such_module'"):
        torch_when_needed.WhenNeeded("no_such_module").attribute  # noqa: B018  # to read it is to import


def test_a_torch_that_is_too_old_is_refused(monkeypatch):
    monkeypatch.setattr(torch_subject.torch, "__version__", "2.4.1+cpu")

    with pytest.raises(subjects.NotAvailable, match=r"torch 2\.4\.1\+cpu is too old, 2\.11 or later is needed"):
        subjects.load("torch")
