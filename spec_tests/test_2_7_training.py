"""2.7 Training: the document's loop, corrected, by hand and in torch, from the same start on the same batches.

The data are synthetic images of ten shapes in CIFAR-10's layout (`reference/datasets.py`), read by torchvision.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference
from reference import datasets, train
from reference.train import OPTIMIZERS, main
from reference.train_in_torch import Process, TorchTrainer
from reference.training import Checkpoint, NumpyTrainer, batches, to_input, training_step
from spec_tests.vocabulary.compare import assert_equal
from spec_tests.vocabulary.data_parallel_worker import BATCH, STEPS, THREADS, batch, start
from spec_tests.vocabulary.network import assert_near, roundings
from spec_tests.vocabulary.problems import SEEDS

pytestmark = pytest.mark.tooling

TORCHRUN = {"RANK": "0", "WORLD_SIZE": "2", "LOCAL_RANK": "0", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}
PROJECT = Path(__file__).parent.parent
SMOOTH = {"sgd": OPTIMIZERS["sgd"]} | {name: {"lr": 0.01, "eps": 1.0} for name in OPTIMIZERS if name != "sgd"}
"""Options that make a step a smooth function of the gradient: with a small eps, Adam turns one near 0 into ±lr."""


def make_trainer(implementation, training_, optimizer, relu=False, **options):
    """Return a trainer that starts from this state."""
    options = options or OPTIMIZERS[optimizer]
    step = getattr(reference, optimizer) if implementation is NumpyTrainer else optimizer
    return implementation(training_, step, options, relu)


# One step, and twenty


@pytest.mark.claim("2.7.a", "2.7.h")
@pytest.mark.parametrize("relu", [False, True])
def test_a_training_step_is_loss_gradients_and_an_optimizer_step(relu):
    before, (images, labels) = start(), batch(0, 4)

    loss, after = training_step(before, images, labels, reference.sgd, relu, lr=0.5)

    expected, _, gradients = reference.cifar10_cnn_loss(images, labels, before.parameters, relu)
    assert_equal(loss, expected)
    for name, gradient in gradients.items():
        assert_equal(after.parameters[name], before.parameters[name] - 0.5 * gradient)


def test_a_training_step_has_no_activations_unless_they_are_asked_for():
    images, labels = batch(0, 3)

    losses = [training_step(start(), images, labels, reference.sgd, lr=0.5, **relu)[0] for relu in ({}, {"relu": True})]

    assert_equal(losses[0], training_step(start(), images, labels, reference.sgd, relu=False, lr=0.5)[0])
    assert losses[0] != losses[1]


@pytest.mark.claim("2.7.j")
@pytest.mark.parametrize("implementation", [NumpyTrainer, TorchTrainer])
def test_repeated_steps_on_one_batch_lower_its_loss(implementation):
    images, labels = batch(0, 8, "float32")
    trainer = make_trainer(implementation, start("float32"), "sgd", lr=0.0625)

    losses = [trainer.step(images, labels) for _ in range(8)]

    assert losses[-1] < losses[0]


@pytest.mark.claim("2.7.h", "2.7.j")
@pytest.mark.parametrize("relu", [False, True], ids=["as coded", "with activations"])
def test_the_losses_of_twenty_steps_agree_between_numpy_and_torch(relu):
    """Each step adds the rounding of its gradients; as long as training is stable, errors add and do not multiply."""
    by_hand, in_torch = (make_trainer(trainer, start(), "sgd", relu) for trainer in (NumpyTrainer, TorchTrainer))

    for step in range(20):
        images, labels = batch(step, 8)
        loss, theirs = by_hand.step(images, labels), in_torch.step(images, labels)

        assert_near(np.float64(theirs), np.asarray(loss), (step + 1) * roundings(8)["input"], "float64")


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_the_parameters_agree_after_two_steps_with_every_optimizer(optimizer):
    options = SMOOTH[optimizer]
    by_hand, in_torch = (
        make_trainer(trainer, start(), optimizer, **options) for trainer in (NumpyTrainer, TorchTrainer)
    )

    for step in range(2):
        for trainer in (by_hand, in_torch):
            trainer.step(*batch(step, 4))

    expected = by_hand.snapshot().parameters
    for name, parameter in in_torch.snapshot().parameters.items():
        assert_near(parameter, expected[name], 2 * roundings(4)["input"], "float64")


# Batches


@given(count=st.integers(1, 40), size=st.integers(1, 40), epoch=st.integers(0, 5), seed=SEEDS)
def test_an_epoch_uses_every_image_at_most_once_in_full_batches(count, size, epoch, seed):
    size = min(size, count)

    shown = list(batches(count, size, epoch, seed))

    numbers = np.concatenate(shown).tolist()
    assert {len(part) for part in shown} == {size}
    assert len(set(numbers)) == len(numbers) == count - count % size
    assert set(numbers) <= set(range(count))


@given(seed=SEEDS)
def test_the_order_differs_between_epochs_and_is_the_same_for_the_same_seed(seed):
    first, again, second = (np.concatenate(list(batches(40, 8, epoch, seed))) for epoch in (0, 0, 1))

    assert_equal(first, again)
    assert (first != second).any()


@given(seed=SEEDS)
def test_the_order_and_the_parameters_are_drawn_from_different_random_streams(seed):
    order = np.concatenate(list(batches(40, 1, 0, seed)))

    assert (order != np.random.default_rng(seed).permutation(40)).any()


@pytest.mark.parametrize("size", [0, 11])
def test_a_batch_size_of_0_or_more_than_the_number_of_images_is_refused(size):
    with pytest.raises(ValueError, match=rf"batch_size must be from 1 to the 10 images, got {size}"):
        batches(10, size, epoch=0, seed=0)


# Checkpoints


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("implementation", [NumpyTrainer, TorchTrainer])
def test_training_takes_the_same_next_step_after_saving_and_loading(implementation, optimizer, tmp_path):
    trainer = make_trainer(implementation, start("float32"), optimizer)
    trainer.step(*batch(1, 2, "float32"))

    Checkpoint(trainer.snapshot(), {}).save(tmp_path / "checkpoint.npz")
    again = make_trainer(implementation, Checkpoint.load(tmp_path / "checkpoint.npz").training, optimizer)

    assert trainer.step(*batch(2, 2, "float32")) == again.step(*batch(2, 2, "float32"))
    for name, parameter in trainer.snapshot().parameters.items():
        assert_equal(again.snapshot().parameters[name], parameter)
    assert again.snapshot().steps == 2


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_torch_resumes_from_a_checkpoint_of_the_reference(optimizer, tmp_path):
    options = SMOOTH[optimizer]
    by_hand = make_trainer(NumpyTrainer, start(), optimizer, **options)
    by_hand.step(*batch(1, 2))
    Checkpoint(by_hand.snapshot(), {}).save(tmp_path / "checkpoint.npz")

    in_torch = make_trainer(TorchTrainer, Checkpoint.load(tmp_path / "checkpoint.npz").training, optimizer, **options)
    for trainer in (by_hand, in_torch):
        trainer.step(*batch(2, 2))

    expected = by_hand.snapshot().parameters
    for name, parameter in in_torch.snapshot().parameters.items():
        assert_near(parameter, expected[name], roundings(2)["input"], "float64")


def test_a_failed_save_leaves_the_previous_checkpoint_in_place(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.npz"
    Checkpoint(start(), {"seed": "1"}).save(path)

    def run_out_of_space(file, **_):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez", run_out_of_space)
    with pytest.raises(OSError, match="No space left"):
        Checkpoint(start(), {"seed": "2"}).save(path)

    assert Checkpoint.load(path).settings == {"seed": "1"}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", [b"", b"no archive", b"PK\x03\x04 half an archive"])
def test_a_file_that_is_not_a_checkpoint_is_refused(tmp_path, content):
    path = tmp_path / "checkpoint.npz"
    path.write_bytes(content)

    with pytest.raises(ValueError, match=r"^is not a checkpoint$"):
        Checkpoint.load(path)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"steps": None}, "is not a checkpoint of this network: it lacks the number of steps"),
        ({"steps": np.array(-5)}, "is not a checkpoint of this network: it lacks the number of steps"),
        ({"parameters/conv1.bias": None}, r"is not a checkpoint of this network: parameters lack \['conv1.bias'\]"),
        ({"parameters/conv1.bias": np.zeros(32)}, "is not a checkpoint of this network: one dtype expected"),
        ({"parameters/conv1.bias": np.full(32, np.nan, "float32")}, "has parameters that are not finite"),
        ({"states/conv9.bias/exp_avg": np.zeros(1)}, "it has a state for 'conv9.bias', which is not a parameter"),
    ],
)
def test_an_archive_that_no_training_run_can_have_written_is_refused(tmp_path, changed, message):
    Checkpoint(start("float32"), {}).save(tmp_path / "whole.npz")
    with np.load(tmp_path / "whole.npz") as whole:
        archive = {**whole, **changed}
    np.savez(tmp_path / "changed.npz", **{name: value for name, value in archive.items() if value is not None})

    with pytest.raises(ValueError, match=message):
        Checkpoint.load(tmp_path / "changed.npz")


# The command


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A folder with 48 synthetic training images and 20 test images."""
    folder = tmp_path_factory.mktemp("data")
    datasets.write_cifar10(folder, train_images=48, test_images=20)
    return folder


