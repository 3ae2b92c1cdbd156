"""1.1 TensorBoard: what SummaryWriter writes is read back from its event files and compared pixel by pixel.

A value x of a floating point image is stored as the byte ⌊255·x⌋, where the product is computed in float32 and clipped
to 0 … 255. How the document's own scripts use TensorBoard is tested in `test_chapter_1_code_blocks.py`. Here come first
the rules, then the gallery that `--tensorboard DIR` writes, then the viewer: started within this process, and with
--slow as the command that a learner calls, with its page in a browser.
"""

import inspect
import io
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import threading
import time
import warnings
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout, suppress
from importlib import import_module, metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import Mock
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, build_opener

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter
from torchvision import transforms

import reference
from spec_tests.code_blocks.blocks import evaluate_call, execute, source
from spec_tests.run import gallery
from spec_tests.vocabulary.compare import assert_equal
from spec_tests.vocabulary.problems import SEEDS

pytestmark = pytest.mark.torch_api

SIDES = st.integers(1, 6)

TIMEOUT = 300
"""Seconds to wait for a program before giving it up as hung."""


# One image, by hand


@pytest.mark.claim("1.1.d", "1.1.e", "1.1.f")
def test_the_call_of_the_document_stores_title_image_and_step(tmp_path):
    red, green, blue = [[0.0, 0.25]], [[0.5, 0.2]], [[0.75, 1.0]]
    image = torch.tensor([red, green, blue])

    with SummaryWriter(tmp_path) as writer:
        evaluate_call(source("1_1_add_image"), "writer.add_image", writer=writer, image_tensor=image, global_step=7)

    ((tag, step, img),) = recorded_images(tmp_path)
    assert (tag, step) == ("Image Title", 7)
    assert img.tolist() == [
        [
            [0, 127, 191],  # 255·0 = 0, 255·½ = 127.5, 255·¾ = 191.25
            [63, 51, 255],  # 255·¼ = 63.75, 255·⅕ = 51, 255·1 = 255
        ]
    ]


# Values


