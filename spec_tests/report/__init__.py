"""The report on a run (`pytest spec_tests --report DIR`): what it proved, as a page and as data (`claims.json`)."""
