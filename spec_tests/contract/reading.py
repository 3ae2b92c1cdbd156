"""Reading an implementation from a file, or from a module that can be imported: what goes wrong is said in one line."""

import contextlib
import importlib
import importlib.util
import io
import os
import sys
import traceback
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from reference.command import first_line
from spec_tests.contract.declaration import SETTINGS, Declaration, declare
from spec_tests.contract.functions import nearest
from spec_tests.vocabulary.subject import NotAvailable


def of_a_file(path: str, device: str = "cpu") -> Declaration:
    """Return what the functions of a file say; raise NotAvailable if it cannot be read or makes no sense."""
    with _in_one_line(path):
        file = Path(path)
        if not file.is_file():
            beside = sorted(p.name for p in file.parent.glob("*.py") if p.is_file()) if file.parent.is_dir() else []
            raise NotAvailable(f"there is no file {path}{nearest(file.name, beside)}")
        file = file.resolve()
        with _contained(str(file.parent)):
            module = _executed(file)
        return _declared(vars(module), file.name, device, file)


def of_a_module(name: str, device: str = "cpu") -> Declaration:
    """Return what a dotted module says, or an object in it: `package.module` or `package.module:object`."""
    with _in_one_line(name):
        dotted, _, within = name.partition(":")
        with _contained(os.getcwd()):
            value: Any = importlib.import_module(dotted)
        source = getattr(value, "__file__", None)
        settings = {key: getattr(value, key) for key in SETTINGS if hasattr(value, key)}
        for part in within.split(".") if within else ():
            if not hasattr(value, part):
                raise NotAvailable(f"{dotted} has no {part!r}{nearest(part, dir(value))}")
            value = getattr(value, part)
        attributes = {key: getattr(value, key) for key in dir(value) if not key.startswith("__")}
        if isinstance(value, dict):
            attributes = value
        return _declared({**settings, **attributes}, name, device, Path(source) if source else None)


def _declared(attributes: dict[str, Any], name: str, device: str, source: Path | None) -> Declaration:
    settings = {key: attributes[key] for key in SETTINGS if key in attributes}
    public = attributes.get("__all__", attributes)
    functions = {key: value for key, value in attributes.items() if key in public and key not in SETTINGS}
    return declare(functions, name=name, source=source, device=device, **settings)


def _executed(file: Path) -> ModuleType:
    """Execute a file as a module of its own, which no other module has the name of; leave no compiled copy behind."""
    spec = importlib.util.spec_from_file_location(f"subject_{file.stem}", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.modules[module.__name__] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[module.__name__]
        raise
    finally:
        sys.dont_write_bytecode = before
    return module


@contextlib.contextmanager
def _contained(folder: str) -> Iterator[None]:
    """Import something, and restore what it changes around it."""
    path, here, printing = sys.path[:], os.getcwd(), np.get_printoptions()
    sys.path.insert(0, folder)
    try:
        with (
            np.errstate(),
            warnings.catch_warnings(),  # a run may take them for errors, and what is imported is others' code
            contextlib.redirect_stdout(io.StringIO()),
            contextlib.redirect_stderr(io.StringIO()),
        ):
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.path[:] = path
        os.chdir(here)
        np.set_printoptions(**printing)


@contextlib.contextmanager
def _in_one_line(name: str) -> Iterator[None]:
    """Say in one line whatever the code of others raises, as it is imported and as what it says of itself is read."""
    try:
        yield
    except (KeyboardInterrupt, NotAvailable):
        raise
    except SyntaxError as error:
        place = f"{error.filename}, line {error.lineno}: " if error.filename else ""  # none, if it is no text at all
        raise NotAvailable(f"{place}{type(error).__name__}: {error.msg}") from None
    except ModuleNotFoundError as error:
        place = _place(error, name)
        raise NotAvailable(f"{place}: {error.name} is not installed, and there is no such module") from None
    except BaseException as error:
        text = first_line(error)
        raise NotAvailable(f"{_place(error, name)}: {type(error).__name__}{f': {text}' if text else ''}") from None


def _place(error: BaseException, name: str) -> str:
    """Return the file and line that raised an error, if it lies in the file that is read or beside it."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<")]
    outside = [frame for frame in frames if Path(frame.filename).resolve().parent != Path(__file__).resolve().parent]
    if not outside or "importlib" in outside[-1].filename:
        return name
    return f"{outside[-1].filename}, line {outside[-1].lineno}"
