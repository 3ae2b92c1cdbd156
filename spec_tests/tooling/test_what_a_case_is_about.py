"""A case counts under the operation that it is about, and not under every one that its test names."""

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from spec_tests.tooling.nested_run import pytest_in_this_process
from spec_tests.tooling.small_specification import NUMBER, small_specification
from spec_tests.vocabulary import ledger

pytestmark = [pytest.mark.tooling, pytest.mark.slow]

HEAD = """
from types import SimpleNamespace
import pytest
from spec_tests.vocabulary.levels import about, values
"""
CASES = {
    "no parameters": ("@values('relu', 'tanh')\ndef test_it(): pass\n", {"": ["relu", "tanh"]}),
    "operation": ("@values('relu', 'tanh')\ndef test_it(operation): pass\n", {"relu": ["relu"], "tanh": ["tanh"]}),
    "a name": (
        "@values('relu', 'tanh')\n@pytest.mark.parametrize('layer', ['relu', 'tanh'])\ndef test_it(layer): pass\n",
        {"relu": ["relu"], "tanh": ["tanh"]},
    ),
    "another name": (
        "@values('relu', 'tanh')\n@pytest.mark.parametrize('layer', ['pad'])\ndef test_it(layer): pass\n",
        {"pad": ["relu", "tanh"]},
    ),
    "a problem": (
        "@values('relu', 'tanh')\n@pytest.mark.parametrize('case', [SimpleNamespace(operation='tanh')], ids=['one'])\n"
        "def test_it(case): pass\n",
        {"one": ["tanh"]},
    ),
    "a mark": (
        "@values('relu', 'tanh')\n@pytest.mark.parametrize('case', ['one', pytest.param('two', marks=about('tanh'))])\n"
        "def test_it(case): pass\n",
        {"one": ["relu", "tanh"], "two": ["tanh"]},
    ),
    "a mark beside the operation": (
        "@values('relu', 'tanh')\n@pytest.mark.parametrize('operation', [pytest.param('relu', marks=about('tanh'))])\n"
        "def test_it(operation): pass\n",
        {"relu": ["tanh"]},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_case_counts_under_the_operation_that_it_is_about(tmp_path, monkeypatch, case):
    text, expected = CASES[case]
    folder = small_specification(tmp_path, monkeypatch)
    (folder / f"test_2_3_about{next(NUMBER)}.py").write_text(HEAD + text, encoding="utf-8")

    pytest_in_this_process("-pspec_tests.run.plugin", f"--rootdir={tmp_path}", "--subject=reference", str(folder))

    found = {entry.test.partition("[")[2].removesuffix("]"): entry.requirements for entry in ledger.entries()}
    assert found == {case: tuple(("values", name) for name in names) for case, names in expected.items()}


OF_SEVERAL_LAYERS = {
    "test_2_2_max_pooling::test_behind_pooling_a_larger_value_may_count_against_a_class_or_not_at_all",
    "test_2_3_activation::test_with_a_relu_between_them_two_linear_layers_compute_what_no_affine_map_can",
    "test_2_6_4_cross_entropy_in_code::test_logarithms_of_probabilities_cost_the_same_in_nll_and_in_cross_entropy",
    "test_2_6_4_cross_entropy_in_code::test_with_label_smoothing_the_two_are_no_longer_the_same",
    "test_2_6_5_backpropagation::test_each_step_multiplies_a_squared_loss_by_1_minus_2_lr_squared",
    "test_2_7_optimizers::test_the_decay_of_adam_can_reverse_a_small_gradient_and_that_of_adamw_cannot",
    "test_2_8_batch_norm::test_an_infinity_or_nan_reaches_the_running_statistics_of_its_channel_alone",
    "test_2_8_batch_norm::test_running_statistics_of_wide_inputs_are_within_their_bounds_in_any_layout",
    "test_2_8_batch_norm::test_the_biased_variance_divides_and_the_unbiased_one_is_kept",
    "test_usual_numbers::test_a_variance_far_from_0_is_that_of_the_distances_from_the_mean",
}
"""The tests that ask several operations in one case."""

COLLECT = """
import json, pathlib, sys
from spec_tests import alone
from spec_tests.run import asking

class Kept:
    def pytest_collection_finish(self, session):
        found = {item.nodeid: [name for _, name in asking.requirements(item)] for item in session.items}
        pathlib.Path(sys.argv[1]).write_text(json.dumps(found), "utf-8")

alone.run(["--collect-only", "-q", "--slow", *map(str, alone.ROOT.glob("test_*.py"))], [Kept()])
"""


def test_only_tests_of_several_layers_together_count_under_several_operations(tmp_path):
    file = tmp_path / "requirements.json"
    subprocess.run([sys.executable, "-c", COLLECT, str(file)], capture_output=True, check=True)

    operations = defaultdict(list)
    for test, names in json.loads(file.read_text("utf-8")).items():
        place, _, function = test.partition("[")[0].partition("::")
        operations[f"{Path(place).stem}::{function}"].append(set(names))

    assert {test for test, cases in operations.items() if any(len(names) > 1 for names in cases)} == OF_SEVERAL_LAYERS
