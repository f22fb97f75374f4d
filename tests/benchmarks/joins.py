"""Measures whether the joins of windows can be told from the rest of a song.

    python tests/benchmarks/joins.py --corpus data/corpus --out joins.jsonl --picture joins.png
    python tests/benchmarks/joins.py --corpus data/corpus --out joins.jsonl --steps 8 --songs 1

Songs of ten minutes, the validation splits' scores one after the other, are rendered to mel frames
on a canvas, as a stream, and window by window with no regard to the others, blended at the end
alone; each with several overlaps. At every join the largest change from one frame to the next among
those that its windows share (`regions.movement`) is taken, and so it is at eight random places for
each join that touch none. Their ratio is divided by that at the same places of the real recording:
FluidSynth, room and recording chain of the same notes. 1 is what cannot be told apart. Intervals of
95 % are over joins and places, drawn anew 2000 times, the same for both recordings. Without steps
there is nothing to be blended at: the mean of the prior is the same with and without.

Lines are kept in ``--out``; a run that was stopped goes on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from regions import movement

from data_pipelines.shards.formats import read_split
from mt3synth import bundle as bundles
from mt3synth.audio.mel import from_network, log_mel
from mt3synth.diffusion.prior import draw_marginal
from mt3synth.diffusion.sampler import iterate
from mt3synth.evaluation.bundle.renderers import RealRenderer
from mt3synth.reporting.mel_pictures import png_of_few_colours
from mt3synth.symbolic.notes import Notes
from mt3synth.synthesis import SamplingConfig, Synthesizer
from mt3synth.synthesis.canvas import EDGE_FRAMES, Windows
from mt3synth.synthesis.conditions import ScoreWindows
from mt3synth.synthesis.sampling import SettledSampling
from mt3synth.synthesis.shares import Shares
from mt3synth.synthesis.song_window import SongWindow
from mt3synth.types import Float, FloatND, Int

OVERLAPS = (0, 8, 16, 32, 64)
WAYS = ("canvas", "stream", "apart")
SECONDS = 590.0  # with its tail a song is no longer than what is a canvas
PLACES, DRAWS = 8, 2000
Row = dict[str, Any]


def songs(corpora: Sequence[Path], count: int) -> Iterator[Notes]:
    """Yields songs of ten minutes, the scores of the validation splits one after the other."""
    whole = Notes.empty()
    for song in (song for corpus in corpora for song in read_split(corpus, "validation")):
        at = whole.end_time if len(whole) else 0.0
        whole = Notes.concatenate([whole, song.notes.shifted(at)])
        if whole.end_time >= SECONDS:
            yield whole.cropped(0.0, SECONDS)
            whole, count = Notes.empty(), count - 1
            if not count:
                return
    raise SystemExit("the validation splits are too short for so many songs")


def apart(
    synthesizer: Synthesizer, notes: Notes, performance: int, config: SettledSampling
) -> Float[np.ndarray, "T M"]:
    """Renders a song whose windows know nothing of each other until they are done."""
    spec, frames = synthesizer.spec, synthesizer.frames(notes, config)
    windows = Windows(frames + 2 * EDGE_FRAMES, spec.segment_frames, config.overlap)
    score, schedule, made = ScoreWindows(notes, spec), spec.diffusion.schedule, []
    for number, start in enumerate(windows.starts - EDGE_FRAMES):
        network, shares = synthesizer.network, Shares.of(performance)
        window = SongWindow(
            spec, network, synthesizer.weights, score, int(start), shares, config.guidance, None
        )
        key = jax.random.fold_in(jax.random.key(config.seed), number)
        first, rest = jax.random.split(key)
        noise = jax.random.normal(first, (1, spec.segment_frames, spec.mel.bins))
        scales = schedule.alpha_sigma(jnp.float32(config.start_time))
        noisy = draw_marginal(noise, window.prior(), *scales)
        along = {"start_time": config.start_time, "spacing": config.spacing}
        steps = iterate(
            window.denoise, noisy, schedule, config.stepper, rest, steps=config.steps, **along
        )
        made.append(list(steps)[-1][0])
    x0 = windows.join(jnp.stack(made))
    return from_network(np.asarray(x0[EDGE_FRAMES : EDGE_FRAMES + frames]), spec.mel)


def joins(frames: int, window: int, overlap: int) -> Int[np.ndarray, " joins"]:
    """Lists the first frames of all windows of a song but the first one."""
    starts = Windows(frames + 2 * EDGE_FRAMES, window, overlap).starts - EDGE_FRAMES
    return starts[(starts > 0) & (starts + overlap < frames)]


def elsewhere(
    at: Int[np.ndarray, " joins"], frames: int, overlap: int, seed: int
) -> Int[np.ndarray, " places"]:
    """Draws places as long as a join that share no frame with any."""
    free = np.ones(frames, bool)
    for join in at:
        free[max(0, join - overlap - 1) : join + overlap + 2] = False
    free[:2], free[frames - overlap - 1 :] = False, False
    return np.random.default_rng(seed).choice(np.flatnonzero(free), PLACES * len(at))


def largest(changes: FloatND, at: Int[np.ndarray, " p"], overlap: int) -> Float[np.ndarray, " p"]:
    """Takes the largest change between the frame before each place and the one after it."""
    return np.array([changes[first - 1 : first + overlap].max() for first in at])


def ratio(found: FloatND, rng: np.random.Generator | None = None) -> float:
    """Divides changes at joins by those elsewhere, and that by the same of the real recording.

    Args:
      found: two rows, made and real, of the joins and then of eight places for each.
      rng: draws joins and places anew.
    """
    count = found.shape[1] // (PLACES + 1)
    near, far = np.arange(count), np.arange(count, found.shape[1])
    if rng is not None:
        near, far = rng.choice(near, len(near)), rng.choice(far, len(far))
    made, real = (row[near].mean() / row[far].mean() for row in found)
    return float(made / real)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, nargs="+", required=True)
    parser.add_argument("--songs", type=int, default=3)
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--performance", default="studio")
    parser.add_argument("--overlaps", type=int, nargs="+", default=OVERLAPS)
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--picture", type=Path, metavar="PNG")
    args = parser.parse_args()
    model = bundles.load()
    spec, names = model.spec, [each.name for each in model.performances]
    performance = names.index(args.performance)
    chosen = list(songs(args.corpus, args.songs))
    render = RealRenderer(names, spec.mel, ())
    real = [log_mel(render(song, performance, song.end_time + 2.5), spec.mel) for song in chosen]
    synthesizer = Synthesizer(spec, model.params)
    rows = read_rows(args.out)
    for overlap in args.overlaps:
        for way in args.ways:
            if (args.steps, way, overlap) in rows or (way == "apart" and not args.steps):
                continue
            config = SamplingConfig(steps=args.steps, overlap=overlap).for_model(spec)
            parts = []
            for seed, (song, recorded) in enumerate(zip(chosen, real)):
                if way == "apart":
                    made = apart(synthesizer, song, performance, config)
                elif way == "stream":
                    made = np.concatenate(list(synthesizer.stream(song, performance, config)))
                else:
                    made = synthesizer.mel(song, performance, config)
                frames = min(len(made), len(recorded))
                at = joins(frames, spec.segment_frames, overlap)
                places = elsewhere(at, frames, overlap, seed)
                both = [movement(each[:frames]) for each in (made, recorded)]
                parts.append([[largest(each, p, overlap) for p in (at, places)] for each in both])
            # Joins of all songs first, then all places.
            found = np.array(
                [np.concatenate([part[i][j] for j in (0, 1) for part in parts]) for i in (0, 1)]
            )
            rng = np.random.default_rng(0)
            drawn = [ratio(found, rng) for _ in range(DRAWS)]
            row = {"steps": args.steps, "way": way, "overlap": overlap, "ratio": ratio(found)}
            row["interval"] = np.percentile(drawn, [2.5, 97.5]).tolist()
            row["joins"] = found.shape[1] // (PLACES + 1)
            rows[args.steps, way, overlap] = row
            with args.out.open("a") as file:
                file.write(json.dumps(row) + "\n")
    print(
        "| steps | windows | overlap | joins | at joins / elsewhere / real |\n|---|---|---|---|---|"
    )
    for row in rows.values():
        cells = [row["steps"], row["way"], row["overlap"], row["joins"], "{:.3f} [{:.3f}, {:.3f}]"]
        print(f"| {' | '.join(map(str, cells))} |".format(row["ratio"], *row["interval"]))
    if args.picture is not None:
        args.picture.write_bytes(picture(list(rows.values())))


def read_rows(path: Path) -> dict[tuple[int, str, int], Row]:
    """Reads what was measured before."""
    rows = map(json.loads, path.read_text().splitlines() if path.exists() else [])
    ordered = sorted(rows, key=lambda row: (row["steps"], row["overlap"]))
    return {(row["steps"], row["way"], row["overlap"]): row for row in ordered}


def picture(rows: list[Row]) -> bytes:
    """Draws a PNG: ratios with their intervals against overlaps, a panel a number of steps."""
    from matplotlib.figure import Figure

    kinds = sorted({row["steps"] for row in rows})
    figure = Figure(figsize=(4.2 * len(kinds), 3.0), layout="constrained")
    axes = figure.subplots(1, len(kinds), squeeze=False)[0]
    for axis, steps in zip(axes, kinds):
        for number, way in enumerate(WAYS):
            own = [row for row in rows if row["steps"] == steps and row["way"] == way]
            at = [OVERLAPS.index(row["overlap"]) + 0.12 * (number - 1) for row in own]
            values = np.array([row["ratio"] for row in own])
            ends = np.array([row["interval"] for row in own]).reshape(-1, 2).T
            bars = np.abs(ends - values)
            axis.errorbar(at, values, bars, fmt="o-", ms=3, lw=1.2, capsize=2, label=way)
        axis.axhline(1, color="black", lw=0.8)
        axis.axhline(1.05, color="black", ls=":", lw=0.8)
        axis.set_xticks(range(len(OVERLAPS)), map(str, OVERLAPS))
        axis.set_xlabel("frames of overlap")
        axis.set_title(f"{steps} steps", fontsize=10, loc="left")
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(alpha=0.25)
    axes[-1].legend(fontsize=8)
    return png_of_few_colours(figure, colours=64)


if __name__ == "__main__":
    main()
