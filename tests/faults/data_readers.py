"""Broken manifests, shards of prepared data and gin files."""

from __future__ import annotations

import re
import shutil
from functools import partial
from pathlib import Path
from random import Random

import numpy as np
from byte_mutations import change_json, change_text, deep_json
from container_mutations import change_npy, change_records
from readers import ROOT, Case

from data_pipelines.performances import PerformanceEntry, read_performances, write_performances
from data_pipelines.prepare.manifest import read_manifest
from data_pipelines.reading import numpy_songs, tfrecord_songs
from data_pipelines.shards import arrays, tfrecord
from data_pipelines.songs import Song
from mt3synth.audio.mel import MELGAN
from mt3synth.configuration import parse
from mt3synth.symbolic.note_curves import NoteCurves
from mt3synth.symbolic.notes import Notes

_MANIFEST = """audio,midi,performance,description,split,start,end
a.wav,a.mid,room,"A room, small",train,0,9.5
b.wav,b.mid,room,,validation,,
c/d.flac,c/d.mid,hall,A hall,,1.5,
"""


def _songs() -> list[Song]:
    one, start = np.ones(3, int), np.arange(3) / 10
    notes = Notes(start, start + 0.2, 60 + np.arange(3), 80 * one, 40 * one, one == 0)
    audio = (np.arange(8000) % 100).astype(np.int16)
    curves = NoteCurves(2 * one, np.tile([0.0, 0.1], 3), np.zeros(6), np.ones(6))
    return [Song("a", audio, 16000, notes, 0), Song("b", audio, 8000, notes.with_curves(curves), 1)]


class ManifestReader:
    """Reads a table of recordings, and what it names."""

    names_files = True

    def __init__(self, folder: Path) -> None:
        pass

    def break_one(self, folder: Path, rng: Random) -> Case:
        """Breaks the table; one of the songs that it names is there."""
        (folder / "a.wav").write_bytes(b"RIFF")
        shutil.copy(ROOT / "docs/examples/tune.mid", folder / "a.mid")
        path = folder / "manifest.csv"
        path.write_bytes(change_text(_MANIFEST, rng, ("a.wav", "nan", "inf", "-1", "test", '"')))

        def read() -> None:
            recordings, rejections = read_manifest(path)
            assert all(len(r.reason.splitlines()) == 1 for r in rejections)
            for recording in recordings[:1]:
                recording.audio.stated_seconds()
                recording.notes.read()

        return read

    def command(self, folder: Path) -> list[str]:
        """Prepares it."""
        manifest, out = str(folder / "manifest.csv"), str(folder / "out")
        return ["prepare", "pairs", "--manifest", manifest, "--out", out]


class RecordReader:
    """Reads a shard of TFRecords, and the performances beside it."""

    def __init__(self, folder: Path) -> None:
        self._shard = folder / "train-00000-of-00001.tfrecord"
        folder.mkdir(parents=True)
        tfrecord.write(self._shard, _songs())
        write_performances(folder, [PerformanceEntry("room", ""), PerformanceEntry("hall", "")])

    def break_one(self, folder: Path, rng: Random) -> Case:
        """Breaks the shard."""
        shutil.copytree(self._shard.parent, folder / "data")
        path = folder / "data" / self._shard.name
        path.write_bytes(change_records(path.read_bytes(), rng))
        if rng.random() < 0.1:
            _break_json(folder / "data" / "performances.json", rng)
        return partial(self._read, path)

    def _read(self, path: Path) -> None:
        read_performances(path.parent)
        for song in tfrecord_songs.list_shard(path):
            song.notes_between(0, 1)
            song.audio.read(0, 100)
        for song in tfrecord.read(path):
            assert song.seconds >= 0

    def command(self, folder: Path) -> list[str]:
        """Shows what is in it."""
        return ["prepare", "inspect", str(folder / "data"), "--out", str(folder / "page")]


class ArrayReader(RecordReader):
    """Reads a shard of NumPy arrays."""

    def __init__(self, folder: Path) -> None:
        self._shard = folder / "train-00000-of-00001.arrays"
        folder.mkdir(parents=True)
        arrays.write(self._shard, _songs())
        write_performances(folder, [PerformanceEntry("room", ""), PerformanceEntry("hall", "")])

    def break_one(self, folder: Path, rng: Random) -> Case:
        """Breaks one of the arrays or their index."""
        shutil.copytree(self._shard.parent, folder / "data")
        path = folder / "data" / self._shard.name
        name = rng.choice(("audio.npy", "mel.npy", "notes.npy", "songs.json", "songs.json"))
        if name == "songs.json":
            _break_json(path / name, rng)
        else:
            (path / name).write_bytes(change_npy((path / name).read_bytes(), rng))
        return partial(self._read, path)

    def _read(self, path: Path) -> None:
        read_performances(path.parent)
        for song in numpy_songs.list_shard(path):
            song.notes_between(0, 1)
            song.audio.read(0, 100)
            song.stored_frames(0, 10, MELGAN)
        for song in arrays.read(path):
            assert song.seconds >= 0


class GinReader:
    """Parses one of the project's gin files."""

    def __init__(self, folder: Path) -> None:
        texts = [path.read_text() for path in sorted((ROOT / "gin_configs").rglob("*.gin"))]
        # Those of other programs import what takes longer than a case may.
        self._texts = [text for text in texts if not re.search("t5x|seqio|TASK", text)]

    def break_one(self, folder: Path, rng: Random) -> Case:
        """Breaks a file."""
        path = folder / "broken.gin"
        words = ("@f()", "%X", "include", "import", "=", "None", "[1,", "'", '"', "a/b.c")
        path.write_bytes(change_text(rng.choice(self._texts), rng, words))
        return partial(parse.parse, [str(path)], [])

    def command(self, folder: Path) -> list[str]:
        """Lists the performances of the default bundle."""
        return ["performances", "--gin_file", str(folder / "broken.gin")]


def _break_json(path: Path, rng: Random) -> None:
    text = path.read_text()
    path.write_bytes(deep_json(rng) if rng.random() < 0.03 else change_json(text, rng))


READERS = {
    "manifest": ManifestReader,
    "tfrecord": RecordReader,
    "arrays": ArrayReader,
    "gin": GinReader,
}
