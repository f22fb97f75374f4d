"""Compares two trees of this project: do they give the same samples, bytes and losses?

    python tests/benchmarks/sameness.py OLD NEW [--folder DIR] [--hours H] [--steps N]

Each tree renders `docs/examples/mozart_quartet.mid` with its own bundle, builds a small corpus in
both formats, and trains on each for a few steps. What is compared must be equal to the last bit,
so both runs belong on one machine: another processor rounds otherwise. Prints a table, and exits
with status 1 if anything differs. Results lie in DIR/old and DIR/new, and what is there is not
made again; in place of a tree a folder with such results may be given.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from run_scalars import read_all

ROOT = Path(__file__).resolve().parents[2]
SONG = ROOT / "docs/examples/mozart_quartet.mid"
RENDERED = "mozart.wav"
FORMATS = {"tfrecord": ("corpus", "run"), "numpy": ("corpus_np", "run_np")}
"""Folders of the corpus and of the run trained on it, by the format of the shards."""

UNLIKE = ("speed/", "showcase/", "samples/")
"""Scalars that tell of the machine, or are no numbers; those of two equal runs differ."""


@dataclass(frozen=True)
class Row:
    """One comparison: what was compared, how much of it, and what differs (nothing if empty)."""

    what: str
    amount: str
    difference: str


def capture(tree: Path, folder: Path, hours: float, steps: int) -> None:
    """Renders, builds and trains with the code of ``tree``; results that exist stay.

    Raises:
      subprocess.CalledProcessError: a command failed; its output is printed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    commands = {RENDERED: ["synthesize", str(SONG), "-o", RENDERED, "--overwrite"]}
    for name, (corpus, run) in FORMATS.items():
        build = ["prepare", "corpus", "--out", corpus, "--hours", str(hours), "--seed", "0"]
        train = ["train", "--data", corpus, "--run", run, "--gin.BATCH_SIZE=4"]
        commands[corpus] = [*build, "--format", name]
        commands[run] = [*train, f"--gin.TRAIN_STEPS={steps}"]
    environment = {**os.environ, "PYTHONPATH": str(tree), "TF_CPP_MIN_LOG_LEVEL": "3"}
    for result, arguments in commands.items():
        done_mark = folder / f"{result}.done"  # What was interrupted is there, but not whole.
        if not done_mark.exists():
            command = [sys.executable, "-m", "mt3synth.cli", *arguments]
            done = subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, text=True, check=False
            )
            if done.returncode:
                print(done.stdout[-2000:], done.stderr[-2000:], file=sys.stderr)
                done.check_returncode()
            done_mark.touch()


def compare_samples(old: Path, new: Path) -> Row:
    """Compares two audio files sample by sample."""
    (before, rate), (after, other) = soundfile.read(old), soundfile.read(new)
    amount = f"{len(before):,} at {rate} Hz"
    if (before.shape, rate) != (after.shape, other):
        return Row("samples", amount, f"{len(after):,} at {other} Hz")
    largest = float(np.abs(before - after).max())
    return Row("samples", amount, f"up to {largest:.2g}" if largest else "")


def compare_bytes(old: Path, new: Path, what: str) -> Row:
    """Compares all files of two folders by name and content."""
    before, after = (
        {p.relative_to(top).as_posix(): p.read_bytes() for p in top.rglob("*") if p.is_file()}
        for top in (old, new)
    )
    unlike = [n for n in sorted({*before, *after}) if before.get(n) != after.get(n)]
    amount = f"{sum(map(len, before.values())):,} in {len(before)} files"
    return Row(what, amount, ", ".join(unlike))


def compare_scalars(old: Path, new: Path, what: str) -> Row:
    """Compares what two runs have logged: losses, gradient norms, validation."""
    before, after = read_scalars(old), read_scalars(new)
    unlike = [f"{tag} of step {step}" for tag, step in sorted(before.keys() ^ after.keys())]
    for tag, step in sorted(before.keys() & after.keys()):
        if before[tag, step] != after[tag, step]:
            unlike.append(f"{tag}: {before[tag, step]:.7g}, {after[tag, step]:.7g}")
    amount = f"{len(before)} scalars to step {max(step for _, step in before)}"
    return Row(what, amount, "; ".join(unlike))


def read_scalars(run: Path) -> Mapping[tuple[str, int], float]:
    """Reads a run's TensorBoard scalars by tag and step, without those of `UNLIKE`."""
    return {
        (tag, step): value
        for tag, pairs in read_all(run).items()
        if not tag.startswith(UNLIKE)
        for step, value in pairs
    }


def compare(old: Path, new: Path) -> Iterator[Row]:
    """Compares two folders that `capture` has filled."""
    yield compare_samples(old / RENDERED, new / RENDERED)
    for name, (corpus, run) in FORMATS.items():
        yield compare_bytes(old / corpus, new / corpus, f"bytes of a corpus, {name}")
        yield compare_scalars(old / run, new / run, f"losses on it, {name}")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("old", type=Path, help="the tree before, or a folder of its results")
    parser.add_argument("new", type=Path, help="the tree after, or a folder of its results")
    parser.add_argument("--folder", type=Path, help="where results go (default: a temporary one)")
    parser.add_argument("--hours", type=float, default=0.15, help="of the corpus (0.15)")
    parser.add_argument("--steps", type=int, default=20, help="of training (20)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folders = []
        for name, given in (("old", args.old.resolve()), ("new", args.new.resolve())):
            is_tree = (given / "setup.py").exists()
            folders.append((args.folder or Path(temporary)).resolve() / name if is_tree else given)
            if is_tree:
                capture(given, folders[-1], args.hours, args.steps)
        rows = list(compare(*folders))
    print("| what | how much | difference |\n|---|---|---|")
    for row in rows:
        print(f"| {row.what} | {row.amount} | {row.difference or 'none'} |")
    return int(any(row.difference for row in rows))


if __name__ == "__main__":
    sys.exit(main())
