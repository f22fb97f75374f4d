"""Training losses; each returns one number per example."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import jax.numpy as jnp

from mt3synth.diffusion.process import Estimate, PredictionKind
from mt3synth.errors import check_least
from mt3synth.types import Array, Float

Norm = Literal["l1", "l2"]

LEAST_SCALE = 0.05
"""Below this a scale is not divided by where an error is measured in another form than was
predicted (Li & He 2025, arXiv 2511.13720, who clip as well): at the ends of time the error would
have no bound."""


@dataclass(frozen=True)
class LossConfig:
    """How errors at different times and frames are weighed against each other.

    As it is by default, the loss is the plain distance of what the network predicts.

    Attributes:
      measured: in which form the error is taken; None for the one that is predicted. "v" for a
        network that predicts x0 is the choice of Li & He 2025 (arXiv 2511.13720).
      min_snr: bound on the signal-to-noise ratio by which errors of x0 are weighed, 5 in Hang et
        al. 2023 (arXiv 2303.09556); 0 for none. Under L1 its square root counts.
      attacks: by how much more frames in which a note begins count than others; 0 for none. For
        networks that read a list of notes.

    Raises:
      ValueError: an unknown form, or a negative number.

    Example:
      >>> LossConfig(measured="v", min_snr=5.0)
    """

    measured: PredictionKind | None = None
    min_snr: float = 0.0
    attacks: float = 0.0

    def __post_init__(self) -> None:
        if self.measured is not None and self.measured not in get_args(PredictionKind):
            known = get_args(PredictionKind)
            raise ValueError(f"measured={self.measured!r}; must be None or one of {known}")
        check_least(self, min_snr=0, attacks=0)

    def kind(self, prediction: PredictionKind) -> PredictionKind:
        """Returns the form in which the error of a prediction is taken."""
        return self.measured or prediction

    def plain(self) -> LossConfig:
        """Returns the loss by which validations compare: in the same form, without weights."""
        return LossConfig(measured=self.measured)


PLAIN = LossConfig()
"""The distance of what is predicted, all times and frames alike."""


def denoising_loss(
    prediction: Float[Array, "B T M"],
    target: Estimate,
    kind: PredictionKind,
    norm: Norm,
    frames: Float[Array, "B T"] | None = None,
    scale: Float[Array, " B"] | None = None,
) -> Float[Array, " B"]:
    """Mean distance between the predicted and the true eps, x0 or v (Ho et al. 2020, eq. 14).

    Args:
      prediction: what was predicted.
      target: the truth.
      kind: which of the three was predicted.
      norm: of the distance.
      frames: how much each frame counts, 1 on the mean of an example; None for all alike.
      scale: what errors of each example are multiplied with before they are measured; see
        `error_scale`. None for nothing.

    Raises:
      ValueError: unknown ``norm``.
    """
    # In float32 also for activations in bfloat16: a mean over 32768 values would lose its digits
    # there.
    error = prediction.astype(jnp.float32) - getattr(target, kind)
    axes = tuple(range(1, error.ndim))
    if scale is not None:
        error *= scale[:, None, None]
    if norm == "l1":
        distance = jnp.abs(error)
    elif norm == "l2":
        distance = jnp.square(error)
    else:
        raise ValueError(f"norm {norm!r} is unknown; choose one of {get_args(Norm)}")
    return jnp.mean(distance if frames is None else distance * frames[..., None], axis=axes)


def error_scale(
    config: LossConfig, prediction: PredictionKind, alpha: Float[Array, " B"], sigma: Array
) -> Float[Array, " B"] | None:
    """What an error of the prediction is multiplied with, at the time of each example.

    With the noisy data given, errors of x0 and of eps are sigma and alpha times that of v, for
    squares of the two add up to 1: so one form is measured in another. None where nothing is to be
    changed.

    Args:
      config: what is wanted.
      prediction: what is predicted.
      alpha: scale of the data.
      sigma: scale of the noise.
    """
    kind = config.kind(prediction)
    if kind == prediction and not config.min_snr:
        return None
    of_v = {"v": jnp.ones_like(alpha), "x0": sigma, "eps": alpha}
    scale = jnp.ones_like(alpha)
    if kind != prediction:
        scale = of_v[kind] / jnp.maximum(of_v[prediction], LEAST_SCALE)
    if config.min_snr:
        # min(SNR, bound) for squared errors of x0, which are sigma^2 times those of v.
        bounded = jnp.minimum(alpha**2, config.min_snr * sigma**2)
        scale *= jnp.sqrt(bounded) / of_v[kind]
    return scale


def attack_weights(
    onsets: Float[Array, "B N"], frames: int, window_hops: float, attacks: float
) -> Float[Array, "B T"]:
    """How much each frame counts if those in which a note begins count ``1 + attacks`` times.

    The mean over an example is 1, so that music with many notes does not count more than others.

    Args:
      onsets: of notes, in frames from the segment's start; not finite where there is no note.
      frames: T.
      window_hops: length of a frame's window in hops.
      attacks: the excess.
    """
    # A frame begins where its window does.
    since = jnp.arange(frames, dtype=jnp.float32)[:, None] - onsets[:, None]
    begins = jnp.any((since <= 0) & (since > -window_hops), axis=-1)
    weights = 1 + attacks * begins
    return weights / jnp.mean(weights, axis=-1, keepdims=True)
