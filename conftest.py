"""Options and hooks: the specification's in `spec_tests/plugin.py`, the benchmarks' in `benchmarks/plugin.py`."""

pytest_plugins = ["spec_tests.plugin", "benchmarks.plugin"]

collect_ignore = ["spec_tests/code_blocks"]  # the document's snippets, run by `spec_tests/test_code_blocks.py`
