"""The kinds of songs that a corpus is mixed of, from one note to full bands."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import accumulate

import numpy as np

from data_pipelines.corpus.arrangement.arrange import Arrangement
from data_pipelines.corpus.arrangement.piano import arrange_piano
from data_pipelines.corpus.arrangement.scores import Score
from data_pipelines.corpus.arrangement.single_notes import (
    arrange_drums,
    arrange_held_notes,
    arrange_single_notes,
)
from data_pipelines.corpus.arrangement.thin import (
    arrange_abrupt,
    arrange_parts,
    arrange_soft,
    arrange_solo,
)
from mt3synth.errors import UserError

Kinds = tuple[tuple[str, float], ...]
"""Kinds and their shares of all songs, in order; the shares add up to 1."""

ENSEMBLE = "ensemble"
"""Scores for ensembles and bands, cut at bar lines: what a corpus of one kind consists of."""

WRITTEN = "written"
"""Scores played as they are written, by the rules that play a user's scores."""

BENT = "bent"
"""Thin music whose notes slide, waver, are out of tune, swell and fade."""

ARRANGERS: dict[str, Callable[[Sequence[Score], np.random.Generator], Arrangement]] = {
    "edges": arrange_abrupt,
    "soft": arrange_soft,
    "piano": arrange_piano,
    "solo": arrange_solo,
    "parts": arrange_parts,
    "held": arrange_held_notes,
    "notes": arrange_single_notes,
    "drums": arrange_drums,
}

ENSEMBLE_ONLY: Kinds = ((ENSEMBLE, 1.0),)
# Shares of songs. Thin songs are shorter, so of the segments that training reads two thirds are
# still of ensembles, played as written or not, a fifth is piano alone, and well over a third has at
# most two parts.
DEFAULT_KINDS: Kinds = (
    (ENSEMBLE, 0.26),
    ("edges", 0.07),
    ("soft", 0.05),
    ("piano", 0.20),
    ("solo", 0.12),
    ("parts", 0.06),
    ("held", 0.05),
    ("notes", 0.045),
    ("drums", 0.045),
    (WRITTEN, 0.10),
)
_GOLDEN = (math.sqrt(5) - 1) / 2


def read_kinds(text: str) -> Kinds:
    """Reads shares from ``"ensemble=3,solo=1"``; they are divided by their sum.

    Raises:
      UserError: an unknown kind, one named twice, or a share that is no number above 0.
    """
    shares: dict[str, float] = {}
    known = (ENSEMBLE, *ARRANGERS, WRITTEN, BENT)
    for entry in text.split(","):
        name, _, number = (part.strip() for part in entry.partition("="))
        if name not in known or name in shares:
            problem = "named twice" if name in shares else f"must be one of {', '.join(known)}"
            raise UserError(f"--kinds: kind {name!r}; {problem}")
        try:
            shares[name] = float(number)
        except ValueError as error:
            raise UserError(f"--kinds: {entry!r}; must be KIND=SHARE") from error
        if not 0 < shares[name] < float("inf"):
            raise UserError(f"--kinds: {entry!r}; the share must be more than 0")
    # In the order of the table and not of the option, so that the same shares give the same songs.
    total = sum(shares.values())
    if math.isclose(total, 1):  # shares that a corpus names are taken to the last bit
        total = 1.0
    return tuple((name, shares[name] / total) for name in known if name in shares)


def choose_kind(kinds: Kinds, seed: int, index: int) -> str:
    """Chooses the kind of song number ``index``.

    By multiples of the golden ratio rather than by lot: in every stretch of songs, however few, the
    shares are as near to those asked for as they can be.
    """
    # Another seed begins elsewhere in the sequence.
    at = ((seed + 1) * math.sqrt(2) + index * _GOLDEN) % 1.0
    for (name, _), upper in zip(kinds, accumulate(share for _, share in kinds)):
        if at < upper:
            return name
    # By rounding, the shares may add up to a little less than 1.
    return kinds[-1][0]
