"""2.8, continued: the weights that torchvision offers; reading, changing, training, saving and loading a network.

ResNet-50 is made once, with random parameters; tests that change it get a copy. The images are small, because the
network accepts any size. `--resnet50-weights FILE` adds the tests at the end, on trained weights.
"""

import hashlib
import inspect
import io
import pickle
import re
from copy import deepcopy

import numpy as np
import pytest
import torch
from packaging.version import Version
from PIL import Image
from torch import nn
from torchvision import models, transforms
from torchvision.models import ResNet50_Weights, WeightsEnum

import reference

pytestmark = pytest.mark.torch_api

V1, V2 = ResNet50_Weights.IMAGENET1K_V1, ResNet50_Weights.IMAGENET1K_V2
CLASSES = 10

both_weights = pytest.mark.parametrize("weights", [V1, V2], ids=["V1", "V2"])


# --- the tasks ---


@pytest.mark.claim("2.8.a")
@pytest.mark.parametrize(
    ("module", "preset"),
    [
        (models, "ImageClassification"),
        (models.segmentation, "SemanticSegmentation"),
        (models.detection, "ObjectDetection"),
        (models.video, "VideoClassification"),
        (models.optical_flow, "OpticalFlow"),
        (models.quantization, "ImageClassification"),
    ],
    ids=["classification", "segmentation", "detection", "video", "optical flow", "quantized"],
)
def test_all_models_of_this_module_come_with_weights_and_transforms_for_one_task(module, preset):
    weights = [entry for name in models.list_models(module) for entry in models.get_model_weights(name)]

    assert {type(entry.transforms()).__name__ for entry in weights} == {preset}


@pytest.mark.claim("2.8.a")
@pytest.mark.parametrize(
    ("architecture", "measured"),
    [
        ("fasterrcnn", {"box_map"}),
        ("maskrcnn", {"box_map", "mask_map"}),
        ("keypointrcnn", {"box_map", "kp_map"}),
    ],
    ids=["objects", "instances", "keypoints"],
)
def test_models_of_this_architecture_report_these_metrics_on_coco(architecture, measured):
    names = [name for name in models.list_models(models.detection) if name.startswith(architecture)]

    found = [entry.meta["_metrics"]["COCO-val2017"] for name in names for entry in models.get_model_weights(name)]

    assert [set(metrics) for metrics in found] == [measured] * len(found) != []


@pytest.mark.claim("2.8.a")
def test_the_keypoints_are_those_of_people():
    meta = models.detection.KeypointRCNN_ResNet50_FPN_Weights.DEFAULT.meta

    assert meta["categories"] == ["no person", "person"]
    assert {"nose", "left_elbow", "right_ankle"} <= set(meta["keypoint_names"])


@pytest.mark.claim("2.8.a")
def test_semantic_segmentation_gives_scores_for_every_pixel():
    with torch.device("meta"):
        model = models.segmentation.fcn_resnet50(weights_backbone=None, num_classes=21).eval()
        scores = model(torch.empty(1, 3, 40, 56))["out"]

    assert scores.shape == (1, 21, 40, 56)


# --- the available weights ---


@pytest.mark.claim("2.8.d", "2.8.e")
def test_top_1_accuracy_is_76_130_percent_with_the_old_weights_80_858_with_the_new():
    accuracies = [entry.meta["_metrics"]["ImageNet-1K"]["acc@1"] for entry in ResNet50_Weights]

    assert list(ResNet50_Weights) == [V1, V2]
    assert accuracies == [76.130, 80.858]


@pytest.mark.claim("2.8.e")
def test_the_new_weights_are_the_default():
    assert ResNet50_Weights.DEFAULT is V2
    assert models.get_model_weights("resnet50").DEFAULT is models.get_weight("ResNet50_Weights.IMAGENET1K_V2") is V2


@pytest.mark.parametrize(("weights", "file"), [(V1, "resnet50-0676ba61.pth"), (V2, "resnet50-11ad3fa6.pth")])
def test_the_file_of_the_weights_has_this_name(weights, file):
    assert weights.url == f"https://download.pytorch.org/models/{file}"


