"""The vectors: their form, that they come out the same everywhere, and how strong they are."""

import json
from pathlib import Path

import jsonschema
import pytest

from spec_tests import subjects
from spec_tests.vectors.asking import verdict
from spec_tests.vectors.comparing import Arrays

pytestmark = pytest.mark.tooling

FOLDER = Path(__file__).parents[1] / "vectors"
SCHEMA = json.loads((FOLDER / "vectors.schema.json").read_text(encoding="utf-8"))
BY_HAND = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted((FOLDER / "by_hand").iterdir())}


@pytest.mark.parametrize("operation", BY_HAND)
def test_the_cases_by_hand_have_the_form_of_the_schema(operation):
    jsonschema.validate(BY_HAND[operation], SCHEMA)


@pytest.mark.parametrize("operation", BY_HAND)
def test_the_references_answer_the_cases_by_hand_rightly(operation):
    file, references = BY_HAND[operation], subjects.load("reference")
    arrays = Arrays(file["arrays"])

    assert {case["id"]: verdict(references, case, arrays) for case in file["cases"]} == {
        case["id"]: "" for case in file["cases"]
    }
