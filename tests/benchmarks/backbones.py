"""Compares what backbones learn in a given time: ``python tests/benchmarks/backbones.py``.

Every network gets as many updates as fit into the budget on an idle machine. The rates are measured
first, so that it does not matter what else the machine does while they train. Then each is trained,
exported, and its renderings of the corpus' test split are transcribed. What is done is kept in
--out, and the same command goes on from there.

    python tests/benchmarks/backbones.py --corpus data/corpus --out study --minutes 10
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
BATCH = 16
TOKENS = 1024  # to which most batches of the rendered corpus are padded
WARMUP = 100
EVALUATIONS = 10


VARIANTS = {
    "t5-tokens": "t5_tiny",
    "t5-event-time": "t5_event_time_tiny",
    "t5-roll": "t5_roll_tiny",
    "t5-hybrid": "t5_hybrid_tiny",
    "unet": "unet_small",
    "unet-hybrid": "unet_hybrid_small",
}
"""The networks of the study, files of ``gin_configs/models``."""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs what is not done yet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", required=True, help="TFRecords of `mt3synth prepare corpus`")
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--minutes", type=float, default=10, help="budget of each network")
    parser.add_argument("--excerpts", type=int, default=12, help="transcribed, 14 s each")
    parser.add_argument("--only", nargs="*", default=list(VARIANTS), choices=VARIANTS)
    parser.add_argument("--rates-only", action="store_true", help="stop when these are measured")
    options = parser.parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)
    rates = measured_rates(options.out / "rates.json", options.only)
    if options.rates_only:
        return 0
    for name in options.only:
        train(name, int(rates[name]["steps_per_second"] * options.minutes * 60), options)
        transcribe(name, options)
    return 0


def measured_rates(kept: Path, names: Sequence[str]) -> dict[str, Any]:
    """Updates and segments per second and parameters of each network, kept once measured."""
    rates: dict[str, Any] = json.loads(kept.read_text()) if kept.exists() else {}
    missing = [name for name in names if name not in rates]
    if missing:
        import jax
        from stopwatch import in_turn
        from training import Step
        from training_models import named_spec, noise_batch

        def step(model: str) -> Step:
            spec = named_spec(model)
            return Step(spec, noise_batch(spec, BATCH, TOKENS))

        # One after the other: buffers that several want in turn cost more than the steps.
        for name in missing:
            each = step(VARIANTS[name])
            seconds = in_turn({name: each.whole}, rounds=5)[name]
            rates[name] = {
                "steps_per_second": 1 / seconds,
                "segments_per_second": BATCH / seconds,
                "parameters": sum(leaf.size for leaf in jax.tree.leaves(each.state.params)),
            }
            print(name, rates[name], flush=True)
        kept.write_text(json.dumps(rates, indent=1) + "\n")
    return rates


def train(name: str, steps: int, options: argparse.Namespace) -> None:
    """Trains and exports; the learning rate warms up and then falls over the last quarter."""
    run, bundle = options.out / name / "run", options.out / name / "bundle"
    if bundle.exists():
        return
    files = (f"models/{VARIANTS[name]}.gin", "diffusion/v_l2.gin", "runs/train.gin")
    bindings = (
        f"TRAIN_STEPS={steps}",
        f"BATCH_SIZE={BATCH}",
        f"OptimizerConfig.warmup_steps={min(WARMUP, steps // 10)}",
        f"OptimizerConfig.decay_steps={steps // 4}",
        f"TrainConfig.eval_every={max(1, steps // EVALUATIONS)}",
        "SamplesConfig.segments=0",
    )
    _call(
        "train",
        *(part for file in files for part in ("--gin_file", f"gin_configs/{file}")),
        *(f"--gin.{binding}" for binding in bindings),
        *("--data", options.corpus, "--run", str(run)),
    )
    _call("export", "--run", str(run), "--corpus", options.corpus, "-o", str(bundle))


def transcribe(name: str, options: argparse.Namespace) -> None:
    """Measures the note-onset F1 of renderings of the test split."""
    folder = options.out / name / "report"
    if (folder / "report.json").exists():
        return
    arguments = ["evaluate", "bundle", "--only", "transcription", "--vocoder", "griffin-lim"]
    arguments += ["--corpus", options.corpus, "--bundle", str(options.out / name / "bundle")]
    arguments += ["--out", str(folder), "--excerpts", str(options.excerpts), "--steps", "25"]
    arguments += ["--crossed", "1", "--levels", "1"]
    _call(*arguments)


def _call(*arguments: str) -> None:
    _python("-m", "mt3synth.cli", *arguments)


def _python(*arguments: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, *arguments], check=True, env=environment)


if __name__ == "__main__":
    raise SystemExit(main())
