"""Compiled programs kept from one call of the command to the next."""

from __future__ import annotations

import os
from pathlib import Path

from mt3synth.cache_folder import cache_folder


def folder() -> Path:
    """The user's own: JAX runs what it finds there, so others must not be able to write to it."""
    return cache_folder() / "jax"


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
    try:
        place = folder()
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
    except (OSError, RuntimeError):  # RuntimeError: there is no home folder
        return None
    if not os.access(place, os.W_OK):
        return None
    jax.config.update("jax_compilation_cache_dir", str(place))
    return place
