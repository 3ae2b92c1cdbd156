"""In which language a run speaks: `--language`, or that of the locale. What it finds does not depend on it."""

import locale
import os


def language_of(option: str | None) -> str:
    """Return the language that was asked for, or that of the locale: en unless it is Chinese."""
    if option is not None:
        return option
    for variable in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        if value := os.environ.get(variable):
            return "zh" if value.lower().startswith("zh") else "en"
    try:
        return "zh" if (locale.getlocale()[0] or "").lower().startswith(("zh", "chinese")) else "en"
    except ValueError:  # a locale that Python does not know
        return "en"
