"""Trains small networks that hear mel frames: what all of them have in common."""