def command(capsys, *options):
    """Run the command in this process; return its exit status, standard output and standard error."""
    try:
        main([str(option) for option in options])
        status = 0
    except SystemExit as exit:
        status = exit.code
    printed = capsys.readouterr()
    return status, printed.out, printed.err


@pytest.mark.slow
@pytest.mark.parametrize("implementation", ["numpy", "torch"])
def test_the_command_prints_loss_and_accuracy_of_every_epoch(capsys, data, implementation):
    status, printed, error = command(
        capsys, "--data", data, "--implementation", implementation, "--epochs", 2, "--batch-size", 16
    )

    assert (status, error) == (0, "")
    lines = [re.fullmatch(r"epoch (\d)/2  loss \d\.\d{4}  accuracy \d+\.\d%", line) for line in printed.splitlines()]
    assert [line[1] for line in lines] == ["1", "2"]


@pytest.mark.slow
@pytest.mark.parametrize("implementation", ["numpy", "torch"])
def test_a_stopped_and_resumed_run_ends_like_an_uninterrupted_one(capsys, data, tmp_path, implementation):
    common = ["--data", data, "--implementation", implementation, "--batch-size", 16, "--optimizer", "adam"]

    command(capsys, *common, "--epochs", 2, "--checkpoint", tmp_path / "whole.npz")
    command(capsys, *common, "--epochs", 1, "--checkpoint", tmp_path / "part.npz")
    status, printed, _ = command(
        capsys, *common, "--epochs", 2, "--resume", tmp_path / "part.npz", "--checkpoint", tmp_path / "part.npz"
    )

    assert (status, len(printed.splitlines())) == (0, 1)
    whole, part = (Checkpoint.load(tmp_path / name).training for name in ("whole.npz", "part.npz"))
    assert (whole.steps, part.steps) == (6, 6)
    for name, parameter in whole.parameters.items():
        assert_equal(part.parameters[name], parameter)


