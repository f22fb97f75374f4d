"""Note-onset F1: how many of the score's notes a transcriber finds again in the audio.

A note counts as found if the transcription has one of the same pitch (within 50 cents) whose onset
is at most 50 ms away; each note is matched at most once; offsets, velocities and instruments do not
matter. That is mir_eval's ``transcription`` matching with ``offset_ratio=None`` (Raffel et al.,
"mir_eval: a transparent implementation of common MIR metrics", ISMIR 2014; the tolerances are
MIREX's). Drums have no pitch and are left out. Counts are pooled over excerpts before precision,
recall and F1 are taken, so that an excerpt weighs as much as it has notes.

A transcriber makes mistakes on real recordings too: compare F1 only with that of the real rendering
of the same notes, transcribed in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mt3synth.symbolic.notes import Notes

ONSET_TOLERANCE_S = 0.05
PITCH_TOLERANCE_CENTS = 50.0
_SHORTEST_S = 1e-3  # mir_eval refuses notes without a length


@dataclass(frozen=True)
class NoteCounts:
    """Matches between a score and a transcription.

    Attributes:
      matched: notes of the score that were found, each with a note of its own.
      reference: notes of the score.
      estimated: notes of the transcription.
    """

    matched: int
    reference: int
    estimated: int

    @property
    def precision(self) -> float:
        """Share of the transcription that is right; not a number without any transcribed note."""
        return self.matched / self.estimated if self.estimated else float("nan")

    @property
    def recall(self) -> float:
        """Share of the score that was found; not a number without any note in the score."""
        return self.matched / self.reference if self.reference else float("nan")

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; not a number where there are no notes at all."""
        total = self.reference + self.estimated
        return 2 * self.matched / total if total else float("nan")


def count_notes(
    reference: Notes, estimated: Notes, onset_tolerance: float = ONSET_TOLERANCE_S
) -> NoteCounts:
    """Compares a transcription with the score.

    Args:
      reference: the score; its drums are left out.
      estimated: the transcription; its drums are left out.
      onset_tolerance: seconds.
    """
    return match_count(_pitched(reference), _pitched(estimated), onset_tolerance)


def match_count(
    reference: Notes,
    estimated: Notes,
    onset_tolerance: float = ONSET_TOLERANCE_S,
    offset_ratio: float | None = None,
) -> NoteCounts:
    """mir_eval's ``match_notes`` on notes as they are, drums too.

    Args:
      reference: the score, or some of its notes.
      estimated: the transcription, or some of its notes.
      onset_tolerance: seconds.
      offset_ratio: an offset may be off by this share of the note's length, or by 50 ms; None does
        not look at offsets.
    """
    import mir_eval

    matched = 0
    if len(reference) and len(estimated):
        pairs = mir_eval.transcription.match_notes(
            *_intervals_and_hertz(reference),
            *_intervals_and_hertz(estimated),
            onset_tolerance=onset_tolerance,
            pitch_tolerance=PITCH_TOLERANCE_CENTS,
            offset_ratio=offset_ratio,
        )
        matched = len(pairs)
    return NoteCounts(matched, len(reference), len(estimated))


def pooled(counts: Iterable[NoteCounts]) -> NoteCounts:
    """The sum of all counts."""
    counts = list(counts)
    return NoteCounts(
        matched=sum(c.matched for c in counts),
        reference=sum(c.reference for c in counts),
        estimated=sum(c.estimated for c in counts),
    )


def _pitched(notes: Notes) -> Notes:
    return notes.select(~notes.is_drum)


def _intervals_and_hertz(notes: Notes) -> tuple[np.ndarray, np.ndarray]:
    import mir_eval

    intervals = np.stack([notes.start, np.maximum(notes.end, notes.start + _SHORTEST_S)], axis=1)
    return intervals, mir_eval.util.midi_to_hz(notes.pitch.astype(float))
