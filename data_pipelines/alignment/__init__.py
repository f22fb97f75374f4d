"""Aligning a score to a recording, and checking pairs that are said to be aligned."""
