"""The runtimes of others as subjects: what is said when one is missing, and a short lane for each that is installed."""

import os
import re
import subprocess
import sys
import tomllib
from importlib import import_module, metadata
from pathlib import Path

import pytest

from spec_tests import subjects
from spec_tests.vocabulary.subject import NotAvailable

pytestmark = pytest.mark.tooling

SPECIFICATION = Path(__file__).parents[1]
RUNTIMES = ("jax", "mlx", "onnx_evaluator", "onnxruntime", "openvino", "tinygrad")
LANE = ("test_2_1_convolution.py", "test_2_2_max_pooling.py", "test_2_3_activation.py")
"""What a short lane runs, on the few operations that all of them have."""


def library_of(name):
    """Return what pip installs for a subject, without version and extras."""
    return re.split(r"[\[=]", import_module(f"spec_tests.subjects.{name}").INSTALL)[0]


def is_installed(name):
    try:
        metadata.version(library_of(name))
    except metadata.PackageNotFoundError:
        return False
    return True


@pytest.mark.parametrize("name", RUNTIMES)
def test_the_version_to_install_is_that_of_the_extra(name):
    pyproject = tomllib.loads((SPECIFICATION.parent / "pyproject.toml").read_text(encoding="utf-8"))

    extras = pyproject["project"]["optional-dependencies"]

    assert import_module(f"spec_tests.subjects.{name}").INSTALL in extras[name.replace("_", "-")]


@pytest.mark.parametrize("name", RUNTIMES)
def test_a_runtime_that_is_missing_is_named_with_what_to_install(name, monkeypatch):
    module = import_module(f"spec_tests.subjects.{name}")
    modules = [library._module for library in vars(module).values() if type(library).__name__ == "Library"]
    for missing in {library.partition(".")[0] for library in modules}:
        for loaded in [known for known in sys.modules if known == missing or known.startswith(f"{missing}.")]:
            monkeypatch.delitem(sys.modules, loaded)
        monkeypatch.setitem(sys.modules, missing, None)

    with pytest.raises(NotAvailable, match=re.escape(f'pip install "{module.INSTALL}"')):
        subjects.load_here(name)


@pytest.mark.parametrize("name", RUNTIMES)
def test_a_runtime_computes_on_the_cpu_and_has_no_variant_of_another_name(name):
    for device, variant in (("cuda", ""), ("cpu", "no_such_variant")):
        with pytest.raises(NotAvailable, match="is asked on device 'cpu'"):
            import_module(f"spec_tests.subjects.{name}").load(device, variant)


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNTIMES)
def test_a_runtime_that_is_installed_keeps_what_its_file_does_not_except(name):
    if not is_installed(name):
        pytest.skip(f"{library_of(name)} is not installed")
    only = [argument for operation in ("conv1d", "relu") for argument in ("--only", f"{operation}:values")]
    paths = [str(SPECIFICATION / file) for file in LANE]
    options = ["-q", "-p", "no:cacheprovider", "--hypothesis-profile", "few", "--dtype", "float32"]

    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, "--subject", name, *only, *paths],
        cwd=SPECIFICATION.parent,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^conv1d +[1-9]", done.stdout, re.MULTILINE), done.stdout


def test_every_subject_that_needs_a_library_of_others_is_one_of_the_runtimes():
    with_a_library = {
        name
        for name in subjects.names()
        if name != "torch" and hasattr(import_module(f"spec_tests.subjects.{name}"), "INSTALL")
    }

    assert with_a_library == set(RUNTIMES)
