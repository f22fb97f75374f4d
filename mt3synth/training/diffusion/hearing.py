"""What a frozen transcriber of mel frames hears in frames that a network makes."""

from __future__ import annotations

from functools import partial
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax

from mt3synth.denoising import prior_of
from mt3synth.diffusion.ddim import DDIM
from mt3synth.diffusion.guidance import Guidance
from mt3synth.diffusion.prior import draw_marginal
from mt3synth.diffusion.sampler import iterate
from mt3synth.mel_networks import MelNetwork
from mt3synth.model_spec import ModelSpec
from mt3synth.models.conditions import conditions_of
from mt3synth.models.mel_transcriber import Heard, MelTranscriber
from mt3synth.synthesis.chunks import denoise_chunk, encode_chunk
from mt3synth.training.transcriber.scores import Score, count_onsets
from mt3synth.types import Array, Batch, Float, PyTree

STEPS = 8
"""Of a rendering that is validated by what is heard in it."""
START_TIME = 0.8
"""Where such a rendering begins with a prior."""


class Hearing:
    """Hears mel frames, and learns nothing.

    Args:
      weights: of the transcriber.
    """

    def __init__(self, weights: MelNetwork) -> None:
        self._network, self._params = MelTranscriber(weights.config), weights.params

    def hear(self, mel: Float[Array, "B T M"]) -> Heard:
        """Returns logits for each frame and key."""
        heard: Any = self._network.apply({"params": self._params}, mel)
        return Heard(*heard)

    def losses(
        self, made: Float[Array, "B T M"], real: Float[Array, "B T M"], share: Float[Array, " B"]
    ) -> Float[Array, " B"]:
        """Computes how far what is heard in frames is from what is heard in the real ones.

        It is the Kullback-Leibler divergence of what is thought of each key, summed over the keys,
        on the mean of frames: nothing where both sound alike, whatever the transcriber misses.

        Args:
          made: frames in the network's range.
          real: those that they are to be.
          share: how much each example counts.
        """
        # No further out than frames are: what it was never trained on it cannot judge.
        ours, theirs = self.hear(jnp.clip(made, -1.0, 1.0)), self.hear(real)

        def divergence(logits: Array, wanted: Array) -> Float[Array, " B"]:
            chance = jax.lax.stop_gradient(jax.nn.sigmoid(wanted))
            apart = optax.sigmoid_binary_cross_entropy(logits, chance)
            apart -= optax.sigmoid_binary_cross_entropy(jax.lax.stop_gradient(wanted), chance)
            return jnp.mean(jnp.sum(apart, axis=-1), axis=-1)

        onsets, frames = (divergence(a, b) for a, b in zip(ours, theirs))
        return share * (onsets + frames)


class HeardScore:
    """Counts onsets that are heard in short renderings, among those heard in the real frames.

    So a model is validated by its notes without a vocoder. No guidance, `STEPS` evaluations, from
    noise that is always the same.

    Args:
      hearing: who hears.
      spec: the model.
      batch: what is rendered.
    """

    def __init__(self, hearing: Hearing, spec: ModelSpec, batch: Batch) -> None:
        self._spec, self._network = spec, spec.build()
        self._batch = jax.device_put(dict(batch), jax.local_devices()[0])
        self._onsets = jax.jit(lambda mel: jax.nn.sigmoid(hearing.hear(mel).onsets))
        self._real = np.asarray(self._onsets(self._batch["mel"].astype(jnp.float32)))

    def score(self, params: PyTree) -> Score:
        """Renders with these weights, which lie in memory, and counts."""
        made = self._render(self._network, jax.device_put(params, jax.local_devices()[0]))
        return count_onsets(np.asarray(self._onsets(made)), self._real)

    def _render(self, network: nn.Module, params: PyTree) -> Float[Array, "B T M"]:
        spec, batch = self._spec, self._batch
        count = len(batch["mel"])
        keep, plain = jnp.ones(count, bool), Guidance(1.0, 1.0)
        context = encode_chunk(network, plain, params, conditions_of(batch, keep, keep))
        denoise = partial(denoise_chunk, network, spec.diffusion, plain, params, context)
        key_start, key_steps = jax.random.split(jax.random.key(0))
        noise = jax.random.normal(key_start, (count, spec.segment_frames, spec.mel.bins))
        prior, start = prior_of(context), 1.0
        schedule = spec.diffusion.schedule
        if prior is not None:
            start = START_TIME
            noise = draw_marginal(noise, prior, *schedule.alpha_sigma(jnp.float32(start)))
        *_, x0 = iterate(
            denoise, noise, schedule, DDIM(eta=0.0), key_steps, steps=STEPS, start_time=start
        )
        return x0
