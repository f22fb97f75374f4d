"""Trains from the first batch to the last checkpoint, whatever it is that is trained."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np

from mt3synth.errors import check_least
from mt3synth.training.checkpoints.best import BestWeights
from mt3synth.training.checkpoints.manager import Checkpoints
from mt3synth.training.data import ReaderPosition, trim_padding
from mt3synth.training.learner import Learner
from mt3synth.training.monitoring.flops import StepFlops, find_peak_of_all
from mt3synth.training.monitoring.logger import Logger
from mt3synth.training.monitoring.metrics import LogInterval
from mt3synth.training.monitoring.parameter_table import describe_state
from mt3synth.training.monitoring.profiling import Profiler
from mt3synth.training.monitoring.throughput import Progress
from mt3synth.training.optim.learning_rate import replace_plan
from mt3synth.training.optim.optimizer import OptimizerConfig
from mt3synth.training.optim.time_budget import OPEN, Budget, BudgetConfig
from mt3synth.training.parallel.mesh import place_batch
from mt3synth.training.preemption import Stopped, StopRequests
from mt3synth.training.run_folder import SETTINGS_FILE, hold_run, write
from mt3synth.training.state import TrainState


@dataclass(frozen=True)
class LoopConfig:
    """Says how long a run is, and how often it saves and shows something.

    Attributes:
      steps: updates in all; a run that is resumed goes on to this number.
      batch_size: segments in an update, of all processes together.
      seed: of initial values, of all that is drawn in a step, and of the order of the data.
      ema_decay: decay of the averaged parameters.
      log_every: steps between two log lines.
      eval_every: most steps between two validations.
      validations: how many a run has at least, evenly spread, if ``eval_every`` gives fewer; 0 for
        no more than it gives.
      save_every: steps between two checkpoints.

    Raises:
      ValueError: a count below 1, or a decay outside [0, 1).
    """

    steps: int
    batch_size: int = 16
    seed: int = 0
    ema_decay: float = 0.999
    log_every: int = 20
    eval_every: int = 500
    save_every: int = 500
    validations: int = 10

    def __post_init__(self) -> None:
        least = dict(steps=1, batch_size=1, log_every=1, eval_every=1, save_every=1, validations=0)
        check_least(self, **least)
        if not 0 <= self.ema_decay < 1:
            raise ValueError(f"ema_decay={self.ema_decay}; must be in [0, 1)")


class ValidationSteps:
    """Says after which steps a run validates, though its end may be planned late, and again.

        validations = ValidationSteps(config, first=0)
        validations.due(100, planned=1000)

    Args:
      config: of the run.
      first: updates that it has behind it.
      done: steps after which it has validated so far.
    """

    def __init__(self, config: LoopConfig, first: int, done: Collection[int] = ()) -> None:
        self._config = config
        # That before the first step is extra, and those beyond a checkpoint are made again.
        counted = [step for step in done if 0 < step <= first]
        # Not from ``first`` on where there is none yet: a run that is killed before its first
        # validation has it where it would have had it.
        self._count, self._last = len(counted), max(counted, default=0)

    def due(self, step: int, planned: int) -> bool:
        """Tells whether a validation is due after ``step`` updates of ``planned``.

        Those that are still to come are spread over the steps that are still to come: so a budget
        of time gets as many, whose plan is made when much of it may be over.
        """
        # One at the least, for the steps left are divided by it.
        to_come = max(1, self._config.validations - self._count)
        apart = min(self._config.eval_every, max(1, (planned - self._last) // to_come))
        # Whoever wants none beyond ``eval_every`` gets exactly that spacing.
        if not self._config.validations:
            apart = self._config.eval_every
        if step - self._last < apart:
            return False
        self._count, self._last = self._count + 1, step
        return True


def fit(
    learner: Learner,
    config: LoopConfig,
    optimizer: OptimizerConfig,
    folder: Path,
    *,
    budget: BudgetConfig | None = None,
    profile: tuple[int, int] | None = None,
    validate_first: bool = False,
    settings: str = "",
) -> TrainState:
    """Trains ``learner``, or goes on training it, in a folder that is already its own.

    Nobody else can train in the folder meanwhile.

    Args:
      learner: what is trained.
      config: how long, and how often something is saved and shown.
      optimizer: says the learning rate by step, as the learner's optimizer has it.
      folder: of the run; training goes on from its last checkpoint.
      budget: how much time there is, instead of ``config.steps``.
      profile: steps after which a profiler's trace begins and ends.
      validate_first: whether parameters before the first update are worth a validation, as those
        of a trained model are.
      settings: text that goes beside the checkpoints as the configuration of the run.

    Returns:
      The last state.

    Raises:
      UserError: a checkpoint cannot be read or written, or is of other data or another seed; or
        another process trains in the folder.
      FloatingPointError: the loss is not finite; the last checkpoint before that is kept.
      Stopped: a signal ended the run; its state is saved.
    """
    with hold_run(folder):
        return _fit(learner, config, optimizer, folder, budget, profile, validate_first, settings)


def _fit(
    learner: Learner,
    config: LoopConfig,
    optimizer: OptimizerConfig,
    folder: Path,
    budget: BudgetConfig | None,
    profile: tuple[int, int] | None,
    validate_first: bool,
    settings: str,
) -> TrainState:
    mesh, position = learner.mesh, learner.position
    # Restored before anything else is opened: a run that cannot go on should say so in seconds, and
    # the position in the data is known only from here on.
    checkpoints, best = Checkpoints(folder), BestWeights(folder)
    saved = checkpoints.restore(learner.abstract())
    reordered = False
    if saved is None:
        state = learner.fresh()
        interval = LogInterval()
    else:
        state, record = saved
        begun = ReaderPosition(**record["reader"])
        reordered = begun.data in learner.former_data
        position = begun.resume(position, learner.former_data)
        # A checkpoint may lie between two log lines. What its steps measured is kept with it, so
        # that the first line after it is the one that an undisturbed run would have written.
        interval = LogInterval(record["window"])
    # From the state and not from the folder's name: it is the state that goes on.
    step = first = int(state.step)
    write(folder / SETTINGS_FILE, settings)

    # The plan is data in the optimizer's state and not part of the program: a run may be made
    # longer, or its end moved while it trains, and nothing is compiled anew.
    planner = None if budget is None else Budget(budget, folder, first)
    plan = optimizer.plan(config.steps) if planner is None else planner.plan
    state = dataclasses.replace(state, opt_state=replace_plan(state.opt_state, plan))

    batches = learner.batches(position)
    logger = Logger(folder, first, plan.end)
    logger.info(learner.summary(folder) + "; " + describe_state(state))
    logger.info(learner.headline)
    if first:
        logger.info(f"going on from step {first}, with batch {position.batch} of the data")
    if reordered:
        logger.info("the run was begun with the same data in another order; it goes on in today's")
    # Measured before the first step, when the devices have nothing else to do.
    peak = find_peak_of_all(list(mesh.devices.flat), learner.dtype)
    logger.info(f"MFU is the share of {peak.flops_per_second / 1e12:.3g} TFLOP/s, {peak.source}")
    # From here on time counts: what came before was opening and compiling.
    progress = Progress(
        batch_size=config.batch_size,
        segment_seconds=learner.segment_seconds,
        first=first,
        steps=plan.end,
        peak=peak.flops_per_second,
    )
    train_step = learner.update_after(step)
    flops = StepFlops(train_step, config.batch_size)

    def validate() -> None:
        with progress.paused():
            # Outside the measured speed: how long a validation takes says nothing about steps.
            loss = learner.validate(state.ema, step, logger)
            # Scalars first: a run that is killed behind the record does not validate again.
            logger.flush()
            best.offer(state.ema, step, loss)

    with (
        StopRequests() as stop,
        closing(checkpoints),
        closing(logger),
        closing(batches),
        Profiler(folder, profile) as profiler,
    ):
        validations = ValidationSteps(config, first, best.losses)
        # Where a run begins with a trained model, what comes after is compared with that. One that
        # was stopped between a checkpoint and its validation makes up for it.
        due = validations.due(first, plan.steps) if first else validate_first
        if due and step not in best.losses:
            validate()
        while step < plan.steps:
            if learner.update_after(step) is not train_step:
                # Another program, such as that with discriminators, has another speed.
                train_step = learner.update_after(step)
                flops = StepFlops(train_step, config.batch_size)
                if planner is not None:
                    planner.measure_anew()
            with progress.waiting():
                # Trimmed here and not by the reader, so that readers need not know what is
                # compiled.
                batch = place_batch(trim_padding(next(batches)), mesh)
            if flops.knows(batch):
                # Nothing here waits for the device, which works on while the next batch is read.
                progress.worked(flops.of(state, batch))
                state, metrics = train_step(state, batch)
            else:
                # Compiled for its shapes first, which tells nothing about the speed of others.
                jax.block_until_ready(state)
                with progress.paused(steps=1):
                    flops.of(state, batch)
                    state, metrics = train_step(state, batch)
                    jax.block_until_ready(metrics)
            step, position = step + 1, position.advance(1)
            interval.add(metrics)
            profiler.at(step, metrics)

            # After every step, in every process: where there are several, this is where they agree.
            last, stopping = step == plan.steps, stop.reached(step)
            logging = last or step % config.log_every == 0
            saving = last or stopping is not None or step % config.save_every == 0
            # Looked at before every save too, so that no state that is not finite is kept. Not at
            # every step, for reading a number off the device waits for it.
            if (logging or saving) and not np.isfinite(interval.loss()):
                raise FloatingPointError(
                    f"the loss is {interval.loss()} within the {len(interval)} steps up to step "
                    f"{step}; the last good state is step {checkpoints.latest()} in {folder}"
                )
            logger.advance(step, plan.end)
            if logging:
                # Computed from the plan and not read from the state, which would wait for the
                # device.
                rate = float(optimizer.rate(step, plan))
                logger.scalars({**interval.scalars(), "train/learning_rate": rate}, step)
                if progress.counts(step):
                    report = progress.report(step)
                    logger.scalars(report.scalars(), step)
                    logger.status({"loss": f"{interval.loss():.4f}", **report.postfix()})
                interval = LogInterval()
                checkpoints.check()  # A save that failed in the background is heard of here.
            if saving:
                with progress.paused():
                    # Scalars first: a run that is killed after a save resumes behind them.
                    logger.flush()
                    # "window" is what the interval was called when the first runs were saved.
                    checkpoints.save(state, {"reader": vars(position), "window": interval.record()})
            if stopping is not None and not last:
                # Before the validation, which may take longer than a scheduler waits.
                raise Stopped(step, stopping)
            if validations.due(step, plan.steps) or last:
                validate()
            # At log lines alone, for there the loss was fetched: all processes know that the device
            # has done these steps, and agree on the plan before the next.
            if planner is not None and logging and not last:
                revised = planner.revise(step)
                if revised != plan:
                    if plan == OPEN:
                        logger.info(planner.describe(optimizer.warmup_steps))
                    plan, progress.steps = revised, revised.end
                    state = dataclasses.replace(
                        state, opt_state=replace_plan(state.opt_state, plan)
                    )
    return state
