"""Commands in bad moments: a full or read-only disk, a terminal that lacks characters, files that are no such files."""

import errno
import json
import os
import pickle
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from unittest.mock import Mock

import numpy as np
import pytest
from tensorboard.summary.writer.record_writer import RecordWriter
from torch.utils.tensorboard import SummaryWriter

from reference import archives, datasets, train, whole_files
from reference.command import run
from reference.training import Checkpoint
from spec_tests import subjects
from spec_tests.report import files, writing
from spec_tests.run import gallery, given_files
from spec_tests.strength import __main__ as strength
from spec_tests.strength import planting
from spec_tests.strength.repeats.settings import WITHOUT_POWERS, can_forbid_writing
from spec_tests.vectors import VERSION
from spec_tests.vectors.command import main as vectors
from spec_tests.vectors.writing import NAME
from spec_tests.vocabulary.subject import NotAvailable

pytestmark = [pytest.mark.tooling, pytest.mark.slow]

ROOT = Path(__file__).parents[2]
CHINESE = "中文 目录"
ESCAPED = r"\u4e2d\u6587 \u76ee\u5f55"

READ_ONLY = """
import tempfile

def refuse(*args, dir=None, whole=tempfile.TemporaryFile, **options):
    if dir is None:
        return whole(*args, **options)
    raise PermissionError(13, "Permission denied")

tempfile.TemporaryFile = refuse
"""


def python(*arguments, before="", **environment):
    """Run Python with these arguments, after a program; return the exit code and the lines of its errors."""
    places = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment}
    if before:
        module = (
            f"import runpy, sys\nsys.argv = sys.argv[1:]\n{before}\nrunpy.run_module(sys.argv[0], run_name='__main__')"
        )
        command = [sys.executable, "-c", module, *map(str, arguments)]
    else:
        command = [sys.executable, "-m", *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **places}, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout.splitlines(), done.stderr.splitlines()


@pytest.fixture
def data(tmp_path):
    """The options of a training on a small stand-in, in this folder."""
    datasets.write_cifar10(tmp_path, train_images=10, test_images=5)
    return ["--data", str(tmp_path), "--batch-size", "2", "--epochs", "2"]


def train_in_vain(options, capsys):
    """Train in this process; return the exit code and the lines of its errors."""
    with pytest.raises(SystemExit) as ended:
        train.main(options)
    return ended.value.code, capsys.readouterr().err.splitlines()


# A full disk


def full(*_, **__):
    """Write nothing: the disk is full."""
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("records", [0, 4])
def test_a_full_disk_under_logdir_ends_a_training_with_one_line(data, tmp_path, monkeypatch, capsys, records):
    written, write = [], RecordWriter.write

    def write_some(writer, record):
        written.append(record)
        (full if len(written) > records else write)(writer, record)

    monkeypatch.setattr(RecordWriter, "write", write_some)
    logs, checkpoint = tmp_path / "logs", tmp_path / "c.npz"

    code, (line,) = train_in_vain([*data, "--logdir", str(logs), "--checkpoint", str(checkpoint)], capsys)

    assert code == 1
    assert line.startswith(f"python -m reference.train: error: --logdir {logs}: No space left on device")
    if records:
        steps = Checkpoint.load(checkpoint).training.steps
        assert steps
        assert line.endswith(f" after step {steps}; continue with --resume {checkpoint}")


