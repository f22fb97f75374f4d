"""Gives commands more and more to do, and measures how time and memory grow.

    python tests/faults/sizes.py --out /tmp/sizes [--cases midi,songs] [--picture sizes.png]

A case is a command that is given inputs of five sizes, each twice the one before; the largest is
what a user might have: two hours of MIDI, an hour of a recording, 10,000 songs, a hundred hours of
data, 1,000 performances. Seconds are those of computing, by the command and its workers. Time is
taken for `a + b * size ** p`; p is printed, and the most memory that the smallest and the largest
took. The results are kept in OUT/sizes.json; the same command goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from kill_at_random import prepare_environment

prepare_environment()

import large_inputs  # noqa: E402
from children import Child, call, temporary_of  # noqa: E402
from jobs import TRAIN_ANEW  # noqa: E402

DOUBLINGS = 4
"""Of a size, up to the largest."""


@dataclass(frozen=True)
class Case:
    """Names a command, what it is given, and how much of it.

    Attributes:
      what: it does, for the table.
      unit: of the size.
      largest: size.
      write: who writes an input of a size into a folder.
      arguments: of the command line, in that folder.
    """

    what: str
    unit: str
    largest: float
    write: Callable[[Path, float], None]
    arguments: tuple[str, ...]

    def sizes(self) -> list[float]:
        """Lists the sizes, each twice the one before."""
        return [self.largest / 2**n for n in reversed(range(DOUBLINGS + 1))]


_QUICKLY = ("--steps", "1", "--vocoder", "griffin-lim", "--gin.griffin_lim.GriffinLim.iterations=1")
_SMALL = ("--bundle", "bundle", *_QUICKLY)
_TRAIN = (*(word for word in TRAIN_ANEW if "validations" not in word), "--allow-untrained")
CASES = {
    "midi": Case(
        "`synthesize` with the default bundle",
        "minutes of MIDI",
        120,
        large_inputs.write_song,
        ("synthesize", "song.mid", "-o", "song.wav", "--steps", "0"),
    ),
    "vocode": Case(
        "`vocode` with the default vocoder",
        "minutes of a recording",
        60,
        large_inputs.write_recording,
        ("vocode", "take.wav", "-o", "out.wav"),
    ),
    "transcribe": Case(
        "`prepare transcribe`",
        "minutes of a recording",
        60,
        large_inputs.write_recording,
        ("prepare", "transcribe", "take.wav", "--out", "out", "--transcriber", "hears.py:hear"),
    ),
    "align": Case(
        "`prepare align`",
        "minutes of a recording",
        60,
        large_inputs.write_recording,
        ("prepare", "align", "--manifest", "takes.csv", "--out", "out"),
    ),
    "pairs": Case(
        "`prepare pairs`",
        "minutes of a recording",
        60,
        large_inputs.write_recording,
        ("prepare", "pairs", "--manifest", "takes.csv", "--out", "out", "--workers", "1"),
    ),
    "songs": Case(
        "`synthesize` of a folder, a tiny model",
        "songs",
        10_000,
        large_inputs.write_songs,
        ("synthesize", "songs", "-o", "out", *_SMALL, "--end", "1"),
    ),
    "set": Case(
        "`train`, twelve steps of a tiny model",
        "hours of data",
        100,
        large_inputs.write_sparse_set,
        _TRAIN,
    ),
    "performances": Case(
        "`synthesize`, a tiny model",
        "performances",
        1000,
        large_inputs.write_performances,
        ("synthesize", "song.mid", "-o", "song.wav", "--performance", "hall 0", *_SMALL),
    ),
    "learned": Case(
        "`train`, twelve steps of a tiny model",
        "performances",
        1000,
        large_inputs.write_performances,
        _TRAIN,
    ),
}


def main() -> int:
    """Measures what was not measured before, and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for all of it")
    parser.add_argument("--cases", default=",".join(CASES), help="which, with commas")
    parser.add_argument("--share", type=float, default=1.0, help="of the largest sizes (1)")
    parser.add_argument("--picture", type=Path, help="where the curves are drawn, .png")
    args = parser.parse_args()
    out = args.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    prepare_environment(out)
    kept = out / "sizes.json"
    measured: dict[str, list[dict[str, float]]] = {}
    if kept.exists():
        measured = json.loads(kept.read_text())
    for name in args.cases.split(","):
        rows = measured.setdefault(name, [])
        for size in CASES[name].sizes()[len(rows) :]:
            rows.append(measure(CASES[name], size * args.share, out))
            print(name, rows[-1], flush=True)
            kept.write_text(json.dumps(measured, indent=1) + "\n")
    print("\n".join(table(measured)))
    if args.picture:
        draw(measured, args.picture)
    return 0


