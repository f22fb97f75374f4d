"""Counts the notes to be played that were heard; matching is mir_eval's.

``note``               same pitch, onset within 50 ms
``note + offset``      and the offset within 50 ms or a fifth of the note's length
``note + instrument``  like ``note``, and the same General MIDI program
``frame``              pitches sounding every 20 ms, whatever plays them
``drum onset``         same percussion key, onset within 50 ms; all others leave drums out

Definitions: Raffel et al., "mir_eval: a transparent implementation of common MIR metrics", ISMIR
2014, with MIREX's tolerances; instruments and drums as Gardner et al., "MT3", ICLR 2022, section
3.3.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mt3synth.symbolic.notes import Notes

# MIREX's tolerances, as in all published figures: with others nothing could be compared.
ONSET_TOLERANCE_S = 0.05
PITCH_TOLERANCE_CENTS = 50.0
FRAME_S = 0.02  # as the mel frames of the model

_OFFSET_RATIO = 0.2  # of a note's length, for ends fade where onsets are sharp
_QUARTER_TONE = 0.5  # of a semitone: pitches are whole ones
_SHORTEST_S = 1e-3  # mir_eval refuses notes without a length


@dataclass(frozen=True)
class NoteCounts:
    """Counts matches between the notes that were to be played and a transcription.

        NoteCounts(matched=2, reference=4, estimated=5).f1  # 4/9

    Attributes:
      matched: notes of the reference that were found, each with a note of its own.
      reference: notes that were to be played.
      estimated: notes of the transcription.
    """

    matched: int
    reference: int
    estimated: int

    @property
    def precision(self) -> float:
        """Returns the share of the transcription that is right; not a number if it is empty."""
        return self.matched / self.estimated if self.estimated else float("nan")

    @property
    def recall(self) -> float:
        """Returns the share of the reference that was found; not a number if it is empty."""
        return self.matched / self.reference if self.reference else float("nan")

    @property
    def f1(self) -> float:
        """Returns the harmonic mean of precision and recall; not a number without any notes."""
        total = self.reference + self.estimated
        return 2 * self.matched / total if total else float("nan")

    def figures(self) -> dict[str, Any]:
        """Lists the counts and what follows from them, for JSON."""
        shares = {name: getattr(self, name) for name in ("f1", "precision", "recall")}
        return {**shares, **vars(self)}


def pooled(counts: Iterable[NoteCounts]) -> NoteCounts:
    """Adds up counts, so that each recording weighs as much as it has notes."""
    rows = [(c.matched, c.reference, c.estimated) for c in counts] or [(0, 0, 0)]
    return NoteCounts(*map(sum, zip(*rows)))


def match_count(
    reference: Notes,
    estimated: Notes,
    onset_tolerance: float = ONSET_TOLERANCE_S,
    offset_ratio: float | None = None,
) -> NoteCounts:
    """Counts what mir_eval's ``match_notes`` matches of notes as they are, drums too.

    Args:
      reference: the notes that were to be played, or some of them.
      estimated: the transcription, or some of its notes.
      onset_tolerance: seconds.
      offset_ratio: an offset may be off by this share of the note's length, or by 50 ms; None does
        not look at offsets.
    """
    import mir_eval

    pairs = []
    if len(reference) and len(estimated):
        pairs = mir_eval.transcription.match_notes(
            *_intervals_and_hertz(reference),
            *_intervals_and_hertz(estimated),
            onset_tolerance=onset_tolerance,
            pitch_tolerance=PITCH_TOLERANCE_CENTS,
            offset_ratio=offset_ratio,
        )
    return NoteCounts(len(pairs), len(reference), len(estimated))


def count_notes(
    reference: Notes, estimated: Notes, onset_tolerance: float = ONSET_TOLERANCE_S
) -> NoteCounts:
    """Counts notes of the same onset and pitch; drums of either side are left out.

    Args:
      reference: the notes that were to be played.
      estimated: the transcription.
      onset_tolerance: seconds.
    """
    return match_count(_pitched(reference), _pitched(estimated), onset_tolerance)


def count_notes_with_offsets(reference: Notes, estimated: Notes) -> NoteCounts:
    """Counts notes of the same onset, pitch and offset; drums have no offset and are left out."""
    return match_count(_pitched(reference), _pitched(estimated), offset_ratio=_OFFSET_RATIO)


def count_notes_with_instruments(reference: Notes, estimated: Notes) -> NoteCounts:
    """Counts notes of the same onset, pitch and program, drums left out."""
    # Each program's notes are matched among themselves: mir_eval knows no instruments.
    reference, estimated = _pitched(reference), _pitched(estimated)
    programs = np.unique(np.concatenate([reference.program, estimated.program]))
    ours, theirs = (
        [notes.select(notes.program == program) for program in programs]
        for notes in (reference, estimated)
    )
    return pooled(map(match_count, ours, theirs))


def count_drums(reference: Notes, estimated: Notes) -> NoteCounts:
    """Counts drum notes of the same onset and percussion key."""
    return match_count(reference.select(reference.is_drum), estimated.select(estimated.is_drum))


def count_frames(reference: Notes, estimated: Notes) -> NoteCounts:
    """Counts pitches that sound, every `FRAME_S` seconds, drums left out.

    ``reference`` of the result counts those of all frames together. A pitch that several
    instruments play counts once.
    """
    from mir_eval.multipitch import compute_num_freqs, compute_num_true_positives

    frames = int(np.ceil(max(reference.end_time, estimated.end_time) / FRAME_S))
    ours, theirs = (_sounding(_pitched(notes), frames) for notes in (reference, estimated))
    matched = compute_num_true_positives(ours, theirs, window=_QUARTER_TONE)
    return NoteCounts(
        matched=int(matched.sum()),
        reference=int(compute_num_freqs(ours).sum()),
        estimated=int(compute_num_freqs(theirs).sum()),
    )


COUNTERS: dict[str, Callable[[Notes, Notes], NoteCounts]] = {
    "note": count_notes,
    "note + offset": count_notes_with_offsets,
    "note + instrument": count_notes_with_instruments,
    "frame": count_frames,
    "drum onset": count_drums,
}


def count_all(reference: Notes, estimated: Notes) -> dict[str, NoteCounts]:
    """Counts in every way, by name."""
    return {name: count(reference, estimated) for name, count in COUNTERS.items()}


@dataclass(frozen=True)
class Heard:
    """Tells what a transcriber can tell apart, as far as its transcriptions show.

    Attributes:
      programs: General MIDI programs in the references, and in the transcriptions.
      drums: whether there were drums in the references, and in the transcriptions.
    """

    programs: tuple[set[int], ...]
    drums: tuple[bool, ...]

    @staticmethod
    def of(reference: Notes, estimated: Notes) -> Heard:
        """Looks at one recording."""
        both = (reference, estimated)
        programs = tuple(set(_pitched(notes).program.tolist()) for notes in both)
        return Heard(programs, tuple(bool(notes.is_drum.any()) for notes in both))

    @staticmethod
    def pooled(several: Sequence[Heard]) -> Heard:
        """Takes several recordings together."""
        programs = tuple(set().union(*sets) for sets in zip(*(h.programs for h in several)))
        return Heard(programs, tuple(map(any, zip(*(h.drums for h in several)))))

    @property
    def void(self) -> dict[str, str]:
        """Names the ways of counting that would say nothing, and why."""
        reasons = {}
        written, heard = self.programs
        if heard <= {0} and not written <= {0}:
            reasons["note + instrument"] = "the transcriber names no instruments"
        if not self.drums[0]:
            reasons["drum onset"] = "the scores have no drums"
        elif not self.drums[1]:
            reasons["drum onset"] = "the transcriber hears no drums"
        return reasons


def _pitched(notes: Notes) -> Notes:
    return notes.select(~notes.is_drum)


def _intervals_and_hertz(notes: Notes) -> tuple[np.ndarray, np.ndarray]:
    import mir_eval

    intervals = np.stack([notes.start, np.maximum(notes.end, notes.start + _SHORTEST_S)], axis=1)
    return intervals, mir_eval.util.midi_to_hz(notes.pitch.astype(float))


def _sounding(notes: Notes, frames: int) -> list[np.ndarray]:
    """Lists the MIDI keys that sound in the middle of each frame."""
    roll = np.zeros((frames, 128), bool)
    for start, end, pitch in zip(notes.start, notes.end, notes.pitch):
        # Frame i is that whose middle, (i + 0.5) * FRAME_S, lies in the note.
        first, last = (int(np.ceil(t / FRAME_S - 0.5)) for t in (start, end))
        roll[max(first, 0) : last, pitch] = True
    return [np.flatnonzero(row).astype(float) for row in roll]
