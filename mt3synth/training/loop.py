"""Training from the first batch to the last checkpoint."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import jax
import jax.numpy as jnp
import numpy as np

from mt3synth.errors import UserError
from mt3synth.model_spec import ModelSpec
from mt3synth.training.checkpoint import Checkpoints
from mt3synth.training.optimizer import OptimizerConfig
from mt3synth.training.state import TrainState, init_params, init_state
from mt3synth.training.step import EVAL_TIMES, conditions_of, make_eval_step, make_train_step
from mt3synth.types import Batch, PyTree

SPEC_FILE = "model.json"
PERFORMANCES_FILE = "performances.json"


@runtime_checkable
class BatchStream(Iterator[Batch], Protocol):
    """Batches from a source that can be closed, such as a generator."""

    def close(self) -> None:
        """Lets go of files and threads."""
        ...


@runtime_checkable
class TrainingData(Protocol):
    """Where batches come from; see `mt3synth.types` for their shapes.

    Attributes:
      performances: name and description of each, in the order of their indices.
    """

    performances: list[dict[str, Any]]

    def training(self, spec: ModelSpec, batch: int, seed: int, start: int) -> BatchStream:
        """Batches without end, beginning with number ``start``."""
        ...

    def validation(self, spec: ModelSpec, batch: int) -> Iterable[Batch]:
        """Batches in a fixed order, with an end; none if nothing is held out."""
        ...


@dataclass(frozen=True)
class TrainConfig:
    """How long and how to train.

    Attributes:
      steps: updates in all; a run that is resumed goes on to this number.
      batch_size: segments in an update.
      seed: of initial values, noise and the order of the data.
      ema_decay: decay of the averaged parameters.
      condition_drop: probability with which score and performance are each withheld.
      time_power: diffusion times are u ** time_power for u uniform in [0, 1].
      log_every: steps between two scalars.
      eval_every: steps between two evaluations.
      eval_batches: batches in an evaluation.
      save_every: steps between two checkpoints.

    Raises:
      ValueError: a count below 1, or a probability outside [0, 1).
    """

    steps: int
    batch_size: int = 16
    seed: int = 0
    ema_decay: float = 0.999
    condition_drop: float = 0.1
    time_power: float = 0.5
    log_every: int = 20
    eval_every: int = 500
    eval_batches: int = 8
    save_every: int = 500

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "log_every", "eval_every", "save_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}; must be at least 1")
        if not self.time_power > 0:
            raise ValueError(f"time_power={self.time_power}; must be positive")
        for name in ("ema_decay", "condition_drop"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}; must be in [0, 1)")


def train(
    spec: ModelSpec,
    config: TrainConfig,
    optimizer_config: OptimizerConfig,
    data: TrainingData,
    folder: Path,
    initial: PyTree | None = None,
) -> TrainState:
    """Trains, or goes on training, the model of ``spec`` in ``folder``.

    Args:
      spec: the model.
      config: how long and how.
      optimizer_config: how it learns.
      data: where batches come from.
      folder: of the run: specification, checkpoints and TensorBoard scalars.
      initial: parameters to begin with instead of fresh ones, if the run is new.

    Returns:
      The last state.

    Raises:
      UserError: ``folder`` holds a run of another model.
      FloatingPointError: the loss is not finite; the last checkpoint before is kept.
    """
    from tensorboardX import SummaryWriter
    from tqdm import tqdm

    _claim(folder, spec, data.performances)
    network = spec.build()
    optimizer = optimizer_config.build(config.steps)
    validation = _validation(data, spec, config)

    if initial is None:
        example = validation[0] if validation else _first_batch(data, spec, config)
        initial = init_params(network, example_inputs(example), jax.random.key(config.seed))
    state = init_state(initial, optimizer)
    checkpoints = Checkpoints(folder)
    if checkpoints.latest() is not None:
        state = checkpoints.restore(state)
    first = int(state.step)

    train_step = make_train_step(
        network,
        spec.diffusion,
        optimizer,
        ema_decay=config.ema_decay,
        condition_drop=config.condition_drop,
        time_power=config.time_power,
        seed=config.seed,
    )
    eval_step = make_eval_step(network, spec.diffusion, seed=config.seed)
    learning_rate = optimizer_config.schedule(config.steps)
    batches = data.training(spec, config.batch_size, config.seed, first)
    writer = SummaryWriter(str(folder / "tensorboard"))
    progress = tqdm(total=config.steps, initial=first, unit="step", smoothing=0.05)
    with closing(batches), closing(writer), closing(checkpoints), progress:
        if not validation:
            progress.write("no validation split: nothing will show when the model overfits")
        clock, losses = time.monotonic(), []
        for step in range(first + 1, config.steps + 1):
            state, metrics = train_step(state, next(batches))
            losses.append(metrics["loss"])
            progress.update()
            saving = step % config.save_every == 0 or step == config.steps
            # Looked at before every save too, so that no state that is not finite is kept.
            if saving or step % config.log_every == 0:
                loss = float(np.mean(jax.device_get(losses)))
                if not np.isfinite(loss):
                    raise FloatingPointError(
                        f"the loss is {loss} within the {len(losses)} steps up to step {step}; "
                        f"the last good state is step {checkpoints.latest()} in {folder}"
                    )
                seconds = time.monotonic() - clock
                writer.add_scalar("train/loss", loss, step)
                writer.add_scalar("train/gradient_norm", float(metrics["gradient_norm"]), step)
                writer.add_scalar("train/learning_rate", float(learning_rate(step)), step)
                rate = len(losses) * config.batch_size / seconds
                writer.add_scalar("speed/segments_per_second", rate, step)
                progress.set_postfix(loss=f"{loss:.4f}", segments=f"{rate:.1f}/s")
                clock, losses = time.monotonic(), []
            if saving:
                checkpoints.save(state)
            if validation and (step % config.eval_every == 0 or step == config.steps):
                values = np.mean([eval_step(state.ema, batch) for batch in validation], axis=0)
                for time_, value in zip(EVAL_TIMES, values):
                    writer.add_scalar(f"validation/loss_at_{time_}", value, step)
                shown = " ".join(f"{t}:{v:.4f}" for t, v in zip(EVAL_TIMES, values))
                progress.write(f"step {step}: validation loss by time {shown}")
                clock = time.monotonic()
    return state


def example_inputs(batch: Batch) -> tuple[Any, ...]:
    """Arguments of a network's ``__call__`` in the shapes of one segment of ``batch``."""
    one = {name: jnp.asarray(value[:1]) for name, value in batch.items()}
    keep = jnp.ones(1, bool)
    return one["mel"].astype(jnp.float32), jnp.zeros(1), conditions_of(one, keep, keep)


def _claim(folder: Path, spec: ModelSpec, performances: list[dict[str, Any]]) -> None:
    """Writes what the run is about into its folder, or checks that it is the same."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in ((SPEC_FILE, spec.to_dict()), (PERFORMANCES_FILE, performances)):
        path, text = folder / name, json.dumps(value, indent=1) + "\n"
        if path.exists() and path.read_text() != text:
            raise UserError(
                f"{path} is of a run with another configuration; give another folder, or the "
                "configuration with which that run was begun"
            )
        path.write_text(text)


def _validation(data: TrainingData, spec: ModelSpec, config: TrainConfig) -> list[Batch]:
    """The first whole batches; a smaller one, compiled for its own size, only if it is all."""
    batches = list(islice(data.validation(spec, config.batch_size), config.eval_batches))
    whole = [batch for batch in batches if len(batch["mel"]) == config.batch_size]
    return whole or batches[:1]


def _first_batch(data: TrainingData, spec: ModelSpec, config: TrainConfig) -> Batch:
    with closing(data.training(spec, config.batch_size, config.seed, 0)) as batches:
        return next(batches)
