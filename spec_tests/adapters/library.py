"""A library that a subject needs, imported when it is first used."""

import warnings
from importlib import import_module
from typing import Any

from spec_tests.vocabulary.subject import NotAvailable


class Library:
    """A module, imported when one of its attributes is first read; NotAvailable says what to install if it is missing.

    `requirement` is what pip installs, with the version that the subject was held against: `jax[cpu]==0.10.2`.
    """

    __slots__ = ("_module", "_requirement")

    def __init__(self, module: str, requirement: str) -> None:
        """Name the module, as an import would, and what provides it."""
        self._module, self._requirement = module, requirement

    def __repr__(self) -> str:
        return f"<the module {self._module} of {self._requirement}, imported when needed>"

    def __getattr__(self, attribute: str) -> Any:
        if attribute.startswith("_") and attribute != "__version__":  # pytest looks for such in all that a file has
            raise AttributeError(attribute)
        return getattr(self.loaded(), attribute)

    def loaded(self) -> Any:
        """Return the module itself."""
        try:
            with warnings.catch_warnings():  # a run may take them for errors, and the library is others' code
                warnings.simplefilter("ignore")
                return import_module(self._module)
        except ModuleNotFoundError as error:
            missing = error.name or self._module
            raise NotAvailable(f'{missing} is not installed: pip install "{self._requirement}"') from None
        except ImportError as error:
            said = (str(error).splitlines() or [""])[0]
            raise NotAvailable(
                f"{self._module} cannot be imported ({said}): it was tried as {self._requirement}"
            ) from None
