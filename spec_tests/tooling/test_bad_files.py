"""Files that are damaged or mean harm, and moments at which a file must not be half written."""

import contextlib
import io
import os
import pickle
import re
import signal
import subprocess
import sys
import time
import tracemalloc
import warnings
import zipfile
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torchvision.datasets import CIFAR10

from reference import archives, datasets, initial_parameters
from reference.training import Checkpoint, Training
from reference.whole_files import ABANDONED
from spec_tests.run import given_files

pytestmark = [pytest.mark.tooling, pytest.mark.slow]

WRITER = """
import sys
import numpy as np
from pathlib import Path
from reference import initial_parameters
from reference.training import Checkpoint, Training

training = Training(initial_parameters(np.random.default_rng(int(sys.argv[2]))))
for _ in range(60):
    Checkpoint(training, {}).save(Path(sys.argv[1]))
"""


class Harmful:
    """An object whose pickle makes a folder when it is read."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


@pytest.fixture
def folder(tmp_path):
    """A stand-in for CIFAR-10."""
    return datasets.write_cifar10(tmp_path, train_images=10, test_images=5)


def with_checksums(folder):
    """Bring the folder's checksums up to date with its files."""
    files = [path for path in folder.iterdir() if path.name != archives.CHECKSUMS]
    lines = [f"{archives.md5_of(path)}  {path.name}\n" for path in files]
    (folder / archives.CHECKSUMS).write_text("".join(lines), encoding="utf-8")


# Pickles


@pytest.mark.parametrize("file", ["data_batch_1", "test_batch", "batches.meta"])
def test_a_pickle_behind_right_checksums_runs_nothing(folder, tmp_path, file):
    (folder / file).write_bytes(pickle.dumps({"data": Harmful(tmp_path / "harm")}))
    with_checksums(folder)

    with pytest.raises(ValueError, match=r"is not a file of CIFAR: it names '\w+.mkdir', expected nothing but arrays"):
        [datasets.cifar10(folder.parent, train=train) for train in (True, False)]
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a file of CIFAR: pickle exhausted before seeing STOP"),
        (pickle.dumps([1]), "it holds a list, expected a dictionary"),
        (pickle.dumps({"labels": [0]}), "its data are not rows of 3072 bytes"),
        (pickle.dumps({"data": np.zeros((2, 3072), np.uint8), "labels": [0]}), "one label for each of its 2 images"),
        (pickle.dumps({"data": np.zeros((1, 3072), np.uint8), "labels": [10]}), "not numbers from 0 to 9"),
        (pickle.dumps({"data": np.zeros((1, 3072), np.int8), "labels": [0]}), "an array that is not of bytes"),
        (pickle.dumps({"data": np.array([{}])}), "an array that is not of bytes|not a file of CIFAR"),
        (
            pickle.dumps({"data": np.asfortranarray(np.zeros((2, 3072), np.uint8)), "labels": [0, 0]}),
            "an array that is not of bytes, row by row",
        ),
        *(
            (pickle.dumps({"data": np.zeros(shape, np.uint8), "labels": [0]}), "its data are not rows of 3072 bytes")
            for shape in ((3072,), (1, 3072, 1), (1, 3073), (1, 3071), (1, 3, 32, 32))
        ),
        (pickle.dumps({"data": np.zeros((1, 3072), np.uint8), "labels": [0, 0]}), "one label for each of its 1 images"),
        *(
            (pickle.dumps({"data": np.zeros((1, 3072), np.uint8), "labels": [label]}), "not numbers from 0 to 9")
            for label in (11, -1, 1.0, True)
        ),
    ],
)
def test_wrong_content_behind_right_checksums_is_refused_with_the_reason(folder, content, message):
    (folder / "data_batch_3").write_bytes(content)
    with_checksums(folder)

    with pytest.raises(ValueError, match=message):
        datasets.cifar10(folder.parent)


@pytest.mark.parametrize("names", [[1, 2], ("airplane", "automobile"), ["airplane", None], "airplane"])
def test_names_that_are_no_list_of_texts_are_refused(folder, names):
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": names}))
    with_checksums(folder)

    reason = r"has no list 'label_names' of names|holds a (tuple|NoneType), expected numbers, texts, .* arrays of bytes"
    with pytest.raises(ValueError, match=rf"batches\.meta is not .*: it ({reason})$"):
        datasets.cifar10(folder.parent)


TWO_ROWS, THREE, ONE = (b"J" + rows.to_bytes(4, "little") + b"J\x00\x0c\0\0" for rows in (2, 3, 1))
"""In a pickle, the shapes of arrays of so many rows of 3,072."""


@pytest.mark.parametrize(
    ("before", "after"),
    [(b"u1", b"u2"), (TWO_ROWS, THREE), (TWO_ROWS, ONE)],
    ids=["another dtype", "more rows than bytes", "fewer rows than bytes"],
)
def test_an_array_that_is_not_what_it_says_is_refused(tmp_path, before, after):
    archives.write_pickle(tmp_path / "whole", {"data": np.zeros((2, 3072), np.uint8)})
    content = (tmp_path / "whole").read_bytes()
    assert content.count(before) == 1

    with pytest.raises(ValueError, match="it holds an array that is not of bytes, row by row"):
        archives.read_pickle(content.replace(before, after))


PLAIN = {
    "a": [1, -2, 2**70, 300, 70_000, 0.5, True, False, [], [[3]]],
    "b": {"c": {}, "d": {"e": ["f", b"\xff\x00", b""]}},
    "é": "字" * 300,
}
"""A dictionary of everything that a list or dictionary may hold, but for arrays."""


@pytest.mark.parametrize("encoding", ["latin1", "bytes"])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_dictionary_that_python_pickled_is_read_in_every_protocol(protocol, encoding):
    assert archives.read_pickle(pickle.dumps(PLAIN, protocol), encoding) == PLAIN


