"""A blind listening test as one page: which sounds better, and where are the seams.

Two parts. In the first every trial holds the same few seconds as they were generated, really
recorded, and vocoded, in random order under letters, each to be rated from 0 to 100 (the scale of
ITU-R BS.1534-3, MUSHRA, without its anchors). In the second every clip has in its middle either a
place where two windows of a rendering meet or a random one, and the question is whether anything
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
from mt3synth.evaluation.evaluation_set import KINDS, Material, Piece
from mt3synth.evaluation.listening.page import Clip, Trial, listening_page
from mt3synth.evaluation.measure import Tools, hear_all
from mt3synth.evaluation.metrics.seams import random_places
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
      seams: joins of the second part; there are as many random places.
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


def listening_test(material: Material, tools: Tools, sizes: Sizes) -> ListeningTest:
    """Chosen and shuffled by the seed of ``tools`` alone.

    Raises:
      UserError: no piece has a real recording, and none has joins.
    """
    rng = np.random.default_rng(tools.seed)
    clips: dict[str, Any] = {}
    quality = _quality(material.pieces, tools, sizes, rng, clips)
    seams = _seams(material.pieces, tools, sizes, rng, clips)
    if not quality and not seams:
        raise UserError(
            "nothing for a listening test: no piece has a real recording of the same notes, and of"
            " none it is known where its windows meet (--window-hop)"
        )
    key = {"seed": tools.seed, "clips": clips}
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:12]
    return ListeningTest(listening_page(digest, quality, seams), {"test": digest, **key})


def write(test: ListeningTest, folder: Path) -> Path:
    """Writes page and key; returns the page's place.

    Raises:
      UserError: the folder cannot be written to.
    """
    texts = {KEY: json.dumps(test.key, indent=1) + "\n", PAGE: test.page}
    write_texts(folder, texts, "--listening-test")
    return folder / PAGE


def _quality(
    pieces: Sequence[Piece],
    tools: Tools,
    sizes: Sizes,
    rng: np.random.Generator,
    clips: dict[str, Any],
) -> list[Trial]:
    trials: list[Trial] = []
    having = [piece for piece in pieces if piece.real is not None]
    for place in rng.permutation(len(having)):
        if len(trials) == sizes.quality:
            break
        audio = hear_all(having[place], tools)
        shortest = min(len(a) for a in audio.values()) / tools.mel.sample_rate
        if len(audio) < len(KINDS) or shortest < sizes.seconds:
            continue
        start = float(rng.uniform(0, shortest - sizes.seconds))
        parts = [cut(audio[kind], tools.mel.sample_rate, start, sizes.seconds) for kind in KINDS]
        if not all(part.any() for part in parts):
            continue
        level = min(_LEVEL_DB, *(loudest(part) for part in parts))  # or one would give itself away
        made = []
        for kind, part in zip(KINDS, parts):
            source = {"piece": having[place].name, "kind": kind, "start": start}
            made.append(_clip(part, source, tools, rng, clips, level))
        trials.append(Trial(tuple(made[i] for i in rng.permutation(len(made)))))
    return trials


def _seams(
    pieces: Sequence[Piece],
    tools: Tools,
    sizes: Sizes,
    rng: np.random.Generator,
    clips: dict[str, Any],
) -> list[Trial]:
    """One clip a trial; joins and random places come from the same pieces, as many of each."""
    found: list[Clip] = []
    having = [piece for piece in pieces if piece.joins is not None]
    for place in rng.permutation(len(having)):
        if len(found) >= 2 * sizes.seams:
            break
        piece = having[place]
        audio = hear_all(piece, tools).get("generated")
        if audio is None or piece.joins is None:
            continue
        seconds = len(audio) / tools.mel.sample_rate
        times = _inside(piece.joins.times(seconds), seconds)
        drawn = random_places(piece.joins, seconds, 4 * len(times), int(rng.integers(2**31)))
        others = _inside(drawn, seconds)
        count = min(len(times), len(others), sizes.seams - len(found) // 2, _each(sizes, having))
        for what, at in (("join", times), ("random place", others)):
            for time in rng.permutation(at)[:count].tolist():
                start = time - _SEAM_SECONDS / 2
                part = cut(audio, tools.mel.sample_rate, start, _SEAM_SECONDS)
                if part.any():
                    source = {"piece": piece.name, "kind": what, "at": time}
                    found.append(_clip(part, source, tools, rng, clips, _LEVEL_DB))
    return [Trial((found[i],)) for i in rng.permutation(len(found))]


def _each(sizes: Sizes, pieces: Sequence[Piece]) -> int:
    """Joins to take of a piece, so that many pieces are heard."""
    return max(1, -(-sizes.seams // len(pieces)))


def _inside(times: FloatND, seconds: float) -> FloatND:
    half = _SEAM_SECONDS / 2
    return times[(times >= half) & (times <= seconds - half)]


def _clip(
    part: FloatND,
    source: dict[str, Any],
    tools: Tools,
    rng: np.random.Generator,
    clips: dict[str, Any],
    level_db: float,
) -> Clip:
    """The clip under a name that says nothing."""
    name = f"{int(rng.integers(2**48)):012x}"
    clips[name] = source
    return Clip(name, flac(at_level(part, level_db), tools.mel.sample_rate))
