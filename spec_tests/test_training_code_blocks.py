"""The network of section 2.5 and the loops of sections 2.6.5 and 2.7: what they do, and the loop that learns.

`test_code_blocks.py` shows how the three blocks end, run as they stand or completed. Here main() runs in this process
on a few images in the color of their class, and its models and losses are recorded. The loop that learns is the
document's own with a few edits, `CORRECTIONS`.
"""

import ast
import hashlib
import re
import symtable
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from math import isnan, prod
from pathlib import Path
from statistics import mean
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from spec_tests.code_blocks import stand_in
from spec_tests.code_blocks.blocks import (
    IMPORT_LINES,
    completed_network,
    edited,
    evaluate_call,
    execute,
    install_stand_in_cifar10,
    named_imports,
    source,
    training_loop_preamble,
)
from spec_tests.vocabulary.claims import register

pytestmark = pytest.mark.torch_api

CNN = "2_5_cifar10_cnn"
BACKPROPAGATION = "2_6_5_backpropagation"
OPTIMIZER = "2_7_optimizer"

CLASSES = 10
TRAINING_IMAGES = 320
TEST_IMAGES = 12


# --- 2.5 the network ---


@pytest.mark.claim("2.5.p")
def test_with_two_imports_the_block_defines_a_network_that_scores_images(images: torch.Tensor) -> None:
    model = execute(completed_network())["CIFAR10CNN"]()

    assert model(images).shape == (2, 10)


@pytest.mark.claim("2.5.p")
def test_with_only_nn_imported_the_class_is_defined_but_cannot_be_called(images: torch.Tensor) -> None:
    model = execute("from torch import nn\n" + source(CNN))["CIFAR10CNN"]()

    with pytest.raises(NameError, match="name 'torch' is not defined"):
        model(images)


EQUATIONS = [
    pytest.param("padding", [32, 16, 8], marks=pytest.mark.claim("2.5.l"), id="padding"),
    pytest.param("s", [16, 8, 4], marks=pytest.mark.claim("2.5.m"), id="stride"),
]


@pytest.mark.parametrize(("unknown", "sizes"), EQUATIONS)
def test_the_equations_in_the_comments_hold_for_2_and_no_other_number(unknown: str, sizes: list[int]) -> None:
    equations = re.findall(rf"# (.+) = (\d+) => {unknown} = 2\n", source(CNN))

    solutions = [[n for n in range(1, 33) if value(left, n) == int(right)] for left, right in equations]

    assert [int(right) for _, right in equations] == sizes
    assert solutions == [[2], [2], [2]]


def value(left: str, number: int) -> float:
    """Evaluate the left side of an equation for this number, by whatever name the comment calls it."""
    result: float = eval(left, dict.fromkeys(("padding", "p", "s"), number))
    return result


@pytest.mark.claim("2.5.l", "2.5.m")
def test_every_layer_uses_the_number_derived_in_the_comment_above_it() -> None:
    derived_and_used = re.findall(r"=> \w+ = (\d+)\n +self\.\w+ = .+(?:padding|stride)=(\d+)\)\n", source(CNN))

    assert derived_and_used == [("2", "2")] * 6


@pytest.mark.claim("2.5.n")
def test_the_shapes_in_the_comments_of_forward_are_the_actual_ones(images: torch.Tensor) -> None:
    calls = layer_calls(execute(completed_network())["CIFAR10CNN"](), images)

    shapes = {name: tuple(output.shape) for name, (_, output) in calls.items()}
    shapes |= {"input": tuple(calls["conv1"][0].shape), "torch.flatten": tuple(calls["linear"][0].shape)}
    assert {name: (2, *shape) for name, shape in commented_shapes().items()} == shapes


@pytest.mark.claim("2.5.o")
def test_three_comments_mention_an_activation_and_forward_calls_none() -> None:
    (forward,) = [node for node in ast.walk(ast.parse(source(CNN))) if getattr(node, "name", "") == "forward"]
    calls = [ast.unparse(node.func) for node in ast.walk(forward) if isinstance(node, ast.Call)]

    assert source(CNN).count("卷积 + 激活 + 池化") == 3
    layers = ["conv1", "p1", "conv2", "p2", "conv3", "p3"]
    assert calls == [*(f"self.{layer}" for layer in layers), "torch.flatten", "self.linear"]


