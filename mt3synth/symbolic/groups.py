"""Instrument groups: General MIDI programs that share a block of the roll and one sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mt3synth.symbolic.programs import PROGRAMS


@dataclass(frozen=True)
class InstrumentGroup:
    """Programs that a model plays with one sound.

    Attributes:
      name: short name, as in the names of roll channels.
      representative: the General MIDI program (from zero) that the group sounds like.
      programs: all programs of the group, the representative among them.

    Raises:
      ValueError: a program outside 0..127, or a representative that is not in the group.
    """

    name: str
    representative: int
    programs: tuple[int, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "programs", tuple(int(p) for p in self.programs))
        outside = [p for p in self.programs if not 0 <= p <= 127]
        if outside:
            raise ValueError(f"group {self.name!r}: program {outside[0]} outside 0..127")
        if self.representative not in self.programs:
            raise ValueError(
                f"group {self.name!r}: representative={self.representative} is not among its "
                f"programs {self.programs}"
            )

    def to_dict(self) -> dict[str, Any]:
        """Returns the group as JSON values."""
        return {
            "name": self.name,
            "representative": self.representative,
            "programs": list(self.programs),
        }

    @staticmethod
    def from_dict(values: dict[str, Any]) -> InstrumentGroup:
        """Makes a group of what ``to_dict`` returned."""
        return InstrumentGroup(
            name=str(values["name"]),
            representative=int(values["representative"]),
            programs=tuple(values["programs"]),
        )


def program_table(groups: Sequence[InstrumentGroup]) -> np.ndarray:
    """Looks up the index into ``groups`` of each program, int32 ``[128]``.

    Raises:
      ValueError: a program that belongs to no group or to several.
    """
    # As a table, for notes are looked up by the thousand.
    table = np.full(128, -1, np.int32)
    for index, group in enumerate(groups):
        for program in group.programs:
            if table[program] >= 0:
                raise ValueError(
                    f"program {program} {PROGRAMS[program]} is in two groups: "
                    f"{groups[table[program]].name!r} and {group.name!r}"
                )
            table[program] = index
    # Refused here: a program without a group would be silent without a word.
    missing = np.flatnonzero(table < 0)
    if len(missing):
        raise ValueError(
            f"program {missing[0]} {PROGRAMS[missing[0]]} is in no group "
            f"({len(missing)} of 128 are missing); every program needs one"
        )
    return table


# Nearest by how the sound starts and lasts first, then by family and range: pizzicato is plucked
# like a harp, trombone and tuba share the horn's register, the contrabass is a bowed string before
# it is a bass. Sound effects have no near relative; the synthesizer takes most of them.
DEFAULT_GROUPS: tuple[InstrumentGroup, ...] = (
    InstrumentGroup("piano", 0, tuple(range(8))),
    InstrumentGroup("mallets", 12, (*range(8, 16), 47, 98, 108, *range(112, 120))),
    InstrumentGroup("organ", 19, tuple(range(16, 24))),
    InstrumentGroup("guitar", 25, (*range(24, 32), 104, 105, 106, 120)),
    InstrumentGroup("bass", 33, tuple(range(32, 40))),
    InstrumentGroup("violin", 40, (40, 110)),
    InstrumentGroup("viola", 41, (41,)),
    InstrumentGroup("cello", 42, (42, 43)),
    InstrumentGroup("strings", 48, (44, 48, 49, 50, 51, 55, 88, 89, 92, 93, 95)),
    InstrumentGroup("harp", 46, (45, 46, 107)),
    InstrumentGroup("choir", 52, (52, 53, 54, 91, 94)),
    InstrumentGroup("trumpet", 56, (56, 59, 61, 62, 63)),
    InstrumentGroup("horn", 60, (57, 58, 60)),
    InstrumentGroup("oboe", 68, (68, 69, 109, 111)),
    InstrumentGroup("bassoon", 70, (67, 70)),
    InstrumentGroup("clarinet", 71, (64, 65, 66, 71)),
    InstrumentGroup("flute", 73, (*range(72, 80), 121)),
    InstrumentGroup(
        "synth", 80, (*range(80, 88), 90, 96, 97, 99, 100, 101, 102, 103, *range(122, 128))
    ),
)
"""Eighteen groups that cover all 128 programs of General MIDI."""
