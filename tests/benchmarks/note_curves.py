"""Measures how exactly a model that hears curves of notes plays written pitches and levels.

    python tests/benchmarks/note_curves.py BUNDLE [BUNDLE...] [--performance studio]

A bundle is a folder, or ``default``.

Tones of several instruments are bent by each tenth of a semitone up to two, and held; FluidSynth
plays the same MIDI file with the soundfont of the performance. All are measured alike, by the
pitch at which a comb of partials catches most of the tone: the model's tone, FluidSynth's, and
FluidSynth's after it has been taken to frames and vocoded, which is the best that can be hoped
for of any model with these frames. Each is relative to its own tone that is not bent. Then the
levels of a swell, a fade and a mute beside FluidSynth's, every 20 ms. Prints tables in Markdown.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "symbolic"))

from fluidsynth_cases import RATE, levels
from midi_cases import control, event, midi, wheel

import mt3synth
from data_pipelines.corpus.performances import read_performances
from data_pipelines.corpus.sound.render import synthesize_file
from data_pipelines.corpus.sound.soundfonts import find_playable
from mt3synth.audio.mel import log_mel
from mt3synth.vocoder.protocol import vocode_song

TICKS = 960  # a second, as `midi_cases` has it
TONES = {
    "violin": (40, 69),
    "cello": (42, 50),
    "flute": (73, 76),
    "clarinet": (71, 62),
    "trumpet": (56, 67),
    "organ": (19, 60),
    "guitar": (25, 57),
    "piano": (0, 60),
}
TENTHS = np.arange(-20, 21)
SECONDS, REST = 1.2, 0.6
_LOWEST_DB = -40.0  # below its loudest a level is lost in rooms and in what a vocoder adds

Play = Callable[[bytes], np.ndarray]


def pitch(sound: np.ndarray, key: float) -> float:
    """The pitch of a tone, in cents from a key near it: of the comb that catches most magnitude."""
    middle = sound[int(0.3 * RATE) : int(1.1 * RATE)]  # neither its attack nor its end
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)), 1 << 17))
    cents = np.arange(-150.0, 150.0, 1.0)
    f0 = 440 * 2 ** ((key - 69 + cents / 100) / 12)
    partials = np.arange(1, 11)
    partials = partials[partials * f0.max() < 0.45 * RATE]
    at = f0[:, None] * partials * (1 << 17) / RATE
    caught = np.sqrt(np.interp(at, np.arange(len(spectrum)), spectrum)).sum(axis=1)
    best = int(np.clip(np.argmax(caught), 1, len(cents) - 2))
    low, mid, high = caught[best - 1 : best + 2]
    return float(cents[best] + 0.5 * (low - high) / (low - 2 * mid + high))


def bent(program: int, key: int) -> bytes:
    """A tone for each tenth, one after the other, bent from before its beginning."""
    rest, held = int(REST * TICKS), int(SECONDS * TICKS)
    tones = [
        wheel(max(-8192, min(8191, round(8192 * t / 20))), after=rest if number else 0)
        + event(0x90, key, 90)
        + event(0x80, key, 0, after=held)
        for number, t in enumerate(TENTHS.tolist())
    ]
    return midi(event(0xC0, program) + b"".join(tones))


def pitches(sound: np.ndarray, key: int) -> np.ndarray:
    """By how many cents each tone of `bent` is off, beside the one that is not bent."""
    starts = np.arange(len(TENTHS)) * (SECONDS + REST) * RATE
    heard = np.array(
        [pitch(sound[int(at) :], key + t / 10) for at, t in zip(starts, TENTHS.tolist())]
    )
    return heard - heard[TENTHS == 0]


def play_by_model(bundle: Path | None, performance: str) -> tuple[Play, Play]:
    """A model's player, and what its frames and vocoder make of another sound."""
    model = mt3synth.load() if bundle is None else mt3synth.load(bundle)
    renderer = model.renderer(performance)

    def play(data: bytes) -> np.ndarray:
        song = model.render(data, performance, tail=0.5)
        return song.audio / song.gain

    def vocoded(sound: np.ndarray) -> np.ndarray:
        return vocode_song(renderer.vocoder, log_mel(np.float32(sound), model.spec.mel))

    return play, vocoded  # type: ignore[return-value]


