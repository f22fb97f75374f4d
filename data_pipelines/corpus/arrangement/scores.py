"""Reads scores from music21's installed corpus in a light form, cached as parsing is slow.

music21 carries its scores with the package, so no download is needed; the composers are in the
public domain, the encodings' terms are in the corpus' own ``license.txt``. One source file becomes
one JSON file in the cache folder, holding the list of its scores (a tune book has many); a file
that cannot be parsed leaves an empty list and the reason. ``index.json``, written last, names the
files in their order: with it the cache is whole, and is read without music21.

Musical time here is counted in quarter lengths (a crotchet is 1.0) from the start of the score.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np

from data_pipelines.filesystem import write_text
from data_pipelines.workers import worker_pool
from mt3synth.cache_folder import cache_folder
from mt3synth.errors import UserError

Split = Literal["train", "validation", "test"]

# Files of music21's corpus, relative to its folder, with the most taken of each pattern.
SOURCES: tuple[tuple[str, int], ...] = (
    ("haydn/*/*.mxl", 20),
    ("mozart/k80/*.mxl", 9),
    ("mozart/k15*/*.mxl", 9),
    ("mozart/k458/*.mxl", 9),
    ("ryansMammoth/*.abc", 240),
    ("bach/bwv*", 500),
    ("beethoven/opus18no1/*.mxl", 9),
    ("corelli/*/*.xml", 9),
    ("corelli/*/*.mxl", 9),
    ("handel/*/*", 9),
    ("cpebach/*", 9),
    ("schumann_robert/**/*.mxl", 20),
    ("schumann_robert/**/*.xml", 20),
    ("schumann_clara/*", 20),
    ("schubert/*.mxl", 9),
    ("chopin/*.krn", 9),
    ("weber/*", 9),
    ("joplin/*.mxl", 9),
    ("verdi/*", 9),
    ("beach/*", 9),
    ("oneills1850/*.abc", 3),
    ("airdsAirs/book1.abc", 1),
    ("trecento/*.mxl", 40),
    ("trecento/*.xml", 40),
    ("josquin/*", 9),
    ("monteverdi/*.mxl", 50),
    ("palestrina/*.krn", 60),
    ("beethoven/opus59no*/*.mxl", 12),
)
_SUFFIXES = {".mxl", ".xml", ".musicxml", ".krn", ".abc"}
_HELD_OUT: dict[str, Split] = {"haydn": "validation", "mozart": "test", "beethoven": "test"}
_MOST_TUNES = 60  # of a book; 1850 tunes would outweigh all scores in parts
_INDEX = "index.json"


@dataclass(frozen=True)
class Part:
    """Holds one voice of a score.

    Attributes:
      name: the part's or its instrument's name as printed.
      start, duration: quarter lengths, one a note, ties already joined.
      pitch: MIDI keys.
    """

    name: str
    start: tuple[float, ...]
    duration: tuple[float, ...]
    pitch: tuple[int, ...]


@dataclass(frozen=True)
class Score:
    """Holds a score in quarter lengths.

    Attributes:
      source: file in music21's corpus, with ``#i`` for the i-th tune of a book.
      composer: as the score's metadata says, maybe empty.
      parts: top to bottom.
      bars: starts of the bars.
      tempos: ``(start, quarters per minute)`` for each printed tempo.
    """

    source: str
    composer: str
    parts: tuple[Part, ...]
    bars: tuple[float, ...]
    tempos: tuple[tuple[float, float], ...]

    @cached_property
    def length(self) -> float:
        """Measures the quarter lengths to the end of the last note."""
        return max((s + d for p in self.parts for s, d in zip(p.start, p.duration)), default=0.0)


def find_split(score: Score) -> Split:
    """Finds the split a score belongs to, for good, by the composer in its path or metadata.

    Haydn is validation, Mozart and Beethoven are test, everyone else is train.
    """
    where = f"{score.source} {score.composer}".lower()
    # Whoever is held out in the path or as the arranged composer is, even in a tune book.
    for composer, split in _HELD_OUT.items():
        if composer in where:
            return split
    return "train"


def find_corpus_folder() -> Path:
    """Finds the folder of music21's scores. Raises ``UserError`` where music21 is missing."""
    spec = importlib.util.find_spec("music21")
    if spec is None or spec.origin is None:
        raise UserError("music21 is not installed, and its scores are needed: pip install music21")
    return Path(spec.origin).parent / "corpus"


def find_cache() -> Path:
    """Finds the cache of this music21's scores. Raises ``UserError`` where it is missing."""
    find_corpus_folder()
    return cache_folder(f"scores-{version('music21')}")


def list_source_files() -> list[str]:
    """Lists the chosen files, relative to ``find_corpus_folder()``."""
    folder = find_corpus_folder()
    chosen: list[str] = []
    for pattern, most in SOURCES:
        found = sorted(p for p in folder.glob(pattern) if p.suffix in _SUFFIXES)
        if len(found) > most:
            # Evenly from the whole list, as neighbours are movements of one work.
            found = [found[i] for i in np.linspace(0, len(found) - 1, most).astype(int)]
        chosen += [str(p.relative_to(folder)) for p in found]
    return list(dict.fromkeys(chosen))


def parse_file(relative: str) -> list[Score]:
    """Parses one file of the corpus with music21; scores without notes are left out."""
    from music21 import converter, stream  # slow to import

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Without music21's own pickles: they depend on its version and lie outside our cache.
        parsed = converter.parse(
            find_corpus_folder() / relative, forceSource=True, storePickle=False
        )
        if isinstance(parsed, stream.Opus):
            tunes = list(parsed.scores)[:_MOST_TUNES]
            scores = [_convert_score(t, f"{relative}#{i}") for i, t in enumerate(tunes)]
        else:
            scores = [_convert_score(parsed, relative)]
    return [s for s in scores if s.parts]


