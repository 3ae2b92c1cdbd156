"""Public reports of differing results, rebuilt as cases: see `spec_tests/tooling/public_reports.py`."""
