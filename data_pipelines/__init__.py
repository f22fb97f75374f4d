"""Data: corpora, tasks and feature conversion; the only package that may import TensorFlow."""
