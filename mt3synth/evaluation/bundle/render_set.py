"""Excerpts rendered by a model and for real, and recordings of a corpus, as files to evaluate.

What is there already, of the same settings, is not made again. The folder is one that
`mt3synth evaluate` takes: ``generated/``, ``real/`` and ``recordings/`` with a folder for each
performance, ``midi/``, and ``map.csv``.
"""

from __future__ import annotations

import csv
import io
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from mt3synth.atomic import write_texts
from mt3synth.audio.files import fit_peak, read_metadata, write_audio
from mt3synth.errors import UserError
from mt3synth.evaluation.bundle.excerpts import Excerpt, songs
from mt3synth.evaluation.bundle.renderers import Workbench
from mt3synth.evaluation.input_files import HOP, OVERLAP, WALL, Places
from mt3synth.evaluation.metrics.seams import Joins
from mt3synth.symbolic.midi import write_midi
from mt3synth.types import FloatND

TABLE = "map.csv"


def render_set(
    bench: Workbench,
    excerpts: Sequence[Excerpt],
    joins: Joins | None,
    identity: dict[str, str],
    folder: Path,
    say: Callable[[str], object],
) -> Places:
    """Every excerpt in every performance, by the model and for real.

    Args:
      bench: renders.
      excerpts: their names need not be fit for files.
      joins: where windows of the model's renderings meet.
      identity: model and settings; files of another one are made anew.
      folder: made if need be.
      say: is told of each excerpt.

    Raises:
      UserError: something cannot be rendered or written.
    """
    rows = []
    meeting = {} if joins is None else {HOP: str(joins.hop), OVERLAP: str(joins.overlap)}
    for number, excerpt in enumerate(excerpts):
        stem = f"{number:03d}_{_plain(excerpt.name)}"
        midi = folder / "midi" / f"{stem}.mid"
        midi.parent.mkdir(parents=True, exist_ok=True)
        write_midi(excerpt.notes, midi)
        for index, performance in enumerate(bench.names):
            about = {"song": excerpt.name, "seconds": str(bench.seconds)}
            name = f"{performance}/{stem}.flac"

            def ours(index: int = index, excerpt: Excerpt = excerpt) -> tuple[FloatND, float]:
                made = bench.model(excerpt.notes, index, bench.seconds)
                started = time.perf_counter()
                audio = bench.vocoder(made.log_mel)
                return audio, made.seconds + time.perf_counter() - started

            def real(index: int = index, excerpt: Excerpt = excerpt) -> tuple[FloatND, None]:
                return bench.real_audio(excerpt.notes, index), None

            rate = bench.mel.sample_rate
            _make(folder / "generated" / name, {**identity, **about, **meeting}, ours, rate)
            _make(folder / "real" / name, about, real, rate)
            rows.append((name, performance, f"midi/{midi.name}", f"real/{name}"))
        say(f"{excerpt.name}: rendered in {len(bench.names)} performances")
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerows([("audio", "performance", "midi", "reference"), *rows])
    write_texts(folder, {TABLE: table.getvalue()}, "--out")
    return Places(folder / "generated", folder / "recordings", folder / TABLE)


def write_recordings(
    corpus: Path, split: str, names: Sequence[str], seconds: float, most: int, folder: Path
) -> None:
    """The first ``seconds`` of up to ``most`` recordings of each performance, into ``folder``.

    Raises:
      UserError: the corpus is missing or damaged, or the folder cannot be written to.
    """
    counts: Counter[int] = Counter()
    for song in songs(corpus, split, seconds):
        if song.performance >= len(names) or counts[song.performance] == most:
            continue
        counts[song.performance] += 1
        place = folder / names[song.performance] / f"{_plain(song.id)}.flac"
        about = {"song": song.id, "seconds": str(seconds)}

        def audio(song: object = song) -> tuple[FloatND, None]:
            samples = song.audio[: round(seconds * song.sample_rate)]  # type: ignore[attr-defined]
            return samples.astype(np.float32) / 32768, None

        _make(place, about, audio, song.sample_rate)
        if all(counts[p] == most for p in range(len(names))):
            break


def _make(
    path: Path,
    metadata: dict[str, str],
    audio: Callable[[], tuple[FloatND, float | None]],
    sample_rate: int,
) -> None:
    """Writes the file unless it is there with the same metadata."""
    try:
        kept = read_metadata(path)
    except UserError:
        kept = {}
    kept.pop(WALL, None)
    if kept == metadata:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    samples, seconds = audio()
    fitted, _ = fit_peak(samples)
    timed = {} if seconds is None else {WALL: str(seconds)}
    write_audio(path, fitted, sample_rate, {**metadata, **timed})


def _plain(name: str) -> str:
    """A name that every file system takes."""
    return "".join(c if c.isalnum() or c in "-_" else "_" for c in name)[-80:]
