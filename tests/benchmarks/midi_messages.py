"""Plays each MIDI message here, by FluidSynth and by music21, and says what of it is heard.

    python tests/benchmarks/midi_messages.py

Prints a table in Markdown. Each message stands in a file of a note or two, beside the same file
without it. Here and by music21 a message is heard if notes, level, pitch or place differ; music21
plays what it has read by writing MIDI, so that is read again. By FluidSynth it is heard if the
sound differs by more than 1 % of its power, reverberation and chorus included.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "symbolic"))

from fluidsynth_cases import play
from midi_cases import (
    control,
    event,
    exclusive,
    midi,
    number,
    tempo,
    through_music21,
    tone,
    wheel,
)

from mt3synth.symbolic.midi import MidiError, MidiSong, read_song

TICKS = 960  # a second
NOTE = tone(60, TICKS)
ON, OFF = event(0x90, 60, 80), event(0x80, 60, 0, after=TICKS)
REST = event(0x80, 60, 0, after=TICKS - 240)
SHORT, LATER = tone(60, TICKS // 4), event(0x80, 1, 0, after=TICKS)  # the latter only waits
FLUTE_LATER = event(0xC0, 73) + event(0x90, 60, 80, after=240) + REST
HIT = tone(38, TICKS // 4, channel=9)
HEARD = 0.01


def rpn(which: int, value: int, fine: int = 0) -> bytes:
    """A registered parameter's number and value."""
    select = control(101, 0) + control(100, which)
    return select + control(6, value) + control(38, fine)


def meta(kind: int, data: bytes) -> bytes:
    """A meta event, at once."""
    return b"\x00\xff" + bytes([kind]) + number(len(data)) + data


TUNED = exclusive("7f 7f 08 08 03 7f 7f" + " 60" * 12)  # every key 32 cents higher
PROGRAM = exclusive("7f 7f 08 02 00 01 3c 3d 00 00")  # in tuning program 0: key 60 sounds as 61
DUMP = exclusive("7e 7f 08 01 00" + " 20" * 16 + " 3d 00 00" * 128 + " 00")
Tracks = bytes | tuple[bytes, ...]
# Of each message: the track, or tracks, that have it, and those that have not.
CASES: dict[str, tuple[Tracks, Tracks]] = {
    "note never released": (SHORT + ON + LATER, SHORT + LATER),
    "key aftertouch": (ON + event(0xA0, 60, 127, after=240) + REST, ON + OFF),
    "channel aftertouch": (event(0xD0, 127) + NOTE, NOTE),
    "program change": (event(0xC0, 73) + NOTE, NOTE),
    "program change on drums": (event(0xC9, 25) + HIT, HIT),
    "pitch bend": (wheel(8191) + NOTE, NOTE),
    "CC0, 32 bank, of drums": (
        control(0, 127) + event(0xC0, 0) + tone(38, 240),
        event(0xC0, 0) + tone(38, 240),
    ),
    "CC1 modulation": (control(1, 127) + NOTE, NOTE),
    "CC2 breath": (control(2, 10) + NOTE, NOTE),
    "CC4 foot": (control(4, 10) + NOTE, NOTE),
    "CC5, 65, 84 portamento": (
        control(5, 90) + control(65, 127) + tone(48, 480) + control(84, 48) + NOTE,
        tone(48, 480) + NOTE,
    ),
    "CC7 volume": (control(7, 50) + NOTE, NOTE),
    "CC11 expression": (control(11, 50) + NOTE, NOTE),
    "CC8 balance": (control(8, 10) + NOTE, NOTE),
    "CC10 pan": (control(10, 10) + NOTE, NOTE),
    "CC64 sustain": (control(64, 127) + SHORT + control(64, 0, after=TICKS), SHORT + LATER),
    "CC66 sostenuto": (
        event(0x90, 60, 80)
        + control(66, 127, after=9)
        + event(0x80, 60, 0, after=231)
        + control(66, 0, after=TICKS),
        SHORT + LATER,
    ),
    "CC67 soft pedal": (control(67, 127) + NOTE, NOTE),
    "CC71..74 timbre and envelope": (
        b"".join(control(which, 10) for which in range(71, 75)) + NOTE,
        NOTE,
    ),
    "CC91 reverb, CC93 chorus": (control(91, 127) + control(93, 127) + NOTE, NOTE),
    "RPN 0 range of the bend": (rpn(0, 12) + wheel(4096) + NOTE, wheel(4096) + NOTE),
    "RPN 1 fine tuning": (rpn(1, 100) + NOTE, NOTE),
    "RPN 2 coarse tuning": (rpn(2, 69) + NOTE, NOTE),
    "RPN 3, 4 tuning program": (PROGRAM + rpn(3, 0) + NOTE, PROGRAM + NOTE),
    "other RPN, NRPN": (control(99, 1) + control(98, 8) + control(6, 100) + NOTE, NOTE),
    "CC120 all sound off": (ON + control(120, 0, after=240) + REST, ON + OFF),
    "CC121 reset": (control(11, 30) + control(121, 0) + NOTE, control(11, 30) + NOTE),
    "CC123 all notes off": (ON + control(123, 0, after=240) + REST, ON + OFF),
    "exclusive: GM on": (
        control(7, 30) + exclusive("7e 7f 09 01") + NOTE,
        control(7, 30) + NOTE,
    ),
    "exclusive: GS rhythm part": (
        exclusive("41 10 42 12 40 00 7f 00 41") + exclusive("41 10 42 12 40 11 15 02 18") + NOTE,
        exclusive("41 10 42 12 40 00 7f 00 41") + NOTE,
    ),
    "exclusive: MTS, an octave": (TUNED + NOTE, NOTE),
    "exclusive: MTS, a dump": (DUMP + rpn(3, 0) + NOTE, rpn(3, 0) + NOTE),
    "exclusive: master volume": (exclusive("7f 7f 04 01 00 20") + NOTE, NOTE),
    "tempo": (tempo(1_000_000) + NOTE, NOTE),
    "port (FF 21)": (
        (FLUTE_LATER, meta(0x21, b"\x01") + event(0xC0, 0, after=9)),
        (FLUTE_LATER, event(0xC0, 0, after=9)),
    ),
    "words, names, keys (meta)": (
        meta(3, b"a") + meta(5, b"la") + meta(0x59, b"\x02\x00") + NOTE,
        NOTE,
    ),
    "F6 in a file": (b"\x00\xf6" + NOTE, NOTE),
}


