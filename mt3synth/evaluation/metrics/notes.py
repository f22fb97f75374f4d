"""Counts the notes to be played that a transcriber finds again; matching is mir_eval's.

``note``               same pitch, onset within 50 ms
``note + offset``      and the offset within 50 ms or a fifth of the note's length
``note + instrument``  like ``note``, and the same General MIDI program
``frame``              pitches sounding every 20 ms, whatever plays them
``drum onset``         same percussion key, onset within 50 ms; all others leave drums out

Definitions: Raffel et al., "mir_eval: a transparent implementation of common MIR metrics", ISMIR
2014, with MIREX's tolerances; instruments and drums as Gardner et al., "MT3", ICLR 2022, section
3.3. Counts are added up over recordings before F1 is taken. A transcriber errs on real audio, too:
what matters is the ratio to the vocoded real recording of the same notes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from mt3synth.errors import UserError
from mt3synth.evaluation.evaluation_set import KINDS, LABELS
from mt3synth.evaluation.metrics.bootstrap import bootstrap_interval
from mt3synth.evaluation.metrics.metric import (
    Evaluators,
    Figures,
    HeardPiece,
    Measured,
    Measurements,
    Metric,
    ScoreRow,
    rows_of_pieces,
)
from mt3synth.reporting.tables import Table, number, with_interval
from mt3synth.symbolic.notes import Notes

NAME = "notes"
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

    def figures(self) -> Figures:
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


@dataclass(frozen=True, eq=False)
class Transcribed:
    """Holds what came of a transcription: counts by name, and what it could tell apart."""

    counts: dict[str, NoteCounts]
    heard: Heard


def measure(piece: HeardPiece, kind: str, evaluators: Evaluators) -> Transcribed | None:
    """Transcribes a piece whose notes are known.

    Raises:
      UserError: the transcriber failed.
    """
    if piece.notes is None or evaluators.transcriber is None:
        return None
    try:
        estimated = evaluators.transcriber(piece.audio[kind], evaluators.mel.sample_rate)
    except UserError:
        raise
    except Exception as error:  # one of the user's may fail in any way, on some audio only
        raise UserError(f"the transcriber failed: {error!r}") from error
    return Transcribed(count_all(piece.notes, estimated), Heard.of(piece.notes, estimated))


def aggregate(found: Measurements, evaluators: Evaluators) -> Figures:
    """Takes F1 in every way and kind over all pieces, and of notes by performance, too."""
    pieces = [p for p in found.pieces if p.values.get(NAME)]
    if not pieces:
        return {}
    heard = Heard.pooled([value.heard for p in pieces for value in p.values[NAME].values()])
    by_performance: dict[str, list[Measured]] = {}
    for piece in pieces:
        by_performance.setdefault(piece.performance, []).append(piece)
    return {
        "pieces": len(pieces),
        "left_out": heard.void,
        "scores": {
            counter: _figures(pieces, counter, evaluators.seed)
            for counter in COUNTERS
            if counter not in heard.void
        },
        "by_performance": {
            name: {"pieces": len(own), **_figures(own, "note", evaluators.seed)}
            for name, own in sorted(by_performance.items())
        },
    }


def tables(figures: Figures, report: Figures) -> list[Table]:
    """Shows every F1, and the F1 of notes of each performance."""
    note = f"Heard by {report['transcriber']} in {figures['pieces']} pieces, counts pooled."
    for counter, reason in figures["left_out"].items():
        note += f" No {counter}: {reason}."
    labels = tuple(LABELS[kind] for kind in KINDS)
    rows = tuple((name, *_cells(part)) for name, part in figures["scores"].items())
    columns = ("F1", *labels, "generated / vocoded")
    made = [Table("Notes found again", columns, rows, note)]
    if len(figures["by_performance"]) > 1:
        rows = tuple(
            (name, *_cells(part), *_shares(part), f"{part['pieces']}")
            for name, part in figures["by_performance"].items()
        )
        columns = ("note F1", *labels, "generated / vocoded", "precision", "recall", "found")
        note = "Precision, recall and notes found are those of what was generated."
        made.append(Table("Notes found again by performance", (*columns, "pieces"), rows, note))
    return made


def score_rows(figures: Figures) -> Iterable[ScoreRow]:
    """Gives every F1."""
    for counter, part in figures["scores"].items():
        for kind in KINDS:
            if kind in part:
                yield f"{counter} f1", kind, part[kind]["f1"], *part[kind]["interval"]


def _numbers(value: Transcribed, figures: Figures) -> dict[str, float]:
    """Gives counts, precision, recall and F1 of a piece, in each way that says anything."""
    return {
        f"{counter}: {key}": figure
        for counter in figures["scores"]
        for key, figure in value.counts[counter].figures().items()
    }


def _figures(pieces: Sequence[Measured], counter: str, seed: int) -> Figures:
    """Sums up each kind, and takes the ratio to the vocoded real audio, over the same pieces."""

    def f1(kind: str) -> Callable[[Sequence[Measured]], float]:
        return lambda chosen: _pooled(chosen, kind, counter).f1

    figures: Figures = {}
    for kind in KINDS:
        having = [p for p in pieces if kind in p.values[NAME]]
        if having:
            figures[kind] = {
                **_pooled(having, kind, counter).figures(),
                "pieces": len(having),
                "interval": bootstrap_interval(having, f1(kind), seed),
            }
    # Over the same pieces, or a ratio would compare easy ones with hard ones.
    both = [p for p in pieces if {"generated", "vocoded"} <= set(p.values[NAME])]
    if both:

        def ratio(chosen: Sequence[Measured]) -> float:
            best = f1("vocoded")(chosen)
            return f1("generated")(chosen) / best if best else float("nan")

        figures["generated_over_vocoded"] = {
            "ratio": ratio(both),
            "pieces": len(both),
            "interval": bootstrap_interval(both, ratio, seed),
        }
    return figures


def _pooled(pieces: Sequence[Measured], kind: str, counter: str) -> NoteCounts:
    return pooled(p.values[NAME][kind].counts[counter] for p in pieces)


def _cells(part: Figures) -> tuple[str, ...]:
    """Formats F1 of every kind and their ratio for a table."""
    f1 = (with_interval(part[k]["f1"], part[k]["interval"]) if k in part else "–" for k in KINDS)
    ratio = part.get("generated_over_vocoded")
    return *f1, "–" if ratio is None else with_interval(ratio["ratio"], ratio["interval"])


def _shares(part: Figures) -> tuple[str, ...]:
    """Formats precision, recall and count of what was generated for a table."""
    if "generated" not in part:
        return "–", "–", "–"
    of = part["generated"]
    found = f"{of['matched']} of {of['reference']}"
    return number(of["precision"]), number(of["recall"]), found


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


NOTES = Metric(
    NAME, aggregate, tables, score_rows, measure, piece_rows=rows_of_pieces(NAME, _numbers)
)
