"""The pytest plugin: its options, which tests a subject is asked, the record of a run, and its summary."""
