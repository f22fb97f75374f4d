"""Tunings of single keys by the MIDI Tuning Standard, and of all keys, as FluidSynth plays them."""

from pathlib import Path

import numpy as np
import pytest
from fluidsynth_cases import RATE, cents, needs_fluidsynth, play
from midi_cases import control, event, exclusive, midi, tone, wheel

from mt3synth.symbolic.midi import read_midi, read_song
from mt3synth.symbolic.midi.key_tuning import understand_tuning

DRAWBARS = event(0xC0, 16)
FLAT_FIFTHS = [0, -10, 20, -30, 40, -50, 60, -63, 35, -25, 15, -5]  # of C, C sharp, ... in cents


def number(semitones: float) -> str:
    """A pitch as three bytes in hexadecimal."""
    whole, part = int(semitones), round(semitones % 1 * 16384)
    return f"{whole:02x}{part >> 7:02x}{part & 127:02x}"


def select(program: int, bank: int | None = None) -> bytes:
    """Selects a tuning program of a bank by RPN 3 and 4."""
    tuning_bank = b"" if bank is None else parameter(4, bank)
    return tuning_bank + parameter(3, program)


def parameter(fine: int, value: int, low: int = 0) -> bytes:
    return control(101, 0) + control(100, fine) + control(6, value) + control(38, low)


NAME = "20" * 16
ALL_KEYS = "".join(number(min(key + 0.25, 127)) for key in range(128))
ONE_BYTE = "".join(f"{64 + value:02x}" for value in FLAT_FIFTHS)
TWO_BYTES = "".join(
    f"{value >> 7:02x}{value & 127:02x}"
    for value in (8192 + round(cents * 81.92) for cents in FLAT_FIFTHS)
)

# What is written before a tone on each of these keys, and how many cents it moves them.
KEYS = (60, 64, 67)
WRITTEN = {
    "nothing": (b"", (0, 0, 0)),
    "single keys": (
        exclusive(f"7f 7f 08 02 01 02 3c {number(60.5)} 40 {number(62.9)}") + select(1),
        (50, -110, 0),
    ),
    "single keys after they were selected": (
        select(0) + exclusive(f"7f 7f 08 02 00 01 43 {number(67.3)}"),
        (0, 0, 30),
    ),
    "single keys in a bank": (
        exclusive(f"7e 7f 08 07 03 02 01 3c {number(59.8)}") + select(2, bank=3),
        (-20, 0, 0),
    ),
    "a program that nobody selected": (exclusive(f"7f 7f 08 02 01 01 3c {number(61)}"), (0, 0, 0)),
    "no change of a key": (
        exclusive(f"7f 7f 08 02 01 01 3c {number(61)}")
        + exclusive("7f 7f 08 02 01 01 3c 7f 7f 7f")
        + select(1),
        (100, 0, 0),
    ),
    "a dump of all keys": (exclusive(f"7e 00 08 01 05 {NAME} {ALL_KEYS} 00") + select(5), [25] * 3),
    "a dump of all keys in a bank": (
        exclusive(f"7e 00 08 04 01 05 {NAME} {ALL_KEYS} 00") + select(5, bank=1),
        [25] * 3,
    ),
    "a dump of an octave": (
        exclusive(f"7e 00 08 05 00 04 {NAME} {ONE_BYTE} 00") + select(4, bank=0),
        (0, 40, -63),
    ),
    "a dump of an octave, finer": (
        exclusive(f"7e 00 08 06 00 04 {NAME} {TWO_BYTES} 00") + select(4, bank=0),
        (0, 40, -63),
    ),
    "a scale of channels": (exclusive(f"7f 7f 08 08 03 7f 7f {ONE_BYTE}"), (0, 40, -63)),
    "a scale of channels, finer": (exclusive(f"7e 7f 08 09 00 00 01 {TWO_BYTES}"), (0, 40, -63)),
    "a scale of another channel": (exclusive(f"7e 7f 08 08 00 00 02 {ONE_BYTE}"), (0, 0, 0)),
    "a reset": (
        exclusive(f"7f 7f 08 08 03 7f 7f {ONE_BYTE}") + exclusive("7e 7f 09 01") + DRAWBARS,
        (0, 0, 0),
    ),
    "the wheel": (wheel(4096), [100] * 3),
    "the wheel, wide": (parameter(0, 3) + wheel(-4096), [-150] * 3),
    "fine tuning": (parameter(1, 96, 64), [50.8] * 3),
    "the wheel over a scale": (
        wheel(2048) + exclusive(f"7f 7f 08 08 03 7f 7f {ONE_BYTE}"),
        (50, 90, -13),
    ),
}


