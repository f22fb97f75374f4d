"""Gin configuration files: where they lie and how they are read."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from mt3synth.errors import UserError

ROOT = Path(__file__).resolve().parent.parent
"""The folder that holds ``gin_configs``: the repository's, or an environment's site-packages."""

_MACRO = re.compile(r"\s*(\w+)\s*=")


def parse(files: Sequence[str], bindings: Sequence[str]) -> None:
    """Reads gin files and then single bindings, such as ``TRAIN_STEPS=10``.

    Files are looked up from the current folder and then from the project's own ``gin_configs``.
    Nothing stays of a configuration that was read before.

    Raises:
      UserError: a file that is not there, a line that gin does not understand, or a binding to a
        name that no file defines.
    """
    import gin

    gin.clear_config()
    gin.add_config_file_search_path(str(ROOT))
    for name in files:
        if not any((folder / name).is_file() for folder in (Path(), ROOT)):
            raise UserError(f"{name}: no such gin file")
    try:
        gin.parse_config_files_and_bindings(list(files), None, finalize_config=False)
        for binding in bindings:
            # gin takes any name without a dot for a new macro, which nothing would ever read.
            macro = _MACRO.match(binding)
            if macro and not _is_defined(macro[1]):
                raise UserError(f"gin configuration: {binding}: no file defines {macro[1]}")
        gin.parse_config_files_and_bindings(None, list(bindings))
    except UserError:
        raise
    except (OSError, ValueError, SyntaxError, AttributeError, ImportError) as error:
        raise UserError(f"gin configuration: {' '.join(str(error).split())}") from error


def _is_defined(macro: str) -> bool:
    import gin

    try:
        gin.query_parameter(f"{macro}/macro.value")
    except ValueError:
        return False
    return True
