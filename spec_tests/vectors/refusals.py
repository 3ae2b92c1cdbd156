"""Refusals."""
def of(operation):
    return []
