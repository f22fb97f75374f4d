"""Teaches a model one performance more, while all that it knows stays as it is.

What is learned is the performance's embedding and, if it may, what it adds to the weights. A model
with a prior learns in turns: the prior, which is heard by itself, and then the denoiser around it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from jax.sharding import Mesh

from mt3synth.batch_protocols import TrainingData
from mt3synth.errors import check_least
from mt3synth.model_spec import ModelSpec
from mt3synth.training.checkpoints.best import load_best
from mt3synth.training.data import read_first_batch, start_position
from mt3synth.training.diffusion.adapted_network import ADDITIONS, BASE, ROW, AdaptedNetwork
from mt3synth.training.diffusion.config import TrainConfig
from mt3synth.training.diffusion.held_out import Judge
from mt3synth.training.diffusion.segment_learner import SegmentLearner
from mt3synth.training.diffusion.step import make_train_step
from mt3synth.training.learner import Update
from mt3synth.training.loop import fit
from mt3synth.training.monitoring.logger import Logger
from mt3synth.training.optim.freezing import FreezeConfig, freeze
from mt3synth.training.optim.optimizer import OptimizerConfig
from mt3synth.training.optim.time_budget import BudgetConfig
from mt3synth.training.parallel.mesh import MeshConfig, make_mesh
from mt3synth.types import PyTree

_NEVER = 10**9
_PRIOR = "note_prior"
"""Module of a network in which its prior is."""


@dataclass(frozen=True)
class Stage:
    """Says what is learned of a performance in one go, and for how long.

    Attributes:
      name: of its folder.
      rank: of what the performance adds to the weights; 0 for an embedding alone.
      prior_only: whether the prior is all that is computed, which costs little.
      freezing: parameters of `AdaptedNetwork` that are not learned.
      config: how long and how to train.
      optimizer: how it learns.
      minutes: how much time there is, instead of ``config.steps``.
    """

    name: str
    rank: int
    prior_only: bool
    freezing: FreezeConfig
    config: TrainConfig
    optimizer: OptimizerConfig
    minutes: float | None = None


@dataclass(frozen=True)
class Extent:
    """Says how much is learned of a performance.

    Attributes:
      steps: in which its embedding is learned.
      minutes: in which it learns what it adds to the weights; None for an embedding alone.
      added_steps: the same in steps of the prior, or of a denoiser without one, which give the same
        result on any machine; the denoiser around a prior has a tenth of them.
      rank: of what is added to each matrix.
      denoiser: whether the denoiser around a prior learns, too.

    Raises:
      ValueError: a count below 1, no time, or both minutes and steps.
    """

    steps: int = 300
    minutes: float | None = None
    added_steps: int | None = None
    rank: int = 8
    denoiser: bool = True

    def __post_init__(self) -> None:
        check_least(self, steps=1, added_steps=1, rank=1)
        if self.minutes is not None and not 0 < self.minutes < float("inf"):
            raise ValueError(f"minutes={self.minutes:g}; must be more than 0")
        if self.minutes is not None and self.added_steps is not None:
            raise ValueError(
                f"minutes={self.minutes:g} and added_steps={self.added_steps}; give one of them"
            )


def plan_stages(spec: ModelSpec, extent: Extent, batch_size: int, seed: int) -> list[Stage]:
    """Plans how a model learns a performance: its embedding, then what it adds.

    Args:
      spec: the model.
      extent: how much of each.
      batch_size: segments of an update.
      seed: of the order of the data, and of noise.
    """
    prior, steps, rank = spec.has_prior, extent.steps, extent.rank
    config = partial(
        TrainConfig,
        batch_size=batch_size,
        seed=seed,
        ema_decay=0.98,  # over some dozens of steps, for there are but hundreds
        condition_drop=0.0,
        prior_weight=float(prior),
        save_every=_NEVER,  # what is kept is what validated best
    )
    # Two dozen numbers that may have far to go. Decay would pull them to what no performance is.
    of_rows = OptimizerConfig(
        learning_rate=2e-2, warmup_steps=10, decay_steps=steps // 2, weight_decay=0.0
    )
    alone = FreezeConfig(freeze=(BASE,))
    stages = [Stage("embedding", 0, prior, alone, config(steps=steps), of_rows)]
    if extent.minutes is None and extent.added_steps is None:
        return stages

    def stage(name: str, prior_only: bool, freezing: FreezeConfig, share: float) -> Stage:
        # Of the time half goes to each, of the steps few to the one that costs more.
        parts = 2 if prior and extent.denoiser else 1
        minutes = None if extent.minutes is None else extent.minutes / parts
        count = max(1, round(share * (extent.added_steps or _NEVER)))
        optimizer = OptimizerConfig(learning_rate=2e-3, warmup_steps=20, decay_steps=1 + count // 3)
        how = config(steps=count, validations=20)
        return Stage(name, rank, prior_only, freezing, how, optimizer, minutes)

    if not prior:
        return [*stages, stage("additions", False, alone, 1.0)]
    # The prior first, for it is heard alone; the denoiser then learns what that leaves open.
    first = FreezeConfig(freeze=(BASE, ADDITIONS), train=(f"{ADDITIONS}/{_PRIOR}",))
    then = FreezeConfig(freeze=(BASE, ROW, f"{ADDITIONS}/{_PRIOR}"))
    stages.append(stage("prior", True, first, 1.0))
    return [*stages, stage("denoiser", False, then, 0.1)] if extent.denoiser else stages


class AdaptationLearner(SegmentLearner):
    """One performance of a model as a `mt3synth.training.learner.Learner`.

    Args:
      spec: the model.
      data: recordings of that performance alone.
      stage: what is learned.
      params: of an `AdaptedNetwork` to begin with.
      mesh: where state and batches lie.
    """

    def __init__(
        self,
        spec: ModelSpec,
        data: TrainingData,
        stage: Stage,
        params: PyTree,
        mesh: Mesh,
    ) -> None:
        config, network = stage.config, AdaptedNetwork(spec, stage.rank)
        size, seed = config.batch_size, config.seed
        position = start_position(data, size, seed)
        example = read_first_batch(data, spec, position, mesh)
        optimizer = freeze(stage.optimizer.build(config.steps), params, stage.freezing)
        super().__init__(spec, network, data, optimizer, mesh, position, example, seed, params)
        self._judge = Judge.held_out(spec, data, stage.rank, stage.prior_only, size, seed, mesh)
        self.headline = f"{stage.name}: validation on {self._judge.segments} segments"
        self._update = make_train_step(
            network,
            spec.diffusion,
            optimizer,
            ema_decay=config.ema_decay,
            condition_drop=config.condition_drop,
            time_power=config.time_power,
            seed=seed,
            prior_weight=config.prior_weight,
            prior_only=stage.prior_only,
            mesh=mesh,
        )

    def update_after(self, step: int) -> Update:
        """Returns the update, the same at every step."""
        return self._update

    def validate(self, ema: PyTree, step: int, logger: Logger) -> float | None:
        """Measures the averaged parameters on what is held out."""
        loss = self._judge.loss(ema)
        logger.scalars({"validation/loss": loss}, step)
        logger.info(f"step {step}: validation loss {loss:.5f}")
        return loss


def learn(
    spec: ModelSpec, data: TrainingData, stage: Stage, params: PyTree, folder: Path
) -> tuple[PyTree, float, float]:
    """Goes through one stage.

    Returns:
      The parameters that were best on what is held out, and the loss there before and with them.

    Args:
      spec, data, stage: as for `AdaptationLearner`.
      params: to begin with; they are returned if nothing that was tried is better.
      folder: of the run, in which it goes on where it was interrupted.

    Raises:
      UserError: a file of the run cannot be read or written.
      FloatingPointError: the loss is not finite.
      Stopped: a signal ended the run; its state is saved.
    """
    learner = AdaptationLearner(spec, data, stage, params, make_mesh(MeshConfig()))
    fit(
        learner,
        stage.config,
        stage.optimizer,
        folder,
        budget=None if stage.minutes is None else BudgetConfig(minutes=stage.minutes),
        validate_first=True,
    )
    best, found, losses = load_best(folder, params)
    before = losses[0]
    assert before is not None  # it was validated first, and something is held out
    return best, before, found.loss
