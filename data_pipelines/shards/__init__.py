"""Writes and reads songs in shards; nothing here imports TensorFlow."""
