"""What `mt3synth evaluate` does, each way in a module."""
