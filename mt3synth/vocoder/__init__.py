"""Log-mel frames to audio."""
