"""1 torchvision: what its modules offer; and 1.2, which of them transforms images."""

from contextlib import nullcontext
from importlib import import_module, metadata
from inspect import isclass
from types import ModuleType

import pytest
import torch
import torchvision
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement
from packaging.version import Version
from PIL import Image
from torch import nn
from torchvision import datasets, io, models, ops, transforms, utils

pytestmark = pytest.mark.torch_api


# --- 1 a separate package ---


@pytest.mark.claim("1.a")
def test_torchvision_requires_torch_and_torch_does_not_require_torchvision():
    assert "torch" in requirements_of("torchvision")
    assert "torchvision" not in requirements_of("torch")


def requirements_of(package):
    """Return the names of all packages that this one requires, including optional ones."""
    return {Requirement(line).name for line in metadata.requires(package) or []}


# --- torchvision.datasets ---


@pytest.mark.claim("1.c")
def test_mnist_is_a_class_of_datasets():
    assert isclass(datasets.MNIST)


@pytest.mark.claim("1.c")
@pytest.mark.parametrize("name", ["COCO", "VOC"])
def test_datasets_has_nothing_of_this_name(name):
    assert not hasattr(datasets, name)


@pytest.mark.claim("1.c")
@pytest.mark.parametrize(
    ("part", "classes"),
    [("coco", {"CocoCaptions", "CocoDetection"}), ("voc", {"VOCDetection", "VOCSegmentation"})],
    ids=["COCO", "VOC"],
)
def test_datasets_has_two_classes_with_this_name_in_theirs(part, classes):
    assert {name for name in datasets.__all__ if part in name.lower()} == classes
    assert all(isclass(getattr(datasets, name)) for name in classes)


@pytest.mark.claim("1.d")
@pytest.mark.parametrize("name", ["MNIST", "VOCDetection", "VOCSegmentation"])
def test_this_class_downloads_its_archives_only_with_download_true(name, tmp_path, monkeypatch):
    data = getattr(datasets, name)
    urls = []
    monkeypatch.setattr(
        import_module(data.__module__), "download_and_extract_archive", lambda url, *_, **__: urls.append(url)
    )

    with pytest.raises(RuntimeError, match="Dataset not found"):
        data(tmp_path, download=False)
    assert urls == []

    with pytest.raises(RuntimeError, match="Dataset not found"):
        data(tmp_path, download=True)
    assert urls != []


@pytest.mark.claim("1.d")
@pytest.mark.parametrize("data", [datasets.CocoDetection, datasets.CocoCaptions])
def test_a_coco_class_has_no_download_argument_and_needs_an_annotation_file(data, tmp_path):
    with pytest.raises(TypeError, match="unexpected keyword argument 'download'"):
        data(tmp_path, tmp_path / "annotations.json", download=True)

    with pytest.raises(TypeError, match="missing 1 required positional argument: 'annFile'"):
        data(tmp_path)


# --- torchvision.io ---


@pytest.mark.claim("1.e")
@pytest.mark.parametrize("name", ["read_video", "read_video_timestamps", "write_video", "VideoReader"])
def test_io_no_longer_has_this_name(name):
    assert not hasattr(io, name)


@pytest.mark.claim("1.e")
def test_no_public_name_of_io_contains_video():
    assert [name for name in io.__all__ if "video" in name.lower()] == []


def deprecated():
    """Expect the warning of image functions in torchvision 0.29 and later, and no warning before."""
    if Version(torchvision.__version__) < Version("0.29"):
        return nullcontext()
    return pytest.warns(DeprecationWarning, match="image decoding and encoding .* deprecated since torchvision 0.29")


@st.composite
def images(draw):
    """Draw bytes (channels, height, width), grey or in color."""
    channels, height, width = draw(st.tuples(st.sampled_from([1, 3]), st.integers(1, 20), st.integers(1, 20)))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32 - 1)))
    return torch.randint(256, (channels, height, width), dtype=torch.uint8, generator=generator)


@pytest.mark.claim("1.f")
@given(img=images())
def test_png_encoding_is_lossless(img):
    with deprecated():
        decoded = io.decode_image(io.encode_png(img))

    assert torch.equal(decoded, img)


@pytest.mark.claim("1.f")
def test_jpeg_encoding_of_noise_is_lossy_and_keeps_the_shape(noise):
    with deprecated():
        decoded = io.decode_image(io.encode_jpeg(noise))

    assert (decoded.shape, decoded.dtype) == (noise.shape, noise.dtype)
    assert not torch.equal(decoded, noise)


