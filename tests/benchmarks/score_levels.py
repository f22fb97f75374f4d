"""Draws how loud the parts of a score are over time, to the letter and with expression.

    python tests/benchmarks/score_levels.py docs/pictures/score_levels.png

The score is a page of a quartet in music21's corpus. Of each part it draws what its notes would
sound like on an organ: the level of the loudest of them at each moment, 40 log10(velocity / 127) dB
as synthesizers play velocities, and expression (CC11) alike.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from mt3synth.symbolic.midi import MidiSong
from mt3synth.symbolic.scores import play_score
from mt3synth.symbolic.scores.gestures import LEAD_SECONDS

PIECE = "schumann_robert/opus41no1/movement4.mxl"
NAMES = ("Violin I", "Violin II", "Viola", "Cello")
FLOOR_DB = -30.0
FRAME_S = 0.02


def measure_levels(song: MidiSong, part: int, seconds: float) -> np.ndarray:
    """Measures a part's level in each frame, dB, float64 ``[T]``; NaN where it is silent."""
    frames = int(seconds / FRAME_S)
    levels = np.full(frames, np.nan)
    notes, curve = song.notes.select(song.channel == part), song.curves[part].expression
    for start, end, velocity in zip(notes.start, notes.end, notes.velocity):
        inside = slice(int(start / FRAME_S), max(int(end / FRAME_S), int(start / FRAME_S) + 1))
        # The curve is the next note's a moment before that begins.
        at = np.clip(FRAME_S * np.arange(frames)[inside], start, max(end - LEAD_SECONDS, start))
        expression = curve.at(at - 1e-6 * (at > start)) / 127
        level = np.maximum(40 * np.log10(velocity / 127 * expression), FLOOR_DB)
        levels[inside] = np.fmax(levels[inside], level)
    return levels


def draw(path: Path, begin: float, end: float) -> None:
    """Draws the page from one second to another, of both playings' own time."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import music21

    data = (Path(music21.__file__).parent / "corpus" / PIECE).read_bytes()
    figure, axes = plt.subplots(
        len(NAMES), 1, figsize=(11, 7), sharex=True, sharey=True, layout="constrained"
    )
    for expression, colour, label in (
        (0.0, "tab:blue", "to the letter (--expression 0)"),
        (1.0, "tab:orange", "with expression (--expression 1)"),
    ):
        song = play_score(data, PIECE, expression)
        for part, axis in enumerate(axes):
            levels = measure_levels(song, part, end)
            times = np.arange(len(levels)) * FRAME_S
            axis.plot(times, levels, color=colour, linewidth=0.9, label=label)
    for axis, name in zip(axes, NAMES):
        axis.set_title(name, loc="left", fontsize=9)
        axis.set_ylabel("dB")
        axis.set_xlim(begin, end)
        axis.set_ylim(FLOOR_DB, 1)
        axis.grid(alpha=0.3)
    axes[0].legend(loc="lower right", fontsize=8)
    axes[-1].set_xlabel("seconds")
    figure.savefig(path, dpi=100)


def main() -> None:
    """Reads the arguments."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", type=Path)
    parser.add_argument("--start", type=float, default=0.0)
    parser.add_argument("--end", type=float, default=90.0)
    args = parser.parse_args()
    draw(args.output, args.start, args.end)


if __name__ == "__main__":
    main()
