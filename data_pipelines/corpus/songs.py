"""Plays one song of the corpus: everything follows from the seed, its split and its index."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from data_pipelines.corpus.arrangement.arrange import Arrangement, arrange, cut_plain_excerpts
from data_pipelines.corpus.arrangement.kinds import (
    ARRANGERS,
    BENT,
    ENSEMBLE,
    ENSEMBLE_ONLY,
    WRITTEN,
    Kinds,
    choose_kind,
)
from data_pipelines.corpus.arrangement.scores import Score, Split
from data_pipelines.corpus.bends import bend_notes
from data_pipelines.corpus.expression import Player, play
from data_pipelines.corpus.performances import Performance
from data_pipelines.corpus.played_scores import PlayedScores
from data_pipelines.corpus.written import RING_OUT_S, play_written
from mt3synth.symbolic.notes import Notes

_SPLIT_KEYS: dict[Split, int] = {"train": 0, "validation": 1, "test": 2}
# Relative weight of the tune books (single melodies, many files) against scores in parts.
_TUNE_SHARE = 0.17
_SHORTEST_S = 10.0
# What is bent, and how often: what lasts shows most of where a note goes.
_BENT = {"held": 0.4, "solo": 0.3, "notes": 0.15, "parts": 0.15}


class PlayedSong(NamedTuple):
    """Holds a song that is yet to be rendered.

    Attributes:
      notes: what is played, seconds.
      performance: its index.
      source: the score.
      rng: the song's generator, for what comes next.
      ring_out_s: seconds of sound after the last note's end.
    """

    notes: Notes
    performance: int
    source: str
    rng: np.random.Generator
    ring_out_s: float


def play_training(
    seed: int,
    index: int,
    scores: Sequence[Score],
    performances: Sequence[Performance],
    kinds: Kinds = ENSEMBLE_ONLY,
    played: PlayedScores | None = None,
) -> PlayedSong:
    """Plays the ``index``-th song of the training set.

    ``played`` are the scores as the rules play them, for songs that are played as written.
    """
    rng = _seed_song(seed, "train", index)
    # The performance is drawn first and from the weights alone, so that none gets other music.
    weight = np.array([p.weight for p in performances])
    performance = int(rng.choice(len(performances), p=weight / weight.sum()))
    kind = choose_kind(kinds, seed, index)
    if kind != ENSEMBLE:
        player = performances[performance].player
        return _play_kind(kind, scores, performance, player, rng, played)
    # Apart, because there are far more of them than of scores in parts.
    tunes = [s for s in scores if len(s.parts) == 1]
    voiced = [s for s in scores if len(s.parts) > 1]
    pool = tunes if tunes and (not voiced or rng.random() < _TUNE_SHARE) else voiced
    while True:  # an excerpt that is all rests is drawn again
        arrangement = arrange(pool[rng.integers(len(pool))], rng)
        notes = play(arrangement, performances[performance].player, rng)
        if notes.end_time >= _SHORTEST_S:
            return _hand_on(arrangement, notes, performance, rng)


def cut_held_out_excerpts(scores: Sequence[Score]) -> list[Arrangement]:
    """Cuts all scores plainly: the first excerpt of every movement, then the second, and so on."""
    by_movement = [cut_plain_excerpts(score) for score in scores]
    deepest = max((len(m) for m in by_movement), default=0)
    # Round by round, so that a few hours of held-out songs are of as many movements as can be.
    return [m[i] for i in range(deepest) for m in by_movement if i < len(m)]


def play_held_out(
    seed: int,
    split: Split,
    index: int,
    scores: Sequence[Score],
    excerpts: Sequence[Arrangement],
    performances: Sequence[Performance],
    kinds: Kinds = ENSEMBLE_ONLY,
    played: PlayedScores | None = None,
) -> PlayedSong:
    """Plays the ``index``-th song of a held-out split, in the performances by turns.

    Thin songs are made of the split's own scores and draws, so that no song is in two splits.
    """
    rng = _seed_song(seed, split, index)
    # By turns and not by weights: all performances are heard alike where they are compared.
    performance = index % len(performances)
    player = performances[performance].player
    kind = choose_kind(kinds, seed, index)
    if kind != ENSEMBLE:
        return _play_kind(kind, scores, performance, player, rng, played)
    excerpt = excerpts[sum(choose_kind(kinds, seed, i) == ENSEMBLE for i in range(index))]
    return _hand_on(excerpt, play(excerpt, player, rng, plain=True), performance, rng)


def count_held_out(seed: int, excerpts: int, kinds: Kinds) -> int | None:
    """Counts the songs of a held-out split: as many as its excerpts last; None for without end."""
    if ENSEMBLE not in dict(kinds):
        return None
    songs = 0
    while excerpts:
        excerpts -= choose_kind(kinds, seed, songs) == ENSEMBLE
        songs += 1
    return songs


def _play_kind(
    kind: str,
    scores: Sequence[Score],
    performance: int,
    player: Player,
    rng: np.random.Generator,
    played: PlayedScores | None,
) -> PlayedSong:
    if kind == WRITTEN:
        if played is None:
            raise ValueError(f"songs of kind {kind!r} need the scores as they are played")
        notes, source = play_written(played, player, rng)
        return PlayedSong(notes, performance, source, rng, RING_OUT_S)
    arranger = str(rng.choice(list(_BENT), p=list(_BENT.values()))) if kind == BENT else kind
    while True:  # an excerpt that is all rests is drawn again
        arrangement = ARRANGERS[arranger](scores, rng)
        if any(len(line) for line in arrangement.lines):
            notes = play(arrangement, player, rng)
            if kind == BENT:
                arrangement = replace(arrangement, source=f"bent: {arrangement.source}")
                notes = bend_notes(notes, rng)
            return _hand_on(arrangement, notes, performance, rng)


def _hand_on(
    arrangement: Arrangement, notes: Notes, performance: int, rng: np.random.Generator
) -> PlayedSong:
    return PlayedSong(notes, performance, arrangement.source, rng, arrangement.ring_out_s)


def _seed_song(seed: int, split: Split, index: int) -> np.random.Generator:
    """Makes the generator of one song, the same whichever worker makes it."""
    return np.random.default_rng([seed, _SPLIT_KEYS[split], index])