def measure(case: Case, size: float, out: Path) -> dict[str, float]:
    """Runs a command on an input of a size; seconds of computing, and the most bytes it held.

    Raises:
      RuntimeError: the command failed.
    """
    folder = out / "work"
    for _ in range(2):
        for each in (folder, temporary_of(folder)):
            shutil.rmtree(each, ignore_errors=True)
        call(lambda: case.write(folder, size) or "")
        ended = Child(case.arguments, folder).wait(86_400)
        # The first compiles, which counts where the rest is short: then the second is measured.
        if ended.status or ended.seconds > 60:
            break
    if ended.status:
        raise RuntimeError(f"{case.what}, {size:g} {case.unit}: {ended}")
    return {"size": size, "seconds": ended.seconds, "bytes": ended.most_bytes}


def fit(sizes: Sequence[float], seconds: Sequence[float]) -> tuple[float, float, float]:
    """Fits `a + b * size ** p` to seconds, relative errors squared; returns a, b and p."""
    x, y = np.asarray(sizes, np.float64), np.asarray(seconds, np.float64)
    best = (np.inf, (0.0, 0.0, 0.0))
    for power in np.arange(0.0, 3.001, 0.01):
        columns = np.stack([np.ones_like(x), x**power], 1) / y[:, None]
        constants = np.linalg.lstsq(columns, np.ones_like(y), rcond=None)[0]
        if constants[0] < 0:  # Nothing takes less than no time: then the power is alone.
            constants = np.array(
                [0.0, (columns[:, 1] @ np.ones_like(y)) / (columns[:, 1] ** 2).sum()]
            )
        error = float(np.square(columns @ constants - 1).sum())
        if error < best[0]:
            best = (error, (float(constants[0]), float(constants[1]), float(power)))
    return best[1]


def table(measured: dict[str, list[dict[str, float]]]) -> list[str]:
    """Writes a line for each case that was measured."""
    lines = [
        "| command | up to | seconds, least and most | exponent of time | MB, least and most |",
        "|---|---|---|---|---|",
    ]
    for name, rows in measured.items():
        case, first, last = CASES[name], rows[0], rows[-1]
        *_, power = fit(*zip(*((row["size"], row["seconds"]) for row in rows)))
        # Where hardly more is taken for sixteen times as much there is no power to speak of.
        grows = last["seconds"] > 1.3 * first["seconds"]
        lines.append(
            f"| {case.what} | {last['size']:,g} {case.unit} | {first['seconds']:.1f}, "
            f"{last['seconds']:.1f} | {f'{power:.2f}' if grows else 'none'} | "
            f"{first['bytes'] / 1e6:,.0f}, {last['bytes'] / 1e6:,.0f} |"
        )
    return lines


def draw(measured: dict[str, list[dict[str, float]]], picture: Path) -> None:
    """Draws seconds and memory over the share of the largest size."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(11, 5), layout="constrained")
    for name, rows in measured.items():
        share, seconds, held = (
            np.array([row[key] for row in rows]) for key in ("size", "seconds", "bytes")
        )
        largest = f"{share[-1]:,g} {CASES[name].unit}"
        share = share / share[-1]
        [line] = left.loglog(
            share, seconds, "o", label=f"{CASES[name].what}: {largest}".replace("`", "")
        )
        a, b, power = fit(share, seconds)
        fine = np.geomspace(share[0], 1, 100)
        left.loglog(fine, a + b * fine**power, color=line.get_color(), linewidth=1)
        right.semilogx(share, held / 1e6, "o-", color=line.get_color(), linewidth=1)
    left.set(xlabel="size, of the largest", ylabel="seconds of computing")
    right.set(xlabel="size, of the largest", ylabel="most memory, MB", ylim=(0, None))
    figure.legend(loc="outside lower center", ncols=2, fontsize=8)
    figure.savefig(picture, dpi=100)


if __name__ == "__main__":
    sys.exit(main())