@pytest.mark.claim("2.5.o")
def test_each_pooling_gets_the_output_of_the_convolution_including_negative_values(images: torch.Tensor) -> None:
    calls = layer_calls(execute(completed_network())["CIFAR10CNN"](), images)

    assert [calls[f"p{n}"][0] is calls[f"conv{n}"][1] for n in "123"] == [True] * 3
    assert all((calls[f"p{n}"][0] < 0).any() for n in "123")


@pytest.mark.claim("2.5.o")
def test_with_the_line_of_the_correction_no_pooling_gets_a_negative_value(images: torch.Tensor) -> None:
    line = "x = self.p1(torch.relu(self.conv1(x)))"
    activations = [[(f"x = self.conv{n}(x)", "pass"), (f"x = self.p{n}(x)", line.replace("1", n))] for n in "123"]

    calls = layer_calls(execute(edited(completed_network(), *chain(*activations)))["CIFAR10CNN"](), images)

    assert line in register()["2.5.o"].correction_en
    assert not any((calls[f"p{n}"][0] < 0).any() for n in "123")


# --- 2.6.5 and 2.7: what the blocks lack ---

NEEDED = {
    BACKPROPAGATION: {"datasets", "transforms", "DataLoader", "nn", "CIFAR10CNN"},
    OPTIMIZER: {"datasets", "transforms", "DataLoader", "nn", "optim", "CIFAR10CNN"},
}
CORRECTED = {BACKPROPAGATION: "2.6.5.h", OPTIMIZER: "2.7.i"}
LOOPS = [
    pytest.param(BACKPROPAGATION, marks=pytest.mark.claim("2.6.5.h"), id="2.6.5"),
    pytest.param(OPTIMIZER, marks=pytest.mark.claim("2.7.i"), id="2.7"),
]


@pytest.mark.parametrize("block", LOOPS)
def test_the_block_only_defines_main_which_needs_names_from_elsewhere(block: str) -> None:
    (main,) = symtable.symtable(source(block), block, "exec").get_children()

    assert [type(node) for node in ast.parse(source(block)).body] == [ast.FunctionDef]
    assert set(main.get_globals()) == NEEDED[block]


@pytest.mark.parametrize("block", LOOPS)
def test_main_called_without_those_names_fails_at_its_first_line(block: str) -> None:
    with pytest.raises(NameError, match="name 'datasets' is not defined"):
        execute(source(block) + "main()")


NAMED = ["torch", "nn", "DataLoader", "datasets", "transforms"]
EACH_NAME = [
    *[pytest.param(BACKPROPAGATION, "2.6.5.h", name, marks=pytest.mark.claim("2.6.5.h")) for name in NAMED],
    *[pytest.param(OPTIMIZER, "2.7.i", name, marks=pytest.mark.claim("2.7.i")) for name in [*NAMED, "optim"]],
]


@pytest.mark.parametrize(("block", "claim", "name"), EACH_NAME)
@pytest.mark.usefixtures("cifar10")
def test_the_loop_stops_without_any_one_of_the_imports_that_the_correction_names(
    block: str, claim: str, name: str
) -> None:
    text = edited(source(block), MODEL_FIRST, MODEL_ONCE) if block == OPTIMIZER else source(block)
    imports = edited(named_imports(claim), (f"{IMPORT_LINES[name]}\n", ""))

    with pytest.raises(NameError, match=f"name '{name}' is not defined"):
        execute(text + imports + source(CNN) + "main()")


@pytest.mark.claim("2.6.5.h", "2.7.i")
def test_the_corrections_name_exactly_what_the_loops_and_their_network_need() -> None:
    needed = {claim: NEEDED[block] - {"CIFAR10CNN"} | {"torch"} for block, claim in CORRECTED.items()}

    named = {claim: {n for n, line in IMPORT_LINES.items() if line in named_imports(claim)} for claim in needed}

    assert named == needed
    assert all("CIFAR10CNN" in register()[claim].correction_en for claim in named)


# --- 2.6.5 back-propagation ---

STEPS = ["outputs = model(images)", "loss_value = loss(outputs, labels)", "loss_value.backward()", "optimizer.step()"]


