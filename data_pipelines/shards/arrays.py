"""Writes and reads songs as plain ``.npy`` files, to train from without decoding anything.

A shard is a folder ``<split>-00000-of-00004.arrays`` with

* ``audio.npy`` int16 ``[S]``: the songs' samples, one after the other;
* ``mel.npy`` float16 ``[T, M]``: the songs' log-mel frames in the network's range, likewise; a
  song of S samples at the front end's rate has ceil(S / hop) of them, and the front end is named in
  ``songs.json``. Frames of any other front end are made of the samples when they are read;
* ``notes.npy`` float64 ``[n, 6]``: the songs' notes in the order of `note_tables.NOTE_COLUMNS`, in
  seconds of their song; ``[k, 10]``, a row for each knot, in a shard whose notes have curves;
* ``songs.json``: the front end, and for each song its id, performance and sample rate, and how many
  samples and rows of notes it has.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.lib import format as npy

from data_pipelines.filesystem import write_atomically
from data_pipelines.shards.note_tables import (
    KNOT_COLUMNS,
    NOTE_COLUMNS,
    notes_from_table,
    notes_to_table,
    with_knots,
)
from data_pipelines.songs import Song
from mt3synth.audio.mel import MELGAN, MelSpec, log_mel, to_network
from mt3synth.audio.resampling import resample_pcm, resampled_length
from mt3synth.errors import UserError
from mt3synth.foreign_files import map_array, read_json

_HEADER_BYTES = 128  # of a .npy file: room for any length
_SONG_KEYS = ("id", "performance", "sample_rate")  # in songs.json, in the order of `ArraySong`


class ArraySong(NamedTuple):
    """Holds one song of an opened shard; the arrays are views of the mapped files.

    Attributes:
      id, performance, sample_rate: as in `songs.Song`.
      first: numbers of its first rows in the shard's audio, mel and notes.
      audio: int16 ``[S]``.
      mel: float16 ``[T, M]`` in the network's range.
      notes: float64 ``[n, 6]`` or ``[k, 10]``.
    """

    id: str
    performance: int
    sample_rate: int
    first: tuple[int, int, int]
    audio: np.ndarray
    mel: np.ndarray
    notes: np.ndarray


def write(path: Path, songs: Iterable[Song], spec: MelSpec = MELGAN) -> int:
    """Writes one shard, whole or not at all, and returns how many songs it holds.

    Samples stay at their rate; the frames of ``spec`` are made of them resampled.
    """
    index: list[dict[str, Any]] = []
    tables: list[np.ndarray] = []
    with write_atomically(path) as folder:
        folder.mkdir()
        with (
            _append_rows(folder / "audio.npy", np.int16) as add_audio,
            _append_rows(folder / "mel.npy", np.float16, (spec.bins,)) as add_mel,
        ):
            for song in songs:
                add_audio(song.audio)
                heard = resample_pcm(song.audio, song.sample_rate, spec.sample_rate)
                frames = log_mel(heard.astype(np.float32) / 32768, spec)
                add_mel(to_network(frames, spec).astype(np.float16))
                tables.append(notes_to_table(song.notes))
                about = {name: getattr(song, name) for name in _SONG_KEYS}
                index.append({**about, "samples": len(song.audio), "notes": len(tables[-1])})
        # At the end, and of one width: of notes alone even a long shard has little.
        widest = max((table.shape[1] for table in tables), default=len(NOTE_COLUMNS))
        with _append_rows(folder / "notes.npy", np.float64, (widest,)) as add_notes:
            for table in tables:
                add_notes(table if table.shape[1] == widest else with_knots(table))
        content = {"mel": spec.to_dict(), "songs": index}
        (folder / "songs.json").write_text(json.dumps(content, indent=1, ensure_ascii=False))
    return len(index)


@contextmanager
def _append_rows(
    path: Path, dtype: type, row: tuple[int, ...] = ()
) -> Iterator[Callable[[np.ndarray], None]]:
    """Gives a function that adds rows ``[n, *row]`` to a new ``.npy`` file.

    So a shard is never in memory as a whole. The function raises ValueError for rows of another
    dtype or shape.
    """
    kind, length = np.dtype(dtype), 0

    def append(rows: np.ndarray) -> None:
        nonlocal length
        if rows.dtype != kind or rows.shape[1:] != row:
            raise ValueError(f"rows {rows.dtype}{list(rows.shape)}; must be {kind} [n, *{row}]")
        file.write(np.ascontiguousarray(rows).tobytes())
        length += len(rows)

    with open(path, "wb") as file:
        # The header, which tells the length, is written last, into the room left for it.
        file.write(bytes(_HEADER_BYTES))
        yield append
        file.seek(0)
        descr, shape = npy.dtype_to_descr(kind), (length, *row)
        head = {"descr": descr, "fortran_order": False, "shape": shape}
        npy.write_array_header_1_0(file, head)
        if file.tell() != _HEADER_BYTES:
            raise AssertionError(f"a .npy header of {file.tell()} bytes, not {_HEADER_BYTES}")


def open_shard(path: Path) -> tuple[MelSpec, list[ArraySong]]:
    """Opens a shard: its front end and its songs, memory-mapped and not read until used.

    Raises:
      UserError: the folder is damaged, or holds something else.
    """
    try:
        content = read_json(path / "songs.json")
        spec = MelSpec.from_dict(content["mel"])
        audio, mel, notes = (map_array(path / f"{name}.npy") for name in ("audio", "mel", "notes"))
        _check_arrays(audio, mel, notes, spec)
        songs = []
        first = (0, 0, 0)
        for entry in content["songs"]:
            _check_entry(entry)
            rates = (entry["sample_rate"], spec.sample_rate)
            frames = spec.frames(resampled_length(entry["samples"], *rates))
            counts = (entry["samples"], frames, entry["notes"])
            end = (first[0] + counts[0], first[1] + counts[1], first[2] + counts[2])
            rows = [a[i:j] for a, i, j in zip((audio, mel, notes), first, end)]
            name, performance, rate = (entry[key] for key in _SONG_KEYS)
            songs.append(ArraySong(name, performance, rate, first, *rows))
            first = end
    except (OSError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise UserError(f"{path}: damaged, or no shard of mt3synth ({error!r})") from error
    if first != (len(audio), len(mel), len(notes)):
        raise UserError(f"{path}: its arrays and songs.json do not belong together")
    return spec, songs


def _check_arrays(audio: np.ndarray, mel: np.ndarray, notes: np.ndarray, spec: MelSpec) -> None:
    found = [(each.dtype, each.shape[1:]) for each in (audio, mel, notes)]
    widths = (len(NOTE_COLUMNS), len(NOTE_COLUMNS) + len(KNOT_COLUMNS))
    expected = [
        [(np.int16, ()), (np.float16, (spec.bins,)), (np.float64, (width,))] for width in widths
    ]
    if found not in expected or not (audio.ndim and mel.ndim and notes.ndim):
        raise ValueError(f"arrays {', '.join(f'{kind}{list(shape)}' for kind, shape in found)}")


def _check_entry(entry: dict[str, Any]) -> None:
    counts = ("samples", "notes", "performance", "sample_rate")
    wrong = [n for n in counts if type(entry[n]) is not int or not 0 <= entry[n] < 2**50]
    if wrong or not entry["sample_rate"] or not isinstance(entry["id"], str):
        raise ValueError(f"songs.json has {', '.join(wrong) or 'an id or a rate'} out of range")


def read(path: Path) -> Iterator[Song]:
    """Reads the songs of one shard, in order.

    Raises:
      UserError: the folder is damaged, or holds something else.
    """
    for song in open_shard(path)[1]:
        try:
            notes = notes_from_table(np.array(song.notes))
        except ValueError as error:
            raise UserError(f"{path}: song {song.id!r}: {error}") from error
        yield Song(song.id, np.array(song.audio), song.sample_rate, notes, song.performance)
