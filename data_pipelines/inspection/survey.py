"""Counts a data set song by song: memory does not grow with the number of songs."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float

from data_pipelines.songs import Song
from mt3synth.symbolic.notes import Notes
from mt3synth.symbolic.programs import PROGRAMS

DRUMS = -1
"""Stands for the drums among programs, where they have no number of their own."""

MOST_VOICES = 32
"""Polyphony is counted up to here; the last count stands for this many notes and more."""


@dataclass
class Tally:
    """Songs, seconds of audio and notes of some part of a data set."""

    songs: int = 0
    seconds: float = 0.0
    notes: int = 0

    def add(self, seconds: float, notes: int) -> None:
        """Counts one more song."""
        self.songs += 1
        self.seconds += seconds
        self.notes += notes

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.songs + other.songs, self.seconds + other.seconds, self.notes + other.notes
        )


@dataclass
class Survey:
    """Holds the figures of a data set.

        survey = Survey()
        for song in read_split(folder, "train"):
            survey.add("train", song)
        print(survey.tally("train").seconds)

    Attributes:
      parts: by split and index of the performance.
      programs: by General MIDI program, or `DRUMS`: the songs in which it plays (all of their
        seconds), and its own notes.
      pitches: notes by MIDI key, drums left out, ``[128]``.
      velocities: notes by velocity, ``[128]``.
      voices: seconds in which k notes sound at once, drums left out, ``[MOST_VOICES + 1]``.
    """

    parts: dict[tuple[str, int], Tally] = field(default_factory=lambda: defaultdict(Tally))
    programs: dict[int, Tally] = field(default_factory=lambda: defaultdict(Tally))
    pitches: np.ndarray = field(default_factory=lambda: np.zeros(128, np.int64))
    velocities: np.ndarray = field(default_factory=lambda: np.zeros(128, np.int64))
    voices: np.ndarray = field(default_factory=lambda: np.zeros(MOST_VOICES + 1))

    def add(self, split: str, song: Song) -> None:
        """Counts one more song."""
        notes = song.notes
        pitched = notes.select(~notes.is_drum)
        self.parts[split, song.performance].add(song.seconds, len(notes))
        numbers, counts = np.unique(
            np.where(notes.is_drum, DRUMS, notes.program), return_counts=True
        )
        for number, count in zip(numbers.tolist(), counts.tolist()):
            self.programs[number].add(song.seconds, count)
        self.pitches += np.bincount(pitched.pitch, minlength=128)
        self.velocities += np.bincount(notes.velocity, minlength=128)
        self.voices += measure_polyphony(pitched, song.seconds)

    @property
    def splits(self) -> list[str]:
        """Lists the splits that were looked at, in that order."""
        return list(dict.fromkeys(split for split, _ in self.parts))

    @property
    def performances(self) -> list[int]:
        """Lists the performances that have songs, by index."""
        return sorted({index for _, index in self.parts})

    def tally(self, split: str | None = None, performance: int | None = None) -> Tally:
        """Sums the parts of one split, or of all; of one performance, or of all."""
        total = Tally()
        for (of_split, of_performance), part in self.parts.items():
            if split in (None, of_split) and performance in (None, of_performance):
                total += part
        return total


def measure_polyphony(notes: Notes, seconds: float) -> Float[np.ndarray, " voices"]:
    """Measures how long 0 to `MOST_VOICES` notes sound at once, within the audio's length."""
    times = np.concatenate([[0.0], notes.start, notes.end]).clip(0, seconds)
    steps = np.concatenate([[0], np.ones(len(notes), int), -np.ones(len(notes), int)])
    order = np.argsort(times, kind="stable")
    # Intervals of no length between events at one time count for nothing.
    sounding = np.cumsum(steps[order]).clip(0, MOST_VOICES)
    lengths = np.diff(np.append(times[order], seconds))
    return np.bincount(sounding, lengths, minlength=MOST_VOICES + 1)


def name_program(program: int) -> str:
    """Names a program as General MIDI does; "Drums" for `DRUMS`."""
    return "Drums" if program == DRUMS else PROGRAMS[program]
