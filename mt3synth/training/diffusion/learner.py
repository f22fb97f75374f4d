"""The denoiser as something that the training loop can train."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import flax.linen as nn
from jax.sharding import Mesh

from mt3synth.batch_protocols import TrainingData
from mt3synth.bundle import abstract_params
from mt3synth.errors import UserError
from mt3synth.model_spec import ModelSpec
from mt3synth.training.data import ReaderPosition
from mt3synth.training.diffusion.config import TrainConfig
from mt3synth.training.diffusion.hearing import Hearing
from mt3synth.training.diffusion.segment_learner import SegmentLearner
from mt3synth.training.diffusion.step import make_train_step
from mt3synth.training.diffusion.validation import Validation
from mt3synth.training.diffusion.warm_start import TABLE
from mt3synth.training.learner import Update
from mt3synth.training.monitoring.logger import Logger
from mt3synth.training.optim.freezing import FreezeConfig, freeze, hold_rows
from mt3synth.training.optim.optimizer import OptimizerConfig
from mt3synth.training.optim.power_average import keep_power_averages
from mt3synth.types import JaxBatch, PyTree


class DenoiserLearner(SegmentLearner):
    """A diffusion model as a `mt3synth.training.learner.Learner`.

    Args:
      spec: the model.
      network: what ``spec`` builds.
      data: where batches come from.
      config: how to train.
      optimizer: how the model learns.
      freezing: parameters that stay as they are.
      mesh: where state and batches lie.
      position: of the reader before the first batch.
      example: any batch, for the shapes of its features.
      validation: of the averaged parameters.
      params: parameters to begin with instead of fresh ones.
      held: indices of performances whose embeddings stay as they are.
      remark: on the data, for the headline; "" for none.
      hearing: by whom the model learns beside, if by anybody.

    Attributes:
      optimizer: confined to what is trained.
    """

    def __init__(
        self,
        spec: ModelSpec,
        network: nn.Module,
        data: TrainingData,
        config: TrainConfig,
        optimizer: OptimizerConfig,
        freezing: FreezeConfig,
        mesh: Mesh,
        position: ReaderPosition,
        example: JaxBatch,
        validation: Validation,
        params: PyTree | None = None,
        held: Sequence[int] = (),
        remark: str = "",
        hearing: Hearing | None = None,
    ) -> None:
        self._validation = validation
        self.headline = "; ".join(filter(None, (validation.headline, remark)))
        # Shapes are enough to find out what a pattern means.
        frozen = freeze(optimizer.build(config.steps), abstract_params(spec), freezing)
        # Outermost: a row that is held gets no update, whatever the optimizer within makes of it.
        held_back = hold_rows(frozen, TABLE, held)
        # Around all of it, for the averages are of what really becomes of the parameters.
        averaged = keep_power_averages(held_back, config.averages)
        seed = config.seed
        super().__init__(spec, network, data, averaged, mesh, position, example, seed, params)
        make_step = partial(
            make_train_step,
            network,
            spec.diffusion,
            self.optimizer,
            ema_decay=config.ema_decay,
            condition_drop=config.condition_drop,
            time_power=config.time_power,
            seed=config.seed,
            prior_weight=config.prior_weight,
            loss=config.loss,
            hearing=hearing,
            hearing_weight=config.transcriber_weight,
            mesh=mesh,
            accumulation=config.accumulation,
            remat=config.remat,
        )
        if config.prior_first and not spec.has_prior:
            raise UserError(
                f"prior_first={config.prior_first} for a network without a prior; must be 0"
            )
        if config.loss.attacks and not spec.has_prior:
            raise UserError(
                f"attacks={config.loss.attacks} for a network without a list of notes; must be 0"
            )
        # Two programs, each compiled when it is first called: in one, the prior alone would cost as
        # much as all.
        self._prior_first = config.prior_first
        self._update, self._update_prior = make_step(), make_step(prior_only=True)

    def update_after(self, step: int) -> Update:
        """Returns the update: of the prior alone at first if the run says so, then of all."""
        # By the step and not by a flag, so that a resumed run is in the same phase.
        return self._update_prior if step < self._prior_first else self._update

    def validate(self, ema: PyTree, step: int, logger: Logger) -> float | None:
        """Shows validation losses, pictures and sound of the averaged parameters."""
        return self._validation.run(ema, step, logger)
