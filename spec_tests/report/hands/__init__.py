"""The interactive figures of the book: what each section has, and the script and style that they share."""

from markupsafe import Markup


def widgets(section: str) -> Markup:  # noqa: ARG001 no section has any yet
    """Return the interactive figures of a section, in both languages; nothing where there are none."""
    return Markup("")


def script() -> str:
    """Return the script of all of them."""
    return ""


def style() -> str:
    """Return the style of all of them."""
    return ""
