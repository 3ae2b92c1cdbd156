"""The options of the specification, under names that other plugins cannot hold already.

    --spec-slow, --spec-device, ...     always there
    --slow, --device, ...               the same ones, unless another plugin or a project's conftest.py has that name
    --subject, --only, --time-limit     have no prefix: the specification's own words
    --memory-limit, --imports           likewise

Two plugins that add an option of one name stop pytest before it begins. The short names are therefore added last, once
the conftest.py files of the project have been read; a name that is taken by then belongs to whoever took it.
"""

from argparse import ArgumentTypeError
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from spec_tests.vocabulary.formats import FORMATS

GROUP, PREFIX = "specification", "--spec-"


def path(text: str) -> Path:
    """Return a path; an empty text, which a variable of the shell that is not set leaves, is none."""
    if not text:
        raise ArgumentTypeError("an empty text is no path")
    return Path(text)


OPTIONS: dict[str, dict[str, Any]] = {
    "device": {
        "default": "cpu",
        "metavar": "DEVICE",
        "help": "the device that the subject computes on, for example cuda (default: cpu)",
    },
    "dtype": {
        "default": "",
        "metavar": "DTYPE,...",
        "help": f"only the tests of these number formats: {', '.join(FORMATS)}",
    },
    "slow": {"action": "store_true", "help": "also the tests that take long or start processes"},
    "cifar10": {
        "type": path,
        "metavar": "PATH",
        "help": "also the tests of the real CIFAR-10, in PATH/cifar-10-batches-py",
    },
    "cifar100": {
        "type": path,
        "metavar": "PATH",
        "help": "also the tests of the real CIFAR-100, in PATH/cifar-100-python",
    },
    "network": {"action": "store_true", "help": "also the tests that follow the document's links"},
    "resnet50-weights": {
        "type": path,
        "metavar": "FILE",
        "help": "also the tests that need these trained weights of ResNet-50, a file that torchvision downloaded",
    },
    "campaign": {
        "type": path,
        "metavar": "DIR",
        "help": "with random examples: first those that failed in the campaign that left this folder",
    },
    "tensorboard": {"type": path, "metavar": "DIR", "help": "write a log for tensorboard --logdir DIR"},
    "exercise": {"action": "store_true", "help": "rung by rung: what is right, and the first thing that is not"},
    "language": {
        "choices": ("en", "zh"),
        "help": "the language of the summary and of --exercise (default: by the locale)",
    },
    "exercise-json": {"type": path, "metavar": "FILE", "help": "write the result of --exercise there"},
    "watch": {"action": "store_true", "help": "with --exercise: try again whenever the file is saved"},
    "report": {"type": path, "metavar": "DIR", "help": "write a report of this run there, a page and its data"},
}
"""By their short names; the value of `--spec-slow` and of `--slow` is `config.option.spec_slow`."""


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """Add the options of a run."""
    group = parser.getgroup(GROUP)
    group.addoption(
        "--subject",
        default="torch",
        metavar="SUBJECT",
        help="the implementation to test: a path that ends in .py, one that comes with the specification "
        "(torch, reference, wrong:NAME, fft, winograd), module:object, or 'command: ./program' (default: torch)",
    )
    group.addoption(
        "--only",
        action="append",
        default=[],
        metavar="OPERATION[:LEVEL,...]",
        help="only what is required of this operation, at these levels; may be repeated",
    )
    group.addoption(
        "--time-limit",
        type=seconds,
        default=None,
        metavar="SECONDS",
        help="load the subject in a process of its own, and let a call take so long",
    )
    group.addoption(
        "--memory-limit",
        type=size,
        default=None,
        metavar="BYTES",
        help="load the subject in a process of its own, which may take so much memory: 500M, 2G (Linux)",
    )
    group.addoption(
        "--imports",
        type=lambda text: [name for name in text.split(",") if name],
        default=None,
        metavar="MODULE,...",
        help="load the subject in a process of its own, in which it can import NumPy, the standard library and "
        "these alone",
    )
    add(parser, pluginmanager, *(name for name in OPTIONS if name != "report"))


def add(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager, *names: str) -> None:
    """Add options; the short names at once where a conftest.py loads the plugin, for its own are known by now."""
    for name in names:
        also = f"; also --{name}, where nothing else has that name"
        attributes = {**OPTIONS[name], "help": f"{OPTIONS[name]['help']}{also}"}
        parser.getgroup(GROUP).addoption(PREFIX + name, dest=_dest(name), **attributes)
    if getattr(pluginmanager, "_conftest_plugins", None):
        _add_short_names(parser)


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(
    early_config: pytest.Config, parser: pytest.Parser, args: list[str]
) -> Iterator[None]:
    """Add the short names once the project's conftest.py files have added theirs."""
    _take_back_values(early_config.known_args_namespace.file_or_dir, args)
    try:
        return (yield)
    finally:
        _add_short_names(parser)


def _add_short_names(parser: pytest.Parser) -> None:
    """Add every short name that is free, as a second option with the same destination."""
    taken = {name for other in parser._groups for option in other.options for name in option.names()}
    for name, attributes in OPTIONS.items():
        if PREFIX + name in taken and f"--{name}" not in taken:
            same = {**attributes, "help": f"the same as {PREFIX}{name}"}
            parser.getgroup(GROUP).addoption(f"--{name}", dest=_dest(name), **same)


def _take_back_values(paths: list[str], args: list[str]) -> None:
    """Remove the values of short names from what pytest takes for paths as long as it does not know these options."""
    with_value = {f"--{name}" for name, attributes in OPTIONS.items() if "action" not in attributes}
    for option, value in pairwise(args):
        if option in with_value and value in paths:
            paths.remove(value)


def _dest(name: str) -> str:
    return f"spec_{name.replace('-', '_')}"


def seconds(text: str) -> float:
    """Return a number of seconds above 0."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds < float("inf"):
        raise ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return seconds


def size(text: str) -> int:
    """Return a number of bytes.

    >>> size("1G"), size("1.5K"), size("300")
    (1073741824, 1536, 300)
    """
    letter = text[-1:].upper()
    power = "KMGT".find(letter) + 1 if letter else 0
    try:
        return int(seconds(text[:-1] if power else text) * 1024**power)
    except ArgumentTypeError:
        raise ArgumentTypeError(f"{text!r} is no amount of memory like 500M or 2G") from None
