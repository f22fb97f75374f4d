"""Caches what takes long, in a folder under a hash of the audio that it was made from.

Files appear whole or not at all: an evaluation that was stopped goes on where it was.
"""

from __future__ import annotations

import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from mt3synth.atomic import write_new
from mt3synth.audio.mel import log_mel
from mt3synth.errors import UserError
from mt3synth.evaluation.embeddings.cache import audio_digest
from mt3synth.symbolic.notes import Notes
from mt3synth.transcription.transcriber import Transcriber
from mt3synth.types import Float, FloatND
from mt3synth.vocoder.protocol import Vocoder

_COLUMNS = ("start", "end", "pitch", "velocity", "program", "is_drum")


class CachedTranscriber:
    """A `Transcriber` that does not transcribe the same audio twice.

        CachedTranscriber(BasicPitch(), "basic-pitch", folder)(audio, 16000)

    Args:
      transcriber: asked for what is not there yet.
      identity: says which it is, and must change when its notes would.
      folder: made when it is needed.
    """

    def __init__(self, transcriber: Transcriber, identity: str, folder: Path) -> None:
        self._transcriber, self._identity, self._folder = transcriber, identity, folder

    def __call__(self, audio: Float[FloatND, " S"], sample_rate: int) -> Notes:
        """Transcribes audio, or reads the notes that it gave before; see `Transcriber`."""
        path = _path(self._folder, audio, f"notes {self._identity} {sample_rate}")
        found = _load(path, _COLUMNS)
        if found is not None:
            return Notes(**found)
        notes = self._transcriber(audio, sample_rate)
        _save(path, {name: getattr(notes, name) for name in _COLUMNS})
        return notes


class CachedVocoder:
    """Takes audio to mel frames and back, not twice for the same audio.

        vocoded, seconds = CachedVocoder(vocoder, "mine, version 2", folder)(audio)

    Args:
      vocoder: makes the audio.
      identity: says which it is, and must change when its audio would.
      folder: made when it is needed.
    """

    def __init__(self, vocoder: Vocoder, identity: str, folder: Path) -> None:
        self.vocoder, self.identity, self._folder = vocoder, identity, folder

    def __call__(self, audio: Float[FloatND, " S"]) -> tuple[Float[FloatND, " S2"], float]:
        """Returns the vocoded audio, and the wall time in seconds that it took when it was made.

        Raises:
          UserError: it is not finite, or the folder cannot be written to.
        """
        path = _path(self._folder, audio, f"vocoded {self.identity}")
        found = _load(path, ("audio", "seconds"))
        if found is not None:
            return found["audio"], float(found["seconds"])
        frames = log_mel(audio, self.vocoder.spec)
        started = time.perf_counter()
        made = self.vocoder(frames)
        seconds = time.perf_counter() - started
        made = np.asarray(made[: len(audio)], np.float32)
        bad = int(np.sum(~np.isfinite(made)))
        if bad:
            raise UserError(f"the vocoder made {bad} of {len(made)} samples that are not finite")
        _save(path, {"audio": made, "seconds": np.float64(seconds)})
        return made, seconds


def _path(folder: Path, audio: FloatND, purpose: str) -> Path:
    return folder / f"{audio_digest(audio, purpose)[:40]}.npz"


def _load(path: Path, names: tuple[str, ...]) -> dict[str, Any] | None:
    """Reads a file of the cache; None if there is none, or it is damaged and must be made anew."""
    try:
        with np.load(path) as arrays:
            return {name: arrays[name] for name in names}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None


def _save(path: Path, arrays: dict[str, Any]) -> None:
    write_new(path, lambda file: np.savez(file, **arrays), UserError)
