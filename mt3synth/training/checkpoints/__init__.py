"""Checkpoints of a run: written, verified, read back."""
