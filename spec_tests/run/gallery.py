"""A TensorBoard log that shows what the document describes: `pytest spec_tests --tensorboard DIR`.

    1.3 transforms     a photograph, and what each transform of the document's demo makes of it, one a step
    2.1 convolution    the photograph through a convolution of 3 to 6 channels, and through the kernel of 2.1.2
    2.2 max pooling    batches of images, and the same after pooling as in the document's script
    2.5 network        what the network's first layer makes of an image, before and after training
    2.7 training       the loss, step by step, of a network that memorises a few images
    2.8 ResNet-50      the photograph after the stem and after each of the four layers; untrained without given weights

All random numbers come from `SEED`. Everything is computed by `reference`, except for torchvision's transforms.
"""

import ast
import shlex
from importlib import import_module
from itertools import count, islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import reference
from reference.checks import Array
from reference.synthetic_images import balanced_labels, synthetic_images
from reference.train_log import silent_writers
from reference.training import NumpyTrainer, Training, batches
from spec_tests.code_blocks import blocks
from spec_tests.run.complaints import told
from spec_tests.run.language import language_of

SEED = 0
RUN = "gallery"
"""The folder within DIR, from which TensorBoard takes the name of the run."""

WIDTH, HEIGHT = 320, 375
"""Of the photograph: TensorBoard shows it at this size, and larger files take long to write and to read."""

BATCH = 64
POOLED_BATCHES = 2

LEARNED = 32
LEARNING_BATCH = 16
STEPS = 40
"""Enough steps to memorise this few images."""

VERTICAL_EDGES = np.array([[[[1, 0, -1]] * 3] * 3], np.float32) / 3
"""The kernel of section 2.1.2, applied to the mean of the three colours."""


MAPS = 16
"""How many of the hundreds of feature maps of a layer of ResNet-50 are shown."""


class Log:
    """What `--tensorboard` adds to pytest: once the tests have run, whichever were selected, it writes the log."""

    def __init__(self, folder: Path, resnet50_weights: Path | None = None) -> None:
        """Make the folder now, so that one that cannot be made is a usage error and no surprise at the end."""
        self.folder, self.message, self.resnet50_weights = folder.absolute(), "", resnet50_weights
        try:
            (folder / RUN).mkdir(parents=True, exist_ok=True)
            with TemporaryFile(dir=folder / RUN):
                pass
        except OSError as error:
            raise pytest.UsageError(f"--tensorboard {folder} cannot be written to: {error.strerror}") from None

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Write the log, unless the run was interrupted, only lists tests, or is a worker of a parallel one."""
        finished = session.exitstatus in (0, pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.NO_TESTS_COLLECTED)
        if finished and not session.config.option.collectonly and not hasattr(session.config, "workerinput"):
            self.message = self._written(session)

    def _written(self, session: pytest.Session) -> str:
        """Write the log and return what there is to say about it; one that is not whole fails the run."""
        try:
            with silent_writers():
                write(self.folder, resnet50_weights=self.resnet50_weights)
        except (OSError, RuntimeError) as error:  # the latter for weights of another network
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR
            why = getattr(error, "strerror", None) or str(error).splitlines()[0]
            return f"ERROR: no whole log in {self.folder}: {why}"
        command = f"tensorboard --logdir {shlex.quote(str(self.folder))}"
        return f"to look at transforms, feature maps, pooling and a training curve: {command}"

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say what was written, and how to look at it."""
        if self.message:
            terminalreporter.write_line(told(self.message, language_of(terminalreporter.config.option.spec_language)))


def write(folder: Path, training_steps: int = STEPS, resnet50_weights: Path | None = None) -> None:
    """Write the log to folder/gallery. TensorBoard then shows nothing that an earlier call wrote there."""
    summary_writer = import_module(
        "torch.utils.tensorboard"
    ).SummaryWriter  # imported here, because most runs do not need it
    with summary_writer(str(folder / RUN), purge_step=0) as writer:
        write_transforms(writer)
        write_feature_maps(writer)
        write_pooling(writer)
        write_training(writer, training_steps)
        write_resnet50(writer, resnet50_weights)


