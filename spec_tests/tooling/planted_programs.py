"""Programs and numbers that are changed, one thing at a time, so that a claim is no longer so.

What a wrong implementation cannot touch is here: the document's printed programs and the numbers of its examples.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import pytest

from spec_tests import worked_examples
from spec_tests.code_blocks import blocks, stand_in
from spec_tests.vocabulary import claims

Edit = tuple[str, str]


class Ground(NamedTuple):
    """What a change is made with: all of it is undone later."""

    patch: pytest.MonkeyPatch
    folder: Path
    """For files."""
    undone: ExitStack
    """For what is to be called then."""


@dataclass(frozen=True)
class Program:
    """A change, and the claims that it should turn."""

    name: str
    claims: tuple[str, ...]
    plant: Callable[[Ground], None]

    @contextmanager
    def planted(self) -> Iterator[None]:
        """Make the change, for as long as the context lasts."""
        with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch, ExitStack() as undone:
            self.plant(Ground(patch, Path(folder), undone))
            yield


# --- the printed programs ---


def printed(name: str, of: str, block: str, *edits: Edit, before: str = "", after: str = "") -> Program:
    """Return a change of a printed program: edits, and lines before and after it."""

    def plant(ground: Ground) -> None:
        shutil.copytree(blocks.HERE / "printed", ground.folder / "printed")
        text = before + blocks.edited(blocks.source(block), *edits) + after
        (ground.folder / "printed" / f"{block}.py").write_text(text, encoding="utf-8")
        ground.patch.setattr(blocks, "HERE", ground.folder)

    return Program(name, tuple(of.split()), plant)


COMPOSE, DEMO, LOADER = "1_3_compose", "1_3_transforms_demo", "1_5_dataloader"
CONVOLUTION, POOLING, RELU, LINEAR, CNN = (
    *("2_1_simple_conv2d", "2_2_max_pooling", "2_3_relu", "2_4_linear", "2_5_cifar10_cnn"),
)
L1, MSE, NLL = "2_6_1_l1_loss", "2_6_2_mse_loss", "2_6_4_nll_loss"
BACK, OPTIMIZER = "2_6_5_backpropagation", "2_7_optimizer"
WEIGHTS, PRINT_MODEL = "2_8_weights", "2_8_print_model"

NN = "import torch\nfrom torch import nn\n"
TRAINING_SPLIT = ("train=False", "train=True")
SHUFFLED = ("shuffle=False", "shuffle=True")
IN_THE_LOOP = ("        model = CIFAR10CNN()\n", "")
BEFORE_THE_LOOP = ("    loss = nn.CrossEntropyLoss()\n", "    loss = nn.CrossEntropyLoss()\n    model = CIFAR10CNN()\n")

PRINTED = (
    printed("writer_writes_elsewhere", "1.1.c", "1_1_summary_writer", ('"logs"', '"runs"')),
    printed(
        "image_comes_before_its_title",
        "1.1.d",
        "1_1_add_image",
        ('"Image Title", image_tensor', 'image_tensor, "Image Title"'),
    ),
    printed(
        "relu_uses_tensorboard",
        "1.1.i",
        RELU,
        before="from torch.utils.tensorboard import SummaryWriter\nSummaryWriter\n",
    ),
    printed("country211_is_called_rightly", "1.4.h", "1_4_country211", ("Train=True", "split='train'")),
    printed("compose_imports_transforms", "1.3.o", COMPOSE, before="from torchvision import transforms\n"),
    printed("compose_crops_to_200", "1.3.p 1.3.q", COMPOSE, ("CenterCrop(224)", "CenterCrop(200)")),
    printed("demo_makes_its_image", "1.3.s", DEMO, ("Image.open(img_path)", "Image.new('RGB', (300, 260))")),
    printed(
        *("demo_leaves_a_flip_out", "1.3.r 1.3.w", DEMO),
        ('        ("RandomVerticalFlip", transforms.RandomVerticalFlip(p=1)),\n', ""),
    ),
    printed("demo_converts_no_rgba", "1.3.t", DEMO, ("img = img.convert('RGB')", "pass")),
    printed("demo_converts_every_image", "1.3.t", DEMO, ("if img.mode == 'RGBA'", "if True")),
    printed("demo_crops_to_100", "1.3.u 1.3.v", DEMO, ("RandomCrop(200)", "RandomCrop(100)")),
    printed("demo_counts_steps_from_0", "1.3.w", DEMO, ("i+1", "i")),
    printed(
        *("demo_makes_a_tensor_first", "1.3.x", DEMO),
        (
            "先转换为Tensor\n            transformed_img = transform(img)",
            "先转换为Tensor\n            transformed_img = transform(transforms.ToTensor()(img))",
        ),
    ),
    printed("demo_normalizes_to_0_to_1", "1.3.y", DEMO, ("mean=[0.5, 0.5, 0.5], std=[0.5", "mean=[0, 0, 0], std=[1")),
    printed("loader_reads_the_training_split", "1.5.f", LOADER, TRAINING_SPLIT),
    printed("loader_prints_nothing", "1.5.h", LOADER, ("        print(step)\n", "")),
    printed("loader_does_not_shuffle", "1.5.k", LOADER, ("shuffle=True", "shuffle=False")),
    printed("loader_drops_the_last_batch", "1.5.c", LOADER, ("shuffle=True", "shuffle=True, drop_last=True")),
    printed(
        *("convolution_shows_its_size", "2.1.c", CONVOLUTION),
        after="\nprint(SimpleConv2d()(torch.zeros(1, 3, 32, 32)).shape)\n",
    ),
    printed("convolution_has_seven_kernels", "2.1.e 2.1.f", CONVOLUTION, ("out_channels=6", "out_channels=7")),
    printed("convolution_takes_one_channel", "2.1.f", CONVOLUTION, ("in_channels=3", "in_channels=1")),
    printed("pooling_makes_31_of_32", "2.2.p", POOLING, ("kernel_size=3", "kernel_size=4")),
    printed("pooling_reads_the_training_split", "2.2.s", POOLING, TRAINING_SPLIT),
    printed(
        *("pooling_makes_one_model", "2.2.t", POOLING),
        ("        model = SimpleCNN()\n", ""),
        ("    step = 0\n", "    step = 0\n    model = SimpleCNN()\n"),
    ),
    printed("pooling_uses_reshape", "2.2.u", POOLING, ("model(images)", "reshape(model(images), images.shape)")),
    printed(
        "pooling_block_classifies",
        "2.2.q",
        POOLING,
        ("nn.MaxPool2d(\n           kernel_size=3, stride=1, padding=1", "nn.Conv2d(\n           3, 10, 32"),
    ),
    printed("pooling_shuffles", "2.2.x", POOLING, ("batch_size=64", "batch_size=64, shuffle=True")),
    printed("relu_comment_has_another_number", "2.3.h", RELU, ("0.8373,0.5947])\n", "0.8373,0.5948])\n")),
    printed("relu_block_convolves", "2.3.f", RELU, ("self.ReLU = nn.ReLU()", "self.ReLU = nn.Conv2d(3, 10, 32)")),
    printed("relu_is_called", "2.3.i", RELU, after="\nmain()\n"),
    printed("linear_takes_three_samples", "2.4.f 2.4.g", LINEAR, ("torch.randn(2, 10)", "torch.randn(3, 10)")),
    printed("linear_gives_six", "2.4.g 2.4.h 2.4.i", LINEAR, ("out_features=5", "out_features=6")),
    printed("network_takes_one_channel", "2.5.b", CNN, ("in_channels=3,", "in_channels=1,")),
    printed(
        *("network_has_16_kernels_at_first", "2.5.c 2.5.n", CNN),
        ("out_channels=32,kernel_size=5", "out_channels=16,kernel_size=5"),
        ("in_channels=32, out_channels=32", "in_channels=16, out_channels=32"),
    ),
    printed(
        *("network_pools_by_3", "2.5.d 2.5.q", CNN),
        ("self.p1 = nn.MaxPool2d(kernel_size=2, stride=2)", "self.p1 = nn.MaxPool2d(kernel_size=3, stride=3)"),
    ),
    printed(
        *("network_has_16_kernels_in_the_middle", "2.5.e 2.5.n", CNN),
        ("in_channels=32, out_channels=32", "in_channels=32, out_channels=16"),
        ("in_channels=32, out_channels=64", "in_channels=16, out_channels=64"),
    ),
    printed(
        *("network_has_32_kernels_at_last", "2.5.f 2.5.g 2.5.h", CNN),
        ("in_channels=32, out_channels=64", "in_channels=32, out_channels=32"),
        ("nn.Linear(64 * 4 * 4, 10)", "nn.Linear(32 * 4 * 4, 10)"),
    ),
    printed(
        "network_solves_for_3", "2.5.l", CNN, ("(32 - 5 + 2*padding)/1 + 1 = 32", "(32 - 7 + 2*padding)/1 + 1 = 32")
    ),
    printed("network_solves_for_another_stride", "2.5.m", CNN, ("(32 - 2)/s+1 = 16", "(32 - 2)/s+1 = 11")),
    printed("network_comments_another_shape", "2.5.n", CNN, ("[batch_size, 64, 4, 4]", "[batch_size, 64, 2, 8]")),
    printed("network_is_activated", "2.5.o", CNN, ("x = self.conv1(x)", "x = torch.relu(self.conv1(x))")),
    printed("network_has_its_imports", "2.5.p", CNN, before=NN),
    printed("l1_loss_is_called", "2.6.1.g", L1, before=NN, after="\nloss_fn()\n"),
    printed("l1_loss_has_another_error", "2.6.1.d 2.6.1.e", L1, ("5.5]", "6.5]")),
    printed("mse_loss_is_called", "2.6.1.g", MSE, before=NN, after="\nloss_fn2()\n"),
    printed("mse_loss_has_another_error", "2.6.2.d 2.6.2.e", MSE, ("5.5]", "6.5]")),
    printed("nll_takes_logarithms_to_base_2", "2.6.4.d", NLL, ("torch.log(", "torch.log2(")),
    printed(
        *("nll_prints_a_loss", "2.6.4.e", NLL),
        (
            '    calculate_pytorch_loss(model1_probs, model1_targets, "模型 1")',
            "    print(calculate_pytorch_loss(model1_probs, model1_targets, '模型 1'))",
        ),
    ),
    printed("nll_adds_the_losses_up", "2.6.4.g 2.6.4.d", NLL, ('reduction="mean"', 'reduction="sum"')),
    printed("nll_is_cross_entropy", "2.6.4.h", NLL, ("nn.NLLLoss", "nn.CrossEntropyLoss")),
    printed("backpropagation_is_called", "2.6.5.h", BACK, after="\nmain()\n"),
    printed("backpropagation_makes_one_model", "2.6.5.i", BACK, IN_THE_LOOP, BEFORE_THE_LOOP),
    printed("backpropagation_reads_the_training_split", "2.6.5.j", BACK, TRAINING_SPLIT),
    printed("backpropagation_shuffles", "2.6.5.j", BACK, SHUFFLED),
    printed(
        *("backpropagation_updates", "2.6.5.d", BACK),
        ("loss_value.backward()", "loss_value.backward(); torch.optim.SGD(model.parameters(), 0.1).step()"),
    ),
    printed("backpropagation_does_not_go_back", "2.6.5.l", BACK, ("        loss_value.backward()\n", "")),
    printed(
        *("optimizer_has_its_model", "2.7.c", OPTIMIZER),
        ("    # 初始化优化器\n", "    model = CIFAR10CNN()\n    # 初始化优化器\n"),
    ),
    printed("optimizer_keeps_its_model", "2.7.d", OPTIMIZER, IN_THE_LOOP),
    printed("optimizer_keeps_its_gradients", "2.7.g", OPTIMIZER, ("        optimizer.zero_grad()\n", "")),
    printed("optimizer_is_called", "2.7.i", OPTIMIZER, after="\nmain()\n"),
    printed("optimizer_stands_still", "2.7.j", OPTIMIZER, ("lr=0.01", "lr=0.0")),
    printed("optimizer_reads_the_training_split", "2.7.m", OPTIMIZER, TRAINING_SPLIT),
    printed("optimizer_shuffles", "2.7.m", OPTIMIZER, SHUFFLED),
    printed(
        *("weights_are_imported", "2.8.b 2.8.c", WEIGHTS),
        (
            "import torchvision.models as models, ResNet50_Weights",
            "from torchvision.models import resnet50, ResNet50_Weights",
        ),
    ),
    printed("weights_have_another_old_accuracy", "2.8.d", WEIGHTS, ("76.130%", "76.310%")),
    printed("weights_have_another_new_accuracy", "2.8.e", WEIGHTS, ("80.858%", "80.585%")),
    printed("weights_keep_a_network", "2.8.ar", WEIGHTS, ("\nresnet50()", "\nmodel = resnet50()")),
    printed("model_is_used", "2.8.aq", PRINT_MODEL, ("print(model)", "print(model(images))")),
    printed(
        *("model_is_listed_with_a_bias", "2.8.h", PRINT_MODEL),
        (
            "affine=True, track_running_stats=True)\n  (relu)",
            "affine=True, bias=True, track_running_stats=True)\n  (relu)",
        ),
    ),
)

# --- the numbers of the examples ---


def number(name: str, of: str, array: Any, place: Any, value: Any) -> Program:
    """Return a change of one number of an example."""

    def plant(ground: Ground) -> None:
        ground.undone.callback(np.copyto, array, array.copy())
        array[place] = value

    return Program(name, tuple(of.split()), plant)


def as_printed(id: str) -> Program:
    """Return the change that takes the document's wrong figures for right."""

    def plant(ground: Ground) -> None:
        register = claims.register()
        believed = {**register, id: replace(register[id], corrected=register[id].printed)}
        ground.patch.setattr(claims, "register", lambda: believed)

    return Program(f"believes_what_{id}_prints", (id,), plant)


