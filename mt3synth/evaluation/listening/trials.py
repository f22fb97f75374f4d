"""Makes a blind listening test as one page: which sounds better, and where are the seams.

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
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

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

Item = TypeVar("Item")

# The level of broadcasts (EBU R 128), here as root mean square; music hardly clips at it.
_LEVEL_DB = -23.0
# Two seconds on either side: enough music for a break to be one, and short enough to be remembered.
_SEAM_SECONDS = 4.0


@dataclass(frozen=True)
class Sizes:
    """Says how long the test is.

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
    maker = _TrialMaker(evaluators, sizes, np.random.default_rng(evaluators.seed))
    quality, seams = maker.quality(items.pieces), maker.seams(items.pieces)
    if not quality and not seams:
        raise UserError(
            "nothing for a listening test: no piece has a real recording of the same notes, and of"
            " none it is known where its segments meet (--window-hop)"
        )
    key = {"seed": evaluators.seed, "clips": maker.sources}
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


@dataclass(frozen=True, eq=False)
class _TrialMaker:
    """Makes trials.

    Attributes:
      evaluators: read the audio.
      sizes: of the test.
      rng: chooses and shuffles.
      sources: where each clip comes from, by its name; filled as trials are made.
    """

    evaluators: Evaluators
    sizes: Sizes
    rng: np.random.Generator
    sources: dict[str, Any] = field(default_factory=dict)

    def quality(self, pieces: Sequence[Piece]) -> list[Trial]:
        """Makes trials of the same passage in all kinds."""
        trials: list[Trial] = []
        seconds = self.sizes.seconds
        for piece in self._shuffled([p for p in pieces if p.real is not None]):
            if len(trials) == self.sizes.quality:
                break
            audio = hear_all(piece, self.evaluators)
            shortest = min(len(a) for a in audio.values()) / self._sample_rate
            if len(audio) < len(KINDS) or shortest < seconds:
                continue
            start = float(self.rng.uniform(0, shortest - seconds))
            parts = [cut(audio[kind], self._sample_rate, start, seconds) for kind in KINDS]
            if not all(part.any() for part in parts):
                continue
            # As loud as the least of them can be, or one would give itself away.
            level = min(_LEVEL_DB, *(loudest(part) for part in parts))
            clips = [
                self._clip(part, {"piece": piece.name, "kind": kind, "start": start}, level)
                for kind, part in zip(KINDS, parts)
            ]
            trials.append(Trial(tuple(self._shuffled(clips))))
        return trials

    def seams(self, pieces: Sequence[Piece]) -> list[Trial]:
        """Makes trials of one clip, as many of seams as of random times in the same pieces."""
        clips: list[Clip] = []
        having = [piece for piece in pieces if piece.seams is not None]
        # So many of a piece at the most, so that many pieces are heard.
        each = max(1, -(-self.sizes.seams // max(1, len(having))))
        for piece in self._shuffled(having):
            if len(clips) >= 2 * self.sizes.seams:
                break
            audio = hear_all(piece, self.evaluators).get("generated")
            if audio is None or piece.seams is None:
                continue
            seconds = len(audio) / self._sample_rate
            times = _inside(piece.seams.times(seconds), seconds)
            # Four for each seam, as some may lie too near to an end to be in the middle of a clip.
            seed = int(self.rng.integers(2**31))
            drawn = random_times(piece.seams, seconds, 4 * len(times), seed)
            others = _inside(drawn, seconds)
            count = min(len(times), len(others), self.sizes.seams - len(clips) // 2, each)
            for what, at in (("seam", times), ("random time", others)):
                for time in self.rng.permutation(at)[:count].tolist():
                    start = time - _SEAM_SECONDS / 2
                    part = cut(audio, self._sample_rate, start, _SEAM_SECONDS)
                    if part.any():
                        source = {"piece": piece.name, "kind": what, "at": time}
                        clips.append(self._clip(part, source, _LEVEL_DB))
        return [Trial((clip,)) for clip in self._shuffled(clips)]

    @property
    def _sample_rate(self) -> int:
        return self.evaluators.mel.sample_rate

    def _shuffled(self, items: Sequence[Item]) -> list[Item]:
        return [items[index] for index in self.rng.permutation(len(items))]

    def _clip(self, part: FloatND, source: dict[str, Any], level_db: float) -> Clip:
        """Encodes a clip under a name that says nothing."""
        name = f"{int(self.rng.integers(2**48)):012x}"
        self.sources[name] = source
        return Clip(name, flac(at_level(part, level_db), self._sample_rate))


def _inside(times: FloatND, seconds: float) -> FloatND:
    """Chooses the times that can be in the middle of a clip."""
    half = _SEAM_SECONDS / 2
    return times[(times >= half) & (times <= seconds - half)]
