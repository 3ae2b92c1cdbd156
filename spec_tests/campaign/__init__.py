"""A campaign: the properties of the specification on far more random examples than a test run has time for."""
