"""Loads a transcriber by its name: a built-in one, or a user's own."""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mt3synth.errors import UserError
from mt3synth.symbolic.notes import Notes
from mt3synth.transcription import basic_pitch, harmonica
from mt3synth.transcription.transcriber import NotInstalled, Transcriber
from mt3synth.types import Float

BASIC_PITCH = "basic-pitch"
JUDGES = (BASIC_PITCH, "harmonica-small", "harmonica-x-large")
"""Those that `mt3synth evaluate` asks if nobody is named, as far as they are installed: of the same
audio one forgives what the next does not."""

_BUILT_IN: dict[str, Callable[[], Transcriber]] = {
    BASIC_PITCH: basic_pitch.BasicPitch,
    **{f"harmonica-{size}": partial(harmonica.Harmonica, size) for size in harmonica.SIZES},
}


def find_installed() -> tuple[str, ...]:
    """Names those of `JUDGES` that are installed; imports nothing of them."""
    missing, of_others = {BASIC_PITCH: basic_pitch.find_missing()}, harmonica.find_missing()
    return tuple(name for name in JUDGES if not missing.get(name, of_others))


def list_transcribers() -> list[str]:
    """Says of each built-in transcriber, in a line, whether it is ready or how to install it."""
    lines = []
    for module, name in ((basic_pitch, BASIC_PITCH), (harmonica, "harmonica")):
        missing = module.find_missing()
        state = f"{', '.join(missing)} missing: {module.INSTALL}" if missing else "ready"
        lines.append(f"{name}: {state}")
    lines[-1] += f" ({harmonica.DISTRIBUTION} {harmonica.LICENCE})"
    return lines


def identify_transcriber(name: str) -> str:
    """Identifies a transcriber by its name and version, or by the content of its file.

    What another version heard must not be taken for what this one hears.
    """
    if name == BASIC_PITCH:
        return "mt3synth.transcription.basic_pitch:BasicPitch"  # as when it was the only one
    if name in _BUILT_IN:
        return f"{name} {harmonica.find_version()}"
    path = Path(name.rpartition(":")[0])
    if path.suffix == ".py" and path.is_file():
        return f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}"
    return name


def load_transcriber(name: str) -> Transcriber:
    """Loads a transcriber.

    Args:
      name: ``basic-pitch``, ``harmonica-small`` or another of its sizes; or ``module:attribute`` or
        ``file.py:attribute``, of which a class is instantiated.

    Raises:
      NotInstalled: it is known, or may be; but it is not installed.
      UserError: there is no such thing, or it cannot be called.
    """
    if name in _BUILT_IN:
        return _BUILT_IN[name]()
    source, _, attribute = name.rpartition(":")
    if not source or not attribute.isidentifier():
        raise UserError(
            f"transcriber {name!r}: write module:attribute or file.py:attribute, or one of"
            f" {', '.join(_BUILT_IN)}"
        )
    found = _members(source, name).get(attribute)
    if found is None:
        raise UserError(f"transcriber {name!r}: {source} has no {attribute}")
    if not callable(found):
        raise UserError(f"transcriber {name!r}: {attribute} is no function and no class")
    transcriber = found() if isinstance(found, type) else found
    if not callable(transcriber):
        raise UserError(f"transcriber {name!r}: a {attribute} cannot be called; give it __call__")

    def checked(audio: Float[np.ndarray, " S"], sample_rate: int) -> Notes:
        # A user's own is not type-checked, and a list would fail much later, far from its cause.
        notes = transcriber(audio, sample_rate)
        if not isinstance(notes, Notes):
            raise UserError(
                f"transcriber {name!r} returned {type(notes).__name__};"
                " must be mt3synth.symbolic.notes.Notes"
            )
        return notes

    return checked


def _members(source: str, name: str) -> dict[str, Any]:
    """Returns what a module or a file of Python defines, by name."""
    if not source.endswith(".py"):
        try:
            return vars(importlib.import_module(source))
        except ModuleNotFoundError as error:
            raise NotInstalled(
                f"transcriber {name!r}: {error}; install it, or name a file:"
                " path/to/it.py:attribute"
            ) from error
    if not Path(source).is_file():
        raise UserError(f"transcriber {name!r}: {source}: no such file")
    spec = importlib.util.spec_from_file_location(f"_transcriber_{Path(source).stem}", source)
    assert spec is not None and spec.loader is not None  # as the suffix is .py
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # where dataclasses and pickle look it up
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UserError(f"transcriber {name!r}: {source}: {error!r}") from error
    return vars(module)
