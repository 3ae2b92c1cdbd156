"""Code blocks that are run in copies of one process end as each would in a process of its own."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from spec_tests.code_blocks import run_blocks

pytestmark = [
    pytest.mark.tooling,
    pytest.mark.slow,
    pytest.mark.skipif(not run_blocks.AVAILABLE, reason="a process can be copied only on Linux"),
]


@pytest.fixture
def run(tmp_path):
    """Return a function that runs texts as blocks, each in a folder of its own."""

    def run(*texts):
        ended = []
        with run_blocks.Runner(run_blocks.environment()) as runner:
            for number, text in enumerate(texts):
                folder = tmp_path / str(number)
                folder.mkdir()
                (folder / "block.py").write_text(text, encoding="utf-8")
                ended.append(runner.run(folder / "block.py", folder))
        return ended

    return run


def test_no_block_sees_what_another_one_did(run):
    changes = "import os, torch\ntorch.left = 1\nos.environ['LEFT'] = '1'\nopen('left', 'w').close()"
    looks = "import os, torch\nprint(hasattr(torch, 'left'), 'LEFT' in os.environ, os.path.exists('left'))"

    assert [(child.returncode, child.stdout) for child in run(changes, looks)] == [(0, ""), (0, "False False False\n")]


def test_a_block_that_fails_or_ends_its_process_does_not_end_the_others(run):
    fails, exits, dies, prints = run("1 / 0", "raise SystemExit(7)", "import os; os._exit(3)", "print('输出')")

    assert (fails.returncode, fails.stderr.splitlines()[-1]) == (1, "ZeroDivisionError: division by zero")
    assert (exits.returncode, exits.stderr) == (7, "")
    assert (dies.returncode, prints.stdout) == (3, "输出\n")


def test_a_block_that_does_not_end_is_ended(tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text("from spec_tests.code_blocks import run_blocks\nrun_blocks.SECONDS = 1")
    (tmp_path / "block.py").write_text("while True:\n    pass\n")

    program = "from spec_tests.code_blocks import run_blocks; run_blocks.SECONDS = 1; run_blocks.main()"
    monkeypatch.setattr(run_blocks, "COMMAND", ("-c", program))
    with run_blocks.Runner(dict(os.environ)) as runner:
        child = runner.run(tmp_path / "block.py", tmp_path)

    assert child.returncode < 0


NAMES_FILES = """
import subprocess, sys
from spec_tests.code_blocks import run_blocks
command = [sys.executable, "-c", "import sys; print(sys.getfilesystemencoding(), sys.stdout.encoding)"]
child = subprocess.run(command, env=run_blocks.environment(), capture_output=True, encoding="utf-8")
print(sys.getfilesystemencoding(), "-", child.stdout)
"""


def test_a_block_names_files_as_its_parent_does_and_writes_utf_8():
    of_the_locale = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    environment = {**run_blocks.environment(), **of_the_locale}

    done = subprocess.run([sys.executable, "-c", NAMES_FILES], env=environment, capture_output=True, encoding="ascii")

    assert done.stdout.split() == ["ascii", "-", "ascii", "utf-8"]


def test_a_process_that_has_ended_is_reported(tmp_path, monkeypatch):
    monkeypatch.setattr(run_blocks, "COMMAND", ("-c", "input(); raise SystemExit(5)"))

    with run_blocks.Runner(dict(os.environ)) as runner, pytest.raises(RuntimeError, match="ended with 5"):
        runner.run(tmp_path / "block.py", tmp_path)


def test_a_process_that_ended_before_it_was_asked_is_reported_too(tmp_path, monkeypatch):
    monkeypatch.setattr(run_blocks, "COMMAND", ("-c", "raise SystemExit(5)"))

    with run_blocks.Runner(dict(os.environ)) as runner:
        runner._process.wait()
        with pytest.raises(RuntimeError, match="ended with 5"):
            runner.run(tmp_path / "block.py", tmp_path)


def test_a_run_that_ends_early_does_not_wait_for_blocks_that_have_not_begun(monkeypatch):
    began, may_end = [], Event()

    class Pool(ThreadPoolExecutor):
        def shutdown(self, wait=True, *, cancel_futures=False):
            super().shutdown(wait=False, cancel_futures=cancel_futures)
            may_end.set()
            super().shutdown(wait=wait)

    monkeypatch.setattr(run_blocks, "ThreadPoolExecutor", Pool)

    with run_blocks.at_a_time(1) as pool:
        for number in range(20):
            pool.submit(lambda number: (began.append(number), may_end.wait()), number)

    assert began in ([], [0])
