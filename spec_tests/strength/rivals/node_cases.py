"""ONNX's cases of single nodes as samples: each case whose operator is one of ours becomes a call of our operation.

The package onnx brings them, inputs and expected outputs, for those who write runtimes. They are compared as its own
runner does: shape and number format exactly, values within the tolerances of the case. ONNX has no gradients.
"""

from collections import Counter
from functools import cache
from importlib import import_module
from typing import Any

import numpy as np

from spec_tests.strength.rivals import Sample
from spec_tests.strength.rivals.node_calls import OPERATORS, Call, Node, NotMapped, calls


def told() -> dict[str, Any]:
    """Return what it can touch, and how many cases ask something of our operations."""
    found = [_calls_or_reason(node) for node in nodes()]
    reasons = Counter(reason for reason in found if isinstance(reason, str))
    return {
        "touches": "values of layers, losses, two transforms and two optimizers; no gradients",
        "tolerances": "those of each case: rtol 1e-3, atol 1e-7",
        "cases": {"of our operators": len(found), "mapped": len(found) - reasons.total()},
        "not mapped": dict(reasons.most_common()),
    }


def samples(function: str) -> list[Sample]:
    """Return the samples of a function."""
    return _samples().get(function, [])


@cache
def _samples() -> dict[str, list[Sample]]:
    found: dict[str, list[Sample]] = {}
    for node in nodes():
        for function, arguments, expected in calls_of(node):
            found.setdefault(function, []).append(Sample(node.name, arguments, expected, node.rtol, node.atol))
    return found


def calls_of(node: Node) -> list[Call]:
    """Return what a case asks of our operations, nothing if they lack it."""
    found = _calls_or_reason(node)
    return [] if isinstance(found, str) else found


@cache
def nodes() -> list[Node]:
    """Return the cases of single nodes whose operators are ours."""
    cases = import_module("onnx.backend.test.case.node")
    with np.errstate(all="ignore"):
        return [_node(case) for case in cases.collect_testcases() if _operator(case) in OPERATORS]


def _operator(case: Any) -> str:
    nodes = case.model.graph.node
    return str(nodes[0].op_type) if len(nodes) == 1 else ""


def _node(case: Any) -> Node:
    value_of = import_module("onnx").helper.get_attribute_value
    (node,), (data,) = case.model.graph.node, case.data_sets
    given, expected = iter(data[0]), tuple(map(np.asarray, data[1]))
    attributes = {attribute.name: _text(value_of(attribute)) for attribute in node.attribute}
    inputs = tuple(next(given) if name else None for name in node.input)
    return Node(case.name, node.op_type, attributes, inputs, expected, case.rtol, case.atol)


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


def _calls_or_reason(node: Node) -> list[Call] | str:
    try:
        return list(calls(node))
    except NotMapped as reason:
        return str(reason)
