"""Defines networks that tell real audio from rendered audio.

Multi-period (Kong et al. 2020, HiFi-GAN, arXiv 2010.05646, section 2.3): audio folded to rows of a
period, looked at along the columns. Multi-resolution (Jang et al. 2021, UnivNet, arXiv 2106.07889,
section 2.2): magnitudes of short-time transforms, looked at as pictures. Without the weight
normalisation of both: the optimizer's steps are bounded as it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import flax.linen as nn
import jax.numpy as jnp

from mt3synth.types import Array, Float
from mt3synth.vocoder.jax_mel import magnitudes

_SLOPE = 0.1  # of the leaky rectifiers, as in both papers


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Says the shapes of the discriminators; the defaults are small enough for a few CPU cores.

    In gin, for example, ``discriminators.DiscriminatorConfig.periods = (2, 3, 5)``.

    Attributes:
      periods: samples of a row, one for each multi-period discriminator.
      period_channels: channels of each layer; every layer but the last takes one of three rows.
      windows: samples, one for each multi-resolution discriminator; multiples of 4.
      resolution_channels: channels of each layer of those; every layer but the last takes one of
        two bins and of two frames.

    Raises:
      ValueError: no discriminator at all, or a number out of its range.
    """

    periods: tuple[int, ...] = (2, 3, 5, 7, 11)
    period_channels: tuple[int, ...] = (8, 16, 32, 64, 64)
    windows: tuple[int, ...] = (512, 1024, 2048)
    resolution_channels: tuple[int, ...] = (8, 8, 16, 16)

    def __post_init__(self) -> None:
        for name in ("periods", "period_channels", "windows", "resolution_channels"):
            # Gin hands over lists, which cannot be part of a static argument.
            values = tuple(getattr(self, name))
            object.__setattr__(self, name, values)
            if any(value < 1 for value in values):
                raise ValueError(f"{name}={values}; each must be at least 1")
        if not self.periods and not self.windows:
            raise ValueError("periods=() and windows=(); there must be one discriminator at least")
        for name in ("period_channels", "resolution_channels"):
            if not getattr(self, name):
                raise ValueError(f"{name}=(); must be one layer at least")
        # The hop is a quarter of the window.
        if any(window % 4 for window in self.windows):
            raise ValueError(f"windows={self.windows} samples; must be multiples of 4")


class Discriminators(nn.Module):
    """Takes ``[B, S]`` audio through all discriminators to the outputs of each one's layers.

    The last output of each are its scores; the others are compared by `losses.feature_matching`.
    Every output has the batch as its first axis.
    """

    config: DiscriminatorConfig

    @nn.compact
    def __call__(self, audio: Float[Array, "B S"]) -> list[list[Array]]:
        config = self.config
        by_period = [
            PeriodDiscriminator(period, config.period_channels, name=f"period_{period}")(audio)
            for period in config.periods
        ]
        channels = config.resolution_channels
        by_resolution = [
            ResolutionDiscriminator(window, channels, name=f"window_{window}")(audio)
            for window in config.windows
        ]
        return by_period + by_resolution


class PeriodDiscriminator(nn.Module):
    """Discriminates by letting a sample see those that are multiples of ``period`` away.

    Attributes:
      period: samples.
      channels: of each layer.
    """

    period: int
    channels: tuple[int, ...]

    @nn.compact
    def __call__(self, audio: Float[Array, "B S"]) -> list[Array]:
        batch, samples = audio.shape
        rows = -(-samples // self.period)
        # Filled up at the end, in real and rendered audio alike, so that it tells nobody apart.
        padded = jnp.pad(audio, ((0, 0), (0, rows * self.period - samples)))
        # Columns do not see each other: they are examples of their own to the convolutions.
        columns = padded.reshape(batch, rows, self.period).swapaxes(1, 2)
        x = columns.reshape(batch * self.period, rows, 1)
        features = _convolve(x, self.channels, kernel=(5,), last_kernel=(3,), stride=3)
        return [f.reshape(batch, self.period, *f.shape[1:]) for f in features]


class ResolutionDiscriminator(nn.Module):
    """Discriminates by frames and bins of a short-time transform.

    The transform's hop is a quarter of its window.

    Attributes:
      window: samples of window and transform.
      channels: of each layer.
    """

    window: int
    channels: tuple[int, ...]

    @nn.compact
    def __call__(self, audio: Float[Array, "B S"]) -> list[Array]:
        spectrum = magnitudes(audio, self.window, self.window // 4, self.window)
        # A root, for a few loud bins would otherwise be all that is seen.
        x = jnp.sqrt(spectrum + 1e-5)[..., None]
        return _convolve(x, self.channels, kernel=(3, 9), last_kernel=(3, 3), stride=2)


def _convolve(
    x: Array,
    channels: tuple[int, ...],
    kernel: tuple[int, ...],
    last_kernel: tuple[int, ...],
    stride: int,
) -> list[Array]:
    """Puts convolutions one after the other, and one more for scores; returns what each makes.

    The last one before the scores has no stride. Kernels' channels have the logical names of
    `mt3synth.models.axes`.
    """
    names = (None,) * len(kernel) + ("conv_in", "conv_out")
    init = nn.with_logical_partitioning(nn.initializers.he_normal(), names)
    features = []
    for layer, width in enumerate(channels, start=1):
        # None in the last one, as Kong et al. have it.
        strides = (stride if layer < len(channels) else 1,) * len(kernel)
        x = nn.leaky_relu(nn.Conv(width, kernel, strides=strides, kernel_init=init)(x), _SLOPE)
        features.append(x)
    return [*features, nn.Conv(1, last_kernel, kernel_init=init)(x)]
