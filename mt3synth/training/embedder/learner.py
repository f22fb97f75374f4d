"""How an embedding of mel frames learns, and how it is validated."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from mt3synth.models.mel_embedder import SHARPNESS, sounding_groups
from mt3synth.training.embedder.config import EmbedderTrainConfig
from mt3synth.training.mel_network.learner import MelNetworkLearner
from mt3synth.training.monitoring.logger import Logger
from mt3synth.types import Array, Bool, Float, Int, JaxBatch, PyTree


class Windows(NamedTuple):
    """Windows of segments, with what is to be heard in them.

    Attributes:
      mel: frames.
      performance: which it is.
      groups: whether each group of instruments sounds.
      counts: whether anything does; of silence nobody can tell where it was recorded.
    """

    mel: Float[Array, "W T M"]
    performance: Int[Array, " W"]
    groups: Bool[Array, "W G"]
    counts: Float[Array, " W"]


class EmbedderLearner(MelNetworkLearner[EmbedderTrainConfig]):
    """A `mt3synth.models.mel_embedder.MelEmbedder` that learns.

    Args:
      network, spec, data, config, optimizer, mesh: as `MelNetworkLearner` has them.
    """

    def loss(self, params: PyTree, batch: JaxBatch, key: Array) -> Float[Array, ""]:
        """Computes the cross-entropies of performance and groups, at levels drawn anew."""
        mel, options = batch["mel"], self.config
        gain = options.gain_db * jax.random.uniform(key, (len(mel), 1, 1), minval=-1.0)
        scale = self.spec.mel.scale_high - self.spec.mel.scale_low
        # A decibel is a twentieth of ln 10 in log-mel, and the network's range is 2 wide.
        mel = jnp.clip(mel + gain * math.log(10) / 20 * 2 / scale, -1.0, 1.0)
        windows = cut_windows({**batch, "mel": mel}, options.windows, len(self.spec.roll.groups))
        heard: Any = self.network.apply({"params": params}, windows.mel)
        right = jax.nn.one_hot(windows.performance, heard.cosines.shape[1])
        logits = SHARPNESS * (heard.cosines - options.margin * right)
        who = optax.softmax_cross_entropy(logits, right)
        groups = jnp.sum(optax.sigmoid_binary_cross_entropy(heard.groups, windows.groups), axis=-1)
        total = windows.counts * (who + options.groups_weight * groups)
        return jnp.sum(total) / jnp.maximum(jnp.sum(windows.counts), 1.0)

    def measure(self, weights: PyTree, step: int, logger: Logger) -> float:
        """Counts held-out windows that are recognised; returns the share that is not."""
        right = groups = total = 0.0
        for batch in self.held_out:
            drums = len(self.spec.roll.groups)
            windows = cut_windows(batch, self.config.windows, drums)
            heard: Any = self.apply(weights, windows.mel)
            counts = np.asarray(windows.counts)
            found = np.argmax(heard.cosines, axis=-1) == np.asarray(windows.performance)
            agree = np.mean((np.asarray(heard.groups) > 0) == np.asarray(windows.groups), axis=-1)
            right, groups = right + np.sum(found * counts), groups + np.sum(agree * counts)
            total += np.sum(counts)
        total = max(total, 1.0)
        scalars = {"performance": right / total, "groups": groups / total}
        logger.scalars({f"validation/recognised_{name}": x for name, x in scalars.items()}, step)
        shown = ", ".join(f"{name} {value:.3f}" for name, value in scalars.items())
        logger.info(f"step {step}: recognised in held-out windows: {shown}")
        return float(1 - right / total)


def cut_windows(batch: JaxBatch, count: int, drums: int) -> Windows:
    """Cuts segments into windows, and says what is to be heard in each.

    Args:
      batch: of segments with their notes.
      count: windows of a segment.
      drums: index of their group, the last.
    """
    mel, notes = jnp.asarray(batch["mel"], jnp.float32), jnp.asarray(batch["notes"])
    length = mel.shape[1] // count
    groups = [
        sounding_groups(notes, float(i * length), float((i + 1) * length), drums + 1)
        for i in range(count)
    ]
    sounds = jnp.stack(groups, axis=1).reshape(-1, drums + 1)
    return Windows(
        mel[:, : count * length].reshape(-1, length, mel.shape[2]),
        jnp.repeat(jnp.asarray(batch["performance"]), count),
        sounds,
        jnp.any(sounds, axis=-1).astype(jnp.float32),
    )