@pytest.mark.parametrize("rows", [0, 2])
@pytest.mark.parametrize("writable", [True, False])
@pytest.mark.parametrize("encoding", ["latin1", "bytes"])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_of_bytes_that_python_pickled_are_read_in_every_protocol(protocol, encoding, writable, rows):
    array = np.arange(rows * 3072).astype(np.uint8).reshape(rows, 3072)
    array.setflags(write=writable)

    found = archives.read_pickle(pickle.dumps({"data": array, "more": [array, array[:1]]}, protocol), encoding)

    for read, written in ((found["data"], array), (found["more"][0], array), (found["more"][1], array[:1])):
        assert read.dtype == np.uint8
        np.testing.assert_array_equal(read, written)


@pytest.mark.parametrize("encoding", ["latin1", "bytes"])
def test_texts_of_python_2_are_read_by_an_encoding_or_left_as_bytes(encoding):
    content = b"(dp1\nS'data'\np2\nI7\nsS'label\\tx'\np3\n(lp4\nU\x02\xe9\xfda" + b"T\x01\x00\x00\x00aas."

    expected = {"data": 7, "label\tx": ["\xe9\xfd", "a"]}
    if encoding == "bytes":
        expected = {b"data": 7, b"label\tx": [b"\xe9\xfd", b"a"]}
    assert archives.read_pickle(content, encoding) == expected


@pytest.mark.parametrize("encoding", ["latin1", "bytes"])
def test_an_array_that_python_2_pickled_is_read_by_any_encoding(encoding):
    content = b"\x80\x02}U\x01a" + an_array(b"K\x01K\x03\x86", b"U\x03\x00\x7f\xff") + b"s."

    (array,) = archives.read_pickle(content, encoding).values()

    assert (array.dtype, array.tolist()) == (np.uint8, [[0, 127, 255]])


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("fix_imports", [True, False])
def test_any_number_of_bytes_is_read_in_every_protocol(protocol, fix_imports):
    names = [b"%d.png" % number for number in range(100)] + [b""]

    content = pickle.dumps({"filenames": names}, protocol, fix_imports=fix_imports)

    assert archives.read_pickle(content) == {"filenames": names}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_an_array_column_by_column_is_refused_in_every_protocol(protocol):
    content = pickle.dumps({"data": np.asfortranarray(np.zeros((2, 3), np.uint8))}, protocol)

    with pytest.raises(ValueError, match="it holds an array that is not of bytes, row by row"):
        archives.read_pickle(content)


@pytest.mark.parametrize("text", [b"X\x02\0\0\0\xc3\xa9", b"U\x02ab", b"C\x02ab"])
def test_of_equal_texts_there_is_one(text):
    """To find a long one among others would take its length each time."""
    first, second = archives.read_pickle(b"\x80\x04}U\x01a](" + text + text + b"es.", "bytes")[b"a"]

    assert first is second


def test_texts_of_python_2_are_read_by_whatever_encoding_is_named():
    assert archives.read_pickle(b"}U\x01aU\x02\xc3\xa9s.", "utf-8") == {"a": "é"}
    assert archives.read_pickle(b"}U\x01aK\x01s.", "ascii") == {"a": 1}


@pytest.mark.parametrize("order", [b"A", b"K", b"F", b""])
def test_an_array_made_of_bytes_lies_row_by_row(order):
    given = b"C\x01xcnumpy\ndtype\nU\x02u1\x85RK\x01\x85U" + bytes([len(order)]) + order
    content = b"\x80\x04}U\x01acnumpy._core.numeric\n_frombuffer\n(" + given + b"tRs."

    assert archives.read_pickle(content.replace(b"U" + bytes([len(order)]) + order + b"t", b"U\x01Ct"))["a"] == [120]
    with pytest.raises(ValueError, match="it holds an array that is not of bytes, row by row"):
        archives.read_pickle(content)


def test_a_list_may_hold_itself():
    found = archives.read_pickle(b"\x80\x02}U\x01a]q\x00h\x00as.")

    assert found["a"][0] is found["a"]


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize("key", [0, 2**70, 0.5, None, True, (), ("a",)], ids=repr)
def test_the_keys_of_a_dictionary_are_texts(key, protocol):
    for content in ({key: 0}, {"a": 0, key: 0}, {"a": [{"b": 0, key: 0}]}):
        with pytest.raises(ValueError, match=f"a dictionary with a {type(key).__name__} for a key, expected texts"):
            archives.read_pickle(pickle.dumps(content, protocol))


@pytest.mark.parametrize("protocol", range(2, 6))
@pytest.mark.parametrize("value", [None, (), ("a",), bytearray(3), np.dtype("u1"), np.ndarray], ids=repr)
def test_other_values_than_numbers_texts_lists_and_arrays_are_refused(value, protocol):
    for content in ({"a": value}, {"a": 0, "b": value}, {"a": [value]}, {"a": [0, value]}, {"a": {"b": value}}):
        with pytest.raises(ValueError, match=r"it (holds|has an instruction|names) "):
            archives.read_pickle(pickle.dumps(content, protocol))


HOURS = {
    "one key": b"\x80\x02}K\x00K\x01s.",
    "the last of several": b"\x80\x02}(U\x01aK\x01K\x00K\x01u.",
    "the first of several": b"\x80\x02}(K\x00K\x01U\x01aK\x01u.",
    "a dictionary made at once": b"\x80\x02(U\x01aK\x01K\x00K\x01d.",
    "40 tuples of twice the one before": b"\x80\x02}K\x00" + b"q\x00h\x00\x86" * 40 + b"K\x01s.",
    "100,000 numbers with the same hash": b"\x80\x02}("
    + b"".join(
        b"\x8a\x0a" + (factor * sys.hash_info.modulus).to_bytes(10, "little", signed=True) + b"K\x01"
        for factor in range(1, 100_001)
    )
    + b"u.",
}
"""Pickles of dictionaries with other keys than texts; Python itself would take hours for the last two."""


