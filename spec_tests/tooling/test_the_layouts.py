"""The layouts are what they say, the default run tries them all, and torch's tensors lie as NumPy's arrays do."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from spec_tests import subjects
from spec_tests.vocabulary.compare import assert_equal
from spec_tests.vocabulary.layout_cases import in_turn, layout_cases
from spec_tests.vocabulary.layouts import CONTIGUOUS, LAYOUTS, arrays_of, plans, under
from spec_tests.vocabulary.operations import OPERATIONS
from spec_tests.vocabulary.operations.operation import typical
from spec_tests.vocabulary.threaded_cases import threaded_cases

pytestmark = pytest.mark.tooling

PICTURE = np.arange(24.0, dtype=np.float32).reshape(1, 2, 3, 4)
STRIDES = {
    "channels last": (24, 1, 8, 2),
    "every second channel of channels last": (48, 2, 16, 4),
    "a crop of channels last": (60, 1, 12, 2),
    "a picture turned": (2, 1, 8, 2),
    "a picture turned, its batch axis of stride 0": (0, 1, 8, 2),
    "the first axis last": (1, 12, 4, 1),
    "transposed": (1, 1, 2, 6),
    "every second entry": (384, 96, 16, 2),
    "a part of a larger array": (120, 30, 6, 1),
    "from element 1": (24, 12, 4, 1),
    "from element 3": (24, 12, 4, 1),
    "one number expanded": (0, 0, 0, 0),
    "expanded along the channels": (0, 0, 4, 1),
    "expanded behind the channels": (0, 1, 0, 0),
}


@pytest.mark.parametrize("name", STRIDES)
def test_a_layout_has_the_strides_that_its_name_says(name):
    laid = LAYOUTS[name].lay(PICTURE)

    assert tuple(stride // laid.itemsize for stride in laid.strides) == STRIDES[name]
    assert_equal(laid, LAYOUTS[name].values(PICTURE))


def test_a_sequence_with_an_axis_of_1_is_one_of_channels_last():
    laid = LAYOUTS["a sequence with an axis of 1"].lay(PICTURE.reshape(2, 3, 4, 1))

    assert [stride // 4 for stride in laid.strides] == [12, 1, 3, 1]
    assert_equal(laid, PICTURE.reshape(2, 3, 4, 1))


@pytest.mark.slow
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_plan_changes_no_number_but_where_it_expands(operation):
    for problem in layout_cases(operation):
        for plan in plans(problem):
            laid, same = arrays_of(plan.laid(problem)), arrays_of(plan.contiguous(problem))

            assert all(np.array_equal(laid[name], same[name], equal_nan=laid[name].dtype.kind == "f") for name in same)
            assert plan.constant() or all(
                np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
                for a, b in zip(arrays_of(problem).values(), same.values(), strict=True)
            )


@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_default_run_tries_every_plan_of_an_operation(operation):
    every = {str(plan) for problem in layout_cases(operation) for plan in plans(problem)}

    assert {str(plan) for _, taken in in_turn(operation) for plan in taken} == every
    assert any(plan.startswith("input ") for plan in every) and any("grad_output " in plan for plan in every)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_what_threads_share_is_more_than_torch_gives_to_one(operation):
    for problem in threaded_cases(operation):
        assert max(array.size for array in arrays_of(problem).values()) > 32_768


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("name", ["contiguous", *STRIDES])
def test_a_tensor_lies_in_memory_as_its_array_does(name, dtype):
    layout, subject = LAYOUTS.get(name, CONTIGUOUS), subjects.load("torch").at(dtype)
    array = layout.lay(PICTURE)

    tensor = subject.tensor(array)

    offset = {"every second entry": 1, "from element 1": 1, "from element 3": 3}
    assert tensor.stride() == tuple(stride // array.itemsize for stride in array.strides)
    assert tensor.storage_offset() == offset.get(name, tensor.storage_offset())
    assert_equal(tensor.float().numpy(), layout.values(PICTURE))


def test_a_tensor_shares_memory_with_an_array_unless_it_must_not_write_it():
    array = np.zeros((2, 3), np.float32).T
    locked = array.copy(order="K")
    locked.flags.writeable = False

    subjects.load("torch").tensor(array).fill_(1)
    tensor = subjects.load("torch").tensor(locked.T[1:].T)
    tensor.fill_(1)

    assert array.all()
    assert not locked.any()
    assert tensor.stride() == (1, 3)


def test_the_torch_subject_computes_with_as_many_threads_as_it_is_told():
    before = torch.get_num_threads()

    with subjects.load("torch").threads(2):
        inside = torch.get_num_threads()

    assert (inside, torch.get_num_threads()) == (2, before)


def test_a_failure_says_how_the_arguments_lie_and_a_refusal_is_one():
    problem = typical("relu", (2, 2), {}, input=(2, 2))
    plan = next(plan for plan in plans(problem) if str(plan) == "input transposed")

    def refuses(input):
        raise RuntimeError(f"{input.strides} is not contiguous")

    said = r"input transposed; relu: refused in this layout: \(8, 16\) is not contiguous"
    with pytest.raises(AssertionError, match=said), under(plan, "relu"):
        plan.laid(problem).forward(SimpleNamespace(relu=refuses))
