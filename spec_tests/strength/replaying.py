"""A test, run once on the references, and its examples, run again on one defect after the other.

Most of a property's time goes into drawing. So its examples are drawn once, on the references, and the calls of its
body are kept; the subject that they were given is one in which another defect is then planted (`Planted`).
"""

import functools
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest
from hypothesis.errors import HypothesisDeprecationWarning, UnsatisfiedAssumption

from spec_tests.contract.guard import Guarded
from spec_tests.run.plugin import ENTRY
from spec_tests.subjects.reference import Namespace
from spec_tests.vocabulary import ledger
from spec_tests.vocabulary.properties import Property
from spec_tests.vocabulary.subject import NotOffered
from spec_tests.wrong_implementations import Wrong

Example = Callable[[], Any]

CACHED = type(functools.cache(repr))
"""What `functools.cache` makes of a function."""


class Planted(Namespace):
    """The references, in which one function at a time is exchanged; it notes which of them it is asked for."""

    def __init__(self) -> None:
        super().__init__("the references, but for a defect")
        self.asked: set[str] = set()

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        function = super().__getattr__(operation)
        self.asked.add(operation)
        return function

    def gradients_of(self, operation: str, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """Return some gradients, and note that they were asked for without the others."""
        self.asked.add(f"{operation}_gradients_of")
        return super().gradients_of(operation, *args, **kwargs)

    def double_backward(self, operation: str, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return second gradients, and note that they were asked for."""
        self.asked.add(f"{operation}_double_backward")
        return super().double_backward(operation, *args, **kwargs)


@dataclass(frozen=True)
class Subject:
    """What the tests are given: `Planted` behind the seam."""

    inner: Planted
    guarded: Guarded

    @classmethod
    def new(cls) -> "Subject":
        """Return one in which nothing is planted."""
        inner = Planted()
        return cls(inner, Guarded(inner))

    def plant(self, wrong: Wrong | None) -> None:
        """Exchange one function for this one, or none."""
        self.inner.replaced = {} if wrong is None else {wrong.operation: wrong.function}
        self.inner.transforms = self.guarded.transforms = {} if wrong is None else wrong.transforms
        self.guarded.wrote = ()


class Recorded:
    """A test that has passed on the references, with its examples."""

    def __init__(self, item: pytest.Function, subject: Subject) -> None:
        """Run the test on the references."""
        self.item, self.subject = item, subject
        subject.plant(None)
        subject.inner.asked.clear()
        self.examples: list[Example] = []
        self.passes = self._runs()
        self.asked = frozenset(subject.inner.asked)
        """The functions that it asks the subject for."""
        self.caches = [value for value in vars(item.module).values() if isinstance(value, CACHED)]

    def _runs(self) -> bool:
        item = self.item
        item.session._setupstate.teardown_exact(item)
        if not item._request:  # as pytest does before each run of a test
            item._initrequest()
        try:
            with _warning():
                item.ihook.pytest_runtest_setup(item=item)
                taken = {name: item.funcargs[name] for name in item._fixtureinfo.argnames}
                with self._keeping(taken):
                    item.ihook.pytest_runtest_call(item=item)
        except (Exception, pytest.skip.Exception, pytest.fail.Exception):
            return False
        return True

    @contextmanager
    def _keeping(self, taken: Mapping[str, Any]) -> Iterator[None]:
        """Keep what the body of the test is called with meanwhile."""
        handle = getattr(self.item.function, "hypothesis", None)
        if hasattr(self.item.function, "property"):
            target, name = Property, "call"
        elif handle is not None:
            target, name = handle, "inner_test"
        else:
            self.examples.append(partial(_with_no_example, self.item.obj, **taken))
            yield
            return
        original = getattr(target, name)

        @functools.wraps(original)
        def kept(*args: Any, **kwargs: Any) -> Any:
            self.examples.append(partial(original, *args, **kwargs))
            return original(*args, **kwargs)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(target, name, kept)
            yield

    def catches(self, wrong: Wrong) -> bool:
        """Tell whether the test fails on this defect."""
        for cached in self.caches:  # what it holds may be of another defect
            cached.cache_clear()
        self.subject.plant(wrong)
        ledger.start(self.item.stash[ENTRY])
        try:
            with _warning():
                warnings.simplefilter("ignore", HypothesisDeprecationWarning)  # of `assume` by itself
                return any(map(_fails, self.examples))
        finally:
            ledger.stop()
            self.subject.plant(None)


def _with_no_example(body: Callable[..., Any], **taken: Any) -> None:
    ledger.example({})
    body(**taken)


def _fails(example: Example) -> bool:
    try:
        example()
    except (UnsatisfiedAssumption, NotOffered, pytest.skip.Exception):
        return False
    except (Exception, pytest.fail.Exception):
        return True
    return False


@contextmanager
def _warning() -> Iterator[None]:
    """Take warnings for errors, as a run of the specification does."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
