"""Measures what an adapted network makes of recordings: by its prior, or by its denoiser."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

import jax
import numpy as np
from jax.sharding import Mesh

from mt3synth.batch_protocols import TrainingData
from mt3synth.errors import UserError
from mt3synth.model_spec import ModelSpec
from mt3synth.training.diffusion.adapted_network import AdaptedNetwork
from mt3synth.training.diffusion.step import make_eval_step, make_prior_eval_step
from mt3synth.training.parallel.mesh import place_batch
from mt3synth.types import Batch, PyTree

_MOST = 8


class Judge:
    """Measures parameters of an `AdaptedNetwork` on the same segments, with the same noise.

    Args:
      spec: the model.
      batches: the segments.
      rank: of the network's additions.
      prior_only: whether it is the prior that is measured, and not the denoiser.
      seed: of the noise.
      mesh: where the parameters lie.

    Raises:
      UserError: there are no segments.
    """

    def __init__(
        self,
        spec: ModelSpec,
        batches: Sequence[Batch],
        rank: int,
        prior_only: bool,
        seed: int,
        mesh: Mesh,
    ) -> None:
        if not batches:
            raise UserError("no segment is held out, so that nothing tells when to stop")
        network = AdaptedNetwork(spec, rank)
        self._batches, self._mesh = [place_batch(batch, mesh) for batch in batches], mesh
        self._evaluate = (
            make_prior_eval_step(network, mesh=mesh)
            if prior_only
            else make_eval_step(network, spec.diffusion, seed=seed, mesh=mesh)
        )

    @staticmethod
    def held_out(
        spec: ModelSpec,
        data: TrainingData,
        rank: int,
        prior_only: bool,
        batch_size: int,
        seed: int,
        mesh: Mesh,
    ) -> Judge:
        """Makes one of what some data hold out, or of a part if that is much."""
        batches = list(islice(data.validation(spec, batch_size), _MOST))
        return Judge(spec, batches, rank, prior_only, seed, mesh)

    @property
    def segments(self) -> int:
        """Counts the segments."""
        return sum(len(batch["mel"]) for batch in self._batches)

    def loss(self, params: PyTree) -> float:
        """Measures the mean loss of all segments; of the denoiser, over several times."""
        found = [
            (len(batch["mel"]), np.mean(jax.device_get(self._evaluate(params, batch))))
            for batch in self._batches
        ]
        sizes, losses = zip(*found)
        return float(np.average(losses, weights=sizes))
