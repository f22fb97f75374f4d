"""This project's models inside other people's programs."""
