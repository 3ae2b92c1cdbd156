"""The code blocks of sections 1.1 to 1.5: what they do on stand-in data, once given what they lack.

`test_code_blocks.py` shows how four of them end when run unchanged. Here main() of the demo of section 1.3 runs in this
process, on a photograph, and what it writes to TensorBoard is read back from its file or intercepted.
"""

import ast
import io
from contextlib import chdir, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.data import DataLoader, RandomSampler, SequentialSampler
from torch.utils.tensorboard import SummaryWriter
from torchvision import transforms
from torchvision.models import ResNet50_Weights

from reference.datasets import write_country211
from spec_tests.code_blocks import stand_in
from spec_tests.code_blocks.blocks import (
    edited,
    evaluate_call,
    execute,
    install_stand_in_cifar10,
    names_read,
    path_of,
    source,
)

pytestmark = pytest.mark.torch_api

SUMMARY_WRITER = "1_1_summary_writer"
ADD_IMAGE = "1_1_add_image"
COMPOSE = "1_3_compose"
DEMO = "1_3_transforms_demo"
COUNTRY211 = "1_4_country211"
LOADER = "1_5_dataloader"

LOGS = "logs"
"""The folder in which the document's scripts keep TensorBoard's files."""

IMAGE_FILE = "demo1.png"
"""The image that the demo opens."""

COUNTRIES = 211


# --- 1.1 TensorBoard ---


@pytest.mark.claim("1.1.c")
def test_the_writer_of_the_first_fragment_writes_to_its_folder(tmp_path: Path) -> None:
    with chdir(tmp_path), closing(execute(source(SUMMARY_WRITER))["writer"]) as writer:
        assert (type(writer), writer.log_dir) == (SummaryWriter, LOGS)

    assert [path.parent.name for path in tmp_path.rglob("events.out.tfevents.*")] == [LOGS]


@pytest.mark.claim("1.1.d")
def test_the_fragment_with_add_image_needs_three_names() -> None:
    assert names_read(ast.parse(source(ADD_IMAGE))) == {"writer", "image_tensor", "global_step"}


@pytest.mark.claim("1.1.c", "1.1.d")
def test_the_two_fragments_record_an_image_with_its_title_and_step(tmp_path: Path) -> None:
    img = torch.linspace(0, 1, 3 * 4 * 5).reshape(3, 4, 5)

    with chdir(tmp_path), closing(execute(source(SUMMARY_WRITER))["writer"]) as writer:
        evaluate_call(source(ADD_IMAGE), "writer.add_image", writer=writer, image_tensor=img, global_step=7)

    ((tag, step, recorded),) = recorded_images(tmp_path / LOGS)
    assert (tag, step, recorded.size) == ("Image Title", 7, (5, 4))


@pytest.mark.claim("1.1.i")
def test_tensorboard_is_not_used_by_any_block_after_section_2_2() -> None:
    blocks = sorted(path.stem for path in path_of(DEMO).parent.glob("*.py"))

    users = [block for block in blocks if "SummaryWriter" in names_read(ast.parse(source(block)))]

    assert users == [SUMMARY_WRITER, DEMO, LOADER, "2_2_max_pooling"]
    assert any(block.startswith("2_7") for block in blocks)


# --- 1.3 Compose ---

IMPORT = "from torchvision import transforms\n"


@pytest.mark.claim("1.3.o")
def test_with_one_import_the_compose_snippet_composes_four_transforms() -> None:
    composed = execute(IMPORT + source(COMPOSE))["composed_transform"]

    assert [type(transform).__name__ for transform in composed.transforms] == [
        *("Resize", "CenterCrop", "ToTensor", "Normalize")
    ]


@pytest.mark.claim("1.3.p")
@pytest.mark.parametrize("size", [(512, 600), (300, 260), (100, 50)], ids=str)
def test_the_composed_transform_turns_a_photograph_into_3_224_224_floats(
    size: tuple[int, int],
) -> None:
    composed = execute(IMPORT + source(COMPOSE))["composed_transform"]

    output = composed(photograph("RGB", size))

    assert (output.shape, output.dtype) == ((3, 224, 224), torch.float32)