def test_a_log_that_cannot_be_finished_is_an_error_too(data, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(SummaryWriter, "close", full)

    code, (line,) = train_in_vain([*data, "--logdir", str(tmp_path / "logs")], capsys)

    assert code == 1
    assert line == f"python -m reference.train: error: --logdir {tmp_path / 'logs'}: No space left on device"


def test_a_full_disk_under_checkpoint_leaves_the_one_that_was_there(data, tmp_path, monkeypatch, capsys):
    (tmp_path / "c.npz").write_bytes(b"old")
    monkeypatch.setattr(np, "savez", full)

    code, (line,) = train_in_vain([*data, "--checkpoint", str(tmp_path / "c.npz")], capsys)

    assert code == 1
    assert line == f"python -m reference.train: error: --checkpoint {tmp_path / 'c.npz'}: No space left on device"
    assert (tmp_path / "c.npz").read_bytes() == b"old"
    assert not [path for path in tmp_path.iterdir() if "unfinished" in path.name]


SMALL = """
import resource, signal, sys

sys.dont_write_bytecode = True  # of the project's modules: cut off, they would break every later import
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))
"""
"""No file grows beyond this size, as on a full disk."""

of_posix = pytest.mark.skipif(os.name != "posix", reason="POSIX systems alone limit the size of files")


@of_posix
def test_a_log_that_can_grow_no_further_ends_a_training_with_one_line(data, tmp_path):
    logs = tmp_path / "logs"
    options = ["--logdir", logs, "--epochs", "1000", "--implementation", "torch", "--lr", "0"]

    code, _, errors = python("reference.train", *data, *options, before=SMALL.format(size=4096))

    assert code == 1
    (line,) = [line for line in errors if "reference.train" in line]
    assert line.startswith(f"python -m reference.train: error: --logdir {logs}: File too large after step ")
    assert not any("Traceback" in line for line in errors)


def test_a_full_disk_under_tensorboard_fails_the_run_and_says_why(tmp_path, monkeypatch, capfd):
    monkeypatch.setattr(RecordWriter, "write", full)
    session = SimpleNamespace(exitstatus=0, config=SimpleNamespace(option=SimpleNamespace(collectonly=False)))
    log = gallery.Log(tmp_path)

    log.pytest_sessionfinish(session)

    assert session.exitstatus == pytest.ExitCode.INTERNAL_ERROR
    assert log.message == f"ERROR: no whole log in {tmp_path}: No space left on device"
    assert "Traceback" not in capfd.readouterr().err  # of a thread of TensorBoard's


MINE = "import numpy as np\n\ndef relu(input):\n    return np.where(input > 0, input, 0)\n"


@of_posix
@pytest.mark.parametrize(
    ("command", "file"),
    [
        (["spec_tests.start", "FILE"], "new.py"),
        (["spec_tests.verdict", "--example", "FILE"], "new.py"),
        (["spec_tests.report.hands", "FILE"], "page.html"),
        (["spec_tests.score", "HANDED_IN", "--only", "relu:values", "--csv", "FILE"], "scores.csv"),
        (
            ["spec_tests", "--subject", "MINE", "--exercise", "--only", "relu:values", "--exercise-json", "FILE"],
            "s.json",
        ),
        (["spec_tests.vectors", "--small", "--only", "relu", "FOLDER"], "vectors"),
    ],
)
def test_a_full_disk_ends_a_command_with_a_line_and_no_half_of_a_file(command, file, tmp_path):
    (tmp_path / "handed_in").mkdir()
    (tmp_path / "handed_in" / "mine.py").write_text(MINE, encoding="utf-8")
    (tmp_path / "written").mkdir()
    places = {
        "FILE": tmp_path / "written" / file,
        "FOLDER": tmp_path / "written",
        "HANDED_IN": tmp_path / "handed_in",
        "MINE": tmp_path / "handed_in" / "mine.py",
    }

    code, output, errors = python(*(places.get(word, word) for word in command), before=SMALL.format(size=100))

    assert code
    assert "File too large" in (errors[-1:] + output[-1:])[0], (output, errors)
    assert not any("Traceback" in line for line in output + errors)
    assert list((tmp_path / "written").iterdir()) == []


@of_posix
@pytest.mark.parametrize(
    ("size", "command", "journal"),
    [
        (500, ["spec_tests.strength", "--named", "--operations", "relu", "--journal", "FILE"], "journal.jsonl"),
        (
            1500,
            [
                "spec_tests.campaign",
                "--subject=reference",
                "--only=relu",
                "--each=20",
                "--workers=1",
                "--out",
                "FOLDER",
            ],
            "journal.jsonl",
        ),
    ],
)
def test_a_disk_that_fills_midway_ends_a_long_command_with_a_line_and_whole_rows(size, command, journal, tmp_path):
    pytest.importorskip("distributed")
    places = {"FILE": tmp_path / journal, "FOLDER": tmp_path}

    code, _, errors = python(*(places.get(word, word) for word in command), before=SMALL.format(size=size))

    (line,) = [line for line in errors if " examples (" not in line]
    assert code == 1
    assert line == f"python -m {command[0]}: error: {tmp_path / journal}: File too large"
    rows = (tmp_path / journal).read_text(encoding="utf-8").splitlines()
    assert rows and all(json.loads(row) for row in rows)


def test_a_line_is_added_whole_or_not_at_all(tmp_path, monkeypatch):
    file = tmp_path / "journal"
    files.add_line(file, "first")
    file.write_bytes(file.read_bytes() + "中".encode()[:2])  # of one who was killed

    assert files.lines_of(file) == ["first"]
    files.add_line(file, "second 中")
    assert file.read_bytes() == "first\nsecond 中\n".encode()
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match=f"No space left on device: '{re.escape(str(file))}'"):
            files.add_line(file, "third")
    assert files.lines_of(file) == ["first", "second 中"]


