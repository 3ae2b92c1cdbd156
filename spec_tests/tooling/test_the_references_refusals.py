"""Whatever comes in place of an argument of a reference is computed with, or refused in one line that names it."""

import random
import re
import tracemalloc
import types
import warnings
from collections.abc import Mapping
from fractions import Fraction
from functools import partial

import numpy as np
import pytest

import reference
from reference import dataloader, definition
from spec_tests.tooling.reference_calls import calls
from spec_tests.vocabulary.compare import assert_equal

pytestmark = [pytest.mark.tooling, pytest.mark.slow]

CALLS = list(calls())
IDS = [f"{call.function}-{sum(other.function == call.function for other in CALLS[:n])}" for n, call in enumerate(CALLS)]
AT_A_TIME = 50
"""How much nonsense, of all that there is, takes the place of each argument."""

LONGEST = 300
LARGEST = 2**28
"""Bytes that a call may allocate: its own arrays are small."""


class Unwritable:
    """An object that cannot be written."""

    def __repr__(self):
        """Raise what no caller expects."""
        raise KeyError("unwritable")


NUMBERS = (
    0,
    -1,
    2,
    10**10,
    2**31,
    2**63,
    -(2**63),
    10**400,
    -(10**5000),
    0.5,
    -0.5,
    1e300,
    np.nan,
    np.inf,
    -np.inf,
    1j,
)
OTHERS = (
    *(None, True, False, "", "mean", "x" * 10_000, b"x", object(), object, Unwritable(), len, types, slice(1), ...),
    *([], (), (1,), (1,) * 7, [None], ["a"], (2**63, 1), (10**10, 10**10), {}, {"a": 1}, {1: 2}, {1, 2}, range(3)),
    *(np.str_("a"), np.bytes_(b"a"), np.datetime64("2020"), np.timedelta64(1), np.void(b"abc")),
    *(np.array(["a"]), np.array([None]), np.array([1, 2], "M8[s]"), np.zeros(3, [("a", "f4")]), np.ma.zeros(3)),
    *(
        np.ones((1, 1)).view(np.recarray),
        np.ones(3, ">f4"),
        np.full((3, 3), np.nan),
        np.broadcast_to(np.float32(1), (1,) * 63),
    ),
)
DTYPES = (
    "bool",
    "int8",
    "uint8",
    "int16",
    "int64",
    "uint64",
    "float16",
    "float32",
    "float64",
    "longdouble",
    "complex64",
)
SHAPES = ((), (0,), (1,), (3,), (2, 0, 3), (1, 1), (2, 3, 4), (1, 2, 3, 4), (1, 2, 3, 4, 5), (1,) * 8)
SCALARS = [np.ones((), dtype)[()] * factor for dtype in DTYPES for factor in (0, 1)]
ARRAYS = [np.ones(shape, dtype) for dtype in DTYPES for shape in SHAPES]
NONSENSE = (*NUMBERS, *OTHERS, *SCALARS, *ARRAYS)


@pytest.mark.parametrize("call", CALLS, ids=IDS)
def test_nonsense_as_an_argument_is_a_type_or_value_error_that_names_it(call, request):
    rng, given = random.Random(request.node.name), call.arguments()
    names = {*given, *(part for value in given.values() if isinstance(value, Mapping) for part in named_by(value))}

    for name in given:
        for nonsense in rng.sample(NONSENSE, AT_A_TIME):
            for words, arguments in replacing(given, name, nonsense):
                message = refusal(call, arguments)
                if message is not None:
                    assert "\n" not in message
                    assert len(message) <= LONGEST, message
                    assert re.search(rf"\b({'|'.join({*words, *names})})\b|would have shape", message), message


def named_by(mapping):
    """Return the words that may name a part of a mapping."""
    return {word for key in mapping for word in (key, *key.split("."))}


def replacing(given, name, nonsense):
    """Yield arguments in which nonsense is in place of one, or of a part of it, with the words that may name it."""
    value = given[name]
    yield [name], {**given, name: nonsense}
    if isinstance(value, tuple | list):
        yield [name], {**given, name: type(value)([nonsense, *value[1:]])}
    if isinstance(value, Mapping):
        for key in {*list(value)[:1], *list(value)[-1:]}:
            yield [name, key], {**given, name: {**value, key: nonsense}}


def refusal(call, arguments):
    """Return the message with which a call refuses its arguments, or None; any other exception is not caught."""
    tracemalloc.start()
    try:
        with np.errstate(all="raise"), warnings.catch_warnings(action="error"):
            call(arguments)
        return None
    except (TypeError, ValueError) as error:
        return str(error)
    finally:
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < LARGEST


