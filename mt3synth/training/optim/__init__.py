"""Optimizer, learning rate, freezing and the budget of time."""
