"""Writes, verifies and reads the checkpoints of a run."""
