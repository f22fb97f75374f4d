"""Feature-wise linear modulation, and the two conditions that drive it.

FiLM is Perez et al. 2018 (arXiv 1709.07871). Maman et al. 2023 (arXiv 2309.12283) drive it with
``C = concat(MLP_perf(v), MLP_time(t))`` in a denoiser and with ``C = MLP_perf(v)`` alone in a
score encoder, whose output must not depend on the noise level.
"""

from __future__ import annotations

import jax.numpy as jnp
from flax import linen as nn
from jax.nn.initializers import Initializer

from mt3synth.models.axes import partitioned
from mt3synth.models.positions import time_embedding
from mt3synth.types import Array, Bool, Float, Int

CONDITION_EXPANSION = 4
"""Each condition has this many times the width of the embedding it is made from."""


class FiLM(nn.Module):
    """``x -> (1 + gamma) * x + beta`` with gamma and beta linear in a condition.

    The kernel starts at zero by default: a fresh layer is the identity, and lets a condition in
    as far as that helps (the adaLN-Zero of Peebles & Xie 2023, arXiv 2212.09748). An optimizer
    whose step is proportional to the parameter, like Adafactor, hardly leaves zero; give those
    another ``kernel_init``.

    Attributes:
      kernel_init: initializer of the ``[C, 2 * D]`` kernel.
    """

    kernel_init: Initializer = nn.initializers.zeros

    @nn.compact
    def __call__(
        self, x: Float[Array, "B *length D"], condition: Float[Array, "B C"]
    ) -> Float[Array, "B *length D"]:
        """Modulates each channel of ``x``, alike at every position; keeps the type of ``x``."""
        gamma_beta = nn.Dense(
            2 * x.shape[-1],
            # The published layer has none, and its weights are to fit (`mt3synth.importers`).
            use_bias=False,
            kernel_init=partitioned(self.kernel_init, "condition", "film"),
            name="gamma_beta",
            # In float32 whatever the activations are: gamma is added to 1, beside which bfloat16
            # keeps little of it.
        )(condition.astype(jnp.float32))
        # A condition has no place in time, so all positions share one gamma and one beta.
        spread = (x.shape[0], *(1,) * (x.ndim - 2), x.shape[-1])
        gamma, beta = (half.reshape(spread) for half in jnp.split(gamma_beta, 2, axis=-1))
        return ((1 + gamma) * x + beta).astype(x.dtype)


class ConditionMLP(nn.Module):
    """Two dense layers, each followed by a swish: ``[B, width] -> [B, 4 * width]``, float32."""

    width: int

    @nn.compact
    def __call__(self, embedding: Float[Array, "B D"]) -> Float[Array, "B C"]:
        kernel_init = nn.initializers.lecun_normal()
        x = embedding.astype(jnp.float32)
        for name, axes in (("dense0", ("embed", "mlp")), ("dense1", ("mlp", "condition"))):
            x = nn.swish(
                nn.Dense(
                    CONDITION_EXPANSION * self.width,
                    use_bias=False,
                    kernel_init=partitioned(kernel_init, *axes),
                    name=name,
                )(x)
            )
        return x


class TimeCondition(nn.Module):
    """``MLP_time(t)``: the diffusion time as a condition.

    Attributes:
      width: width D of the network; even, at least 4.
    """

    width: int

    @nn.compact
    def __call__(self, time: Float[Array, " B"]) -> Float[Array, "B C"]:
        """Diffusion time in [0, 1] -> condition ``[B, 4 * D]``, float32."""
        return ConditionMLP(self.width, name="mlp")(time_embedding(time, self.width))


class PerformanceEmbedding(nn.Module):
    """``MLP_perf(v)``: the performance as a condition.

    Where the performance is withheld a learned null embedding stands in for it, for
    classifier-free guidance (Ho & Salimans 2022, arXiv 2207.12598).

    Attributes:
      performances: how many there are, P; at least 1.
      width: width D of the network.
    """

    performances: int
    width: int

    @nn.compact
    def __call__(
        self, performance: Int[Array, " B"], keep_performance: Bool[Array, " B"]
    ) -> Float[Array, "B C"]:
        """Condition ``[B, 4 * D]``, float32; NaN where an index outside 0..P-1 is kept."""
        normal = nn.initializers.normal(1.0)
        table = self.param(
            "embedding",
            partitioned(normal, "performance", "lookup"),
            (self.performances, self.width),
        )
        null = self.param("null", partitioned(normal, "embed"), (self.width,))
        # An index outside the table cannot raise while traced; NaN is seen, clamping is not.
        index = jnp.where(performance < 0, self.performances, performance)
        chosen = jnp.asarray(table).at[index].get(mode="fill", fill_value=jnp.nan)
        # Chosen before the MLP, which so learns what to make of the null as of any performance.
        embedding = jnp.where(keep_performance[:, None], chosen, null)
        return ConditionMLP(self.width, name="mlp")(embedding)
