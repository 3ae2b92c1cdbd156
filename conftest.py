"""Everything that `pytest spec_tests` adds to pytest is in `spec_tests/plugin.py`."""

pytest_plugins = ["spec_tests.plugin"]
