"""Denoising networks, score encoders and the layers they share."""