@pytest.mark.parametrize("text", ["{}", "something else\n", '{"defects": 1}\n'])
def test_a_file_of_somebodys_own_is_no_journal(tmp_path, text):
    file = tmp_path / "journal"
    file.write_text(text, encoding="utf-8")

    with pytest.raises(ValueError, match="is no such journal: it does not begin with"):
        files.lines_of(file, '{"defect": ')


@pytest.mark.parametrize("left", ["", "{", '{"defect": "fli'])
def test_what_is_left_of_the_first_line_of_a_journal_is_no_line_of_it(tmp_path, left):
    file = tmp_path / "journal"
    file.write_text(left, encoding="utf-8")

    assert files.lines_of(file, '{"defect": ') == []


def test_what_a_killed_writer_left_is_cleaned_up_once_it_is_old(tmp_path):
    old, new = tmp_path / ".unfinished-old", tmp_path / ".unfinished-new"
    for folder in (old, new):
        folder.mkdir()
    os.utime(old, (0, 0))

    files.put({"a": "text"}, tmp_path)

    assert {path.name for path in tmp_path.iterdir()} == {"a", ".unfinished-new"}


def test_two_commands_do_not_write_one_journal_at_once(tmp_path):
    pytest.importorskip("fcntl")

    with files.alone_with(tmp_path / "journal"):
        with files.alone_with(tmp_path / "other"):
            pass
        with pytest.raises(OSError, match="another process is at work on it"), files.alone_with(tmp_path / "journal"):
            pass
    with files.alone_with(tmp_path / "journal"):
        pass


def the_lock(folder):
    (lock,) = folder.glob("*.lock")
    return lock


def test_a_lock_that_is_no_longer_ours_is_left_and_one_that_stays_hurts_nobody(tmp_path, monkeypatch):
    pytest.importorskip("fcntl")
    monkeypatch.setattr(files, "gettempdir", lambda: str(tmp_path))
    first, second = (files.alone_with(tmp_path / "journal") for _ in range(2))

    first.__enter__()
    the_lock(tmp_path).unlink()  # somebody cleans up
    second.__enter__()
    first.__exit__(None, None, None)
    with pytest.raises(OSError, match="another process is at work on it"), files.alone_with(tmp_path / "journal"):
        pass
    monkeypatch.setattr(Path, "unlink", Mock(side_effect=PermissionError))
    second.__exit__(None, None, None)
    with pytest.raises(KeyboardInterrupt), files.alone_with(tmp_path / "journal"):
        raise KeyboardInterrupt


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no pipes with names")
def test_a_link_at_the_place_of_a_lock_is_not_followed_and_a_pipe_not_waited_for(tmp_path, monkeypatch):
    pytest.importorskip("fcntl")
    monkeypatch.setattr(files, "gettempdir", lambda: str(tmp_path))
    with files.alone_with(tmp_path / "journal"):
        place = the_lock(tmp_path)

    place.symlink_to(tmp_path / "target")
    with pytest.raises(OSError, match="symbolic links"), files.alone_with(tmp_path / "journal"):
        pass
    assert not (tmp_path / "target").exists()
    place.unlink()
    os.mkfifo(place)
    with files.alone_with(tmp_path / "journal"):
        assert place.exists()


def test_of_many_that_want_to_write_a_journal_never_two_do_and_no_lock_is_left(tmp_path, monkeypatch):
    pytest.importorskip("fcntl")
    monkeypatch.setattr(files, "gettempdir", lambda: str(tmp_path / "locks"))
    (tmp_path / "locks").mkdir()
    inside, most, refused = [], [], []

    def want(_):
        try:
            with files.alone_with(tmp_path / "journal"):
                inside.append(1)
                most.append(len(inside))
                time.sleep(0.0001)
                inside.pop()
        except OSError as error:
            refused.append(str(error))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(want, range(2000)))

    assert set(most) == {1}
    assert len(most) + len(refused) == 2000
    assert all("another process is at work on it" in reason for reason in refused)
    assert list((tmp_path / "locks").iterdir()) == []


