"""Measures whether the joins of a song that was rendered again in part can be told from the rest.

    python tests/benchmarks/regions.py docs/examples/mozart_quartet.mid --edits 4 --steps 8

Notes are changed here and there; the song is rendered again where they changed, and as a whole. At
the joins of the former the largest and the mean change from one log-mel frame to the next (see
`mt3synth.evaluation.metrics.seams`) are divided by those of the latter at the same times, where
nothing was joined: 1 is what cannot be told apart.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

import mt3synth
from mt3synth.audio.mel import MelSpec, log_mel
from mt3synth.symbolic import read_midi
from mt3synth.symbolic.notes import Notes
from mt3synth.times import read_region
from mt3synth.types import Float, FloatND

BEFORE_SECONDS, AFTER_SECONDS = 0.1, 0.7
"""Around a join, within which it is heard: the fade lies anywhere on its inner side."""


def edit(notes: Notes, every: float, seed: int) -> Notes:
    """Moves a note by a whole tone about every so many seconds."""
    rng = np.random.default_rng(seed)
    pitch = notes.pitch.copy()
    for start in np.arange(rng.uniform(2, every), notes.end_time, every):
        near = np.flatnonzero((notes.start >= start) & (notes.start < start + 2) & ~notes.is_drum)
        if len(near):
            pitch[rng.choice(near)] += rng.choice([-2, 2])
    return notes.replace(pitch=pitch)


def jumps(audio: FloatND, spec: MelSpec) -> Float[np.ndarray, " changes"]:
    """Measures by how much the sound changes from each of its frames to the next, by `movement`."""
    return movement(log_mel(audio, spec))


def movement(mel: FloatND) -> Float[np.ndarray, " changes"]:
    """Measures the mean absolute change of the mel bins from each frame to the next, in nats.

    What lies 60 dB below the loudest is taken for silence.
    """
    mel = np.asarray(mel, np.float64)
    mel = np.maximum(mel, mel.max() - 60 * np.log(10) / 20)
    return np.mean(np.abs(np.diff(mel, axis=0)), axis=1)


def joins_of(again: mt3synth.Song, end: float) -> list[tuple[float, bool]]:
    """Lists the times at which old and new sound meet, and whether the new one begins there."""
    found = []
    for passage in again.metadata["again"].split(", "):
        start, last = read_region(passage)
        found += [(start, True)] if start > 0 else []
        found += [(last, False)] if last < end - 0.02 else []
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("songs", nargs="+")
    parser.add_argument("--edits", type=int, default=4, help="of each song")
    parser.add_argument("--every", type=float, default=22.0, help="seconds from edit to edit")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--end", type=float, default=60.0)
    args = parser.parse_args()
    model = mt3synth.load()
    spec, pairs = model.spec.mel, []
    spent = {"whole": 0.0, "again": 0.0}
    for path in args.songs:
        notes = read_midi(path)[0].cropped(0, args.end)
        before = model.render(notes, steps=args.steps)
        for seed in range(args.edits):
            edited = edit(notes, args.every, seed)
            songs = {}
            for name, since in (("again", before), ("whole", None)):
                began = time.perf_counter()
                songs[name] = model.render(edited, steps=args.steps, since=since)
                spent[name] += time.perf_counter() - began
            again, whole = (jumps(songs[name].audio, spec) for name in ("again", "whole"))
            for at, inwards in joins_of(songs["again"], songs["again"].seconds):
                reach = (
                    (BEFORE_SECONDS, AFTER_SECONDS) if inwards else (AFTER_SECONDS, BEFORE_SECONDS)
                )
                near = slice(
                    max(0, int((at - reach[0]) * spec.frame_rate)),
                    int((at + reach[1]) * spec.frame_rate),
                )
                pairs.append([f(each[near]) for f in (np.max, np.mean) for each in (again, whole)])
    print(
        f"{len(pairs)} joins, steps {args.steps}; "
        f"{spent['again']:.1f} s again, {spent['whole']:.1f} s whole"
    )
    rng = np.random.default_rng(0)
    draws = rng.integers(0, len(pairs), (2000, len(pairs)))
    columns = np.array(pairs).T
    for name, made, free in (("largest", *columns[:2]), ("mean", *columns[2:])):
        ratios = made[draws].mean(axis=1) / free[draws].mean(axis=1)
        low, high = np.percentile(ratios, [2.5, 97.5])
        print(f"{name} movement: {made.mean() / free.mean():.3f} [{low:.3f}, {high:.3f}]")


if __name__ == "__main__":
    main()
