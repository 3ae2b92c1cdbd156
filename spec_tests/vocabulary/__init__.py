"""What tests are written in: problems to draw, number formats, bounds, criteria, and the registers they cite."""
