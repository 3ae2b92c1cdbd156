"""The specification: what the layers do, as tests that hold any implementation against it."""
