"""A package that is missing or too old is named in one line by every command, with what to install."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from reference import datasets
from spec_tests import installed

pytestmark = [pytest.mark.tooling, pytest.mark.slow]

ROOT = Path(__file__).parents[2]


def commands():
    """Return the modules of this repository that are run with `python -m`, by the files that say so."""
    for package in ("spec_tests", "reference", "benchmarks"):
        for file in sorted((ROOT / package).rglob("*.py")):
            inside = file.relative_to(ROOT).with_suffix("")
            if not {"printed", "tooling"} & set(inside.parts) and '\nif __name__ == "__main__"' in file.read_text(
                "utf-8"
            ):
                yield ".".join(inside.parts[:-1] if inside.name == "__main__" else inside.parts)


COMMANDS = list(commands())
OF_THE_REFERENCES = [command for command in COMMANDS if command.startswith("reference")]


def python(before, tmp_path, *arguments):
    """Run Python with these arguments after a program; return the exit code and the lines that it printed."""
    (tmp_path / "sitecustomize.py").write_text(f"import sys\n{before}\n", encoding="utf-8")
    places = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)]), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=tmp_path,
        env={**os.environ, **places},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return done.returncode, (done.stdout + done.stderr).splitlines()


def without(packages, tmp_path, *arguments):
    """Run Python where these packages are not installed."""
    return python(f"sys.modules.update(dict.fromkeys({packages}))", tmp_path, *arguments)


def with_a_torch(text, tmp_path, *arguments):
    """Run Python where the module torch holds this text."""
    (tmp_path / "torch.py").write_text(text, encoding="utf-8")
    return python("", tmp_path, *arguments)


def test_the_commands_are_found():
    assert {"spec_tests", "spec_tests.start", "spec_tests.matrix", "reference.train", "benchmarks.report"} <= {
        *COMMANDS
    }
    assert {*installed.COMMANDS} <= {*COMMANDS}


@pytest.mark.parametrize("command", [command for command in COMMANDS if command not in OF_THE_REFERENCES])
def test_every_command_says_in_one_line_what_has_to_be_installed(command, tmp_path):
    packages, extra, status = installed.COMMANDS.get(command, installed.Needs())

    code, lines = without(packages, tmp_path, "-m", command, "--help")

    missing = f"{', '.join(packages)} not installed here"
    assert lines == [f'python -m {command}: error: {missing}: pip install "torch-by-hand[{extra}]"']
    assert code == status


@pytest.mark.parametrize("command", OF_THE_REFERENCES)
def test_a_command_of_the_references_says_that_it_needs_numpy(command, tmp_path):
    code, lines = without(["numpy"], tmp_path, "-m", command, "--help")

    assert (code, lines) == (1, ['error: numpy not installed here: pip install "torch-by-hand"'])


@pytest.mark.parametrize("package", ["numpy", "hypothesis"])
def test_pytest_itself_says_in_one_line_what_the_specification_lacks(package, tmp_path):
    code, lines = without([package], tmp_path, "-m", "pytest", "-q", ROOT / "spec_tests")

    line = f'pytest spec_tests: error: {package} not installed here: pip install "torch-by-hand[spec]"'
    assert (code, lines) == (pytest.ExitCode.USAGE_ERROR, [line])


HIDING = "hides the package {} from Python: give it another name"


@pytest.mark.parametrize("package", ["numpy", "torch", "hypothesis"])
def test_a_file_of_the_present_folder_that_hides_a_package_is_named(package, tmp_path):
    file, reason = tmp_path / f"{package}.py", HIDING.format(package)
    file.write_text("def relu(input):\n    return input\n", encoding="utf-8")

    by_command = python("", tmp_path, "-m", "spec_tests", "--subject", file)
    in_pytest = python("", tmp_path, "-m", "pytest", "-pspec_tests.run.plugin", "--pyargs", "spec_tests")

    assert by_command == (pytest.ExitCode.USAGE_ERROR, [f"python -m spec_tests: error: {file} {reason}"])
    assert in_pytest[0] == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: {file} {reason}" in in_pytest[1]
    assert not any("Traceback" in line for line in in_pytest[1])


def test_a_file_that_hides_numpy_is_named_by_the_commands_of_the_references(tmp_path):
    (tmp_path / "numpy.py").write_text("", encoding="utf-8")

    code, lines = python("", tmp_path, "-m", "reference.train", "--help")

    assert (code, lines) == (1, [f"error: {tmp_path / 'numpy.py'} {HIDING.format('numpy')}"])


def test_a_verdict_needs_numpy_alone(tmp_path):
    code, lines = without(["pytest", "hypothesis"], tmp_path, "-m", "spec_tests.verdict", "--help")

    assert code == 0, lines


@pytest.mark.parametrize(
    ("package", "command", "expected"),
    [
        ("torchvision", ["reference.train", "--data", "."], "--data needs torchvision, which is not installed"),
        ("jinja2", ["spec_tests.matrix", "page", "none.json", "."], 'jinja2, not installed here: pip install "torch-'),
        (
            "watchfiles",
            ["spec_tests.watch", "mine.py"],
            "--watch needs watchfiles, which is not installed: pip install",
        ),
    ],
)
def test_a_package_that_only_some_uses_need_is_named_by_them(package, command, expected, tmp_path):
    (tmp_path / "mine.py").write_text("def relu(input):\n    return input\n", encoding="utf-8")

    code, lines = without([package], tmp_path, "-m", *command)

    assert code, lines
    assert expected in "\n".join(lines)
    assert not any("Traceback" in line for line in lines), lines


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("__version__ = '2.4.1+cpu'", "needs torch 2.11 or later, not 2.4.1+cpu: pip install -U torch"),
        ("import no_such_module", "needs torch, which in turn lacks no_such_module"),
        ("raise OSError('no such library\\nlibcudart')", "cannot be imported: no such library"),
    ],
)
def test_an_old_or_broken_torch_is_refused_in_one_line(text, reason, tmp_path):
    data = datasets.write_cifar10(tmp_path, train_images=10, test_images=5).parent
    options = ["--data", data, "--implementation", "torch", "--batch-size", "2"]

    code, lines = with_a_torch(text, tmp_path, "-m", "reference.train", *options)

    assert code == 1
    assert reason in lines[-1]
    assert len(lines) == 1, lines