@pytest.mark.parametrize("case", HOURS)
def test_a_key_that_is_no_text_is_refused_before_it_is_looked_for(case):
    with pytest.raises(ValueError, match=r"a dictionary with a (int|tuple) for a key, expected texts"):
        archives.read_pickle(HOURS[case])


@pytest.mark.parametrize("content", [{1, 2}, frozenset((1, 2)), set()], ids=repr)
def test_sets_are_refused(content):
    with pytest.raises(ValueError, match=r"it has an instruction (EMPTY_SET|FROZENSET), expected those of dictionar"):
        archives.read_pickle(pickle.dumps({"a": content}, protocol=4))


SHAPES = {
    "a text": b"U\x01aK\x01\x86",
    "a text many times": b"U\x01aJ\x00\x00\x00\x20\x86",
    "a list": b"]K\x01a",
    "nine axes": b"(" + b"K\x01" * 9 + b"t",
    "100,000 axes": b"(" + b"K\x02" * 10**5 + b"t",
    "a fraction": b"G\x3f\xf0\x00\x00\x00\x00\x00\x00\x85",
    "a truth value": b"\x88\x85",
    "a negative number": b"J\xff\xff\xff\xff\x85",
    "2 to the 63": b"K\x00\x8a\x09" + (2**63).to_bytes(9, "little") + b"\x86",
    "2 to the 70": b"K\x00\x8a\x09" + (2**70).to_bytes(9, "little") + b"\x86",
}
"""Opcodes of what is no shape of an array."""


@pytest.mark.parametrize("case", SHAPES)
def test_the_shape_of_an_array_is_a_tuple_of_a_few_whole_numbers(case):
    content = b"\x80\x02}U\x01a" + an_array(SHAPES[case], b"U\x01x") + b"s."

    with pytest.raises(ValueError, match="it holds an array whose shape is no tuple of a few whole numbers"):
        archives.read_pickle(content)


def test_a_size_of_63_bits_is_one_that_the_bytes_do_not_have():
    content = b"\x80\x02}U\x01a" + an_array(b"\x8a\x08" + b"\xff" * 7 + b"\x7f\x85", b"U\x01x") + b"s."

    with pytest.raises(ValueError, match="it holds an array that is not of bytes, row by row"):
        archives.read_pickle(content)


def test_an_array_has_eight_axes_at_most():
    content = b"\x80\x02}U\x01a" + an_array(b"(" + b"K\x01" * 8 + b"t", b"U\x01x") + b"s."

    assert archives.read_pickle(content)["a"].shape == (1,) * 8


def an_array(shape, content):
    """Return the opcodes of an array of bytes."""
    made = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    return made + b"(K\x01" + shape + b"cnumpy\ndtype\nU\x02u1\x89\x88\x87R\x89" + content + b"tb"


@pytest.mark.parametrize("content", [b"K\x01", b"N", b"]", b"K\x01\x85"])
def test_the_content_of_an_array_is_text_or_bytes(content):
    with pytest.raises(ValueError, match="it holds an array that is not of bytes, row by row"):
        archives.read_pickle(b"\x80\x02}U\x01a" + an_array(b"K\x01\x85", content) + b"s.")


def test_the_dtype_of_an_array_is_one():
    content = an_array(b"K\x01\x85", b"U\x01x").replace(b"cnumpy\ndtype\nU\x02u1\x89\x88\x87R", b"U\x02u1")

    with pytest.raises(ValueError, match="it holds an array that is not of bytes, row by row"):
        archives.read_pickle(b"\x80\x02}U\x01a" + content + b"s.")


@pytest.mark.parametrize("more", [0, 1])
def test_what_a_pickle_holds_is_copied_twice_and_no_more(more):
    """Python 3 writes bytes for Python 2 as a text to be encoded, of which an array is made."""
    text = b"X" + (1000).to_bytes(4, "little") + b"a" * 1000
    encoded = b"c_codecs\nencode\n" + text + b"q\x07X\x06\0\0\0latin1\x86Rq\x08"
    array = b"U\x01b" + an_array(b"M\xe8\x03\x85", b"h\x08")
    content = b"\x80\x02}(U\x01a" + encoded + array * (1 + more) + b"u."

    refused = pytest.raises(ValueError, match="it copies what it holds more than twice")
    with refused if more else contextlib.nullcontext():
        assert archives.read_pickle(content)["b"].tolist() == [97] * 1000


@pytest.mark.parametrize("more", [0, 1])
def test_so_many_instructions_and_no_more_are_followed(more):
    content = b"N" * (archives.MOST_INSTRUCTIONS - 1 + more) + b"."
    assert archives.MOST_INSTRUCTIONS == 4_194_304

    with pytest.raises(ValueError, match="it has more than 4,194,304 instr" if more else "it holds a NoneType"):
        archives.read_pickle(content)


def test_a_long_code_of_a_dtype_is_not_copied_for_each():
    long = b"B" + (50_000).to_bytes(4, "little") + b"x" * 50_000
    content = b"\x80\x03cnumpy\ndtype\nq\0" + long + b"\x85q\1" + b"h\0h\1R" * 10_000 + b"}."

    tracemalloc.start()
    try:
        assert archives.read_pickle(content) == {}
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < 100 * len(content)  # copies take 5,000 times as much


@pytest.mark.parametrize("code", [b"X\x02\0\0\0i1", b"U\x02i1", b"K\x01", b"]", b"N"])
def test_a_dtype_that_is_not_of_bytes_is_none_for_an_array(code):
    content = an_array(b"K\x01\x85", b"U\x01x").replace(b"U\x02u1", code)

    with pytest.raises(ValueError, match="it holds an array that is not of bytes, row by row"):
        archives.read_pickle(b"\x80\x02}U\x01a" + content + b"s.", "bytes")


