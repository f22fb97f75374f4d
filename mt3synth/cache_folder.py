"""Where the user's own cache lies."""

from __future__ import annotations

import os
from pathlib import Path

from mt3synth.errors import UserError


def cache_folder(name: str) -> Path:
    """Returns the folder ``name`` in the user's cache of this project, made if it is missing.

    Only the user may look into it, for programs run what they find there.

    Raises:
      UserError: there is no home folder, or it cannot be written to.
    """
    # The XDG base directory specification ignores a relative path.
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        folder = (base if base.is_absolute() else Path.home() / ".cache") / "mt3synth" / name
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except (OSError, RuntimeError) as error:  # RuntimeError: there is no home folder
        raise UserError(f"no cache folder ({error}); set $XDG_CACHE_HOME to one") from error
    return folder
