"""The code blocks of section 2.8: what their imports lack, which weights they request, and the network they print.

`test_code_blocks.py` shows how the two scripts end when run unchanged and offline. Here the download is replaced by a
new network, and most networks are on torch's meta device: layers and shapes without values. The other two blocks are
excerpts of the output of `print(model)`.
"""

import ast
import re
from collections.abc import Callable
from importlib.util import find_spec
from inspect import isclass
from typing import Any

import pytest
import torch
from packaging.version import Version
from torch import nn
from torchvision import models
from torchvision.models import ResNet50_Weights, WeightsEnum

from spec_tests.code_blocks.blocks import edited, evaluate_call, execute, path_of, source
from spec_tests.vocabulary.claims import register

pytestmark = pytest.mark.torch_api

WEIGHTS = "2_8_weights"
PRINTED_MODEL = "2_8_print_model"
V1, V2 = ResNet50_Weights.IMAGENET1K_V1, ResNet50_Weights.IMAGENET1K_V2

BATCH_NORM_SHOWS_BIAS = Version(torch.__version__) >= Version("2.13")


# --- the first block: its import ---

IMPORT = "import torchvision.models as models, ResNet50_Weights\n"
ALL_THAT_EXISTS = "import torchvision.models as models\nfrom torchvision.models import ResNet50_Weights\n"
CORRECTED = "from torchvision.models import resnet50, ResNet50_Weights\n"


@pytest.mark.claim("2.8.b")
def test_the_block_fails_at_its_import_line() -> None:
    with pytest.raises(ModuleNotFoundError, match="No module named 'ResNet50_Weights'"):
        execute(IMPORT)

    assert source(WEIGHTS).startswith(IMPORT)


@pytest.mark.claim("2.8.b")
def test_resnet50_weights_is_a_class_in_torchvision_models_and_not_a_module() -> None:
    assert isclass(models.ResNet50_Weights)
    assert find_spec("ResNet50_Weights") is None


@pytest.mark.claim("2.8.c")
def test_resnet50_is_undefined_even_with_everything_imported_that_the_line_names(requested: list[WeightsEnum]) -> None:
    with pytest.raises(NameError, match="name 'resnet50' is not defined"):
        execute(edited(source(WEIGHTS), (IMPORT, ALL_THAT_EXISTS)))

    assert requested == []


@pytest.mark.claim("2.8.c")
def test_resnet50_can_be_called_as_an_attribute_of_models(requested: list[WeightsEnum]) -> None:
    through_models = re.sub(r"(?m)^resnet50\(", "models.resnet50(", source(WEIGHTS))

    execute_on_meta_device(edited(through_models, (IMPORT, ALL_THAT_EXISTS)))

    assert requested == [V1, V2]


@pytest.mark.claim("2.8.b", "2.8.f")
def test_with_a_corrected_import_the_block_requests_old_then_new_then_no_weights(
    requested: list[WeightsEnum],
) -> None:
    *before, call = edited(source(WEIGHTS), (IMPORT, CORRECTED)).splitlines()

    names = execute_on_meta_device("\n".join(before))
    assert requested == [V1, V2]

    network = evaluate_call(call, "resnet50", **names)
    assert requested == [V1, V2]
    assert isinstance(network, models.ResNet)


@pytest.mark.parametrize(
    ("comment", "weights"),
    [
        pytest.param("Old weights with accuracy", V1, marks=pytest.mark.claim("2.8.d"), id="V1"),
        pytest.param("New weights with accuracy", V2, marks=pytest.mark.claim("2.8.e"), id="V2"),
    ],
)
def test_the_comment_gives_the_top_1_accuracy_of_the_weights_below_it(comment: str, weights: ResNet50_Weights) -> None:
    (accuracy, named) = re.findall(rf"# {comment} (.+)%\nresnet50\(weights=(.+)\)", source(WEIGHTS))[0]

    metrics = weights.meta["_metrics"]["ImageNet-1K"]
    assert (f"{metrics['acc@1']:.3f}", str(weights)) == (accuracy, named)
    assert metrics["acc@1"] < metrics["acc@5"]


