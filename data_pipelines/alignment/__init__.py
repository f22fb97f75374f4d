"""Aligns scores to recordings, and checks pairs that should already be aligned."""
