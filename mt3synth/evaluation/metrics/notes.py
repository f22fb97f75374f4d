"""What a transcriber hears of a score, counted in five ways; all matching is mir_eval's.

``note``             same pitch, onset within 50 ms (`transcription.count_notes`)
``note + offset``    and the offset within 50 ms or a fifth of the note's length
``note + instrument``  like ``note``, and the same General MIDI program
``frame``            pitches sounding every 20 ms, whatever plays them
``drum onset``       same percussion key, onset within 50 ms; all others leave drums out

Definitions: Raffel et al., "mir_eval: a transparent implementation of common MIR metrics", ISMIR
2014, with MIREX's tolerances; instruments and drums as Gardner et al., "MT3", ICLR 2022, section
3.3. Counts are added up over recordings before F1 is taken.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

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


SCORES = ("note", "note + offset", "note + instrument", "frame", "drum onset")
FRAME_S = 0.02

_OFFSET_RATIO = 0.2
_QUARTER_TONE = 0.5  # of a semitone: pitches are whole ones


def count_all(reference: Notes, estimated: Notes) -> dict[str, NoteCounts]:
    """The counts of every score of `SCORES`, by name."""
    return {
        "note": count_notes(reference, estimated),
        "note + offset": count_notes_with_offsets(reference, estimated),
        "note + instrument": count_notes_with_instruments(reference, estimated),
        "frame": count_frames(reference, estimated),
        "drum onset": count_drums(reference, estimated),
    }


def count_notes_with_offsets(reference: Notes, estimated: Notes) -> NoteCounts:
    """Onset, pitch and offset; drums have no offset and are left out."""
    return match_count(_pitched(reference), _pitched(estimated), offset_ratio=_OFFSET_RATIO)


def count_notes_with_instruments(reference: Notes, estimated: Notes) -> NoteCounts:
    """Onset, pitch and program: each program's notes are matched among themselves."""
    reference, estimated = _pitched(reference), _pitched(estimated)
    programs = np.unique(np.concatenate([reference.program, estimated.program]))

    def played_by(notes: Notes, program: int) -> Notes:
        return notes.select(notes.program == program)

    return pooled(
        match_count(played_by(reference, program), played_by(estimated, program))
        for program in programs.tolist()
    )


def count_drums(reference: Notes, estimated: Notes) -> NoteCounts:
    """Onset and percussion key of the drums."""
    return match_count(reference.select(reference.is_drum), estimated.select(estimated.is_drum))


def count_frames(reference: Notes, estimated: Notes) -> NoteCounts:
    """Sounding pitches every `FRAME_S` seconds, drums left out: ``reference`` counts those of all
    frames together. A pitch that several instruments play counts once.
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


@dataclass
class Heard:
    """What a transcriber can tell apart, as far as its transcriptions show.

    Attributes:
      programs: General MIDI programs in the scores, and in the transcriptions.
      drums: whether there were drums in the scores, and in the transcriptions.
    """

    programs: tuple[set[int], set[int]] = field(default_factory=lambda: (set(), set()))
    drums: tuple[bool, bool] = (False, False)

    def add(self, reference: Notes, estimated: Notes) -> None:
        """Takes one more recording into account."""
        for seen, notes in zip(self.programs, (reference, estimated)):
            seen.update(_pitched(notes).program.tolist())
        now = (bool(reference.is_drum.any()), bool(estimated.is_drum.any()))
        self.drums = (self.drums[0] or now[0], self.drums[1] or now[1])

    @property
    def void(self) -> dict[str, str]:
        """Scores that would say nothing, and why."""
        reasons = {}
        written, heard = self.programs
        if heard <= {0} and not written <= {0}:
            reasons["note + instrument"] = "the transcriber names no instruments"
        if not self.drums[0]:
            reasons["drum onset"] = "the scores have no drums"
        elif not self.drums[1]:
            reasons["drum onset"] = "the transcriber hears no drums"
        return reasons


def _sounding(notes: Notes, frames: int) -> list[np.ndarray]:
    """MIDI keys that sound in the middle of each frame."""
    roll = np.zeros((frames, 128), bool)
    for start, end, pitch in zip(notes.start, notes.end, notes.pitch):
        first, last = (int(np.ceil(t / FRAME_S - 0.5)) for t in (start, end))
        roll[max(first, 0) : last, pitch] = True
    return [np.flatnonzero(row).astype(float) for row in roll]
