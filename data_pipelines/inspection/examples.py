"""Writes a song of a data set as files: sound, notes, and both together for ear and eye."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from data_pipelines.filesystem import write_atomically
from data_pipelines.inspection.pictures import draw_notes
from data_pipelines.inspection.tones import pan_apart, synthesize_tones
from data_pipelines.songs import Song
from mt3synth.audio.files import write_audio
from mt3synth.errors import UserError
from mt3synth.symbolic.midi import write_midi

SECONDS = 30.0
"""Length of an example whose end is not given."""

_LEAD_S = 1.0


@dataclass(frozen=True)
class Example:
    """Names the files of an example, and where it is from.

    Attributes:
      song: id of the song.
      split: of the song.
      number: of the song, counted from 0 through the splits that were looked at.
      performance: index of the song's performance.
      start, end: seconds of the song.
      notes: how many there are in it.
      audio: the recording.
      midi: its notes.
      picture: mel frames, with and without notes.
      check: stereo, left the recording, right the notes as tones.
    """

    song: str
    split: str
    number: int
    performance: int
    start: float
    end: float
    notes: int
    audio: Path
    midi: Path
    picture: Path
    check: Path


def write_example(
    song: Song,
    split: str,
    number: int,
    folder: Path,
    start: float | None = None,
    end: float | None = None,
) -> Example:
    """Writes the files of one song into ``folder``, which is made if need be.

    Args:
      song: what to write.
      split: of the song.
      number: of the song, for the names of the files.
      folder: where to.
      start: second of the song to begin at; None begins a second before its first note.
      end: second to end at, later than ``start``; None takes `SECONDS`. A song that is over
        before ends the example.

    Raises:
      UserError: the song is over at ``start``, or a file cannot be written.
    """
    begin, until = _choose_span(song, start, end)
    audio = song.audio[round(begin * song.sample_rate) : round(until * song.sample_rate)]
    audio = audio.astype(np.float32) / 32768
    notes = song.notes.cropped(begin, until)
    folder.mkdir(parents=True, exist_ok=True)
    stem = make_stem(number, song.id)
    example = Example(
        *(song.id, split, number, song.performance, begin, until, len(notes)),
        audio=folder / f"{stem}.wav",
        midi=folder / f"{stem}.mid",
        picture=folder / f"{stem}.png",
        check=folder / f"{stem}.check.wav",
    )
    # Cut short, for an id may be a whole path and a file's comment is small.
    write_audio(example.audio, audio, song.sample_rate, {"song": song.id[:200]})
    with write_atomically(example.midi) as unfinished:
        write_midi(notes, unfinished)
    both = pan_apart(audio, synthesize_tones(notes, song.sample_rate, len(audio)))
    with write_atomically(example.check) as unfinished:
        soundfile.write(unfinished, both, song.sample_rate, "PCM_16", format="WAV")
    title = f"{song.id}, {begin:g} to {until:.4g} s: {len(notes)} notes"
    with write_atomically(example.picture) as unfinished:
        draw_notes(audio, song.sample_rate, notes, unfinished, title)
    return example


def make_stem(number: int, song_id: str) -> str:
    """Names a song's files: its number keeps them apart, its id is for people."""
    safe = re.sub(r"[^\w.-]+", "_", song_id).strip("._")
    return f"{number:05d}_{safe[-60:]}"


def _choose_span(song: Song, start: float | None, end: float | None) -> tuple[float, float]:
    if start is None:
        # A moment before the first note, so that its attack is heard to come.
        first = float(song.notes.start.min()) if len(song.notes) else 0.0
        start = max(0.0, min(first, song.seconds) - _LEAD_S)
    if start >= song.seconds:
        raise UserError(f"song {song.id!r} lasts {song.seconds:.2f} s; cannot begin at {start:g} s")
    return start, min(song.seconds, start + SECONDS if end is None else end)
