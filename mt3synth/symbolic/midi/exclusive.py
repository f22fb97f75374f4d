"""System exclusive messages that change how notes are understood."""

from __future__ import annotations

from typing import Literal, NamedTuple

System = Literal["gm", "gm2", "gs", "xg"]


class Reset(NamedTuple):
    """The whole instrument is set back, to the ways of one of the families of synthesizers."""

    system: System


class Rhythm(NamedTuple):
    """A part becomes percussion or ceases to be; parts are numbered as channels are."""

    part: int
    is_drum: bool


_GENERAL_MIDI: dict[int, System] = {1: "gm", 2: "gm", 3: "gm2"}  # 2 is off: back to one's own ways
_GS_ADDRESSES = b"\x41"
_XG_RESET = b"\x4c\x00\x00\x7e\x00"


def understand(content: bytes) -> Reset | Rhythm | None:
    """Understands what stands between F0 and F7; None if it changes no note.

    Sources: GM 1 and GM 2 system on (universal non-real-time 09), Roland GS (model 42, data set 1:
    reset 40 00 7F, use for rhythm part 40 1x 15), Yamaha XG (model 4C: system on 00 00 7E, part
    mode 08 nn 07).
    """
    # The second byte names a device; all are meant, as a file has no devices.
    if content[:1] == b"\x7e" and content[2:3] == b"\x09" and len(content) == 4:
        system = _GENERAL_MIDI.get(content[3])
        return Reset(system) if system else None
    if content[:1] == _GS_ADDRESSES and content[2:4] == b"\x42\x12" and len(content) >= 8:
        high, middle, low, value = content[4:8]
        if (high, middle, low) in ((0x40, 0x00, 0x7F), (0x00, 0x00, 0x7F)):
            return Reset("gs")
        if high == 0x40 and middle >> 4 == 1 and low == 0x15:
            return Rhythm(_gs_part(middle & 0x0F), value != 0)
    if content[:1] == b"\x43" and content[1:2] >= b"\x10" and content[2:7] == _XG_RESET:
        return Reset("xg")
    if content[:1] == b"\x43" and content[2:4] == b"\x4c\x08" and len(content) >= 7:
        part, address, value = content[4:7]
        if address == 0x07 and part < 16:
            return Rhythm(part, value != 0)
    return None


def _gs_part(block: int) -> int:
    """Finds the channel of a GS block: block 0 is part 10, the drums; 1 to 9 the parts 1 to 9."""
    return 9 if block == 0 else block - 1 if block <= 9 else block
