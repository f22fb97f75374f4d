"""Notes to event tokens, segment by segment.

The note-event form of MT3 with ties (Gardner et al. 2021, arXiv 2111.03017; Hawthorne et al. 2022,
arXiv 2206.05408, section 3.1). A segment holds the notes that sound at its start, as program and
pitch, then ``tie``, then events: a ``shift`` to an absolute step where time moves, and a
``program`` and ``velocity`` where they differ from those in force, before each ``pitch`` or
``drum``. Decoding is in ``detokenizer``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mt3synth.symbolic.codec import EOS, MAX_SHIFT, PAD, EventCodec
from mt3synth.symbolic.grid import STEPS_PER_SECOND, frames_to_step, to_steps
from mt3synth.symbolic.notes import Notes


class SegmentTokens(NamedTuple):
    """The tokens of one segment and when each happens.

    Attributes:
      tokens: ids, int32 ``[N]``, EOS last (before any padding).
      times: frames from the segment's start, float32 ``[N]``: 0 for the tie section, the event's
        time for the tokens that describe it, the segment's length for EOS, 0 for padding.
    """

    tokens: np.ndarray
    times: np.ndarray


class SongTokens:
    """A song's events in order, from which the tokens of any segment can be read at little cost.

        SongTokens(notes, EventCodec(127), frame_rate=50).segment(start_frame=0, frames=256)

    At one and the same time offsets come before onsets, each by (is_drum, program, pitch). Events
    that only share a grid step keep the order of their exact times. Drums have no offsets. A note
    whose end equals its start is held for one step, or its offset would precede it.
    """

    def __init__(self, notes: Notes, codec: EventCodec, frame_rate: float) -> None:
        _check_rate(frame_rate)
        self.codec, self.frame_rate = codec, frame_rate
        # Sorted by all but time, for the sort by time that follows keeps this order.
        notes = notes.select(np.lexsort((notes.pitch, notes.program, notes.is_drum)))
        pitched = notes.select(~notes.is_drum)
        end = np.where(
            pitched.end > pitched.start, pitched.end, pitched.start + 1 / STEPS_PER_SECOND
        )
        time = np.concatenate([end, notes.start])
        # By exact times and not by steps: what one step holds keeps its order.
        order = np.argsort(time, kind="stable")

        def column(offsets: np.ndarray, onsets: np.ndarray) -> np.ndarray:
            return np.concatenate([offsets, onsets])[order]

        self._step = to_steps(time[order])
        self._program = column(pitched.program, notes.program)
        self._pitch = column(pitched.pitch, notes.pitch)
        self._drum = column(np.zeros(len(pitched), bool), notes.is_drum)
        silence = np.zeros(len(pitched), np.int64)
        self._velocity = column(silence, codec.velocity_bin(notes.velocity))
        self._until = _next_of_same_key(self._program * 128 + self._pitch, self._drum)

    @property
    def last_step(self) -> int:
        """Grid step of the last event; 0 without events."""
        return int(self._step[-1]) if len(self._step) else 0

    def segment(self, start_frame: int, frames: int) -> SegmentTokens:
        """Reads the tokens of ``frames`` frames from ``start_frame``, as many as it takes.

        Raises:
          ValueError: ``frames`` below 1, or a segment longer than a ``shift`` can reach.
        """
        check_segment(frames, self.frame_rate)
        start = frames_to_step(start_frame, self.frame_rate)
        stop = frames_to_step(start_frame + frames, self.frame_rate)
        # Two look-ups a segment, however long the song is.
        low, high = np.searchsorted(self._step, [start, stop])
        # The last program named by ties is in force when events begin.
        tokens, current_program = self._ties(int(low))
        times = [0.0] * len(tokens)

        # Added up here and not by `EventCodec.token`, whose checks hold here anyway.
        first_id = {name: ids.start for name, ids in self.codec.classes.items()}
        now, current_velocity = 0, -1
        rows = zip(
            (self._step[low:high] - start).tolist(),
            self._program[low:high].tolist(),
            self._pitch[low:high].tolist(),
            self._drum[low:high].tolist(),
            self._velocity[low:high].tolist(),
        )
        for step, program, pitch, is_drum, velocity in rows:
            before = len(tokens)
            if step > now:
                tokens.append(first_id["shift"] + step)
                now = step
            # Drums have no program to name.
            if program != current_program and not is_drum:
                tokens.append(first_id["program"] + program)
                current_program = program
            if velocity != current_velocity:
                tokens.append(first_id["velocity"] + velocity)
                current_velocity = velocity
            tokens.append(first_id["drum" if is_drum else "pitch"] + pitch)
            times += [step * self.frame_rate / STEPS_PER_SECOND] * (len(tokens) - before)
        return SegmentTokens(
            np.array([*tokens, EOS], np.int32), np.array([*times, frames], np.float32)
        )

    def _ties(self, event: int) -> tuple[list[int], int]:
        """Makes the ties ahead of event number ``event``; returns their last program too, or -1."""
        sounding = (self._velocity[:event] > 0) & (self._until[:event] >= event)
        # By program, then pitch, as one number: the order in which ties are written.
        keys = np.unique(self._program[:event][sounding] * 128 + self._pitch[:event][sounding])
        classes = self.codec.classes
        tokens, program = [], -1
        for key in keys.tolist():
            if key // 128 != program:
                program = key // 128
                tokens.append(classes["program"].start + program)
            tokens.append(classes["pitch"].start + key % 128)
        tokens.append(classes["tie"].start)
        return tokens, program


def encode_segment(
    notes: Notes, codec: EventCodec, start_frame: int, frames: int, frame_rate: float
) -> SegmentTokens:
    """Encodes one segment; for many of one song make a ``SongTokens`` once.

    Raises:
      ValueError: as ``SongTokens.segment``.
    """
    return SongTokens(notes, codec, frame_rate).segment(start_frame, frames)


def encode_song(
    notes: Notes, codec: EventCodec, frames: int, frame_rate: float
) -> list[SegmentTokens]:
    """Encodes a song as consecutive segments of ``frames`` frames, at least one.

    Raises:
      ValueError: as ``SongTokens.segment``.
    """
    check_segment(frames, frame_rate)
    song = SongTokens(notes, codec, frame_rate)
    segments: list[SegmentTokens] = []
    start = 0
    # One segment at the least, so that silence has tokens, too.
    while not segments or frames_to_step(start, frame_rate) <= song.last_step:
        segments.append(song.segment(start, frames))
        start += frames
    return segments


def pad_segment(segment: SegmentTokens, length: int) -> SegmentTokens:
    """Fills a segment up to ``length`` with PAD tokens at time 0.

    Raises:
      ValueError: the segment has more than ``length`` tokens.
    """
    count = len(segment.tokens)
    if count > length:
        raise ValueError(f"a segment has {count} tokens; at most {length} fit")
    tokens, times = np.full(length, PAD, np.int32), np.zeros(length, np.float32)
    tokens[:count], times[:count] = segment.tokens, segment.times
    return SegmentTokens(tokens, times)


def truncate_segment(segment: SegmentTokens, length: int) -> tuple[SegmentTokens, int]:
    """Keeps at most ``length`` tokens, EOS still last, and counts those that had to go.

    Raises:
      ValueError: ``length`` below 1.
    """
    if length < 1:
        raise ValueError(f"length={length} tokens; must be at least 1, for EOS")
    dropped = max(0, len(segment.tokens) - length)
    if not dropped:
        return segment, 0
    # The end is kept whatever goes: a decoder waits for it.
    keep = np.r_[: length - 1, len(segment.tokens) - 1]
    return SegmentTokens(segment.tokens[keep], segment.times[keep]), dropped


def check_segment(frames: int, frame_rate: float) -> None:
    """Refuses a segment whose steps a ``shift`` cannot name.

    Raises:
      ValueError: ``frames`` below 1 or longer than the furthest shift, or a rate not positive.
    """
    _check_rate(frame_rate)
    if frames < 1:
        raise ValueError(f"frames={frames}; must be at least 1")
    seconds, limit = frames / frame_rate, MAX_SHIFT / STEPS_PER_SECOND
    if seconds > limit:
        raise ValueError(f"a segment of {seconds:g} s; shift tokens reach {limit:g} s")


def _check_rate(frame_rate: float) -> None:
    if not 0 < frame_rate < float("inf"):
        raise ValueError(f"frame_rate={frame_rate}; must be positive and finite")


def _next_of_same_key(key: np.ndarray, is_drum: np.ndarray) -> np.ndarray:
    """Finds the next event with each event's key; past the end if none, -1 for drums.

    So an onset still sounds ahead of event i if it is before i and its key's next event is not.
    Drums never sound on.
    """
    key = np.where(is_drum, -1, key)
    order = np.argsort(key, kind="stable")
    until = np.full(len(key), len(key), np.int64)
    same = key[order[1:]] == key[order[:-1]]
    until[order[:-1][same]] = order[1:][same]
    until[is_drum] = -1
    return until