def _convert_score(score: Any, source: str) -> Score:
    from music21 import stream, tempo

    # A tune of a book has no parts: it is its own.
    parts = [_convert_part(p) for p in score.parts] or [_convert_part(score)]
    # All parts have the same bars; the first one's will do.
    first = score.parts[0] if score.parts else score
    bars = tuple(float(m.offset) for m in first.getElementsByClass(stream.Measure))
    marks = {}
    for mark in score.flatten().getElementsByClass(tempo.MetronomeMark):
        speed = mark.getQuarterBPM()
        if speed:
            marks[float(mark.offset)] = float(speed)
    composer = (score.metadata.composer if score.metadata else None) or ""
    return Score(
        source=source,
        composer=composer,
        parts=tuple(p for p in parts if p.start),
        bars=bars,
        tempos=tuple(sorted(marks.items())),
    )


def _convert_part(part: Any) -> Part:
    """Converts one music21 part: ties are joined, grace notes and chord symbols left out."""
    from music21 import harmony

    rows: list[list[float]] = []
    sounding: dict[int, list[float]] = {}
    for element in part.flatten().notes:
        # A symbol is not played as printed, and a grace note has no time of its own.
        if isinstance(element, harmony.ChordSymbol) or element.duration.isGrace:
            continue
        start, length = float(element.offset), float(element.quarterLength)
        if length <= 0:
            continue
        for note in getattr(element, "notes", (element,)):
            if not hasattr(note, "pitch"):
                continue
            pitch = int(note.pitch.midi)
            before = sounding.get(pitch)
            tied = note.tie is not None and note.tie.type in ("stop", "continue")
            # A tie that does not touch its beginning is an error of the encoding: a new note.
            if tied and before is not None and abs(before[0] + before[1] - start) < 1e-3:
                before[1] += length
                continue
            sounding[pitch] = [start, length, pitch]
            rows.append(sounding[pitch])
    rows.sort(key=lambda r: (r[0], r[2]))
    return Part(
        name=str(part.partName or getattr(part.getInstrument(), "instrumentName", "") or ""),
        start=tuple(round(r[0], 5) for r in rows),
        duration=tuple(round(r[1], 5) for r in rows),
        pitch=tuple(int(r[2]) for r in rows),
    )


def _cache_path(cache: Path, relative: str) -> Path:
    return cache / (relative.replace("/", "__") + ".json")


def _parse_to_cache(relative: str, cache: Path) -> None:
    try:
        content: dict[str, Any] = {"scores": [asdict(s) for s in parse_file(relative)]}
    except Exception as problem:  # music21 raises anything at all on a bad file
        content = {"scores": [], "problem": f"{type(problem).__name__}: {problem}"}
    write_text(_cache_path(cache, relative), json.dumps(content))


def fill_cache(cache: Path, workers: int) -> None:
    """Parses every chosen file that the cache lacks; can be stopped and started again.

    Does nothing where the cache is whole.

    Raises:
      UserError: music21 is missing.
    """
    if (cache / _INDEX).exists():
        return
    cache.mkdir(parents=True, exist_ok=True)
    files = list_source_files()
    missing = [f for f in files if not _cache_path(cache, f).exists()]
    if missing:
        from tqdm import tqdm

        with worker_pool(workers) as pool:
            jobs = [pool.submit(_parse_to_cache, f, cache) for f in missing]
            for job in tqdm(jobs, desc="scores", unit="file"):
                job.result()
    # Last: a cache without it is not whole.
    write_text(cache / _INDEX, json.dumps(files, indent=1))


def read_cache(cache: Path) -> tuple[list[Score], dict[str, str]]:
    """Reads all scores of the cache in the order of its index, and the problem of each bad file.

    Raises:
      UserError: the cache is not whole, or holds no score.
    """
    scores: list[Score] = []
    problems: dict[str, str] = {}
    for relative, text in _read_texts(cache):
        content = json.loads(text)
        if "problem" in content:
            problems[relative] = content["problem"]
        scores += [_parse_score(s) for s in content["scores"]]
    if not scores:
        raise UserError(f"{cache}: holds no score that could be parsed; remove it to try again")
    return scores, problems


def hash_cache(cache: Path) -> str:
    """Hashes all that `read_cache` reads into 16 hexadecimal digits.

    Raises:
      UserError: the cache is not whole.
    """
    total = hashlib.sha256()
    for relative, text in _read_texts(cache):
        # Names as well: a corpus depends on the order of its scores.
        total.update(f"{relative}\n{text}\n".encode())
    return total.hexdigest()[:16]


def _read_texts(cache: Path) -> Iterator[tuple[str, str]]:
    """Reads each file's name and JSON."""
    try:
        for relative in json.loads((cache / _INDEX).read_text(encoding="utf-8")):
            yield relative, _cache_path(cache, relative).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UserError(
            f"{cache}: no whole cache of scores ({error}); remove it, and it is made anew"
        ) from error


def _parse_score(content: dict[str, Any]) -> Score:
    parts = tuple(
        Part(p["name"], tuple(p["start"]), tuple(p["duration"]), tuple(p["pitch"]))
        for p in content["parts"]
    )
    tempos = tuple((float(a), float(b)) for a, b in content["tempos"])
    return Score(content["source"], content["composer"], parts, tuple(content["bars"]), tempos)


def group_by_split(scores: Iterable[Score]) -> dict[Split, list[Score]]:
    """Groups scores by ``find_split``."""
    groups: dict[Split, list[Score]] = {"train": [], "validation": [], "test": []}
    for score in scores:
        groups[find_split(score)].append(score)
    return groups