@pytest.mark.parametrize(
    ("command", "package"),
    [("spec_tests.strength.mutation", "cosmic_ray"), ("spec_tests.strength.repeats", "random_order")],
)
@pytest.mark.parametrize("text", ["other\tcolumns\n", "BYTES"])
def test_a_journal_of_another_version_is_refused_in_one_line(command, package, text, tmp_path):
    pytest.importorskip(package)
    journal = tmp_path / "journal.tsv"
    journal.write_bytes(b"\xff\xfe\n" if text == "BYTES" else text.encode())

    code, _, errors = python(command, "--journal", journal, "--out", tmp_path / "out.json")

    (line,) = errors
    assert code == 1
    assert line.startswith(f"python -m {command}: error: --journal ")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no device that is always full")
@pytest.mark.parametrize(
    "command",
    [
        ["reference.datasets", "cifar10", ".", "--train-images", "5", "--test-images", "1"],
        ["spec_tests", "--help"],
        ["spec_tests.start", "a.py"],
        ["spec_tests.verdict", "--help"],
    ],
)
def test_an_output_without_room_ends_a_command_with_one_line(command, tmp_path):
    words, places = [sys.executable, "-m", *command], {**os.environ, "PYTHONPATH": str(ROOT)}
    with Path("/dev/full").open("w") as output:
        done = subprocess.run(words, cwd=tmp_path, env=places, stdout=output, stderr=subprocess.PIPE, text=True)

    (line,) = done.stderr.splitlines()
    assert done.returncode in (1, 2)
    assert line.endswith("error: No space left on device")


