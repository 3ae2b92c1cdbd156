"""Convert reports of earlier versions to today's form.

In form 1, a claim's `verdict` was called `register` and a run's `result` was called `verdict`; a test that ended in an
error counted as failed; and the reasons for leaving tests out were worded differently.
"""

from collections.abc import Callable
from typing import Any

from spec_tests.vocabulary.results import LEFT_OUT

REASONS = {
    "they take long: --slow runs them": "slow",
    "they need the real CIFAR-10: --cifar10 PATH": "cifar10",
    "they need trained weights of ResNet-50: --resnet50-weights FILE": "weights",
    "they name torch, which is not the subject": "torch_api",
    "they compare the subject with the references, which are the subject": "compares_with_reference",
    "they test the project's own tools, which the default run does": "tooling",
    "--dtype asks for other formats": "dtype",
}


def in_todays_form(data: Any) -> Any:
    """Return data of an earlier form in today's form; data of today's form, or of none, are returned unchanged.

    >>> in_todays_form({"format": 1, "runs": [], "claims": [{"register": "true", "results": [{"verdict": "failed"}]}]})
    {'format': 2, 'runs': [], 'claims': [{'verdict': 'true', 'results': [{'result': 'failed'}]}]}
    """
    if not (isinstance(data, dict) and data.get("format") == 1):
        return data
    return {**data, "format": 2, **{part: _each(data.get(part), change) for part, change in CHANGES.items()}}


def _each(entries: Any, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Any:
    """Change the objects in a list; anything else is left for the check of the form to refuse."""
    if not isinstance(entries, list):
        return entries
    return [change(entry) if isinstance(entry, dict) else entry for entry in entries]


def _run(run: dict[str, Any]) -> dict[str, Any]:
    run = {**run, "left_out": _each(run.get("left_out"), _left_out)}
    outcomes = run.get("outcomes")
    return {**run, "outcomes": {**outcomes, "error": 0}} if isinstance(outcomes, dict) else run


def _left_out(group: dict[str, Any]) -> dict[str, Any]:
    reason = REASONS.get(str(group.get("reason")))
    return {**group, "reason": LEFT_OUT[reason].en} if reason else group


def _claim(claim: dict[str, Any]) -> dict[str, Any]:
    return {**_renamed(claim, "register", "verdict"), "results": _each(claim.get("results"), _result)}


def _result(result: dict[str, Any]) -> dict[str, Any]:
    return _renamed(result, "verdict", "result")


def _renamed(entry: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    return {new if name == old else name: value for name, value in entry.items()}


CHANGES = {"runs": _run, "claims": _claim}