COLLIDING = """
import resource

resource.setrlimit(resource.RLIMIT_CPU, (30, 30))

from reference import archives

size, number, chosen = 2**17, 5 * 200 + (200 >> 5) + 1, []
for _ in range(size * 2 // 3 - 5):
    chosen.append(number)
    number = (5 * number + 1) % size
remembered = b"".join(b"r" + number.to_bytes(4, "little") for number in [size + 200, *chosen])
print(archives.read_pickle(b"\\x80\\x02}" + remembered + b"q\\xc8" * 10**6 + b"."))
"""
"""In a dictionary of 2 ** 17 places, these numbers would lie where 200 is looked for: minutes; in a list, a second."""


@pytest.mark.skipif(os.name == "nt", reason="Windows does not limit the time of a process")
def test_no_choice_of_numbers_makes_what_is_remembered_slow_to_find():
    found = subprocess.run(
        [sys.executable, "-c", COLLIDING], cwd=Path(archives.__file__).parents[1], capture_output=True, text=True
    )

    assert (found.returncode, found.stdout, found.stderr) == (0, "{}\n", "")


def test_the_list_of_what_is_remembered_is_as_long_as_the_largest_number_asks():
    machine = archives._Machine(10, "latin1")
    machine.push(1)

    lengths = [machine.remember(number) or len(machine.remembered) for number in (0, 3, 1, 5, 5)]

    assert lengths == [1, 4, 4, 6, 6]


def test_what_is_remembered_next_gets_the_number_of_what_is_remembered():
    one, two = b"U\x01x", b"U\x01y"
    content = b"\x80\x04}(U\x01aq\x05" + one + b"\x94" + two + b"q\x01U\x01bh\x01u."

    assert archives.read_pickle(content.replace(two + b"q\x01", b"")) == {"a": "x", "b": "x"}


@pytest.mark.parametrize("number", [b"h\x02", b"h\x04", b"h\x06", b"h\x07", b"g-1\n"])
def test_nothing_is_remembered_by_a_number_beside_those_that_were_given(number):
    """Numbers 3 and 5 are."""
    with pytest.raises(ValueError, match=r"it remembers nothing by the number -?[0-9]"):
        archives.read_pickle(b"}q\x03q\x05" + number + b".")


def test_what_python_says_of_the_texts_in_a_file_is_not_shown():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert archives.read_pickle(b"}U\x01aS'\\z'\ns.") == {"a": "\\z"}


def test_a_long_reason_is_cut_before_anything_is_done_with_it():
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="is not a file of CIFAR") as refused:
            archives.read_pickle(b"S" + b"ab " * 10**6 + b"\n.")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(str(refused.value)) < 250
    assert most < 30 * 10**6  # a list of its words takes 60 * 10**6 more


@pytest.mark.parametrize("more", [0, 1])
def test_an_object_is_remembered_by_a_number_up_to_the_length(more):
    content = b"\x80\x02}r" + (9 + more).to_bytes(4, "little") + b"."

    assert len(content) == 9
    refused = pytest.raises(ValueError, match="by the number 10, beyond its own length")
    with refused if more else contextlib.nullcontext():
        assert archives.read_pickle(content) == {}


