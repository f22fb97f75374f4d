"""Reads prepared data as NumPy batches: songs, segments, features. No TensorFlow."""
