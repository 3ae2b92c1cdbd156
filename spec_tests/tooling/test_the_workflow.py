"""What runs in continuous integration is what was chosen: actions by commit, packages by constraints."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.tooling

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_every_action_is_named_by_a_commit(file):
    used = re.findall(r"uses: (\S+)", file.read_text(encoding="utf-8"))

    assert used
    assert [action for action in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action)] == []


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_whatever_a_job_installs_by_itself_is_held_to_the_constraints(file):
    installed = re.findall(r"pip install (.*)", file.read_text(encoding="utf-8"))

    assert installed
    assert [line for line in installed if "-c constraints.txt" not in line] == []


@pytest.mark.parametrize("page", sorted((ROOT / "spec_tests").rglob("*.html.jinja")), ids=lambda file: file.name)
def test_every_whole_page_forbids_another_base_and_forms(page):
    text = page.read_text(encoding="utf-8")
    if "<!doctype" in text.lower():
        (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)

        assert {"base-uri 'none'", "form-action 'none'", "default-src 'none'"} <= set(policy.split("; "))
