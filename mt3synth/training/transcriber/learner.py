"""How a transcriber of mel frames learns, and how it is validated."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from mt3synth.models.mel_transcriber import Heard, should_hear
from mt3synth.training.mel_network.learner import MelNetworkLearner
from mt3synth.training.monitoring.logger import Logger
from mt3synth.training.transcriber.config import TranscriberTrainConfig
from mt3synth.training.transcriber.scores import Score, count_onsets
from mt3synth.types import Array, Batch, Float, JaxBatch, PyTree


class TranscriberLearner(MelNetworkLearner[TranscriberTrainConfig]):
    """A `mt3synth.models.mel_transcriber.MelTranscriber` that learns.

    Args:
      network, spec, data, config, optimizer, mesh: as `MelNetworkLearner` has them.
    """

    def loss(self, params: PyTree, batch: JaxBatch, key: Array) -> Float[Array, ""]:
        """Computes the cross-entropy of onsets and sounding notes, in slightly noisy frames."""
        mel, wanted = batch["mel"], self._wanted(batch)
        key_amount, key_noise = jax.random.split(key)
        # None for some, a little for others.
        amount = self.config.noise * jax.random.uniform(key_amount, (len(mel), 1, 1))
        mel += amount * jax.random.normal(key_noise, mel.shape)
        heard: Any = self.network.apply({"params": params}, mel)
        onsets = optax.sigmoid_binary_cross_entropy(heard.onsets, wanted.onsets)
        onsets *= 1 + (self.config.onset_weight - 1) * wanted.onsets
        frames = optax.sigmoid_binary_cross_entropy(heard.frames, wanted.frames)
        # Summed over keys, of which a few count in a frame whatever their number is.
        return jnp.mean(jnp.sum(onsets + frames, axis=-1))

    def measure(self, weights: PyTree, step: int, logger: Logger) -> float:
        """Counts the onsets that are heard in held-out frames; returns 1 - F1."""
        found = sum((self._score(weights, batch) for batch in self.held_out), Score(0, 0, 0))
        scalars = {"f1": found.f1, "precision": found.precision, "recall": found.recall}
        logger.scalars({f"validation/onsets_{name}": x for name, x in scalars.items()}, step)
        shown = ", ".join(f"{name} {value:.3f}" for name, value in scalars.items())
        logger.info(f"step {step}: onsets heard in held-out frames: {shown}")
        return 1 - found.f1

    def _score(self, weights: PyTree, batch: Batch) -> Score:
        heard: Any = self.apply(weights, batch["mel"])
        real = self._wanted(batch)
        return count_onsets(np.asarray(jax.nn.sigmoid(heard.onsets)), np.asarray(real.onsets))

    def _wanted(self, batch: JaxBatch) -> Heard:
        spec = self.spec
        hops = spec.mel.window / spec.mel.hop
        return should_hear(
            jnp.asarray(batch["notes"]), batch["mel"].shape[1], hops, len(spec.roll.groups)
        )
