"""Writes what is large: hours of music and of data, thousands of songs, many performances."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import inputs
import numpy as np
import soundfile

HEARS = """
import os
from mt3synth.symbolic.midi import read_midi

def hear(audio, sample_rate):
    return read_midi(os.path.join(os.path.dirname(__file__), "song.mid"))[0]
"""
SONG_SECONDS = 300


def write_song(folder: Path, minutes: float) -> None:
    """Writes ``song.mid``: five notes a second of chords and a melody, for so many minutes."""
    from mt3synth.symbolic.midi import write_midi

    folder.mkdir(parents=True, exist_ok=True)
    write_midi(_notes(60 * minutes), folder / "song.mid")


def write_recording(folder: Path, minutes: float) -> None:
    """Writes ``song.mid``, and as ``take.wav`` a tone for each of its notes, a block at a time."""
    from data_pipelines.alignment.features import SAMPLE_RATE

    write_song(folder, minutes)
    notes, rng = _notes(60 * minutes), np.random.default_rng(0)
    time, block = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE, 30
    tones = {
        key: 0.1 * np.exp(-4 * time) * np.sin(2 * np.pi * 440 * 2 ** ((key - 69) / 12) * time)
        for key in set(notes.pitch.tolist())
    }
    ringing = np.zeros(len(time))
    with soundfile.SoundFile(folder / "take.wav", "w", SAMPLE_RATE, 1) as file:
        for first in range(0, round(60 * minutes), block):
            sound = 1e-4 * rng.standard_normal(block * SAMPLE_RATE + len(time))
            sound[: len(time)] += ringing
            inside = (first <= notes.start) & (notes.start < first + block)
            for start, key in zip(notes.start[inside], notes.pitch[inside]):
                at = round((start - first) * SAMPLE_RATE)
                sound[at : at + len(time)] += tones[int(key)]
            file.write(sound[: -len(time)])
            ringing = sound[-len(time) :]
    (folder / "hears.py").write_text(HEARS)
    (folder / "takes.csv").write_text("audio,midi,performance\ntake.wav,song.mid,hall\n")


def write_songs(folder: Path, count: float) -> None:
    """Writes a small model, and so many MIDI files of a few notes each."""
    folder.mkdir()
    inputs.write_origin(folder / "bundle")
    inputs.write_songs(folder / "songs", int(count))
    (folder / "out").mkdir()


def write_sparse_set(folder: Path, hours: float) -> None:
    """Writes a data set of silence in songs of five minutes, whose samples take no room on disk."""
    from numpy.lib import format as npy

    from data_pipelines.performances import PerformanceEntry, write_performances
    from data_pipelines.shards.note_tables import notes_to_table
    from mt3synth.audio.mel import MELGAN

    folder.mkdir()
    inputs.write_shards(folder := folder / "data")
    table, samples = notes_to_table(_notes(SONG_SECONDS)), SONG_SECONDS * MELGAN.sample_rate
    count = max(1, round(hours * 3600 / SONG_SECONDS))
    [shard] = folder.glob("train-*")
    rows = {"audio": samples, "mel": MELGAN.frames(samples), "notes": len(table)}
    for name, each in rows.items():
        with open(shard / f"{name}.npy", "r+b") as file:
            array = npy.read_array_header_1_0(file) if npy.read_magic(file) == (1, 0) else None
            if array is None:
                raise ValueError(f"{file.name}: a .npy file of another version")
            shape, _, kind = array
            begins, head = file.tell(), (count * each, *shape[1:])
            file.seek(0)
            described = {"descr": npy.dtype_to_descr(kind), "fortran_order": False, "shape": head}
            npy.write_array_header_1_0(file, described)
            if file.tell() != begins:
                raise ValueError(f"{file.name}: no room for a length of {count * each}")
            file.truncate(begins)
            file.truncate(begins + int(np.prod(head)) * kind.itemsize)
            if name == "notes":
                for _ in range(count):
                    file.write(table.tobytes())
    known = {"performance": 0, "sample_rate": MELGAN.sample_rate}
    songs = [
        {"id": f"song {i}", **known, "samples": samples, "notes": len(table)} for i in range(count)
    ]
    (shard / "songs.json").write_text(json.dumps({"mel": MELGAN.to_dict(), "songs": songs}))
    write_performances(folder, [PerformanceEntry("near", ""), PerformanceEntry("mine", "")])


def write_performances(folder: Path, count: float) -> None:
    """Writes a song, and a small model and a data set that know so many performances."""
    from data_pipelines import performances

    write_song(folder, 0.1)
    names = tuple(f"hall {number}" for number in range(int(count)))
    inputs.write_origin(folder / "bundle", names)
    inputs.write_shards(folder / "data")
    entry = partial(performances.PerformanceEntry, description="")
    performances.write_performances(folder / "data", [entry(name) for name in names])


def _notes(seconds: float):
    from mt3synth.symbolic.notes import Notes

    rng = np.random.default_rng(0)
    start = np.arange(0.5, seconds - 1, 0.2)
    start += rng.uniform(0, 0.1, len(start))
    same = np.ones(len(start), int)
    keys = rng.integers(48, 84, len(start))
    return Notes(
        start, start + rng.uniform(0.1, 0.8, len(start)), keys, 80 * same, 0 * same, same == 0
    )
