"""The pytest plugin: its options, which tests run on a subject, the record of a run, and its summary."""
