"""What others catch of the same defects: the test material of PyTorch and of ONNX, as far as it can be installed.

A rival is a list of samples for some functions: the arguments of a call, what must come of it, and how far the result
may be from that. A defect is caught if a sample raises, or if its result differs by more. Only defects of functions for
which a rival has samples are counted: no rival is blamed for what it does not claim to test.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module, metadata
from typing import Any, NamedTuple

import numpy as np

from spec_tests.strength import results
from spec_tests.strength.planting import Outcome
from spec_tests.strength.selecting import defect, function_of
from spec_tests.vocabulary.operations import OPTIMIZERS
from spec_tests.vocabulary.problems import Array
from spec_tests.wrong_implementations.generated.call import parts


class Sample(NamedTuple):
    """A call, and what must come of it."""

    name: str
    arguments: Mapping[str, Any]
    expected: tuple[Array | None, ...]
    """The parts of the result, in their order; None for one that is not compared."""
    rtol: float
    atol: float


@dataclass(frozen=True)
class Rival:
    """Test material of others. `module` has `samples(function)`, and `told()`, what else is to be noted of it."""

    package: str
    """The package that it belongs to, whose version is noted."""
    module: str
    needs: str
    """What is to be installed for it."""

    def samples(self) -> Callable[[str], Sequence[Sample]]:
        """Return what tells the samples of a function; raise ModuleNotFoundError if a package is missing."""
        samples: Callable[[str], Sequence[Sample]] = import_module(self.module).samples
        samples("relu")  # whoever has any has some of this, and the packages are imported now
        return samples


RIVALS = {
    "PyTorch's samples and gradcheck": Rival("torch", "spec_tests.strength.rivals.op_db", "torch expecttest"),
    "ONNX's node cases": Rival("onnx", "spec_tests.strength.rivals.node_cases", "onnx"),
}


def measured(names: Iterable[str], told: Callable[[str], None]) -> dict[str, Any]:
    """Return what every rival that is installed catches of these defects; `told` hears of those that are not."""
    found, asked = {}, list(names)
    for name, rival in RIVALS.items():
        try:
            samples = rival.samples()
        except ModuleNotFoundError as error:
            told(f"{name}: left out, {error.name} is not installed: pip install {rival.needs}")
            continue
        outcomes = caught(asked, samples)
        found[name] = {
            "package": rival.package,
            "version": metadata.version(rival.package),
            **import_module(rival.module).told(),
            **results.counts(outcomes.values()),
            "defects": {defect: outcomes[defect].caught_by for defect in sorted(outcomes)},
        }
    return {"date": datetime.now(UTC).date().isoformat(), "versions": results.versions(), "rivals": found}


def told(result: Mapping[str, Any]) -> str:
    """Return what `measured` found as a text."""
    return "\n\n".join(
        f"{name}, {rival['package']} {rival['version']}\n{results.table(rival)}"
        for name, rival in result["rivals"].items()
    )


def caught(names: Iterable[str], samples: Callable[[str], Sequence[Sample]]) -> dict[str, Outcome]:
    """Return for each of these defects for whose function there are samples which of them catches it."""
    touched = {name: of_it for name in names if (of_it := samples(function_of(name)))}
    return {name: Outcome(name, _caught_by(name, of_it), 0.0, len(of_it)) for name, of_it in touched.items()}


def _caught_by(name: str, samples: Iterable[Sample]) -> str:
    function, wrong = function_of(name), defect(name).function
    return next((sample.name for sample in samples if differs(function, wrong, sample)), "")


def differs(function: str, implementation: Callable[..., Any], sample: Sample) -> bool:
    """Tell whether an implementation of a function raises, or does not give what a sample expects."""
    own = {name: value.copy() if isinstance(value, np.ndarray) else value for name, value in sample.arguments.items()}
    try:
        with np.errstate(all="ignore"):
            found = _in_parts(function, implementation(**own))
    except Exception:  # whatever it raises
        return True
    pairs = zip(found, sample.expected, strict=False)
    return any(right is not None and not _near(one, right, sample) for one, right in pairs)


def _in_parts(function: str, result: Any) -> tuple[Any, ...]:
    if function in OPTIMIZERS:
        param, state = result
        return param, *(state.get(name) for name in parts(function)[1:])
    return result if isinstance(result, tuple) else (result,)


def _near(found: Any, expected: Array, sample: Sample) -> bool:
    if found is None:
        return False
    same = np.shape(found) == expected.shape and np.asarray(found).dtype == expected.dtype
    return same and bool(np.allclose(found, expected, sample.rtol, sample.atol, equal_nan=True))