@pytest.mark.claim("2.8.ar")
def test_none_of_the_three_networks_of_the_corrected_block_is_kept(requested: list[WeightsEnum]) -> None:
    names = execute_on_meta_device(edited(source(WEIGHTS), (IMPORT, CORRECTED)))

    assert requested == [V1, V2]
    assert [name for name, value in names.items() if isinstance(value, nn.Module)] == []


@pytest.mark.claim("2.8.ar")
def test_the_assignment_in_the_correction_keeps_the_network(requested: list[WeightsEnum]) -> None:
    line = "model = resnet50(...)"
    assigned = edited(source(WEIGHTS), (IMPORT, CORRECTED), ("resnet50()", line.replace("...", "")))

    names = execute_on_meta_device(assigned)

    assert line in register()["2.8.ar"].correction_en
    assert isinstance(names["model"], models.ResNet)
    assert requested == [V1, V2]


# --- the second block ---


@pytest.mark.claim("2.8.an")
def test_the_second_block_requests_the_old_weights_and_makes_a_resnet(requested: list[WeightsEnum]) -> None:
    names = execute_on_meta_device(source(PRINTED_MODEL))

    assert requested == [V1]
    assert isinstance(names["model"], models.ResNet)


@pytest.mark.claim("2.8.aq")
def test_the_second_block_only_prints_the_network_and_never_calls_it() -> None:
    uses = [node for node in ast.walk(ast.parse(source(PRINTED_MODEL))) if getattr(node, "id", "") == "model"]
    called = [node for node in ast.walk(ast.parse(source(PRINTED_MODEL))) if isinstance(node, ast.Call)]

    assert [type(use.ctx) for use in uses] == [ast.Store, ast.Load]  # assigned, and used once
    assert [ast.unparse(call) for call in called if "model" in map(ast.unparse, call.args)] == ["print(model)"]
    assert "model" not in [ast.unparse(call.func) for call in called]


