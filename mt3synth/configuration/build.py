"""Builds objects that gin configures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from mt3synth.errors import UserError

T = TypeVar("T")


def build(configurable: Callable[..., T], **arguments: Any) -> T:
    """Calls ``configurable`` with what gin has bound to it.

    Raises:
      UserError: it refuses a value.
    """
    import gin

    try:
        return gin.get_configurable(configurable)(**arguments)
    except (TypeError, ValueError) as error:
        # A value that is refused was bound by the user; the class has no other source.
        raise UserError(f"gin configuration: {first_line(error)}") from error


def first_line(error: Exception) -> str:
    """Returns an error's message without the lines in which gin says where in itself it was."""
    return str(error).splitlines()[0]
