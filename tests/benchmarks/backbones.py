"""Compares what networks learn in equal time: ``python tests/benchmarks/backbones.py``.

Every arm of `backbones_arms.py` gets as many updates as fit into the minutes on a machine that does
nothing else. Its rate is measured first, by the trainer itself, so that compiling and validating
cost it nothing; then it is trained, exported, rendered and judged. The best few are then trained
anew for longer. What is done is kept in --out: the same command goes on where it was stopped, also
in the middle of an arm.

    python tests/benchmarks/backbones.py --corpus data/corpus --out study --minutes 8 --then 30
    python tests/benchmarks/backbones_report.py study --pictures docs/pictures
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from types import FrameType
from typing import Any

from backbones_arms import ARMS, BASE, LADDER, TOGETHER, Arm, together
from run_scalars import read_all

from mt3synth.evaluation.metrics.note_counts import NoteCounts, pooled

ROOT = Path(__file__).resolve().parents[2]
BATCH = 16
LEARNING_RATE = 1e-3
WARMUP = 100
EVALUATIONS = 10
RATE_STEPS = 24
MEASURED = "measured.jsonl"
VOCODER = ROOT / "mt3synth" / "bundles" / "default"
LOSS = "validation/loss_at_"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs what is not done yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--corpus", required=True, type=Path, help="folder of `mt3synth prepare corpus`")
    add("--out", required=True, type=Path)
    add("--minutes", type=float, default=8, help="budget of each arm (8)")
    add("--then", type=float, help="budget of the best, once all others are done")
    add("--best", type=int, default=4, help="so many are the best (4)")
    add("--only", nargs="+", default=list(LADDER), choices=[*ARMS, TOGETHER], metavar="ARM")
    add("--rates-only", action="store_true", help="stop when these are measured")
    add("--transcriber", type=Path, help="run of `mt3synth train-transcriber`, for arms that hear")
    add("--binding", nargs="*", default=[], help="of gin for every arm, as for a quick rehearsal")
    add("--each", type=int, default=1, help="excerpts of each performance (1)")
    add("--seconds", type=float, default=10, help="of each excerpt (10)")
    add("--steps", type=int, nargs="+", default=[1, 4, 8, 50], help="of renderings (1 4 8 50)")
    add("--judges", nargs="+", default=["harmonica-small"], help="who hears all renderings")
    add("--strict", nargs="*", default=["harmonica-x-large"], help="who hears some, for it is slow")
    add("--heard", type=int, nargs="*", default=[0, 8], help="steps that --strict hears (0 8)")
    options = parser.parse_args(argv)
    # Whoever stops this stops what it runs: the trainer saves its state first.
    signal.signal(signal.SIGTERM, _interrupt)
    options.out.mkdir(parents=True, exist_ok=True)
    with (options.out / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SystemExit(f"{options.out}: another study is running here") from None
        _run(options)
    return 0


def _run(options: argparse.Namespace) -> None:
    if options.transcriber is None and any(ARMS[n].transcriber for n in options.only if n in ARMS):
        raise SystemExit("arms that hear need --transcriber; or name others with --only")
    single = [name for name in options.only if name != TOGETHER]
    for name in single:
        measure_rate(name, ARMS[name], options)
    if options.rates_only:
        return
    for name in options.only:
        arm = find_arm(name, options)
        run_arm(name, arm, options.minutes, options)
    if options.then:
        best = find_best(options)
        print(f"best after {options.minutes:g} minutes: {', '.join(best)}", flush=True)
        for name in best:
            run_arm(name, find_arm(name, options), options.then, options)


def run_arm(name: str, arm: Arm, minutes: float, options: argparse.Namespace) -> None:
    """Trains one arm for so long and measures it."""
    folder = folder_of(options.out, minutes) / name
    rates = measure_rate(name, arm, options)
    prior, whole = count_updates(arm, rates, minutes)
    print(f"{name}, {minutes:g} minutes: {prior} + {whole} updates", flush=True)
    train(arm, prior, prior + whole, folder, options)
    arguments = [str(ROOT / "tests/benchmarks/backbones_measure.py"), str(folder / "bundle")]
    arguments += ["--corpus", str(options.corpus), "--out", str(folder / MEASURED)]
    arguments += ["--each", str(options.each), "--seconds", str(options.seconds)]
    for option in ("steps", "judges", "strict", "heard"):
        arguments += [f"--{option}", *map(str, getattr(options, option))]
    _python(*arguments)


def folder_of(out: Path, minutes: float) -> Path:
    """Returns where arms of so many minutes lie."""
    return out / f"{minutes:g}min"


def find_arm(name: str, options: argparse.Namespace) -> Arm:
    """Looks an arm up, or makes that of all that helped, which is decided once and kept."""
    if name != TOGETHER:
        return ARMS[name]
    kept = options.out / f"{TOGETHER}.json"
    if not kept.exists():
        folder = folder_of(options.out, options.minutes)
        heard = {
            name: heard_f1(rows) for name in ARMS if (rows := read_rows(folder / name / MEASURED))
        }
        if BASE not in heard:
            raise SystemExit(f"{TOGETHER}: needs the arm {BASE!r} first")
        arm, helped = together(heard)
        text = json.dumps({"helped": helped, "heard": heard, "arm": vars(arm)}, indent=1)
        kept.write_text(text + "\n")
    values = json.loads(kept.read_text())["arm"]
    return Arm(**{**values, "bindings": tuple(values["bindings"])})


def find_best(options: argparse.Namespace) -> list[str]:
    """Names the arms whose notes are heard best."""
    folder = folder_of(options.out, options.minutes)
    heard = {name: heard_f1(read_rows(folder / name / MEASURED)) for name in options.only}
    return sorted(heard, key=heard.__getitem__, reverse=True)[: options.best]


def heard_f1(rows: Sequence[dict[str, Any]]) -> float:
    """Averages the F1 of notes by the first judge over an arm's renderings of at most 8 steps.

    Arms are compared by what is heard. Distances from the real frames are least where all that is
    uncertain is smoothed away, and losses leave out what an arm begins to sample from.
    """
    found = []
    for row in rows:
        if row["steps"] <= 8 and row["notes"]:
            counted = next(iter(row["notes"].values()))
            found.append(pooled(NoteCounts(*counts) for counts in counted).f1)
    return sum(found) / len(found)


def measure_rate(name: str, arm: Arm, options: argparse.Namespace) -> dict[str, float]:
    """Measures updates a second of an arm, of its prior alone and of the whole; kept once done."""
    kept = options.out / "rates.json"
    rates: dict[str, dict[str, float]] = json.loads(kept.read_text()) if kept.exists() else {}
    if name in rates:
        return rates[name]
    run = options.out / "rates" / name
    shutil.rmtree(run, ignore_errors=True)  # of a measurement that was stopped
    first = RATE_STEPS // 2 if arm.prior_share else 0
    bindings = ("TrainConfig.log_every=2", "TrainConfig.validations=0")
    bindings += ("TrainConfig.eval_every=1000", "TrainConfig.eval_batches=1")
    _train(arm, first, first + RATE_STEPS, run, options, bindings)
    speeds = read_scalars(run, "speed/steps_per_second")
    counted = {
        # In the middle of several, for batches are not all alike.
        "whole": median(speed for step, speed in speeds if step > first),
        **({"prior": median(speed for step, speed in speeds if step <= first)} if first else {}),
    }
    if first and arm.update == ARMS[BASE].update:
        # The same updates as those of `BASE`, and not to be counted as faster by chance.
        counted["whole"] = measure_rate(BASE, ARMS[BASE], options)["whole"]
        rates = json.loads(kept.read_text())
    rates[name] = {**counted, "parameters": count_parameters(run)}
    kept.write_text(json.dumps(rates, indent=1) + "\n")
    print(name, rates[name], flush=True)
    shutil.rmtree(run)
    return rates[name]


def count_updates(arm: Arm, rates: dict[str, float], minutes: float) -> tuple[int, int]:
    """Counts the updates that fit: of the prior alone, and of the whole."""
    seconds = 60 * minutes
    prior = int(seconds * arm.prior_share * rates["prior"]) if arm.prior_share else 0
    return prior, max(1, int(seconds * (1 - arm.prior_share) * rates["whole"]))


def train(arm: Arm, prior: int, steps: int, folder: Path, options: argparse.Namespace) -> None:
    """Trains and exports; the learning rate warms up and then falls over the last quarter."""
    run, bundle = folder / "run", folder / "bundle"
    if bundle.exists():
        return
    evaluate = max(1, steps // EVALUATIONS)
    bindings = (f"TrainConfig.eval_every={evaluate}", f"TrainConfig.save_every={evaluate}")
    _train(arm, prior, steps, run, options, bindings)
    made = folder / "unfinished"
    shutil.rmtree(made, ignore_errors=True)
    corpus = ("--corpus", str(options.corpus))
    _call("export", "--run", str(run), *corpus, "--vocoder", str(VOCODER), "-o", str(made))
    made.rename(bundle)
    # Weights that are exported need no checkpoints of hundreds of megabytes beside them.
    for name in ("checkpoints", "best"):
        shutil.rmtree(run / name, ignore_errors=True)


def _train(
    arm: Arm, prior: int, steps: int, run: Path, options: argparse.Namespace, more: Sequence[str]
) -> None:
    files = (f"models/{arm.model}.gin", f"diffusion/{arm.diffusion}.gin", "runs/train.gin")
    bindings = [
        f"TRAIN_STEPS={steps}",
        f"BATCH_SIZE={BATCH}",
        f"OptimizerConfig.learning_rate={LEARNING_RATE}",
        f"OptimizerConfig.warmup_steps={min(WARMUP, steps // 10)}",
        f"OptimizerConfig.decay_steps={steps // 4}",
        f"TrainConfig.prior_first={prior}",
        "SamplesConfig.segments=0",
        *more,
        *arm.bindings,
        *options.binding,
    ]
    if arm.transcriber:
        bindings.append(f"TRANSCRIBER={str(options.transcriber)!r}")
    _call(
        "train",
        *(part for file in files for part in ("--gin_file", f"gin_configs/{file}")),
        *(f"--gin.{binding}" for binding in bindings),
        *("--data", str(options.corpus), "--run", str(run)),
    )


def read_scalars(run: Path, tag: str) -> list[tuple[int, float]]:
    """Reads what TensorBoard holds under a tag: (step, value)."""
    return read_all(run).get(tag, [])


def read_losses(run: Path) -> dict[str, list[tuple[int, float]]]:
    """Reads the validation losses by diffusion time."""
    return {
        tag.removeprefix(LOSS): pairs
        for tag, pairs in read_all(run).items()
        if tag.startswith(LOSS)
    }


def read_rows(path: Path) -> list[dict[str, Any]]:
    """Reads lines of JSON; none if there is no file."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def count_parameters(run: Path) -> int:
    """Counts the parameters of a run's model."""
    from flax.traverse_util import flatten_dict

    from mt3synth.bundle import abstract_params
    from mt3synth.model_spec import ModelSpec

    spec = ModelSpec.from_dict(json.loads((run / "model.json").read_text()))
    return sum(leaf.size for leaf in flatten_dict(abstract_params(spec)).values())


def _call(*arguments: str) -> None:
    _python("-m", "mt3synth.cli", *arguments)


def _python(*arguments: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, *arguments], env=environment, cwd=ROOT)
    try:
        status = process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    if status:
        raise SystemExit(f"{' '.join(arguments[:3])} ended with status {status}")


def _interrupt(number: int, frame: FrameType | None) -> None:
    del frame
    raise SystemExit(128 + number)


if __name__ == "__main__":
    raise SystemExit(main())
