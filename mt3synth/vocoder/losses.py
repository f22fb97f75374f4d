"""Measures how far audio is from what it should be, for each example of a batch.

Every loss returns ``[B]``; the training step weighs and averages them.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from mt3synth.audio.mel import MelSpec
from mt3synth.types import Array, Float
from mt3synth.vocoder.jax_mel import log_mel, log_mel_of, magnitudes

Features = Sequence[Sequence[Array]]
"""Outputs of the layers of each discriminator, the last one being its scores."""


@dataclass(frozen=True)
class Resolution:
    """A short-time transform that audio is compared in; its hop is a quarter of its window.

    Attributes:
      window: samples of window and transform; a multiple of 4.
      bins: mel bins.

    Raises:
      ValueError: a window that is no multiple of 4, or no bins.
    """

    window: int
    bins: int

    def __post_init__(self) -> None:
        if self.window < 4 or self.window % 4:
            raise ValueError(f"window={self.window} samples; must be a multiple of 4")
        if self.bins < 1:
            raise ValueError(f"bins={self.bins}; must be at least 1")

    def mel(self, spec: MelSpec) -> MelSpec:
        """Returns the mel frames of this transform, with floor and edges of ``spec``."""
        return dataclasses.replace(
            spec, window=self.window, fft=self.window, hop=self.window // 4, bins=self.bins
        )


# At 16 kHz from 16 ms, for attacks, to bins of 8 Hz, for single partials.
RESOLUTIONS = tuple(Resolution(*r) for r in ((256, 24), (512, 48), (1024, 96), (2048, 128)))
_RATE = 16_000


def resolutions_at(sample_rate: int) -> tuple[Resolution, ...]:
    """Returns `RESOLUTIONS` as long in seconds at another rate, by powers of two."""
    octaves = round(math.log2(sample_rate / _RATE))
    return tuple(Resolution(int(r.window * 2.0**octaves), r.bins) for r in RESOLUTIONS)


def spectral_losses(
    made: Float[Array, "B S"],
    real: Float[Array, "B S"],
    spec: MelSpec,
    resolutions: Sequence[Resolution] | None = None,
) -> dict[str, Float[Array, " B"]]:
    """Measures distances of spectra.

    ``mel``: mean absolute difference of the log-mel frames of ``spec``.
    ``mels``: the same in the mel bins of each of ``resolutions``, and the mean over them.
    ``stft``: spectral convergence and log magnitude distance, as Yamamoto et al. 2020 (arXiv
    1910.11480, eq. 4 to 6) sum them up, mean over ``resolutions``, by default `resolutions_at`.
    Magnitudes are kept above the floor of ``spec``, so that what nobody hears does not count.
    """
    # Each transform is computed once and serves both distances.
    mels, stfts = [], []
    for resolution in resolutions or resolutions_at(spec.sample_rate):
        window, frames = resolution.window, resolution.mel(spec)
        a, b = (magnitudes(audio, window, window // 4, window) for audio in (made, real))
        # In logs: what is soft counts as what is loud does.
        mels.append(_mean(jnp.abs(log_mel_of(a, frames) - log_mel_of(b, frames))))
        stfts.append(spectral_convergence(a, b) + log_magnitude_distance(a, b, spec.floor))
    return {
        "mel": _mean(jnp.abs(log_mel(made, spec) - log_mel(real, spec))),
        "mels": _average(mels),
        "stft": _average(stfts),
    }


def spectral_convergence(
    made: Float[Array, "B T F"], real: Float[Array, "B T F"]
) -> Float[Array, " B"]:
    """Measures the norm of the difference over that of the real (eq. 5); 0 for two silences."""

    def norm(values: Array) -> Array:
        return jnp.sqrt(jnp.sum(values**2, axis=(1, 2)) + 1e-12)

    # Silence would otherwise divide by nothing, and its gradient would drown all others.
    return norm(real - made) / (norm(real) + 1e-3)


def log_magnitude_distance(
    made: Float[Array, "B T F"], real: Float[Array, "B T F"], floor: float
) -> Float[Array, " B"]:
    """Measures the mean absolute difference of log magnitudes (eq. 6)."""
    return _mean(jnp.abs(jnp.log(jnp.maximum(made, floor)) - jnp.log(jnp.maximum(real, floor))))


def level_distance(
    level: Float[Array, "B T F"], real: Float[Array, "B S"], spec: MelSpec
) -> Float[Array, " B"]:
    """Measures the mean absolute difference of given log magnitudes from those of real audio.

    The amplitude loss of Ai and Ling 2023 (APNet, arXiv 2305.07952), there squared. Audio hears
    magnitudes only where phases agree; this is told without them.

    Args:
      level: natural log; the transform is as long as its window, and frames lie around the middle
        of the mel frames of ``spec``.
      real: S = T * hop samples; frames that are not whole in them do not count.
      spec: of the mel frames; its floor is the least magnitude that counts.
    """
    # The predicted frames lie around the middle of mel frames, and begin before audio does.
    fft, hop = 2 * (level.shape[2] - 1), spec.hop
    before = (fft - spec.window) // 2
    theirs = magnitudes(jnp.pad(real, ((0, 0), (before, 0))), fft, hop, fft)
    whole = slice(-(-before // hop), level.shape[1] + 1 - (fft - before) // hop)
    theirs, ours = jnp.log(jnp.maximum(theirs, spec.floor))[:, whole], level[:, whole]
    return _mean(jnp.abs(jnp.maximum(ours, np.log(spec.floor)) - theirs))


def discriminator_loss(real: Sequence[Array], made: Sequence[Array]) -> Float[Array, " B"]:
    """Asks discriminators for scores of the real above 1 and of the rendered below -1.

    Mean over discriminators; Lim and Ye 2017 (arXiv 1705.02894), as SoundStream and Vocos use it.
    """
    return _average(
        [_mean(jnp.maximum(0, 1 - r)) + _mean(jnp.maximum(0, 1 + m)) for r, m in zip(real, made)]
    )


def generator_loss(made: Sequence[Array]) -> Float[Array, " B"]:
    """Asks the generator for audio whose scores are above 1."""
    return _average([_mean(jnp.maximum(0, 1 - m)) for m in made])


def feature_matching(real: Features, made: Features) -> Float[Array, " B"]:
    """Measures the mean absolute difference of what the discriminators' layers put out.

    Larsen et al. 2016 (arXiv 1512.09300), as Kong et al. 2020 (arXiv 2010.05646, eq. 4); the scores
    are left out, and the mean is over layers and discriminators.
    """
    return _average(
        [
            _mean(jnp.abs(r - m))
            for of_real, of_made in zip(real, made)
            for r, m in zip(of_real[:-1], of_made[:-1])
        ]
    )


def _average(parts: Sequence[Float[Array, " B"]]) -> Float[Array, " B"]:
    return sum(parts, jnp.zeros(())) / len(parts)


def _mean(values: Array) -> Float[Array, " B"]:
    return jnp.mean(values.reshape(len(values), -1), axis=1)
