"""Loads a transcriber by its name: the built-in one, or a user's own."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import numpy as np

from mt3synth.errors import UserError
from mt3synth.symbolic.notes import Notes
from mt3synth.transcription.transcriber import Transcriber
from mt3synth.types import Float

BASIC_PITCH = "mt3synth.transcription.basic_pitch:BasicPitch"


def load_transcriber(name: str) -> Transcriber:
    """Loads what ``module:attribute`` or ``file.py:attribute`` names; a class is instantiated.

    Raises:
      UserError: it is not there, or cannot be called.
    """
    source, _, attribute = name.rpartition(":")
    if not source or not attribute.isidentifier():
        raise UserError(f"transcriber {name!r}: write module:attribute or file.py:attribute")
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
            raise UserError(
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
