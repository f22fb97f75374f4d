"""Writes and reads songs as plain ``.npy`` files, to train from without decoding anything.

A shard is a folder ``<split>-00000-of-00004.arrays`` with

* ``audio.npy`` int16 ``[S]``: the songs' samples, one after the other;
* ``mel.npy`` float16 ``[T, M]``: the songs' log-mel frames in the network's range, likewise; a
  song of S samples has ceil(S / hop) of them, and the front end is named in ``songs.json``;
* ``notes.npy`` float64 ``[n, 6]``: the songs' notes in the order of `note_tables.NOTE_COLUMNS`, in
  seconds of their song;
* ``songs.json``: the front end, and for each song its id, performance and sample rate, and how many
  samples and notes it has.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from data_pipelines.filesystem import write_atomically
from data_pipelines.shards.note_tables import NOTE_COLUMNS, notes_from_table, notes_to_table
from data_pipelines.shards.npy_stream import NpyStream
from data_pipelines.songs import Song
from mt3synth.audio.mel import MELGAN, MelSpec, log_mel, to_network
from mt3synth.errors import UserError


class ArraySong(NamedTuple):
    """Holds one song of an opened shard; the arrays are views of the mapped files.

    Attributes:
      id, performance, sample_rate: as in `songs.Song`.
      audio: int16 ``[S]``.
      mel: float16 ``[T, M]`` in the network's range.
      notes: float64 ``[n, 6]``.
    """

    id: str
    performance: int
    sample_rate: int
    audio: np.ndarray
    mel: np.ndarray
    notes: np.ndarray


def write(path: Path, songs: Iterable[Song], spec: MelSpec = MELGAN) -> int:
    """Writes one shard, whole or not at all, and returns how many songs it holds.

    Raises:
      UserError: a song of another sample rate than ``spec``.
    """
    index: list[dict[str, Any]] = []
    with write_atomically(path) as folder:
        folder.mkdir()
        with (
            NpyStream(folder / "audio.npy", np.int16) as audio,
            NpyStream(folder / "mel.npy", np.float16, (spec.bins,)) as mel,
            NpyStream(folder / "notes.npy", np.float64, (len(NOTE_COLUMNS),)) as notes,
        ):
            for song in songs:
                if song.sample_rate != spec.sample_rate:
                    raise UserError(
                        f"song {song.id!r} has {song.sample_rate} samples per second, the mel spec "
                        f"{spec.sample_rate}; build the corpus at that rate"
                    )
                audio.append(song.audio)
                frames = log_mel(song.audio.astype(np.float32) / 32768, spec)
                mel.append(to_network(frames, spec).astype(np.float16))
                notes.append(notes_to_table(song.notes))
                index.append(
                    {
                        "id": song.id,
                        "performance": song.performance,
                        "sample_rate": song.sample_rate,
                        "samples": len(song.audio),
                        "notes": len(song.notes),
                    }
                )
        content = {"mel": spec.to_dict(), "songs": index}
        (folder / "songs.json").write_text(json.dumps(content, indent=1, ensure_ascii=False))
    return len(index)


def open_shard(path: Path) -> tuple[MelSpec, list[ArraySong]]:
    """Opens a shard: its front end and its songs, memory-mapped and not read until used.

    Raises:
      UserError: the folder is damaged, or holds something else.
    """
    try:
        content = json.loads((path / "songs.json").read_text(encoding="utf-8"))
        spec = MelSpec.from_dict(content["mel"])
        audio, mel, notes = (
            np.load(path / f"{name}.npy", mmap_mode="r") for name in ("audio", "mel", "notes")
        )
        songs = []
        sample = frame = note = 0
        for entry in content["songs"]:
            samples, frames = entry["samples"], spec.frames(entry["samples"])
            songs.append(
                ArraySong(
                    id=entry["id"],
                    performance=entry["performance"],
                    sample_rate=entry["sample_rate"],
                    audio=audio[sample : sample + samples],
                    mel=mel[frame : frame + frames],
                    notes=notes[note : note + entry["notes"]],
                )
            )
            sample, frame, note = sample + samples, frame + frames, note + entry["notes"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: damaged, or no shard of mt3synth ({error!r})") from error
    if (sample, frame, note) != (len(audio), len(mel), len(notes)):
        raise UserError(f"{path}: its arrays and songs.json do not belong together")
    return spec, songs


def read(path: Path) -> Iterator[Song]:
    """Reads the songs of one shard, in order.

    Raises:
      UserError: the folder is damaged, or holds something else.
    """
    for song in open_shard(path)[1]:
        yield Song(
            id=song.id,
            audio=np.array(song.audio),
            sample_rate=song.sample_rate,
            notes=notes_from_table(np.array(song.notes)),
            performance=song.performance,
        )