@pytest.mark.claim("2.6.5.l")
@pytest.mark.parametrize(("block", "steps"), [(BACKPROPAGATION, STEPS[:3]), (OPTIMIZER, STEPS)], ids=["2.6.5", "2.7"])
def test_the_loop_runs_forward_loss_backward_and_in_2_7_a_step(block: str, steps: list[str]) -> None:
    (loop,) = [node for node in ast.walk(ast.parse(source(block))) if isinstance(node, ast.For)]

    assert [line for line in map(ast.unparse, loop.body) if line in STEPS] == steps


@pytest.mark.claim("2.6.5.d")
def test_the_loop_computes_all_gradients_and_changes_no_bit_of_the_parameters() -> None:
    run = run_main(source(BACKPROPAGATION))

    assert all(parameter.grad.any() for model in run.models for parameter in model.parameters())
    assert [fingerprint(model) for model in run.models] == run.initial


@pytest.mark.claim("2.6.5.d")
def test_the_parameters_change_once_an_optimizer_steps_after_backward() -> None:
    update = ("loss_value.backward()", "loss_value.backward(); optim.SGD(model.parameters()).step()")

    run = run_main(edited(source(BACKPROPAGATION), update))

    assert all(fingerprint(model) != first for model, first in zip(run.models, run.initial, strict=True))


@pytest.mark.claim("2.6.5.i")
def test_the_loop_makes_a_different_model_for_every_batch() -> None:
    run = run_main(source(BACKPROPAGATION))

    assert len(run.losses) == len(run.models) == len(set(run.initial)) == TEST_IMAGES


@pytest.mark.claim("2.6.5.i")
def test_a_model_made_once_before_the_loop_is_the_only_one() -> None:
    made_once = (
        ("        model = CIFAR10CNN()\n", ""),
        ("    loss = nn.CrossEntropyLoss()\n", "    loss = nn.CrossEntropyLoss()\n    model = CIFAR10CNN()\n"),
    )

    run = run_main(edited(source(BACKPROPAGATION), *made_once))

    assert (len(run.losses), len(run.models)) == (TEST_IMAGES, 1)


SPLITS_READ = [
    pytest.param(BACKPROPAGATION, marks=pytest.mark.claim("2.6.5.j"), id="2.6.5"),
    pytest.param(OPTIMIZER, marks=pytest.mark.claim("2.7.m"), id="2.7"),
]


@pytest.mark.parametrize("block", SPLITS_READ)
def test_the_loop_reads_the_test_split_and_train_true_would_read_the_training_split(block: str, cifar10: Any) -> None:
    images = evaluate_call(source(block), "datasets.CIFAR10", **cifar10)
    training_images = evaluate_call(edited(source(block), TRAINING_SPLIT), "datasets.CIFAR10", **cifar10)

    assert (len(images), len(training_images)) == (stand_in.TEST_IMAGES, stand_in.TRAINING_IMAGES)


@pytest.mark.parametrize("block", SPLITS_READ)
def test_the_loop_reads_one_image_at_a_time_in_order(block: str) -> None:
    numbers = range(stand_in.TEST_IMAGES)

    batches = evaluate_call(source(block), "DataLoader", DataLoader=torch.utils.data.DataLoader, dataset=numbers)

    assert [batch.tolist() for batch in batches] == [[number] for number in numbers]


# --- 2.7 the optimizer ---

MODEL_FIRST = ("    # 初始化优化器\n", "    model = CIFAR10CNN()\n    # 初始化优化器\n")
MODEL_ONCE = ("        model = CIFAR10CNN()\n", "")
TRAINING_SPLIT = ("train=False", "train=True")
SHUFFLED = ("shuffle=False", "shuffle=True")
BATCHES = ("batch_size=1,", "batch_size=16,")
CORRECTIONS = (MODEL_FIRST, MODEL_ONCE, TRAINING_SPLIT, SHUFFLED, BATCHES)
"""Together they turn the block of section 2.7 into a loop that learns."""


@pytest.mark.claim("2.7.c")
@pytest.mark.parametrize("added", ["", "\nmodel = CIFAR10CNN()\n"], ids=["no other model", "a global model"])
def test_the_optimizer_needs_a_model_that_main_has_not_made_yet(added: str) -> None:
    with pytest.raises(UnboundLocalError, match="local variable 'model'"):
        run_main(source(OPTIMIZER), added)