def written(name: str) -> bytes:
    return midi(DRAWBARS + WRITTEN[name][0] + b"".join(tone(key, 960) for key in KEYS))


@pytest.mark.parametrize("name", WRITTEN)
def test_keys_are_tuned_as_is_written(name):
    song = read_song(written(name))
    said = song.detune + [song.curves[0].cents(start) for start in song.notes.start]
    assert said == pytest.approx(np.array(WRITTEN[name][1]), abs=0.1)
    assert song.reports == []


def heard(name: str, folder: Path) -> np.ndarray:
    """How far FluidSynth plays each tone from its key, in cents."""
    (folder / "x.mid").write_bytes(written(name))
    tones = play(folder / "x.mid").mean(axis=1)[: len(KEYS) * RATE].reshape(len(KEYS), RATE)
    return np.array([cents(tone[RATE // 5 : -RATE // 10], key) for tone, key in zip(tones, KEYS)])


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """How far the soundfont's tones are from their keys by themselves."""
    return heard("nothing", tmp_path_factory.mktemp("plain"))


# FluidSynth sends dumps and takes none.
@needs_fluidsynth
@pytest.mark.parametrize("name", [name for name in WRITTEN if "dump" not in name])
def test_fluidsynth_plays_what_is_read(name, tmp_path, plain):
    assert heard(name, tmp_path) - plain == pytest.approx(np.array(WRITTEN[name][1]), abs=1.5)


def test_a_tuning_counts_from_the_next_strike_on():
    scale = exclusive(f"7f 7f 08 08 03 7f 7f {ONE_BYTE}")
    track = event(0x90, 64, 80) + scale + event(0x80, 64, 0, after=480) + tone(64)
    assert read_song(midi(track)).detune.tolist() == [0, 40]


def test_drums_keep_their_keys():
    scale = exclusive(f"7f 7f 08 08 03 7f 7f {ONE_BYTE}")
    assert read_song(midi(scale + tone(40, channel=9))).detune.tolist() == [0]


def test_tunings_are_ignored_by_who_takes_the_notes_alone():
    name = "single keys"
    assert read_midi(written(name))[1] == ["tunings of keys: 1 ignored"]


@pytest.mark.parametrize(
    "content",
    [
        "7e 00 08",
        "7e 00 08 00 01",
        "7e 00 08 01 05 20",
        "7e 00 08 04 05",
        "7e 00 08 05 00 04 20",
        "7f 00 08 02 01",
        "7f 00 08 02 01 02 3c 3c 00 00",
        "7f 00 08 02 01 00",
        "7f 00 08 08 03 7f 7f 40",
        "7f 00 08 09 03 7f 7f" + "40" * 23,
        "7f 00 08 08 03 7f 7f" + "ff" * 12,
        "7f 00 04 08 03 7f 7f" + "40" * 12,
    ],
)
def test_a_message_that_is_cut_or_damaged_tunes_nothing(content):
    assert understand_tuning(bytes.fromhex(content)) is None
    song = read_song(midi(exclusive(content) + tone()))
    assert song.detune.tolist() == [0] and len(song.reports) == 1
