"""Reads and writes audio as NumPy arrays, and computes log-mel frames."""
