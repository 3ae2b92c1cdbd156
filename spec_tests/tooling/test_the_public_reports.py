"""Verdicts on public reports: decided in 95 of 100, and right where it is known what was reported."""

import re

import pytest

from spec_tests.tooling.public.models import BUILDERS
from spec_tests.tooling.public_reports import STORED, excluded, lines_of, reports, rows_of, verdict_on

pytestmark = pytest.mark.tooling

LEAST = 40
"""Reports, at the least."""
DECIDED = 0.95

FROM_THE_FIRST = (
    "pytorch/pytorch#170016",
    "pytorch/pytorch#133004",
    "mindspore-ai/mindspore#345",
    "mindspore-ai/mindspore#348",
    "PaddlePaddle/Paddle#52599",
    "PaddlePaddle/Paddle#56538",
    "PaddlePaddle/Paddle#62429",
    "modular/modular#5348",
    "deepreinforce-ai/CUDA-L1#14",
    "webmachinelearning/webnn#950",
    "ScalingIntelligence/KernelBench#155",
)
"""The reports that led to this tool."""


def test_there_are_reports_enough_and_each_has_a_case_of_its_own():
    builders = [report.builder for report in reports()]

    assert len(builders) >= LEAST
    assert sorted(builders) == sorted(BUILDERS)


def test_every_report_is_named_once_by_repository_and_number():
    named = [report.report for report in reports()] + [row["report"] for row in excluded()]

    assert all(re.fullmatch(r"[\w.-]+/[\w.-]+#\d+", name) for name in named)
    assert len(named) == len(set(named))
    assert set(FROM_THE_FIRST) <= set(named)


def test_every_report_that_is_left_out_has_a_reason():
    assert all(row["reason"] for row in excluded())


def test_a_report_says_where_its_numbers_come_from():
    assert {report.source for report in reports()} == {"numbers", "model"}


@pytest.fixture(scope="module")
def verdicts():
    """Return the verdicts on all reports."""
    return [(report, verdict_on(report)) for report in reports()]


@pytest.mark.slow
def test_verdicts_are_decided_in_95_of_100_reports(verdicts):
    undecided = [report.report for report, verdict in verdicts if verdict.decision == "cannot say"]

    assert len(undecided) <= (1 - DECIDED) * len(verdicts), undecided


@pytest.mark.slow
def test_verdicts_are_right_where_it_is_known_what_was_reported(verdicts):
    wrong = [
        "\n".join(lines_of(report, verdict))
        for report, verdict in verdicts
        for name, decisions in report.decisions().items()
        if not all(part.decision in decisions for part in verdict.outputs[name])
    ]

    assert not wrong, "\n".join(wrong)


@pytest.mark.slow
def test_the_table_gives_the_share_of_the_bound(verdicts):
    lines = list(lines_of(*verdicts[0]))

    assert lines[0].startswith("pytorch/pytorch#170016") and all("% of the bound" in line for line in lines[1:])


@pytest.mark.slow
def test_the_stored_table_has_these_verdicts(verdicts):
    rows = [row for report, verdict in verdicts for row in rows_of(report, verdict)]
    lines = STORED.read_text(encoding="utf-8").splitlines()

    stored = [dict(zip(lines[0].split("\t"), line.split("\t"), strict=True)) for line in lines[1:]]

    def told(row):
        return [row[name] for name in ("report", "about", "source", "output", "decision")]

    assert list(map(told, stored)) == list(map(told, rows))
