"""Training from the first batch to the last checkpoint."""

from __future__ import annotations

import dataclasses
from contextlib import closing
from pathlib import Path

import jax
import numpy as np

from mt3synth.bundle import abstract_params
from mt3synth.model_spec import ModelSpec
from mt3synth.training.board import Board
from mt3synth.training.budget import OPEN, Budget, BudgetConfig
from mt3synth.training.checkpoint import Checkpoints
from mt3synth.training.config import TrainConfig
from mt3synth.training.examination import Examination
from mt3synth.training.flops import StepFlops, peak_of_all
from mt3synth.training.freezing import FreezeConfig, freeze
from mt3synth.training.learning_rate import with_plan
from mt3synth.training.mesh import MeshConfig, check_batch_size, make_mesh, place_batch
from mt3synth.training.optimizer import OptimizerConfig
from mt3synth.training.profiling import Profiler
from mt3synth.training.progress import Progress
from mt3synth.training.reading import (
    ReaderPosition,
    TrainingData,
    first_batch,
    open_batches,
    position_at_start,
    trimmed,
)
from mt3synth.training.run_folder import SETTINGS_FILE, claim, write
from mt3synth.training.showcase import ShowcaseConfig
from mt3synth.training.state import TrainState, abstract_state, init_state_sharded
from mt3synth.training.step import make_train_step
from mt3synth.training.stopping import Stopped, StopRequests
from mt3synth.training.summary import state_line, write_summary
from mt3synth.training.window import Window
from mt3synth.types import PyTree


def train(
    spec: ModelSpec,
    config: TrainConfig,
    optimizer_config: OptimizerConfig,
    data: TrainingData,
    folder: Path,
    initial: PyTree | None = None,
    *,
    mesh_config: MeshConfig | None = None,
    freezing: FreezeConfig | None = None,
    budget_config: BudgetConfig | None = None,
    showcase: ShowcaseConfig | None = None,
    profile: tuple[int, int] | None = None,
    settings: str = "",
) -> TrainState:
    """Trains, or goes on training, the model of ``spec`` in ``folder``.

    Every process of a run calls it with the same arguments.

    Args:
      spec: the model.
      config: how long and how.
      optimizer_config: how it learns.
      data: where batches come from.
      folder: of the run: specification, checkpoints and TensorBoard scalars.
      initial: parameters to begin with instead of fresh ones, if the run is new.
      mesh_config: over which devices; by default all share the batch.
      freezing: parameters that stay as they are; by default none.
      budget_config: how much time there is, instead of ``config.steps``.
      showcase: what is drawn and made audible at each evaluation; by default nothing.
      profile: steps after which a profiler's trace begins and ends.
      settings: text that goes beside the checkpoints as the configuration of the run.

    Returns:
      The last state.

    Raises:
      UserError: ``folder`` holds a run of another model, the batch does not divide over the
        devices, or a checkpoint cannot be read or written.
      FloatingPointError: the loss is not finite; the last checkpoint before is kept.
      Stopped: a signal ended the run; its state is saved.
    """
    mesh = make_mesh(mesh_config or MeshConfig())
    check_batch_size(config.batch_size, mesh, config.accumulation)

    claim(folder, spec, data.performances)
    position = position_at_start(data, config.batch_size, config.seed)
    network = spec.build()
    examination = Examination(network, spec, data, config, showcase, folder, mesh)
    example = examination.example or first_batch(data, spec, position, mesh)

    optimizer = optimizer_config.build(config.steps)
    optimizer = freeze(optimizer, abstract_params(spec), freezing or FreezeConfig())
    checkpoints = Checkpoints(folder)
    saved = checkpoints.restore(abstract_state(network, example, optimizer, mesh))
    if saved is None:
        state = init_state_sharded(network, example, optimizer, mesh, config.seed, initial)
        window = Window()
    else:
        state, record = saved
        position = ReaderPosition(**record["reader"]).continued(position)
        window = Window(record["window"])
    step = first = int(state.step)
    write(folder / SETTINGS_FILE, settings)

    budget = None if budget_config is None else Budget(budget_config, folder, first)
    plan = optimizer_config.plan(config.steps) if budget is None else budget.plan
    state = dataclasses.replace(state, opt_state=with_plan(state.opt_state, plan))
    train_step = make_train_step(
        network,
        spec.diffusion,
        optimizer,
        ema_decay=config.ema_decay,
        condition_drop=config.condition_drop,
        time_power=config.time_power,
        seed=config.seed,
        mesh=mesh,
        accumulation=config.accumulation,
        remat=config.remat,
    )

    batches = open_batches(data, spec, position, mesh)
    board = Board(folder, first, None if plan == OPEN else plan.steps)
    board.say(write_summary(folder, network, example, mesh) + "; " + state_line(state))
    board.say(examination.headline)
    if first:
        board.say(f"going on from step {first}, with batch {position.batch} of the data")
    peak = peak_of_all(list(mesh.devices.flat), spec.network.dtype)
    board.say(f"MFU is the share of {peak.flops_per_second / 1e12:.3g} TFLOP/s, {peak.source}")
    progress = Progress(
        batch_size=config.batch_size,
        segment_seconds=spec.window / spec.mel.frame_rate,
        first=first,
        steps=plan.steps,
        peak=peak.flops_per_second,
    )
    flops = StepFlops(train_step, config.batch_size)
    with (
        StopRequests() as stop,
        closing(checkpoints),
        closing(board),
        closing(batches),
        Profiler(folder, profile) as profiler,
    ):
        while step < plan.steps:
            with progress.waiting():
                batch = place_batch(trimmed(next(batches)), mesh)
            if flops.knows(batch):
                progress.worked(flops.of(state, batch))
                state, metrics = train_step(state, batch)
            else:
                # Compiled for its shapes first, which tells nothing about the speed of others.
                jax.block_until_ready(state)
                with progress.paused(steps=1):
                    flops.of(state, batch)
                    state, metrics = train_step(state, batch)
                    jax.block_until_ready(metrics)
            step, position = step + 1, position.after(1)
            window.add(metrics)
            profiler.at(step, metrics)

            last, stopping = step == plan.steps, stop.reached(step)
            logging = last or step % config.log_every == 0
            saving = last or stopping is not None or step % config.save_every == 0
            # Looked at before every save too, so that no state that is not finite is kept.
            if (logging or saving) and not np.isfinite(window.loss()):
                raise FloatingPointError(
                    f"the loss is {window.loss()} within the {len(window)} steps up to step "
                    f"{step}; the last good state is step {checkpoints.latest()} in {folder}"
                )
            board.advance(step, None if plan == OPEN else plan.steps)
            if logging:
                rate = float(optimizer_config.rate(step, plan))
                board.scalars({**window.scalars(), "train/learning_rate": rate}, step)
                if progress.counts(step):
                    report = progress.report(step)
                    board.scalars(report.scalars(), step)
                    board.status({"loss": f"{window.loss():.4f}", **report.postfix()})
                window = Window()
                checkpoints.check()
            if saving:
                with progress.paused():
                    board.flush()
                    checkpoints.save(state, {"reader": vars(position), "window": window.record()})
            if stopping is not None and not last:
                raise Stopped(step, stopping)
            if last or step % config.eval_every == 0:
                with progress.paused():
                    examination.hold(state.ema, step, board)
            if budget is not None and logging and not last:
                revised = budget.revise(step)
                if revised != plan:
                    if plan == OPEN:
                        board.say(budget.describe(optimizer_config.warmup_steps))
                    plan, progress.steps = revised, revised.steps
                    state = dataclasses.replace(state, opt_state=with_plan(state.opt_state, plan))
    return state
