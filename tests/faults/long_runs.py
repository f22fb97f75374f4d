"""Trains and renders for long: preempted again and again, and in one process without a stop.

    python tests/faults/long_runs.py --out /tmp/long --hours 6

``preempted``: a run is stopped after random times, by SIGTERM or SIGKILL, and started again until
it is done or the time is over. Its losses must be those of an undisturbed run, bit for bit, and its
folder may not grow beyond two checkpoints. ``steady`` trains 10,000 steps and ``rendering`` renders
1,000 songs in one process each; memory, open files and threads must not grow. A line is fitted
through what is measured from the first quarter on.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kill_at_random import prepare_environment

prepare_environment()

import inputs  # noqa: E402
from children import Child, Ended, call  # noqa: E402
from jobs import TRAIN_ANEW  # noqa: E402
from judge import compare, describe, unfinished_in  # noqa: E402


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for all of it")
    parser.add_argument("--hours", type=float, default=0.25, help="of being preempted (0.25)")
    parser.add_argument("--preempted-steps", type=int, default=600, help="of that run (600)")
    parser.add_argument("--steps", type=int, default=10_000, help="of the steady run (10000)")
    parser.add_argument("--songs", type=int, default=1000, help="rendered in one process (1000)")
    parser.add_argument("--parts", default="preempted,steady,rendering")
    parser.add_argument("--seed", type=int, default=0, help="of the times of preemption (0)")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    prepare_environment(args.out)
    results: dict[str, Any] = {}
    for part in args.parts.split(","):
        results[part] = {
            "preempted": lambda: run_preempted(
                args.out, args.preempted_steps, args.hours, random.Random(args.seed)
            ),
            "steady": lambda: run_steadily(args.out, args.steps),
            "rendering": lambda: json.loads(call(lambda: render_many(args.out, args.songs))),
        }[part]()
        print(part, json.dumps(results[part]), flush=True)
        (args.out / "long_runs.json").write_text(json.dumps(results, indent=1) + "\n")
    return 1 if any(result.get("faults") for result in results.values()) else 0


def run_preempted(out: Path, steps: int, hours: float, draw: random.Random) -> dict[str, Any]:
    """Compares a run that is stopped again and again with one that is not.

    Args:
      out: folder for both.
      steps: of both, unless the time is over before; then the rest is done undisturbed.
      hours: how long it is stopped.
      draw: draws how long it is left alone, from starting up to a fifth of the whole, and how it
        is stopped.
    """
    arguments = _train(steps, "TrainConfig.save_every=10", "TrainConfig.log_every=5")
    undisturbed = _folder(out / "undisturbed")
    whole = _start(arguments, undisturbed)
    expected = describe(undisturbed)
    folder = _folder(out / "preempted")
    last, stops = time.monotonic() + 3600 * hours, {"SIGTERM": 0, "SIGKILL": 0}
    most_bytes = most_checkpoints = 0
    faults: list[str] = []
    # A start alone is what a run of no steps takes; less would never come to a step.
    start = _start(_train(1), _folder(out / "start")).seconds
    while True:
        child = Child(arguments, folder)
        alone = start * draw.uniform(0.5, 1.5) + draw.uniform(0, 0.05) * whole.seconds
        while (child.seconds() < alone or time.monotonic() > last) and not child.poll():
            time.sleep(0.02)
        if not child.poll():
            number = draw.choice((signal.SIGTERM, signal.SIGKILL))
            stops[number.name] += 1
            os.kill(child.process, number)
        ended = child.wait()
        files = [path for path in (folder / "run").rglob("*") if path.is_file()]
        most_bytes = max(most_bytes, sum(path.stat().st_size for path in files))
        saved = [p for p in (folder / "run/checkpoints").glob("*") if p.name.isdigit()]
        most_checkpoints = max(most_checkpoints, len(saved))
        if ended.status not in (0, 143, -9):
            faults.append(str(ended))
        if ended.status == 0 or faults:
            break
    faults += compare(expected, describe(folder)) + unfinished_in(folder)
    usual = sum(p.stat().st_size for p in (undisturbed / "run").rglob("*") if p.is_file())
    return {
        "steps": steps,
        "stops": stops,
        "faults": faults,
        "most bytes": most_bytes,
        "bytes of the undisturbed": usual,
        "most checkpoints": most_checkpoints,
    }


def run_steadily(out: Path, steps: int) -> dict[str, Any]:
    """Trains in one process, and measures what it holds meanwhile."""
    folder = _folder(out / "steady")
    samples = folder / "samples.json"

    def measure() -> Callable[[], int]:
        found: list[tuple[float, int, int, int]] = []
        threading.Thread(target=_sample, args=(found,), daemon=True).start()
        return lambda: samples.write_text(json.dumps(found))

    arguments = _train(steps, f"TrainConfig.save_every={max(1, steps // 20)}")
    arguments += [f"--gin.TrainConfig.log_every={max(1, steps // 100)}"]
    ended = _start(arguments, folder, measure)
    return {"steps": steps, "seconds": ended.seconds, **_fit(json.loads(samples.read_text()))}


def render_many(out: Path, songs: int) -> str:
    """Renders songs in this process, and measures what it holds meanwhile."""
    import mt3synth

    shutil.rmtree(out / "rendering", ignore_errors=True)
    (out / "rendering").mkdir()
    inputs.write_origin(out / "rendering/bundle")
    inputs.write_songs(out / "rendering/songs")
    files = sorted((out / "rendering/songs").iterdir())
    from mt3synth.vocoder.griffin_lim import GriffinLim

    model = mt3synth.load(out / "rendering/bundle")
    vocoder = GriffinLim(model.spec.mel, iterations=1)
    found = []
    for number in range(songs):
        # Passages of all lengths, so that programs of several shapes are compiled and kept.
        end = 0.5 + 0.1 * (number % 12)
        song = model.render(files[number % len(files)], end=end, steps=2, vocoder=vocoder)
        song.write(out / "rendering/song.wav")
        if number % max(1, songs // 200) == 0:
            found.append((float(number), *_held()))
    return json.dumps({"songs": songs, **_fit(found)})


def _train(steps: int, *bindings: str) -> list[str]:
    job = [word for word in TRAIN_ANEW if "TRAIN_STEPS" not in word and "_every" not in word]
    small = ("make_spec.segment_frames=32", f"TRAIN_STEPS={steps}", *bindings)
    return [*job, *(f"--gin.{binding}" for binding in small)]


def _folder(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    call(lambda: inputs.write_shards(folder / "data") or "")
    return folder


def _start(
    arguments: list[str], folder: Path, prepare: Callable[[], Callable[[], int]] | None = None
) -> Ended:
    ended = Child(arguments, folder, prepare).wait(86_400)
    if ended.status:
        raise RuntimeError(f"fails undisturbed: {ended}")
    return ended


def _sample(found: list[tuple[float, int, int, int]]) -> None:
    while True:
        found.append((time.process_time(), *_held()))
        time.sleep(0.25)


def _held() -> tuple[int, int, int]:
    """Counts this process's bytes in memory, open files and threads."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return (
        pages * os.sysconf("SC_PAGE_SIZE"),
        len(os.listdir("/proc/self/fd")),
        len(os.listdir("/proc/self/task")),
    )


def _fit(samples: list[Any]) -> dict[str, Any]:
    """Fits lines: how much of each there is at the end more than after the first quarter."""
    import numpy as np

    rows = np.array(samples, np.float64)
    rows = rows[len(rows) // 4 :]
    at = (rows[:, 0] - rows[0, 0]) / max(rows[-1, 0] - rows[0, 0], 1e-9)
    grown = [float(np.polyfit(at, column, 1)[0]) for column in rows[:, 1:].T]
    return {
        "memory at the end, MB": round(rows[-1, 1] / 1e6, 1),
        "memory grown, MB": round(grown[0] / 1e6, 2),
        "open files": [int(rows[:, 2].min()), int(rows[:, 2].max())],
        "files grown": round(grown[1], 2),
        "threads": [int(rows[:, 3].min()), int(rows[:, 3].max())],
        "threads grown": round(grown[2], 2),
    }


if __name__ == "__main__":
    sys.exit(main())
