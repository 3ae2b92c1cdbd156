"""The READMEs' pictures of the report's page, one in each language, taken by Chromium.

    python -m spec_tests.tooling.pictures report/index.html

writes `docs/report.png` and `docs/report.zh.png`; the page is that of a run (`pytest spec_tests --report report`).
"""

import sys
from pathlib import Path

from spec_tests.tooling.chromium import chromium

DOCS = Path(__file__).parents[2] / "docs"
PICTURES = {"report.png": "en-US", "report.zh.png": "zh-CN"}
"""The files, and in which language the browser asks for the page."""

SHOWN = "hands-convolution"
"""What stands at the top of a picture: the convolution to try, and the question below it."""

SIZE = {"width": 1240, "height": 860}


def take(page: Path, folder: Path = DOCS) -> None:
    """Write the pictures into a folder."""
    with chromium() as browser:
        for name, locale in PICTURES.items():
            context = browser.new_context(locale=locale, color_scheme="light", viewport=SIZE, reduced_motion="reduce")
            opened = context.new_page()
            opened.goto(f"{page.resolve().as_uri()}#{SHOWN}")
            opened.locator(f"#{SHOWN}").get_by_role("button").nth(1).click()  # the next window
            opened.screenshot(path=folder / name)
            context.close()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("python -m spec_tests.tooling.pictures PAGE: the index.html of a report")
    take(Path(sys.argv[1]))
