"""Aligns a score to a recording, and says how far to trust it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data_pipelines.alignment.confidence import Agreement, measure_agreement
from data_pipelines.alignment.evidence import find_onset_evidence
from data_pipelines.alignment.features import (
    HIGHEST,
    LOWEST,
    SAMPLE_RATE,
    Features,
    analyse_recording,
    analyse_score,
)
from data_pipelines.alignment.refine import Onsets, group_onsets, refine
from data_pipelines.alignment.warping import TimeMap, find_path, map_onsets
from data_pipelines.recordings import find_silence
from mt3synth.errors import UserError
from mt3synth.symbolic.notes import Notes
from mt3synth.types import FloatND

THRESHOLD = 0.4
"""Confidence below which a pair is refused; docs/alignment.md has the measurement behind it."""
LARGEST_TEMPO_RATIO = 4.0
"""Between the mean tempo and that of the fastest or slowest twentieth of a score. Beyond it a part
of the score is not in the recording, or the other way round, and the path had to squeeze it in."""
SUSPICIOUS_TEMPO_RATIO, SUSPICIOUS_WEAK_SHARE = 2.5, 0.15
"""The two together say the same: a part that is hurried through does not agree either."""
LARGEST_WEAK_SHARE = 0.5
"""Of a score, below the threshold of confidence over the 10 s around."""
SILENCE_S = 1.0
"""Silence put before and after the score, to go with what a recording has before and after it."""
_SHORTEST_S = 3.0
_FEWEST_ONSETS = 4
_LARGEST_RATIO = 4.0


@dataclass(frozen=True, eq=False)
class Alignment:
    """Holds a score aligned to a recording.

        alignment = align(notes, read_audio("take.wav", SAMPLE_RATE))
        if alignment.confidence > THRESHOLD:
            write_midi(alignment.notes, "aligned.mid")

    Attributes:
      notes: the score's notes at the recording's times.
      time_map: from the score's seconds to the recording's.
      agreement: how well they match, and where.
      score: frames of the score, from `SILENCE_S` before its beginning.
      recording: frames of the recording.
      seconds: length of the recording.
    """

    notes: Notes
    time_map: TimeMap
    agreement: Agreement
    score: Features
    recording: Features
    seconds: float

    @property
    def confidence(self) -> float:
        """Tells how far the whole score agrees with the recording, -1..1; 0 by chance."""
        return self.agreement.confidence

    @property
    def stretch(self) -> tuple[float, float]:
        """Gives the 5th and 95th percentile, over 2 s, of recorded seconds for one of score."""
        first, last = self.time_map.score[0], self.time_map.score[-1]
        at = np.arange(first, max(last - 2.0, first) + 0.5, 0.5)
        spans = (self.time_map(at + 2.0) - self.time_map(at)) / 2.0
        low, high = np.percentile(spans, [5, 95])
        return float(low), float(high)

    @property
    def mean_stretch(self) -> float:
        """Gives recorded seconds for one of score, from the first onset to the last."""
        ends = [times[[0, -1]] for times in (self.time_map.recording, self.time_map.score)]
        recording, score = (last - first for first, last in ends)
        return float(recording / score)

    def weak(self, threshold: float = THRESHOLD) -> float:
        """Tells which share of the score agrees less than ``threshold`` over 10 s, 0..1."""
        return float((self.agreement.local < threshold).mean())

    def find_problem(self, threshold: float = THRESHOLD) -> str | None:
        """Says in one line why this is no alignment to train on; None if it may be one.

        docs/alignment.md has the measurement behind the limits.
        """
        if self.confidence < threshold:
            return (
                f"confidence {self.confidence:.2f} is below {threshold:g}; "
                "are they the same piece, with the same repeats?"
            )
        slowest, fastest = (self.mean_stretch / stretch for stretch in reversed(self.stretch))
        weak, ratio = self.weak(threshold), max(fastest, 1 / slowest)
        suspicious = ratio > SUSPICIOUS_TEMPO_RATIO and weak > SUSPICIOUS_WEAK_SHARE
        if suspicious or ratio > LARGEST_TEMPO_RATIO:
            also = f" and {weak:.0%} of it weak" if weak else ""
            return (
                f"tempo {slowest:.0%} to {fastest:.0%} of its mean{also}, which nobody plays; "
                "is something in one of them that is not in the other, such as a repeat?"
            )
        if weak > LARGEST_WEAK_SHARE:
            return (
                f"{weak:.0%} of it is weak; is something in one of them that is not in the other?"
            )
        return None


def align(score: Notes, audio: FloatND) -> Alignment:
    """Aligns ``score`` to a recording of it.

    Program, velocity and drums of the notes stay as they are; only times change, by one map for
    all: notes that begin together still do. Both must have the same form (repeats, cuts).

    Args:
      score: in its own seconds.
      audio: mono float ``[S]`` at `features.SAMPLE_RATE`.

    Raises:
      UserError: silent, too short, fewer than 4 onsets, or lengths more than a factor 4 apart.
    """
    onsets = group_onsets(score)
    _check(onsets, score.end_time, audio)
    seconds = len(audio) / SAMPLE_RATE
    frames = analyse_score(score.shifted(SILENCE_S), score.end_time + 2 * SILENCE_S)
    recording = analyse_recording(audio)
    path = find_path(frames, recording)
    path_map = map_onsets(onsets.times, path, SILENCE_S)
    time_map = refine(onsets, path_map, find_onset_evidence(audio))
    agreement = measure_agreement(frames.chroma, recording.chroma, time_map, SILENCE_S)
    aligned = time_map.warp(score, seconds)
    return Alignment(aligned, time_map, agreement, frames, recording, seconds)


def _check(onsets: Onsets, score_seconds: float, audio: FloatND) -> None:
    seconds = len(audio) / SAMPLE_RATE
    if silence := find_silence(audio):
        raise UserError(f"the recording is {silence}")
    if seconds < _SHORTEST_S:
        raise UserError(f"the recording has {seconds:.1f} s; must have at least {_SHORTEST_S:g} s")
    pitch = onsets.notes.pitch
    known = (pitch >= LOWEST) & (pitch <= HIGHEST)
    count = len(np.unique(onsets.of_note[known]))
    if count < _FEWEST_ONSETS:
        raise UserError(
            f"the score has {count} onsets of keys {LOWEST}..{HIGHEST}, drums apart; "
            f"must have at least {_FEWEST_ONSETS}"
        )
    # Beyond it tempo no longer explains the difference: another piece, or other repeats.
    ratio = seconds / score_seconds
    if not 1 / _LARGEST_RATIO <= ratio <= _LARGEST_RATIO:
        raise UserError(
            f"the recording has {seconds:.0f} s, the score {score_seconds:.0f} s; "
            f"must be within a factor {_LARGEST_RATIO:g}"
        )
