"""Renders a song under several conditions, and says how far its samples lie apart.

    python tests/packages/reproducibility.py --out DIR [--song SONG.mid] [--steps 0 2 8] \
        [--pythons ENV/bin/python ...] [--emulator qemu-x86_64]

Conditions are instructions, numbers of threads, and environments: the interpreter that runs this
and every one of ``--pythons`` has mt3synth installed, of any version of Python and JAX. All are
compared with the first, on all instructions and cores of this machine. Prints a table in Markdown,
and exits with 1 if a sound lies further away than -80 dB. What is in DIR is not made again.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
SONG = ROOT / "docs/examples/tune.mid"

MOST_DB = -80.0
"""How far below a sound its differences have to lie, root mean square by root mean square."""

# Whatever the interpreter has: neither this tree nor what other conditions have compiled.
_RENDER = """
import sys, numpy, mt3synth
song = mt3synth.load().render(sys.argv[1], steps=int(sys.argv[2]), seed=0)
numpy.savez(sys.argv[3], audio=song.audio, mel=song.mel)
"""
_VERSIONS = """
import platform, importlib.metadata as m
print(platform.python_version(), *(m.version(n) for n in ("jax", "numpy")))
"""

# XLA, oneDNN, NumPy and OpenBLAS each choose their instructions when a program begins.
AVX2 = {
    "XLA_FLAGS": "--xla_cpu_max_isa=AVX2",
    "ONEDNN_MAX_CPU_ISA": "AVX2",
    "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL",
    "OPENBLAS_CORETYPE": "Haswell",
}


@dataclass(frozen=True)
class Condition:
    """Says how a song is rendered.

    Attributes:
      name: of its row and its files.
      python: an interpreter that can import mt3synth.
      cores: on how many it may run; None for all.
      environment: variables that are set for it.
      before: words before the interpreter, such as an emulator.
    """

    name: str
    python: str
    cores: int | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    before: tuple[str, ...] = ()

    def render(self, song: Path, steps: int, out: Path) -> tuple[np.ndarray, np.ndarray]:
        """Renders a song in a process of its own, or reads what that has left; audio and frames.

        Raises:
          subprocess.CalledProcessError: it failed; what it said is printed.
        """
        made = out / f"{self.name.replace(' ', '_')}.{steps}.npz"
        if not made.exists():
            begun = made.with_suffix(".begun.npz")
            cache = {"XDG_CACHE_HOME": str(out / "caches" / self.name)}
            self.run(_RENDER, str(song), str(steps), str(begun), environment=cache)
            begun.rename(made)
        with np.load(made) as arrays:
            return arrays["audio"], arrays["mel"]

    def run(self, code: str, *words: str, environment: Mapping[str, str] | None = None) -> str:
        """Runs code with arguments under this condition and returns what it prints."""
        clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        # Before anything is imported that counts the cores.
        cores = sorted(os.sched_getaffinity(0))[: self.cores]
        confined = f"import os\nos.sched_setaffinity(0, {cores})\n{code}"
        done = subprocess.run(
            [*self.before, self.python, "-c", confined, *words],
            env={**clean, **self.environment, **(environment or {})},
            capture_output=True, text=True, check=False, cwd="/",
        )  # fmt: skip
        if done.returncode:
            print(done.stderr[-2000:], file=sys.stderr)
            done.check_returncode()
        return done.stdout.strip()


def conditions(pythons: list[str], emulator: str | None) -> Iterator[Condition]:
    """Lists the conditions, first the one that all others are compared with."""
    here = pythons[0]
    yield Condition("as it is", here)
    yield Condition("one thread", here, cores=1)
    yield Condition("AVX2", here, environment=AVX2)
    yield Condition("AVX2 and one thread", here, cores=1, environment=AVX2)
    if emulator:
        haswell = (emulator, "-cpu", "Haswell")
        yield Condition("an emulated Haswell", here, cores=1, before=haswell)
    for python in pythons[1:]:
        version, jax, numpy = Condition("", python).run(_VERSIONS).split()
        yield Condition(f"Python {version}, JAX {jax}, NumPy {numpy}", python)


def decibels(sound: np.ndarray, reference: np.ndarray) -> float:
    """Returns by what two sounds ``[S]`` differ, in dB of the second's root mean square."""
    if sound.shape != reference.shape:
        raise ValueError(f"{len(sound)} samples; must be {len(reference)} as in the reference")
    apart = sound.astype(np.float64) - reference
    difference, level = (np.sqrt(np.mean(np.square(each))) for each in (apart, reference))
    return float(20 * np.log10(difference / level)) if difference else -np.inf


def main() -> int:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="folder of what is rendered")
    parser.add_argument(
        "--song", type=Path, default=SONG, help="MIDI file (docs/examples/tune.mid)"
    )
    parser.add_argument("--steps", type=int, nargs="+", default=[0, 2, 8], help="of the diffusion")
    parser.add_argument("--pythons", nargs="+", default=[], help="interpreters with mt3synth")
    parser.add_argument("--emulator", help="of a processor without AVX-512: qemu-x86_64")
    args = parser.parse_args()
    out = args.out.resolve()
    out.mkdir(parents=True, exist_ok=True)
    rows = list(conditions([sys.executable, *args.pythons], args.emulator))
    print(f"| | {' | '.join(f'{steps} steps' for steps in args.steps)} |")
    print(f"|---|{'---|' * len(args.steps)}", flush=True)
    worst = -np.inf
    for row in rows:
        cells = []
        for steps in args.steps:
            (reference, frames), (audio, mel) = (
                each.render(args.song.resolve(), steps, out) for each in (rows[0], row)
            )
            distance, nats = decibels(audio, reference), float(np.abs(mel - frames).max())
            worst = max(worst, distance)
            cells.append(
                f"{distance:.0f} dB, {nats:.1e} nats" if np.isfinite(distance) else "equal"
            )
        print(f"| {row.name} | {' | '.join(cells)} |", flush=True)
    return int(worst > MOST_DB)


if __name__ == "__main__":
    sys.exit(main())