@pytest.mark.claim("1.3.p")
@pytest.mark.parametrize(("mode", "channels"), [("L", 1), ("P", 1), ("RGBA", 4)])
def test_a_photograph_of_another_mode_reaches_normalize_without_3_channels_and_fails(mode: str, channels: int) -> None:
    *others, normalize = execute(IMPORT + source(COMPOSE))["composed_transform"].transforms
    assert type(normalize) is transforms.Normalize

    tensor = transforms.Compose(others)(photograph(mode))

    assert tensor.shape == (channels, 224, 224)
    with pytest.raises(RuntimeError, match=r"doesn't match the broadcast shape|must match the size of tensor"):
        normalize(tensor)


@pytest.mark.claim("1.3.q")
@pytest.mark.parametrize(
    ("weights", "edge"),
    [(ResNet50_Weights.IMAGENET1K_V1, 256), (ResNet50_Weights.IMAGENET1K_V2, 232)],
    ids=["V1", "V2"],
)
def test_torchvisions_resnet_50_preprocessing_differs_only_in_the_resize(weights: ResNet50_Weights, edge: int) -> None:
    resize, crop, _, normalize = execute(IMPORT + source(COMPOSE))["composed_transform"].transforms

    usual = weights.transforms()

    assert ([*crop.size], normalize.mean, normalize.std) == (usual.crop_size * 2, usual.mean, usual.std)
    assert (resize.size, usual.resize_size) == ((256, 256), [edge])


# --- 1.3 the demo ---

TRANSFORMS = [
    *("ToTensor", "Resize", "CenterCrop", "RandomCrop"),
    *("RandomHorizontalFlip", "RandomVerticalFlip", "ColorJitter", "Normalize"),
]


@pytest.mark.claim("1.3.r")
def test_the_demo_writes_the_photograph_and_eight_variants(recorded_by_the_demo: dict[str, tuple[int, Any]]) -> None:
    assert set(recorded_by_the_demo) == {"Original Image", *TRANSFORMS}


@pytest.mark.claim("1.3.r", "1.3.s")
def test_the_demo_writes_the_pixels_of_the_photograph(recorded_by_the_demo: dict[str, tuple[int, Any]]) -> None:
    _, original = recorded_by_the_demo["Original Image"]

    assert original.size == (512, 600)
    assert torch.equal(pixels(original), pixels(photograph("RGB", (512, 600))))


@pytest.mark.claim("1.3.w")
def test_the_demo_writes_the_original_at_step_0_and_the_variants_at_1_to_8(
    recorded_by_the_demo: dict[str, tuple[int, Any]],
) -> None:
    steps = {tag: step for tag, (step, _) in recorded_by_the_demo.items()}

    assert steps == {"Original Image": 0} | {name: number for number, name in enumerate(TRANSFORMS, 1)}


@pytest.mark.claim("1.3.y")
def test_pixels_below_128_are_black_in_the_normalized_image(
    recorded_by_the_demo: dict[str, tuple[int, Any]],
) -> None:
    original, normalized = (pixels(recorded_by_the_demo[tag][1]) for tag in ("Original Image", "Normalize"))

    dark = original < 128
    assert 0 < dark.sum() < dark.numel()
    assert original[dark].unique().numel() == 128  # all values from 0 to 127
    assert not normalized[dark].any()


@pytest.mark.claim("1.3.r")
def test_three_imports_of_the_demo_are_never_used() -> None:
    tree = ast.parse(source(DEMO))
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    imported = {alias.asname or alias.name: alias.name for node in imports for alias in node.names}

    assert {imported[name] for name in imported.keys() - names_read(tree)} == {"torchvision", "matplotlib.pyplot", "os"}


@pytest.mark.claim("1.3.s")
def test_without_demo1_png_the_demo_fails_before_writing_anything(tmp_path: Path) -> None:
    written: list[Written] = []

    with pytest.raises(FileNotFoundError, match=r"demo1\.png"):
        run_demo(tmp_path, written)

    assert written == []


