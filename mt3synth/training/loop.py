"""Training from the first batch to the last checkpoint, whatever it is that is trained."""

from __future__ import annotations

import dataclasses
from contextlib import closing
from pathlib import Path

import jax
import numpy as np

from mt3synth.training.checkpoints.manager import Checkpoints
from mt3synth.training.data import ReaderPosition, trimmed
from mt3synth.training.learner import Learner, Pace
from mt3synth.training.monitoring.flops import StepFlops, peak_of_all
from mt3synth.training.monitoring.logger import Board
from mt3synth.training.monitoring.metrics import Window
from mt3synth.training.monitoring.parameter_table import state_line
from mt3synth.training.monitoring.profiling import Profiler
from mt3synth.training.monitoring.throughput import Progress
from mt3synth.training.optim.learning_rate import with_plan
from mt3synth.training.optim.optimizer import OptimizerConfig
from mt3synth.training.optim.time_budget import OPEN, Budget, BudgetConfig
from mt3synth.training.parallel.mesh import place_batch
from mt3synth.training.preemption import Stopped, StopRequests
from mt3synth.training.run_folder import SETTINGS_FILE, write
from mt3synth.training.state import TrainState


def fit(
    learner: Learner,
    pace: Pace,
    optimizer_config: OptimizerConfig,
    folder: Path,
    *,
    budget_config: BudgetConfig | None = None,
    profile: tuple[int, int] | None = None,
    settings: str = "",
) -> TrainState:
    """Trains ``learner``, or goes on training it, in ``folder``, which is its own already.

    Args:
      learner: what is trained.
      pace: how long, and how often something is saved and shown.
      optimizer_config: says the learning rate by step, as the learner's optimizer has it.
      folder, budget_config, profile, settings: as in `mt3synth.training.diffusion.learner.train`.

    Returns:
      The last state.

    Raises:
      UserError, FloatingPointError, Stopped: as `mt3synth.training.diffusion.learner.train`.
    """
    mesh, position = learner.mesh, learner.position
    checkpoints = Checkpoints(folder)
    saved = checkpoints.restore(learner.abstract())
    reordered = False
    if saved is None:
        state = learner.fresh()
        window = Window()
    else:
        state, record = saved
        begun = ReaderPosition(**record["reader"])
        reordered = begun.data in learner.former_data
        position = begun.continued(position, learner.former_data)
        window = Window(record["window"])
    step = first = int(state.step)
    write(folder / SETTINGS_FILE, settings)

    budget = None if budget_config is None else Budget(budget_config, folder, first)
    plan = optimizer_config.plan(pace.steps) if budget is None else budget.plan
    state = dataclasses.replace(state, opt_state=with_plan(state.opt_state, plan))

    batches = learner.batches(position)
    board = Board(folder, first, plan.end)
    board.say(learner.summary(folder) + "; " + state_line(state))
    board.say(learner.headline)
    if first:
        board.say(f"going on from step {first}, with batch {position.batch} of the data")
    if reordered:
        board.say("the run was begun with the same data in another order; it goes on in today's")
    peak = peak_of_all(list(mesh.devices.flat), learner.dtype)
    board.say(f"MFU is the share of {peak.flops_per_second / 1e12:.3g} TFLOP/s, {peak.source}")
    progress = Progress(
        batch_size=pace.batch_size,
        segment_seconds=learner.segment_seconds,
        first=first,
        steps=plan.end,
        peak=peak.flops_per_second,
    )
    train_step = learner.update_after(step)
    flops = StepFlops(train_step, pace.batch_size)
    with (
        StopRequests() as stop,
        closing(checkpoints),
        closing(board),
        closing(batches),
        Profiler(folder, profile) as profiler,
    ):
        while step < plan.steps:
            if learner.update_after(step) is not train_step:
                train_step = learner.update_after(step)
                flops = StepFlops(train_step, pace.batch_size)
                if budget is not None:
                    budget.measure_anew()
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
            logging = last or step % pace.log_every == 0
            saving = last or stopping is not None or step % pace.save_every == 0
            # Looked at before every save too, so that no state that is not finite is kept.
            if (logging or saving) and not np.isfinite(window.loss()):
                raise FloatingPointError(
                    f"the loss is {window.loss()} within the {len(window)} steps up to step "
                    f"{step}; the last good state is step {checkpoints.latest()} in {folder}"
                )
            board.advance(step, plan.end)
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
            if last or step % pace.eval_every == 0:
                with progress.paused():
                    learner.examine(state.ema, step, board)
            if budget is not None and logging and not last:
                revised = budget.revise(step)
                if revised != plan:
                    if plan == OPEN:
                        board.say(budget.describe(optimizer_config.warmup_steps))
                    plan, progress.steps = revised, revised.end
                    state = dataclasses.replace(state, opt_state=with_plan(state.opt_state, plan))
    return state
