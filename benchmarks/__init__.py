"""Benchmarks: how fast torch's layers and the references are."""

from spec_tests.installed import require_for_command

require_for_command()
