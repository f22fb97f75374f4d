"""Audio as NumPy arrays: files in and out, and the log-mel front end."""