def write_transforms(writer: Any) -> None:
    """Write the photograph, and what each transform of the document's demo makes of it."""
    torch, to_tensor = import_module("torch"), import_module("torchvision").transforms.ToTensor()
    original = photograph()
    writer.add_image("1.3 transforms/0 Original Image", to_tensor(original), 0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        for step, (name, transform) in enumerate(documents_transforms(), 1):
            image = transform(original)
            tensor = image if isinstance(image, torch.Tensor) else to_tensor(image)
            writer.add_image(f"1.3 transforms/{step} {name}", tensor, step)


def write_feature_maps(writer: Any) -> None:
    """Write the six feature maps of the layer of section 2.1, initialised as in torch, and a map of vertical edges."""
    image = reference.to_tensor(np.asarray(photograph()))[np.newaxis, :, ::2, ::2]
    bound = (3 * 3 * 3) ** -0.5
    rng = np.random.default_rng(SEED)
    weight = rng.uniform(-bound, bound, (6, 3, 3, 3)).astype(np.float32)
    bias = rng.uniform(-bound, bound, 6).astype(np.float32)
    writer.add_image("2.1 convolution/1 input", image[0])
    maps = reference.conv2d(image, weight, bias, padding=1)
    writer.add_image("2.1 convolution/2 six feature maps", side_by_side(as_gray(maps), columns=3))
    writer.add_images("2.1 convolution/3 vertical edges", as_gray(reference.conv2d(image, VERTICAL_EDGES)))


def write_pooling(writer: Any) -> None:
    """Write batches before and after pooling, under the titles of the script of section 2.2."""
    rng = np.random.default_rng(SEED)
    for step in range(POOLED_BATCHES):
        images = as_input(synthetic_images(balanced_labels(BATCH, 10, rng), 10, rng))
        pooled: Any = reference.max_pool2d(images, kernel_size=3, stride=1, padding=1)
        writer.add_images("2.2 max pooling/Maxpool Batch Origin", images, step)
        writer.add_images("2.2 max pooling/Maxpool Batch Output", pooled, step)


def write_training(writer: Any, steps: int) -> None:
    """Train the document's network in NumPy; write the loss of each step, and the feature maps before and after."""
    rng = np.random.default_rng(SEED)
    labels = balanced_labels(LEARNED, 10, rng)
    images = as_input(synthetic_images(labels, 10, rng))
    start = Training(reference.initial_parameters(rng))
    trainer = NumpyTrainer(start, reference.adam, {"lr": 0.001}, relu=False)
    order = (batch for epoch in count() for batch in batches(LEARNED, LEARNING_BATCH, epoch, SEED))
    for step, batch in enumerate(islice(order, steps)):
        writer.add_scalar("2.7 training/loss of the batch", trainer.step(images[batch], labels[batch]), step)
    for step, training in ((0, start), (steps, trainer.snapshot())):
        maps = reference.cifar10_cnn_layers(images[:1], training.parameters)["conv1"]
        writer.add_images("2.5 network/feature maps of conv1", as_gray(maps), step)
    writer.add_image("2.5 network/an image", images[0])


def write_resnet50(writer: Any, weights: Path | None) -> None:
    """Write what the ResNet-50 of `reference` makes of the photograph, with these weights or with random ones."""
    torch, models = import_module("torch"), import_module("torchvision").models
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        model = models.resnet50(weights=None)
    if weights is not None:
        model.load_state_dict(torch.load(weights, weights_only=True))
    parameters = {name: value.numpy() for name, value in model.state_dict().items()}
    image = reference.center_crop(reference.to_tensor(np.asarray(photograph().resize((256, 300)))), 224)
    input = reference.normalize(image, mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])[np.newaxis]
    outputs = reference.resnet_layers(input, parameters, "resnet50")
    writer.add_image("2.8 ResNet-50/0 input", image)
    for step, name in enumerate(("maxpool", "layer1.2", "layer2.3", "layer3.5", "layer4.2"), start=1):
        maps = side_by_side(as_gray(outputs[name][:, :MAPS]), columns=8)
        writer.add_image(f"2.8 ResNet-50/{step} {name}", maps, step)


def photograph() -> Any:
    """Return the photograph that comes with Matplotlib, scaled down."""
    path = import_module("matplotlib.cbook").get_sample_data("grace_hopper.jpg", asfileobj=False)
    with import_module("PIL.Image").open(path) as image:
        return image.convert("RGB").resize((WIDTH, HEIGHT))


def documents_transforms() -> list[tuple[str, Any]]:
    """Return the transforms of the demo in section 1.3, each with its title."""
    (listed,) = [
        node.value
        for node in ast.walk(ast.parse(blocks.source("1_3_transforms_demo")))
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "transform_list"
    ]
    names = {"transforms": import_module("torchvision").transforms}
    found: list[tuple[str, Any]] = eval(compile(ast.Expression(listed), "<code block>", "eval"), names)
    return found


def as_input(bytes_: npt.NDArray[np.uint8]) -> Array:
    """Scale images of bytes to numbers from 0 to 1, keeping the order of their axes."""
    return bytes_.astype(np.float32) / 255


def as_gray(maps: Array) -> Array:
    """Return feature maps as grey images, (1, c, h, w) -> (c, 1, h, w), each from its least value, black, to white.

    >>> as_gray(np.array([[[[-4.0, -1.0, 2.0]]]]))
    array([[[[0. , 0.5, 1. ]]]])
    """
    least, largest = (extreme(axis=(2, 3), keepdims=True) for extreme in (maps.min, maps.max))
    return ((maps - least) / np.where(largest == least, 1, largest - least)).swapaxes(0, 1)


def side_by_side(images: Array, columns: int) -> Array:
    """Lay out images (n, c, h, w) in rows of `columns`, a divisor of n: -> (c, height, width) of the whole.

    >>> side_by_side(np.arange(4).reshape(4, 1, 1, 1), columns=2)
    array([[[0, 1],
            [2, 3]]])
    """
    n, c, h, w = images.shape
    cells = images.reshape(n // columns, columns, c, h, w).transpose(2, 0, 3, 1, 4)
    return cells.reshape(c, n // columns * h, columns * w)
