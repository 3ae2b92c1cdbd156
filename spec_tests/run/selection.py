"""Questions about a run and its tests: what was asked for, what a test is about, and what it is."""

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
"""The folder of the specification."""

IS_A_CHECKOUT = (ROOT.parent / "pyproject.toml").is_file()
"""Whether the specification lies in its project, and is not an installed copy."""


def is_full_run(config: pytest.Config) -> bool:
    """Tell whether this run was asked for the whole specification on the default subject."""
    option = config.option
    return asks_for_everything(config) and (option.subject, option.spec_device, option.spec_dtype) == (
        "torch",
        "cpu",
        "",
    )


def is_torch(config: pytest.Config) -> bool:
    """Tell whether torch is the subject."""
    return bool(config.option.subject == "torch")


def is_torch_on_the_cpu(config: pytest.Config) -> bool:
    """Tell whether torch on the CPU is the subject: that run includes the tests of this project's own tools."""
    return is_torch(config) and config.option.spec_device == "cpu"


def asks_for_everything(config: pytest.Config) -> bool:
    """Tell whether this run was asked for every file of the specification, and nothing in them was deselected."""
    option = config.option
    paths = {Path(os.path.realpath(config.invocation_params.dir / arg)) for arg in config.args}
    by_name = getattr(option, "pyargs", False) and ROOT.name in config.args
    whole = by_name or not paths.isdisjoint({ROOT, ROOT.parent})
    selected = any(
        getattr(option, name, None)
        for name in (
            "only",
            "keyword",
            "markexpr",
            "deselect",
            "ignore",
            "ignore_glob",
            "lf",
            "last_failed",
            "stepwise",
            "collectonly",
        )
    )
    return whole and not selected


def is_specification(node: pytest.Item | pytest.Collector) -> bool:
    """Tell whether a test, or a file of tests, is one of the specification, and not, for example, a benchmark."""
    return ROOT in node.path.parents


def needs_a_checkout(item: pytest.Item) -> bool:
    """Tell whether a test is about the project's files, which an installed copy of the specification lacks."""
    return not IS_A_CHECKOUT and ROOT / "tooling" in item.path.parents


def section_of(item: pytest.Item) -> str:
    """Return the section of the document that a test's file is about, or an empty string."""
    numbers = [part for part in item.path.stem.split("_") if part.isdigit()]
    return ".".join(numbers)


def claims_of(item: pytest.Item) -> tuple[str, ...]:
    """Return the claims that a test executes."""
    return tuple(dict.fromkeys(id for mark in item.iter_markers("claim") for id in mark.args))


def wanted_dtypes(config: pytest.Config) -> set[str]:
    """Return the number formats that --dtype asks for, none where it is not given."""
    return {dtype.strip() for dtype in config.option.spec_dtype.split(",") if dtype.strip()}


def is_property(item: pytest.Item) -> bool:
    """Tell whether a test is a property, which Hypothesis calls with one drawn example after the other."""
    function = getattr(item, "function", None)
    return hasattr(function, "hypothesis") or hasattr(function, "property")
