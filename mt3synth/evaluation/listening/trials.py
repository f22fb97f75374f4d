"""A blind listening test as one page: which sounds better, and where are the seams.

Two parts. In the first every trial holds the same few seconds as they were generated, really
recorded, and vocoded, in random order under letters, each to be rated from 0 to 100 (the scale of
ITU-R BS.1534-3, MUSHRA, without its anchors). In the second every clip has in its middle either a
seam, where two segments of a rendering meet, or a random time, and the question is whether anything
breaks there. All clips are equally loud and not coded with loss.

The page knows neither which clip is which nor why it comes when it does; ``key.json`` does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mt3synth.atomic import write_texts
from mt3synth.errors import UserError
from mt3synth.evaluation.evaluation_set import KINDS, EvaluationSet, Piece
from mt3synth.evaluation.listening.page import Clip, Trial, listening_page
from mt3synth.evaluation.measure import hear_all
from mt3synth.evaluation.metrics.metric import Evaluators
from mt3synth.evaluation.metrics.seams import random_times
from mt3synth.reporting.clips import at_level, cut, flac, loudest
from mt3synth.types import FloatND

PAGE, KEY = "listening_test.html", "key.json"

_LEVEL_DB = -23.0
_SEAM_SECONDS = 4.0


@dataclass(frozen=True)
class Sizes:
    """How long the test is.

    Attributes:
      quality: trials of the first part.
      seams: of the second part; there are as many random times.
      seconds: of a clip of the first part.

    Raises:
      UserError: a negative number, or nothing at all to hear.
    """

    quality: int = 8
    seams: int = 10
    seconds: float = 8.0

    def __post_init__(self) -> None:
        if self.quality < 0 or self.seams < 0 or self.quality + self.seams < 1:
            raise UserError(
                f"a listening test of {self.quality} comparisons and {self.seams} seams; must be at"
                " least 1 in all"
            )
        if not 1 <= self.seconds <= 30:
            raise UserError(f"{self.seconds:g} s of each clip; must be within 1..30 s")


@dataclass(frozen=True)
class ListeningTest:
    """A page, and what its clips are.

    Attributes:
      page: HTML.
      key: JSON values: seed, and for each clip where it comes from.
    """

    page: str
    key: dict[str, Any]


def listening_test(items: EvaluationSet, evaluators: Evaluators, sizes: Sizes) -> ListeningTest:
    """Chooses and shuffles clips by the seed of ``evaluators`` alone.

    Raises:
      UserError: no piece has a real recording, and none has seams.
    """
    rng = np.random.default_rng(evaluators.seed)
    clips: dict[str, Any] = {}
    quality = _quality(items.pieces, evaluators, sizes, rng, clips)
    seams = _seams(items.pieces, evaluators, sizes, rng, clips)
    if not quality and not seams:
        raise UserError(
            "nothing for a listening test: no piece has a real recording of the same notes, and of"
            " none it is known where its segments meet (--window-hop)"
        )
    key = {"seed": evaluators.seed, "clips": clips}
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:12]
    return ListeningTest(listening_page(digest, quality, seams), {"test": digest, **key})


def write(test: ListeningTest, folder: Path) -> Path:
    """Writes page and key; returns the page's path.

    Raises:
      UserError: the folder cannot be written to.
    """
    texts = {KEY: json.dumps(test.key, indent=1) + "\n", PAGE: test.page}
    write_texts(folder, texts, "--listening-test")
    return folder / PAGE


def _quality(
    pieces: Sequence[Piece],
    evaluators: Evaluators,
    sizes: Sizes,
    rng: np.random.Generator,
    clips: dict[str, Any],
) -> list[Trial]:
    trials: list[Trial] = []
    having = [piece for piece in pieces if piece.real is not None]
    for index in rng.permutation(len(having)):
        if len(trials) == sizes.quality:
            break
        audio = hear_all(having[index], evaluators)
        shortest = min(len(a) for a in audio.values()) / evaluators.mel.sample_rate
        if len(audio) < len(KINDS) or shortest < sizes.seconds:
            continue
        start = float(rng.uniform(0, shortest - sizes.seconds))
        parts = [
            cut(audio[kind], evaluators.mel.sample_rate, start, sizes.seconds) for kind in KINDS
        ]
        if not all(part.any() for part in parts):
            continue
        # As loud as the least of them can be, or one would give itself away.
        level = min(_LEVEL_DB, *(loudest(part) for part in parts))
        made = []
        for kind, part in zip(KINDS, parts):
            source = {"piece": having[index].name, "kind": kind, "start": start}
            made.append(_clip(part, source, evaluators, rng, clips, level))
        trials.append(Trial(tuple(made[i] for i in rng.permutation(len(made)))))
    return trials


def _seams(
    pieces: Sequence[Piece],
    evaluators: Evaluators,
    sizes: Sizes,
    rng: np.random.Generator,
    clips: dict[str, Any],
) -> list[Trial]:
    """Makes trials of one clip, as many of seams as of random times in the same pieces."""
    found: list[Clip] = []
    having = [piece for piece in pieces if piece.seams is not None]
    for index in rng.permutation(len(having)):
        if len(found) >= 2 * sizes.seams:
            break
        piece = having[index]
        audio = hear_all(piece, evaluators).get("generated")
        if audio is None or piece.seams is None:
            continue
        seconds = len(audio) / evaluators.mel.sample_rate
        times = _inside(piece.seams.times(seconds), seconds)
        drawn = random_times(piece.seams, seconds, 4 * len(times), int(rng.integers(2**31)))
        others = _inside(drawn, seconds)
        count = min(len(times), len(others), sizes.seams - len(found) // 2, _each(sizes, having))
        for what, at in (("seam", times), ("random time", others)):
            for time in rng.permutation(at)[:count].tolist():
                start = time - _SEAM_SECONDS / 2
                part = cut(audio, evaluators.mel.sample_rate, start, _SEAM_SECONDS)
                if part.any():
                    source = {"piece": piece.name, "kind": what, "at": time}
                    found.append(_clip(part, source, evaluators, rng, clips, _LEVEL_DB))
    return [Trial((found[i],)) for i in rng.permutation(len(found))]


def _each(sizes: Sizes, pieces: Sequence[Piece]) -> int:
    """Says how many seams to take of a piece, so that many pieces are heard."""
    return max(1, -(-sizes.seams // len(pieces)))


def _inside(times: FloatND, seconds: float) -> FloatND:
    half = _SEAM_SECONDS / 2
    return times[(times >= half) & (times <= seconds - half)]


def _clip(
    part: FloatND,
    source: dict[str, Any],
    evaluators: Evaluators,
    rng: np.random.Generator,
    clips: dict[str, Any],
    level_db: float,
) -> Clip:
    """Encodes a clip under a name that says nothing."""
    name = f"{int(rng.integers(2**48)):012x}"
    clips[name] = source
    return Clip(name, flac(at_level(part, level_db), evaluators.mel.sample_rate))