@pytest.mark.slow
def test_the_loss_of_every_step_and_accuracy_of_every_epoch_go_to_tensorboard(capsys, data, tmp_path):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    _, printed, _ = command(
        capsys, "--data", data, "--epochs", 2, "--batch-size", 16, "--logdir", tmp_path / "runs", "--optimizer", "adam"
    )

    events = EventAccumulator(str(tmp_path / "runs")).Reload()
    losses, accuracies = events.Scalars("loss"), events.Scalars("accuracy")
    assert [event.step for event in losses] == [1, 2, 3, 4, 5, 6]
    assert [event.step for event in accuracies] == [3, 6]
    last_epoch = [event.value for event in losses[3:]]
    mean = float(re.search(r"loss (\S+)", printed.splitlines()[-1])[1])
    assert min(last_epoch) <= mean <= max(last_epoch)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "status", "error"),
    [
        (["--epochs", 0], 2, "argument --epochs: must be a finite number of at least 1, got 0"),
        (["--epochs", "many"], 2, "argument --epochs: invalid int value: 'many'"),
        (["--lr", -1], 2, "argument --lr: must be a finite number of at least 0, got -1"),
        (["--lr", "nan"], 2, "argument --lr: must be a finite number of at least 0, got nan"),
        (["--optimizer", "sdg"], 2, "argument --optimizer: invalid choice: 'sdg'"),
        (["--batch-size", 49], 1, "--batch-size 49 is more than the 48 images in "),
        (["--device", "cuda"], 1, "--implementation numpy runs on the CPU, in one process"),
        (["--implementation", "torch", "--device", "warp"], 1, "--device warp: "),
        (["--data", "nowhere"], 1, "--data nowhere: "),
        (["--resume", "nothing.npz"], 1, "--resume nothing.npz: "),
        (["--checkpoint", "no/such/c.npz"], 1, "no/such/c.npz: folder "),
        (["--checkpoint", "."], 1, ": is not a file"),
        (["--checkpoint", "/proc/c.npz"], 1, "--checkpoint /proc/c.npz: No such file or directory"),
        (["--logdir", "FILE"], 1, "--logdir FILE: "),
        (["--resume", "FILE"], 1, "--resume FILE: is not a checkpoint"),
        (["--resume", "."], 1, "--resume .: Is a directory"),
        (["--data", "FILE"], 1, "--data FILE: FILE is a file, expected the folder that holds cifar-10-batches-py"),
        (["--data", "CORRUPTED"], 1, "--data CORRUPTED: data_batch_2 is missing or corrupted"),
        (["--data", "INCOMPLETE"], 1, "--data INCOMPLETE: test_batch is missing or corrupted"),
        (["--implementation", "torch", "--device", "meta"], 1, "--device meta: "),
        (["--lr", "inf"], 2, "argument --lr: must be a finite number of at least 0, got inf"),
        (["--lr", 1e30], 1, "the loss has become nan: --lr 1e+30 is too large"),
    ],
)
def test_the_command_reports_an_error_in_one_line(capsys, data, options, status, error, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("FILE").write_text("no checkpoint")
    for folder in ("CORRUPTED", "INCOMPLETE"):
        shutil.copytree(data, folder)
    Path("INCOMPLETE/cifar-10-batches-py/test_batch").unlink()
    Path("CORRUPTED/cifar-10-batches-py/data_batch_2").write_bytes(b"other")

    code, printed, line = command(capsys, "--data", data, "--epochs", 1, "--batch-size", 16, *options)

    assert (code, printed if status == 2 else "") == (status, "")
    assert line.startswith("python -m reference.train: error: ")
    assert error in line
    assert line.count("\n") == 1


@pytest.mark.slow
def test_a_terminal_shows_a_progress_bar(capsys, data, monkeypatch):
    pytest.importorskip("tqdm", reason="tqdm, which draws the progress bar, is not installed")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)

    _, _, bar = command(capsys, "--data", data, "--epochs", 1, "--batch-size", 16)

    assert re.search(r"epoch 1: +\d+%.*/3 \[.*(?:step/s|s/step)", bar)