@both_weights
def test_the_file_of_the_weights_and_the_numbers_in_it_take_about_98_mebibytes(weights, network):
    entries = network.state_dict().values()
    numbers = sum(entry.numel() * entry.element_size() for entry in entries)

    assert round(numbers / 2**20) == round(weights.meta["_file_size"]) == 98


@pytest.mark.claim("2.8.f")
def test_without_an_argument_parameters_are_random_and_no_weights_are_requested(network, requested):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        other = models.resnet50()

    assert inspect.signature(models.resnet50).parameters["weights"].default is None
    assert not torch.equal(other.conv1.weight, network.conv1.weight)
    assert requested == []


@pytest.mark.claim("2.8.an")
@both_weights
def test_the_network_gets_the_parameters_of_the_requested_weights(weights, monkeypatch):
    offered = {V1: constants(1), V2: constants(2)}
    monkeypatch.setattr(WeightsEnum, "get_state_dict", lambda entry, **_: offered[entry])

    model = models.resnet50(weights=weights)

    assert_same_entries(model.state_dict(), offered[weights])


def test_weights_of_another_network_are_refused():
    with pytest.raises(TypeError, match="expected ResNet50_Weights but received ResNet18_Weights"):
        models.resnet50(weights=models.ResNet18_Weights.DEFAULT)


def test_a_download_is_cached_and_not_repeated(published, monkeypatch):
    file, cached = published
    monkeypatch.setattr(WeightsEnum, "url", file.as_uri())

    first = models.resnet50(weights=V1)
    kept = cached.read_bytes()
    assert kept == file.read_bytes()

    file.unlink()
    again = models.resnet50(weights=V1)
    assert_same_entries(again.state_dict(), first.state_dict())


def test_a_download_whose_sha_256_does_not_match_its_name_is_refused(published, monkeypatch):
    file, cached = published
    monkeypatch.setattr(WeightsEnum, "url", file.as_uri())
    file.write_bytes(file.read_bytes() + b" ")

    with pytest.raises(RuntimeError, match="invalid hash value"):
        models.resnet50(weights=V1)

    assert not cached.exists()


# --- the transforms that come with the weights ---


@pytest.mark.parametrize(("weights", "resized"), [(V1, 256), (V2, 232)], ids=["V1", "V2"])
def test_the_weights_come_with_these_transforms(weights, resized):
    prepare = weights.transforms()

    assert (prepare.resize_size, prepare.crop_size) == ([resized], [224])
    assert (prepare.mean, prepare.std) == ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
    assert prepare.interpolation is transforms.InterpolationMode.BILINEAR


@pytest.mark.parametrize(("weights", "resized"), [(V1, 256), (V2, 232)], ids=["V1", "V2"])
def test_the_transforms_resize_the_shorter_side_crop_the_center_and_normalize(weights, resized, photograph):
    by_name = transforms.Compose(
        [
            transforms.Resize(resized),
            transforms.CenterCrop(224),
            transforms.ToTensor(),
            transforms.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
        ]
    )

    prepared = weights.transforms()(photograph)

    assert (prepared.shape, prepared.dtype) == ((3, 224, 224), torch.float32)
    assert torch.equal(prepared, by_name(photograph))


# --- the classes ---


@pytest.mark.claim("2.8.ag")
@both_weights
def test_the_weights_name_1000_distinct_classes_one_for_each_output(weights, network):
    categories = weights.meta["categories"]

    assert len(categories) == len(set(categories)) == network.fc.out_features == 1000


@pytest.mark.claim("2.8.ag")
def test_both_weights_name_the_classes_of_imagenet_1k_in_the_same_order():
    assert V1.meta["categories"] == V2.meta["categories"]
    assert list(V1.meta["_metrics"]) == list(V2.meta["_metrics"]) == ["ImageNet-1K"]


@pytest.mark.claim("2.8.ah")
@pytest.mark.parametrize("name", ["cat", "dog", "airplane", "aeroplane"])
def test_no_class_has_this_name(name):
    assert name not in [category.casefold() for category in V1.meta["categories"]]


