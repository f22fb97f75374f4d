"""The T5 denoiser of Hawthorne et al. 2022 with the performance condition of Maman et al. 2023.

An encoder reads the score, a decoder denoises mel frames and cross-attends to it (arXiv
2206.05408); a performance modulates both (arXiv 2309.12283). Without performances the network is
the former's, parameter for parameter, but for the null score that replaces its masked-out one.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from flax import linen as nn

from mt3synth.models.axes import partitioned
from mt3synth.models.conditions import Conditions
from mt3synth.models.film import PerformanceEmbedding
from mt3synth.models.layers import KeysValues
from mt3synth.models.remat import RematPolicy
from mt3synth.models.score_encoders import score_encoder
from mt3synth.models.t5_config import T5Config
from mt3synth.models.t5_decoder import Decoder
from mt3synth.types import Array, Bool, Float

__all__ = ["T5", "T5Config", "T5Context"]


class T5Context(NamedTuple):
    """All that a `T5` computes once for a segment, whatever the noise and its level.

    Attributes:
      keys_values: for each decoder layer the keys and values of its cross-attention, each
        ``[B, H, N, K]``.
      mask: True where there is something to attend to, ``[B, N]``.
      performance: ``MLP_perf(v)``, ``[B, 4 * D]``; None without performance conditioning.
    """

    keys_values: tuple[KeysValues, ...]
    mask: Bool[Array, "B N"]
    performance: Float[Array, "B C"] | None


class T5(nn.Module):
    """Predicts the denoising target from noisy frames, their diffusion time and the conditions.

    Sampling calls `encode` once and `decode` at every step. With ``deterministic=False`` the
    stream "dropout" must be given.

    Attributes:
      config: shape and options.
      remat: what the layers keep for the backward pass; changes no result.
    """

    config: T5Config
    remat: RematPolicy = "none"

    def setup(self) -> None:
        config = self.config
        if config.performances:
            self.performance_embedding = PerformanceEmbedding(config.performances, config.width)
        self.encoder = score_encoder(config, self.remat)
        self.decoder = Decoder(config, self.remat)
        null_init = partitioned(nn.initializers.normal(1.0), "embed")
        self.null_score = self.param("null_score", null_init, (config.width,))

    def encode(self, conditions: Conditions, deterministic: bool = True) -> T5Context:
        """Everything that depends neither on ``x_t`` nor on the time.

        A score that is not kept becomes one learned vector, which is all there is to attend to.

        Raises:
          ValueError: the score in the form that the encoder reads is missing or too long.
        """
        performance = None
        if self.config.performances:
            performance = self.performance_embedding(
                conditions.performance, conditions.keep_performance
            )
        encoded, mask = self.encoder(conditions, performance, deterministic)
        keep = conditions.keep_score[:, None]
        null = self.null_score.astype(encoded.dtype)
        encoded = jnp.where(keep[..., None], encoded, null)
        mask = jnp.where(keep, mask, jnp.arange(mask.shape[1]) == 0)
        return T5Context(self.decoder.keys_values(encoded), mask, performance)

    def decode(
        self,
        x_t: Float[Array, "B T M"],
        time: Float[Array, " B"],
        context: T5Context,
        deterministic: bool = True,
    ) -> Float[Array, "B T M"]:
        """Prediction for noisy frames ``x_t`` at diffusion time in [0, 1], float32.

        Any number of frames will do.

        Raises:
          ValueError: the frames have another number of mel bins than the network.
        """
        if x_t.shape[-1] != self.config.mel_bins:
            raise ValueError(f"frames of {x_t.shape[-1]} mel bins; must be {self.config.mel_bins}")
        return self.decoder(
            x_t, time, context.keys_values, context.mask, context.performance, deterministic
        )

    def __call__(
        self,
        x_t: Float[Array, "B T M"],
        time: Float[Array, " B"],
        conditions: Conditions,
        deterministic: bool = True,
    ) -> Float[Array, "B T M"]:
        """`decode` of `encode`."""
        return self.decode(x_t, time, self.encode(conditions, deterministic), deterministic)
