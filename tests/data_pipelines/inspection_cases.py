"""A small data set whose figures can be counted by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from data_pipelines.performances import PerformanceEntry, write_performances
from data_pipelines.shards.formats import FORMATS
from data_pipelines.shards.names import shard_path
from data_pipelines.songs import Song
from mt3synth.symbolic.notes import Notes

RATE = 16000
SECONDS = 4.0
NAMES = ("Ünïcødé <hall>", "studio")


def notes_of(*rows: tuple[float, float, int, int, int, bool]) -> Notes:
    """Notes of (start, end, pitch, velocity, program, is_drum)."""
    return Notes(*(np.array(column) for column in zip(*rows)))


NOTES = notes_of(
    (0.5, 2.5, 69, 100, 40, False),
    (1.5, 3.5, 57, 60, 42, False),
    (1.5, 2.0, 38, 80, 0, True),
)


def song(song_id: str, performance: int) -> Song:
    """Plays the notes as sines."""
    time = np.arange(int(SECONDS * RATE)) / RATE
    audio = np.zeros(len(time))
    for start, end, hertz in ((0.5, 2.5, 440.0), (1.5, 3.5, 220.0)):
        audio += 0.3 * np.sin(2 * np.pi * hertz * time) * ((time >= start) & (time < end))
    return Song(song_id, np.round(audio * 32767).astype(np.int16), RATE, NOTES, performance)


TRAIN = [song("first/take 1.wav", 0), song("二番", 1), song("third", 1)]
VALIDATION = [song("fourth", 0)]


def data_set(folder: Path, kind: str) -> Path:
    """Writes three songs to train on in two shards, one to validate; performances by `NAMES`."""
    folder.mkdir()
    form = FORMATS[kind]
    shards = [("train", 0, 2, TRAIN[:2]), ("train", 1, 2, TRAIN[2:])]
    for split, index, count, songs in [*shards, ("validation", 0, 1, VALIDATION)]:
        form.write(shard_path(folder, split, index, count, form.suffix), songs)
    write_performances(folder, [PerformanceEntry(name, name) for name in NAMES])
    return folder
