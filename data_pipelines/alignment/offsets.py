"""Measures how far notes are from the sound in a pair that should already be aligned."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import maximum_filter1d

from data_pipelines.alignment.confidence import measure_agreement
from data_pipelines.alignment.evidence import find_onset_evidence
from data_pipelines.alignment.features import SAMPLE_RATE, find_recording_chroma, find_score_chroma
from data_pipelines.alignment.refine import find_speaking_offsets, group_onsets, track_offsets
from data_pipelines.alignment.warping import TimeMap, make_increasing
from data_pipelines.recordings import find_silence
from mt3synth.errors import UserError
from mt3synth.symbolic.notes import Notes
from mt3synth.types import FloatND

CHANCE = 0.2
"""Share of onsets that evidence is found for where there is none to find."""
WINDOW_S = 0.05
"""Evidence counts within so much of where an onset should be."""
TOLERANCE_S = 0.06
"""A pair whose notes and sound are this far apart at the median is bad."""
_SPREAD_S = 0.15  # between earliest and latest
_LEAST_AGREEMENT, _LEAST_FOUND = 0.35, 0.3
_REACH_S, _STEP_S = 1.0, 0.01
_APART_S = 0.15  # an onset's surroundings begin so far from it
_TRUST, _JITTER_S, _DRIFT = 0.3, 0.002, 0.02  # see `track_offsets`: a stiff line, up to 2 %
_FEWEST_ONSETS = 8


@dataclass(frozen=True)
class Offsets:
    """Says where a recording's onsets are, relative to its notes'.

    Attributes:
      shift: median over all onsets, seconds; positive if the sound comes later than the notes.
      earliest, latest: 5th and 95th percentile, seconds.
      found: share of onsets with evidence within 50 ms of their offset, 0..1. An onset has it where
        its own keys begin more clearly than at 80 % of the times up to a second around it.
      agreement: correlation of the chroma at these offsets, -1..1; 0 by chance.
    """

    shift: float
    earliest: float
    latest: float
    found: float
    agreement: float


def measure_offsets(notes: Notes, audio: FloatND) -> Offsets:
    """Follows the offset between notes and sound, up to a second either way.

    Args:
      notes: in seconds of the sound; drums are left out.
      audio: mono float ``[S]`` at `features.SAMPLE_RATE`.

    Raises:
      UserError: synctoolbox is not installed, the recording is silent, or it has fewer than 8
        onsets.
    """
    seconds = len(audio) / SAMPLE_RATE
    if silence := find_silence(audio):
        raise UserError(f"the recording is {silence}")
    # Notes behind the recording's end have nowhere to be found.
    onsets = group_onsets(notes.select(notes.start < seconds))
    if len(onsets.times) < _FEWEST_ONSETS:
        raise UserError(
            f"{len(onsets.times)} onsets in the {seconds:.1f} s of the recording, drums apart; "
            f"must be at least {_FEWEST_ONSETS}"
        )
    evidence = find_onset_evidence(audio)
    offsets = np.arange(-_REACH_S, _REACH_S + _STEP_S / 2, _STEP_S)
    curves = onsets.evidence(evidence, onsets.times, offsets)
    # Stiffer than an alignment is: the pair should be aligned, and what is looked for is how far it
    # is off.
    middle = track_offsets(_TRUST * curves, offsets, onsets.times, _JITTER_S, _DRIFT)
    times = onsets.times + middle
    # As an alignment has it, so that an aligned pair is off by nothing.
    offset = middle + find_speaking_offsets(onsets, times, evidence)
    low, high = np.percentile(offset, [5, 95])
    chroma = find_score_chroma(onsets.notes, onsets.notes.end_time), find_recording_chroma(audio)
    matched = measure_agreement(*chroma, TimeMap(onsets.times, make_increasing(times)))
    return Offsets(
        shift=float(np.median(offset)),
        earliest=float(low),
        latest=float(high),
        found=float(_find_evidenced(curves, offsets, middle).mean()),
        agreement=float(matched.confidence),
    )


def _find_evidenced(curves: FloatND, offsets: FloatND, middle: FloatND) -> FloatND:
    """Tells which onsets have evidence, bool ``[K]``."""
    best = maximum_filter1d(curves, 2 * round(WINDOW_S / _STEP_S) + 1, axis=1)
    away = np.abs(offsets[None] - middle[:, None])
    # The best within so much of where it should be: no onset is exact to a hundredth of a second.
    own = np.take_along_axis(best, away.argmin(axis=1)[:, None], axis=1)
    # Compared with its own surroundings, so that a busy or noisy passage proves nothing.
    around = np.where(away >= _APART_S, best, np.nan)
    return own[:, 0] > np.nanquantile(around, 1 - CHANCE, axis=1)


def find_problem(offsets: Offsets, tolerance: float = TOLERANCE_S) -> str | None:
    """Says in one line what is wrong with a pair; None if it is within ``tolerance`` seconds.

    docs/alignment.md has the measurement behind the limits.
    """
    early, late = (round(1000 * x) for x in (offsets.earliest, offsets.latest))
    # The gravest first: of another piece neither onsets nor offsets mean anything.
    if offsets.agreement < _LEAST_AGREEMENT:
        return (
            f"does not match: agreement {offsets.agreement:.2f}; "
            "another piece or key, or more than a second away"
        )
    if offsets.found < _LEAST_FOUND:
        return f"only {offsets.found:.0%} of the onsets are heard where notes begin (chance: 20%)"
    if offsets.latest - offsets.earliest > max(_SPREAD_S, 2 * tolerance):
        return f"drifts: the sound is {early:+d} to {late:+d} ms from the notes"
    if abs(offsets.shift) > tolerance:
        side = "after" if offsets.shift > 0 else "before"
        return f"shifted: the sound comes {abs(round(1000 * offsets.shift))} ms {side} the notes"
    return None
