"""Measures of what a model renders, and a report on a bundle."""