@pytest.mark.parametrize("dtype", ["float32", "float64", "float16", "bfloat16"])
def test_a_value_is_multiplied_by_255_rounded_down_and_clipped(dtype):
    in_128ths = np.arange(-128, 256).reshape(3, 8, 16)  # from -1 to 2, exact in every format
    image = torch.tensor(in_128ths / 128).to(getattr(torch, dtype))

    stored = np.clip(255 * in_128ths // 128, 0, 255).astype(np.uint8)

    assert_equal(stored_image(image), stored.transpose(1, 2, 0))


@pytest.mark.parametrize(("value", "stored"), [(-torch.inf, 0), (-1.0, 0), (0.0, 0), (1.0, 255), (torch.inf, 255)])
def test_values_below_0_are_stored_as_black_and_above_1_as_white(value, stored):
    assert (stored_image(torch.full((3, 2, 2), value)) == stored).all()


@pytest.mark.parametrize(("dtype", "stored"), [("float32", 254), ("float64", 255)])
def test_the_largest_number_below_1_is_stored_as_254_in_float32_and_255_in_float64(dtype, stored):
    image = np.full((3, 2, 2), np.nextafter(*np.array([1, 0], dtype)))

    assert (stored_image(image) == stored).all()


@pytest.mark.claim("1.1.a")
def test_every_byte_of_an_image_survives_to_tensor_and_add_image():
    shuffled = np.random.default_rng(0).permuted(np.tile(np.arange(256, dtype=np.uint8), (3, 1)), axis=1)
    img = shuffled.T.reshape(16, 16, 3)

    assert_equal(stored_image(transforms.ToTensor()(img)), img)
    assert_equal(stored_image(reference.to_tensor(img)), img)


def test_integers_wider_than_bytes_are_multiplied_by_255_too():
    stored = stored_image(torch.arange(256).reshape(1, 16, 16))

    assert stored[..., 0].ravel().tolist() == [0] + [255] * 255


@pytest.mark.claim("1.3.y")
def test_an_image_normalized_to_minus_1_to_1_loses_its_darker_half_to_black():
    every_byte = np.arange(256, dtype=np.uint8).reshape(16, 16, 1)
    normalized = transforms.Normalize([0.5], [0.5])(transforms.ToTensor()(every_byte))
    assert (normalized.min(), normalized.max()) == (-1, 1)

    stored = stored_image(normalized)

    assert not stored[every_byte[..., 0] < 128].any()
    assert stored.max() == 255


def test_an_image_that_requires_grad_is_stored_and_left_unchanged():
    image = torch.linspace(-1, 2, 3 * 4 * 5).reshape(3, 4, 5).requires_grad_()
    before = image.detach().clone()

    assert_equal(stored_image(image), stored_image(before))

    assert image.requires_grad
    assert torch.equal(image.detach(), before)


# Axes


@pytest.mark.claim("1.1.e")
@pytest.mark.parametrize("size", [(4, 5), (5, 4), (1, 7), (3, 3)])
def test_the_axes_of_an_image_are_read_as_channel_height_width(size):
    img = random_bytes(0, 3, *size)

    assert_equal(stored_image(torch.from_numpy(img)), img.transpose(1, 2, 0))


@pytest.mark.claim("1.1.e")
@pytest.mark.parametrize("order", ["HWC", "WHC", "CHW", "CWH", "HCW", "WCH", "hwc"])
def test_dataformats_sets_another_order_of_the_axes(order):
    img = random_bytes(0, 4, 5, 3)

    reordered = img.transpose(["HWC".index(axis) for axis in order.upper()])

    assert_equal(stored_image(reordered, dataformats=order), img)


@pytest.mark.parametrize(("shape", "order"), [((1, 4, 5), "CHW"), ((4, 5, 1), "HWC"), ((4, 5), "HW")])
def test_one_channel_is_stored_as_three_equal_ones(shape, order):
    gray = random_bytes(0, 4, 5)

    assert_equal(stored_image(gray.reshape(shape), dataformats=order), np.stack([gray, gray, gray], axis=2))


def test_a_fourth_channel_is_stored_as_alpha():
    img = random_bytes(0, 4, 5, 4)

    assert_equal(stored_image(img, dataformats="HWC"), img)


@pytest.mark.claim("1.1.e")
def test_a_channels_last_image_of_three_rows_is_silently_misread():
    img = random_bytes(0, 3, 4, 3)

    assert_equal(stored_image(img), img.transpose(1, 2, 0))


# Steps and titles


@pytest.mark.claim("1.1.f")
@pytest.mark.parametrize("step", [0, 1, 156, 2**40])
def test_the_step_is_stored_with_the_image(step):
    assert stored_step(torch.zeros(3, 1, 1), step) == step


@pytest.mark.claim("1.1.f")
def test_an_image_without_a_step_is_stored_at_step_0():
    assert stored_step(torch.zeros(3, 1, 1)) == 0
    assert stored_step(torch.zeros(3, 1, 1), None) == 0


@pytest.mark.claim("1.1.d", "1.1.e")
def test_the_arguments_of_add_image_start_with_title_image_and_step():
    parameters = inspect.signature(SummaryWriter.add_image).parameters

    assert list(parameters)[:4] == ["self", "tag", "img_tensor", "global_step"]
    assert (parameters["global_step"].default, parameters["dataformats"].default) == (None, "CHW")


def test_each_title_keeps_its_own_image_for_every_step(tmp_path):
    colors = random_bytes(0, 20, 3, 1, 1)

    with SummaryWriter(tmp_path) as writer:
        for step, color in enumerate(colors):
            writer.add_image("a color", color, step)
            writer.add_image("its opposite", 255 - color, step)

    recorded = [(tag, step, img.ravel().tolist()) for tag, step, img in recorded_images(tmp_path)]
    assert recorded[:20] == [("a color", step, color.ravel().tolist()) for step, color in enumerate(colors)]
    assert recorded[20:] == [("its opposite", step, (255 - c).ravel().tolist()) for step, c in enumerate(colors)]


@pytest.mark.claim("1.1.c")
def test_the_first_argument_of_summary_writer_is_the_folder_it_writes_to(tmp_path):
    SummaryWriter(tmp_path / "logs").close()

    assert [path.parent for path in tmp_path.rglob("events.out.tfevents.*")] == [tmp_path / "logs"]
    assert next(iter(inspect.signature(SummaryWriter).parameters)) == "log_dir"


# Batches


@pytest.mark.claim("1.5.j")
@pytest.mark.parametrize(("images", "height", "width"), [(64, 8 * 32, 8 * 32), (16, 2 * 32, 8 * 32), (3, 32, 3 * 32)])
def test_the_call_of_the_document_stores_a_batch_as_one_image_with_rows_of_eight(images, height, width, tmp_path):
    batch = torch.rand(images, 3, 32, 32, generator=torch.Generator().manual_seed(0))

    with SummaryWriter(tmp_path) as writer:
        evaluate_call(source("1_5_dataloader"), "writer.add_images", writer=writer, images=batch, step=156)

    ((tag, step, img),) = recorded_images(tmp_path)
    assert (tag, step, img.shape) == ("Batch Images2", 156, (height, width, 3))


@pytest.mark.claim("1.5.j")
@given(images=st.integers(1, 20), channels=st.sampled_from([1, 3]), height=SIDES, width=SIDES, seed=SEEDS)
def test_images_fill_rows_of_eight_in_order_and_the_last_row_is_padded_with_black(
    images, channels, height, width, seed
):
    batch = random_bytes(seed, images, channels, height, width)

    assert_equal(stored_batch(torch.from_numpy(batch)), grid(batch))


def test_the_values_of_a_batch_are_stored_like_those_of_a_single_image():
    in_128ths = np.arange(-128, 256).reshape(8, 3, 4, 4)

    stored = np.clip(255 * in_128ths // 128, 0, 255).astype(np.uint8)

    assert_equal(stored_batch(torch.tensor(in_128ths / 128)), grid(stored))


@pytest.mark.claim("1.5.j")
def test_a_batch_with_its_channels_last_needs_dataformats():
    batch = random_bytes(0, 10, 3, 4, 5)

    assert_equal(stored_batch(batch.transpose(0, 2, 3, 1), dataformats="NHWC"), grid(batch))
    with pytest.raises(AssertionError):
        stored_batch(batch.transpose(0, 2, 3, 1))


# Scalars


def test_scalars_are_stored_in_float32_with_their_steps(tmp_path):
    values = [0.1, 1 / 3, 2**-149, -1e30, np.pi, np.inf, -np.inf, np.nan, 0.0, 1e-300]

    with SummaryWriter(tmp_path) as writer:
        for step, value in enumerate(values):
            writer.add_scalar("loss", value, 10 * step)

    stored = recorded_scalars(tmp_path)["loss"]
    assert list(stored) == list(range(0, 10 * len(values), 10))
    assert_equal(np.array(list(stored.values())), np.float32(values).astype(np.float64))


@pytest.mark.parametrize("value", [0.1, np.float64(0.1), torch.tensor(0.1), torch.tensor([[0.1]], requires_grad=True)])
def test_a_scalar_may_come_from_python_numpy_or_torch(value):
    assert stored_scalar(value) == (0, np.float32(0.1))


@pytest.mark.claim("1.3.ac")
def test_add_image_records_a_numpy_array_like_the_tensor_made_from_it():
    img = Image.fromarray(np.arange(2 * 4 * 3, dtype=np.uint8).reshape(2, 4, 3))

    assert_equal(stored_image(np.asarray(img), dataformats="HWC"), np.asarray(img))
    assert_equal(stored_image(transforms.ToTensor()(img)), np.asarray(img))


# Refusals


@pytest.mark.claim("1.3.ac")
def test_add_image_refuses_a_pil_image_and_asks_for_an_array_or_a_tensor():
    with pytest.raises(NotImplementedError, match="numpy array or torch tensor are expected"):
        stored_image(Image.new("RGB", (4, 2)), dataformats="HWC")


@pytest.mark.claim("1.1.e")
def test_add_image_refuses_a_batch_naming_its_shape_and_the_expected_format():
    with pytest.raises(AssertionError, match=r"tensor shape: \(2, 3, 4, 5\), input_format: CHW"):
        stored_image(torch.zeros(2, 3, 4, 5))


@pytest.mark.claim("1.1.e")
def test_add_image_refuses_a_channels_last_image_as_having_too_many_channels():
    with pytest.raises(TypeError, match=r"Cannot handle this data type: \(1, 1, 32\)"):
        stored_image(torch.zeros(32, 48, 3))


@pytest.mark.claim("1.5.j")
def test_add_images_refuses_a_single_image_naming_its_shape_and_the_expected_format():
    with pytest.raises(AssertionError, match=r"tensor shape: \(3, 4, 5\), input_format: NCHW"):
        stored_batch(torch.zeros(3, 4, 5))


@pytest.mark.parametrize("channels", [2, 4, 6])
def test_add_images_refuses_any_number_of_channels_but_1_and_3(channels):
    with pytest.raises(AssertionError):
        stored_batch(torch.zeros(2, channels, 4, 5))


def test_an_empty_batch_is_refused_with_a_division_by_zero():
    with pytest.raises(ZeroDivisionError):
        stored_batch(torch.zeros(0, 3, 4, 5))


def test_an_image_without_pixels_is_refused():
    with pytest.raises(ValueError, match="cannot write empty image"):
        stored_image(torch.zeros(3, 0, 5))


def test_add_scalar_refuses_several_numbers_and_says_how_many_it_got():
    with pytest.raises(AssertionError, match="size: 2 and 1 dimensions"):
        stored_scalar(torch.zeros(2))


# What is installed


@pytest.mark.claim("1.1.b")
@pytest.mark.parametrize(("distribution", "named"), [("torch", "sympy"), ("torchvision", "numpy")])
def test_torch_and_torchvision_require_other_packages_but_not_tensorboard(distribution, named):
    required = {Requirement(line).name for line in metadata.requires(distribution)}

    assert named in required
    assert "tensorboard" not in required


@pytest.mark.claim("1.1.b")
def test_summary_writer_cannot_be_imported_without_tensorboard(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("torch.utils.tensorboard")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboard", None)  # makes Python treat it as not installed

    with pytest.raises(ModuleNotFoundError, match="tensorboard"):
        execute(source("1_1_summary_writer"))


# The gallery of --tensorboard

PHOTOGRAPH = (375, 320)
GALLERY = {
    "1.3 transforms/0 Original Image": {0: PHOTOGRAPH},
    "1.3 transforms/1 ToTensor": {1: PHOTOGRAPH},
    "1.3 transforms/2 Resize": {2: (256, 256)},
    "1.3 transforms/3 CenterCrop": {3: (200, 200)},
    "1.3 transforms/4 RandomCrop": {4: (200, 200)},
    "1.3 transforms/5 RandomHorizontalFlip": {5: PHOTOGRAPH},
    "1.3 transforms/6 RandomVerticalFlip": {6: PHOTOGRAPH},
    "1.3 transforms/7 ColorJitter": {7: PHOTOGRAPH},
    "1.3 transforms/8 Normalize": {8: PHOTOGRAPH},
    "2.1 convolution/1 input": {0: (188, 160)},  # every other row and column
    "2.1 convolution/2 six feature maps": {0: (2 * 188, 3 * 160)},
    "2.1 convolution/3 vertical edges": {0: (188 - 2, 160 - 2)},  # without padding
    "2.2 max pooling/Maxpool Batch Origin": {0: (8 * 32, 8 * 32), 1: (8 * 32, 8 * 32)},
    "2.2 max pooling/Maxpool Batch Output": {0: (8 * 32, 8 * 32), 1: (8 * 32, 8 * 32)},
    "2.5 network/an image": {0: (32, 32)},
    "2.5 network/feature maps of conv1": {0: (4 * 32, 8 * 32), 2: (4 * 32, 8 * 32)},  # before and after two steps
    "2.8 ResNet-50/0 input": {0: (224, 224)},
    "2.8 ResNet-50/1 maxpool": {1: (2 * 56, 8 * 56)},  # 16 maps in two rows
    "2.8 ResNet-50/2 layer1.2": {2: (2 * 56, 8 * 56)},
    "2.8 ResNet-50/3 layer2.3": {3: (2 * 28, 8 * 28)},
    "2.8 ResNet-50/4 layer3.5": {4: (2 * 14, 8 * 14)},
    "2.8 ResNet-50/5 layer4.2": {5: (2 * 7, 8 * 7)},
}
LAST = "2.8 ResNet-50/5 layer4.2"
LOSS = "2.7 training/loss of the batch"


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """A folder with the gallery after two training steps."""
    folder = tmp_path_factory.mktemp("log")
    gallery.write(folder, training_steps=2)
    return folder


@pytest.fixture(scope="module")
def events(log):
    """The recorded events of the gallery."""
    return events_in(log / gallery.RUN)


@pytest.fixture(scope="module")
def shown(events):
    """The images of the gallery, by title and then by step."""
    images = images_among(events)
    shown = {tag: {} for tag, _, _ in images}
    for tag, step, img in images:
        assert step not in shown[tag]
        shown[tag][step] = img
    return shown


@pytest.fixture(scope="module")
def losses(events):
    """The training curve of the gallery, by step."""
    return scalars_among(events)[LOSS]


@pytest.mark.tooling
@pytest.mark.claim("1.1.a")
def test_the_gallery_has_these_images_at_these_steps_in_these_sizes(shown):
    sizes = {tag: {step: img.shape[:2] for step, img in steps.items()} for tag, steps in shown.items()}

    assert sizes == GALLERY


UNCHANGED_PIXELS = {
    "0 Original Image": lambda photograph: photograph,
    "1 ToTensor": lambda photograph: photograph,
    "3 CenterCrop": lambda photograph: photograph[88:288, 60:260],  # (375 - 200)/2 = 87.5, (320 - 200)/2 = 60
    "5 RandomHorizontalFlip": lambda photograph: photograph[:, ::-1],
    "6 RandomVerticalFlip": lambda photograph: photograph[::-1],
}


@pytest.mark.tooling
@pytest.mark.claim("1.1.a")
@pytest.mark.parametrize("title", UNCHANGED_PIXELS)
def test_the_gallery_shows_the_photograph_as_this_transform_leaves_it(shown, title):
    (img,) = shown[f"1.3 transforms/{title}"].values()

    assert_equal(img, UNCHANGED_PIXELS[title](np.asarray(gallery.photograph())))


@pytest.mark.tooling
def test_the_other_transforms_of_the_gallery_each_give_a_different_image(shown):
    names = ["0 Original Image", "2 Resize", "4 RandomCrop", "7 ColorJitter", "8 Normalize", "3 CenterCrop"]

    images = {img.tobytes() for name in names for img in shown[f"1.3 transforms/{name}"].values()}

    assert len(images) == len(names)


@pytest.mark.tooling
@pytest.mark.parametrize("step", [0, 1])
def test_the_gallery_shows_batches_and_their_max_pooled_versions(shown, step):
    before, after = (
        cells(shown[f"2.2 max pooling/Maxpool Batch {name}"][step], side=32) for name in ("Origin", "Output")
    )

    pooled = reference.max_pool2d(before.astype(np.float32), kernel_size=3, stride=1, padding=1)

    assert_equal(after, pooled.astype(np.uint8))


@pytest.mark.tooling
def test_the_gallery_shows_distinct_feature_maps_each_from_black_to_white(shown):
    six = shown["2.1 convolution/2 six feature maps"][0].reshape(2, 188, 3, 160, 3).swapaxes(1, 2).reshape(6, -1)
    before, after = (cells(shown["2.5 network/feature maps of conv1"][step], side=32) for step in (0, 2))

    for maps in (six, before, after):
        assert {(img.min(), img.max()) for img in maps} == {(0, 255)}
        assert len({img.tobytes() for img in maps}) == len(maps)
    assert (before != after).any()


@pytest.mark.tooling
def test_the_kernel_of_section_2_1_2_is_brightest_where_the_photograph_darkens(shown):
    gray = np.asarray(gallery.photograph())[::2, ::2].sum(axis=2, dtype=np.int64)
    fall = gray[:, :-2] - gray[:, 2:]

    falls = fall[:-2] + fall[1:-1] + fall[2:]

    edges = shown["2.1 convolution/3 vertical edges"][0][..., 0]
    assert edges[np.unravel_index(falls.argmax(), falls.shape)] == 255
    assert edges[np.unravel_index(falls.argmin(), falls.shape)] == 0


@pytest.mark.tooling
def test_the_gallery_shows_the_loss_of_each_step(losses):
    assert list(losses) == [0, 1]
    assert all(0 < loss < np.inf for loss in losses.values())


@pytest.mark.tooling
def test_the_gallery_is_reproducible_and_leaves_torchs_random_state_alone():
    state, writers = torch.get_rng_state(), (Mock(), Mock())

    for writer in writers:
        gallery.write_transforms(writer)

    first, second = ([call.args[1] for call in writer.add_image.call_args_list] for writer in writers)
    assert len(first) == 9
    assert all(map(torch.equal, first, second))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.tooling
def test_rewriting_a_gallery_hides_the_previous_one(tmp_path, monkeypatch):
    monkeypatch.setattr(gallery, "write_transforms", Mock())
    monkeypatch.setattr(gallery, "write_feature_maps", Mock())
    monkeypatch.setattr(gallery, "write_pooling", Mock())
    monkeypatch.setattr(gallery, "write_resnet50", Mock())

    gallery.write(tmp_path, training_steps=3)
    gallery.write(tmp_path, training_steps=1)

    steps = [(tag, step) for tag, step, _ in recorded_images(tmp_path / gallery.RUN)]
    assert len(list((tmp_path / gallery.RUN).iterdir())) == 2
    assert len(set(steps)) == len(steps)
    assert list(recorded_scalars(tmp_path / gallery.RUN)[LOSS]) == [0]


# The option --tensorboard


@pytest.fixture
def run_with(tmp_path, monkeypatch):
    """Return a function that runs pytest with options in this process, on two tests without a subject."""
    (tmp_path / "test_two.py").write_text("def test_one(): pass\ndef test_two(): assert False\n", encoding="utf-8")
    monkeypatch.setattr(gallery, "write", lambda folder, **_: (folder / gallery.RUN / "events").write_text("written"))

    def run(*options):
        printed = io.StringIO()
        off = (
            "cacheprovider",
            "faulthandler",
            "unraisableexception",
            "threadexception",
        )  # they belong to the outer run
        speaking = ["--import-mode=importlib", "--capture=no", "--color=no", "--language=en"]
        settings = [*speaking, *(f"-pno:{plugin}" for plugin in off)]
        with redirect_stdout(printed), redirect_stderr(printed):
            code = pytest.main(
                [*settings, "-p", "spec_tests.run.plugin", f"--rootdir={tmp_path}", *options, str(tmp_path)]
            )
        return code, printed.getvalue()

    return run


@pytest.mark.tooling
@pytest.mark.parametrize("selection", [[], ["-k", "one"], ["-k", "three"], ["-x"]])
def test_the_option_writes_a_log_whichever_tests_ran_and_prints_how_to_open_it(selection, run_with, tmp_path):
    folder = tmp_path / "a new" / "folder"

    _, printed = run_with("--tensorboard", str(folder), *selection)

    assert (folder / gallery.RUN / "events").exists()
    (line,) = [line for line in printed.splitlines() if "tensorboard --logdir" in line]
    assert line.endswith(f": tensorboard --logdir '{folder}'")


@pytest.mark.tooling
def test_a_run_that_only_lists_tests_writes_no_log(run_with, tmp_path):
    _, printed = run_with("--tensorboard", str(tmp_path / "folder"), "--collect-only")

    assert not list((tmp_path / "folder").rglob("events"))
    assert "tensorboard --logdir" not in printed


@pytest.mark.tooling
@pytest.mark.parametrize("below", ["", "folder"])
def test_a_file_instead_of_a_folder_is_a_usage_error(below, run_with, tmp_path):
    file = tmp_path / "file"
    file.touch()

    code, printed = run_with("--tensorboard", str(file / below))

    assert code == pytest.ExitCode.USAGE_ERROR
    assert f"ERROR: --tensorboard {file / below} cannot be written to: " in printed


# The viewer

PORT = 6006

MANY = 157
"""The steps of the document's script: the 10,000 images of the test split, 64 at a time."""


@pytest.fixture(scope="module")
def board():
    """TensorBoard started from Python. Importing its modules raises warnings."""
    with warnings.catch_warnings(action="ignore"):
        return import_module("tensorboard.program").TensorBoard()


@pytest.fixture(scope="module")
def viewer(log, board):
    """The address of a TensorBoard in this process that shows the gallery and a run of 157 steps."""
    with SummaryWriter(log / "many steps") as writer:
        for step in range(MANY):
            writer.add_images("Batch Images2", torch.zeros(2, 3, 1, 1), step)
        writer.add_image("the end", torch.zeros(3, 1, 1))
    board.configure(["tensorboard", f"--logdir={log}", "--port=0", "--load_fast=false", "--reload_interval=0"])
    address = board.launch()
    wait_for(address, gallery.RUN, LAST)
    wait_for(address, "many steps", "the end")
    return address


@pytest.mark.claim("1.1.g")
def test_logdir_names_the_folder_that_the_viewer_shows(viewer):
    assert b"<title>TensorBoard</title>" in request(viewer, "")

    shown = {(tag, step) for tag, step, _ in shown_images(viewer, gallery.RUN)}

    assert shown == {(tag, step) for tag, steps in GALLERY.items() for step in steps}


@pytest.mark.claim("1.1.a", "1.1.g")
def test_the_viewer_shows_the_images_as_they_were_written(shown, viewer):
    images = shown_images(viewer, gallery.RUN)

    assert len(images) == sum(map(len, GALLERY.values()))
    for tag, step, img in images:
        assert_equal(img, shown[tag][step])


def test_the_viewer_shows_the_scalars_as_they_were_written(losses, viewer):
    assert shown_scalars(viewer, gallery.RUN, LOSS) == losses


@pytest.mark.claim("1.5.j")
def test_the_viewer_shows_ten_of_the_loader_scripts_157_steps_including_the_last(log, viewer):
    recorded, shown = recorded_images(log / "many steps"), shown_images(viewer, "many steps")

    steps = [step for tag, step, _ in shown if tag == "Batch Images2"]

    assert [tag for tag, _, _ in recorded].count("Batch Images2") == MANY
    assert len(set(steps)) == len(steps) == 10
    assert steps == sorted(steps)
    assert steps[-1] == MANY - 1


@pytest.mark.claim("1.1.g")
def test_the_tensorboard_command_accepts_the_folder_as_the_document_writes_it(board):
    (command,) = metadata.entry_points(group="console_scripts", name="tensorboard")

    board.configure(["tensorboard", "--logdir=logs"])

    assert command.load().__module__ == "tensorboard.main"
    assert board.flags.logdir == "logs"


@pytest.mark.claim("1.1.h")
def test_the_viewer_defaults_to_this_machine_and_port_6006(board):
    board.configure(["tensorboard", "--logdir=logs"])

    assert (board.flags.host, board.flags.port, board.flags.bind_all) == (None, None, False)
    assert import_module("tensorboard.plugins.core.core_plugin").DEFAULT_PORT == PORT  # used if the options name none


# The viewer as a command and its page in a browser

BROWSER = shutil.which("chromium")
MOSAIC = "0 mosaic/16 colors"


@pytest.fixture(scope="module")
def full_log(tmp_path_factory):
    """The folder with the log of a run with the option, of one test in a process of its own."""
    folder = tmp_path_factory.mktemp("full log")
    test = f"{__file__}::{test_the_largest_number_below_1_is_stored_as_254_in_float32_and_255_in_float64.__name__}"
    no_conftest = ["-p", "spec_tests.run.plugin"]  # as an installed copy has it
    options = ["-q", "-p", "no:cacheprovider", *no_conftest]
    subprocess.run(
        [sys.executable, "-m", "pytest", *options, test, "--tensorboard", folder],
        cwd=Path(__file__).parent.parent,
        check=True,
        timeout=TIMEOUT,
        stdout=subprocess.DEVNULL,
    )
    return folder


@pytest.mark.slow
@pytest.mark.tooling
def test_a_run_with_the_option_writes_a_log_in_which_the_loss_falls(full_log):
    losses = [*recorded_scalars(full_log / gallery.RUN)[LOSS].values()]

    assert len(losses) == gallery.STEPS
    assert max(losses[-5:]) < min(losses[:5])


@pytest.mark.slow
@pytest.mark.claim("1.1.g")
@pytest.mark.parametrize("reader", ["--load_fast=auto", "--load_fast=false"])
def test_the_command_serves_what_a_run_with_the_option_has_written(full_log, reader):
    recorded = recorded_images(full_log / gallery.RUN)

    with served(full_log, "--host=127.0.0.1", "--port=0", reader) as address:
        wait_for(address, gallery.RUN, LAST)
        shown = shown_images(address, gallery.RUN)
        losses = shown_scalars(address, gallery.RUN, LOSS)

    assert [(tag, step, img.tobytes()) for tag, step, img in shown] == [
        (tag, step, img.tobytes()) for tag, step, img in recorded
    ]
    assert losses == recorded_scalars(full_log / gallery.RUN)[LOSS]


@pytest.mark.slow
@pytest.mark.claim("1.1.h")
def test_the_command_prints_the_address_with_port_6006(tmp_path):
    if is_taken(PORT):
        pytest.skip("port 6006 is in use here")

    with served(tmp_path) as address:
        assert address == "http://localhost:6006/"


@pytest.mark.slow
@pytest.mark.claim("1.1.h")
def test_the_command_moves_to_a_higher_port_if_6006_is_taken(tmp_path):
    taken = nullcontext() if is_taken(PORT) else socket.create_server(("localhost", PORT))

    with taken, served(tmp_path) as address:
        port = int(re.fullmatch(r"http://localhost:(\d+)/", address)[1])

    assert port > PORT


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="chromium is not installed: apt-get install chromium")
@pytest.mark.claim("1.1.a")
def test_the_page_shows_an_image_with_its_colors_in_their_places(full_log, tmp_path):
    colors = random_bytes(0, 4, 4, 3)
    with SummaryWriter(full_log / "mosaic") as writer:  # its title sorts first on the page
        writer.add_image(MOSAIC, colors.repeat(64, axis=0).repeat(64, axis=1), dataformats="HWC")

    with served(full_log, "--host=127.0.0.1", "--port=0", "--load_fast=false") as address:
        wait_for(address, gallery.RUN, LAST)
        wait_for(address, "mosaic", MOSAIC)
        page = screenshot(f"{address}#images", tmp_path / "page.png")

    positions = np.array([[middle_of(color, page) for color in row] for row in colors])
    assert (np.diff(positions[..., 0], axis=0) > 0).all()
    assert (np.diff(positions[..., 1], axis=1) > 0).all()


# Writing and reading back


def random_bytes(seed, *shape):
    """Return random values from 0 to 255."""
    return np.random.default_rng(seed).integers(0, 256, shape, np.uint8)


def events_in(folder):
    """Read all event files of the folder."""
    return EventAccumulator(str(folder), size_guidance={"images": 0, "scalars": 0}).Reload()


def images_among(events):
    """Return the title, step and image (h, w, c) of every recorded image."""
    return [
        (tag, event.step, decoded(event.encoded_image_string))
        for tag in sorted(events.Tags()["images"])
        for event in events.Images(tag)
    ]


def scalars_among(events):
    """Return the recorded scalars, by title and then by step."""
    return {tag: {event.step: event.value for event in events.Scalars(tag)} for tag in events.Tags()["scalars"]}


def recorded_images(folder):
    """Return the title, step and image (h, w, c) of every image recorded in the folder."""
    return images_among(events_in(folder))


def recorded_scalars(folder):
    """Return the scalars recorded in the folder, by title and then by step."""
    return scalars_among(events_in(folder))


def decoded(file):
    """Return the image (h, w, c) in a PNG file."""
    with Image.open(io.BytesIO(file)) as img:
        return np.asarray(img)


def recorded(call, *arguments, read=recorded_images, **options):
    """Return what one call of a writer's method records."""
    with TemporaryDirectory() as folder:
        with SummaryWriter(folder) as writer:
            getattr(writer, call)("title", *arguments, **options)
        return read(folder)


def stored_image(image, **options):
    """Return the image (h, w, c) that add_image stores."""
    ((_, _, img),) = recorded("add_image", image, **options)
    return img


def stored_step(image, *step):
    """Return the step that add_image stores."""
    ((_, stored, _),) = recorded("add_image", image, *step)
    return stored


def stored_batch(images, **options):
    """Return the image (h, w, c) that add_images stores."""
    ((_, _, img),) = recorded("add_images", images, **options)
    return img


def stored_scalar(value, *step):
    """Return the step and the value that add_scalar stores."""
    ((stored,),) = (numbers.items() for numbers in recorded("add_scalar", value, *step, read=recorded_scalars).values())
    return stored


def grid(images):
    """Arrange images (n, c, h, w) in rows of eight, or one shorter row, padded with black: (rows, columns, 3)."""
    n, _, h, w = images.shape
    columns = min(n, 8)
    rows = -(-n // columns)
    slots = np.zeros((rows * columns, 3, h, w), images.dtype)
    slots[:n] = images
    return slots.reshape(rows, columns, 3, h, w).transpose(0, 3, 1, 4, 2).reshape(rows * h, columns * w, 3)


def cells(img, side):
    """Split a grid (rows, columns, 3) into its square images: (n, 3, side, side)."""
    rows, columns = img.shape[0] // side, img.shape[1] // side
    return img.reshape(rows, side, columns, side, 3).transpose(0, 2, 4, 1, 3).reshape(-1, 3, side, side)


# The viewer and the browser


def request(address, path, **query):
    """Return the viewer's response to a request, as its own page makes them."""
    opener = build_opener(ProxyHandler({}))  # the viewer is local: no proxy
    with opener.open(f"{address}{path}?{urlencode(query)}", timeout=TIMEOUT) as answer:
        return answer.read()


def wait_for(address, run, title):
    """Wait until the viewer has loaded this image of the run, which it does while it answers other requests."""
    end, tags = time.monotonic() + TIMEOUT, {}
    while title not in tags:
        assert time.monotonic() < end, f"TensorBoard shows only {list(tags)} of {run}"
        time.sleep(0.05)
        with suppress(HTTPError):  # 500, of which the next request knows nothing
            tags = json.loads(request(address, "data/plugin/images/tags")).get(run, {})


def shown_images(address, run):
    """Return the title, step and image (h, w, c) of every image that the viewer shows for a run."""
    found = []
    for tag in sorted(json.loads(request(address, "data/plugin/images/tags"))[run]):
        for image in json.loads(request(address, "data/plugin/images/images", run=run, tag=tag, sample=0)):
            file = request(address, f"data/plugin/images/individualImage?{image['query']}&")
            found.append((tag, image["step"], decoded(file)))
    return found


def shown_scalars(address, run, title):
    """Return the scalars that the viewer shows, by step."""
    return {
        step: value
        for _, step, value in json.loads(request(address, "data/plugin/scalars/scalars", run=run, tag=title))
    }


@contextmanager
def served(folder, *options):
    """Run the command `tensorboard` on the folder, yield the address that it prints, and terminate it."""
    command = [Path(sysconfig.get_path("scripts")) / "tensorboard", f"--logdir={folder}", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, encoding="utf-8") as process:
        overdue = threading.Timer(TIMEOUT, process.kill)
        overdue.start()
        printed = []
        try:
            for line in process.stderr:
                printed.append(line)
                if found := re.search(r"TensorBoard \S+ at (http://\S+/)", line):
                    overdue.cancel()
                    yield found[1]
                    return
            raise AssertionError(f"tensorboard printed no address:\n{''.join(printed)}")
        finally:
            overdue.cancel()
            process.terminate()


def is_taken(port):
    """Tell whether something listens on this port of this machine."""
    with socket.socket() as probe:
        return probe.connect_ex(("localhost", port)) == 0


def screenshot(address, file):
    """Return the page (h, w, 3) as Chromium renders it, once everything it requests has loaded."""
    options = ["--headless=new", "--disable-gpu", "--hide-scrollbars", "--no-proxy-server", "--disable-dev-shm-usage"]
    options += ["--no-sandbox"] if os.geteuid() == 0 else []  # the sandbox does not run as root
    options += [f"--user-data-dir={file.parent / 'profile'}", "--window-size=1600,2400", "--force-color-profile=srgb"]
    options += ["--virtual-time-budget=20000", f"--screenshot={file}"]
    subprocess.run([BROWSER, *options, address], check=True, timeout=TIMEOUT, capture_output=True)
    return decoded(file.read_bytes())[..., :3]


def middle_of(color, page):
    """Return the median row and column of the pixels of this color."""
    positions = np.argwhere((page == color).all(axis=2))
    assert len(positions), f"the page has no pixel of the color {color}"
    return np.median(positions, axis=0)
