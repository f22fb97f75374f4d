"""Renders log-mel frames as audio."""