@pytest.mark.claim("2.8.ah")
@pytest.mark.parametrize(
    "finer",
    [{"tabby", "Egyptian cat", "Persian cat"}, {"beagle", "golden retriever", "pug"}, {"airliner", "warplane"}],
    ids=["cats", "dogs", "airplanes"],
)
def test_these_finer_classes_exist(finer):
    assert finer <= set(V1.meta["categories"])


@pytest.mark.claim("2.8.ah")
def test_the_class_called_plane_is_neither_the_airliner_nor_the_warplane():
    categories = V1.meta["categories"]

    assert categories.count("plane") == 1
    assert len({categories.index(name) for name in ("plane", "airliner", "warplane")}) == 3


# --- batch norm as it is printed ---


@pytest.mark.claim("2.8.ak")
def test_batch_norm_has_these_defaults_and_a_bias_argument_from_torch_2_13_on():
    parameters = inspect.signature(nn.BatchNorm2d).parameters

    defaults = {name: p.default for name, p in parameters.items() if p.default is not p.empty}
    later = {"bias": True} if Version(torch.__version__) >= Version("2.13") else {}
    expected = {"eps": 1e-05, "momentum": 0.1, "affine": True, "track_running_stats": True} | later
    assert defaults == expected | {"device": None, "dtype": None}


@pytest.mark.claim("2.8.ak")
def test_batch_norm_without_bias_has_only_a_weight():
    if Version(torch.__version__) < Version("2.13"):
        with pytest.raises(TypeError, match="unexpected keyword argument 'bias'"):
            nn.BatchNorm2d(4, bias=False)
    else:
        assert list(dict(nn.BatchNorm2d(4, bias=False).named_parameters())) == ["weight"]


@pytest.mark.claim("2.8.ak")
def test_every_batch_norm_of_the_network_has_the_defaults(network):
    layers = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]

    assert {(bn.eps, bn.momentum, bn.affine, bn.track_running_stats) for bn in layers} == {(1e-05, 0.1, True, True)}


# --- reading and replacing a layer ---


@pytest.mark.claim("2.8.aj")
def test_layer1_2_conv1_is_a_1_by_1_convolution_from_256_to_64_channels(network):
    layer = network.layer1[2].conv1

    assert repr(layer) == "Conv2d(256, 64, kernel_size=(1, 1), stride=(1, 1), bias=False)"
    assert layer is network.get_submodule("layer1.2.conv1")


@pytest.mark.claim("2.8.aj")
def test_a_replacement_layer_is_registered_with_its_parameters(model):
    before = set(dict(model.named_parameters()))

    model.layer1[2].conv1 = new = nn.Conv2d(256, 64, kernel_size=1)

    assert dict(model.named_modules())["layer1.2.conv1"] is new
    assert dict(model.named_parameters())["layer1.2.conv1.weight"] is new.weight
    assert set(dict(model.named_parameters())) - before == {"layer1.2.conv1.bias"}


@pytest.mark.claim("2.8.aj")
def test_the_network_computes_with_the_replacement_layer(model, images):
    block = model.layer1[2]
    before, after = input_and_output_of(model, block, images)
    assert not torch.equal(after, before)

    block.conv1 = nn.Conv2d(256, 64, kernel_size=1, bias=False)
    nn.init.zeros_(block.conv1.weight)
    before, after = input_and_output_of(model, block, images)

    # The main path now gives zeros, so only the shortcut is left, which is not negative.
    assert torch.equal(after, before)


@pytest.mark.claim("2.8.aj")
def test_the_parameters_of_a_layer_can_be_changed_in_place(model, images):
    before = model(images)

    with torch.no_grad():
        model.layer1[2].conv1.weight.mul_(2).add_(1)

    assert not torch.equal(model(images), before)


def test_a_layer_of_the_wrong_width_is_refused_only_when_it_is_used(model, images):
    model.layer1[2].conv1 = nn.Conv2d(256, 32, kernel_size=1)

    with pytest.raises(RuntimeError, match="running_mean should contain 32 elements not 64"):
        model(images)


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda model: model.layer1[3], IndexError, "index 3 is out of range"),
        (lambda model: model.layer1[2].conv4, AttributeError, "'Bottleneck' object has no attribute 'conv4'"),
        (lambda model: setattr(model.layer1[2], "conv1", torch.ones(1)), TypeError, "cannot assign .* 'conv1'"),
    ],
    ids=["no such block", "no such layer", "not a layer"],
)
def test_a_missing_layer_or_a_value_that_is_no_layer_is_refused_by_name(change, error, message, model):
    with pytest.raises(error, match=message):
        change(model)


