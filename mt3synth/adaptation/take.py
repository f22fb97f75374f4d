"""Reads one recording to learn from: its sound, and notes at the times of the sound."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_pipelines.alignment.align import THRESHOLD, align
from data_pipelines.alignment.features import SAMPLE_RATE
from data_pipelines.alignment.offsets import find_problem, measure_offsets
from data_pipelines.recordings import find_silence
from mt3synth.audio.files import read_audio
from mt3synth.errors import UserError
from mt3synth.symbolic.midi import read_midi
from mt3synth.symbolic.notes import Notes
from mt3synth.transcription.transcriber import Transcriber
from mt3synth.types import FloatND

SHORTEST_S = 30.0
"""Of sound with notes. With less there is hardly a performance to hear, and none to hold out."""
EXACT_S = 0.025
"""Notes that are so near to the sound already are left where they are."""
_BEFORE_S, _AFTER_S = 0.5, 1.5
"""How much of the sound around the notes belongs to them: a breath, and what rings on."""


@dataclass(frozen=True, eq=False)
class Take:
    """Holds a recording that a performance is to be learned of.

    Attributes:
      audio: its file.
      notes: in seconds of the sound.
      start, end: the part of it that has notes, in seconds.
      origin: where the notes are from, in words.
    """

    audio: Path
    notes: Notes
    start: float
    end: float
    origin: str

    @property
    def seconds(self) -> float:
        """Returns how long it is."""
        return self.end - self.start


def read_take(
    audio: Path,
    midi: Path | None,
    transcriber: Transcriber | None,
    program: int | None = None,
    threshold: float = THRESHOLD,
) -> Take:
    """Reads a recording with its notes: those of a MIDI file, aligned if need be, or transcribed.

    Args:
      audio: the recording.
      midi: what is played in it: the score, or the notes as they were played.
      transcriber: hears the notes, where there is no MIDI file.
      program: General MIDI program for all notes but drums; None leaves what they have.
      threshold: of the confidence of an alignment.

    Raises:
      UserError: a file cannot be read, the recording is silent or short, or the notes are not
        those of the sound.
    """
    sound = read_audio(audio, SAMPLE_RATE)
    seconds = len(sound) / SAMPLE_RATE
    if silence := find_silence(sound):
        raise UserError(f"{audio}: {silence}; there is nothing to learn from")
    if seconds < SHORTEST_S:
        raise UserError(f"{audio}: {seconds:.1f} s; must have at least {SHORTEST_S:g} s")
    if midi is not None:
        notes, origin = _place(midi, sound, f"{audio} and {midi}", threshold)
    elif transcriber is not None:
        notes, origin = transcriber(sound, SAMPLE_RATE), "transcribed"
    else:
        raise UserError(f"{audio}: neither MIDI nor a transcriber to hear its notes by")
    if not len(notes):
        raise UserError(f"{audio}: no notes are heard in it")
    if program is not None:
        notes = notes.replace(program=np.where(notes.is_drum, notes.program, program))
    start = max(0.0, float(notes.start.min()) - _BEFORE_S)
    end = min(seconds, notes.end_time + _AFTER_S)
    if end - start < SHORTEST_S:
        raise UserError(
            f"{audio}: has notes for {end - start:.1f} s of its {seconds:.1f} s; must be at least "
            f"{SHORTEST_S:g} s"
        )
    return Take(audio, notes, start, end, origin)


def _place(midi: Path, sound: FloatND, pair: str, threshold: float) -> tuple[Notes, str]:
    """Puts the notes of a file where they are heard; says how."""
    notes, _ = read_midi(midi)
    if not len(notes):
        raise UserError(f"{midi}: has no notes")
    try:
        # Aligned once more, notes that are exact would only lose by it.
        if find_problem(measure_offsets(notes, sound), EXACT_S) is None:
            return notes, f"as in {midi.name}, where they match the sound"
        alignment = align(notes, sound)
    except UserError as error:
        raise UserError(f"{pair}: {error}") from error
    if problem := alignment.find_problem(threshold):
        raise UserError(f"{pair}: {problem}")
    return alignment.notes, f"of {midi.name}, aligned with confidence {alignment.confidence:.2f}"
