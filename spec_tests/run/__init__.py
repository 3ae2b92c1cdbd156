"""The pytest plugin: its options, which tests run on a subject, the record of a run, and its summary."""

from spec_tests.run import shipped

shipped.require()  # before any of it is imported: everything below is compared with the references