@pytest.mark.claim("1.f")
def test_an_image_survives_a_png_file_unchanged(noise, tmp_path):
    file = str(tmp_path / "noise.png")

    with deprecated():
        io.write_png(noise, file)
        read = io.read_image(file)

    assert torch.equal(read, noise)
    assert format_and_size(file) == ("PNG", (30, 20))


@pytest.mark.claim("1.f")
def test_writing_and_reading_a_jpeg_file_equals_encoding_and_decoding(noise, tmp_path):
    file = str(tmp_path / "noise.jpg")

    with deprecated():
        io.write_jpeg(noise, file)
        read, decoded = io.read_image(file), io.decode_image(io.encode_jpeg(noise))

    assert torch.equal(read, decoded)
    assert format_and_size(file) == ("JPEG", (30, 20))


def format_and_size(file):
    """Return the file's format as Pillow detects it, and its width and height."""
    with Image.open(file) as img:
        return img.format, img.size


@pytest.mark.claim("1.f")
@pytest.mark.parametrize("format", ["png", "jpeg"])
@pytest.mark.parametrize("step", ["encode", "write", "read", "read_bytes", "write_bytes", "decode"])
def test_every_image_function_works_and_is_deprecated_from_torchvision_0_29_on(step, format, noise, tmp_path):
    file, copy = str(tmp_path / "image"), str(tmp_path / "copy")
    Image.fromarray(noise.permute(1, 2, 0).numpy()).save(file, format=format)
    encoded = torch.tensor(list((tmp_path / "image").read_bytes()), dtype=torch.uint8)
    calls = {
        "encode": lambda: getattr(io, f"encode_{format}")(noise),
        "write": lambda: getattr(io, f"write_{format}")(noise, copy),
        "read": lambda: io.read_image(file),
        "read_bytes": lambda: io.read_file(file),
        "write_bytes": lambda: io.write_file(copy, encoded),
        "decode": lambda: getattr(io, f"decode_{format}")(encoded),
    }

    with deprecated():
        calls[step]()


# --- torchvision.models ---

FAMILIES = ["alexnet", "vgg16", "resnet50", "inception_v3"]
IMAGENET_CLASSES = 1000


@pytest.mark.claim("1.g")
@pytest.mark.parametrize("name", FAMILIES)
def test_models_builds_this_network_with_a_thousand_output_classes(name):
    settings = {"init_weights": False} if name == "inception_v3" else {}  # the default warns of a coming change
    with torch.device("meta"):  # shapes, no numbers
        model = models.get_model(name, **settings).eval()

        scores = model(torch.empty(1, 3, 299, 299))

    assert scores.shape == (1, IMAGENET_CLASSES)


@pytest.mark.claim("1.h")
@pytest.mark.parametrize("name", FAMILIES)
def test_the_default_weights_of_this_network_are_a_download(name):
    weights = models.get_model_weights(name).DEFAULT

    assert weights.url.startswith("https://download.pytorch.org/models/")
    assert len(weights.meta["categories"]) == IMAGENET_CLASSES


@pytest.mark.claim("1.h")
def test_the_package_ships_no_weights():
    assert [file for file in metadata.files("torchvision") if file.suffix in (".pth", ".pt", ".safetensors")] == []


@pytest.mark.claim("1.h")
def test_a_model_with_weights_loads_the_values_of_the_downloaded_file(monkeypatch):
    urls = []
    values = {name: torch.full_like(value, 2) for name, value in models.squeezenet1_1().state_dict().items()}
    monkeypatch.setattr(
        import_module("torchvision.models._api"),
        "load_state_dict_from_url",
        lambda url, *_, **__: urls.append(url) or values,
    )

    model = models.squeezenet1_1(weights="DEFAULT")

    assert urls == [models.SqueezeNet1_1_Weights.DEFAULT.url]
    assert all((value == 2).all() for value in model.state_dict().values())


@pytest.mark.claim("1.h")
def test_models_without_weights_download_nothing_and_are_initialized_at_random(monkeypatch):
    monkeypatch.delattr("torchvision.models._api.load_state_dict_from_url")

    one, other = (models.squeezenet1_1().features[0].weight for _ in range(2))

    assert not torch.equal(one, other)


# --- torchvision.ops ---


@pytest.mark.claim("1.i")
def test_ops_computes_the_intersection_over_union_of_two_boxes():
    wide, shifted = torch.tensor([[0.0, 0.0, 3.0, 1.0]]), torch.tensor([[1.0, 0.0, 4.0, 1.0]])

    assert ops.box_iou(wide, shifted).tolist() == [[2 / (3 + 3 - 2)]]


