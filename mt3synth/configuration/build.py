"""Builds objects that gin configures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from mt3synth.errors import UserError

T = TypeVar("T")


def build(configurable: Callable[..., T], **arguments: Any) -> T:
    """Calls ``configurable`` with what gin has bound to it; ``arguments`` come before that.

    Raises:
      UserError: it refuses a value.
    """
    import gin

    return _call(gin.get_configurable(configurable), arguments)


def build_over(configurable: Callable[..., T], **defaults: Any) -> T:
    """Calls ``configurable`` with what gin has bound to it, which comes before ``defaults``.

    Raises:
      UserError: it refuses a value.
    """
    import gin

    bound = gin.get_bindings(configurable, resolve_references=False)
    rest = {name: value for name, value in defaults.items() if name not in bound}
    return _call(gin.get_configurable(configurable), rest)


def _call(configurable: Callable[..., T], arguments: dict[str, Any]) -> T:
    try:
        return configurable(**arguments)
    except (TypeError, ValueError) as error:
        # A value that is refused was bound by the user; the class has no other source.
        raise UserError(f"gin configuration: {first_line(error)}") from error


def first_line(error: Exception) -> str:
    """Returns an error's message without the lines in which gin says where in itself it was."""
    return str(error).splitlines()[0]
