"""Each printed code block of sections 1.3 to 2.8, run as it stands in a child process, and how it ends.

A block that ends without output is run a second time with the lines that its reader must add. What only the text of a
block can show (an import never used, an argument never read) is taken from its syntax tree. Sizes and tensors are
compared as printed, character by character. More on the network of section 2.5 and the loops that train it is in
`test_training_code_blocks.py`, on the blocks of sections 1.1 to 1.5 in `test_chapter_1_code_blocks.py`, and on those of
section 2.8 in `test_2_8_code_blocks.py`.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from spec_tests.code_blocks import run_block, run_blocks, stand_in
from spec_tests.code_blocks.blocks import (
    class_in,
    edited,
    evaluate_call,
    execute,
    install_stand_in_cifar10,
    named_imports,
    names_read,
    path_of,
    source,
    training_loop_preamble,
)

pytestmark = pytest.mark.torch_api

CONCURRENT_CHILDREN = 1  # the other core runs the other tests

COMPOSE = "1_3_compose"
DEMO = "1_3_transforms_demo"
COUNTRY211 = "1_4_country211"
LOADER = "1_5_dataloader"
CONVOLUTION = "2_1_simple_conv2d"
POOLING = "2_2_max_pooling"
RELU = "2_3_relu"
LINEAR = "2_4_linear"
CNN = "2_5_cifar10_cnn"
L1_LOSS = "2_6_1_l1_loss"
MSE_LOSS = "2_6_2_mse_loss"
NLL_LOSS = "2_6_4_nll_loss"
BACKPROPAGATION = "2_6_5_backpropagation"
OPTIMIZER = "2_7_optimizer"
WEIGHTS = "2_8_weights"
PRINTED_MODEL = "2_8_print_model"


# --- how each block ends ---


@dataclass(frozen=True)
class Case:
    """A block, its edits, lines added below it, and how it ends: without output and exception unless given."""

    block: str
    claims: tuple[str, ...]
    edits: tuple[tuple[str, str], ...] = ()
    added: str = ""
    output: str = ""
    exception: str = ""


CASES = {
    "1.3 Compose as it stands: transforms is unknown": Case(
        COMPOSE, claims=("1.3.o",), exception="NameError: name 'transforms' is not defined"
    ),
    "1.3 demo as it stands: there is no image": Case(
        DEMO, claims=("1.3.s",), exception="FileNotFoundError: [Errno 2] No such file or directory: 'demo1.png'"
    ),
    "1.4 as it stands: there is no argument Train": Case(
        COUNTRY211,
        claims=("1.4.h",),
        exception="TypeError: Country211.__init__() got an unexpected keyword argument 'Train'",
    ),
    "1.5 as it stands: the numbers of two batches": Case(LOADER, claims=("1.5.h",), output="0\n1\n"),
    "2.1 as it stands: no output": Case(CONVOLUTION, claims=("2.1.c",)),
    "2.1 with the line that the correction adds: the size": Case(
        CONVOLUTION,
        claims=("2.1.c",),
        added="print(SimpleConv2d()(torch.zeros(1, 3, 32, 32)).shape)",
        output="torch.Size([1, 6, 32, 32])\n",
    ),
    "2.2 as it stands: one full batch and a smaller last one": Case(
        POOLING, claims=("2.2.p",), output="torch.Size([64, 3, 32, 32])\ntorch.Size([16, 3, 32, 32])\n"
    ),
    "2.2 without the import of reshape: the same": Case(
        POOLING,
        claims=("2.2.u",),
        edits=(("from torch import reshape\n", ""),),
        output="torch.Size([64, 3, 32, 32])\ntorch.Size([16, 3, 32, 32])\n",
    ),
    "2.3 as it stands: no output": Case(RELU, claims=("2.3.i",)),
    "2.4 as it stands: four shapes": Case(
        LINEAR,
        claims=(),  # its four claims are tested line by line below
        output="输入形状: torch.Size([2, 10])\n输出形状: torch.Size([2, 5])\n"
        "权重形状: torch.Size([5, 10])\n偏置形状: torch.Size([5])\n",
    ),
    "2.5 as it stands: nn is unknown": Case(CNN, claims=("2.5.p",), exception="NameError: name 'nn' is not defined"),
    "2.6.1 as it stands: no output": Case(L1_LOSS, claims=("2.6.1.g",)),
    "2.6.1 called without imports: nn is unknown": Case(
        L1_LOSS, claims=("2.6.1.g",), added="loss_fn()", exception="NameError: name 'nn' is not defined"
    ),
    "2.6.2 as it stands: no output": Case(MSE_LOSS, claims=("2.6.1.g",)),
    "2.6.2 called without imports: nn is unknown": Case(
        MSE_LOSS, claims=("2.6.1.g",), added="loss_fn2()", exception="NameError: name 'nn' is not defined"
    ),
    "2.6.4 as it stands: no output": Case(NLL_LOSS, claims=("2.6.4.e",)),
    "2.6.5 as it stands: no output": Case(BACKPROPAGATION, claims=("2.6.5.h",)),
    "2.6.5 completed and called: runs to the end": Case(
        BACKPROPAGATION, claims=("2.6.5.h",), added=training_loop_preamble("2.6.5.h") + "main()"
    ),
    "2.7 as it stands: no output": Case(OPTIMIZER, claims=("2.7.i",)),
    "2.7 completed and called: the model comes after its optimizer": Case(
        OPTIMIZER,
        claims=("2.7.c",),
        added=training_loop_preamble("2.7.i") + "main()",
        exception="UnboundLocalError: cannot access local variable 'model' where it is not associated with a value",
    ),
    "2.7 completed, its model made once, before the optimizer: runs to the end": Case(
        OPTIMIZER,
        claims=("2.7.c", "2.7.d", "2.7.i"),
        edits=(
            ("        model = CIFAR10CNN()\n", ""),
            ("    # 初始化优化器\n", "    model = CIFAR10CNN()\n"),
        ),
        added=training_loop_preamble("2.7.i") + "main()",
    ),
    "2.8 weights as it stands: there is no such module": Case(
        WEIGHTS, claims=("2.8.b",), exception="ModuleNotFoundError: No module named 'ResNet50_Weights'"
    ),
    "2.8 print(model) as it stands, without a network: it asks for the weights": Case(
        PRINTED_MODEL,
        claims=("2.8.an",),
        output='Downloading: "https://download.pytorch.org/models/resnet50-0676ba61.pth" '
        "to downloads/hub/checkpoints/resnet50-0676ba61.pth\n",
        exception="RuntimeError: a code block tried to use the network: socket.getaddrinfo",
    ),
}

Children = dict[str, Future[subprocess.CompletedProcess[str]]]


@contextmanager
def children_started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Children]:
    """Submit every case, each to run in a process and folder of its own, and yield the pending results.

    The fixture `children` (in `plugin.py`) does so early in the run, in parallel with the other tests.
    """
    copies = run_blocks.Runner(run_blocks.environment()) if run_blocks.AVAILABLE else nullcontext()
    with copies as runner, run_blocks.at_a_time(CONCURRENT_CHILDREN) as pool:
        yield {
            name: pool.submit(run_in_child, case, tmp_path_factory.mktemp("block"), runner)
            for name, case in CASES.items()
        }


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.claim(claim) for claim in case.claims]) for name, case in CASES.items()],
)
def test_the_block_ends_as_expected(children: Children, name: str) -> None:
    child = children[name].result()

    assert (child.stdout, last_line_of_traceback(child)) == (CASES[name].output, CASES[name].exception), child.stderr


def test_a_block_that_tries_to_use_the_network_fails_at_once(tmp_path: Path) -> None:
    block = tmp_path / "download.py"
    block.write_text("import urllib.request\nurllib.request.urlopen('https://www.cs.toronto.edu/~kriz/')\n")

    child = run_file(block, tmp_path)

    assert last_line_of_traceback(child) == "RuntimeError: a code block tried to use the network: socket.getaddrinfo"


# --- 2.1 convolution ---


@pytest.mark.claim("2.1.c")
def test_the_layer_of_the_convolution_block_makes_six_maps_of_the_image_size() -> None:
    model = execute(source(CONVOLUTION))["SimpleConv2d"]()

    assert model(torch.zeros(1, 3, 32, 32)).shape == (1, 6, 32, 32)


@pytest.mark.claim("2.1.e", "2.1.f")
def test_the_layer_of_the_convolution_block_has_six_kernels_of_3_by_3_by_3() -> None:
    layer = class_in(CONVOLUTION, "SimpleConv2d")().conv1

    assert layer.weight.shape == (6, 3, 3, 3)


# --- 2.2 max pooling ---


@pytest.mark.claim("2.2.s")
def test_train_dataset_of_the_pooling_script_holds_the_test_split(cifar10: Any) -> None:
    train_dataset = evaluate_call(source(POOLING), "datasets.CIFAR10", **cifar10)

    assert len(train_dataset) == stand_in.TEST_IMAGES


@pytest.mark.claim("2.1.1.d")
def test_torchvision_reads_every_record_of_cifar_10_as_a_32_by_32_rgb_image(cifar10: Any) -> None:
    dataset = evaluate_call(source(POOLING), "datasets.CIFAR10", **cifar10)

    assert dataset.data.shape == (stand_in.TEST_IMAGES, 32, 32, 3)


@pytest.mark.claim("2.2.s")
def test_with_train_true_the_pooling_script_would_hold_the_training_split(cifar10: Any) -> None:
    train_dataset = evaluate_call(edited(source(POOLING), ("train=False", "train=True")), "datasets.CIFAR10", **cifar10)

    assert len(train_dataset) == stand_in.TRAINING_IMAGES


@pytest.mark.claim("2.2.x")
def test_the_pooling_script_reads_its_data_in_order() -> None:
    numbers = range(stand_in.TEST_IMAGES)

    batches = evaluate_call(
        source(POOLING), "DataLoader", DataLoader=torch.utils.data.DataLoader, train_dataset=numbers
    )

    assert torch.cat(list(batches)).tolist() == list(numbers)


@pytest.mark.claim("2.2.t")
def test_the_pooling_script_builds_its_model_inside_the_loop() -> None:
    (loop,) = [node for node in ast.walk(ast.parse(source(POOLING))) if isinstance(node, ast.For)]

    assert "SimpleCNN()" in [ast.unparse(node) for node in ast.walk(loop)]


@pytest.mark.claim("2.2.t")
def test_two_new_pooling_models_agree(images: torch.Tensor) -> None:
    model = class_in(POOLING, "SimpleCNN")

    assert torch.equal(model()(images), model()(images))


@pytest.mark.claim("2.2.t")
def test_two_new_convolution_models_differ(images: torch.Tensor) -> None:
    model = class_in(CONVOLUTION, "SimpleConv2d")

    assert not torch.equal(model()(images), model()(images))


# --- 2.2 and 2.3: what the docstrings call a classifier ---

CALLED_A_CLASSIFIER = [
    pytest.param(POOLING, nn.MaxPool2d, marks=pytest.mark.claim("2.2.q"), id="2.2"),
    pytest.param(RELU, nn.ReLU, marks=pytest.mark.claim("2.3.f"), id="2.3"),
]


@pytest.mark.parametrize(("block", "layer"), CALLED_A_CLASSIFIER)
def test_the_cnn_of_the_docstring_is_a_single_layer_without_parameters(block: str, layer: type[nn.Module]) -> None:
    model = class_in(block, "SimpleCNN")()

    assert "卷积神经网络（CNN），用于 CIFAR10 分类" in (model.__doc__ or "")
    assert [type(child) for child in model.children()] == [layer]
    assert not list(model.parameters())


@pytest.mark.parametrize(("block", "layer"), CALLED_A_CLASSIFIER)
def test_the_cnn_of_the_docstring_returns_images_instead_of_ten_scores(
    block: str, layer: type[nn.Module], images: torch.Tensor
) -> None:
    model = class_in(block, "SimpleCNN")()

    assert model(images).shape == images.shape


# --- 2.3 ReLU ---

RELU_CONSOLE = """\
tensor([ 0.3132, -0.0041, -0.9163,  1.1990, -0.4604, -1.4164, -0.2908, -1.6122,
         0.8373,  0.5947]) tensor([0.3132, 0.0000, 0.0000, 1.1990, 0.0000, 0.0000, 0.0000, 0.0000, 0.8373,
        0.5947])