REMEMBERED_AS_2_TO_THE_31 = b"\x80\x02}r\x00\x00\x00\x80."
"""An empty dictionary, for which Python's own unpickler, in C, asks for 32 GB."""
TWICE = b"q\x00h\x00\x86"
"""Opcodes that put a pair of what is on the stack there: forty make what it takes hours to write out."""


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (REMEMBERED_AS_2_TO_THE_31, "it remembers an object by the number 2147483648, beyond its own length"),
        (b"\x80\x05\x96" + (2**40).to_bytes(8, "little") + b".", "expected 1099511627776 bytes"),
        (b"}p-1\n.", "it remembers an object by the number -1, beyond its own length"),
        (b"}p" + b"9" * 4300 + b"\n.", r"by the number 9+\.\.\., beyond its own length"),
        (pickle.dumps({"a": bytearray(3)}, protocol=5), "it holds a bytearray, expected numbers, texts, lists"),
        (b"\x80\x02\x82\x01.", "it has an instruction EXT1, expected those of dictionaries of arrays"),
        (b"\x80\x02K\x01Q.", "it has an instruction BINPERSID,"),
        (b"\x80\x05\x97.", "it has an instruction NEXT_BUFFER,"),
        (b"\x80\x02cnumpy\nndarray\n)\x81.", "it has an instruction NEWOBJ,"),
        (b"\x80\x02(inumpy\ndtype\n.", "it has an instruction INST,"),
        (b"\x80\x02}N2.", "it has an instruction DUP,"),
        (b"\x80\x02N" + TWICE * 40 + b"NR.", "it calls what is no function, or without a tuple of arguments"),
        (b"\x80\x02cnumpy\ndtype\nN" + TWICE * 40 + b"b.", "it fills what is no array, or not with a shape"),
        (b"\x80\x02N" + TWICE * 40 + b"N\x93.", "it names something by what is no text"),
        (b"\x80\x02X\x01\0\0\0aN" + TWICE * 40 + b"\x93.", "it names something by what is no text"),
        (b"\x80\x02cnumpy\ndtype\nN" + TWICE * 40 + b"R.", "it holds a dtype, expected a dictionary"),
        (b"\x80\x02U\x02\x1b[NR.", "it calls what is no function, or without a tuple of arguments"),
        (b"\x80\x02cnumpy\ndtype\n}R.", "it calls what is no function, or without a tuple of arguments"),
        (b"\x80\x02cnumpy\ndtype\n)R.", "it calls dtype otherwise than for arrays of bytes"),
        (b"\x80\x02c_codecs\nencode\nX\x01\0\0\0aX\x05\0\0\0utf-8\x86R.", "it calls encode otherwise than for arrays"),
        (b"\x80\x02c_codecs\nencode\nNX\x06\0\0\0latin1\x86R.", "it calls encode otherwise than for arrays of bytes"),
        (b"\x80\x04cnumpy\ndtype\n\x94}U\x06appendh\0sb.", "it holds the name of a function, expected numbers, texts"),
        (b"\x80\x04]N}U\x01aK\x01s\x86b.", "it fills what is no array, or not with a shape, a dtype and bytes"),
        (an_array(b"K\x01\x85", b"U\x01x")[:-2] + b"K\x01tb.", "it fills what is no array, or not with a shape"),
        (b"cnumpy\nndarray\n)R.", "it calls ndarray otherwise than for arrays of bytes"),
        (b"c__builtin__\nbytes\nK\x01\x85R.", "it calls bytes otherwise than for arrays of bytes"),
        (b"cnumpy.core.multiarray\n_reconstruct\n)R.", "it calls _reconstruct otherwise than for arrays of bytes"),
        (b"cnumpy._core.numeric\n_frombuffer\nNNN\x87R.", "it calls _frombuffer otherwise than for arrays of bytes"),
        (
            b"}U\x01acnumpy.core.multiarray\n_reconstruct\nNNN\x87Rs.",
            "it holds an array without content, expected numb",
        ),
        (
            b"}U\x01a" + an_array(b"K\x00" + b"\x8a\x08\0\0\0\0\0\0\0\x40" * 2 + b"\x87", b"U\0") + b"s.",
            "array is too big",
        ),
        (b"c_codecs\nencode\nX\x03\0\0\0\xe5\xad\x97X\x06\0\0\0latin1\x86R.", "codec can't encode character"),
        (
            b"X"
            + (99).to_bytes(4, "little")
            + b"a" * 99
            + b"p0\n"
            + b"c_codecs\nencode\ng0\nX\x06\0\0\0latin1\x86R" * 9,
            "it copies what it holds more than twice",
        ),
        (b"]N\x93.", "it names something by what is no text"),
        (b"h\x01.", "it remembers nothing by the number 1"),
        *((code + b".", "it takes more from the stack than is there") for code in (b"", b"a", b"N\x86", b"q\0")),
        *((code + b".", "it takes what follows a mark where there is none") for code in (b"e", b"t", b"l", b"NNd")),
        (b"NNa.", "it appends to what is no list"),
        (b"Na.", "it appends to what is no list"),
        (b"}(U\x01aK\x01e.", "it appends to what is no list"),
        (b"](U\x01aK\x01u.", "it sets items of what is no dictionary, or a key without a value"),
        (b"}(U\x01au.", "it sets items of what is no dictionary, or a key without a value"),
        (b"(U\x01ad.", "it sets items of what is no dictionary, or a key without a value"),
        (b"N.", "it holds a NoneType, expected a dictionary"),
        (b"cnumpy\ndtype\n.", "it holds the name of a function, expected a dictionary"),
        (b"c\x1b[31mos\nsystem\n.", re.escape(r"it names '\x1b[31mos.system'")),
        (b"\x80\x02" + b"]" * 10**5 + b"a" * (10**5 - 1) + b".", "it holds a list"),
    ],
)
def test_a_pickle_gets_no_more_memory_than_its_length_and_calls_nothing(content, message):
    with pytest.raises(ValueError, match=f"^is not a file of CIFAR: .*{message}") as refused:
        archives.read_pickle(content)

    assert str(refused.value).isprintable()


def test_our_reader_makes_of_a_stand_in_what_torchvision_makes_of_it(folder):
    checked = type("CIFAR10", (CIFAR10,), datasets.expected_files(folder.parent, CIFAR10))

    ours, theirs = vars(datasets.cifar10(folder.parent)), vars(checked(folder.parent))

    assert ours.keys() == theirs.keys()
    assert np.array_equal(ours.pop("data"), theirs.pop("data"))
    assert {name: ours[name] for name in ("targets", "classes", "class_to_idx", "train", "root")} == {
        name: theirs[name] for name in ("targets", "classes", "class_to_idx", "train", "root")
    }


def test_the_real_data_unpacked_over_a_stand_in_are_read_as_the_real_ones(folder, monkeypatch):
    sums = datasets.expected_files(folder.parent, CIFAR10)
    (folder / archives.CHECKSUMS).write_text("0  data_batch_1\n", encoding="utf-8")  # as of another stand-in
    for name, value in sums.items():
        monkeypatch.setattr(CIFAR10, name, value)  # this stand-in's sums are published

    assert len(datasets.cifar10(folder.parent)) == 10


# Checkpoints


def training(**changed):
    """Return a training after a step, with these arrays in its state of one parameter."""
    parameters = initial_parameters(np.random.default_rng(0))
    return Training(parameters, {"conv1.bias": changed} if changed else {}, 1)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (training(square_avg=np.full(32, -1, np.float32)), "has negative squares in the state 'square_avg'"),
        (training(momentum_buffer=np.full(32, np.nan, np.float32)), "has NaN in the state 'momentum_buffer'"),
        (Training({"conv1.bias": np.full(32, np.inf)}), "has parameters that are not finite"),
    ],
)
def test_a_training_that_cannot_go_on_does_not_replace_a_good_checkpoint(tmp_path, bad, message):
    path = tmp_path / "c.npz"
    Checkpoint(training(), {"seed": "1"}).save(path)

    with pytest.raises(ValueError, match=message):
        Checkpoint(bad, {}).save(path)
    assert Checkpoint.load(path).settings == {"seed": "1"}
    assert list(tmp_path.iterdir()) == [path]


def test_a_checkpoint_with_any_damaged_byte_is_refused_or_whole(tmp_path):
    path, rng = tmp_path / "c.npz", np.random.default_rng(0)
    Checkpoint(training(step=1, square_avg=np.zeros(32, np.float32)), {"seed": "1"}).save(path)
    whole = path.read_bytes()
    places = [*range(200), *range(len(whole) - 1500, len(whole)), *rng.integers(0, len(whole), 300)]
    expected = contents(Checkpoint.load(path))

    for place in places[::3]:
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged)
        with contextlib.suppress(ValueError):  # any other exception fails
            assert contents(Checkpoint.load(path)) == expected, place