@pytest.mark.slow
def test_a_checkpoint_of_another_training_run_is_refused(capsys, data, tmp_path):
    common = ["--data", data, "--epochs", 1, "--batch-size", 16]
    command(capsys, *common, "--checkpoint", tmp_path / "c.npz")

    status, _, error = command(capsys, *common, "--resume", tmp_path / "c.npz", "--optimizer", "adam")
    assert status == 1
    assert error.endswith("c.npz: was trained with optimizer sgd, this run has adam\n")

    status, _, error = command(capsys, *common, "--resume", tmp_path / "c.npz", "--logdir", tmp_path / "runs")
    assert status == 1
    assert error.endswith("c.npz: already trained for --epochs 1\n")
    assert not (tmp_path / "runs").exists()


@pytest.mark.slow
def test_a_checkpoint_of_other_data_is_refused(capsys, data, tmp_path):
    datasets.write_cifar10(tmp_path / "other", train_images=48, test_images=20, seed=1)
    common = ["--epochs", 1, "--batch-size", 16]
    command(capsys, *common, "--data", data, "--checkpoint", tmp_path / "c.npz")

    status, _, error = command(capsys, *common, "--data", tmp_path / "other", "--resume", tmp_path / "c.npz")

    assert status == 1
    assert re.search("c.npz: was trained with data of 48 pictures, .*, this run has of 48 pictures, ", error)


