"""Plays one song of the corpus: everything follows from the seed, its split and its index."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from data_pipelines.corpus.arrangement.arrange import Arrangement, arrange, cut_plain_excerpts
from data_pipelines.corpus.arrangement.scores import Score, Split
from data_pipelines.corpus.expression import play
from data_pipelines.corpus.performances import Performance
from mt3synth.symbolic.notes import Notes

_SPLIT_KEYS: dict[Split, int] = {"train": 0, "validation": 1, "test": 2}
# Relative weight of the tune books (single melodies, many files) against scores in parts.
_TUNE_SHARE = 0.17
_SHORTEST_S = 10.0


class PlayedSong(NamedTuple):
    """A song that is yet to be rendered.

    Attributes:
      notes: what is played, seconds.
      performance: its index.
      source: the score.
      rng: the song's generator, for what comes next.
    """

    notes: Notes
    performance: int
    source: str
    rng: np.random.Generator


def play_training(
    seed: int, index: int, scores: Sequence[Score], performances: Sequence[Performance]
) -> PlayedSong:
    """Plays the ``index``-th song of the training set."""
    rng = _seed_song(seed, "train", index)
    # The performance is drawn first and from the weights alone, so that none gets other music.
    weight = np.array([p.weight for p in performances])
    performance = int(rng.choice(len(performances), p=weight / weight.sum()))
    tunes = [s for s in scores if len(s.parts) == 1]
    voiced = [s for s in scores if len(s.parts) > 1]
    pool = tunes if tunes and (not voiced or rng.random() < _TUNE_SHARE) else voiced
    while True:  # an excerpt that is all rests is drawn again
        arrangement = arrange(pool[rng.integers(len(pool))], rng)
        notes = play(arrangement, performances[performance].player, rng)
        if notes.end_time >= _SHORTEST_S:
            return PlayedSong(notes, performance, arrangement.source, rng)


def cut_held_out_excerpts(scores: Sequence[Score]) -> list[Arrangement]:
    """Cuts all scores plainly: the first excerpt of every movement, then the second, and so on."""
    by_movement = [cut_plain_excerpts(score) for score in scores]
    deepest = max((len(m) for m in by_movement), default=0)
    return [m[i] for i in range(deepest) for m in by_movement if i < len(m)]


def play_held_out(
    seed: int,
    split: Split,
    index: int,
    excerpts: Sequence[Arrangement],
    performances: Sequence[Performance],
) -> PlayedSong:
    """Plays the ``index``-th song of a held-out split, in the performances by turns."""
    rng = _seed_song(seed, split, index)
    performance = index % len(performances)
    notes = play(excerpts[index], performances[performance].player, rng, plain=True)
    return PlayedSong(notes, performance, excerpts[index].source, rng)


def _seed_song(seed: int, split: Split, index: int) -> np.random.Generator:
    """Makes the generator of one song, the same whichever worker makes it."""
    return np.random.default_rng([seed, _SPLIT_KEYS[split], index])
