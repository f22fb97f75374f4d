"""MIDI files made wrong where their structure is: chunks, lengths, running status, events, times.

A file is taken apart into its header and the events of its tracks, some of them are changed, and it
is put together again with lengths that may lie. What cannot be taken apart is changed byte by byte.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from byte_mutations import change_bytes

Event = tuple[int, bytes]
"""Ticks since the event before, and the message with its status byte."""

_TICKS = (0, 1, 2, 127, 128, 480, 16383, 16384, 2**21 - 1, 2**21, 2**28 - 1)
_DIVISIONS = (0, 1, 2, 24, 96, 480, 32767, 0x8000, 0x8001, 0xE728, 0xE250, 0xE764, 0xFFFF, 0x80FF)
_LENGTHS = (0, 1, 3, 4, 255, 2**16, 2**31 - 1, 2**31, 2**32 - 1)
_EXCLUSIVE = tuple(
    bytes.fromhex(text)
    for text in (
        "7e7f0901",  # General MIDI on
        "7e7f0903",  # General MIDI 2
        "41104212 40007f0041",  # GS reset
        "43104c00007e00",  # XG on
        "41104212 4019150101",  # GS: a part becomes drums
        "7f7f04010000",  # master volume
        "7f7f04030040",  # master fine tuning
        "7f7f0802 0001 3c3c4020",  # one key tuned
        "7f7f0802 0002 003c0000 7f7f7f7f",
        "7e7f0809 037f7f" + "40" * 12,  # scale, two bytes less than it says
        "7e7f0808 037f7f" + "00" * 12,  # an octave's scale
        "7e000801 00" + "20" * 16 + "3c0000" * 128 + "00",  # a bulk dump of tunings
    )
)


@dataclass
class Parts:
    """A file taken apart; what is wrong with it stands beside its tracks."""

    form: int
    count: int
    division: int
    tracks: list[list[Event]] = field(default_factory=list)
    header_length: int = 6
    lengths: dict[int, int] = field(default_factory=dict)  # of tracks that lie about theirs
    before: dict[int, bytes] = field(default_factory=dict)  # bytes in front of a track


def break_midi(data: bytes, rng: Random) -> bytes:
    """Makes a broken file of a MIDI file; the same state of ``rng`` makes the same."""
    parts = take_apart(data) if rng.random() < 0.9 else None
    if parts is None:
        return change_bytes(data, rng)
    for _ in range(rng.choice((1, 1, 2, 3, 5, 8))):
        rng.choice(_CHANGES)(parts, rng)
    made = put_together(parts, rng)
    if rng.random() < 0.15:
        made = change_bytes(made, rng)
    if rng.random() < 0.05:
        made = made[: rng.randrange(len(made) + 1)]
    return _wrap(made, rng) if rng.random() < 0.04 else made


def take_apart(data: bytes) -> Parts | None:
    """Takes a well-formed file apart; None if it is not."""
    if data[:4] != b"MThd" or len(data) < 14:
        return None
    form, count, division = (int.from_bytes(data[i : i + 2], "big") for i in (8, 10, 12))
    parts, at = Parts(form, count, division), 14
    try:
        while at < len(data):
            if data[at : at + 4] != b"MTrk":
                return None
            stop = at + 8 + int.from_bytes(data[at + 4 : at + 8], "big")
            if stop > len(data):
                return None
            parts.tracks.append(_events(data, at + 8, stop))
            at = stop
    except IndexError:
        return None
    return parts


def _events(data: bytes, at: int, stop: int) -> list[Event]:
    events, running = [], 0
    while at < stop:
        delta, at = _read_number(data, at)
        status = data[at]
        begin, at = at, at + (status > 0x7F)
        if status < 0x80:
            status = running
        if status in (0xF0, 0xF7, 0xFF):
            at += status == 0xFF
            size, at = _read_number(data, at)
            at += size
            events.append((delta, data[begin:at]))
            continue
        running = status
        size = 1 if 0xC0 <= status < 0xE0 else 2
        events.append((delta, bytes([status]) + data[at : at + size]))
        at += size
    return events


def _read_number(data: bytes, at: int) -> tuple[int, int]:
    number = 0
    while True:
        byte = data[at]
        number, at = number << 7 | byte & 0x7F, at + 1
        if byte < 0x80:
            return number, at


def number(value: int, rng: Random | None = None) -> bytes:
    """Writes a number of variable length, now and then with leading zeros."""
    octets = [value & 0x7F]
    while value := value >> 7:
        octets.append(value & 0x7F | 0x80)
    if rng is not None and rng.random() < 0.002:
        octets += [0x80] * rng.choice((1, 3, 100))
    return bytes(reversed(octets))


def put_together(parts: Parts, rng: Random) -> bytes:
    """Writes a file, with running status or without it."""
    chunks = []
    for index, events in enumerate(parts.tracks):
        runs, running, content = rng.random() < 0.5, -1, bytearray()
        for delta, message in events:
            content += number(delta, rng)
            status = message[0] if message else 0
            content += message[1:] if runs and status == running else message
            running = status if 0x80 <= status < 0xF0 else -1
        length = parts.lengths.get(index, len(content)) & 0xFFFFFFFF
        chunks.append(parts.before.get(index, b"") + b"MTrk" + length.to_bytes(4, "big") + content)
    fields = (parts.form, parts.count, parts.division)
    head = b"".join((value & 0xFFFF).to_bytes(2, "big") for value in fields)
    length = (parts.header_length & 0xFFFFFFFF).to_bytes(4, "big")
    return b"MThd" + length + head + b"".join(bytes(chunk) for chunk in chunks)


def _wrap(data: bytes, rng: Random) -> bytes:
    kind = rng.randrange(4)
    if kind == 0:
        packed = gzip.compress(data, mtime=0)
        return packed if rng.random() < 0.3 else change_bytes(packed, rng)
    if kind == 1:
        size = rng.choice((len(data), 0, 2**32 - 1)).to_bytes(4, "little")
        return b"RIFF" + size + b"RMIDdata" + size + data
    if kind == 2:
        return b"\0\5noise".ljust(128, b"\0") + data
    return data * rng.choice((2, 3, 20))


def _track(parts: Parts, rng: Random) -> list[Event]:
    if not parts.tracks:
        parts.tracks.append([(0, b"\x90\x3c\x50"), (480, b"\x80\x3c\0"), (0, b"\xff\x2f\0")])
    return rng.choice(parts.tracks)


def _put(parts: Parts, rng: Random, *messages: bytes) -> None:
    """Puts messages into a track, at once or some time after each other, once or often."""
    track = _track(parts, rng)
    at, often = rng.randrange(len(track) + 1), rng.choice((1, 1, 1, 1, 2, 20, 300))
    wait = rng.choice((0, 0, 0, 1, 10, 480)) if often > 1 else rng.choice(_TICKS[:7])
    track[at:at] = [(wait, message) for message in messages] * often


def _times(parts: Parts, rng: Random) -> None:
    track = _track(parts, rng)
    for _ in range(rng.choice((1, 1, 3, 20))):
        if track:
            at = rng.randrange(len(track))
            track[at] = (rng.choice((*_TICKS, rng.randrange(2**28))), track[at][1])


def _order(parts: Parts, rng: Random) -> None:
    track = _track(parts, rng)
    first = rng.randrange(len(track) + 1)
    some = track[first : first + rng.choice((1, 2, 8, 64))]
    what = rng.randrange(4)
    if what == 0:
        del track[first : first + len(some)]
    elif what == 1:
        track[first:first] = some * rng.choice((1, 2, 10, 100))
    elif what == 2:
        rng.shuffle(some)
        track[first : first + len(some)] = some
    else:
        _track(parts, rng).extend(some)


def _content(parts: Parts, rng: Random) -> None:
    track = _track(parts, rng)
    for _ in range(rng.choice((1, 2, 10))):
        if not track:
            return
        at = rng.randrange(len(track))
        delta, message = track[at]
        changed = bytearray(message)
        if changed:
            where = rng.randrange(len(changed))
            changed[where] = rng.choice((0, 1, 0x3F, 0x40, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        track[at] = (delta, bytes(changed))


def _channels(parts: Parts, rng: Random) -> None:
    channel, track = rng.randrange(16), _track(parts, rng)
    for at, (delta, message) in enumerate(track):
        if message and 0x80 <= message[0] < 0xF0 and rng.random() < 0.7:
            track[at] = (delta, bytes([message[0] & 0xF0 | channel]) + message[1:])


def _meta(parts: Parts, rng: Random) -> None:
    kind = rng.choice((0, 1, 3, 5, 0x20, 0x21, 0x2F, 0x51, 0x51, 0x51, 0x54, 0x58, 0x59, 0x7F, 99))
    if kind == 0x51 and rng.random() < 0.8:
        tempo = rng.choice((0, 1, 100, 500_000, 2**24 - 1, rng.randrange(2**24)))
        content = tempo.to_bytes(3, "big")
    else:
        content = rng.randbytes(rng.choice((0, 1, 2, 3, 4, 5, 6, 127, 128, 5000)))
    size = len(content) if rng.random() < 0.9 else rng.choice(_TICKS)
    _put(parts, rng, bytes([0xFF, kind]) + number(size) + content)


def _exclusive(parts: Parts, rng: Random) -> None:
    content = rng.choice(_EXCLUSIVE)
    if rng.random() < 0.3:
        content = change_bytes(content, rng)
    elif rng.random() < 0.1:
        content = rng.randbytes(rng.choice((0, 1, 8, 300, 5000)))
    end = b"\xf7" if rng.random() < 0.9 else b""
    size = len(content) + len(end) if rng.random() < 0.9 else rng.choice(_TICKS)
    message = b"\xf0" + number(size) + content + end
    more = [b"\xf7" + number(3) + b"\1\2\xf7"] * (rng.random() < 0.2)
    _put(parts, rng, message, *more)


def _controllers(parts: Parts, rng: Random) -> None:
    channel = rng.choice((0, 0, 1, 9, 15))
    status, value = 0xB0 | channel, rng.choice((0, 1, 63, 64, 100, 127, rng.randrange(128)))
    match rng.randrange(6):
        case 0:  # a registered parameter: ranges of bends, tunings fine, coarse, by program
            which = rng.choice((0, 1, 2, 3, 4, 5, 127))
            changes = ((101, 0), (100, which), (6, value), (38, rng.randrange(128)))
        case 1:
            changes = tuple((n, value) for n in rng.sample(range(128), 4))
        case 2:  # pedals, and what ends notes
            kinds = (64, 66, 67, 120, 121, 123, 124, 126)
            changes = tuple((n, rng.choice((0, 63, 64, 127))) for n in rng.choices(kinds, k=3))
        case 3:
            changes = ((0, rng.choice((0, 1, 8, 120, 121, 126, 127))), (32, value))
        case 4:
            changes = ((rng.choice((1, 7, 10, 11)), value),)
        case _:
            bends = [bytes([0xE0 | channel, rng.randrange(128), rng.randrange(128)])] * 2
            _put(parts, rng, *bends, bytes([0xD0 | channel, value]), bytes([0xA0, 60, value]))
            return
    messages = [bytes([status, *change]) for change in changes]
    _put(parts, rng, *messages, bytes([0xC0 | channel, rng.randrange(128)]))


def _strikes(parts: Parts, rng: Random) -> None:
    channel, key = rng.randrange(16), rng.randrange(128)
    on = bytes([0x90 | channel, key, rng.choice((0, 1, 127))])
    off = bytes([0x80 | channel, key, 0])
    _put(parts, rng, *rng.choice(((on,), (on, on), (on, off), (off, on), (on, off, off))))


def _tracks(parts: Parts, rng: Random) -> None:
    if not parts.tracks:
        return
    index = rng.randrange(len(parts.tracks))
    match rng.randrange(5):
        case 0:
            del parts.tracks[index]
        case 1:
            # A file of the greatest size is a case for itself; here many have to be read.
            often = rng.choice((1, 2, 15, 63))
            if sum(map(len, parts.tracks)) * often < 30_000:
                parts.tracks += [list(parts.tracks[index]) for _ in range(often)]
        case 2:
            parts.tracks[index] = []
        case 3:
            merged = [event for track in parts.tracks for event in track]
            parts.tracks[:] = [merged]
        case _:
            rng.shuffle(parts.tracks)


def _header(parts: Parts, rng: Random) -> None:
    match rng.randrange(4):
        case 0:
            parts.division = rng.choice((*_DIVISIONS, rng.randrange(2**16)))
        case 1:
            parts.form = rng.choice((0, 1, 2, 3, 65535))
        case 2:
            parts.count = rng.choice((0, 1, len(parts.tracks) + 1, 65535))
        case _:
            parts.header_length = rng.choice((*_LENGTHS, 6, 8))


def _lengths(parts: Parts, rng: Random) -> None:
    index = rng.randrange(len(parts.tracks) + 1)
    parts.lengths[index] = rng.choice((*_LENGTHS, rng.randrange(5000)))


def _foreign(parts: Parts, rng: Random) -> None:
    content = rng.randbytes(rng.choice((0, 4, 40)))
    size = rng.choice((len(content), *_LENGTHS)).to_bytes(4, "big")
    letters = rng.choice((b"XFIH", b"MTrk", b"MThd", b"\0\0\0\0"))
    parts.before[rng.randrange(len(parts.tracks) + 1)] = letters + size + content


_CHANGES: tuple[Callable[[Parts, Random], None], ...] = (
    _times,
    _times,
    _order,
    _order,
    _content,
    _channels,
    _meta,
    _meta,
    _exclusive,
    _controllers,
    _controllers,
    _strikes,
    _tracks,
    _header,
    _lengths,
    _foreign,
)
