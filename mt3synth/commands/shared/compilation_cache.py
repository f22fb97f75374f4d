"""Keeps compiled programs from one call of the command to the next.

Only the command line does so: a library leaves the settings of its caller's JAX alone.
"""

from __future__ import annotations

import os
from pathlib import Path

from mt3synth.cache_folder import cache_folder
from mt3synth.errors import UserError


def keep() -> Path | None:
    """Makes JAX keep all that it compiles; returns where, or None if the folder is unusable.

    A rendering compiles some forty programs, several seconds' worth on two cores, which take less
    than a megabyte. ``$JAX_COMPILATION_CACHE_DIR`` has its usual meaning.
    """
    import jax

    # Most of the programs are small, and compiling each costs more than reading it.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    if chosen := os.environ.get("JAX_COMPILATION_CACHE_DIR"):
        return Path(chosen)
    # Without a cache all works as well, only slower: not worth an error.
    try:
        folder = cache_folder("jax")
    except UserError:
        return None
    if not os.access(folder, os.W_OK):
        return None
    jax.config.update("jax_compilation_cache_dir", str(folder))
    return folder
