"""Plays any song of a corpus by split and index; none is made before it is asked for."""

from __future__ import annotations

import hashlib
import subprocess
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from pathlib import Path

from data_pipelines.corpus.arrangement import scores as score_files
from data_pipelines.corpus.arrangement.arrange import Arrangement
from data_pipelines.corpus.arrangement.kinds import DEFAULT_KINDS, ENSEMBLE_ONLY, WRITTEN, Kinds
from data_pipelines.corpus.arrangement.scores import Score, Split
from data_pipelines.corpus.performances import DEFAULT_FILE, Performance, read_performances
from data_pipelines.corpus.played_scores import PlayedScores, hash_played, read_played
from data_pipelines.corpus.songs import (
    PlayedSong,
    count_held_out,
    cut_held_out_excerpts,
    play_held_out,
    play_training,
)
from data_pipelines.corpus.sound.render import find_fluidsynth
from mt3synth.errors import UserError


@dataclass(frozen=True, repr=False)
class SongBook:
    """Says what the songs are made of, small enough to travel to workers with every song.

        book = SongBook.open(seed=0, cache=find_cache())
        song = book.play("train", 17)
        audio = render(song.notes, book.all_performances()[song.performance], 16_000, song.rng)

    The representation names all that decides a song's bytes, and no path.

    Attributes:
      seed: of every random choice, at least 0.
      scores: digest of the parsed scores.
      performances: digest of the performances' file.
      soundfonts: file and bytes of each soundfont.
      fluidsynth: its version.
      cache: folder of parsed scores.
      performances_file: TOML.
      folders: looked through first for soundfonts.
      kinds: of songs, with their shares.
      played: digest of the scores as the rules play them; empty where no kind needs them.
    """

    seed: int
    scores: str
    performances: str
    soundfonts: tuple[tuple[str, int], ...]
    fluidsynth: str
    cache: Path = field(repr=False)
    performances_file: Path = field(repr=False)
    folders: tuple[Path, ...] = field(repr=False)
    kinds: Kinds = ENSEMBLE_ONLY
    played: str = ""

    def __repr__(self) -> str:
        shown = [f.name for f in fields(self) if f.repr]
        if self.kinds == ENSEMBLE_ONLY:
            shown.remove("kinds")  # as before there were kinds: shards of then are the same
        if not self.played:
            shown.remove("played")
        return f"SongBook({', '.join(f'{name}={getattr(self, name)!r}' for name in shown)})"

    @staticmethod
    def open(
        seed: int,
        cache: Path,
        performances_file: Path = DEFAULT_FILE,
        folders: tuple[Path, ...] = (),
        kinds: Kinds = DEFAULT_KINDS,
    ) -> SongBook:
        """Opens the book of these files.

        Raises:
          UserError: ``seed`` below 0, FluidSynth, a soundfont or the scores are missing, or the
            performances cannot be read.
        """
        if seed < 0:
            raise UserError(f"seed {seed}; must be at least 0")
        fonts = {p.soundfont.file: p.soundfont for p in read_performances(performances_file)}
        return SongBook(
            seed=seed,
            scores=score_files.hash_cache(cache),
            # By content: a file that was edited is another recipe, wherever it lies.
            performances=hashlib.sha256(performances_file.read_bytes()).hexdigest()[:16],
            soundfonts=tuple(
                (name, font.path(folders).stat().st_size) for name, font in sorted(fonts.items())
            ),
            fluidsynth=_read_fluidsynth_version(),
            cache=cache.resolve(),
            performances_file=performances_file.resolve(),
            folders=tuple(folder.resolve() for folder in folders),
        ).mixed_of(kinds)

    def mixed_of(self, kinds: Kinds) -> SongBook:
        """Returns the book with songs of other kinds.

        Raises:
          UserError: they need scores that are not played yet.
        """
        played = hash_played(self.cache) if WRITTEN in dict(kinds) else ""
        return replace(self, kinds=kinds, played=played)

    def all_performances(self) -> tuple[Performance, ...]:
        """Reads the performances, in the order of their indices."""
        return _read_performances(self.performances_file)

    def size(self, split: Split) -> int | None:
        """Counts the songs of a split; None for one without end, as the training set is."""
        if split == "train":
            return None
        return count_held_out(self.seed, len(_cut_excerpts(self.cache, split)), self.kinds)

    def play(self, split: Split, index: int) -> PlayedSong:
        """Plays a song: its notes, and in which performance."""
        performances = self.all_performances()
        scores = _read_scores(self.cache)[split]
        played = _read_played(self.cache, split) if self.played else None
        if split == "train":
            return play_training(self.seed, index, scores, performances, self.kinds, played)
        excerpts = _cut_excerpts(self.cache, split)
        return play_held_out(
            self.seed, split, index, scores, excerpts, performances, self.kinds, played
        )


# What a worker reads once, however many songs it makes.


@lru_cache(maxsize=2)
def _read_scores(cache: Path) -> dict[Split, list[Score]]:
    return score_files.group_by_split(score_files.read_cache(cache)[0])


@lru_cache(maxsize=4)
def _cut_excerpts(cache: Path, split: Split) -> list[Arrangement]:
    return cut_held_out_excerpts(_read_scores(cache)[split])


@lru_cache(maxsize=4)
def _read_played(cache: Path, split: Split) -> PlayedScores:
    return read_played(cache, [score.source for score in _read_scores(cache)[split]])


_read_performances = lru_cache(maxsize=2)(read_performances)


def _read_fluidsynth_version() -> str:
    """Asks the program for its version, "2.3.1"."""
    command = [find_fluidsynth(), "--version"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    # It prints more than that.
    lines = [line for line in done.stdout.splitlines() if "version" in line]
    return lines[0].split()[-1] if lines else "unknown"
