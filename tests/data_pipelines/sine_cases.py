"""Songs of sines, whose every feature is known, and small corpora of them on disk."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from data_pipelines.shards import tfrecord
from data_pipelines.shards.names import shard_path
from data_pipelines.songs import Song
from mt3synth.symbolic.notes import Notes

SECONDS = {"a": 6.0, "b": 9.1, "c": 0.7, "d": 4.4}
"""300, 455, 35 and 220 frames: 4 + 7 + 1 + 3 training segments of 64."""

SHARDS = {("train", 0, 2): "ab", ("train", 1, 2): "cd", ("validation", 0, 1): "da"}


def make_song(name: str, performance: int | None = None) -> Song:
    """Sines with matching notes; every song has its own pitches, and its own performance."""
    draw = np.random.default_rng(ord(name))
    seconds = SECONDS[name]
    onsets = np.arange(0.1, seconds - 0.2, 0.37)
    n = len(onsets)
    notes = Notes(
        start=onsets,
        end=np.minimum(onsets + draw.uniform(0.1, 3.0, n), seconds),
        pitch=40 + np.arange(n) % 40,
        velocity=draw.integers(1, 128, n),
        program=np.where(np.arange(n) % 3, 0, 40),
        is_drum=np.zeros(n, bool),
    )
    time = np.arange(round(seconds * 16000)) / 16000
    audio = np.zeros(len(time))
    for start, end, pitch in zip(notes.start, notes.end, notes.pitch):
        heard = (time >= start) & (time < end)
        audio += 0.1 * heard * np.sin(2 * np.pi * 440 * 2 ** ((pitch - 69) / 12) * time)
    pcm = np.round(audio / max(1, np.abs(audio).max()) * 32767).astype(np.int16)
    index = ord(name) - ord("a") if performance is None else performance
    return Song(name, pcm, 16000, notes.sorted(), index)


def write_corpus(
    folder: Path, songs: Mapping[str, Song], shards: Mapping[tuple[str, int, int], str] = SHARDS
) -> Path:
    """Writes the songs named by letter in each shard."""
    for place, names in shards.items():
        path = shard_path(folder, *place, suffix=".tfrecord")
        tfrecord.write(path, [songs[name] for name in names])
    return folder
