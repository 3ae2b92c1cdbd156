"""Options and hooks: of the specification and its report (`spec_tests`), and of the benchmarks."""

from spec_tests import installed

installed.require("pytest spec_tests")

pytest_plugins = ["spec_tests.run.plugin", "spec_tests.report.plugin", "benchmarks.plugin"]

collect_ignore = ["spec_tests/code_blocks/printed"]  # the document's snippets, run by `spec_tests/test_code_blocks.py`
