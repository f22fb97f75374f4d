"""Chooses which recordings are held out, where their source does not say."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

from data_pipelines.recordings import Recording

HELD_OUT_END = " [end]"
"""After the id of a recording that is all there is, for the part of it that is held out."""


def assign_splits(
    recordings: Sequence[Recording],
    frozen: Mapping[str, str],
    share: float,
    seconds: Mapping[str, float],
) -> list[Recording]:
    """Gives every recording a split.

    What is named stays. Else a recording keeps the split that it had in an earlier build
    (``frozen``, by id). Of the others, unless any recording is already named for validation, those
    whose id hashes lowest are held out until ``share`` of all recordings (at least one of two or
    more) are for validation; the rest is for training. A recording that is all there is gives the
    last ``share`` of what is wanted of it (``seconds``, by id) instead.
    """
    if len(recordings) == 1 and recordings[0].split is None and share > 0:
        return _in_two(recordings[0], share, seconds[recordings[0].id])
    named = {r.id: r.split for r in recordings if r.split is not None}
    kept = {r.id: frozen[r.id] for r in recordings if r.id not in named and r.id in frozen}
    chosen = named | kept
    free = sorted((r.id for r in recordings if r.id not in chosen), key=_hash)
    if share > 0 and free and "validation" not in named.values():
        wanted = max(1, round(share * len(recordings)))
        wanted -= sum(split == "validation" for split in chosen.values())
        # At least one recording is left to train on.
        most = len(free) - ("train" not in chosen.values())
        chosen |= {id: "validation" for id in free[: max(0, min(wanted, most))]}
    return [replace(r, split=chosen.get(r.id, "train")) for r in recordings]


def _in_two(recording: Recording, share: float, seconds: float) -> list[Recording]:
    """Splits the only recording: its beginning to train on, its end to validate with."""
    cut = round(recording.start + (1 - share) * seconds, 2)
    return [
        replace(recording, split="train", end=cut),
        replace(recording, split="validation", start=cut, id=recording.id + HELD_OUT_END),
    ]


def _hash(id: str) -> str:
    return hashlib.sha256(id.encode()).hexdigest()
