"""What the averaged parameters can do with what is held out: losses, and how it sounds."""

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
from mt3synth.training.diffusion.samples import Showcase, ShowcaseConfig, on_host
from mt3synth.training.diffusion.step import EVAL_TIMES, make_eval_step
from mt3synth.training.monitoring.logger import Board
from mt3synth.training.parallel.mesh import BATCH_AXES, data_share, place_batch
from mt3synth.types import Batch, PyTree


class Examination:
    """Examines at any time of a run with the same batches, the first of the validation split.

    Every process reads them all and evaluates its share. Whole batches count; a smaller one,
    compiled for its own size, only if there is no other, and as far as it divides over the mesh.

    Args:
      network, spec, data, config: of the run.
      showcase: what is shown; None, or no segments, for nothing.
      folder: of the run.
      mesh: where the parameters lie.

    Attributes:
      example: a batch; None if nothing is held out.
    """

    def __init__(
        self,
        network: nn.Module,
        spec: ModelSpec,
        data: TrainingData,
        config: TrainConfig,
        showcase: ShowcaseConfig | None,
        folder: Path,
        mesh: Mesh,
    ) -> None:
        batches = list(islice(data.validation(spec, config.batch_size), config.eval_batches))
        self.example: Batch | None = batches[0] if batches else None
        self._batches = [batch for batch in batches if len(batch["mel"]) == config.batch_size]
        if self.example is not None and not self._batches:
            shares = math.prod(mesh.shape[axis] for axis in BATCH_AXES)
            size = len(self.example["mel"]) // shares * shares
            self._batches = [_rows(self.example, 0, size)] if size else []
        self._evaluate = make_eval_step(network, spec.diffusion, seed=config.seed, mesh=mesh)
        self._showcase: Showcase | None = None
        if self.example is not None and showcase is not None and showcase.segments:
            self._showcase = Showcase(spec, self.example, showcase)
        self._folder, self._mesh = folder, mesh

    @property
    def headline(self) -> str:
        """What is evaluated, in one line."""
        if self.example is None:
            return "no validation split: nothing will show when the model overfits"
        if not self._batches:
            return "too little is held out to divide over the mesh: no validation loss"
        return f"validation on {sum(len(batch['mel']) for batch in self._batches)} segments"

    def losses(self, ema: PyTree) -> dict[float, float]:
        """Mean loss at each of ``EVAL_TIMES``; none without batches."""
        share, shares = data_share(self._mesh)
        values = []
        for batch in self._batches:
            size = len(batch["mel"]) // shares
            mine = _rows(batch, share * size, (share + 1) * size)
            values.append(jax.device_get(self._evaluate(ema, place_batch(mine, self._mesh))))
        return dict(zip(EVAL_TIMES, np.mean(values, axis=0).tolist())) if values else {}

    def hold(self, ema: PyTree, step: int, board: Board) -> None:
        """Shows losses, pictures and sound of ``ema``, the parameters after ``step`` updates."""
        losses = self.losses(ema)
        if losses:
            board.scalars({f"validation/loss_at_{t}": loss for t, loss in losses.items()}, step)
            shown = " ".join(f"{time}:{loss:.4f}" for time, loss in losses.items())
            board.say(f"step {step}: validation loss by time {shown}")
        if self._showcase is not None:
            weights = on_host(ema)
            if board.writer is not None:
                self._showcase.write(board.writer, self._folder, weights, step)


def _rows(batch: Batch, start: int, stop: int) -> Batch:
    return {name: values[start:stop] for name, values in batch.items()}