@pytest.mark.claim("1.i")
def test_nms_keeps_the_best_of_two_overlapping_boxes_and_the_separate_one():
    boxes = torch.tensor([[0.0, 0.0, 3.0, 1.0], [1.0, 0.0, 4.0, 1.0], [8.0, 8.0, 9.0, 9.0]])

    kept = ops.nms(boxes, torch.tensor([0.2, 0.9, 0.5]), iou_threshold=0.4)

    assert kept.tolist() == [1, 2]


@pytest.mark.claim("1.i")
def test_roi_align_is_a_function_and_a_layer_that_agree():
    image = torch.arange(64.0).reshape(1, 1, 8, 8)
    boxes = [torch.tensor([[0.0, 0.0, 4.0, 6.0]])]

    layer = ops.RoIAlign(output_size=2, spatial_scale=1.0, sampling_ratio=1)

    assert isinstance(layer, nn.Module)
    assert torch.equal(layer(image, boxes), ops.roi_align(image, boxes, output_size=2, sampling_ratio=1))


# --- torchvision.transforms ---


@pytest.mark.claim("1.2.a")
@pytest.mark.parametrize("name", ["torchvision.transforms", "torchvision.transforms.v2"])
def test_this_module_has_the_transforms(name):
    module = import_module(name)

    assert isinstance(module, ModuleType)
    assert all(isclass(getattr(module, transform)) for transform in ("Compose", "Resize", "Normalize", "ColorJitter"))


@pytest.mark.claim("1.2.a")
def test_torchvision_has_no_capitalized_transforms():
    assert isinstance(torchvision.transforms, ModuleType)
    assert not hasattr(torchvision, "Transforms")


MODULES = [
    pytest.param("torchvision.transforms", marks=pytest.mark.claim("1.j", "1.2.a"), id="v1"),
    pytest.param("torchvision.transforms.v2", marks=pytest.mark.claim("1.2.a"), id="v2"),
]


@pytest.mark.parametrize("name", MODULES)
def test_preprocessing_gives_the_same_image_every_time(name, noise):
    preprocess = import_module(name).CenterCrop(8)

    assert len({tuple(preprocess(noise).flatten().tolist()) for _ in range(20)}) == 1


@pytest.mark.parametrize("name", MODULES)
def test_augmentation_gives_different_images_of_the_same_size(name, noise):
    augment = import_module(name).RandomCrop(8)

    crops = [augment(noise) for _ in range(20)]  # from 13 × 23 positions: all equal in 1 of 299 ** 19 runs

    assert {crop.shape for crop in crops} == {(3, 8, 8)}
    assert len({tuple(crop.flatten().tolist()) for crop in crops}) > 1


# --- torchvision.utils ---


@pytest.mark.claim("1.k")
def test_make_grid_arranges_images_in_rows():
    one, two, three, four = torch.tensor([1.0, 2.0, 3.0, 4.0]).reshape(4, 1, 1, 1).expand(4, 3, 1, 2)

    grid = utils.make_grid([one, two, three, four], nrow=2, padding=0)

    assert grid.tolist() == [[[1, 1, 2, 2], [3, 3, 4, 4]]] * 3


@pytest.mark.claim("1.k")
def test_save_image_writes_a_file_that_pil_can_read(noise, tmp_path):
    utils.save_image(noise / 255, tmp_path / "noise.png")

    with Image.open(tmp_path / "noise.png") as img:
        assert torch.equal(transforms.PILToTensor()(img), noise)


@pytest.mark.claim("1.k")
def test_draw_bounding_boxes_draws_the_outline_of_a_box():
    black = torch.zeros(3, 8, 8, dtype=torch.uint8)

    drawn = utils.draw_bounding_boxes(black, torch.tensor([[1, 2, 5, 6]]), colors=(255, 0, 0))

    red = [[2 <= row <= 6 and 1 <= column <= 5 for column in range(8)] for row in range(8)]
    hole = [[3 <= row <= 5 and 2 <= column <= 4 for column in range(8)] for row in range(8)]
    assert torch.equal(drawn[0] == 255, torch.tensor(red) & ~torch.tensor(hole))
    assert not drawn[1:].any()


# --- fixtures ---


@pytest.fixture
def noise():
    """An image of 20 × 30 random bytes in three channels."""
    return torch.randint(256, (3, 20, 30), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
