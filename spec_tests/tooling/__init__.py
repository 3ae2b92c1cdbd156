"""Tests of the specification itself: its comparisons, its registers, its run, its report, and what it catches."""