@pytest.mark.slow
@pytest.mark.parametrize("implementation", ["numpy", "torch"])
def test_a_checkpoint_with_the_state_of_another_optimizer_is_refused(capsys, data, tmp_path, implementation):
    common = ["--data", data, "--batch-size", 16, "--implementation", implementation]
    command(capsys, *common, "--epochs", 1, "--checkpoint", tmp_path / "c.npz")
    with np.load(tmp_path / "c.npz") as whole:
        archive = dict(whole)
    archive["states/conv1.bias/exp_avg"] = archive.pop("states/conv1.bias/momentum_buffer")
    np.savez(tmp_path / "c.npz", **archive)

    status, _, error = command(capsys, *common, "--epochs", 2, "--resume", tmp_path / "c.npz")

    assert status == 1
    assert error.endswith("c.npz: state has 'exp_avg', expected only momentum_buffer\n")


@pytest.mark.slow
@pytest.mark.parametrize("implementation", ["numpy", "torch"])
def test_a_run_interrupted_within_an_epoch_resumes_as_if_it_had_not_been(
    capsys, data, tmp_path, monkeypatch, implementation
):
    common = ["--data", data, "--implementation", implementation, "--batch-size", 16, "--epochs", 2]
    command(capsys, *common, "--checkpoint", tmp_path / "whole.npz")

    with monkeypatch.context() as patch:
        patch.setattr(train, "to_input", interrupted_to_input(after=2))
        status, printed, error = command(capsys, *common, "--checkpoint", tmp_path / "part.npz")
    assert (status, printed) == (130, "")
    assert re.search(r"error: interrupted after step 2; continue with --resume .*part.npz\n", error)

    command(capsys, *common, "--resume", tmp_path / "part.npz", "--checkpoint", tmp_path / "part.npz")
    whole, part = (Checkpoint.load(tmp_path / name).training for name in ("whole.npz", "part.npz"))
    assert (whole.steps, part.steps) == (6, 6)
    for name, parameter in whole.parameters.items():
        assert_equal(part.parameters[name], parameter)


@pytest.mark.slow
def test_a_run_interrupted_without_a_checkpoint_says_that_nothing_is_saved(capsys, data, monkeypatch):
    monkeypatch.setattr(train, "to_input", interrupted_to_input(after=1))

    status, _, error = command(capsys, "--data", data, "--batch-size", 16)

    assert status == 130
    assert error.endswith("interrupted after step 1; nothing is saved without --checkpoint\n")


