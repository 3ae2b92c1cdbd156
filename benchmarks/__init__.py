"""Benchmarks: how fast torch's layers and the references are."""