"""


@pytest.mark.claim("2.3.h")
def test_the_relu_block_prints_its_numbers_wrapped_and_aligned(relu_console: str) -> None:
    assert relu_console == RELU_CONSOLE


@pytest.mark.claim("2.3.h")
def test_the_comment_of_the_relu_block_has_the_printed_numbers_but_not_their_layout(relu_console: str) -> None:
    comment = "\n".join(tensors_in_comments(RELU))

    assert numbers_in(comment) == numbers_in(relu_console)
    assert comment.strip() != relu_console.strip()


# --- 2.4 linear ---


@pytest.mark.parametrize(
    ("number", "line"),
    [
        pytest.param(0, "输入形状: torch.Size([2, 10])", marks=pytest.mark.claim("2.4.f"), id="input"),
        pytest.param(1, "输出形状: torch.Size([2, 5])", marks=pytest.mark.claim("2.4.g"), id="output"),
        pytest.param(2, "权重形状: torch.Size([5, 10])", marks=pytest.mark.claim("2.4.h"), id="weight"),
        pytest.param(3, "偏置形状: torch.Size([5])", marks=pytest.mark.claim("2.4.i"), id="bias"),
    ],
)
def test_the_linear_block_prints_this_line(children: Children, number: int, line: str) -> None:
    child = children["2.4 as it stands: four shapes"].result()

    assert child.stdout.splitlines()[number] == line, child.stderr


# --- 2.6.1 and 2.6.2: L1 and MSE ---


@pytest.mark.claim("2.6.1.g")
@pytest.mark.parametrize(
    ("block", "call", "output"),
    [
        pytest.param(L1_LOSS, "loss_fn()", "tensor(0.5000)\ntensor(2.5000)\n", id="2.6.1"),
        pytest.param(MSE_LOSS, "loss_fn2()", "tensor(0.2500)\ntensor(1.2500)\n", id="2.6.2"),
    ],
)
def test_the_loss_block_prints_two_lines_once_imports_and_a_call_are_added(
    block: str, call: str, output: str, capsys: pytest.CaptureFixture[str]
) -> None:
    execute(named_imports("2.6.1.g") + source(block) + call)

    assert capsys.readouterr().out == output


@pytest.mark.parametrize(
    ("block", "call", "number", "line"),
    [
        pytest.param(L1_LOSS, "loss_fn()", 0, "tensor(0.5000)", marks=pytest.mark.claim("2.6.1.d"), id="2.6.1 mean"),
        pytest.param(L1_LOSS, "loss_fn()", 1, "tensor(2.5000)", marks=pytest.mark.claim("2.6.1.e"), id="2.6.1 sum"),
        pytest.param(MSE_LOSS, "loss_fn2()", 0, "tensor(0.2500)", marks=pytest.mark.claim("2.6.2.d"), id="2.6.2 mean"),
        pytest.param(MSE_LOSS, "loss_fn2()", 1, "tensor(1.2500)", marks=pytest.mark.claim("2.6.2.e"), id="2.6.2 sum"),
    ],
)
def test_the_completed_loss_block_prints_this_line(
    block: str, call: str, number: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    execute(named_imports("2.6.1.g") + source(block) + call)

    assert capsys.readouterr().out.splitlines()[number] == line


# --- 2.6.4 NLLLoss ---


@pytest.mark.claim("2.6.4.d")
def test_calculate_pytorch_loss_returns_the_losses_computed_by_hand(capsys: pytest.CaptureFixture[str]) -> None:
    printing = re.sub(r"(?m)^    (calculate_pytorch_loss\(.*\))$", r"    print(\1)", source(NLL_LOSS))

    execute(printing)

    losses = [float(line) for line in capsys.readouterr().out.splitlines()]
    assert [f"{loss:.3f}" for loss in losses] == ["1.378", "0.639"]  # to as many decimals as the document gives


@pytest.mark.claim("2.6.4.e")
def test_the_argument_model_name_is_never_used() -> None:
    function = next(n for n in ast.parse(source(NLL_LOSS)).body if isinstance(n, ast.FunctionDef))

    assert {argument.arg for argument in function.args.args} - names_read(function) == {"model_name"}


@pytest.mark.claim("2.6.4.g")
def test_the_reduction_argument_of_the_nll_block_is_the_default() -> None:
    explicit = execute(source(NLL_LOSS))["calculate_pytorch_loss"]
    default = execute(edited(source(NLL_LOSS), ('reduction="mean"', "")))["calculate_pytorch_loss"]
    probabilities, targets = torch.tensor([[0.1, 0.2, 0.7], [0.5, 0.3, 0.2]]), torch.tensor([2, 1])

    assert explicit(probabilities, targets, "") == default(probabilities, targets, "")


@pytest.mark.claim("2.6.4.h")
def test_the_block_headed_cross_entropy_loss_uses_only_nll_loss() -> None:
    attributes = {n.attr for n in ast.walk(ast.parse(source(NLL_LOSS))) if isinstance(n, ast.Attribute)}

    assert {name for name in attributes if name.endswith("Loss")} == {"NLLLoss"}


@pytest.mark.claim("2.6.4.h")
def test_calculate_pytorch_loss_is_infinite_if_the_true_class_has_probability_zero() -> None:
    loss = execute(source(NLL_LOSS))["calculate_pytorch_loss"]

    assert loss(torch.tensor([[0.0, 1.0]]), torch.tensor([0]), "") == inf


# --- imports ---


@pytest.mark.parametrize(
    ("block", "unused"),
    [
        pytest.param(POOLING, "reshape", marks=pytest.mark.claim("2.2.u"), id="2.2"),
        pytest.param(NLL_LOSS, "math", marks=pytest.mark.claim("2.6.4.e"), id="2.6.4"),
    ],
)
def test_one_import_of_the_block_is_never_used(block: str, unused: str) -> None:
    tree = ast.parse(source(block))
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    imported = {alias.asname or alias.name for node in imports for alias in node.names}

    assert imported - names_read(tree) == {unused}


# --- the numbers in a block ---


def tensors_in_comments(block: str) -> list[str]:
    """Return the tensors in the block's comments, as written there."""
    return re.findall(r"# (tensor\(.*\))", source(block))


