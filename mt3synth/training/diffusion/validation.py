"""Validates the averaged parameters on held-out segments: losses, pictures and sound."""

from __future__ import annotations

import math
from itertools import islice
from pathlib import Path

import jax
import numpy as np
from flax import linen as nn
from jax.sharding import Mesh

from mt3synth.batch_protocols import TrainingData
from mt3synth.model_spec import ModelSpec
from mt3synth.training.diffusion.config import TrainConfig
from mt3synth.training.diffusion.hearing import HeardScore, Hearing
from mt3synth.training.diffusion.samples import SampleRenderer, SamplesConfig
from mt3synth.training.diffusion.step import EVAL_TIMES, make_eval_step
from mt3synth.training.monitoring.logger import Logger
from mt3synth.training.parallel.mesh import BATCH_AXES, data_share, place_batch
from mt3synth.training.parallel.sharding import fetch_to_host
from mt3synth.types import Batch, PyTree


class Validation:
    """Validates at any time of a run on the same batches, the first of the validation split.

    Every process reads them all and evaluates its share. Whole batches count; a smaller one,
    compiled for its own size, only if there is no other, and as far as it divides over the mesh.
    It is the averaged parameters that are exported, so it is these that are validated.

    Args:
      network, spec, data, config: of the run.
      samples: what is drawn and made audible; None, or no segments, for nothing.
      folder: of the run.
      mesh: where the parameters lie.
      hearing: who counts the notes of short renderings; None for nobody.

    Attributes:
      example: a batch; None if nothing is held out.
    """

    def __init__(
        self,
        network: nn.Module,
        spec: ModelSpec,
        data: TrainingData,
        config: TrainConfig,
        samples: SamplesConfig | None,
        folder: Path,
        mesh: Mesh,
        hearing: Hearing | None = None,
    ) -> None:
        # Read once and kept: a few batches, and every validation is then of the same.
        batches = list(islice(data.validation(spec, config.batch_size), config.eval_batches))
        self.example: Batch | None = batches[0] if batches else None
        # Whole ones alone, for a smaller one would be another program.
        self._batches = [batch for batch in batches if len(batch["mel"]) == config.batch_size]
        if self.example is not None and not self._batches:
            shares = math.prod(mesh.shape[axis] for axis in BATCH_AXES)
            # What does not divide over the mesh is left out rather than refused, for it is only
            # validated.
            size = len(self.example["mel"]) // shares * shares
            self._batches = [_rows(self.example, 0, size)] if size else []
        self._evaluate = make_eval_step(
            network, spec.diffusion, seed=config.seed, mesh=mesh, loss=config.loss
        )
        self._samples: SampleRenderer | None = None
        if self.example is not None and samples is not None and samples.segments:
            self._samples = SampleRenderer(spec, self.example, samples)
        self._heard: HeardScore | None = None
        if self.example is not None and hearing is not None:
            self._heard = HeardScore(hearing, spec, self.example)
        self._folder, self._mesh = folder, mesh

    @property
    def headline(self) -> str:
        """Says in one line what is evaluated."""
        if self.example is None:
            return "no validation split: nothing will show when the model overfits"
        if not self._batches:
            return "too little is held out to divide over the mesh: no validation loss"
        return f"validation on {sum(len(batch['mel']) for batch in self._batches)} segments"

    def losses(self, ema: PyTree) -> dict[float, float]:
        """Measures the mean loss at each of ``EVAL_TIMES``; none without batches."""
        share, shares = data_share(self._mesh)
        values = []
        for batch in self._batches:
            size = len(batch["mel"]) // shares
            mine = _rows(batch, share * size, (share + 1) * size)
            # Fetched batch by batch, so that one at a time is on the devices.
            values.append(jax.device_get(self._evaluate(ema, place_batch(mine, self._mesh))))
        return dict(zip(EVAL_TIMES, np.mean(values, axis=0).tolist())) if values else {}

    def run(self, ema: PyTree, step: int, logger: Logger) -> float | None:
        """Shows losses, pictures and sound of ``ema``, the parameters after ``step`` updates.

        Returns the mean of the losses, None without any.
        """
        losses = self.losses(ema)
        mean = None
        if losses:
            # One number by which steps compare; all times count alike.
            mean = float(np.mean(list(losses.values())))
            scalars = {f"validation/loss_at_{t}": loss for t, loss in losses.items()}
            logger.scalars({**scalars, "validation/loss": mean}, step)
            shown = " ".join(f"{time}:{loss:.4f}" for time, loss in losses.items())
            logger.info(f"step {step}: validation loss by time {shown}")
        if self._heard is not None:
            found = self._heard.score(fetch_to_host(ema))
            scalars = {"f1": found.f1, "precision": found.precision, "recall": found.recall}
            logger.scalars({f"validation/heard_{k}": v for k, v in scalars.items()}, step)
            logger.info(f"step {step}: onsets heard in renderings, F1 {found.f1:.3f}")
        if self._samples is not None:
            weights = fetch_to_host(ema)  # Every process takes part, though only one renders.
            if logger.writer is not None:
                self._samples.write(logger.writer, self._folder, weights, step)
        return mean


def _rows(batch: Batch, start: int, stop: int) -> Batch:
    return {name: values[start:stop] for name, values in batch.items()}
