"""A plugin, `-p spec_tests.tooling.few_examples --hypothesis-profile few`: every property with a handful of examples.

For runs of which only the form matters: which tests there are, and what the report makes of them.
"""

from hypothesis import settings

settings.register_profile("few", max_examples=5, derandomize=True)
