"""A new performance for a model, from a recording of it."""
