"""Plays the kinds of files that real programs write, and says what becomes of each.

    python tests/benchmarks/real_inputs.py

Prints two tables in Markdown: what the reader makes of each file, beside FluidSynth and music21,
and what is heard of the levels and bends in them, by the default bundle and by FluidSynth: each
beside its own playing of the same notes without controllers, or without what is silent.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "symbolic"))

from fluidsynth_cases import RATE, cents, levels, play
from midi_cases import REAL_INPUTS, mismatches, through_music21

import mt3synth
from mt3synth.symbolic.midi import MidiError, read_midi, read_song, write_midi

EXPECTED = json.loads((REAL_INPUTS / "expected.json").read_text())
SHAPED = ("fade_out_by_volume", "muted_channel_volume_0", "pitch_bend_whole_tone", "volume_255")
LOUD_DB = 25.0  # below its loudest; what is softer is of rooms and of what rings on


def by_fluidsynth(path: Path) -> np.ndarray:
    """FluidSynth's sound of a file ``[S]``; empty if it refuses it."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        copy.write_bytes(path.read_bytes())
        try:
            return play(copy).mean(axis=1)
        except Exception:  # no sound, or none that is finite
            return np.zeros(0)


def by_music21(path: Path) -> str:
    """Counts the notes that music21 reads of a file."""
    try:
        return f"{len(read_midi(through_music21(path.read_bytes(), 'midi'))[0])}"
    except MidiError:  # it wrote a file without notes
        return "0"
    except Exception as error:  # anything at all
        return f"refused ({type(error).__name__})"


def print_reading() -> None:
    """Prints what is read of each file."""
    print("| file | notes | as expected | said | FluidSynth | music21 |\n|---|---|---|---|---|---|")
    for name, expected in EXPECTED.items():
        song = read_song(REAL_INPUTS / name)
        as_expected = "; ".join(mismatches(song, expected)) or "yes"
        said = "; ".join([*song.reports, *song.beside])
        late = name.startswith("end_of_track_after")  # of which FluidSynth plays all five hours
        sound = np.zeros(0) if late else by_fluidsynth(REAL_INPUTS / name)
        plays = "not tried" if late else "plays" if np.any(np.abs(sound) > 1e-4) else "refuses"
        row = (name, f"{len(song.notes)}", as_expected, said, plays, by_music21(REAL_INPUTS / name))
        print(f"| {' | '.join(row)} |", flush=True)


def print_sound() -> None:
    """Prints what is heard of levels and bends."""
    model = mt3synth.load()
    print("| file | measured | here | FluidSynth |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for stem in SHAPED:
            path, plain = REAL_INPUTS / f"{stem}.mid", Path(folder) / f"{stem}.mid"
            notes = read_midi(path)[0]
            # A part that is silent is compared with no such part.
            silent = EXPECTED[path.name].get("silent_program", -1)
            write_midi(notes.select(notes.program != silent), plain)
            ours, theirs = [], []
            for each in (path, plain):
                song = model.render(each)
                ours.append(song.audio / song.gain)
                theirs.append(by_fluidsynth(each))
            what, *found = measure(stem, ours, theirs)
            print(f"| {stem}.mid | {what} | {' | '.join(found)} |", flush=True)


def measure(stem: str, ours: list[np.ndarray], theirs: list[np.ndarray]) -> tuple[str, str, str]:
    """Measures what controllers did: of each pair of sounds the first has them."""
    if stem.startswith("pitch_bend"):
        at = slice(int(1.3 * RATE), int(1.8 * RATE))
        bent = [cents(one[at], 60) - cents(two[at], 60) for one, two in (ours, theirs)]
        return ("cents at the end of the glide", *(f"{value:.1f}" for value in bent))
    count = min(len(sound) for sound in (*ours, *theirs)) // (RATE // 50)
    changed = [levels(one)[:count] - levels(two)[:count] for one, two in (ours, theirs)]
    plain = [levels(pair[1])[:count] for pair in (ours, theirs)]
    loud = np.all([level > level.max() - LOUD_DB for level in plain], axis=0)
    if stem.startswith("fade"):
        after = [np.flatnonzero(loud[:end])[-25:] for end in (100, 200, 300)]
        shown = (", ".join(f"{np.mean(each[at]):.1f}" for at in after) for each in changed)
        return ("dB before 2, 4 and 6 s", *shown)
    beside = "no such part" if stem.startswith("muted") else "a volume of 100"
    return (f"dB beside {beside}", *(f"{np.mean(each[loud]):.1f}" for each in changed))


if __name__ == "__main__":
    print_reading()
    print()
    print_sound()
