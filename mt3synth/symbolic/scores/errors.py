"""The error of everything that reads scores in notation."""

from mt3synth.errors import UserError


class ScoreError(UserError):
    """A score that cannot be read; the message says which, why and, if it can, in which measure."""
