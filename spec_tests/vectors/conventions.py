"""Conventions."""
def of(operation):
    return []