def interrupted_to_input(after):
    """Return `to_input` with a Ctrl-C during its call of this number."""
    calls = iter(range(1, 100))

    def interrupted(images, dtype):
        if next(calls) == after:
            os.kill(os.getpid(), signal.SIGINT)
        return to_input(images, dtype)

    return interrupted


@pytest.mark.parametrize(
    ("changed", "processes"),
    [({}, 1), ({"WORLD_SIZE": "2"}, 1), ({**TORCHRUN, "RANK": "1"}, 2)],
    ids=["alone", "only WORLD_SIZE", "torchrun"],
)
def test_a_process_joins_a_group_only_if_torchrun_set_every_variable(monkeypatch, changed, processes):
    for name in TORCHRUN:
        monkeypatch.delenv(name, raising=False)
    for name, value in changed.items():
        monkeypatch.setenv(name, value)

    assert Process.this().processes == processes
    assert Process.this().speaks == (processes == 1)


@pytest.mark.slow
def test_other_ranks_report_an_error_later_and_give_their_rank(capsys, data, monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: print(f"waited {seconds} seconds", file=sys.stderr))
    for name, value in {**TORCHRUN, "RANK": "1"}.items():
        monkeypatch.setenv(name, value)

    status, _, error = command(capsys, "--data", data, "--batch-size", 16)

    assert status == 1
    assert error.splitlines() == [
        "waited 5.0 seconds",
        "python -m reference.train: error: process 1: --implementation numpy runs on the CPU, in one process",
    ]


# Slow tests: long training, and runs in child processes

CHILD_SECONDS = 300


@pytest.fixture(scope="module")
def large_data(tmp_path_factory):
    """A folder with 4,000 synthetic training images and 1,000 test images."""
    folder = tmp_path_factory.mktemp("data")
    datasets.write_cifar10(folder, train_images=4000, test_images=1000)
    return folder


@pytest.mark.slow
@pytest.mark.claim("2.7.j")
@pytest.mark.parametrize("implementation", ["numpy", "torch"])
def test_a_short_training_run_recognizes_95_percent_of_unseen_images(capsys, large_data, implementation):
    status, printed, _ = command(capsys, "--data", large_data, "--implementation", implementation)

    assert status == 0
    accuracies = [float(percent) for percent in re.findall(r"accuracy (.*)%", printed)]
    assert len(accuracies) == 6
    assert accuracies[-1] >= 95


@pytest.mark.slow
def test_training_by_hand_needs_only_numpy():
    modules = sorted(path.stem for path in (PROJECT / "reference").glob("[!_]*.py"))

    child = run_in_child("-c", ONLY_NUMPY.format(modules=modules))

    assert (child.returncode, child.stderr) == (0, "")
    assert child.stdout == f"imported {len(modules)} modules, the loss fell: True\n"


ONLY_NUMPY = """
import sys
for package in ("torch", "torchvision", "PIL", "tensorboard", "tqdm"):
    sys.modules[package] = None  # makes importing it fail
from importlib import import_module
modules = [import_module("reference." + name) for name in {modules}]

import numpy as np
from reference import initial_parameters, sgd
from reference.training import Training, training_step
training = Training(initial_parameters(np.random.default_rng(0)))
images, labels = np.ones((2, 3, 32, 32), "float32"), np.array([3, 3])
before, training = training_step(training, images, labels, sgd, lr=0.0625)
after, training = training_step(training, images, labels, sgd, lr=0.0625)
print(f"imported {{len(modules)}} modules, the loss fell: {{after < before}}")
"""


@pytest.fixture(scope="module")
def folder_of_two_processes(tmp_path_factory):
    """What two processes have written that took five data-parallel steps."""
    folder = tmp_path_factory.mktemp("processes")
    child = run_in_processes(2, "spec_tests.vocabulary.data_parallel_worker", folder)
    assert child.returncode == 0, child.stderr
    return folder


