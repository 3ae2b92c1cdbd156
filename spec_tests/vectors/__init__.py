"""Vectors: cases of every operation with exact results and bounds, for implementations in any language.

`README.md` beside this file describes them for their readers, `vectors.schema.json` their form. This package writes
them (`python -m spec_tests.vectors DIR`), measures how strong they are, and compares answers with them.
"""

VERSION = 2
"""Of the set: what changes names, contents or layout of cases is a new version."""
