"""Tunings of single keys: the MIDI Tuning Standard.

Source: MIDI 1.0 Detailed Specification, MIDI Tuning, with CA-020 and CA-021 (banks, scales of an
octave).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

KEYS = 128
_OCTAVE = 12

KeyCents = list[float]
"""How far each of the 128 keys sounds from equal temperament, in cents."""


class Retuning(NamedTuple):
    """Some keys of a tuning program get another pitch, in cents from their equal temperament."""

    program: tuple[int, int]  # bank and number
    cents: dict[int, float]


class ScaleTuning(NamedTuple):
    """The twelve keys of every octave are tuned alike, on the channels named."""

    channels: list[int]
    cents: KeyCents


def understand_tuning(content: bytes) -> Retuning | ScaleTuning | None:
    """Understands what stands between F0 and F7; None if it tunes no key.

    A message is universal (7E or 7F), of any device, with the sub-identity 08. One that is shorter
    than it says, or damaged, is none.
    """
    universal = len(content) >= 5 and content[0] in (0x7E, 0x7F) and content[2] == 0x08
    # A byte above 127 has no place within a message.
    if not universal or max(content) > 127:
        return None
    kind, data = content[3], content[4:]
    if kind in (0x01, 0x04):  # a dump of all keys, in bank 0 or in one that is named
        bank, data = _split_bank(data, kind == 0x04)
        keys = data[17 : 17 + 3 * KEYS]  # after the number and a name of 16 letters
        if len(keys) < 3 * KEYS:
            return None
        return Retuning((bank, data[0]), _read_keys(range(KEYS), keys, 3))
    if kind in (0x05, 0x06):  # a dump of an octave
        cents = _read_octave(data[18:], two_bytes=kind == 0x06)
        return Retuning((data[0], data[1]), dict(enumerate(spread(cents)))) if cents else None
    if kind in (0x02, 0x07):  # a change of single keys
        bank, data = _split_bank(data, kind == 0x07)
        count = data[1] if len(data) > 1 else 0
        keys = data[2 : 2 + 4 * count]
        if not count or len(keys) < 4 * count:
            return None
        return Retuning((bank, data[0]), _read_keys(keys[::4], keys, 4))
    if kind in (0x08, 0x09):  # an octave's scale for channels
        cents = _read_octave(data[3:], two_bytes=kind == 0x09)
        if not cents:
            return None
        mask = (data[0] & 3) << 14 | data[1] << 7 | data[2]
        return ScaleTuning([n for n in range(16) if mask >> n & 1], spread(cents))
    return None


class KeyTunings:
    """Keeps the tuning programs of a file, for its channels to select.

    tunings = KeyTunings()
    cents = tunings.select((0, 1))  # zeros, until a message retunes the program
    tunings.retune(Retuning((0, 1), {60: -50.0}))  # changes ``cents``, too
    """

    def __init__(self) -> None:
        self._programs: dict[tuple[int, int], KeyCents] = {}

    def select(self, program: tuple[int, int]) -> KeyCents:
        """Returns the tuning of a program, which follows all its changes to come."""
        # The list itself and no copy: a program that is retuned sounds so on all its channels.
        return self._programs.setdefault(program, [0.0] * KEYS)

    def retune(self, change: Retuning) -> None:
        """Changes a program."""
        cents = self.select(change.program)
        for key, value in change.cents.items():
            cents[key] = value


def spread(octave: Sequence[float]) -> KeyCents:
    """Tunes the keys of all octaves alike; the first of the twelve is C."""
    return [octave[key % _OCTAVE] for key in range(KEYS)]


def _split_bank(data: bytes, named: bool) -> tuple[int, bytes]:
    return (data[0], data[1:]) if named else (0, data)


def _read_keys(keys: Iterable[int], data: bytes, step: int) -> dict[int, float]:
    """Reads pitches: a key, and how far above it in 1/16384 semitones; 7F 7F 7F is no change."""
    cents = {}
    for row, key in enumerate(keys):
        semitone, high, low = data[row * step + step - 3 : row * step + step]
        if (semitone, high, low) != (127, 127, 127):
            cents[key] = 100.0 * (semitone - key + (high << 7 | low) / 16384)
    return cents


def _read_octave(data: bytes, two_bytes: bool) -> list[float]:
    """Reads twelve offsets of at most a semitone, in cents or in 1/8192 semitones."""
    if len(data) < (2 * _OCTAVE if two_bytes else _OCTAVE):
        return []
    if not two_bytes:
        return [value - 64.0 for value in data[:_OCTAVE]]
    pairs = zip(data[: 2 * _OCTAVE : 2], data[1 : 2 * _OCTAVE : 2])
    return [((high << 7 | low) - 8192) / 81.92 for high, low in pairs]
