"""torch and torchvision, changed in one place at a time, of which a claim speaks."""

import functools
from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any

from spec_tests.tooling.planted_programs import Ground, Program


def attribute(name: str, of: str, owner: str, attribute: str, changed: Callable[[Any], Any]) -> Program:
    """Return a change of an attribute of torch or torchvision, made from what it is."""

    def plant(ground: Ground) -> None:
        module, *path = owner.split(":")
        found = functools.reduce(getattr, path[0].split(".") if path else [], import_module(module))
        ground.patch.setattr(found, attribute, changed(getattr(found, attribute)))

    return Program(name, tuple(of.split()), plant)


def resnet50(name: str, of: str, change: Callable[[Any, Any], Any]) -> Program:
    """Return a change of ResNet-50: of what the function returns, made with the help of `torch.nn`."""

    def changed(build: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(build)
        def built(*args: Any, **options: Any) -> Any:
            model = build(*args, **options)
            return change(model, import_module("torch.nn")) or model

        return built

    return attribute(name, of, "torchvision.models", "resnet50", changed)


def with_first(*args: Any, **options: Any) -> Callable[[Any, Any], None]:
    """Change the first convolution."""
    return lambda model, nn: setattr(model, "conv1", nn.Conv2d(*args, **options, bias=False))


def with_1_by_1_in_the_middle(model: Any, nn: Any) -> None:
    """Change the second convolution of every bottleneck."""
    for block in blocks_of(model):
        block.conv2 = nn.Conv2d(block.conv2.in_channels, block.conv2.out_channels, 1, block.stride, bias=False)


def without_projections(model: Any, _: Any) -> None:
    """Take the convolutions out of the shortcuts."""
    for block in blocks_of(model):
        block.downsample = None


def blocks_of(model: Any) -> list[Any]:
    """Return the blocks of a residual network."""
    return [block for n in "1234" for block in getattr(model, f"layer{n}")]


def instead(name: str) -> Callable[[Any, Any], Any]:
    """Take another network."""
    return lambda *_: getattr(import_module("torchvision.models"), name)()


def averaged_to_2_by_2(model: Any, nn: Any) -> None:
    """Leave four numbers of every channel."""
    model.avgpool, model.fc = nn.AdaptiveAvgPool2d(2), nn.Linear(4 * 2048, 1000)


def with_eps(model: Any, nn: Any) -> None:
    """Change every batch normalization."""
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eps = 1e-3


RESNET = (
    resnet50("has_101_layers", "2.8.j 2.8.t 2.8.u 2.8.al 2.8.am", instead("resnet101")),
    resnet50("has_no_bottlenecks", "2.8.u 2.8.v 2.8.w 2.8.y 2.8.z", instead("resnet34")),
    resnet50("is_twice_as_wide", "2.8.w 2.8.x 2.8.z 2.8.al", instead("wide_resnet50_2")),
    resnet50("has_a_fifth_layer", "2.8.k 2.8.t", lambda model, nn: model.add_module("layer5", nn.Identity())),
    resnet50("takes_one_color", "2.8.l 2.8.m", with_first(1, 64, 7, 2, 3)),
    resnet50("sees_5_by_5_pixels", "2.8.l 2.8.n", with_first(3, 64, 5, 2, 2)),
    resnet50("begins_with_stride_1", "2.8.o 2.8.ac", with_first(3, 64, 7, 1, 3)),
    resnet50(
        "pools_with_stride_1", "2.8.l 2.8.r 2.8.ac", lambda model, nn: setattr(model, "maxpool", nn.MaxPool2d(3, 1, 1))
    ),
    resnet50("has_no_3_by_3", "2.8.y", with_1_by_1_in_the_middle),
    resnet50("has_no_projections", "2.8.j 2.8.v", without_projections),
    resnet50("averages_to_2_by_2", "2.8.aa 2.8.ab 2.8.ae", averaged_to_2_by_2),
    resnet50(
        "scores_100_classes", "2.8.aa 2.8.af 2.8.ag", lambda model, nn: setattr(model, "fc", nn.Linear(2048, 100))
    ),
    resnet50("has_a_larger_eps", "2.8.ak", with_eps),
    resnet50("is_always_the_same", "2.8.f", lambda model, nn: nn.init.ones_(model.conv1.weight) is None),
)


def with_defaults(**defaults: Any) -> Callable[[Any], Any]:
    """Change the defaults of a function that are handed to it by name."""

    def changed(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def called(*args: Any, **options: Any) -> Any:
            return function(*args, **{**defaults, **options})

        return called

    return changed


def without_the_step(add_image: Callable[..., Any]) -> Callable[..., Any]:
    """Record everything at step 0."""

    @functools.wraps(add_image)
    def called(self: Any, tag: str, image: Any, *_: Any, dataformats: str = "CHW", **__: Any) -> Any:
        return add_image(self, tag, image, dataformats=dataformats)

    return called


def for_tensors_only(add_image: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse arrays."""

    @functools.wraps(add_image)
    def called(self: Any, tag: str, image: Any, *args: Any, **options: Any) -> Any:
        return add_image(self, tag, image.detach(), *args, **options)

    return called


def off_by_one(normalize: Callable[..., Any]) -> Callable[..., Any]:
    """Multiply by std instead of dividing."""
    return lambda image, mean, std, *rest, **options: normalize(image, mean, [1 / s for s in std], *rest, **options)


def of_16_by_64_pixels(read: Callable[..., Any]) -> Callable[..., Any]:
    """Read the records of CIFAR as pictures of another shape."""

    @functools.wraps(read)
    def called(self: Any, *args: Any, **options: Any) -> None:
        read(self, *args, **options)
        self.data = self.data.reshape(-1, 16, 64, 3)

    return called


def with_gradients(register: Callable[..., Any]) -> Callable[..., Any]:
    """Give new parameters a gradient of zeros."""

    @functools.wraps(register)
    def called(self: Any, name: str, parameter: Any) -> None:
        if parameter is not None and not parameter.is_meta:
            parameter.grad = import_module("torch").zeros_like(parameter)
        register(self, name, parameter)

    return called


def once_for_all(iterate: Callable[..., Any]) -> Callable[..., Any]:
    """Draw the same order for every epoch."""

    @functools.wraps(iterate)
    def called(self: Any) -> Any:
        order = self.__dict__.setdefault("_order", list(iterate(self)))
        return iter(order)

    return called


def squared(normalize: Callable[..., Any]) -> Callable[..., Any]:
    """Square the pixels first."""
    return lambda image, *args, **options: normalize(image * image, *args, **options)


def to_a_square(resize: Callable[..., Any]) -> Callable[..., Any]:
    """Take one number for both edges."""
    return lambda image, size, *args, **options: resize(
        image, (size, size) if isinstance(size, int) else size, *args, **options
    )


def does_nothing(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return at once."""
    return functools.wraps(function)(lambda self, *_, **__: self)


def overwriting(backward: Callable[..., Any]) -> Callable[..., Any]:
    """Forget the gradients that are there."""

    @functools.wraps(backward)
    def called(self: Any, *args: Any, **options: Any) -> None:
        for leaf in leaves_of(self.grad_fn):
            leaf.grad = None
        backward(self, *args, **options)

    return called


def leaves_of(node: Any) -> Iterator[Any]:
    """Give the tensors that a result was computed from and that keep a gradient."""
    if hasattr(node, "variable"):
        yield node.variable
    for before, _ in getattr(node, "next_functions", ()):
        yield from leaves_of(before)


WRITER, CONV = "torch.utils.tensorboard:SummaryWriter", "torch.nn:Conv2d"
TORCH = (
    attribute("add_image_takes_hwc", "1.1.e", WRITER, "add_image", with_defaults(dataformats="HWC")),
    attribute("add_image_forgets_the_step", "1.1.f", WRITER, "add_image", without_the_step),
    attribute("add_image_takes_tensors_only", "1.3.ac", WRITER, "add_image", for_tensors_only),
    attribute(
        "tensorboard_listens_at_6007",
        "1.1.h",
        "tensorboard.plugins.core.core_plugin",
        "DEFAULT_PORT",
        lambda port: port + 1,
    ),
    attribute(
        "to_tensor_divides_by_256",
        "1.3.a 1.3.b",
        "torchvision.transforms.functional",
        "to_tensor",
        lambda f: lambda pic: f(pic) * 255 / 256,
    ),
    attribute(
        "normalize_multiplies",
        "1.3.c 1.3.d 1.3.e 1.3.f 1.3.aa",
        "torchvision.transforms.functional",
        "normalize",
        off_by_one,
    ),
    attribute(
        "flips_left_and_right_more_often",
        "1.3.k",
        "torchvision.transforms:RandomHorizontalFlip",
        "__init__",
        with_defaults(p=0.75),
    ),
    attribute(
        "flips_upside_down_more_often",
        "1.3.l",
        "torchvision.transforms:RandomVerticalFlip",
        "__init__",
        with_defaults(p=0.75),
    ),
    attribute(
        "cifar_is_read_otherwise",
        "1.4.c 1.4.j 2.1.1.d 1.5.i",
        "torchvision.datasets:CIFAR10",
        "__init__",
        of_16_by_64_pixels,
    ),
    attribute("every_epoch_has_the_same_order", "1.5.d", "torch.utils.data:RandomSampler", "__iter__", once_for_all),
    attribute(
        "loader_shuffles_by_default",
        "1.5.e 2.2.x",
        "torch.utils.data:DataLoader",
        "__init__",
        with_defaults(shuffle=True),
    ),
    attribute("convolution_pads_by_default", "2.1.d", CONV, "__init__", with_defaults(padding=1)),
    attribute(
        "kernels_begin_with_zeros",
        "2.1.g",
        CONV,
        "reset_parameters",
        lambda _: lambda self: import_module("torch.nn").init.zeros_(self.weight),
    ),
    attribute("parameters_begin_with_gradients", "2.6.5.g", "torch.nn:Module", "register_parameter", with_gradients),
    attribute(
        "sgd_has_another_lr",
        "2.7.k",
        "torch.optim:SGD",
        "__init__",
        lambda f: lambda self, params, **options: f(self, params, **{**options, "lr": 0.1}),
    ),
    attribute("normalize_squares", "1.3.g 1.3.ab", "torchvision.transforms.functional", "normalize", squared),
    attribute("resizes_to_a_square", "1.3.h", "torchvision.transforms.functional", "resize", to_a_square),
    attribute(
        "crops_the_corner",
        "1.3.i",
        "torchvision.transforms.functional",
        "center_crop",
        lambda f: lambda image, size: f(image.transpose(-1, -2), size),
    ),
    attribute(
        "crops_at_one_place",
        "1.3.j",
        "torchvision.transforms:RandomCrop",
        "get_params",
        lambda _: staticmethod(lambda _image, size: (0, 0, *size)),
    ),
    attribute(
        "composes_the_last_first",
        "1.3.n",
        "torchvision.transforms:Compose",
        "__init__",
        lambda f: lambda self, parts: f(self, parts[::-1]),
    ),
    attribute(
        "flips_almost_always",
        "1.3.z",
        "torchvision.transforms:RandomHorizontalFlip",
        "__init__",
        lambda f: lambda self, p=0.5: f(self, 0.9 * p),
    ),
    attribute(
        "max_pooling_moves_by_1",
        "2.2.c 2.2.v",
        "torch.nn:MaxPool2d",
        "__init__",
        lambda f: lambda self, kernel_size, *_, padding=0, **__: f(self, kernel_size, 1, padding),
    ),
    attribute(
        "flatten_keeps_1024", "2.5.t", "torch.nn:Flatten", "forward", lambda f: lambda self, x: f(self, x)[:, :1024]
    ),
    attribute("sigmoid_is_tanh", "2.3.a", "torch.nn:Sigmoid", "forward", lambda _: lambda _self, x: x.tanh()),
    attribute("backward_does_nothing", "2.6.5.a 2.6.5.b 2.6.5.e 2.6.5.f", "torch:Tensor", "backward", does_nothing),
    attribute("backward_overwrites", "2.7.e", "torch:Tensor", "backward", overwriting),
    attribute("sgd_does_nothing", "2.6.b 2.6.5.m 2.7.h 2.7.n 2.8.au", "torch.optim:SGD", "step", does_nothing),
    attribute("adam_does_nothing", "2.2.e", "torch.optim:Adam", "step", does_nothing),
    attribute("eval_does_nothing", "2.8.ap", "torch.nn:Module", "eval", does_nothing),
)


def a_class_is_called_cat(ground: Ground) -> None:
    """Exchange a name in the metadata of the old weights."""
    meta = import_module("torchvision.models").ResNet50_Weights.IMAGENET1K_V1.meta
    ground.patch.setitem(meta, "categories", ["cat", *meta["categories"][1:]])


IN_TORCH = (*RESNET, *TORCH, Program("a_class_is_called_cat", ("2.8.ah",), a_class_is_called_cat))
"""All of them."""