def numbers_in(text: str) -> list[float]:
    """Return the decimal numbers in the text, in order."""
    return [float(number) for number in re.findall(r"-?\d+\.\d+", text)]


# --- processes ---


def run_in_child(case: Case, folder: Path, runner: run_blocks.Runner | None = None) -> subprocess.CompletedProcess[str]:
    """Run the case's block: the file itself, or an edited copy in `folder`."""
    block = path_of(case.block)
    if case.edits or case.added:
        block = folder / "completed.py"
        block.write_text(edited(source(case.block), *case.edits) + case.added, encoding="utf-8")
    return run_file(block, folder) if runner is None else runner.run(block, folder)


def run_file(block: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run the file through `run_block` in `folder`."""
    return subprocess.run(
        [sys.executable, "-m", run_block.__name__, str(block)],
        cwd=folder,
        env=run_blocks.environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=run_blocks.SECONDS,
        check=False,
    )


def last_line_of_traceback(child: subprocess.CompletedProcess[str]) -> str:
    """Return the last line of the traceback, or nothing if the child succeeded."""
    if child.returncode == 0:
        return ""
    return (child.stderr.splitlines() or [f"exit status {child.returncode}"])[-1]


# --- fixtures ---


@pytest.fixture
def images() -> torch.Tensor:
    """Two images of CIFAR-10's size whose values are all different."""
    return torch.linspace(-1, 1, 2 * 3 * 32 * 32).reshape(2, 3, 32, 32)


@pytest.fixture
def cifar10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names that the block's call of CIFAR10 needs, in a folder with the stand-in data set."""
    return install_stand_in_cifar10(tmp_path, monkeypatch)


@pytest.fixture
def relu_console(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """What main() of the ReLU block prints for the numbers in its comment."""
    drawn = torch.tensor(numbers_in(tensors_in_comments(RELU)[0]))
    monkeypatch.setattr(torch, "randn", lambda size: drawn)
    execute(source(RELU) + "\nmain()\n")
    return capsys.readouterr().out
