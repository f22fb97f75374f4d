"""Aligns a score to a recording, and says how far to trust it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from data_pipelines.alignment.confidence import Agreement, measure_agreement
from data_pipelines.alignment.evidence import find_onset_evidence
from data_pipelines.alignment.features import (
    FEATURE_RATE,
    HIGHEST,
    LOWEST,
    SAMPLE_RATE,
    Features,
    analyse_recording,
    analyse_score,
    find_score_chroma,
)
from data_pipelines.alignment.refine import Onsets, group_onsets, refine
from data_pipelines.alignment.structure import (
    Run,
    cover_enough,
    describe_runs,
    find_outside,
    find_runs,
    is_plain,
    settle_jumps,
    unfold,
)
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
"""Silence put before and after both, to go with what only one of them has before and after."""
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
      time_map: from the seconds of the score as it is played to the recording's.
      agreement: how well they match, and where.
      score: frames of the score, from `SILENCE_S` before its first note.
      lead: seconds of them before the score's second 0; negative if it begins with a longer rest.
      recording: frames of the recording.
      seconds: length of the recording.
      played: the score as it is played, in its own seconds, note by note that of ``notes``.
      form: where score and recording differ in form, a line each.
    """

    notes: Notes
    time_map: TimeMap
    agreement: Agreement
    score: Features
    lead: float
    recording: Features
    seconds: float
    played: Notes
    form: tuple[str, ...] = ()

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
                "is something in one of them that is not in the other, such as a repeat? "
                "--structure auto finds jumps"
            )
        if weak > LARGEST_WEAK_SHARE:
            return (
                f"{weak:.0%} of it is weak; is something in one of them that is not in the other? "
                "--structure auto finds jumps"
            )
        return None


def align(score: Notes, audio: FloatND, jumps: bool = False) -> Alignment:
    """Aligns ``score`` to a recording of it.

    Program, velocity and drums of the notes stay as they are; only times change: by one map for
    all, from which programs come apart and notes of a chord spread as far as they are heard to.
    What of the score is not played at the beginning and at the end is left out, and what of the
    recording is of something else is passed over.

    Args:
      score: in its own seconds.
      audio: mono float ``[S]`` at `features.SAMPLE_RATE`.
      jumps: whether repeats, cuts and skips may be anywhere; the score is written out as it is
        played then. Without, both must have the same form.

    Raises:
      UserError: silent, too short, fewer than 4 onsets, or lengths more than a factor 4 apart.
    """
    onsets = group_onsets(score)
    _check(onsets, score.end_time, audio)
    seconds = len(audio) / SAMPLE_RATE
    padded = analyse_recording(np.pad(audio, round(SILENCE_S * SAMPLE_RATE)))
    recording = padded.cropped(round(SILENCE_S * FEATURE_RATE), round(seconds * FEATURE_RATE))
    span = float(onsets.times[0]), score.end_time
    runs = _find_structure(onsets, span, recording, jumps)
    if not is_plain(runs, span):
        score = unfold(score, runs)
        onsets = group_onsets(score)
        _check(onsets, score.end_time, audio)
    at = np.arange(padded.chroma.shape[1]) / FEATURE_RATE - SILENCE_S
    padded = padded.silenced(find_outside(runs, at))
    # Rests before the first note are no part of the recording, or not as long.
    lead = SILENCE_S - float(onsets.times[0])
    pitched = onsets.notes.shifted(lead)
    frames = analyse_score(pitched, pitched.end_time + SILENCE_S)
    path = find_path(frames, padded)
    path_map = map_onsets(onsets.times, path, lead).shifted(-SILENCE_S)
    time_map, spread = refine(onsets, path_map, find_onset_evidence(audio))
    agreement = measure_agreement(frames.chroma, recording.chroma, time_map, lead)
    apart = np.zeros(len(score))
    apart[onsets.place] = spread
    aligned = time_map.warp(score, seconds, apart)
    form = tuple(describe_runs(runs, span, seconds))
    return Alignment(aligned, time_map, agreement, frames, lead, recording, seconds, score, form)


def _find_structure(
    onsets: Onsets, span: tuple[float, float], recording: Features, jumps: bool
) -> list[Run]:
    """Finds the runs of the score, in its own seconds."""
    first = span[0]
    chroma = find_score_chroma(onsets.notes.shifted(-first), span[1] - first)
    runs = find_runs(chroma, recording.chroma, jumps)
    # Where little agrees this is no matter of form, and the whole shows how little.
    seconds = recording.chroma.shape[1] / FEATURE_RATE
    if not cover_enough(runs, (0.0, span[1] - first), seconds):
        return []
    runs = settle_jumps(runs, onsets.times - first, chroma, recording.chroma)
    return [
        Run((run.score[0] + first, min(run.score[1] + first, span[1])), run.recording)
        for run in runs
    ]


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
