"""Metrics: each file defines one, measures it, sums it up and shows it."""
