"""Builds the rendered corpus.

Reads music21's scores (through a cache), lists as many songs as fill the hours asked for, and has
`data_pipelines.prepare` make a data set of them. Each song depends on the seed, its split and its
index alone, so the bytes are the same however many workers there are and however often the build
was interrupted, and more hours of a seed begin with the same songs. No TensorFlow is imported.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from data_pipelines.corpus.arrangement import scores as score_files
from data_pipelines.corpus.arrangement.kinds import DEFAULT_KINDS, ENSEMBLE_ONLY, WRITTEN, Kinds
from data_pipelines.corpus.arrangement.scores import Split
from data_pipelines.corpus.listing import RenderingError, list_recordings
from data_pipelines.corpus.performances import DEFAULT_FILE
from data_pipelines.corpus.played_scores import fill_played
from data_pipelines.corpus.recipe import SongBook
from data_pipelines.corpus.sound.soundfonts import find_playable
from data_pipelines.filesystem import write_text
from data_pipelines.inspection.segment_shares import SegmentShares
from data_pipelines.performances import PerformanceEntry, read_performances, write_performances
from data_pipelines.prepare.build import build
from data_pipelines.prepare.plan import PrepareSettings
from data_pipelines.prepare.runners import run_locally
from data_pipelines.prepare.tables import read_songs
from data_pipelines.recordings import Listing, Recording
from data_pipelines.shards.formats import FORMATS, format_of, read_split
from data_pipelines.shards.names import CORPUS_FILE, splits_in
from mt3synth.errors import UserError

SCORE_SOURCE = {
    "what": "music21's corpus of scores, composers in the public domain",
    "licence": "the music21 authors claim no copyright in the encodings; some encodings restrict "
    "commercial use: see license.txt in music21's corpus folder",
}
_SOURCE = {
    "what": "scores played by synthetic performers on soundfonts, none a recording of musicians",
    "licence": "those of the scores and the soundfonts, listed here",
}


@dataclass(frozen=True)
class CorpusSettings:
    """Settings of a corpus.

        build_corpus(Path("corpus"), CorpusSettings(hours=1.0, seed=0, format="numpy"))

    Attributes:
      hours: of the training set, more than 0.
      seed: of every random choice, at least 0.
      validation_hours, test_hours: of Haydn, and of Mozart and Beethoven; all there are, if less.
      format: of the shards, a key of `shards.formats.FORMATS`.
      shard_minutes: audio in a shard, which is what a worker makes at a time.
      workers: processes; by default one a core.
      cache: folder of parsed scores; by default in the user's cache.
      performances: TOML file of the performances.
      soundfonts: folders looked through first for soundfonts.
      kinds: of songs, with their shares.
      sample_rate: at which audio is kept; front ends of any rate are made of it when it is read.

    Raises:
      UserError: a value out of its range.
    """

    hours: float
    seed: int
    validation_hours: float = 0.4
    test_hours: float = 0.8
    format: str = "tfrecord"
    shard_minutes: float = 10.0
    workers: int | None = None
    cache: Path | None = None
    performances: Path = DEFAULT_FILE
    soundfonts: tuple[Path, ...] = ()
    kinds: Kinds = DEFAULT_KINDS
    sample_rate: int = 44_100

    def __post_init__(self) -> None:
        for name in ("hours", "validation_hours", "test_hours"):
            if not 0 < getattr(self, name) < float("inf"):
                option = name.replace("_", "-")
                raise UserError(f"--{option} {getattr(self, name)}; must be more than 0 h")
        if self.workers is not None and self.workers < 1:
            raise UserError(f"--workers {self.workers}; must be at least 1")


def build_corpus(out: Path, settings: CorpusSettings) -> dict[str, Any]:
    """Builds, continues or extends the corpus in ``out``; returns what ``corpus.json`` says.

    Raises:
      UserError: a soundfont, FluidSynth or music21 is missing, a song could not be rendered, or
        ``out`` holds something else, a corpus made of something else, or more hours.
    """
    prepare = PrepareSettings(
        sample_rate=settings.sample_rate,
        format=settings.format,
        shard_minutes=settings.shard_minutes,
    )
    _refuse_another_rate(out, settings.sample_rate)
    workers = settings.workers or os.cpu_count() or 1
    cache = settings.cache or score_files.find_cache()
    score_files.fill_cache(cache, workers)
    # Opened before scores are played and before anything is written: it refuses what is missing.
    book = SongBook.open(
        settings.seed, cache, settings.performances, settings.soundfonts, ENSEMBLE_ONLY
    )
    if WRITTEN in dict(settings.kinds):
        fill_played(cache, workers)
    book = book.mixed_of(settings.kinds)
    _refuse_another(out, book)  # before hours of work, and before anything is written
    about = _describe_sources(book)
    # Here, for workers that find no unpacked soundfont would all unpack it at once.
    for performance in book.all_performances():
        find_playable(performance.soundfont.path(book.folders))
    hours: dict[Split, float] = {
        "train": settings.hours,
        "validation": settings.validation_hours,
        "test": settings.test_hours,
    }
    listed = list_recordings(book, hours, workers)
    _refuse_less(out, listed)
    # Written first, so that every performance keeps its index, played or not.
    out.mkdir(parents=True, exist_ok=True)
    write_performances(out, _list_entries(book))
    try:
        report = build(
            Listing(listed, []),
            out,
            prepare,
            source=_SOURCE,
            run=partial(run_locally, workers=workers),
            strict=True,  # a song that fails is a fault of this program, not of the song
        )
    except RenderingError as error:
        raise UserError(f"{error}; what is made so far stays") from error
    # Measured on what was written, shard by shard, so that it holds of a build that was
    # interrupted, too.
    corpus = {**report.corpus, **about, "segments": _measure_segments(out)}
    write_text(out / CORPUS_FILE, json.dumps(corpus, indent=2, ensure_ascii=False) + "\n")
    return corpus


def _describe_recipe(book: SongBook) -> dict[str, Any]:
    """Names what decides the songs."""
    fields = asdict(book)
    # Where files lie decides nothing; what is in them is in the digests.
    for path in ("cache", "performances_file", "folders"):
        del fields[path]
    if not book.played:  # as before there was the kind that needs them
        del fields["played"]
    fonts = {file: size for file, size in book.soundfonts}
    return {**fields, "soundfonts": fonts, "kinds": dict(book.kinds)}


def _describe_sources(book: SongBook) -> dict[str, Any]:
    """Lists what corpus.json says of a corpus beyond what every data set's says."""
    scores, problems = score_files.read_cache(book.cache)
    fonts = {p.soundfont.file: p.soundfont for p in book.all_performances()}
    return {
        "seed": book.seed,
        "recipe": _describe_recipe(book),
        "scores": {"read": len(scores), "problems": problems, **SCORE_SOURCE},
        "soundfonts": {
            file: {"package": font.package, "licence": font.licence} for file, font in fonts.items()
        },
    }