@pytest.mark.claim("2.7.c")
def test_with_the_model_before_the_optimizer_main_runs_to_the_end() -> None:
    run = run_main(edited(source(OPTIMIZER), MODEL_FIRST))

    assert len(run.losses) == TEST_IMAGES


@pytest.mark.claim("2.7.d")
def test_the_model_of_the_optimizer_gets_no_gradient_while_the_loop_makes_others() -> None:
    run = run_main(edited(source(OPTIMIZER), MODEL_FIRST))

    first, *others = run.models
    assert len(others) == TEST_IMAGES
    assert fingerprint(first) == run.initial[0]
    assert {parameter.grad for parameter in first.parameters()} == {None}


@pytest.mark.claim("2.7.d")
def test_the_other_models_get_the_gradients_and_do_not_change_either() -> None:
    _, *others = (run := run_main(edited(source(OPTIMIZER), MODEL_FIRST))).models

    assert all(parameter.grad.any() for model in others for parameter in model.parameters())
    assert [fingerprint(model) for model in others] == run.initial[1:]


@pytest.mark.claim("2.7.d")
def test_a_model_made_only_once_changes() -> None:
    run = run_main(edited(source(OPTIMIZER), MODEL_FIRST, MODEL_ONCE))

    assert len(run.models) == 1
    assert fingerprint(run.models[0]) != run.initial[0]


# The order of zero_grad, backward and step, once the model comes first

CLEAR = "        optimizer.zero_grad()\n"
BACK = "        loss_value.backward()\n"
STEP = "        optimizer.step()\n"