def hear(song: MidiSong) -> dict[str, np.ndarray]:
    """Lists what is heard of a song, by kind."""
    notes = song.notes
    at = [np.linspace(s, e, 20, endpoint=False) for s, e in zip(notes.start, notes.end)]
    curves = [song.curves[channel] for channel in song.channel.tolist()]
    pairs = list(zip(curves, at))
    vibrato = [curve.modulation.at(t) + curve.pressure.at(t) for curve, t in pairs]
    velocity = [
        v * (0.8 if c.soft.at(s) >= 64 else 1)
        for v, c, s in zip(notes.velocity, curves, notes.start)
    ]
    columns = (notes.start, notes.end, notes.pitch, notes.program, notes.is_drum, velocity)
    return {
        "notes": np.round(np.stack(columns), 3),
        "level": np.round([curve.level_db(t) for curve, t in pairs], 3),
        "pitch": np.round(
            [c.cents(t) + v + d for (c, t), v, d in zip(pairs, vibrato, song.detune)], 2
        ),
        "place": np.array([curve.pan.at(t) for curve, t in pairs]),
    }


def compare(with_it: MidiSong, without: MidiSong) -> str:
    """Says which kinds of what is heard differ."""
    if len(with_it.notes) != len(without.notes):
        return "notes"
    one, two = hear(with_it), hear(without)
    found = [kind for kind in one if not np.array_equal(one[kind], two[kind])]
    return ", ".join(found) or "-"


def by_music21(with_it: bytes, without: bytes) -> str:
    """Says what music21 plays of a message."""
    try:
        return compare(*(read_song(through_music21(data, "midi")) for data in (with_it, without)))
    except MidiError:
        return "no notes"
    except Exception as error:  # music21 raises anything at all
        return f"refused ({type(error).__name__})"


def by_fluidsynth(with_it: bytes, without: bytes) -> str:
    """Says whether FluidSynth's sound differs, and by what part of its power."""
    with tempfile.TemporaryDirectory() as folder:
        sounds = []
        for name, data in (("with", with_it), ("without", without)):
            path = Path(folder) / f"{name}.mid"
            path.write_bytes(data)
            sounds.append(play(path, rooms=True))
    if not np.any(sounds[0]):
        return "refused, or silent"
    length = max(map(len, sounds))
    one, two = (np.pad(sound, [(0, length - len(sound)), (0, 0)]) for sound in sounds)
    differs = np.sum((one - two) ** 2) / np.sum(two**2)
    return "heard" if differs > HEARD else "-"


def main() -> None:
    """Prints the table."""
    print("| message | here | FluidSynth | music21 |\n|---|---|---|---|")
    for name, tracks in CASES.items():
        files = [midi(*((each,) if isinstance(each, bytes) else each)) for each in tracks]
        here = compare(*(read_song(data) for data in files))
        row = (name, here, by_fluidsynth(*files), by_music21(*files))
        print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
