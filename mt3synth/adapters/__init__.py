"""Puts this project's models into other people's programs."""