@pytest.mark.claim("1.3.t")
def test_the_demo_converts_an_rgba_image_to_rgb(tmp_path: Path) -> None:
    transparent = photograph("RGBA")
    transparent.putalpha(100)
    transparent.save(tmp_path / IMAGE_FILE)

    run_demo(tmp_path, written := [])

    assert torch.equal(written[0].tensor, transforms.ToTensor()(photograph("RGB")))
    assert {len(tensor) for _, tensor, _ in written} == {3}


STOPPED = [
    pytest.param("L", 7, RuntimeError, "doesn't match the broadcast shape", id="L"),
    pytest.param("LA", 7, RuntimeError, "must match the size of tensor", id="LA"),
    pytest.param("P", 6, ValueError, "image has wrong mode", id="P"),
    pytest.param("1", 6, ValueError, "image has wrong mode", id="1"),
]


@pytest.mark.claim("1.3.t")
@pytest.mark.parametrize(("mode", "transformed", "error", "message"), STOPPED)
def test_an_image_of_another_mode_is_not_converted_and_stops_the_demo(
    mode: str, transformed: int, error: type[Exception], message: str, tmp_path: Path
) -> None:
    photograph(mode).save(tmp_path / IMAGE_FILE)
    written: list[Written] = []

    with pytest.raises(error, match=message):
        run_demo(tmp_path, written)

    assert [tag for tag, _, _ in written] == ["Original Image", *TRANSFORMS[:transformed]]


