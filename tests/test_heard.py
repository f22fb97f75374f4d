"""Controllers are heard: what the default bundle makes of files, beside FluidSynth.

Both play a file with controllers and the same file without; how far the two are apart is what the
controllers did. Levels are compared every 20 ms, in dB, pitches in cents.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from fluidsynth_cases import RATE, cents, levels, needs_fluidsynth
from fluidsynth_cases import play as play_by_fluidsynth
from midi_cases import REAL_INPUTS, control, event, midi, tone, wheel
from notation_cases import direction, dynamic, note, score, wedge

import mt3synth
from mt3synth.symbolic import read_midi

EXPECTED = json.loads((REAL_INPUTS / "expected.json").read_text())

pytestmark = needs_fluidsynth

DB, CENTS = 1.5, 15
ORGAN, FLUTE = event(0xC0, 19), event(0xC0, 73)
TICKS = 960  # a second
LOWEST = -40  # below its loudest a level is lost in what rooms and vocoders add


@pytest.fixture(scope="module")
def model():
    return mt3synth.load()


def held(*messages: bytes, ticks: int, key: int = 60) -> bytes:
    """A key that is held while messages, written as at once, come every so many ticks."""
    apart = b"".join(event(*message[1:], after=ticks) for message in messages)
    return event(0x90, key, 90) + apart + event(0x80, key, 0, after=ticks)


def played(model, data: bytes, folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """The sound of a file here and by FluidSynth, as loud as it was before anything was fitted."""
    song = model.render(data, tail=0.5)
    (folder / "x.mid").write_bytes(data)
    return song.audio / song.gain, play_by_fluidsynth(folder / "x.mid").mean(axis=1)


def changes(model, track: bytes, plain: bytes, folder: Path, seconds: float) -> np.ndarray:
    """By how many dB controllers change the level every 20 ms, here and by FluidSynth."""
    pairs = zip(played(model, midi(track), folder), played(model, midi(plain), folder))
    count = int(seconds * 50) - 2
    return np.array([levels(a)[:count] - levels(b)[:count] for a, b in pairs])


def swell() -> tuple[bytes, ...]:
    up = np.linspace(30, 127, 80).round().astype(int).tolist()
    return tuple(control(11, value) for value in (*up, *up[::-1]))


def fade() -> tuple[bytes, ...]:
    return tuple(control(7, int(value)) for value in np.linspace(127, 15, 80))


@pytest.mark.parametrize(
    ("before", "course", "ticks"),
    [(control(11, 30), swell(), 48), (control(7, 127), fade(), 48)],
    ids=["a swell of 8 s", "a fade of 4 s"],
)
def test_levels_follow_as_in_fluidsynth(model, tmp_path, before, course, ticks):
    track = ORGAN + before + held(*course, ticks=ticks)
    plain = ORGAN + tone(60, ticks * (len(course) + 1), velocity=90)
    ours, theirs = changes(model, track, plain, tmp_path, len(course) * ticks / TICKS)
    # Each is relative to its own loudest: here nothing is turned up.
    ours, theirs = ours - ours.max(), theirs - theirs.max()
    apart = np.abs(ours - theirs)[5:]
    print(f"largest difference {apart.max():.2f} dB, mean {apart.mean():.2f} dB")
    assert np.ptp(theirs) > 15 and apart.max() < DB


def test_a_mute_is_silent_and_ends_where_it_ends_in_fluidsynth(model, tmp_path):
    course = control(7, 100), control(7, 0), control(7, 100)
    track = ORGAN + held(*course, ticks=TICKS)
    plain = ORGAN + tone(60, 4 * TICKS, velocity=90)
    ours, theirs = changes(model, track, plain, tmp_path, 4.0)
    heard = theirs > LOWEST
    # FluidSynth takes messages between its blocks, so an edge may fall into the next 20 ms.
    assert np.sum(heard != (ours > LOWEST)) <= 2
    assert 45 <= np.sum(~heard) <= 55
    inside = heard & np.roll(heard, 1) & np.roll(heard, -1)
    assert np.abs(ours - theirs)[inside].max() < DB


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        (wheel(8191), 200),
        (wheel(-6144), -150),
        (control(101, 0) + control(100, 1) + control(6, 88), 37.5),
    ],
    ids=["a whole tone up", "a semitone and a half down", "fine tuning"],
)
def test_pitches_are_within_15_cents(model, tmp_path, setting, value):
    tuned = played(model, midi(FLUTE + setting + tone(72, 2 * TICKS)), tmp_path)
    plain = played(model, midi(FLUTE + tone(72, 2 * TICKS)), tmp_path)
    middle = slice(RATE // 2, 3 * RATE // 2)
    ours, theirs = (cents(a[middle], 72) - cents(b[middle], 72) for a, b in zip(tuned, plain))
    print(f"{value} cents: {ours:.1f} here, {theirs:.1f} by FluidSynth")
    assert ours == pytest.approx(value, abs=CENTS) and ours == pytest.approx(theirs, abs=CENTS)


def test_a_glide_is_where_it_is_in_fluidsynth(model, tmp_path):
    steps = [wheel(int(value)) for value in np.linspace(0, 8191, 50)]
    data = midi(FLUTE + tone(72, TICKS) + held(*steps, ticks=19, key=72) + tone(72, TICKS))
    sounds = played(model, data, tmp_path)

    def pitches(middle: float) -> np.ndarray:
        at = slice(int((middle - 0.06) * RATE), int((middle + 0.06) * RATE))
        return np.array([cents(sound[at], 72) for sound in sounds])

    for middle in (1.3, 1.5, 1.7, 2.6):
        # A soundfont's tones are some cents off by themselves.
        ours, theirs = pitches(middle) - pitches(0.5)
        print(f"after {middle} s: {ours:.1f} here, {theirs:.1f} by FluidSynth")
        assert ours == pytest.approx(theirs, abs=CENTS)


def test_a_vibrato_is_as_deep_as_in_fluidsynth(model, tmp_path):
    data = midi(FLUTE + control(1, 127) + tone(72, 2 * TICKS))
    ours, theirs = (
        np.array([cents(sound[s : s + 1280], 72) for s in range(RATE // 2, 3 * RATE // 2, 320)])
        for sound in played(model, data, tmp_path)
    )
    assert np.ptp(ours) == pytest.approx(np.ptp(theirs), abs=2 * CENTS)


def test_a_fade_of_a_real_file_fades(model):
    name = "fade_out_by_volume.mid"
    level = levels(model.render(REAL_INPUTS / name).audio)
    first, last = level[5:20].mean(), level[int(7.55 * 50) : int(7.9 * 50)].mean()
    assert first - last > EXPECTED[name]["fade_db"]


def test_a_glide_of_a_real_file_glides(model):
    path = REAL_INPUTS / "pitch_bend_whole_tone.mid"
    at = slice(int(1.3 * RATE), int(1.8 * RATE))
    bent, plain = (cents(model.render(s).audio[at], 60) for s in (path, read_midi(path)[0]))
    assert bent - plain == pytest.approx(100 * EXPECTED[path.name]["bend_semitones"], abs=CENTS)


@pytest.mark.slow
def test_a_swell_within_a_written_note_is_as_loud_as_its_rule_says(model):
    slow = direction("<words></words>", 'tempo="60"')
    held, after = note("A4", 4), dynamic("f") + note("C5", 4)
    swell = slow + dynamic("p") + wedge("crescendo") + held + wedge("stop")
    flute = {"name": "Flute", "program": 74}
    songs = [
        model.render(score(first, after, **flute)) for first in (swell, slow + dynamic("f") + held)
    ]
    ours, plain = (levels(song.audio / song.gain)[:395] for song in songs)
    seconds = np.array([0.5, 1.0, 2.0, 3.0, 3.9, 5.0, 6.0])
    rows = np.rint(seconds * 50).astype(int)
    found = np.array([np.mean((ours - plain)[row - 3 : row + 3]) for row in rows])
    # From p, 49, to f, 96, along a line of velocities.
    written = 40 * np.log10((49 + 47 * np.minimum(seconds / 4, 1)) / 96)
    print("dB", np.round(found, 2), "written", np.round(written, 2))
    np.testing.assert_allclose(found, written, atol=0.5)
