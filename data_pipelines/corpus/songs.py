"""One song of the corpus: everything about it follows from the seed, its split and its index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_pipelines.corpus.arrange import Arrangement, arrange, plain_excerpts
from data_pipelines.corpus.performances import Performance
from data_pipelines.corpus.playing import play
from data_pipelines.corpus.render import render
from data_pipelines.corpus.scores import Score, Split
from mt3synth.symbolic.notes import Notes

SAMPLE_RATE = 16_000
_SPLIT_KEYS: dict[Split, int] = {"train": 0, "validation": 1, "test": 2}
# Relative weight of the tune books (single melodies, many files) against scores in parts.
_TUNE_SHARE = 0.17
_SHORTEST_S = 10.0


@dataclass(frozen=True, eq=False)
class Song:
    """A rendered song.

    Attributes:
      id: names split, index, source and performance.
      notes: what is played, seconds.
      audio: int16 ``[S]`` mono at 16 kHz.
      performance: its index.
    """

    id: str
    notes: Notes
    audio: np.ndarray
    performance: int

    @property
    def seconds(self) -> float:
        return len(self.audio) / SAMPLE_RATE


def song_rng(seed: int, split: Split, index: int) -> np.random.Generator:
    """The generator of one song, the same whichever worker makes it."""
    return np.random.default_rng([seed, _SPLIT_KEYS[split], index])


def train_song(
    seed: int,
    index: int,
    scores: Sequence[Score],
    performances: Sequence[Performance],
    folders: Sequence[Path] = (),
) -> Song:
    """The ``index``-th song of the training set."""
    notes, performance, source, rng = train_notes(seed, index, scores, performances)
    audio = _rendered(notes, performances[performance], rng, folders)
    return Song(f"train-{index:05d} {source}", notes, audio, performance)


def train_notes(
    seed: int, index: int, scores: Sequence[Score], performances: Sequence[Performance]
) -> tuple[Notes, int, str, np.random.Generator]:
    """Notes, performance and source of a training song, and its generator for what comes next."""
    rng = song_rng(seed, "train", index)
    weight = np.array([p.weight for p in performances])
    performance = int(rng.choice(len(performances), p=weight / weight.sum()))
    tunes = [s for s in scores if len(s.parts) == 1]
    voiced = [s for s in scores if len(s.parts) > 1]
    pool = tunes if tunes and (not voiced or rng.random() < _TUNE_SHARE) else voiced
    while True:  # an excerpt that is all rests is drawn again
        arrangement = arrange(pool[rng.integers(len(pool))], rng)
        notes = play(arrangement, performances[performance].player, rng)
        if notes.end_time >= _SHORTEST_S:
            return notes, performance, arrangement.source, rng


def held_out_excerpts(scores: Sequence[Score], seconds: float) -> list[Arrangement]:
    """Plain excerpts in turn from every movement until they fill ``seconds``, or all there are."""
    by_movement = [plain_excerpts(score) for score in scores]
    deepest = max((len(m) for m in by_movement), default=0)
    turns = [m[i] for i in range(deepest) for m in by_movement if i < len(m)]
    chosen: list[Arrangement] = []
    total = 0.0
    for arrangement in turns:
        if total >= seconds:
            break
        chosen.append(arrangement)
        last = max(float((x.start + x.duration).max()) for x in arrangement.lines)
        total += last * 60 / arrangement.bpm
    return chosen


def held_out_song(
    seed: int,
    split: Split,
    index: int,
    arrangement: Arrangement,
    performances: Sequence[Performance],
    folders: Sequence[Path] = (),
) -> Song:
    """The ``index``-th held-out song, in the performances by turns."""
    rng = song_rng(seed, split, index)
    performance = index % len(performances)
    notes = play(arrangement, performances[performance].player, rng, plain=True)
    audio = _rendered(notes, performances[performance], rng, folders)
    return Song(f"{split}-{index:05d} {arrangement.source}", notes, audio, performance)


def _rendered(
    notes: Notes, performance: Performance, rng: np.random.Generator, folders: Sequence[Path]
) -> np.ndarray:
    audio = render(notes, performance, SAMPLE_RATE, rng, folders)
    return np.round(audio * 32767).astype(np.int16)