def contents(checkpoint):
    """Return all that a checkpoint holds, in a form that can be compared."""
    training = checkpoint.training
    arrays = {**training.parameters, **{(name, key): v for name, s in training.states.items() for key, v in s.items()}}
    return training.steps, checkpoint.settings, {name: np.asarray(value).tobytes() for name, value in arrays.items()}


def test_a_checkpoint_that_was_cut_off_is_refused(tmp_path):
    path, rng = tmp_path / "c.npz", np.random.default_rng(0)
    Checkpoint(training(), {"seed": "1"}).save(path)
    whole = path.read_bytes()

    for length in (0, 1, len(whole) - 1, *rng.integers(0, len(whole), 50)):
        path.write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"^is not a checkpoint$"):
            Checkpoint.load(path)


HEADERS = (
    "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}",
    "{'descr': '|V0', 'fortran_order': False, 'shape': (4611686018427387904, 4)}",  # of no bytes
    "{'descr': '<U0', 'fortran_order': False, 'shape': (100000000000,)}",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (-1, -1)}",
    "{'descr': '<f8', 'fortran_order': False, 'shape': (" + "9" * 60 + ",)}",
    "{'descr': '|O', 'fortran_order': False, 'shape': ()}",
    "{'descr': " + "[" * 5000,
)


@pytest.mark.parametrize("header", HEADERS, ids=range(len(HEADERS)))
def test_an_array_of_a_giant_or_senseless_shape_is_refused_before_it_is_made(tmp_path, header):
    content = b"\x93NUMPY\x01\x00" + (len(header) + 1).to_bytes(2, "little") + header.encode() + b"\n" + bytes(8)
    with zipfile.ZipFile(tmp_path / "c.npz", "w") as archive:
        archive.writestr("steps.npy", content)

    with pytest.raises(ValueError, match=r"^is not a checkpoint$"):
        Checkpoint.load(tmp_path / "c.npz")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"parameters": {"conv1.bias": np.zeros(32)}}, "parameters lack"),
        ({"states": {"conv1.bias": {"step": 2**63}}}, "the step of conv1.bias is not a number of steps"),
        ({"states": {"conv1.bias": {"sum": np.zeros(32, np.int32)}}}, "sum has dtype int32"),
        ({"states": {"conv9": {"step": 1}}}, "it has a state for 'conv9', which is not a parameter"),
        ({"steps": -1}, "it lacks the number of steps"),
        ({"steps": 2**63}, "it lacks the number of steps"),
    ],
)
def test_what_could_not_be_loaded_is_not_saved(tmp_path, changed, message):
    with pytest.raises(ValueError, match=message):
        Checkpoint(replace(training(), **changed), {}).save(tmp_path / "c.npz")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "changed",
    [
        {"states/conv1.bias/step": np.array(np.inf)},
        {"states/conv1.bias/step": np.array("1" * 30)},
        {"states/conv1.bias/step": np.array([1, 2])},
        {"states/conv1.bias/step": np.array(2**63 - 1)},
        {"steps": np.array(np.inf)},
        {"steps": np.array(2**63 - 1)},
        {"settings/seed": np.zeros(1000)},
        {"settings/seed": np.array(["1", "2"])},
        {"../../steps": np.array(1)},
        {"steps2": np.array(1)},
        {"settings/seed": np.array("1\n2")},
        {"settings/seed": np.array("1" * 10**5)},
        {"states/conv1.bias/sum": np.array("text")},
        {"settings/seed": np.array(b"1")},
        {"settings/seed": np.array(b"1", "V1")},
        {"settings/seed": np.array("2020-01-01", "M8[D]")},
        {"settings/seed": np.array("1" * 201)},
        *({"steps": np.array(value)} for value in ([3], 3.0, True, np.uint64(3), "3", 2**53)),
        *({"states/conv1.bias/step": np.array(value)} for value in ([3], 3.0, True, np.uint64(3), 2**53)),
    ],
)
def test_a_step_or_setting_that_no_training_can_have_written_is_refused(tmp_path, changed):
    path = tmp_path / "c.npz"
    Checkpoint(training(), {}).save(path)
    with np.load(path) as archive:
        np.savez(tmp_path / "changed.npz", **{**archive, **changed})

    with pytest.raises(ValueError, match=r"^is not a checkpoint of this network: "):
        Checkpoint.load(tmp_path / "changed.npz")


def test_the_most_steps_and_the_longest_setting_are_read_again(tmp_path):
    most = replace(training(), steps=2**53 - 1)
    Checkpoint(most, {"seed": "1" * 200}).save(tmp_path / "c.npz")

    again = Checkpoint.load(tmp_path / "c.npz")

    assert again.training.steps == most.steps
    assert again.settings == {"seed": "1" * 200}


def test_an_archive_whose_headers_are_long_is_read_too(tmp_path):
    Checkpoint(training(), {}).save(tmp_path / "c.npz")
    with np.load(tmp_path / "c.npz") as whole, zipfile.ZipFile(tmp_path / "long.npz", "w") as archive:
        for name, value in whole.items():
            with archive.open(f"{name}.npy", "w") as file:
                np.lib.format.write_array(file, value, version=(2, 0))

    assert Checkpoint.load(tmp_path / "long.npz").training.steps == training().steps


def test_a_packed_archive_is_refused_before_it_is_unpacked(tmp_path):
    np.savez_compressed(tmp_path / "c.npz", steps=np.zeros(10**7))

    with pytest.raises(ValueError, match=r"^is not a checkpoint$"):
        Checkpoint.load(tmp_path / "c.npz")


