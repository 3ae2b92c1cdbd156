"""The browser in which the tests look at pages."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

BROWSER = shutil.which("chromium")
OPTIONS = ("--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server")


@contextmanager
def chromium() -> Iterator[Any]:
    """Yield Chromium, headless; skip the test where it is missing."""
    if BROWSER is None:
        pytest.skip("there is no chromium here: apt-get install chromium")
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install playwright")
    with api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=BROWSER, args=[*OPTIONS])
        yield running
        running.close()
