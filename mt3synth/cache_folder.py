"""Where the user's own cache lies."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Folder of all that is kept from one call of the command to the next; perhaps not made yet.

    Raises:
      RuntimeError: there is no home folder.
    """
    # The XDG base directory specification ignores a relative path.
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "mt3synth"
