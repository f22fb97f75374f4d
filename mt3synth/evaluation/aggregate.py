"""Sums up what was found out about pieces, with bootstrap intervals over the pieces."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mt3synth.evaluation.evaluation_set import KINDS
from mt3synth.evaluation.measure import Findings, Measured
from mt3synth.evaluation.metrics.bootstrap import bootstrap_interval
from mt3synth.evaluation.metrics.dynamics import level_slope
from mt3synth.evaluation.metrics.notes import SCORES, NoteCounts, pooled
from mt3synth.evaluation.metrics.seams import exceedance

Figures = dict[str, Any]
PAIR_SCORES = ("log_mel_l1", "stft", "chroma")


def summary(found: Findings, seed: int) -> Figures:
    """Figures of every part that there is anything to say about."""
    figures: Figures = {}
    parts: dict[str, Callable[[Sequence[Measured], int], Figures]] = {
        "pairs": _pairs,
        "levels": _levels,
        "joins": _joins,
    }
    notes = _notes(found, seed)
    if notes:
        figures["notes"] = notes
    for name, measure in parts.items():
        part = measure(found.pieces, seed)
        if part:
            figures[name] = part
    speed = _speed(found.pieces)
    if speed:
        figures["speed"] = speed
    return figures


def of_counts(counts: NoteCounts) -> Figures:
    """Counts and what follows from them, for JSON."""
    return {
        "f1": counts.f1,
        "precision": counts.precision,
        "recall": counts.recall,
        "matched": counts.matched,
        "reference": counts.reference,
        "estimated": counts.estimated,
    }


def _notes(found: Findings, seed: int) -> Figures:
    """F1 of every score and kind; and the ratio to the vocoded real audio, over the same pieces."""
    pieces = [p for p in found.pieces if p.counts]
    if not pieces:
        return {}
    figures: Figures = {"pieces": len(pieces), "left_out": found.heard.void, "scores": {}}
    for score in SCORES:
        if score in found.heard.void:
            continue
        figures["scores"][score] = of_score = {}
        for kind in KINDS:
            having = [p for p in pieces if kind in p.counts]
            if not having:
                continue
            of_score[kind] = {
                **of_counts(_pooled(having, kind, score)),
                "pieces": len(having),
                "interval": bootstrap_interval(having, _f1(kind, score), seed),
            }
        both = [p for p in pieces if {"generated", "vocoded"} <= set(p.counts)]
        if both:
            ratio = _ratio(_f1("generated", score), _f1("vocoded", score))
            of_score["generated_over_vocoded"] = {
                "ratio": ratio(both),
                "pieces": len(both),
                "interval": bootstrap_interval(both, ratio, seed),
            }
    return figures


def _pooled(pieces: Sequence[Measured], kind: str, score: str) -> NoteCounts:
    return pooled(p.counts[kind][score] for p in pieces)


def _f1(kind: str, score: str) -> Callable[[Sequence[Measured]], float]:
    return lambda pieces: _pooled(pieces, kind, score).f1


def _ratio(
    above: Callable[[Sequence[Measured]], float], below: Callable[[Sequence[Measured]], float]
) -> Callable[[Sequence[Measured]], float]:
    def ratio(pieces: Sequence[Measured]) -> float:
        divisor = below(pieces)
        return above(pieces) / divisor if divisor else float("nan")

    return ratio


def _pairs(pieces: Sequence[Measured], seed: int) -> Figures:
    """Means over pieces; the real audio's distance from itself is nothing to report."""
    figures: Figures = {}
    for kind in KINDS:
        having = [p for p in pieces if kind in p.pairs]
        if not having:
            continue
        figures[kind] = {"pieces": len(having)}
        for score in PAIR_SCORES:
            values = [float(getattr(p.pairs[kind], score)) for p in having]
            figures[kind][score] = {
                "value": _mean(values),
                "interval": bootstrap_interval(values, _mean, seed),
            }
    return figures


def _levels(pieces: Sequence[Measured], seed: int) -> Figures:
    figures: Figures = {}
    for kind in KINDS:
        having = [p.levels[kind] for p in pieces if kind in p.levels]
        slope = level_slope(having) if having else float("nan")
        if np.isfinite(slope):
            figures[kind] = {
                "db_per_step": slope,
                "pieces": len(having),
                "onsets": sum(len(levels.level) for levels in having),
                "interval": bootstrap_interval(having, level_slope, seed),
            }
    return figures


def _joins(pieces: Sequence[Measured], seed: int) -> Figures:
    """How the changes at joins compare with those at random places, joins of all pieces pooled."""
    figures: Figures = {}
    for kind in KINDS:
        having = [p.changes[kind] for p in pieces if kind in p.changes]
        if not having:
            continue
        figures[kind] = {"pieces": len(having), "joins": sum(len(c.flux[0]) for c in having)}
        for measure in ("flux", "jump"):
            places = [getattr(c, measure) for c in having]

            def above(chosen: Sequence[Any]) -> float:
                # Each join against places of its own piece: loud pieces change more everywhere.
                weights = [len(joins) for joins, _ in chosen]
                return float(np.average([exceedance(*pair) for pair in chosen], weights=weights))

            figures[kind][measure] = {
                "at_joins": _mean(np.concatenate([joins for joins, _ in places])),
                "at_random": _mean(np.concatenate([other for _, other in places])),
                "exceedance": above(places),
                "interval": bootstrap_interval(places, above, seed),
            }
    return figures


def _speed(pieces: Sequence[Measured]) -> Figures:
    """Seconds of audio for each second of wall time, over all pieces together."""
    figures: Figures = {}
    timed = [p for p in pieces if p.wall_seconds is not None and "generated" in p.seconds]
    if timed:
        audio = sum(p.seconds["generated"] for p in timed)
        wall = sum(p.wall_seconds or 0.0 for p in timed)
        figures["rendering"] = _rate(audio, wall, len(timed))
    vocoded = [p for p in pieces if p.vocoder_seconds is not None]
    if vocoded:
        audio = sum(p.seconds["vocoded"] for p in vocoded)
        wall = sum(p.vocoder_seconds or 0.0 for p in vocoded)
        figures["vocoder"] = _rate(audio, wall, len(vocoded))
    return figures


def _rate(audio: float, wall: float, pieces: int) -> Figures:
    return {
        "times_real_time": audio / wall if wall else float("nan"),
        "audio_seconds": audio,
        "wall_seconds": wall,
        "pieces": pieces,
    }


def _mean(values: Any) -> float:
    return float(np.mean(values))