@pytest.mark.claim("1.3.u")
@pytest.mark.parametrize(("height", "width"), [(260, 300), (600, 512), (200, 200)])
def test_the_demo_prints_the_shape_after_each_transform(
    height: int, width: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photograph("RGB", (width, height)).save(tmp_path / IMAGE_FILE)

    run_demo(tmp_path, [])

    sizes = {"Resize": (256, 256), "CenterCrop": (200, 200), "RandomCrop": (200, 200)}
    shapes = {name: [3, *sizes.get(name, (height, width))] for name in TRANSFORMS}
    lines = [f"应用 {name} 变换后的图片形状: torch.Size({shape})\n" for name, shape in shapes.items()]
    assert capsys.readouterr().out == "".join(lines)


@pytest.mark.claim("1.3.v")
@pytest.mark.parametrize("size", [(199, 300), (300, 199)], ids=["narrow", "low"])
def test_a_side_of_199_pixels_passes_the_center_crop_and_stops_the_random_crop(
    size: tuple[int, int], tmp_path: Path
) -> None:
    photograph("RGB", size).save(tmp_path / IMAGE_FILE)
    written: list[Written] = []

    with pytest.raises(ValueError, match=r"Required crop size \(200, 200\) is larger than input image size"):
        run_demo(tmp_path, written)

    assert [tag for tag, _, _ in written] == ["Original Image", "ToTensor", "Resize", "CenterCrop"]


@pytest.mark.claim("1.3.v")
def test_the_center_crop_of_the_demo_pads_a_narrow_image_with_zeros(tmp_path: Path) -> None:
    photograph("RGB", (150, 200)).save(tmp_path / IMAGE_FILE)
    written: list[Written] = []

    with pytest.raises(ValueError, match="Required crop size"):
        run_demo(tmp_path, written)

    original, crop = written[0].tensor, written[3].tensor
    zeros = torch.zeros(3, 200, 25)
    assert torch.equal(crop, torch.cat([zeros, original, zeros], dim=2))


@pytest.mark.claim("1.3.x")
def test_both_branches_of_the_demo_make_the_same_call() -> None:
    (branch,) = [node for node in ast.walk(loop_of(DEMO)) if isinstance(node, ast.If) and node.orelse]

    assert ast.unparse(branch.test) == "transform_name == 'Normalize'"
    assert [ast.unparse(line) for line in branch.body] == ["transformed_img = transform(img)"]
    assert ast.unparse(branch.orelse[0]) == "transformed_img = transform(img)"


@pytest.mark.claim("1.3.x")
def test_without_the_branch_the_demo_writes_the_same_normalized_image(tmp_path: Path) -> None:
    photograph("RGB").save(tmp_path / IMAGE_FILE)

    run_demo(tmp_path, written := [])
    run_demo(tmp_path, without := [], ('if transform_name == "Normalize":', "if False:"))

    assert written[-1].tag == without[-1].tag == "Normalize"
    assert torch.equal(written[-1].tensor, without[-1].tensor)


# --- 1.4 Country211 ---


@pytest.mark.claim("1.4.h", "1.4.i")
@pytest.mark.parametrize(("split", "per_country"), [("train", 3), ("valid", 1), ("test", 2)])
def test_with_split_instead_of_train_the_call_loads_that_split(
    split: str, per_country: int, country211_root: Path
) -> None:
    assert len(country211(split, country211_root)) == COUNTRIES * per_country


@pytest.mark.claim("1.4.i")
def test_an_item_of_country211_is_an_image_and_the_index_of_its_country(country211_root: Path) -> None:
    dataset = country211("train", country211_root)

    with chdir(country211_root):
        img, country = dataset[-1]

    assert isinstance(img, Image.Image)
    assert (country, dataset.classes[country]) == (210, "ZW")


@pytest.mark.claim("1.4.i")
def test_country211_has_no_other_split(country211_root: Path) -> None:
    with pytest.raises(ValueError, match=r"Valid values are \{'train', 'valid', 'test'\}"):
        country211("val", country211_root)


def country211(split: str, root: Path) -> Any:
    """Return the data set that the block loads in the folder `root`, with its argument corrected."""
    with chdir(root):
        return execute(edited(source(COUNTRY211), ("Train=True", f"split={split!r}")))["train_dataset"]


# --- 1.5 the loader script ---

# `test_code_blocks.py` runs the script unchanged


@pytest.mark.claim("1.5.c")
@pytest.mark.parametrize(("length", "full"), [(10_000, 156), (50_000, 781)], ids=["test split", "training split"])
def test_the_last_batch_of_the_loader_script_holds_16_items(length: int, full: int) -> None:
    batches = evaluate_call(source(LOADER), "DataLoader", DataLoader=DataLoader, train_dataset=range(length))

    assert [len(batch) for batch in batches] == [64] * full + [16]


@pytest.mark.claim("1.5.c")
def test_with_drop_last_the_loader_script_would_have_only_full_batches() -> None:
    all_full = edited(source(LOADER), ("batch_size=64,", "batch_size=64, drop_last=True,"))

    batches = evaluate_call(all_full, "DataLoader", DataLoader=DataLoader, train_dataset=range(10_000))

    assert [len(batch) for batch in batches] == [64] * 156


@pytest.mark.claim("1.5.f")
def test_what_the_loader_script_calls_the_training_set_is_the_test_split(cifar10: Any) -> None:
    (comment, name) = ("# 加载训练集", "train_dataset = datasets.CIFAR10(")
    assert f"{comment}\n    {name}" in source(LOADER)

    assert len(evaluate_call(source(LOADER), "datasets.CIFAR10", **cifar10)) == stand_in.TEST_IMAGES


@pytest.mark.claim("1.5.f")
@pytest.mark.parametrize("argument", ["train=True, ", ""], ids=["train=True", "by default"])
def test_the_training_split_comes_with_train_true_and_by_default(argument: str, cifar10: Any) -> None:
    corrected = edited(source(LOADER), ("train=False, ", argument))

    assert len(evaluate_call(corrected, "datasets.CIFAR10", **cifar10)) == stand_in.TRAINING_IMAGES


@pytest.mark.claim("1.5.h")
@pytest.mark.usefixtures("cifar10")
def test_the_loader_script_writes_an_image_at_each_step_it_prints(capsys: pytest.CaptureFixture[str]) -> None:
    execute(source(LOADER))

    images = recorded_images(Path(LOGS))
    assert [(tag, step) for tag, step, _ in images] == [("Batch Images2", 0), ("Batch Images2", 1)]
    assert capsys.readouterr().out == "0\n1\n"


@pytest.mark.claim("1.5.k")
@pytest.mark.parametrize(
    ("block", "sampler"),
    [
        pytest.param(LOADER, RandomSampler, id="1.5"),
        pytest.param("2_2_max_pooling", SequentialSampler, id="2.2"),
        pytest.param("2_6_5_backpropagation", SequentialSampler, id="2.6.5"),
        pytest.param("2_7_optimizer", SequentialSampler, id="2.7"),
    ],
)
def test_only_the_loader_script_shuffles_among_the_four_that_read_cifar_10(block: str, sampler: type) -> None:
    numbers = range(stand_in.TEST_IMAGES)

    loader = evaluate_call(source(block), "DataLoader", DataLoader=DataLoader, train_dataset=numbers, dataset=numbers)

    assert type(loader.sampler) is sampler


# --- main() of the demo, intercepted ---


class Written(NamedTuple):
    """The arguments of one call of add_image."""

    tag: str
    tensor: torch.Tensor
    step: int


@dataclass
class RecordingWriter:
    """Stands in for a SummaryWriter and records the calls."""

    written: list[Written]

    def add_image(self, *arguments: Any) -> None:
        self.written.append(Written(*arguments))

    def close(self) -> None:
        """Do nothing: there is no file to close."""


def run_demo(folder: Path, written: list[Written], *edits: tuple[str, str]) -> None:
    """Run main() of the demo in the folder, with these edits, and append what it writes to `written`."""
    names = execute(edited(source(DEMO), ('if __name__ == "__main__":\n    main()\n', ""), *edits))
    names["SummaryWriter"] = lambda _folder: RecordingWriter(written)
    with chdir(folder):
        names["main"]()


def loop_of(block: str) -> ast.For:
    """Return the block's only loop."""
    (loop,) = [node for node in ast.walk(ast.parse(source(block))) if isinstance(node, ast.For)]
    return loop


# --- images and their recordings ---


def photograph(mode: str, size: tuple[int, int] = (300, 260)) -> Image.Image:
    """Return the photograph that ships with Matplotlib (512 wide, 600 high), in this mode and size."""
    cbook = pytest.importorskip(
        "matplotlib.cbook", reason="the photograph ships with Matplotlib, which is not installed"
    )
    with cbook.get_sample_data("grace_hopper.jpg") as file, Image.open(file) as img:
        return img.resize(size).convert(mode)


def pixels(img: Image.Image) -> torch.Tensor:
    """Return the bytes of the image, channels first."""
    return transforms.PILToTensor()(img)


def recorded_images(folder: Path) -> list[tuple[str, int, Image.Image]]:
    """Return the tag, step and image of every recording in TensorBoard's files in the folder."""
    events = EventAccumulator(str(folder), size_guidance={"images": 0}).Reload()
    tags = events.Tags()["images"]
    found = [(tag, event.step, event.encoded_image_string) for tag in tags for event in events.Images(tag)]
    return [(tag, step, Image.open(io.BytesIO(encoded))) for tag, step, encoded in found]


# --- fixtures ---


@pytest.fixture(scope="module")
def recorded_by_the_demo(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, Image.Image]]:
    """The step and image under each tag, after the unchanged demo has run on the photograph."""
    folder = tmp_path_factory.mktemp("demo")
    photograph("RGB", (512, 600)).save(folder / IMAGE_FILE)
    with chdir(folder):
        execute(source(DEMO))
    recorded = recorded_images(folder / LOGS)
    by_tag = {tag: (step, img) for tag, step, img in recorded}
    assert len(by_tag) == len(recorded)
    return by_tag


@pytest.fixture(scope="module")
def country211_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the stand-in for Country211."""
    root = tmp_path_factory.mktemp("country211")
    write_country211(root / "data", train_images=3, valid_images=1, test_images=2)
    return root


@pytest.fixture
def cifar10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names that a call of CIFAR10 needs, in a folder with the stand-in data set."""
    return install_stand_in_cifar10(tmp_path, monkeypatch)
