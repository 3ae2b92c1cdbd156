"""The hook by which a plugin hands the run its subject, an object instead of a name."""

import pytest

from spec_tests import subjects
from spec_tests.contract.guard import Guarded


@pytest.hookspec(firstresult=True)
def pytest_specification_subject(device: str) -> Guarded | None:
    """Return the subject on this device, or None for the one that `--subject` names."""


LOADED = pytest.StashKey[dict[str, Guarded | subjects.NotAvailable]]()
"""The subjects that the run has loaded, by device, and those that it has found not to be there."""


def load_subject(config: pytest.Config, device: str | None = None) -> Guarded:
    """Return the subject of this run, on the run's device unless another one is named; that is tried once."""
    device = config.option.spec_device if device is None else device
    loaded = config.stash.setdefault(LOADED, {})
    if device not in loaded:
        try:
            handed: Guarded | None = config.hook.pytest_specification_subject(device=device)
            loaded[device] = _named(config, device) if handed is None else handed
        except subjects.NotAvailable as error:
            loaded[device] = error
    found = loaded[device]
    if isinstance(found, subjects.NotAvailable):
        raise found
    return found


def _named(config: pytest.Config, device: str) -> Guarded:
    option = config.option
    name, limits = option.subject, (option.time_limit, option.memory_limit, option.imports)
    if limits == (None, None, None):
        return subjects.load(name, device)
    return subjects.isolated(name, device, limits[0], memory_limit=limits[1], imports=limits[2])
