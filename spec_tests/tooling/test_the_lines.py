"""What a program is sent is spelled as the vectors spell it, so that whoever reads the one reads the other."""

import json

import numpy as np
import pytest

from spec_tests.contract.lines import request_for
from spec_tests.vectors.asking import call_of
from spec_tests.vectors.comparing import Arrays
from spec_tests.vectors.series import OPERATIONS, file_of

pytestmark = [pytest.mark.tooling, pytest.mark.slow]

CUT = ("bits", "values", "dtype", "shape")


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_request_spells_arrays_and_options_as_the_vectors_do(operation):
    file = file_of(operation, small=True)
    arrays = Arrays(file.entries)
    cases = json.loads(file.text())["cases"]

    for case in cases:
        request = request_for(case["function"], call_of(case, arrays), case["dtype"])

        for words in ("options", "as_torch"):  # as text: 1 is neither 1.0 nor true
            assert in_order(request[words]) == in_order(case[words]), case["id"]
        assert set(request["arguments"]) == set(case["arguments"]), case["id"]
        for name, key in case["arguments"].items():
            entry = key and file.entries[key]
            if entry and "generator" not in entry:
                assert request["arguments"][name] == {part: entry[part] for part in CUT if part in entry}, case["id"]

    assert cases or operation == "cifar10_cnn"


def test_a_number_format_among_the_options_is_sent_by_its_name():
    for dtype in (np.dtype("float64"), np.float64, "float64"):
        request = request_for("softmax", {"input": np.zeros((2, 3), np.float32), "dim": -1, "dtype": dtype})

        assert request["options"] == {"dim": 1, "dtype": "float64"}


def in_order(options):
    """Return options as JSON, by their names."""
    return json.dumps(options, sort_keys=True)
