"""Trains a small transcriber of mel frames, by which a denoiser may learn and be validated."""
