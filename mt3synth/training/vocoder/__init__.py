"""Training a vocoder: a generator of audio, and discriminators that it learns to deceive."""
