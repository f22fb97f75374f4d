"""Objects that gin configures."""

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
        # gin appends lines that say where in its own machinery it was.
        raise UserError(f"gin configuration: {str(error).splitlines()[0]}") from error
