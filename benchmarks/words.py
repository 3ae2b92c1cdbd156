"""The report's texts in English and in Chinese, from `words.toml`."""

import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

TEXTS: dict[str, Any] = tomllib.loads(Path(__file__).with_name("words.toml").read_text(encoding="utf-8"))

Words = tuple[str, str]
"""The same text in English and in Chinese."""

NOTHING: Words = ("", "")


def word(english: str) -> Words:
    """Return a header, a cell or a name in both languages; one that has no translation is the same in both.

    >>> word("median"), word("1.3 ms")
    (('median', '中位数'), ('1.3 ms', '1.3 ms'))
    """
    return english, TEXTS["words"].get(english, english)


def say(path: str, **values: Any) -> Words:
    """Return the text at a path such as "say.no_gpu" in both languages, with these values, plain ones or `Words`.

    >>> say("work.layer", layer="conv1", phase=word("forward"))
    ('conv1 forward', 'conv1 前向')
    """
    text: Any = TEXTS
    for name in path.split("."):
        text = text[name]
    return _filled(text["en"], values, 0), _filled(text["zh"], values, 1)


def both(words: Iterable[Words], between: Words = ("; ", "；")) -> Words:
    """Return several texts as one."""
    english, chinese = zip(*words, strict=True)
    return between[0].join(english), between[1].join(chinese)


def _filled(text: str, values: dict[str, Any], language: int) -> str:
    chosen = {name: value[language] if isinstance(value, tuple) else value for name, value in values.items()}
    return text.format(**chosen)
