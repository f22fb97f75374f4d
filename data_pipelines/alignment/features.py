"""Computes what is compared when a score is aligned to a recording: chroma and its onsets.

Both are synctoolbox's: locally quantized chroma (Mueller, "Information Retrieval for Music and
Motion", 2007, chapter 3) and DLNCO, decaying locally adaptive normalized chroma onsets (Ewert,
Mueller and Grosche, "High resolution audio synchronization using chroma onset features", 2009).
For the score they are made from the notes as an ideal recording would have them.
"""

from __future__ import annotations

import contextlib
import importlib
import io
from dataclasses import dataclass
from typing import Any

import numpy as np

from mt3synth.errors import UserError
from mt3synth.symbolic.notes import Notes
from mt3synth.types import FloatND

SAMPLE_RATE = 22_050
"""Samples per second; the filter bank is designed for this rate."""
FEATURE_RATE = 50
"""Frames per second."""
LOWEST, HIGHEST = 21, 108
"""Keys that the filter bank covers: the piano's."""
_LOUDEST = 1e6  # a chroma onset of velocity 127; before the log, like a filter's energy rise


@dataclass(frozen=True, eq=False)
class Features:
    """Describes a score or a recording by frames.

    Attributes:
      chroma: share of the energy in each pitch class, quantized, float64 ``[12, N]``.
      onsets: DLNCO, float64 ``[12, N]``.
    """

    chroma: FloatND
    onsets: FloatND

    def cropped(self, first: int, count: int) -> Features:
        """Takes ``count`` frames from the one with index ``first`` on."""
        span = slice(first, first + count)
        return Features(self.chroma[:, span], self.onsets[:, span])

    def silenced(self, where: FloatND) -> Features:
        """Takes the sound out of some frames, bool ``[N]``."""
        return Features(np.where(where, 0.0, self.chroma), np.where(where, 0.0, self.onsets))


def analyse_recording(audio: FloatND) -> Features:
    """Computes the frames of a recording.

    Args:
      audio: mono ``[S]`` at `SAMPLE_RATE`, not silent, at least a second.

    Raises:
      UserError: synctoolbox is not installed.
    """
    dlnco, onset = import_synctoolbox("feature.dlnco"), import_synctoolbox("feature.pitch_onset")
    chroma = find_recording_chroma(audio)
    with contextlib.redirect_stdout(io.StringIO()):  # it prints a dot for every key
        peaks = onset.audio_to_pitch_onset_features(_scale_to_full(audio), SAMPLE_RATE)
    onsets = dlnco.pitch_onset_features_to_DLNCO(peaks, chroma.shape[1], FEATURE_RATE)
    return Features(chroma, onsets)


def find_recording_chroma(audio: FloatND) -> FloatND:
    """Computes the chroma alone of a recording, as in `analyse_recording`."""
    chroma, pitch = import_synctoolbox("feature.chroma"), import_synctoolbox("feature.pitch")
    with contextlib.redirect_stdout(io.StringIO()):
        energy = pitch.audio_to_pitch_features(_scale_to_full(audio), SAMPLE_RATE, FEATURE_RATE)
    return chroma.quantize_chroma(chroma.pitch_to_chroma(energy))


def analyse_score(notes: Notes, seconds: float) -> Features:
    """Computes the frames of a score of ``seconds``; drums are left out.

    Raises:
      UserError: synctoolbox is not installed.
    """
    dlnco = import_synctoolbox("feature.dlnco")
    chroma = find_score_chroma(notes, seconds)
    notes = _select_covered(notes)
    peaks = {}
    for pitch in np.unique(notes.pitch):
        own = notes.select(notes.pitch == pitch)
        peaks[int(pitch)] = np.stack([1000 * own.start, _LOUDEST * (own.velocity / 127)])
    onsets = dlnco.pitch_onset_features_to_DLNCO(peaks, chroma.shape[1], FEATURE_RATE)
    return Features(chroma, onsets)


def find_score_chroma(notes: Notes, seconds: float) -> FloatND:
    """Computes the chroma alone of a score, as in `analyse_score`."""
    notes = _select_covered(notes)
    first = np.round(notes.start * FEATURE_RATE).astype(int)
    last = np.maximum(np.round(notes.end * FEATURE_RATE).astype(int), first + 1)
    sounding = np.zeros((12, int(np.ceil(seconds * FEATURE_RATE)) + 1))
    for pitch, velocity, begin, end in zip(notes.pitch, notes.velocity, first, last):
        sounding[pitch % 12, begin:end] += velocity / 127
    return import_synctoolbox("feature.chroma").quantize_chroma(sounding)


def _select_covered(notes: Notes) -> Notes:
    return notes.select(~notes.is_drum & (notes.pitch >= LOWEST) & (notes.pitch <= HIGHEST))


def _scale_to_full(audio: FloatND) -> FloatND:
    return audio.astype(np.float64) / np.abs(audio).max()


def import_synctoolbox(module: str) -> Any:
    """Imports a module of synctoolbox, which takes seconds.

    Raises:
      UserError: it is not installed.
    """
    try:
        return importlib.import_module(f"synctoolbox.{module}")
    except ModuleNotFoundError as error:
        raise UserError(
            f"{error.name} is not installed, and alignment needs it: pip install 'mt3synth[align]'"
        ) from error
