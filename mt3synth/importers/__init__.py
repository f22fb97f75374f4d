"""Weights that others trained, brought into a form that this project can use.

The network with context of Hawthorne et al. 2022 (arXiv 2206.05408), called the ancestor here, is
published as checkpoints of t5x and, converted, as a folder of diffusers. Both hold the same arrays.
"""