def lying_parts(count):
    """Return an archive of one byte array of a million, listed this many times."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("steps.npy", bytes(10**6))
        archive.filelist *= count
    return file.getvalue()


def test_parts_of_an_archive_that_lie_on_one_another_are_not_read(tmp_path, monkeypatch):
    (tmp_path / "c.npz").write_bytes(lying_parts(1000))
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("a part was read"))

    with pytest.raises(ValueError, match=r"^is not a checkpoint$"):
        Checkpoint.load(tmp_path / "c.npz")


def test_an_archive_that_claims_to_be_encrypted_is_refused(tmp_path):
    path = tmp_path / "c.npz"
    Checkpoint(training(), {}).save(path)
    content = bytearray(path.read_bytes())
    content[content.rfind(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(content)

    with pytest.raises(ValueError, match=r"^is not a checkpoint$"):
        Checkpoint.load(path)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no named pipes in folders")
def test_a_checkpoint_is_not_waited_for_in_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "c.npz")

    with pytest.raises(ValueError, match=r"^is not a file$"):
        Checkpoint.load(tmp_path / "c.npz")


@pytest.mark.parametrize("letter", ["c", "文"])
def test_a_checkpoint_may_have_the_longest_name_that_a_folder_takes(tmp_path, letter):
    path = tmp_path / (letter * ((255 - len(".npz")) // len(letter.encode())) + ".npz")
    Checkpoint(training(), {}).save(path)

    assert Checkpoint.load(path).training.steps == 1
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps no such bits")
def test_who_may_read_a_checkpoint_stays_as_it_was(tmp_path):
    path = tmp_path / "c.npz"
    Checkpoint(training(), {}).save(path)
    path.chmod(0o640)

    Checkpoint(training(), {}).save(path)

    assert path.stat().st_mode & 0o777 == 0o640


def test_two_writers_of_one_checkpoint_and_a_reader_do_not_disturb_each_other(tmp_path):
    path = tmp_path / "c.npz"
    Checkpoint(training(), {}).save(path)
    environment = {**os.environ, "PYTHONPATH": str(Path(datasets.__file__).parents[1])}
    command = [sys.executable, "-c", WRITER, str(path)]

    writers = [subprocess.Popen([*command, seed], env=environment, stderr=subprocess.PIPE) for seed in "12"]
    while any(writer.poll() is None for writer in writers):
        Checkpoint.load(path)

    assert [(writer.communicate()[1], writer.returncode) for writer in writers] == [(b"", 0)] * 2
    assert list(tmp_path.iterdir()) == [path]


def test_a_checkpoint_is_on_the_disk_before_it_takes_the_place_of_another(tmp_path, monkeypatch):
    done = []
    monkeypatch.setattr(os, "fsync", lambda _: done.append("written"))
    monkeypatch.setattr(os, "replace", lambda *_: done.append("replaced"))

    Checkpoint(training(), {}).save(tmp_path / "c.npz")

    assert done == ["written", "replaced"]


def test_what_a_killed_run_left_is_removed_by_the_next_save(tmp_path):
    path, left = tmp_path / "c.npz", tmp_path / ".c.npz.0123.unfinished"
    left.write_bytes(b"half")
    os.utime(left, (time.time() - 2 * ABANDONED,) * 2)

    Checkpoint(training(), {}).save(path)

    assert list(tmp_path.iterdir()) == [path]


def test_a_link_at_the_place_of_a_checkpoint_is_replaced_and_not_followed(tmp_path):
    (tmp_path / "target").write_text("precious")
    try:
        (tmp_path / "c.npz").symlink_to("target")
    except OSError:
        pytest.skip("this system does not let us make links")

    Checkpoint(training(), {}).save(tmp_path / "c.npz")

    assert (tmp_path / "target").read_text() == "precious"
    assert not (tmp_path / "c.npz").is_symlink()


@pytest.mark.skipif(os.name == "nt", reason="Windows ends a process at once instead of asking it to end")
def test_a_run_that_is_asked_to_terminate_saves_as_one_that_is_interrupted_does(tmp_path):
    datasets.write_cifar10(tmp_path, train_images=640, test_images=5)
    options = ["--data", tmp_path, "--checkpoint", tmp_path / "c.npz", "--epochs", "1000", "--batch-size", "16"]
    environment = {**os.environ, "PYTHONPATH": str(Path(datasets.__file__).parents[1])}
    run = subprocess.Popen(
        [sys.executable, "-m", "reference.train", *map(str, options)],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    while run.poll() is None and not (tmp_path / "c.npz").exists():
        time.sleep(0.05)
    run.send_signal(signal.SIGTERM)
    error = run.communicate(timeout=60)[1]

    assert run.returncode == 128 + signal.SIGTERM
    assert f"continue with --resume {tmp_path / 'c.npz'}" in error
    assert Checkpoint.load(tmp_path / "c.npz").training.steps > 0


MOMENTS = [(np, "savez"), (os, "fsync"), (Path, "chmod"), (os, "replace")]
"""What a checkpoint goes through, one after the other."""


@pytest.mark.parametrize(("owner", "name"), MOMENTS, ids=[name for _, name in MOMENTS])
def test_a_ctrl_c_at_any_moment_of_saving_leaves_the_checkpoint_before(tmp_path, monkeypatch, owner, name):
    path, whole = tmp_path / "c.npz", getattr(owner, name)
    Checkpoint(training(), {"seed": "1"}).save(path)

    def interrupted(*arguments, **options):
        if name == "savez":
            whole(*arguments, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(owner, name, interrupted)
    with pytest.raises(KeyboardInterrupt):
        Checkpoint(training(), {"seed": "2"}).save(path)

    assert Checkpoint.load(path).settings == {"seed": "1"}
    assert list(tmp_path.iterdir()) == [path]


# Weights


def saved_weights(path, **options):
    """Save some of the parameters of a ResNet-50, filled with zeros; return the path."""
    torch.save({name: torch.zeros(1000) for name in given_files.NEEDED}, path, **options)
    return path


def checked_weights(path):
    """Check a file that --resnet50-weights names; return the complaint, or None."""
    try:
        given_files.check(SimpleNamespace(spec_cifar10=None, spec_cifar100=None, spec_resnet50_weights=path))
    except pytest.UsageError as error:
        return str(error).removeprefix(f"--resnet50-weights {path}: ")
    return None


DAMAGED = "is damaged, or only a part of the file of weights"
OTHER = "is damaged, or holds something else than weights"


@pytest.mark.parametrize("zip_or_older", [True, False])
def test_whole_weights_are_taken_and_cut_off_ones_are_not(tmp_path, zip_or_older):
    path = saved_weights(tmp_path / "w.pth", _use_new_zipfile_serialization=zip_or_older)
    whole = path.read_bytes()

    assert checked_weights(path) is None
    for length in range(4, len(whole), len(whole) // 10):
        path.write_bytes(whole[:length])
        assert checked_weights(path) == (DAMAGED if zip_or_older else OTHER), length


def test_weights_with_a_flipped_bit_are_refused_before_the_run(tmp_path):
    path = saved_weights(tmp_path / "w.pth")
    content = bytearray(path.read_bytes())
    content[content.index(bytes(1000)) + 500] ^= 1
    path.write_bytes(content)

    assert torch.load(path, weights_only=True)  # torch itself does not notice
    assert checked_weights(path) == DAMAGED


def test_a_file_of_weights_runs_nothing(tmp_path):
    torch.save({"conv1.weight": Harmful(tmp_path / "harm")}, tmp_path / "w.pth")

    assert checked_weights(tmp_path / "w.pth") == OTHER
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize("content", [{"conv1.weight": 1, "fc.weight": 2}, [1], 3])
def test_weights_of_another_network_are_refused_before_the_run(tmp_path, content):
    torch.save(content, tmp_path / "w.pth")

    assert checked_weights(tmp_path / "w.pth").startswith("holds no weights of ResNet-50: it lacks ")


# A terminal without Chinese


@pytest.mark.parametrize("command", [["spec_tests.start"], ["spec_tests.verdict", "--example"]])
def test_a_file_with_a_chinese_name_is_written_where_the_terminal_has_ascii_alone(tmp_path, command):
    file, root = tmp_path / "路径 一" / "层.py", Path(datasets.__file__).parents[1]
    file.parent.mkdir()
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONPATH": str(root)}

    run = subprocess.run([sys.executable, "-m", *command, str(file)], env=environment, capture_output=True, check=False)

    assert (run.returncode, run.stderr) == (0, b"")
    assert file.exists()


# Ctrl-C

SWALLOWING = """
import gc, signal, time

