"""Aligns finely: each onset of the score moves to where the recording has it, then each note.

A path of frames of 20 ms lags behind slow attacks and in reverberant rooms. Here the time of every
onset is followed through the evidence of its own keys; then the instruments' speaking time is taken
off, for evidence is strongest in the middle of an attack, and notes begin at its foot. Last,
players who are not together come apart, and chords spread.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data_pipelines.alignment.evidence import OnsetEvidence
from data_pipelines.alignment.following import follow_onsets, track_offsets
from data_pipelines.alignment.warping import TimeMap, make_increasing
from mt3synth.symbolic.notes import Notes
from mt3synth.types import FloatND

_SAME_ONSET_S = 0.01
_LAG_S, _LEAD_S = 0.4, 0.2  # of the path, behind slow attacks and in reverberant rooms
_LAG_TRUST, _LAG_JITTER_S, _LAG_DRIFT = 1.0, 0.002, 0.02
_REACH_S, _STEP_S = 1.5, 0.01  # to either side of the path, in which onsets are looked for
_TRUST = 0.5  # in the evidence of an onset
_LOUDEST_RISE = 4.0  # means of a semitone; beyond about so much, a rise says little more
_NEAR_S, _NEAR_SCALE_S = 0.06, 0.02
_FINE_STEP_S = 0.005
_FEWEST_NOTES = 8  # of a program, for a speaking time and a way of its own
_SPEAKING = np.arange(-0.08, 0.04, _FINE_STEP_S)
_FOOT_S = 0.0175
"""The curvature of log energy is largest as its window of 46 ms begins to reach the foot of an
attack: so long before it, within 5 ms, be the attack of 1 or of 200 ms."""
_STRUCK = (*range(16), *range(24, 40), 45, 46, 47, *range(104, 109), *range(112, 120))
"""Programs that sound at once when a note is written: keyboards, bars, what is plucked. Others take
about as long as the window reaches ahead, so that the two cancel out."""
_APART_S, _APART_SCALE_S = 0.25, 0.08  # of a voice, from the others
_VOICE_JITTER_S, _VOICE_DRIFT = 0.01, 0.03
_SPREAD_S, _SPREAD_SCALE_S = 0.1, 0.035  # of a note, from its onset
_TRUST_IN_NOTE = 1.0


@dataclass(frozen=True, eq=False)
class Onsets:
    """Groups the score's pitched notes by their onsets: those that begin together are one.

    Attributes:
      times: seconds, float64 ``[K]``, increasing.
      notes: pitched notes, sorted.
      of_note: index into ``times`` for each of them, int64 ``[n]``.
      place: index into the score for each of them, int64 ``[n]``.
    """

    times: FloatND
    notes: Notes
    of_note: FloatND
    place: FloatND

    def evidence(self, found: OnsetEvidence, times: FloatND, offsets: FloatND) -> FloatND:
        """Gives evidence ``[K, G]`` of onsets at ``times`` ``[K]`` plus ``offsets`` ``[G]``.

        Summed over a chord's notes and divided by the root of their number: more notes tell more.
        """
        total = np.zeros((len(times), len(offsets)))
        at = times[self.of_note]
        for column, offset in enumerate(offsets):
            rises = _temper(found.rises(at + offset, self.notes.pitch))
            total[:, column] = np.bincount(self.of_note, rises, len(times))
        return total / np.sqrt(np.bincount(self.of_note))[:, None]


def group_onsets(notes: Notes) -> Onsets:
    """Groups the pitched notes of a score; notes up to 10 ms apart begin together."""
    order = notes.order()
    place = order[~notes.is_drum[order]]
    notes = notes.select(place)
    first = np.diff(notes.start, prepend=-np.inf) > _SAME_ONSET_S
    return Onsets(notes.start[first], notes, np.cumsum(first) - 1, place)


def refine(onsets: Onsets, path_map: TimeMap, evidence: OnsetEvidence) -> tuple[TimeMap, FloatND]:
    """Moves every onset of ``path_map`` to the evidence in the recording.

    Returns:
      The map of the onsets, and how much later than its onset each of ``onsets.notes`` is, seconds
      ``[n]``.
    """
    offsets = np.arange(-_LAG_S, _LEAD_S + _STEP_S / 2, _STEP_S)
    found = _LAG_TRUST * onsets.evidence(evidence, path_map.recording, offsets)
    lag = track_offsets(found, offsets, path_map.recording, _LAG_JITTER_S, _LAG_DRIFT)
    path_map = TimeMap(onsets.times, make_increasing(path_map.recording + lag))
    offsets = np.arange(-_REACH_S, _REACH_S + _STEP_S / 2, _STEP_S)
    found = _TRUST * onsets.evidence(evidence, path_map.recording, offsets)
    times = make_increasing(follow_onsets(found, offsets, path_map, evidence.passed))
    offsets = np.arange(-_NEAR_S, _NEAR_S + _FINE_STEP_S / 2, _FINE_STEP_S)
    found = _TRUST * onsets.evidence(evidence, times, offsets)
    times = make_increasing(times + _expect(found, offsets, _NEAR_SCALE_S))
    voices = _find_voices(onsets, times, evidence)
    at = times[onsets.of_note] + voices
    offsets = np.arange(-_SPREAD_S, _SPREAD_S + _FINE_STEP_S / 2, _FINE_STEP_S)
    rises = evidence.rises(at[:, None] + offsets, onsets.notes.pitch[:, None])
    spread = voices + _expect(_TRUST_IN_NOTE * _temper(rises), offsets, _SPREAD_SCALE_S)
    times = times + find_speaking_offsets(onsets, times, evidence, spread)
    return TimeMap(onsets.times, make_increasing(times)), spread


def _find_voices(onsets: Onsets, times: FloatND, evidence: OnsetEvidence) -> FloatND:
    """Finds how far each program is from the common onsets at ``times``, seconds ``[n]``."""
    notes, apart = onsets.notes, np.zeros(len(onsets.notes))
    programs, counts = np.unique(notes.program, return_counts=True)
    if len(programs) < 2:
        return apart
    offsets = np.arange(-_APART_S, _APART_S + _STEP_S / 2, _STEP_S)
    for program in programs[counts >= _FEWEST_NOTES]:
        own = np.flatnonzero(notes.program == program)
        which, of_note = np.unique(onsets.of_note[own], return_inverse=True)
        voice = Onsets(onsets.times[which], notes.select(own), of_note, onsets.place[own])
        found = _TRUST * voice.evidence(evidence, times[which], offsets)
        found -= offsets**2 / (2 * _APART_SCALE_S**2)
        way = track_offsets(found, offsets, times[which], _VOICE_JITTER_S, _VOICE_DRIFT)
        apart[own] = way[of_note]
    return apart


def _expect(likelihood: FloatND, offsets: FloatND, scale: float) -> FloatND:
    """Gives the mean offset ``[n]`` under log-likelihoods ``[n, G]`` and a Gaussian about 0.

    The mean and not the likeliest: what the evidence does not show stays where it is.
    """
    log = likelihood - offsets**2 / (2 * scale**2)
    share = np.exp(log - log.max(axis=1, keepdims=True))
    return share @ offsets / share.sum(axis=1)


def _temper(rises: FloatND) -> FloatND:
    return _LOUDEST_RISE * np.log1p(rises / _LOUDEST_RISE)


def find_speaking_offsets(
    onsets: Onsets, times: FloatND, evidence: OnsetEvidence, apart: FloatND | float = 0.0
) -> FloatND:
    """Finds the seconds ``[K]`` from the middle of the attacks at ``times`` to their foot.

    One for each program with at least 8 notes, found in the mean curvature over all of them, since
    a single foot drowns in what else sounds; a chord gets the mean of its notes', which may be
    ``apart`` from it, seconds ``[n]``.
    """
    notes, at = onsets.notes, times[onsets.of_note] + apart
    curves = np.stack([evidence.curvatures(at + s, notes.pitch) for s in _SPEAKING], axis=1)
    offset = np.full(len(notes), _SPEAKING[curves.mean(axis=0).argmax()])
    for program in np.unique(notes.program):
        own = notes.program == program
        if own.sum() >= _FEWEST_NOTES:
            offset[own] = _SPEAKING[curves[own].mean(axis=0).argmax()]
    offset += _FOOT_S * np.isin(notes.program, _STRUCK)
    return np.bincount(onsets.of_note, offset) / np.bincount(onsets.of_note)