@pytest.mark.parametrize("function", ["resnet18", "cifar10_cnn_layers_backward", "residual_block"])
def test_a_parameter_that_is_missing_is_named(function):
    (call,) = [call for call in CALLS if call.function == function]
    given = call.arguments()
    name = next(iter(given["parameters"]))
    del given["parameters"][name]

    with pytest.raises(ValueError, match=rf"^parameters lack .*{re.escape(name)}"):
        call(given)


@pytest.mark.parametrize("loss", [reference.l1_loss, reference.mse_loss])
def test_none_is_no_operand(loss):
    for operands in ((None, np.ones(1)), (np.ones(1), None)):
        with pytest.raises(TypeError, match="must be a NumPy array, got NoneType"):
            loss(*operands)


ONES = partial(np.ones, dtype="float32")
WRONG_IN_ONE_THING = {
    "Nesterov's momentum with a dampening below 0": (
        lambda: reference.sgd(ONES(2), ONES(2), {}, momentum=0.9, dampening=-0.5, nesterov=True),
        "nesterov",
    ),
    "label smoothing below 0": (
        lambda: reference.cross_entropy(ONES((1, 2)), np.array([0]), label_smoothing=-0.5),
        r"label_smoothing must be from 0 to 1, got -0\.5",
    ),
    "no pictures, made larger than any memory": (
        lambda: reference.resize(ONES((0, 4, 5)), (2**16, 2**15)),
        r"the resized image would have shape \(0, 65536, 32768\), expected fewer than 2\^31 elements",
    ),
    "a weight of one axis more": (
        lambda: reference.conv2d(ONES((1, 1, 3, 3, 3)), ONES((1, 1, 2, 2, 2))),
        "weight has 5 axes, expected 4",
    ),
    "a kernel of a single cell without axes": (
        lambda: definition.convolution(ONES((1, 2)), ONES((3, 2))),
        "input has 2 axes and weight 2, expected the same number, at least 3",
    ),
    "an input of one axis more": (
        lambda: reference.conv2d(ONES((1, 1, 1, 3, 3)), ONES((1, 1, 2, 2))),
        "input has 5 axes, expected 4",
    ),
    "padding that copies, along no axis": (
        lambda: reference.pad(ONES((1, 1, 3)), (), "reflect"),
        "pads 1 to 3 axes after 1 or 2 others, got 0 after 3",
    ),
    "a sampler without axes": (
        lambda: next(dataloader.data_loader([1, 2], sampler=np.array(0))),
        r"sampler must be something to iterate over, got array\(0\)",
    ),
}


@pytest.mark.parametrize("case", WRONG_IN_ONE_THING)
def test_a_call_that_is_wrong_in_one_thing_is_refused(case):
    call, message = WRONG_IN_ONE_THING[case]
    with pytest.raises((TypeError, ValueError), match=message):
        call()


@pytest.mark.parametrize("cut_off", [1, 2, 3])
@pytest.mark.parametrize("mode", ["reflect", "replicate", "circular"])
def test_where_padding_copies_cells_it_cuts_none_off(mode, cut_off):
    with pytest.raises(ValueError, match=f"crops more than mode '{mode}' allows of 3 cells"):
        reference.pad(np.ones((1, 3)), (-cut_off, 0), mode)


def test_a_weight_without_any_axis_is_refused():
    with pytest.raises(ValueError, match=r"weight_size must have at least one number, got \(\)"):
        reference.conv2d_weight(np.ones((1, 1, 2, 2)), (), np.ones((1, 1, 1, 1)))


class Broken(Mapping):
    """A mapping of somebody else, whose items raise an error of its own."""

    def __getitem__(self, key):
        """Raise it."""
        raise RuntimeError(key)

    def __iter__(self):
        """Return the names."""
        return iter(["conv1.weight"])

    def __len__(self):
        """Count them."""
        return 1


def test_a_mapping_that_raises_is_refused_as_any_other_object():
    with pytest.raises(TypeError, match="must be a mapping from names to arrays, got Broken"):
        reference.cifar10_cnn(np.zeros((1, 3, 32, 32)), Broken())


class Raising(Fraction):
    """A number of somebody else, which raises an error of its own."""

    def __float__(self):
        """Raise it."""
        raise RuntimeError(self)


def test_a_number_that_raises_is_refused_as_any_other_object():
    image = np.ones((1, 1, 1))

    with pytest.raises(TypeError, match=r"^brightness_factor must be a number, got Raising\(1, 2\)"):
        reference.adjust_brightness(image, Raising(1, 2))
    assert_equal(reference.adjust_brightness(image, Fraction(1, 2)), image / 2)
