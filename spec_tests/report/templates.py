"""The templates of the report's pages, with their style sheet, their script, and what they may call."""

import base64
import hashlib
import re
from pathlib import Path

import jinja2
from markupsafe import Markup

from spec_tests.report import page_filters
from spec_tests.report.figures.labels import in_both_languages, in_chinese
from spec_tests.report.page_filters import FOLDER
from spec_tests.vocabulary.results import reason_zh

FILTERS = (
    *("number", "power", "percent", "value", "duration", "day", "complaint_zh"),
    *("sentence", "source", "failure", "terminal", "grouped"),
)

INDENT = re.compile(r"<(?P<apart>pre|script|style)\b.*?</(?P=apart)>|\n\s+(?=<)", re.DOTALL)
"""The spaces before a tag, and what is to stay as it is."""


def script_of(*files: Path) -> str:
    """Return a page's script, after the part that all pages have."""
    return "\n".join(part.read_text(encoding="utf-8") for part in (FOLDER / "shared.js", *files))


def hash_of(script: str) -> str:
    """Return the hash by which a page allows its script."""
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


def style_of(*files: Path) -> Markup:
    """Return the report's style sheet, and those of these files after it."""
    return Markup("\n".join(file.read_text(encoding="utf-8") for file in (FOLDER / "page.css", *files)))


def without_indents(html: str) -> str:
    r"""Return a page without the spaces that its templates and drawings begin their lines with.

    >>> without_indents("<ul>\n\n  <li>1</li>\n  <li><pre>a\n  <b>b</b></pre></li>\n</ul>")
    '<ul>\n<li>1</li>\n<li><pre>a\n  <b>b</b></pre></li>\n</ul>'
    """
    return INDENT.sub(lambda found: found[0] if found["apart"] else "\n", html)


def environment(*folders: Path) -> jinja2.Environment:
    """Return the templates' environment, in which text is escaped and a missing name is an error.

    Templates are looked for in these folders, and then among the report's.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader([*folders, FOLDER]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["reason_zh"] = reason_zh
    environment.filters["in_both_languages"] = in_both_languages
    environment.filters["label_zh"] = in_chinese
    environment.filters["contains"] = lambda values, value: value in values
    environment.filters.update({name: getattr(page_filters, name) for name in FILTERS})
    return environment
