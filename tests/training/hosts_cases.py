"""A tiny run for the tests of the training loop, here or in processes of its own.

As a program it trains as `mt3synth train` would, writes the loss of every step into a file, and
can kill itself at a chosen moment.
"""

from __future__ import annotations

import argparse
import itertools
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import numpy as np

from mt3synth.audio.mel import MELGAN
from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.model_spec import ModelSpec, make_spec
from mt3synth.models.unet import UNetConfig
from mt3synth.symbolic.codec import EventCodec
from mt3synth.symbolic.groups import DEFAULT_GROUPS
from mt3synth.symbolic.roll import RollSpec
from mt3synth.training.diffusion.config import TrainConfig
from mt3synth.training.optim.optimizer import OptimizerConfig

OPTIMIZER = OptimizerConfig(learning_rate=3e-3, warmup_steps=2, decay_steps=4)
TEMPORARY = "*.orbax-checkpoint-tmp*"


def tiny_spec(performances: int = 2) -> ModelSpec:
    shape = partial(
        UNetConfig, widths=(16,), blocks=1, attention_levels=(), roll_width=8, condition_width=4
    )
    return make_spec(
        shape,
        mel=MELGAN,
        roll=RollSpec(groups=DEFAULT_GROUPS),
        codec=EventCodec(127),
        performances=performances,
        diffusion=DiffusionSpec(),
        segment_frames=32,
    )


class Tones:
    """Frames that are loud exactly in the bin that the roll and the performance say."""

    performances = [  # noqa: RUF012
        {"index": 0, "name": "low", "description": "as written"},
        {"index": 1, "name": "high", "description": "one up"},
    ]
    broken_from: int | None = None

    def training(self, spec, batch, seed, start, *, process_index=0, process_count=1):
        together = batch * process_count
        mine = slice(process_index * batch, (process_index + 1) * batch)
        for number in itertools.count(start):
            rng = np.random.default_rng([seed, number])
            key = rng.integers(0, 88, together)[mine]
            performance = rng.integers(0, 2, together).astype(np.int32)[mine]
            mel = np.full((batch, spec.segment_frames, spec.mel.bins), -1, np.float32)
            roll = np.zeros((batch, spec.segment_frames, spec.roll.channels), np.float32)
            mel[np.arange(batch), :, key + performance] = 1
            roll[np.arange(batch), :, spec.roll.pooled_start + 88 + key] = 1
            if self.broken_from is not None and number >= self.broken_from:
                mel[:] = np.nan
            yield {"mel": mel, "roll": roll, "performance": performance}

    def validation(self, spec, batch):
        return itertools.islice(self.training(spec, batch, 1, 0), 2)


def start(
    folder: Path,
    *arguments: str,
    devices: int = 1,
    environment: dict[str, str] | None = None,
) -> subprocess.Popen[str]:
    """Starts this module as a program that trains in ``folder``, on simulated devices."""
    cache = folder.parent / "compiled"
    flags = os.environ.get("XLA_FLAGS", "")
    variables = {
        **os.environ,
        "XLA_FLAGS": f"{flags} --xla_force_host_platform_device_count={devices}",
        # It compiles for longer than it runs.
        "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",
        "JAX_PLATFORMS": "cpu",
        # What a run compiles is the same after each restart.
        "JAX_COMPILATION_CACHE_DIR": str(cache),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        **(environment or {}),
    }
    command = [sys.executable, __file__, "--run", str(folder), *arguments]
    return subprocess.Popen(
        command, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def start_pod(folder: Path, *arguments: str, devices: int) -> list[subprocess.Popen[str]]:
    """Starts two such programs that train together, each on so many devices."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return [
        start(
            folder,
            *arguments,
            devices=devices,
            environment={
                "MT3SYNTH_COORDINATOR": f"127.0.0.1:{port}",
                "MT3SYNTH_PROCESS_COUNT": "2",
                "MT3SYNTH_PROCESS_INDEX": str(index),
            },
        )
        for index in range(2)
    ]


def finish(process: subprocess.Popen[str], status: int = 0) -> str:
    """Returns what the program printed; it must end with ``status``."""
    try:
        output, _ = process.communicate(timeout=300)
    except subprocess.TimeoutExpired:
        process.kill()
        output = "timed out: " + process.communicate()[0]
    assert process.returncode == status, f"status {process.returncode}:\n{output[-6000:]}"
    return output


def losses(folder: Path) -> list[dict[int, str]]:
    """Reads the losses by step, exact (hexadecimal), of each process that trained in ``folder``."""
    lines = (folder / "losses.txt").read_text().splitlines()
    runs: list[dict[int, str]] = []
    for line in lines:
        if line == "start":
            runs.append({})
        else:
            step, value = line.split()
            runs[-1][int(step)] = value
    return runs


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=12)
    parser.add_argument("--batch", type=int, default=4)
    parser.add_argument("--save-every", type=int, default=4)
    parser.add_argument("--mesh", default="-1,1,1")
    parser.add_argument("--signal", default="KILL")
    parser.add_argument(
        "--at-step", type=int, help="send the signal to itself after it, and after a save"
    )
    parser.add_argument("--in-save", type=int, help="send it while this step is being saved")
    parser.add_argument("--by", type=int, default=0, help="process that sends it")
    args = parser.parse_args()

    from mt3synth.commands import train as command
    from mt3synth.training.parallel import distributed

    distributed.initialize()
    import jax

    from mt3synth.training.diffusion import learner
    from mt3synth.training.diffusion.run import run
    from mt3synth.training.parallel.mesh import MeshConfig
    from mt3synth.training.preemption import Stopped

    first = jax.process_index() == 0
    number = signal.Signals[f"SIG{args.signal}"]
    if args.in_save is not None:
        threading.Thread(target=_kill_in_save, args=(args, number), daemon=True).start()
    args.run.mkdir(parents=True, exist_ok=True)
    log = (args.run / "losses.txt" if first else Path(os.devnull)).open("a")
    print("start", file=log, flush=True)
    made = learner.make_train_step

    def recorded(*arguments, **options):
        step = made(*arguments, **options)

        def update(state, batch):
            state, metrics = step(state, batch)
            if isinstance(state.step, jax.core.Tracer):  # only its arithmetic is counted
                return state, metrics
            print(int(state.step), float(metrics["loss"]).hex(), file=log, flush=True)
            if int(state.step) == args.at_step and jax.process_index() == args.by:
                while not list((args.run / "checkpoints").glob("[0-9]")):
                    time.sleep(0.01)  # the first save is still on its way
                os.kill(os.getpid(), number)
            return state, metrics

        return update

    learner.make_train_step = recorded
    config = TrainConfig(
        steps=args.steps,
        batch_size=args.batch,
        log_every=3,
        eval_every=args.steps,
        eval_batches=1,
        save_every=args.save_every,
    )
    sizes = MeshConfig(*map(int, args.mesh.split(",")))
    try:
        run(args.run, tiny_spec, Tones(), config, OPTIMIZER, mesh=sizes)
    except Stopped as stopped:
        return command.report_stop(stopped)
    return 0


def _kill_in_save(args: argparse.Namespace, number: signal.Signals) -> None:
    """Waits for the checkpoint that is being written, and does not let it come to its end."""
    folder = args.run / "checkpoints"
    while not list(folder.glob(f"{args.in_save}.{TEMPORARY.removeprefix('*.')}")):
        time.sleep(0.0005)
    os.kill(os.getpid(), number)


if __name__ == "__main__":
    sys.exit(main())
