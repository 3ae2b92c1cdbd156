"""The book: the document's subject, told anew, section by section, with corrections, code, laws and exercises.

`sections/<id>.toml` holds the words of a section, in English and Chinese (`texts.py` describes the form), `words.toml`
what the helpers in the tests' sources mean, `stories.toml` what one sees of a wrong result of a released library, and
how to avoid it, and `failures/` what `--exercise` prints about each section's mistake, as
`python -m spec_tests.tooling.book_failures` stored it. Code and laws are cut from their files as they are.
"""