# --- a new head, and training only that ---


def test_a_new_head_gives_ten_scores_and_keeps_all_other_parameters(network, model, images):
    model.fc = nn.Linear(2048, CLASSES)

    assert model(images).shape == (len(images), CLASSES)
    assert model.state_dict().keys() == network.state_dict().keys()
    assert_same_entries(without_head(model), without_head(network))


def test_a_new_head_of_ten_classes_has_20_490_parameters_instead_of_2_049_000(network, model):
    model.fc = nn.Linear(2048, CLASSES)

    old, new = (sum(parameter.numel() for parameter in m.parameters()) for m in (network, model))
    assert (2048 * 1000 + 1000, 2048 * CLASSES + CLASSES) == (2_049_000, 20_490)
    assert old - new == 2_049_000 - 20_490


def test_only_a_new_head_requires_gradients_in_a_frozen_network(model):
    freeze_all_but_a_new_head(model)

    assert [name for name, p in model.named_parameters() if p.requires_grad] == ["fc.weight", "fc.bias"]


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_training_the_head_changes_no_frozen_parameter_even_with_weight_decay(mode, model, images):
    freeze_all_but_a_new_head(model)
    before = {name: parameter.detach().clone() for name, parameter in model.named_parameters()}

    train(getattr(model, mode)(), images, steps=2)

    changed = [name for name, parameter in model.named_parameters() if not torch.equal(parameter, before[name])]
    assert changed == ["fc.weight", "fc.bias"]
    assert all(p.grad is None for name, p in model.named_parameters() if name not in changed)


def test_in_training_mode_the_running_statistics_of_frozen_layers_change(model, images):
    freeze_all_but_a_new_head(model)
    before = {name: buffer.clone() for name, buffer in model.named_buffers()}

    train(model.train(), images, steps=2)

    assert len(before) == 3 * 53
    assert [name for name, buffer in model.named_buffers() if torch.equal(buffer, before[name])] == []
    assert {int(buffer) for name, buffer in model.named_buffers() if name.endswith("num_batches_tracked")} == {2}


def test_in_eval_mode_the_running_statistics_do_not_change(model, images):
    freeze_all_but_a_new_head(model)
    before = {name: buffer.clone() for name, buffer in model.named_buffers()}

    train(model.eval(), images, steps=2)

    assert_same_entries(dict(model.named_buffers()), before)


# --- hooks ---


def test_a_hook_reads_the_feature_map_that_a_layer_returns(model, images):
    maps = []
    with model.layer1.register_forward_hook(lambda _module, _input, output: maps.append(output)):
        model(images)

    stem = nn.Sequential(model.conv1, model.bn1, model.relu, model.maxpool)
    (read,) = maps
    assert read.shape == (len(images), 256, 8, 8)
    assert torch.equal(read, model.layer1(stem(images)))


def test_a_hook_leaves_the_scores_unchanged_and_no_longer_runs_once_removed(model, images):
    scores, maps = model(images), []
    hook = model.layer4.register_forward_hook(lambda _module, _input, output: maps.append(output))
    assert torch.equal(model(images), scores)

    hook.remove()
    model(images)

    assert len(maps) == 1


def test_an_in_place_relu_overwrites_what_a_hook_kept_without_copying(model, images):
    kept, copied = [], []
    with (
        model.bn1.register_forward_hook(lambda _module, _input, output: kept.append(output)),
        model.bn1.register_forward_hook(lambda _module, _input, output: copied.append(output.clone())),
    ):
        model(images)

    assert (copied[0] < 0).any()
    assert torch.equal(kept[0], torch.relu(copied[0]))


def test_the_value_that_a_hook_returns_replaces_the_output(model, images):
    with model.avgpool.register_forward_hook(lambda _module, _input, output: torch.zeros_like(output)):
        scores = model(images)

    assert torch.equal(scores, model.fc.bias.expand_as(scores))


# --- saving and loading ---


