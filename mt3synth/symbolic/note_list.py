"""Notes as a network takes them: one row a note, times in frames from a segment's start.

Unlike a piano roll or event tokens a list has no grid: onsets and offsets are fractions of a frame,
any number of notes may sound at once, on any of 128 keys, drums beside pitched notes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from mt3synth.symbolic.groups import InstrumentGroup, program_table
from mt3synth.symbolic.note_curves import NoteCurves
from mt3synth.symbolic.notes import Notes
from mt3synth.types import Float

COLUMNS = ("onset", "offset", "key", "velocity", "instrument")
"""Onset and offset in frames, key 0..127, velocity in 0..1, index of the instrument group. Drums
are the instrument after the last group; the instrument of a row that holds no note is -1."""

CURVE_COLUMNS = (*COLUMNS, "from", "peak", "to", "semitones", "gain")
"""With curves a note has a row for each of its knots, which share all of the above. A row counts by
its *hat*: not at all up to the frame ``from``, wholly at ``peak``, and not any more at ``to``. If
``from`` is at the peak it counts wholly from the beginning, if ``to`` is, to the end. So the hats
of a note add up to 1 at any time. ``semitones`` from the key and ``gain`` of the amplitude hold at
the peak."""

RING_S = 4.0
"""A note is listed with a segment that begins this long after its end, for it may still ring in
it; what a room adds later than that is below what a microphone's own noise leaves to hear."""

_HAT_MARGIN = 8.0  # frames around a segment in which a hat may still be under its windows

FEWEST_ROWS = 32
"""Lists are filled up to this or to a doubling of it. Every length is one more compilation of the
network, which takes as long as dozens of training steps, while empty rows cost it little."""


def round_up(rows: int) -> int:
    """Returns the length to which a list of so many rows is filled up."""
    doublings = max(0, math.ceil(math.log2(max(rows, 1) / FEWEST_ROWS)))
    return FEWEST_ROWS << doublings


class SongNoteList:
    """The notes of one song, listed for any of its segments.

    Args:
      notes: in seconds.
      groups: instrument groups, which share a sound.
      frame_rate: frames a second.
      drum_seconds: after which a drum counts as released, for drums have no offset.
      curves: whether rows tell how pitch and level go on; else notes' curves are left out.

    Example:
      >>> rows = SongNoteList(notes, DEFAULT_GROUPS, frame_rate=50.0).segment(0, 256)
    """

    def __init__(
        self,
        notes: Notes,
        groups: Sequence[InstrumentGroup],
        frame_rate: float,
        drum_seconds: float = 0.15,
        curves: bool = False,
    ) -> None:
        end = np.where(notes.is_drum, notes.start + drum_seconds, notes.end)
        instrument = np.where(notes.is_drum, len(groups), program_table(groups)[notes.program])
        self._ring = RING_S * frame_rate
        self._rows = np.stack(
            [
                notes.start * frame_rate,
                np.maximum(end, notes.start) * frame_rate,
                notes.pitch,
                notes.velocity / 127,
                instrument,
            ],
            axis=1,
        ).astype(np.float64)
        if curves:
            given = NoteCurves.none(len(notes)) if notes.curves is None else notes.curves
            self._rows = np.concatenate(
                [np.repeat(self._rows, given.count, axis=0), _hats(notes.start, given, frame_rate)],
                axis=1,
            )

    def segment(self, start_frame: int, frames: int) -> Float[np.ndarray, "n C"]:
        """Rows of all notes that may be heard in a segment, float32, in order of onset.

        Args:
          start_frame: from which the segment's frames are counted; times are relative to it.
          frames: of the segment. The last frame's window reaches a frame further, and so do notes.
        """
        onset, offset = (self._rows[:, :2] - start_frame).T
        # From a copy, for the song's rows serve its next segment, too.
        heard = (onset < frames + 1) & (offset > -self._ring)
        times = [0, 1]
        if self._rows.shape[1] > len(COLUMNS):
            times += list(_HAT)
            begin, peak, stop = (self._rows[:, _HAT] - start_frame).T
            # Knots that are over or yet to come count nowhere here.
            heard &= (begin == peak) | (begin < frames + _HAT_MARGIN)
            heard &= (stop == peak) | (stop > -_HAT_MARGIN)
        rows = self._rows[heard]
        rows[:, times] -= start_frame
        # Times relative to the segment before they become float32: in a long song that has no
        # digits left for fractions of a frame.
        return rows[np.argsort(rows[:, 0], kind="stable")].astype(np.float32)


_HAT = [CURVE_COLUMNS.index(name) for name in ("from", "peak", "to")]


def _hats(
    start: Float[np.ndarray, " n"], curves: NoteCurves, frame_rate: float
) -> Float[np.ndarray, "k 5"]:
    """Makes the columns of all knots that are beyond those of notes, in frames of the song."""
    at = frame_rate * (np.repeat(start, curves.count) + curves.seconds)
    last = np.cumsum(curves.count) - 1
    first = last - curves.count + 1
    begin, stop = np.roll(at, 1), np.roll(at, -1)
    begin[first], stop[last] = at[first], at[last]
    return np.stack([begin, at, stop, curves.semitones, curves.gain], axis=1)


def pad_rows(
    lists: Sequence[Float[np.ndarray, "_ C"]], least: int = 0
) -> Float[np.ndarray, "B N C"]:
    """Fills lists up to one length with rows that hold no note.

    N is the longest list's length, or ``least`` if that is more, rounded up by
    `round_up`; no note is lost.
    """
    longest = max([least, *(len(rows) for rows in lists)])
    count = round_up(longest)
    padded = np.zeros((len(lists), count, lists[0].shape[1]), np.float32)
    # Zero would be the first instrument.
    padded[:, :, COLUMNS.index("instrument")] = -1
    for target, rows in zip(padded, lists):
        target[: len(rows)] = rows
    return padded
