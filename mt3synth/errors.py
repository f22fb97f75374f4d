"""Errors that are the user's to mend: the command line prints them as one line and exits with 2."""


class UserError(ValueError):
    """Bad input. The message says what is wrong, where, and what to do, in one line."""
