"""Wrong implementations that small rules make of every function: `--subject wrong:generated:NAME`.

A name says the function, the part of what it returns or the argument that is concerned, what is done to it, and when:

    conv2d/output/drops_the_last_block_of_8
    conv2d_backward/weight/has_the_wrong_sign/when/width=3
    linear/argument_bias/is_ignored

The names are listed in `names.tsv`, each with a call on which the result differs from the right one: what differs on
no call is not listed, for it is right. `python -m spec_tests.strength --write-names` writes the list.
"""

import csv
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

from spec_tests.wrong_implementations.generated import remembering
from spec_tests.wrong_implementations.generated.call import BACKWARD, SECOND, SOME, Call, right, signature, with_part
from spec_tests.wrong_implementations.generated.changes import (
    ARGUMENT_CHANGES,
    OFF_BY_A_HUNDREDTH,
    OPTION_CHANGES,
    RESULT_CHANGES,
)
from spec_tests.wrong_implementations.generated.conditions import Condition, condition
from spec_tests.wrong_implementations.register import Wrong

NAMES = Path(__file__).with_name("names.tsv")

ARGUMENT, WHEN = "argument_", "/when/"

Implementation = Callable[[Call], Any]


@cache
def names() -> tuple[str, ...]:
    """Return the names of all that are listed."""
    with NAMES.open(encoding="utf-8", newline="") as file:
        return tuple(row["name"] for row in csv.DictReader(file, delimiter="\t"))


def kind_of(name: str) -> str:
    """Return what kind of defect a name says.

    >>> kind_of("conv2d/output/has_the_wrong_sign/when/width=3")
    'only for some sizes'
    >>> kind_of("linear/argument_weight/is_read_in_memory_order")
    'memory'
    """
    what, _, when = name.partition(WHEN)
    if what.endswith(OFF_BY_A_HUNDREDTH):
        return "a hundredth too large"
    if when:
        return next((kind for begin, kind in KINDS_OF_CONDITIONS.items() if when.startswith(begin)), ONLY_FOR_AN_OPTION)
    change = what.split("/", 2)[2]
    if change in OPTION_CHANGES:
        return "options"
    words = change.removeprefix(ALONE)
    return next((kind for kind, parts in KINDS.items() if any(part in words for part in parts)), "values")


KINDS = {
    "blocks of a row": ("drops",),
    "special numbers": ("nan", "infinit", "cut_off"),
    "number formats": ("float", "half"),
    "shapes": ("comes_", "axes_of_1"),
    "memory": ("memory", "written", "cleared", "call_before", "refused", "read_only"),
    "order of the axes": ("transposed", "swaps", "flipped", "off_by_one", "first_entry"),
}
"""By kind, a part of the names of changes; what has none of them is a value."""

ONLY_FOR_AN_OPTION = "only for some values of an option"
KINDS_OF_CONDITIONS = {
    "dtype": "only in one format",
    "layout_of_": "only for some layouts",
    "numbers_of_": "only for some numbers",
    **dict.fromkeys(("width", "length", "channels", "axes", "size", "square"), "only for some sizes"),
}
"""By how a condition begins."""


def parsed(name: str) -> tuple[str, str, str, Condition]:
    """Return the function that a name says, what of it is concerned, what is done to it, and when."""
    what, _, when = name.partition(WHEN)
    function, concerned, change = what.split("/", 2)
    return function, concerned, change, condition(when) if when else _always


def generated(name: str) -> Wrong:
    """Return the wrong implementation of this name; raise KeyError if no rule makes it."""
    function, concerned, change, applies = parsed(name)
    wrong = _wrong(function, concerned, change)
    asked = signature(function)

    def called_as_the_function(*args: Any, **options: Any) -> Any:
        bound = asked.bind(*args, **options)
        bound.apply_defaults()
        call = Call(function, bound.arguments)
        return wrong(call) if applies(call) else call()

    gradient = function.endswith((BACKWARD, SOME, SECOND))
    return Wrong(
        function, called_as_the_function, (), "float32", AssertionError, {}, "gradients" if gradient else "values"
    )


def _wrong(function: str, concerned: str, change: str) -> Implementation:
    """Return what computes a call wrongly."""
    right(function)  # or AttributeError
    if concerned.startswith(ARGUMENT):
        argument = concerned.removeprefix(ARGUMENT)
        if change in remembering.OF_ARGUMENTS:
            return partial(remembering.OF_ARGUMENTS[change], argument)
        changed = {**ARGUMENT_CHANGES, **OPTION_CHANGES}[change]
        return lambda call: call.changed(**{argument: changed(call, argument)})()
    if change in remembering.OF_RESULTS:
        return remembering.OF_RESULTS[change]()
    alone = change.startswith(ALONE)
    of_result = RESULT_CHANGES[change.removeprefix(ALONE)]
    return lambda call: (
        call() if alone and call.arguments["wanted"] != (concerned,) else with_part(call, call(), concerned, of_result)
    )


ALONE = "alone_"
"""How a change begins that is made only where this gradient is asked for alone."""


def _always(_: Call) -> bool:
    return True