def test_that_is_interrupted_in_a_callback_of_the_garbage_collector():
    def callback(phase, info):
        gc.callbacks.remove(callback)
        signal.raise_signal(signal.SIGINT)

    gc.callbacks.append(callback)
    gc.collect()
    time.sleep(5)

def test_that_is_not_reached():
    print("REACHED")
"""

WITHOUT_LINES = """
import os, signal

def test_that_is_interrupted_where_the_code_has_no_line():
    text = "kill(process, signal)\\nfor _ in range(10): pass"
    code = compile(text, "code", "exec").replace(co_linetable=b"")
    exec(code, {"kill": os.kill, "process": os.getpid(), "signal": signal.SIGNAL})
    for _ in range(10**9):
        pass

def test_that_is_not_reached():
    print("REACHED")
"""

HEARD = partial(signal.signal, signal.SIGINT, signal.SIG_DFL) if os.name == "posix" else None
"""What lets a process hear a Ctrl-C, if this one does not, as in the background of a shell."""


@pytest.mark.skipif(os.name != "posix", reason="Windows has no signal of one process to another")
def test_a_ctrl_c_in_the_middle_of_a_run_leaves_its_report_and_says_where(tmp_path):
    root = Path(datasets.__file__).parents[1]
    options = ["-v", "-p", "no:cacheprovider", "spec_tests/test_2_3_activation.py", "--subject", "reference"]
    command = [sys.executable, "-m", "pytest", *options, "--report", str(tmp_path)]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    run = subprocess.Popen(command, cwd=root, env=environment, stdout=subprocess.PIPE, text=True, preexec_fn=HEARD)

    while "PASSED" not in (line := run.stdout.readline()) and line:
        pass
    run.send_signal(signal.SIGINT)
    rest = run.communicate(timeout=120)[0]

    assert run.returncode == pytest.ExitCode.INTERRUPTED
    assert f"the report of this run: {tmp_path / 'index.html'}" in rest
    assert [file.name for file in tmp_path.iterdir() if "unfinished" in file.name] == []


def run_that_interrupts_itself(folder, text):
    """Run a file of this text under the plugin alone, in a process that hears a Ctrl-C."""
    (folder / "test_it.py").write_text(text, encoding="utf-8")
    options = ["-p", "spec_tests.report.interrupts", "-p", "no:cacheprovider", "-s", str(folder)]
    command = [sys.executable, "-m", "pytest", "-c", os.devnull, "--rootdir", str(folder), *options]
    environment = {**os.environ, "PYTHONPATH": str(Path(datasets.__file__).parents[1])}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, preexec_fn=HEARD)


def test_a_ctrl_c_within_a_callback_of_the_garbage_collector_ends_the_run(tmp_path):
    run = run_that_interrupts_itself(tmp_path, SWALLOWING)

    assert run.returncode == pytest.ExitCode.INTERRUPTED
    assert "REACHED" not in run.stdout


@pytest.mark.skipif(os.name != "posix", reason="Windows has no signal of one process to another")
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_amid_code_that_has_no_line_ends_the_run_a_moment_later(tmp_path, name):
    run = run_that_interrupts_itself(tmp_path, WITHOUT_LINES.replace("SIGNAL", name))

    assert run.returncode == pytest.ExitCode.INTERRUPTED
    assert "REACHED" not in run.stdout
    assert "INTERNALERROR" not in run.stdout + run.stderr
