"""Lists the instruments of the corpus: General MIDI programs, their ranges and seatings."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Instrument:
    """Holds a General MIDI program (from 0) and the MIDI keys it is comfortable on."""

    program: int
    name: str
    low: int
    high: int


# The representatives of `symbolic.groups.DEFAULT_GROUPS`: other programs are heard as one of them.
PIANO, MALLETS, ORGAN, GUITAR, BASS = 0, 12, 19, 25, 33
VIOLIN, VIOLA, CELLO, HARP, STRINGS, CHOIR = 40, 41, 42, 46, 48, 52
TRUMPET, HORN, OBOE, BASSOON, CLARINET, FLUTE, LEAD = 56, 60, 68, 70, 71, 73, 80

INSTRUMENTS: dict[int, Instrument] = {
    i.program: i
    for i in (
        Instrument(PIANO, "piano", 24, 105),
        Instrument(MALLETS, "marimba", 45, 96),
        Instrument(ORGAN, "organ", 36, 96),
        Instrument(GUITAR, "guitar", 40, 84),
        Instrument(BASS, "bass", 28, 60),
        Instrument(VIOLIN, "violin", 55, 100),
        Instrument(VIOLA, "viola", 48, 88),
        Instrument(CELLO, "cello", 36, 76),
        Instrument(HARP, "harp", 28, 100),
        Instrument(STRINGS, "string ensemble", 31, 98),
        Instrument(CHOIR, "choir", 43, 84),
        Instrument(TRUMPET, "trumpet", 54, 86),
        Instrument(HORN, "horn", 38, 77),
        Instrument(OBOE, "oboe", 58, 91),
        Instrument(BASSOON, "bassoon", 34, 75),
        Instrument(CLARINET, "clarinet", 50, 94),
        Instrument(FLUTE, "flute", 60, 98),
        Instrument(LEAD, "synth lead", 40, 96),
    )
}

# Who sits where when a score of so many voices is handed out, top to bottom.
QUARTETS: dict[int, tuple[tuple[int, ...], ...]] = {
    1: ((VIOLIN,), (VIOLIN,), (VIOLA,), (CELLO,)),
    2: ((VIOLIN, CELLO), (VIOLIN, VIOLA), (VIOLIN, VIOLIN), (VIOLA, CELLO)),
    3: ((VIOLIN, VIOLA, CELLO), (VIOLIN, VIOLIN, CELLO)),
    4: ((VIOLIN, VIOLIN, VIOLA, CELLO),),
    5: ((VIOLIN, VIOLIN, VIOLA, VIOLA, CELLO), (VIOLIN, VIOLIN, VIOLA, CELLO, CELLO)),
}
# A single seat takes every voice; fewer seats than voices share them from the top.
ENSEMBLES: tuple[tuple[int, ...], ...] = (
    (FLUTE, OBOE, CLARINET, HORN, BASSOON),
    (TRUMPET, TRUMPET, HORN, HORN),
    (OBOE, CLARINET, HORN, BASSOON),
    (CHOIR,),
    (ORGAN,),
    (STRINGS,),
    (GUITAR,),
    (HARP,),
    (MALLETS,),
    (LEAD, LEAD, STRINGS, BASS),
    (FLUTE, VIOLIN, VIOLA, CELLO),
    (CLARINET, VIOLIN, VIOLA, CELLO),
    (OBOE, GUITAR, GUITAR, CELLO),
    (FLUTE, HARP, HARP, CELLO),
    (TRUMPET, STRINGS, STRINGS, ORGAN),
    (HORN, CHOIR, CHOIR, BASSOON),
    (FLUTE, MALLETS, MALLETS, BASS),
)
SOLOISTS = (VIOLIN, FLUTE, OBOE, CLARINET, TRUMPET, VIOLA, CELLO, LEAD, HORN, BASSOON, GUITAR)


# From the next key on FluidR3 is silent, or has a silent key, though `INSTRUMENTS` goes on.
_HIGHEST_HEARD = {STRINGS: 96, VIOLIN: 93}


def find_range(program: int) -> tuple[int, int]:
    """Finds the lowest and highest key of an instrument that every default soundfont sounds."""
    instrument = INSTRUMENTS[program]
    return instrument.low, _HIGHEST_HEARD.get(program, instrument.high)


def fold_into(pitch: np.ndarray, low: int, high: int) -> np.ndarray:
    """Moves single keys by octaves into ``[low, high]``, at least an octave: int64 ``[n]``."""
    pitch = pitch + 12 * np.ceil(np.maximum(low - pitch, 0) / 12)
    return (pitch - 12 * np.ceil(np.maximum(pitch - high, 0) / 12)).astype(np.int64)


def fit_to_range(pitch: np.ndarray, program: int) -> np.ndarray:
    """Moves keys by octaves into the instrument's range: the whole line first, then stray notes.

    Args:
      pitch: MIDI keys, int ``[n]``.
      program: one of ``INSTRUMENTS``.

    Returns:
      Keys of the same pitch classes, int ``[n]``, each inside the range.
    """
    instrument = INSTRUMENTS[program]
    if not len(pitch):
        return pitch
    octaves = 12 * np.arange(-4, 5)
    moved = pitch[None, :] + octaves[:, None]
    outside = ((moved < instrument.low) | (moved > instrument.high)).sum(axis=1)
    # The fewest notes outside, then the smallest move: contours are kept where the range allows.
    best = np.lexsort((np.abs(octaves), outside))[0]
    line = moved[best].copy()
    below, above = instrument.low - line, line - instrument.high
    line += 12 * np.ceil(np.maximum(below, 0) / 12).astype(line.dtype)
    line -= 12 * np.ceil(np.maximum(above, 0) / 12).astype(line.dtype)
    return line
