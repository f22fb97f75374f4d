"""Piano rolls: the score at the frame rate, as convolutions like it.

After Maman et al. 2023 (arXiv 2309.12283): for every instrument an onset plane and a ramp plane,
which falls to 0 over each note, and one pooled block of all pitched notes. Unlike theirs both
planes carry velocity, and there is a block of drums; `RollSpec` can have neither.

Channel order (``channel_names`` spells it out): for each group 88 onsets then 88 ramps, keys
21..108; drums if there are any, 128 onsets then 128 ramps, keys 0..127; the pooled block, 88
onsets then 88 ramps.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, get_args

import numpy as np

from mt3synth.symbolic.grid import steps_to_frames, to_steps
from mt3synth.symbolic.groups import DEFAULT_GROUPS, InstrumentGroup, program_table
from mt3synth.symbolic.notes import Notes
from mt3synth.symbolic.programs import PROGRAMS
from mt3synth.types import Float

LOWEST_KEY, KEYS, DRUM_KEYS = 21, 88, 128
Level = Literal["velocity", "unit"]


@dataclass(frozen=True)
class RollSpec:
    """The meaning of a piano roll's channels; travels with the model that was trained on it.

    The form of Maman et al. 2023 is ``RollSpec(ramp="unit", onset="unit", drums=False)``, but for
    which instruments there are.

    Attributes:
      groups: instrument groups in channel order; together they cover programs 0..127.
      frame_rate: frames per second.
      drum_seconds: length of a drum note's ramp, since drum notes have no offset of their own.
      ramp: height at which a ramp begins. ``unit`` is the paper's 1. ``velocity`` is velocity /
        127, so that loudness is also seen where a note sounds and not only where it starts.
      onset: what an onset plane holds where a note starts, likewise.
      drums: whether there is a block of drums. Without it drum notes are left out.

    Raises:
      ValueError: a program in no group or in two, a rate or length that is not positive, or an
        unknown level.
    """

    groups: tuple[InstrumentGroup, ...] = DEFAULT_GROUPS
    frame_rate: float = 50.0
    drum_seconds: float = 0.15
    ramp: Level = "velocity"
    onset: Level = "velocity"
    drums: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "groups", tuple(self.groups))
        for name in ("frame_rate", "drum_seconds"):
            value = getattr(self, name)
            if not 0 < value < float("inf"):
                raise ValueError(f"{name}={value}; must be positive and finite")
        for name in ("ramp", "onset"):
            if getattr(self, name) not in get_args(Level):
                raise ValueError(f"{name}={getattr(self, name)!r}; must be 'velocity' or 'unit'")
        names = [group.name for group in self.groups]
        if len(set(names)) < len(names):
            raise ValueError(f"two instrument groups share a name: {names}")
        program_table(self.groups)

    @property
    def channels(self) -> int:
        """Number of channels R."""
        return 2 * (KEYS * (len(self.groups) + 1) + DRUM_KEYS * self.drums)

    @property
    def pooled_start(self) -> int:
        """First channel of the pooled block, which reaches to the end."""
        return self.channels - 2 * KEYS

    def to_dict(self) -> dict[str, Any]:
        """Returns the spec as JSON values."""
        return {
            "groups": [group.to_dict() for group in self.groups],
            "frame_rate": self.frame_rate,
            "drum_seconds": self.drum_seconds,
            "ramp": self.ramp,
            "onset": self.onset,
            "drums": self.drums,
        }

    @staticmethod
    def from_dict(values: dict[str, Any]) -> RollSpec:
        """Makes a spec of what ``to_dict`` returned, also before onset and drums were a choice.

        Raises:
          ValueError: as the constructor; KeyError where an entry is missing.
        """
        return RollSpec(
            groups=tuple(InstrumentGroup.from_dict(group) for group in values["groups"]),
            frame_rate=float(values["frame_rate"]),
            drum_seconds=float(values["drum_seconds"]),
            ramp=values["ramp"],
            onset=values.get("onset", "velocity"),
            drums=values.get("drums", True),
        )


def channel_names(spec: RollSpec) -> list[str]:
    """Names each channel, such as ``violin/onset/69``; length R."""
    blocks = [(group.name, LOWEST_KEY, KEYS) for group in spec.groups]
    blocks += [("drums", 0, DRUM_KEYS)] if spec.drums else []
    blocks += [("pooled", LOWEST_KEY, KEYS)]
    return [
        f"{name}/{plane}/{key}"
        for name, low, keys in blocks
        for plane in ("onset", "ramp")
        for key in range(low, low + keys)
    ]


class SongRoll:
    """A song placed on frames and channels once, from which any window can be drawn.

        SongRoll(notes, RollSpec()).window(start_frame=0, frames=256)

    The dense roll of a whole song is large (R is thousands), so only windows are ever filled in.
    """

    def __init__(self, notes: Notes, spec: RollSpec) -> None:
        self.spec = spec
        # Before keys are counted: without a block they have no channel.
        if not spec.drums:
            notes = notes.select(~notes.is_drum)
        drum = notes.is_drum
        key = np.where(drum, notes.pitch, notes.pitch - LOWEST_KEY)
        notes = notes.select(drum | ((key >= 0) & (key < KEYS)))
        drum, pitched = notes.is_drum, ~notes.is_drum
        key = np.where(drum, notes.pitch, notes.pitch - LOWEST_KEY)

        end = np.where(drum, notes.start + spec.drum_seconds, notes.end)
        first = steps_to_frames(to_steps(notes.start), spec.frame_rate)
        # A note shorter than a frame still fills the one in which it starts.
        last = np.maximum(steps_to_frames(to_steps(end), spec.frame_rate), first + 1)

        group_block = 2 * KEYS * _group_of_program(spec)[notes.program]
        drum_block = 2 * KEYS * len(spec.groups)
        onset = np.where(drum, drum_block, group_block) + key
        ramp = onset + np.where(drum, DRUM_KEYS, KEYS)
        pooled = spec.pooled_start + key[pitched]

        # A pitched note is written twice: in its group's block and in the pooled one.
        self._onset = np.concatenate([onset, pooled])
        self._ramp = np.concatenate([ramp, pooled + KEYS])
        self._first = np.concatenate([first, first[pitched]])
        self._last = np.concatenate([last, last[pitched]])
        level = notes.velocity.astype(np.float32) / 127
        self._velocity = np.concatenate([level, level[pitched]])

    @property
    def frames(self) -> int:
        """Frames until the last note has ended."""
        return int(self._last.max()) if len(self._last) else 0

    def window(self, start_frame: int, frames: int) -> Float[np.ndarray, "T R"]:
        """Returns ``frames`` frames from ``start_frame``, float32 ``[T, R]`` in 0..1.

        Raises:
          ValueError: ``frames`` below 1.
        """
        if frames < 1:
            raise ValueError(f"frames={frames}; must be at least 1")
        roll = np.zeros((frames, self.spec.channels), np.float32)
        self.draw(roll, start_frame)
        return roll

    def draw(self, roll: Float[np.ndarray, "T R"], start_frame: int) -> None:
        """Draws the window from ``start_frame`` into zeros, such as a part of a batch.

        A roll is large and nearly empty: only the memory that notes touch is ever written.

        The onset plane holds velocity / 127 or 1 (``RollSpec.onset``) in the frame where a note
        starts. The ramp begins there, at a height of velocity / 127 or 1 (``RollSpec.ramp``), and
        falls linearly to reach 0 in the frame where the note ends. Notes that sound before the
        window show only the rest of their ramp. Where notes of one channel overlap, the greater
        value stands.

        Raises:
          ValueError: ``roll`` is not float32 of this many channels, or not contiguous.
        """
        if roll.dtype != np.float32 or roll.shape[1:] != (self.spec.channels,):
            raise ValueError(
                f"roll {roll.dtype}{list(roll.shape)}; must be float32 [T, {self.spec.channels}]"
            )
        if not roll.flags.c_contiguous:
            raise ValueError("roll is not contiguous; draw into one that is")
        stop_frame = start_frame + len(roll)
        # One index a cell: `numpy.maximum.at` takes twice as long and more with two.
        flat = roll.reshape(-1)

        heard = np.flatnonzero((self._first < stop_frame) & (self._last > start_frame))
        first, last = self._first[heard], self._last[heard]
        low, high = np.maximum(first, start_frame), np.minimum(last, stop_frame)
        counts = high - low
        note = np.repeat(np.arange(len(heard)), counts)
        frame = np.arange(len(note)) - np.repeat(np.cumsum(counts) - counts - low, counts)
        falling = 1 - (frame - first[note]) / (last - first)[note]
        if self.spec.ramp == "velocity":
            falling = falling * self._velocity[heard][note]
        cell = (frame - start_frame) * self.spec.channels + self._ramp[heard][note]
        # The greater stands, where notes overlap: an assignment would let the order of notes
        # decide.
        np.maximum.at(flat, cell, falling.astype(np.float32))

        # An onset before the window is not in it; its ramp is.
        begun = first >= start_frame
        cell = (first[begun] - start_frame) * self.spec.channels + self._onset[heard][begun]
        level = self._velocity[heard][begun] if self.spec.onset == "velocity" else np.float32(1)
        np.maximum.at(flat, cell, level)


def piano_roll(
    notes: Notes, spec: RollSpec, start_frame: int, frames: int
) -> Float[np.ndarray, "T R"]:
    """Draws one window of a song, float32 ``[T, R]``; see ``SongRoll.window``.

    Raises:
      ValueError: ``frames`` below 1.
    """
    return SongRoll(notes, spec).window(start_frame, frames)


def substitutions(notes: Notes, spec: RollSpec) -> list[str]:
    """Lists what this roll does not keep as written, one line a kind; empty if all is kept.

    Names each program that is rendered as its group's representative, and counts the notes that
    the roll's keys cannot hold.
    """
    pitched = notes.select(~notes.is_drum)
    table = _group_of_program(spec)
    lines = []
    programs, counts = np.unique(pitched.program, return_counts=True)
    for program, count in zip(programs.tolist(), counts.tolist()):
        group = spec.groups[table[program]]
        if group.representative != program:
            lines.append(
                f"program {program} {PROGRAMS[program]}: {count_notes(count)} rendered as "
                f"{group.name} ({group.representative} {PROGRAMS[group.representative]})"
            )
    high = LOWEST_KEY + KEYS - 1
    outside = int(np.sum((pitched.pitch < LOWEST_KEY) | (pitched.pitch > high)))
    if outside:
        lines.append(f"pitches outside {LOWEST_KEY}..{high}: {count_notes(outside)} left out")
    drums = int(np.sum(notes.is_drum))
    if drums and not spec.drums:
        lines.append(f"drums: {count_notes(drums)} left out")
    return lines


def count_notes(count: int) -> str:
    """Says how many notes there are: ``1 note``, ``2 notes``."""
    return f"{count} note" if count == 1 else f"{count} notes"


@lru_cache(maxsize=16)
def _group_of_program(spec: RollSpec) -> np.ndarray:
    return program_table(spec.groups)
