"""Drawn calls of the page's mathematics (`report/hands/*.js`), by the name of the JavaScript function."""

from spec_tests.tooling.hands import curves, descent, images, windows
from spec_tests.tooling.hands.draws import DRAWS

__all__ = ["DRAWS", "WITHIN", "curves", "descent", "images", "windows"]

WITHIN = {
    "sumOf": "convolved",
    "winnerOf": "winners",
    "shareAt": "resizeWeights",
}
"""Functions that are called by another, and held to the references there."""