def test_a_state_dict_holds_the_parameters_and_the_statistics_of_53_batch_norms(network):
    entries = set(network.state_dict())

    assert len(entries) == 320
    assert entries - set(dict(network.named_parameters())) == set(dict(network.named_buffers()))


def test_a_saved_state_dict_makes_another_network_identical(model, images, tmp_path):
    model.train()(images)  # changes the running statistics, which are saved too
    torch.save(model.state_dict(), tmp_path / "resnet50.pth")

    other = models.resnet50()
    matched = other.load_state_dict(torch.load(tmp_path / "resnet50.pth", weights_only=True))

    assert (matched.missing_keys, matched.unexpected_keys) == ([], [])
    assert_same_entries(other.state_dict(), model.state_dict())
    assert torch.equal(other.eval()(images), model.eval()(images))


def test_loading_copies_and_a_state_dict_in_memory_changes_with_its_network(model):
    kept, loaded = model.state_dict(), constants(3)

    model.load_state_dict(loaded)
    assert_same_entries(kept, loaded)

    with torch.no_grad():
        model.conv1.weight.add_(1)
    assert torch.equal(kept["conv1.weight"], loaded["conv1.weight"] + 1)


def test_a_state_dict_without_the_head_is_refused_as_missing_only_the_head(model):
    state = without_head(model) | {"head.weight": torch.zeros(1)}

    with pytest.raises(RuntimeError) as refusal:
        model.load_state_dict(state)

    assert 'Missing key(s) in state_dict: "fc.weight", "fc.bias".' in str(refusal.value)
    assert 'Unexpected key(s) in state_dict: "head.weight".' in str(refusal.value)


def test_strict_false_loads_matching_entries_and_reports_the_others(model):
    head, state = model.fc.weight.detach().clone(), constants(4)
    state = {name: entry for name, entry in state.items() if not name.startswith("fc.")}

    report = model.load_state_dict(state | {"head.weight": torch.zeros(1)}, strict=False)

    assert (report.missing_keys, report.unexpected_keys) == (["fc.weight", "fc.bias"], ["head.weight"])
    assert_same_entries(without_head(model), state)
    assert torch.equal(model.fc.weight, head)


@pytest.mark.parametrize("strict", [True, False])
def test_an_entry_of_the_wrong_shape_is_refused_whether_strict_or_not(strict, network, model):
    model.fc = nn.Linear(2048, CLASSES)

    with pytest.raises(RuntimeError, match=r"size mismatch for fc\.weight: .*\[1000, 2048\].*\[10, 2048\]"):
        model.load_state_dict(network.state_dict(), strict=strict)


def test_a_saved_layer_object_is_loaded_only_with_weights_only_false(network):
    file = io.BytesIO()
    torch.save(network.layer1[2], file)

    file.seek(0)
    with pytest.raises(pickle.UnpicklingError, match="Weights only load failed"):
        torch.load(file)

    file.seek(0)
    layer = torch.load(file, weights_only=False)
    assert_same_entries(layer.state_dict(), network.layer1[2].state_dict())


# --- trained weights, if available: --resnet50-weights FILE ---


@pytest.mark.claim("2.8.g")
def test_the_file_is_one_of_the_two_that_torchvision_offers(resnet50_weights):
    offered = {re.search(r"-([0-9a-f]{8})\.pth$", entry.url)[1]: entry for entry in ResNet50_Weights}

    assert hashlib.sha256(resnet50_weights.read_bytes()).hexdigest()[:8] in offered


def test_resnet_50_by_hand_and_torchvisions_score_a_photograph_alike(scores):
    ours, theirs = scores

    # Both compute in float64, so they agree to better than the float32 precision of the weights.
    assert abs(ours - theirs).max() <= np.finfo(np.float32).eps * abs(theirs).max()


def test_both_networks_give_the_same_top_five_classes(scores, trained, capsys):
    ours, theirs = (np.argsort(-row)[:5].tolist() for row in scores)

    probabilities, (entry, _) = torch.softmax(torch.from_numpy(scores[0]), dim=0), trained
    with capsys.disabled():
        print(f"\nResNet-50 by hand, weights {entry.name}, on the photograph of Grace Hopper:")
        for label in ours:
            print(f"  {probabilities[label]:7.2%}  {entry.meta['categories'][label]}")

    assert ours == theirs