def _measure_segments(out: Path) -> dict[str, Any]:
    """Measures the kinds of segments in what was built, split by split."""
    measured = {}
    for split in splits_in(out, FORMATS[format_of(out)].suffix):
        shares = SegmentShares()
        for song in read_split(out, split):
            shares.add(song)
        measured[split] = shares.to_dict()
    return measured


def _list_entries(book: SongBook) -> list[PerformanceEntry]:
    return [PerformanceEntry(p.name, p.description) for p in book.all_performances()]


def _refuse_another(out: Path, book: SongBook) -> None:
    """Stops before a data set that is made of something else is touched."""
    if out.exists() and not out.is_dir():
        raise UserError(f"{out}: is a file; name a folder")
    before: dict[str, Any] = {}
    if (out / CORPUS_FILE).exists():
        try:
            before = json.loads((out / CORPUS_FILE).read_text(encoding="utf-8")).get("recipe", {})
            # Before there were kinds, all songs were of this one.
            before = {"kinds": dict(ENSEMBLE_ONLY), **before} if before else before
        except (OSError, ValueError, AttributeError) as error:
            raise UserError(f"{out / CORPUS_FILE}: cannot be read ({error})") from error
    elif not read_performances(out):
        return
    now = _describe_recipe(book)
    # Named, since a corpus that is half of one recipe and half of another could not be made again.
    differing = [f"{k} {before.get(k)} (now {v})" for k, v in now.items() if before.get(k) != v]
    if before and differing:
        raise UserError(f"{out}: was built with {', '.join(differing)}; name a new folder")
    if read_performances(out) not in ([], _list_entries(book)):
        raise UserError(f"{out}: has other performances; name a new folder")


def _refuse_another_rate(out: Path, sample_rate: int) -> None:
    """Names the rate that a corpus has, rather than leave half of it at another."""
    try:
        before = json.loads((out / CORPUS_FILE).read_text(encoding="utf-8"))["sample_rate"]
    except (OSError, ValueError, KeyError, TypeError):
        return  # none there, or none that can be read, which is met below
    if before != sample_rate:
        raise UserError(
            f"{out}: was built at {before} samples per second (now {sample_rate}); name a new"
            f" folder, or --sample-rate {before}"
        )


def _refuse_less(out: Path, listed: list[Recording]) -> None:
    """Songs once built are dropped by no one but the user."""
    ids = {recording.id for recording in listed}
    left_out = [row["id"] for row in read_songs(out) if row["id"] not in ids]
    if left_out:
        raise UserError(
            f"{out}: holds {len(left_out)} songs more than that (the first: {left_out[0]}); ask "
            "for at least as many hours as it was built with, or name a new folder"
        )
