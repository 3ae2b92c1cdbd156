"""The report: what a run proved, as a page to read (`pytest spec_tests --report DIR`) and as data (`claims.json`)."""