@pytest.fixture(scope="module")
def trained(resnet50_weights):
    """The weights entry that the file belongs to (the default for an unknown file) and the state dict in the file."""
    digest = hashlib.sha256(resnet50_weights.read_bytes()).hexdigest()
    entries = [entry for entry in ResNet50_Weights if f"-{digest[:8]}." in entry.url]
    state = torch.load(resnet50_weights, map_location="cpu", weights_only=True)
    return (entries or [ResNet50_Weights.DEFAULT])[0], state


@pytest.fixture(scope="module")
def scores(trained, photograph):
    """The photograph's scores by the reference and by torchvision, both in float64."""
    entry, state = trained
    model = models.resnet50().double().eval()
    model.load_state_dict(state)
    img = entry.transforms()(photograph)[None].double()
    parameters = {name: value.numpy() for name, value in model.state_dict().items()}
    with torch.no_grad():
        return reference.resnet50(img.numpy(), parameters)[0], model(img)[0].numpy()


# --- networks ---


def freeze_all_but_a_new_head(model):
    """Freeze all parameters and add a new, trainable head of ten classes."""
    model.requires_grad_(False)
    model.fc = nn.Linear(2048, CLASSES)


def train(model, images, steps):
    """Take SGD steps with momentum and weight decay on all parameters."""
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    for _ in range(steps):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images), torch.arange(len(images))).backward()
        optimizer.step()


def input_and_output_of(model, layer, images):
    """Return the layer's input and output in a forward pass of the model."""
    calls = []
    with layer.register_forward_hook(lambda _module, inputs, output: calls.append((inputs[0], output))):
        model(images)
    return calls[0]


def without_head(model):
    """Return the state dict without the entries of the last layer."""
    return {name: entry for name, entry in model.state_dict().items() if not name.startswith("fc.")}


def constants(number):
    """Return a state dict whose entries are constant: `number` + 1/1, `number` + 1/2, `number` + 1/3 and so on."""
    with torch.device("meta"):
        shapes = models.resnet50().state_dict()
    return {
        name: torch.tensor(number + 1 / place).to(entry.dtype).expand(entry.shape)
        for place, (name, entry) in enumerate(shapes.items(), 1)
    }


def assert_same_entries(actual, expected):
    """Require the same names, and for each the same tensor, bit for bit."""
    assert actual.keys() == expected.keys() != set()
    assert [name for name, entry in actual.items() if not torch.equal(entry, expected[name])] == []


# --- fixtures ---


@pytest.fixture(scope="module")
def network():
    """A ResNet-50 with random parameters, which tests must not change."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return models.resnet50().eval()


@pytest.fixture
def model(network):
    """A copy of the network for tests to change."""
    return deepcopy(network)


@pytest.fixture(scope="module")
def images():
    """Two noise images of 32 by 32 pixels."""
    return torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


@pytest.fixture(scope="module")
def photograph():
    """The photograph that ships with Matplotlib: Grace Hopper, 512 pixels wide and 600 high."""
    cbook = pytest.importorskip(
        "matplotlib.cbook", reason="the photograph ships with Matplotlib, which is not installed"
    )
    with cbook.get_sample_data("grace_hopper.jpg") as file, Image.open(file) as img:
        return img.convert("RGB")


@pytest.fixture
def requested(monkeypatch):
    """The weights requested so far; they are recorded instead of downloaded."""
    requested = []
    monkeypatch.setattr(WeightsEnum, "get_state_dict", lambda entry, **_: requested.append(entry))
    return requested


@pytest.fixture
def published(tmp_path, monkeypatch):
    """A file of weights to download, named by its SHA-256 as torchvision's are, and its place in the cache."""
    torch.save(constants(5), tmp_path / "weights")
    digest = hashlib.sha256((tmp_path / "weights").read_bytes()).hexdigest()
    file = (tmp_path / "weights").rename(tmp_path / f"resnet50-{digest[:8]}.pth")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    return file, tmp_path / "home" / "hub" / "checkpoints" / file.name