def moved(line: str, before: str) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return the edits that move a line of the loop before another one."""
    return (line, ""), (before, line + before)


@pytest.mark.claim("2.7.g")
def test_zero_grad_at_the_top_of_the_loop_gives_the_same_bits() -> None:
    corrected = edited(source(OPTIMIZER), MODEL_FIRST, MODEL_ONCE)

    run, other = run_main(corrected), run_main(edited(corrected, *moved(CLEAR, "        images, labels = batch\n")))

    assert run.initial == other.initial
    assert fingerprint(run.models[0]) == fingerprint(other.models[0])


@pytest.mark.claim("2.7.g")
@pytest.mark.parametrize("removed", [CLEAR, STEP], ids=["zero_grad", "step"])
def test_leaving_out_zero_grad_or_step_gives_different_bits(removed: str) -> None:
    corrected = edited(source(OPTIMIZER), MODEL_FIRST, MODEL_ONCE)

    run, other = run_main(corrected), run_main(edited(corrected, (removed, "")))

    assert run.initial == other.initial
    assert fingerprint(run.models[0]) != fingerprint(other.models[0])


@pytest.mark.claim("2.7.g")
def test_zero_grad_between_backward_and_step_prevents_all_learning() -> None:
    run = run_main(edited(source(OPTIMIZER), MODEL_FIRST, MODEL_ONCE, *moved(BACK, CLEAR)))

    assert fingerprint(run.models[0]) == run.initial[0]


@pytest.mark.claim("2.6.5.l")
def test_a_step_between_zero_grad_and_backward_finds_no_gradient_and_changes_nothing() -> None:
    run = run_main(edited(source(OPTIMIZER), MODEL_FIRST, MODEL_ONCE, *moved(STEP, BACK)))

    assert fingerprint(run.models[0]) == run.initial[0]


# The loop that learns


@pytest.mark.claim("2.7.j")
def test_the_corrected_loop_lowers_the_loss_by_its_optimizer_steps() -> None:
    script = edited(source(OPTIMIZER), *CORRECTIONS)

    losses, without_steps = run_main(script).losses, run_main(edited(script, (STEP, ""))).losses

    tenth = len(losses) // 10
    assert mean(losses[-tenth:]) < mean(losses[:tenth])
    assert mean(losses[-tenth:]) < mean(without_steps[-tenth:])


@pytest.mark.claim("2.7.j")
def test_the_corrected_loop_is_reproducible_from_its_seed() -> None:
    script = edited(source(OPTIMIZER), *CORRECTIONS)

    run, again = (run_main(script, training_images=48) for _ in range(2))

    assert run.losses == again.losses
    assert fingerprint(run.models[0]) == fingerprint(again.models[0])


@pytest.mark.claim("2.7.j")
def test_with_one_image_at_a_time_the_corrected_loop_diverges() -> None:
    one_at_a_time = edited(source(OPTIMIZER), *(edit for edit in CORRECTIONS if edit != BATCHES))

    losses = run_main(one_at_a_time, training_images=100).losses

    assert isnan(losses[-1])


# --- main(), recorded ---


@dataclass
class Run:
    """The models that main() made, in order, with their initial fingerprints, and every loss."""

    models: list[Any] = field(default_factory=list)
    initial: list[str] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)


def run_main(text: str, added: str = "", training_images: int = TRAINING_IMAGES) -> Run:
    """Complete the text, run its main() on colored images from a fixed seed, and return the record."""
    run = Run()
    names = execute(text + training_loop_preamble("2.7.i") + added)

    class RecordedModel(names["CIFAR10CNN"]):
        def __init__(self) -> None:
            super().__init__()
            run.models.append(self)
            run.initial.append(fingerprint(self))

    class RecordedLoss(nn.CrossEntropyLoss):
        def forward(self, input: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
            loss = super().forward(input, target)
            run.losses.append(loss.item())
            return loss

    names["CIFAR10CNN"] = RecordedModel
    names["nn"] = SimpleNamespace(**(vars(nn) | {"CrossEntropyLoss": RecordedLoss}))
    names["datasets"] = SimpleNamespace(CIFAR10=partial(colored_images, {True: training_images, False: TEST_IMAGES}))
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)  # torch.manual_seed also looks for GPUs, which is slow
        names["main"]()
    return run


def colored_images(counts: dict[bool, int], train: bool, **_: object) -> list[tuple[torch.Tensor, int]]:
    """Return slightly noisy images, each in the color of its class."""
    generator = torch.Generator().manual_seed(0)
    colors = torch.rand(CLASSES, 3, 1, 1, generator=generator)
    noise = torch.rand(counts[train], 3, 32, 32, generator=generator)
    labels = [number % CLASSES for number in range(counts[train])]
    return list(zip(0.9 * colors[labels] + 0.1 * noise, labels, strict=True))


def fingerprint(model: nn.Module) -> str:
    """Return a digest of every bit of the parameters."""
    return hashlib.sha256(b"".join(p.detach().numpy().tobytes() for p in model.parameters())).hexdigest()


# --- the network, recorded and read ---


def layer_calls(model: nn.Module, images: torch.Tensor) -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    """Return the input and output of each layer, in the order of the calls."""
    calls = {}

    def hook(name: str) -> Any:
        def record(_layer: nn.Module, inputs: tuple[torch.Tensor], output: torch.Tensor) -> None:
            calls[name] = (*inputs, output)

        return record

    for name, layer in model.named_children():
        layer.register_forward_hook(hook(name))
    model(images)
    return calls


def commented_shapes() -> dict[str, tuple[int, ...]]:
    """Return the shapes in the comments of forward, without the batch size, by the layer or function on the line."""
    (given,) = re.findall(r"输入形状: \[batch_size, (.+)\]", source(CNN))
    lines = re.findall(r"x = (?:self\.)?([\w.]+)\(.*输出形状: \[batch_size, (.+)\]", source(CNN))
    return {name: tuple(map(size, sizes.split(", "))) for name, sizes in [("input", given), *lines]}


def size(text: str) -> int:
    """Return the size in the text, which may be an equation of products whose sides all agree."""
    (result,) = {prod(map(int, side.split("*"))) for side in text.split("=")}
    return result


# --- fixtures ---


@pytest.fixture
def images() -> torch.Tensor:
    """Two images of CIFAR-10's size whose values are all different."""
    return torch.linspace(-1, 1, 2 * 3 * 32 * 32).reshape(2, 3, 32, 32)


@pytest.fixture
def cifar10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names that a call of CIFAR10 needs, in a folder with the stand-in data set."""
    return install_stand_in_cifar10(tmp_path, monkeypatch)
