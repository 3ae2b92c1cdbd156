"""Whatever is put in place of an argument of a reference, it answers, or says in one line which argument is wrong.

Every parameter of every function, in every call of `reference_calls.py`, gets every one of some odd values in its
place; then pairs of them, drawn with a seed, do.
"""

import re
import warnings
from collections.abc import Mapping
from fractions import Fraction
from functools import reduce
from itertools import count

import numpy as np
import pytest

from reference import dataloader
from spec_tests.tooling.reference_calls import calls, parameters_of

pytestmark = [pytest.mark.tooling, pytest.mark.slow]

CALLS = list(calls())
IDS = [f"{call.function}-{number}" for number, call in enumerate(CALLS)]

PAIRS = 40
"""So many calls with two odd values are drawn for each call."""

EVERY = 5
"""Networks, a call of which takes long, get only every fifth odd value."""

LONGEST_MESSAGE = 600


class Raising:
    """What raises an error of its own when it is asked for its number, its items or its text."""

    def __index__(self):
        raise RuntimeError

    __array__ = __repr__ = __index__


class NoFloat(Fraction):
    """A real number that cannot be turned into a float."""

    def __float__(self):
        raise ZeroDivisionError


class NoItems(Mapping):
    """A mapping that has every name, and nothing under it."""

    def __getitem__(self, key):
        raise KeyError(key)

    def __iter__(self):
        return iter(["step"])

    def __len__(self):
        return 1

    def __contains__(self, key):
        return True


class EveryWord(str):
    """A word that says that it is any other."""

    __hash__ = str.__hash__

    def __eq__(self, other):
        return True


class Obeyed(int):
    """A number whose text a terminal obeys."""

    def __repr__(self):
        return "\x1b[31m\ud800\nred"


NESTED = reduce(lambda inside, _: [inside], range(100_000), [])
OF_OTHERS = [Raising(), NoFloat(1, 2), NoItems(), EveryWord("?"), Obeyed(-1), Fraction(10**400, 3), NESTED, count()]
ENDLESS = [np.broadcast_to(np.float32(1), shape) for shape in ((2**40,), (2**20, 2**20), (3, 2**17, 2**17))]
"""Arrays of one number, which looks like 2^34 and more."""

SCALARS = [
    getattr(np, name)(1)
    for name in (
        *("bool_", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64"),
        *("float16", "float32", "float64", "longdouble", "complex64", "complex128"),
    )
]
ODD = [
    *(None, True, False, "", "mean", "2", b"2", ..., object(), len, float, slice(2)),
    *(0, -1, 3, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 10**10, 10**400, 0.5, 1e308, np.nan, np.inf, -np.inf, 2j),
    *(
        [],
        (),
        [[]],
        {},
        {"step": -1},
        {"step": np.nan},
        {1: 2},
        set(),
        range(2),
        (1, 2, 3, 4, 5),
        ["1"],
        (None,),
        (10**400,),
    ),
    *((np.nan,), (2**62, 2**62), iter(())),
    *SCALARS,
    np.str_("mean"),
    np.datetime64("2020-01-01"),
    np.timedelta64(1),
    *(np.zeros(shape) for shape in ((), (0,), (3,), (0, 3), (2, 0, 5), (1, 2, 3, 4), (1,) * 7)),
    *(
        np.ones((2, 4, 6), dtype)
        for dtype in ("int64", "float16", "bool", "complex64", ">f8", "O", "U3", "M8[s]", "f4,f4")
    ),
    np.full((2, 4, 6, 5), np.nan),
    np.ma.masked_array(np.zeros((2, 3)), False),
    np.zeros((2, 3)).view(np.recarray),
    *OF_OTHERS,
    *ENDLESS,
]


def refusal(call, arguments):
    """Return the message with which a call is refused, or None if it is answered; any other exception passes on."""
    with warnings.catch_warnings(action="error"):
        try:
            result = call(arguments)
            if hasattr(result, "__next__"):
                next(result, None)
        except (TypeError, ValueError) as error:
            return str(error)
    return None


def is_a_network(call):
    return call.function.startswith(("cifar10_cnn", "resnet", "residual"))


def assert_one_short_line(message, what):
    assert message, what
    assert len(message) <= LONGEST_MESSAGE, (what, message)
    assert message.isprintable(), (what, message)


@pytest.mark.parametrize("call", CALLS, ids=IDS)
def test_an_odd_value_is_answered_or_refused_with_the_name_of_an_argument(call):
    named = "|".join(map(re.escape, parameters_of(call.function)))
    for name in call.arguments():
        for number, value in list(enumerate(ODD))[:: EVERY if is_a_network(call) else 1]:
            message = refusal(call, {**call.arguments(), name: value})

            if message is not None:
                assert_one_short_line(message, (name, number))
                assert re.search(rf"\b({named})|^[\w ]+ would have shape", message), (name, number, message)


@pytest.mark.parametrize("number", range(len(CALLS)), ids=IDS)
def test_two_odd_values_at_once_are_answered_or_refused_in_one_line(number):
    call, rng = CALLS[number], np.random.default_rng(number)
    names = list(call.arguments())
    for _ in range(PAIRS // EVERY if is_a_network(call) else PAIRS):
        chosen = {names[at]: ODD[int(rng.integers(len(ODD)))] for at in rng.integers(len(names), size=2)}

        message = refusal(call, call.arguments() | chosen)

        if message is not None:
            assert_one_short_line(message, chosen)


@pytest.mark.parametrize("name", ["sampler", "batch_sampler"])
@pytest.mark.parametrize("value", [3, Raising(), np.array(1)], ids=["number", "object", "array"])
def test_what_cannot_be_iterated_over_is_no_sampler(name, value):
    with pytest.raises(TypeError, match=f"^{name} must be something to iterate over, got "):
        dataloader.batches(6, **{name: value})
