"""What others wrote, as UTF-8 can hold it."""

from typing import Any


def encodable(data: Any) -> Any:
    r"""Return nested lists and dictionaries with every half character (a lone surrogate) in a string as an escape.

    >>> encodable({"said": ["no \ud800 here"]})
    {'said': ['no \\ud800 here']}
    """
    if isinstance(data, str):
        return data.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(data, dict):
        return {encodable(key): encodable(value) for key, value in data.items()}
    return type(data)(map(encodable, data)) if isinstance(data, list | tuple) else data
