"""In what setting a run takes place: which tests come first, in how many processes, in which language, where.

The first runs try one other choice at a time, all else being usual; every later run draws each choice for itself.
What a run draws follows from its number and the seed alone, on machines that offer the same choices.
"""

import locale
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from random import Random

LOCALES = ("zh_CN.UTF-8", "zh_CN.GBK", "de_DE.UTF-8", "de_DE.ISO-8859-1", "tr_TR.UTF-8", "C.UTF-8", "C")
"""Chinese; commas in numbers; an i without its dot; encodings that are not UTF-8. Only what is installed is tried."""

IN_CHINESE = "深度学习 第 2 章"
"""The name of a folder that is neither ASCII nor one word."""

WITHOUT_POWERS = ("setpriv", "--inh-caps=-all", "--bounding-set=-all")
"""Run a command of root's as if it were another user's: what is read-only cannot be written."""


@cache
def choices() -> Mapping[str, tuple[str, ...]]:
    """Return what a setting is made of, and the choices for each; the first one is the usual one."""
    posix = os.name == "posix"
    of_all = {
        "order": ("of the document", "random"),
        "time zone": ("UTC", "Asia/Shanghai", "Pacific/Kiritimati", "America/St_Johns"),
        "processes": ("1", "2"),
        "threads": ("1", "2"),
        "locale": ("as it is", *filter(_is_installed, LOCALES)),
        "streams": ("as the locale says", "ascii", "gbk", "utf-8"),
        "hashes": ("0", "random"),
        "folder": ("plain", IN_CHINESE),
        "started": ("in the project", "elsewhere"),
        "report": ("none", "written"),
        "CI": ("", "true"),
    }
    of_files = {"project": ("writable", "read-only"), "home": ("writable", "read-only")}
    of_posix = {"umask": ("022", "077"), "input": ("empty", "closed")}
    return {**of_all, **(of_files if posix and can_forbid_writing() else {}), **(of_posix if posix else {})}


def can_forbid_writing() -> bool:
    """Tell whether a folder can be made read-only: root writes everywhere unless its powers can be taken away."""
    return os.name == "posix" and (os.geteuid() != 0 or shutil.which(WITHOUT_POWERS[0]) is not None)


@dataclass(frozen=True)
class Setting:
    """What is particular of one run."""

    examples: int
    """The seed of Hypothesis."""
    order: int
    """The seed of the order, and of what Python hashes strings to."""
    chosen: Mapping[str, str]
    """The choice for each name in `choices()`."""

    def unusual(self) -> dict[str, str]:
        """Return the choices that are not the usual ones."""
        return {name: choice for name, choice in self.chosen.items() if choice != choices()[name][0]}


def setting(number: int, seed: int) -> Setting:
    """Return the setting of a run, whose number counts from 1."""
    draw = Random(f"{seed} {number}")
    examples, order = draw.getrandbits(32), draw.getrandbits(32)
    usual = {name: those[0] for name, those in choices().items()}
    if number <= len(usual):
        name = list(usual)[number - 1]
        return Setting(examples, order, {**usual, name: choices()[name][1]})
    return Setting(examples, order, {name: draw.choice(those) for name, those in choices().items()})


def _is_installed(name: str) -> bool:
    before = locale.setlocale(locale.LC_CTYPE)
    try:
        locale.setlocale(locale.LC_CTYPE, name)
    except locale.Error:
        return False
    finally:
        locale.setlocale(locale.LC_CTYPE, before)
    return True
