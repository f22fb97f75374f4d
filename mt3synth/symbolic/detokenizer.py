"""Event tokens back to notes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mt3synth.symbolic.codec import EOS, EventCodec
from mt3synth.symbolic.grid import STEPS_PER_SECOND, frames_to_step
from mt3synth.symbolic.notes import Notes
from mt3synth.symbolic.tokenizer import check_segment


def decode(
    segments: Sequence[np.ndarray | Sequence[int]],
    codec: EventCodec,
    frames: int,
    frame_rate: float,
) -> tuple[Notes, int]:
    """Decodes consecutive segments to notes, and counts the tokens that meant nothing.

    Any integers can be decoded. A token is passed over, and counted, if it is no event, moves time
    backward or out of its segment, ends or ties a note that does not sound, repeats the tie, or
    starts a note before program and velocity are known. A segment ends at EOS; what follows is
    padding and not counted.

    Starts and ends lie on the 10 ms grid. What tokens cannot say: the end of a drum note (it gets
    one step), notes of no length (they get one step), velocities within one bin, and two notes of
    one program that overlap on one key: the second onset ends the first note, and the first offset
    ends the second.

    Args:
      segments: token ids of each segment, ``frames`` frames long at ``frame_rate`` per second.

    Raises:
      ValueError: ``frames`` below 1, or a segment longer than a ``shift`` can reach.
    """
    check_segment(frames, frame_rate)
    decoder = _Decoder(codec)
    for index, tokens in enumerate(segments):
        start, stop = (frames_to_step((index + i) * frames, frame_rate) for i in (0, 1))
        decoder.read(np.asarray(tokens).tolist(), start, stop)
    return decoder.finish(), decoder.ignored


class _Decoder:
    """Knows what is in force while tokens go by. Times are grid steps from the song's start."""

    def __init__(self, codec: EventCodec) -> None:
        self.codec = codec
        self.ignored = 0
        self.stop = 0
        self.sounding: dict[tuple[int, int], tuple[int, int]] = {}
        """(program, pitch) to (start, velocity)."""
        self.rows: list[tuple[int, int, int, int, int, bool]] = []
        """(start, end, pitch, velocity, program, is_drum)."""

    def read(self, tokens: Sequence[int], start: int, stop: int) -> None:
        """Reads one segment, from step ``start`` to step ``stop``."""
        self.stop = stop
        now = start
        program: int | None = None
        velocity: int | None = None
        # A segment begins by naming what goes on sounding; what is not named ends with its start.
        tied: set[tuple[int, int]] | None = set()  # None once the tie section is over
        for token in tokens:
            if token == EOS:
                break
            name, value = self.codec.event(token) or ("", 0)
            used = True
            if name == "program":
                program = value
            elif name == "velocity":
                velocity = value
            elif name == "tie" and tied is not None:
                self._end_all_but(tied, start)
                tied = None
            # From the segment's start and never backward: a network may say anything.
            elif name == "shift" and now <= start + value < stop:
                now = start + value
            elif name == "pitch" and program is not None and tied is not None:
                # A tie begins nothing: of what does not sound there is neither time nor velocity.
                used = (program, value) in self.sounding
                tied.add((program, value))
            elif name == "pitch" and program is not None and velocity is not None:
                used = self._pitch((program, value), velocity, now)
            elif name == "drum" and velocity:
                self.rows.append((now, now + 1, value, self.codec.velocity(velocity), 0, True))
            else:
                used = False
            self.ignored += not used

    def finish(self) -> Notes:
        """Returns all notes; those still sounding end with the last segment."""
        self._end_all_but(set(), self.stop)
        if not self.rows:
            return Notes.empty()
        start, end, pitch, velocity, program, is_drum = (np.array(c) for c in zip(*self.rows))
        return Notes(
            start / STEPS_PER_SECOND, end / STEPS_PER_SECOND, pitch, velocity, program, is_drum
        ).sorted()

    def _pitch(self, key: tuple[int, int], velocity: int, now: int) -> bool:
        """Starts or ends a note; returns whether that changed anything."""
        sounded = key in self.sounding
        self._end(key, now)
        if velocity:
            self.sounding[key] = (now, self.codec.velocity(velocity))
        return sounded or velocity > 0

    def _end(self, key: tuple[int, int], now: int) -> None:
        if key in self.sounding:
            start, velocity = self.sounding.pop(key)
            self.rows.append((start, max(now, start + 1), key[1], velocity, key[0], False))

    def _end_all_but(self, kept: set[tuple[int, int]], now: int) -> None:
        # Sorted, so that the same tokens give the same order of notes in any process.
        for key in sorted(set(self.sounding) - kept):
            self._end(key, now)