@pytest.fixture(scope="module")
def two_processes(folder_of_two_processes):
    """The results of two processes after five data-parallel steps."""
    return [dict(np.load(folder_of_two_processes / f"{rank}.npz")) for rank in range(2)]


@pytest.mark.slow
def test_the_sampler_assigns_every_image_of_a_batch_to_exactly_one_process(two_processes):
    shares = [results["share"].tolist() for results in two_processes]

    assert sorted(shares[0] + shares[1]) == list(range(BATCH))
    assert len(shares[0]) == len(shares[1])


@pytest.mark.slow
def test_the_averaged_gradients_of_two_processes_are_those_of_the_whole_batch(two_processes):
    images, labels = batch(0)
    _, _, gradients = reference.cifar10_cnn_loss(images, labels, start().parameters)

    for name, gradient in gradients.items():
        first, second = (results[f"gradient {name}"] for results in two_processes)
        assert_equal(first, second)
        assert_near(first, gradient, roundings(len(labels))["input"], "float64")


@pytest.mark.slow
def test_after_five_steps_two_processes_have_the_parameters_of_a_single_one(two_processes):
    alone = make_trainer(NumpyTrainer, start(), "sgd")
    for step in range(STEPS):
        alone.step(*batch(step))

    for name, parameter in alone.snapshot().parameters.items():
        first, second = (results[f"parameter {name}"] for results in two_processes)
        assert_equal(first, second)
        assert_near(first, parameter, STEPS * roundings(8)["input"], "float64")


@pytest.mark.slow
@pytest.mark.skipif(not THREADS.is_dir(), reason="this system does not list the threads of a process as Linux does")
def test_no_thread_that_exchanges_gradients_outlives_python(folder_of_two_processes):
    for rank in range(2):  # one that did would abort the process now and then
        threads = (folder_of_two_processes / f"{rank}.threads").read_text(encoding="utf-8").splitlines()
        assert len(threads) == 1, threads


@pytest.mark.slow
def test_the_command_prints_the_same_with_two_processes_as_with_one_and_saves_once(capsys, data, tmp_path):
    options = ["--data", data, "--implementation", "torch", "--batch-size", 16, "--dtype", "float64", "--epochs", 2]
    _, alone, _ = command(capsys, *options)

    child = run_in_processes(2, "reference.train", *options, "--checkpoint", tmp_path / "c.npz")

    assert child.returncode == 0, child.stderr
    assert child.stdout == alone
    assert list(tmp_path.iterdir()) == [tmp_path / "c.npz"]
    assert Checkpoint.load(tmp_path / "c.npz").training.steps == 6


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "error"),
    [
        (["--batch-size", 16, "--implementation", "numpy"], "--implementation numpy runs on the CPU, in one process"),
        (
            ["--implementation", "torch", "--batch-size", 15],
            "--batch-size 15 cannot be divided evenly among 2 processes",
        ),
    ],
)
def test_only_one_of_two_processes_reports_an_error(data, options, error):
    child = run_in_processes(2, "reference.train", "--data", data, *options)

    assert child.returncode != 0
    assert child.stderr.count(f"python -m reference.train: error: {error}") == 1


@pytest.mark.slow
def test_a_dying_process_ends_the_run_with_an_error(tmp_path):
    child = run_in_processes(2, "spec_tests.vocabulary.data_parallel_worker", tmp_path, "--die")

    assert child.returncode != 0
    assert "exitcode  : 3" in child.stderr
    assert not list(tmp_path.iterdir())


def run_in_child(*arguments):
    """Run Python with these arguments in the project's folder, with one thread."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=PROJECT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(PROJECT)},
        capture_output=True,
        encoding="utf-8",
        timeout=CHILD_SECONDS,
        check=False,
    )


def run_in_processes(count, module, *arguments):
    """Run a module in several processes with torchrun."""
    return run_in_child(
        *("-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}", "-m", module), *arguments
    )