def test_a_text_goes_where_a_link_leads_and_what_is_no_file_is_written_to(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_text("old", encoding="utf-8")
    try:
        link.symlink_to("target")
    except OSError:
        pytest.skip("this system does not let us make links")

    whole_files.write_text(link, "new\n")
    whole_files.write_text(Path(os.devnull), "new")

    assert (link.is_symlink(), target.read_text(encoding="utf-8")) == (True, "new\n")
    assert {*tmp_path.iterdir()} == {target, link}


def test_a_new_text_never_replaces_what_is_there(tmp_path):
    (tmp_path / "a.py").write_text("mine", encoding="utf-8")

    with pytest.raises(FileExistsError):
        whole_files.write_new_text(tmp_path / "a.py", "new")
    assert (tmp_path / "a.py").read_text(encoding="utf-8") == "mine"


def test_a_full_disk_leaves_the_report_that_was_there(tmp_path, monkeypatch):
    write = Path.write_text

    def half_of_the_page(path, text, **options):
        write(path, text[:1], **options)
        if path.name == writing.PAGE:
            full()

    (tmp_path / writing.DATA).write_text("old", encoding="utf-8")
    monkeypatch.setattr(writing, "check", len)
    monkeypatch.setattr(writing, "rendered", "{}{}".format)
    monkeypatch.setattr(Path, "write_text", half_of_the_page)

    with pytest.raises(OSError, match="No space left on device"):
        writing.write(tmp_path, {})
    assert [(path.name, path.read_text(encoding="utf-8")) for path in tmp_path.iterdir()] == [(writing.DATA, "old")]


def test_a_report_folder_that_is_read_only_is_refused_before_the_run(tmp_path):
    options = ["-q", "-p", "no:cacheprovider", "spec_tests/test_2_3_activation.py", "--subject", "reference"]

    code, output, errors = python("pytest", *options, "--report", tmp_path, before=READ_ONLY)

    assert code == pytest.ExitCode.USAGE_ERROR
    assert [*filter(None, errors)] == [f"ERROR: --report {tmp_path} cannot be written to: Permission denied"]
    assert not any("passed" in line for line in output)


needs_random_order = pytest.mark.skipif(find_spec("random_order") is None, reason="its extra is not installed")
needs_dask = pytest.mark.skipif(find_spec("distributed") is None, reason="its extra is not installed")


@pytest.fixture(scope="module")
def packages(tmp_path_factory):
    """A value of PYTHONPATH with which Cosmic Ray is found, whether it is installed or not: nothing is asked of it."""
    folder = tmp_path_factory.mktemp("packages")
    (folder / "cosmic_ray").mkdir()
    (folder / "cosmic_ray" / "__init__.py").touch()
    return os.pathsep.join([str(folder), str(ROOT)])


OF_RELU = ["--named", "--operations", "relu"]


@pytest.mark.skipif(not can_forbid_writing(), reason="here everything can be written")
@pytest.mark.parametrize("option", ["--journal", "--out"])
@pytest.mark.parametrize(
    "command",
    [
        ["spec_tests.strength", *OF_RELU],
        ["spec_tests.strength.mutation"],
        pytest.param(["spec_tests.strength.repeats"], marks=needs_random_order),
    ],
    ids=lambda command: command[0],
)
def test_a_read_only_file_is_refused_before_anything_runs(command, option, tmp_path, packages):
    file, other = tmp_path / "read-only", {"--journal": "--out", "--out": "--journal"}[option]
    file.touch(0o444)
    words = [*(WITHOUT_POWERS if os.geteuid() == 0 else ()), sys.executable, "-m", *command]
    places = {**os.environ, "PYTHONPATH": packages, "PYTHONDONTWRITEBYTECODE": "1"}

    done = subprocess.run(
        [*words, option, str(file), other, str(tmp_path / "new")],
        cwd=tmp_path,
        env=places,
        capture_output=True,
        text=True,
    )

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"python -m {command[0]}: error: {file}: Permission denied\n"


@pytest.mark.parametrize(
    "command",
    [
        ["spec_tests.strength", *OF_RELU, "--journal", "PLACE"],
        ["spec_tests.strength.mutation", "--journal", "PLACE", "--out", "OTHER"],
        pytest.param(["spec_tests.strength.repeats", "--journal", "PLACE", "--out", "OTHER"], marks=needs_random_order),
        pytest.param(["spec_tests.campaign", "--only", "relu", "--out", "PLACE"], marks=needs_dask),
    ],
    ids=lambda command: command[0],
)
def test_the_second_of_two_commands_with_one_journal_is_refused_in_one_line(command, tmp_path, packages):
    pytest.importorskip("fcntl")
    places = {"PLACE": tmp_path / "place", "OTHER": tmp_path / "other"}

    with files.alone_with(tmp_path / "place"):
        code, output, errors = python(*(places.get(word, word) for word in command), PYTHONPATH=packages)

    (line,) = errors
    assert (code, output) == (1, [])
    assert line == f"python -m {command[0]}: error: {tmp_path / 'place'}: another process is at work on it"
    assert [*tmp_path.iterdir()] == []


# Interrupts in the middle of the work

ENDING = """
import signal
from importlib import import_module

def end(*args, **options):
    signal.raise_signal(signal.{kind})

signal.signal(signal.SIGINT, signal.default_int_handler)  # also in the background of a shell
import_module("spec_tests.strength.mutation.mutants").mutants_of = lambda file: ()
setattr(import_module("{module}"), "{function}", end)
"""
ANEW = "nothing is written; the same command begins anew"
GOES_ON = "the same command goes on"
BEGINS = "the same command begins anew"


@pytest.mark.parametrize(
    ("command", "does", "said"),
    [
        (["strength", *OF_RELU], "spec_tests.strength.planting plant", "nothing is kept without --journal"),
        (
            ["strength", *OF_RELU, "--journal", "PLACE"],
            "spec_tests.strength.planting plant",
            f"what is known of 0 defects is in PLACE; {GOES_ON}",
        ),
        (
            ["strength.mutation", "--journal", "PLACE", "--out", "PLACE.json"],
            "spec_tests.strength.mutation.running run",
            f"what is known of 0 mutants is in PLACE; {GOES_ON}",
        ),
        pytest.param(
            ["strength.repeats", "--journal", "PLACE", "--out", "PLACE.json"],
            "spec_tests.strength.repeats.running run",
            f"no run has ended; {GOES_ON}",
            marks=needs_random_order,
        ),
        (["strength.time"], "pytest main", ANEW),
        (["strength.margins"], "spec_tests.alone run", ANEW),
        (
            ["matrix", "--subjects", "reference", "--out", "PLACE"],
            "spec_tests.matrix.measuring measure_all",
            f"no subject has been measured; {BEGINS}",
        ),
        (
            ["score", "HANDED_IN"],
            "spec_tests.run.scoring.grading grade",
            "0 of 1 files were graded, and nothing is written",
        ),
    ],
    ids=lambda value: value[0] + " alone" * (len(value) == 4) if isinstance(value, list) else "",
)
@pytest.mark.parametrize("kind", ["SIGINT", "SIGTERM"])
def test_an_interrupted_command_says_what_is_kept_and_how_to_go_on(command, does, said, kind, tmp_path, packages):
    (tmp_path / "handed_in").mkdir()
    (tmp_path / "handed_in" / "mine.py").write_text(MINE, encoding="utf-8")
    module, function = does.split()

    def placed(text):
        return text.replace("PLACE", str(tmp_path / "place")).replace("HANDED_IN", str(tmp_path / "handed_in"))

    ending = ENDING.format(module=module, function=function, kind=kind)
    code, _, errors = python(f"spec_tests.{command[0]}", *map(placed, command[1:]), before=ending, PYTHONPATH=packages)

    assert errors == [f"python -m spec_tests.{command[0]}: error: interrupted: {placed(said)}"]
    assert code == 128 + getattr(signal, kind)


# Ctrl-C while modules are imported

INTERRUPTING = """
import sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "numpy":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupting())
"""


@pytest.mark.parametrize("command", ["reference.train", "spec_tests.start", "benchmarks.report", "pytest"])
def test_a_ctrl_c_while_a_command_loads_ends_it_with_a_word(command, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(INTERRUPTING, encoding="utf-8")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])

    code, output, errors = python(command, "spec_tests/", PYTHONPATH=path, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")

    assert code
    assert (output, errors) == ([], ["interrupted"])


@pytest.mark.parametrize(
    "command",
    [
        ["spec_tests.vectors", "FILE"],
        ["spec_tests.strength", "--named", "--operations", "relu", "--out", "FILE/out.json"],
        ["spec_tests.strength", "--named", "--operations", "relu", "--out", "FOLDER"],
    ],
)
def test_a_place_that_cannot_be_written_to_is_refused_before_the_work(command, tmp_path):
    (tmp_path / "file").touch()
    places = {"FILE": str(tmp_path / "file"), "FOLDER": str(tmp_path)}

    code, output, errors = python(*(re.sub("FILE|FOLDER", lambda name: places[name[0]], word) for word in command))

    assert (bool(code), output, len(errors)) == (True, [], 1), errors


@pytest.mark.parametrize(
    "options",
    [["--sample", "-1"], ["--processes", "0"], ["--journal", "BYTES"], ["--names", "BYTES"], ["--names", "missing"]],
)
def test_a_wrong_option_of_the_strength_is_one_line(options, tmp_path, monkeypatch, capsys):
    (tmp_path / "bytes").write_bytes(bytes(range(256)))
    arguments = [
        "--named",
        "--operations",
        "relu",
        *(word.replace("BYTES", str(tmp_path / "bytes")) for word in options),
    ]
    monkeypatch.setattr(sys, "argv", ["strength", *arguments])

    with pytest.raises(SystemExit) as ended:
        run(strength.PROGRAM, strength.command)

    (line,) = capsys.readouterr().err.splitlines()
    assert ended.value.code
    assert line.startswith(f"{strength.PROGRAM}: error: ")
    assert (tmp_path / "bytes").read_bytes() == bytes(range(256))


def test_a_ctrl_c_is_passed_on_by_the_strength(monkeypatch):
    def interrupted(_, plugins):
        plugins[0].pytest_keyboard_interrupt()
        return pytest.ExitCode.INTERRUPTED

    monkeypatch.setattr(planting.pytest, "main", interrupted)

    with pytest.raises(KeyboardInterrupt):
        planting.plant({}, print)


# A terminal that has no Chinese


@pytest.mark.parametrize(
    ("command", "expected", "status"),
    [
        (["benchmarks.report", f"{CHINESE}/x.json", CHINESE], f"{ESCAPED}/x.json cannot be read", 1),
        (["spec_tests.report", "page", f"{CHINESE}/x.json", CHINESE], f"{ESCAPED}/x.json cannot be read", 2),
        (["spec_tests.matrix", "show", f"{CHINESE}/x.json"], f"{ESCAPED}/x.json cannot be read", 2),
        (["spec_tests.score", CHINESE], f"there is no folder {ESCAPED}", 2),
        (["spec_tests.start", f"{CHINESE}/a.py"], f"{ESCAPED}/a.py cannot be written: ", 2),
        (["spec_tests", "--subject", f"{CHINESE}/a.py", "-q"], f"there is no file {ESCAPED}/a.py", 4),
    ],
)
def test_a_path_that_the_terminal_cannot_show_is_shown_in_escapes(command, expected, status):
    code, output, errors = python(*command, PYTHONIOENCODING="ascii")

    assert code == status
    assert expected.replace("/", os.sep) in "\n".join(output + errors).replace("/", os.sep)
    assert not any("Traceback" in line for line in errors)


def test_a_starter_is_written_where_the_terminal_cannot_show_its_name(tmp_path):
    (tmp_path / CHINESE).mkdir()

    code, output, errors = python("spec_tests.start", tmp_path / CHINESE / "a.py", PYTHONIOENCODING="ascii")

    assert (code, errors, len(output)) == (0, [], 1)
    assert ESCAPED in output[0]


# Files that are no such files


def test_wrong_content_behind_right_checksums_ends_the_commands_with_one_line(data, tmp_path, capsys):
    folder = tmp_path / "cifar-10-batches-py"
    (folder / "data_batch_3").write_bytes(pickle.dumps([1]))
    files = [path for path in folder.iterdir() if path.name != archives.CHECKSUMS]
    sums = "".join(f"{archives.md5_of(path)}  {path.name}\n" for path in files)
    (folder / archives.CHECKSUMS).write_text(sums, encoding="utf-8")

    code, (line,) = train_in_vain(data, capsys)

    assert code == 1
    assert line.endswith("data_batch_3 is not a file of CIFAR: it holds a list, expected a dictionary")
    with pytest.raises(pytest.UsageError, match="data_batch_1 is missing, or is not that of the real data set"):
        given_files.check(SimpleNamespace(spec_cifar10=tmp_path, spec_cifar100=None, spec_resnet50_weights=None))


@pytest.mark.parametrize("name", ["cifar10", "cifar100", "resnet50_weights"])
def test_a_given_file_that_may_not_be_read_is_refused_before_the_run(name, tmp_path, monkeypatch):
    def forbidden(_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "is_dir", forbidden)
    monkeypatch.setattr(Path, "is_file", forbidden)
    given = dict.fromkeys(("spec_cifar10", "spec_cifar100", "spec_resnet50_weights")) | {f"spec_{name}": tmp_path}

    with pytest.raises(pytest.UsageError, match=r"^--\S+ \S+: cannot be read: Permission denied$"):
        given_files.check(SimpleNamespace(**given))


def test_a_subject_that_is_no_text_is_refused_in_one_line(tmp_path):
    (tmp_path / "mine.py").write_bytes(bytes(100))

    with pytest.raises(NotAvailable, match="SyntaxError: source code string cannot contain null bytes") as refused:
        subjects.load(str(tmp_path / "mine.py"))
    assert "None" not in str(refused.value)


ENTRIES = ["[]", "{}", '{"json": {"file": "missing.json"}}', '{"json": {"file": "none.json"}}']


@pytest.mark.parametrize(
    "index",
    ["[" * 100_000, "{", "[]", "{}", f'{{"name": "{NAME}"}}', f'{{"name": "{NAME}", "version": {VERSION!r}}}']
    + [f'{{"name": "{NAME}", "version": {VERSION!r}, "operations": {{"relu": {entry}}}}}' for entry in ENTRIES],
    ids=range(6 + len(ENTRIES)),
)
def test_a_folder_that_is_none_of_vectors_is_refused_in_one_line(index, tmp_path, capsys):
    (tmp_path / "index.json").write_text(index, encoding="utf-8")
    (tmp_path / "none.json").write_text("[" * 100_000, encoding="utf-8")
    (tmp_path / "answers.json").write_text(json.dumps({"name": "mine", "version": VERSION, "answers": {}}), "utf-8")

    with pytest.raises(SystemExit) as ended:
        vectors([*map(str, ("check", tmp_path, tmp_path / "answers.json"))])

    (line,) = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2
    assert re.fullmatch(
        rf"python -m spec_tests.vectors: error: {re.escape(str(tmp_path))}\S* (holds|is not|cannot).*", line
    )


@pytest.mark.parametrize("command", ["benchmarks.report", "benchmarks.compare"])
def test_a_file_that_is_nested_too_deeply_ends_a_command_with_one_line(command, tmp_path):
    (tmp_path / "deep.json").write_text("[" * 100_000, encoding="utf-8")

    code, _, errors = python(command, tmp_path / "deep.json", tmp_path / "deep.json")

    (line,) = errors
    assert code == 1
    assert line.endswith("is nested too deeply") and len(line) < 300
