"""The compatibility matrix: which subject keeps which requirement, measured by `python -m spec_tests.matrix`."""
