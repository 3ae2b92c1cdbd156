"""Which operation adds up what, at length: one row for each output and each gradient that is a long sum.

A row makes a case: calls with K terms in each sum, how the sums are read from what the calls return, and their exact
values. A new operation adds its rows here. What has no row has no long sum: a mean's gradients are products, and what
the sums inside batch_norm's output leave there is no more than its own rounding.

The exact values are matrix products of whole numbers (`exact_sums`), with convolutions spelled out as matrices here:
nothing is taken from the references.
"""

from spec_tests.vocabulary.long_sums import averages, layers, losses
from spec_tests.vocabulary.long_sums.case import LENGTHS, SIDE, Case, Row

ROWS: tuple[Row, ...] = (*layers.ROWS, *averages.ROWS, *losses.ROWS)
"""All rows."""

__all__ = ["LENGTHS", "ROWS", "SIDE", "Case", "Row"]