MAP, POOLED, CHANNELS = worked_examples.MAP, worked_examples.POOLED_MAP, worked_examples.CHANNELS
NUMBERS = (
    number("map_begins_with_0", "2.1.2.a 2.1.2.d 2.1.2.g", MAP, (0, 0), 0.0),
    number("map_has_a_4_in_its_middle", "2.1.2.b 2.1.2.h 2.1.2.i", MAP, (2, 3), 4.0),
    number("first_channel_ends_with_5", "2.1.2.m 2.1.2.o", CHANNELS, (0, 1, 1), 5.0),
    number("second_channel_begins_at_the_end", "2.1.2.n 2.1.2.o", CHANNELS, (1, 0, 1), 5.0),
    number("pooled_map_has_no_9", "2.2.h 2.2.m 2.2.n 2.2.o", POOLED, (0, 2, 0), 0.0),
    number("pooled_map_has_no_8", "2.2.j 2.2.o", POOLED, (0, 2, 3), 0.0),
    number(
        "model_1_is_sure_of_the_dog_of_a_pig",
        "2.6.3.i 2.6.3.j 2.6.3.m 2.6.3.p",
        worked_examples.MODEL_1,
        0,
        (0.1, 0.7, 0.2),
    ),
    number(
        "model_2_is_sure_of_the_dog_of_a_pig",
        "2.6.3.k 2.6.3.l 2.6.3.q 2.6.3.s",
        worked_examples.MODEL_2,
        0,
        (0.1, 0.7, 0.2),
    ),
    number("first_animal_is_a_cat", "2.6.3.u 2.6.3.i 2.6.3.k", worked_examples.TRUTH, 0, worked_examples.CAT),
    *map(as_printed, ("2.1.2.h", "2.1.2.i", "2.1.2.l", "2.2.o", "2.6.3.o")),
    Program(
        "there_are_nine_classes",
        ("2.5.s",),
        lambda ground: ground.patch.setattr(stand_in, "CLASSES", stand_in.CLASSES[:9]),
    ),
)

PROGRAMS = (*PRINTED, *NUMBERS)
"""All of them."""
