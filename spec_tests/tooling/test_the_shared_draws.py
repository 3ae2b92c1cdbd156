"""In a repeatable run all formats of a property share what is drawn for it, and a failure is shrunk in any of them."""

from collections import defaultdict
from unittest import mock

import hypothesis
import numpy as np
import pytest
from hypothesis import assume, settings
from hypothesis.errors import FailedHealthCheck

from spec_tests.run import draws
from spec_tests.vocabulary.problems import small_whole_numbers, whole_numbers
from spec_tests.vocabulary.properties import Property, problems

pytestmark = pytest.mark.tooling


@pytest.fixture
def seen():
    """Every input that a body was run on, by format."""
    return defaultdict(list)


def prop(seen, body=None, **options):
    """Return a property of relu that notes its inputs and then runs this body, if any."""

    def noting(dtype, problem):
        seen[dtype].append(problem.input.astype("float64"))
        if body:
            body(dtype, problem)

    return Property(noting, {"problem": problems(**options)})


def check(drawing, *dtypes, profile=draws.PROFILES[draws.REPEATABLE]):
    """Run a property in these formats, one after the other, whatever the run outside draws."""
    before = settings.get_current_profile_name()
    settings.register_profile("of this test", profile)
    settings.load_profile("of this test")
    try:
        with mock.patch.object(hypothesis.core, "global_force_seed", None):  # which --hypothesis-seed sets
            for dtype in dtypes:
                drawing.check(30, "relu", dtype, {})
    finally:
        settings.load_profile(before)


def same(some, others):
    """Tell whether two lists hold equal arrays."""
    return len(some) == len(others) and all(map(np.array_equal, some, others))


def test_every_format_runs_on_what_was_drawn_for_the_first(seen):
    check(prop(seen, numbers=whole_numbers), "float32", "float64", "float16")

    assert len(seen["float32"]) == 30
    assert same(seen["float32"], seen["float64"]) and same(seen["float32"], seen["float16"])


def test_half_formats_draw_for_themselves_where_their_numbers_are_smaller(seen):
    check(prop(seen), "float32", "float16", "bfloat16")

    assert max(abs(x).max() for x in seen["float32"] if x.size) == 4
    assert max(abs(x).max() for x in seen["float16"] if x.size) == 1
    assert same(seen["float16"], seen["bfloat16"])


def test_a_format_alone_draws_what_it_runs_on_after_another(seen):
    check(prop(seen), "float32", "float64")
    after, seen["float64"] = seen["float64"], []
    check(prop(seen), "float64")

    assert same(after, seen["float64"])


def test_what_fails_in_one_format_alone_is_shrunk_in_it(seen):
    def fails(dtype, problem):
        assert dtype == "float32" or problem.input.size < 3

    drawing = prop(seen, fails, numbers=small_whole_numbers)
    check(drawing, "float32")
    with pytest.raises(AssertionError):
        check(drawing, "float64")

    assert seen["float64"][-1].size == 3
    assert max(x.size for x in seen["float64"]) > 3


def test_an_example_that_a_format_cannot_use_is_left_out_in_it(seen):
    check(prop(seen, lambda dtype, problem: assume(dtype == "float32" or problem.input.size > 2)), "float32", "float64")

    assert len(seen["float64"]) == 30


def test_a_format_that_can_use_none_of_the_examples_does_not_pass(seen):
    drawing = prop(seen, lambda dtype, _: assume(dtype == "float32"))
    check(drawing, "float32")

    with pytest.raises(FailedHealthCheck):
        check(drawing, "float64")


def test_with_random_examples_every_format_draws_for_itself(seen):
    check(prop(seen), "float32", "float64", profile=draws.PROFILES[draws.EXPLORE])

    assert not same(seen["float32"], seen["float64"])