def play_by_fluidsynth(performance: str) -> Play:
    """FluidSynth with a performance's soundfont, dry, at its gain."""
    found = next(each for each in read_performances() if each.name == performance)
    soundfont = find_playable(found.soundfont.path())

    def play(data: bytes) -> np.ndarray:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "x.mid"
            path.write_bytes(data)
            return synthesize_file(path, soundfont, RATE) * 10 ** (found.gain_db / 20)

    return play


def print_pitches(players: dict[str, Play]) -> None:
    """Prints by how many cents each misses what is written: the mean, and the most."""
    print("| instrument | " + " | ".join(f"{name}: mean, most" for name in players) + " |")
    print("|---|" + "---|" * len(players))
    everything: dict[str, list[np.ndarray]] = {name: [] for name in players}
    for instrument, (program, key) in TONES.items():
        cells = []
        for name, play in players.items():
            off = np.abs(pitches(play(bent(program, key)), key))
            everything[name].append(off)
            cells.append(f"{off.mean():.1f}, {off.max():.1f} ({TENTHS[off.argmax()] / 10:+.1f})")
        print(f"| {instrument} | {' | '.join(cells)} |", flush=True)
    cells = []
    for each in everything.values():
        off = np.concatenate(each)
        within = f"{100 * np.mean(off <= 15):.0f} % within 15"
        cells.append(f"{off.mean():.1f}, {off.max():.1f}; {within}")
    print(f"| all | {' | '.join(cells)} |", flush=True)


def courses() -> dict[str, tuple[bytes, tuple[bytes, ...], int]]:
    """What is sent before a tone, what during it, and ticks between two messages."""
    up = np.linspace(30, 127, 80).round().astype(int).tolist()
    swell = tuple(control(11, value) for value in (*up, *up[::-1]))
    fade = tuple(control(7, int(value)) for value in np.linspace(127, 15, 80))
    mute = (control(7, 100), control(7, 0), control(7, 100))
    return {
        "a swell of 8 s by CC11": (control(11, 30), swell, 48),
        "a fade of 4 s by CC7": (control(7, 127), fade, 48),
        "a mute of a second": (control(7, 100), mute, TICKS),
    }


def print_levels(ours: dict[str, Play], theirs: Play) -> None:
    """Prints how far levels are from FluidSynth's, each beside its tone without controllers."""
    print("| | range, dB | " + " | ".join(f"{n}: mean, most, dB" for n in ours) + " |")
    print("|---|---|" + "---|" * len(ours))
    for name, (before, course, ticks) in courses().items():
        apart = b"".join(event(*message[1:], after=ticks) for message in course)
        held = event(0x90, 60, 90) + apart + event(0x80, 60, 0, after=ticks)
        plain = event(0x90, 60, 90) + event(0x80, 60, 0, after=ticks * (len(course) + 1))
        files = [midi(event(0xC0, 19) + each) for each in (before + held, plain)]
        count = int(len(course) * ticks / TICKS * 50) - 2

        def change(play: Play, files: list[bytes] = files, count: int = count) -> np.ndarray:
            moved, still = (levels(play(each))[:count] for each in files)
            return moved - still

        expected = change(theirs)
        cells = []
        for play in ours.values():
            found = change(play)
            heard = (expected > _LOWEST_DB) & (np.arange(count) >= 5)
            # At the edge of a mute the next 20 ms decide, and FluidSynth works in blocks.
            steady = heard & np.roll(heard, 1) & np.roll(heard, -1)
            off = np.abs(found - found[steady].max() - expected + expected[steady].max())[steady]
            cells.append(f"{off.mean():.2f}, {off.max():.2f}")
        inside = expected[heard]
        print(f"| {name} | {np.ptp(inside):.0f} | {' | '.join(cells)} |", flush=True)


def main() -> None:
    """Prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("bundles", nargs="+", help="folders of bundles, or default")
    parser.add_argument("--performance", default="studio")
    options = parser.parse_args()
    real = play_by_fluidsynth(options.performance)
    ours: dict[str, Play] = {}
    for name in options.bundles:
        bundle = None if name == "default" else Path(name)
        ours[Path(name).name], vocoded = play_by_model(bundle, options.performance)
    floor: Play = lambda data: vocoded(real(data))  # noqa: E731
    print_pitches({**ours, "FluidSynth": real, "FluidSynth, vocoded": floor})
    print()
    print_levels({**ours, "FluidSynth, vocoded": floor}, real)


if __name__ == "__main__":
    main()
