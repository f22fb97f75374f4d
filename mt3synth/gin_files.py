"""Gin configuration files: where they lie and how they are read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mt3synth.errors import UserError

ROOT = Path(__file__).resolve().parent.parent
"""The folder that holds ``gin_configs``: the repository's, or an environment's site-packages."""


def parse(files: Sequence[str], bindings: Sequence[str]) -> None:
    """Reads gin files and then single bindings, such as ``TRAIN_STEPS=10``.

    Files are looked up from the current folder and then from the project's own ``gin_configs``.

    Raises:
      UserError: a file that is not there, or a line that gin does not understand.
    """
    import gin

    gin.add_config_file_search_path(str(ROOT))
    try:
        gin.parse_config_files_and_bindings(list(files), list(bindings))
    except (OSError, ValueError, SyntaxError, AttributeError, ImportError) as error:
        raise UserError(f"gin configuration: {' '.join(str(error).split())}") from error
