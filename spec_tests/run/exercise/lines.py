"""Text in lines of so many columns, in English and Chinese: where a line may break, and how wide a character is."""

from unicodedata import east_asian_width

CLOSING, OPENING = "，。；：、！？）》】」』”’,.;:)]}", "（《【「『“‘([{"
"""What begins no line, and what ends none."""


def columns(text: str) -> int:
    """Return how many columns a text takes: a Chinese character takes two.

    >>> columns("conv2d 正确")
    11
    """
    return sum(1 + (east_asian_width(c) in "WF") for c in text)


def left(text: str, width: int) -> str:
    """Return a text at the left of so many columns."""
    return text + " " * (width - columns(text))


def right(text: str, width: int) -> str:
    """Return a text at the right of so many columns.

    >>> right("正确", 6)
    '  正确'
    """
    return " " * (width - columns(text)) + text


def in_lines(text: str, width: int) -> list[str]:
    """Return a text in lines of at most this many columns, broken at spaces and between Chinese characters.

    >>> in_lines("先写出使下面这句成立的代码：relu", 26)
    ['先写出使下面这句成立的代', '码：relu']
    """
    found = [""]
    for piece in _pieces(text):
        if found[-1] and columns(found[-1] + piece.rstrip()) > width:
            found.append("")
        found[-1] += piece if found[-1] else piece.lstrip()
    return [line.rstrip() for line in found]


def _pieces(text: str) -> list[str]:
    """Return what stays together: words with the space before them, and single Chinese characters with their signs."""
    pieces: list[str] = []
    for c in text:
        before = pieces[-1][-1] if pieces else ""
        breaks = c == " " or _is_wide(c) or (before and _is_wide(before))
        if not before or (breaks and c not in CLOSING and before not in OPENING):
            pieces.append(c)
        else:
            pieces[-1] += c
    return pieces


def _is_wide(c: str) -> bool:
    return east_asian_width(c) in "WF"
