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

from dataclasses import dataclass, field

import numpy as np

from mt3synth.evaluation.transcription import NoteCounts, count_notes, match_count, pooled
from mt3synth.symbolic.notes import Notes

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


def _pitched(notes: Notes) -> Notes:
    return notes.select(~notes.is_drum)


def _sounding(notes: Notes, frames: int) -> list[np.ndarray]:
    """MIDI keys that sound in the middle of each frame."""
    roll = np.zeros((frames, 128), bool)
    for start, end, pitch in zip(notes.start, notes.end, notes.pitch):
        first, last = (int(np.ceil(t / FRAME_S - 0.5)) for t in (start, end))
        roll[max(first, 0) : last, pitch] = True
    return [np.flatnonzero(row).astype(float) for row in roll]