@pytest.mark.claim("2.8.aq", "2.8.ap")
def test_the_lines_of_the_correction_apply_the_network_to_an_image(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(WeightsEnum, "get_state_dict", lambda *_, **__: models.resnet50().state_dict())
    use = [
        "preprocess = ResNet50_Weights.IMAGENET1K_V1.transforms()",
        "model.eval()",
        "with torch.no_grad(): scores = model(preprocess(image).unsqueeze(0))",
    ]
    image = "from PIL import Image\nimage = Image.new('RGB', (300, 260))"

    names = execute("\n".join([edited(source(PRINTED_MODEL), ("print(model)", "")), image, *use]))

    assert all(line in register()["2.8.aq"].correction_en for line in use)
    assert names["scores"].shape == (1, len(V1.meta["categories"])) == (1, 1000)


@pytest.mark.claim("2.8.ap")
def test_a_new_network_is_in_training_mode_which_refuses_a_single_small_image() -> None:
    network = models.resnet18()

    assert network.training
    with pytest.raises(ValueError, match="Expected more than 1 value per channel when training"):
        network(torch.zeros(1, 3, 32, 32))
    assert network.eval()(torch.zeros(1, 3, 32, 32)).shape == (1, 1000)


@pytest.mark.claim("2.8.ap")
def test_the_scores_of_four_images_differ_by_more_than_1_between_the_modes() -> None:
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.default_generator.manual_seed(0)  # torch.manual_seed also looks for GPUs, which is slow
        network, images = models.resnet18(), torch.rand(4, 3, 64, 64)
        initial = network.bn1.running_mean.clone()
        evaluated, after_eval = network.eval()(images), network.bn1.running_mean.clone()
        trained, after_train = network.train()(images), network.bn1.running_mean.clone()

    assert abs(trained - evaluated).max() > 1
    assert torch.equal(after_eval, initial) and not torch.equal(after_train, initial)


@pytest.mark.claim("2.8.h")
def test_53_of_the_176_lines_are_printed_differently_from_torch_2_13_on(printed: list[str]) -> None:
    changed = [line for line, shown in zip(printed, listing(), strict=True) if line != shown]

    assert len(printed) == 176
    assert len(changed) == (53 if BATCH_NORM_SHOWS_BIAS else 0)


@pytest.mark.claim("2.8.h")
def test_the_lines_printed_differently_are_those_of_batch_norm_which_show_its_bias(printed: list[str]) -> None:
    changed = [line for line, shown in zip(printed, listing(), strict=True) if line != shown]

    with_bias = [line for line in printed if "BatchNorm2d" in line] if BATCH_NORM_SHOWS_BIAS else []
    assert changed == with_bias
    assert all("affine=True, bias=True, track_running_stats=True" in line for line in with_bias)


@pytest.mark.claim("2.8.am")
def test_the_listing_is_the_printed_text_except_for_the_bias_of_batch_norm(printed: list[str]) -> None:
    assert [line.replace("affine=True, bias=True, ", "affine=True, ") for line in printed] == listing()


@pytest.mark.claim("2.8.am")
@pytest.mark.parametrize("build", [models.resnet34, models.resnet101, models.wide_resnet50_2, models.resnext50_32x4d])
def test_the_listing_does_not_match_any_other_residual_network(build: Callable[[], nn.Module]) -> None:
    lines = str(on_meta_device(build)).splitlines()

    assert [line.replace("affine=True, bias=True, ", "affine=True, ") for line in lines] != listing()


# --- the excerpts ---


@pytest.mark.claim("2.8.l")
def test_the_excerpt_of_the_stem_is_not_python() -> None:
    with pytest.raises(SyntaxError, match="positional argument follows keyword argument"):
        execute(excerpt("2_8_stem"))


@pytest.mark.claim("2.8.l")
def test_the_excerpt_of_the_head_fails_at_an_undefined_name() -> None:
    execute("from torch.nn import AdaptiveAvgPool2d, Linear\n" + excerpt("2_8_head"))

    with pytest.raises(NameError, match="name 'AdaptiveAvgPool2d' is not defined"):
        execute(excerpt("2_8_head"))


@pytest.mark.claim("2.8.l")
def test_the_excerpt_of_the_stem_is_the_start_of_the_listing_shortened_at_the_dots() -> None:
    lines = excerpt("2_8_stem").splitlines()

    assert [line.count("...") for line in lines] == [0, 1, 0, 1]
    for line, shown in zip(lines, listing()[1:5], strict=True):
        assert shown.strip().startswith(line.removesuffix("...)"))


@pytest.mark.claim("2.8.l")
def test_the_excerpt_of_the_head_is_the_end_of_the_listing() -> None:
    assert excerpt("2_8_head").splitlines() == [line.strip() for line in listing()[-3:-1]]


# --- networks and texts ---


def on_meta_device(build: Callable[[], Any]) -> Any:
    """Return the result of the call, with its tensors on the meta device."""
    with torch.device("meta"):
        return build()


def execute_on_meta_device(text: str) -> dict[str, Any]:
    """Run the text as a script with its tensors on the meta device, and return its global names."""
    names: dict[str, Any] = on_meta_device(lambda: execute(text))
    return names


def listing() -> list[str]:
    """Return the lines of the printed network that the document shows below print(model)."""
    last = ast.parse(source(PRINTED_MODEL)).body[-1]
    assert isinstance(last, ast.Expr)
    text: str = ast.literal_eval(last.value)
    return text.strip("\n").split("\n")


def excerpt(name: str) -> str:
    """Return the text of a block that is an excerpt."""
    return path_of(name).with_suffix(".txt").read_text(encoding="utf-8")


# --- fixtures ---


@pytest.fixture
def requested(monkeypatch: pytest.MonkeyPatch) -> list[WeightsEnum]:
    """The weights requested so far. They are not downloaded: parameters without values stand in for them."""
    requested: list[WeightsEnum] = []

    def get_state_dict(weights: WeightsEnum, **_: Any) -> dict[str, Any]:
        requested.append(weights)
        return on_meta_device(models.resnet50).state_dict()

    monkeypatch.setattr(WeightsEnum, "get_state_dict", get_state_dict)
    return requested


@pytest.fixture
def printed(requested: list[WeightsEnum], capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines that the second block prints."""
    execute_on_meta_device(source(PRINTED_MODEL))
    assert requested == [V1]
    return capsys.readouterr().out.removesuffix("\n").split("\n")
