"""Mutants of the references: small changes of their source, each of which some test must notice."""
