"""Makes a song of a recording, or refuses it with a reason."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from data_pipelines.recordings import MidiFile, Recording
from data_pipelines.songs import Song, to_pcm
from mt3synth.audio.files import fit_peak
from mt3synth.errors import UserError

MIDI_OVERHANG_S = 1.0
"""A key may be held this much longer than the audio lasts, while the sound dies away."""


class PreparedSong(NamedTuple):
    """Holds a song, and remarks on what of its recording is not in it."""

    song: Song
    remarks: list[str]


def prepare_song(recording: Recording, performance: int, sample_rate: int) -> PreparedSong:
    """Reads, resamples and checks a recording and its notes.

    Args:
      recording: where they are.
      performance: index of its performance.
      sample_rate: of the result, samples per second.

    Raises:
      UserError: audio or notes cannot be read, the audio is silent or lasts over
        `MIDI_OVERHANG_S` less than the notes, or no note lies between start and end.
    """
    notes, remarks = recording.notes.read()
    audio = recording.audio.read(sample_rate)
    seconds = len(audio) / sample_rate
    end = recording.end
    if end is None:
        end = notes.end_time
        # The pedal may hold the last notes on when the recording is already cut off.
        if end > seconds + MIDI_OVERHANG_S and isinstance(recording.notes, MidiFile):
            end = recording.notes.last_release()
    if recording.start >= seconds:
        raise UserError(f"start {recording.start:g} s; the audio lasts {seconds:.2f} s")
    if end > seconds + MIDI_OVERHANG_S:
        what = "notes end" if recording.end is None else "end lies"
        raise UserError(
            f"the audio lasts {seconds:.2f} s, its {what} at {end:.2f} s; at most "
            f"{MIDI_OVERHANG_S:g} s later is allowed"
        )
    last = seconds if recording.end is None else min(recording.end, seconds)
    audio = audio[round(recording.start * sample_rate) : round(last * sample_rate)]
    # Where all is taken, notes may outlast the audio a little; a segment cuts them anyway.
    until = max(last, notes.end_time) if recording.end is None else last
    notes = notes.cropped(recording.start, until)
    if not len(notes):
        raise UserError(f"no note between {recording.start:g} and {last:.2f} s")
    if not np.any(audio):
        raise UserError("the audio is silent")
    audio, gain = fit_peak(audio)
    if gain < 1:
        remarks = [*remarks, f"turned down by {-20 * np.log10(gain):.1f} dB to fit 16 bits"]
    song = Song(recording.id, to_pcm(audio), sample_rate, notes, performance)
    return PreparedSong(song, remarks)
