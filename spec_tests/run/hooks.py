"""The hook by which a plugin hands the run its subject, an object instead of a name."""

import pytest

from spec_tests import subjects
from spec_tests.contract.guard import Guarded


@pytest.hookspec(firstresult=True)
def pytest_specification_subject(device: str) -> Guarded | None:
    """Return the subject on this device, or None for the one that `--subject` names."""


def load_subject(config: pytest.Config, device: str | None = None) -> Guarded:
    """Return the subject of this run, on the run's device unless another one is named."""
    device = config.option.spec_device if device is None else device
    handed: Guarded | None = config.hook.pytest_specification_subject(device=device)
    return subjects.load(config.option.subject, device) if handed is None else handed
