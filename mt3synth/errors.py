"""Errors that are the user's to mend: the command line prints them as one line and exits with 2."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class UserError(ValueError):
    """Bad input. The message says what is wrong, where, and what to do, in one line."""


def nearest(name: str, names: Iterable[str], cutoff: float = 0.6) -> str | None:
    """Finds the name that the user may have meant.

    Args:
      name: what the user wrote.
      names: all that could have been written.
      cutoff: how alike the two must be, from 0, anything, to 1, the same.

    Returns:
      The most similar of ``names``, or None if none is similar enough.
    """
    near = difflib.get_close_matches(name, list(names), n=1, cutoff=cutoff)
    return near[0] if near else None
