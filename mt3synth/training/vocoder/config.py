"""Configures the training of a vocoder."""

from __future__ import annotations

from dataclasses import dataclass

from mt3synth.errors import check_least
from mt3synth.training.loop import LoopConfig


@dataclass(frozen=True)
class LossWeights:
    """Weighs the losses that the generator learns by; see `mt3synth.vocoder.losses`.

    Attributes:
      mel: distance of the log-mel frames that the vocoder inverts.
      mels: distance of log-mel frames at other resolutions.
      stft: distance of short-time spectra.
      level: distance of the log magnitudes that the network predicts from real ones.
      adversarial: how far the discriminators are from being deceived.
      matching: distance of the discriminators' activations.

    Raises:
      ValueError: a negative weight.
    """

    mel: float = 15.0
    mels: float = 15.0
    stft: float = 5.0
    level: float = 10.0
    adversarial: float = 2.0
    matching: float = 10.0

    def __post_init__(self) -> None:
        # Zero leaves a loss out.
        check_least(self, **dict.fromkeys(vars(self), 0))


@dataclass(frozen=True)
class VocoderTrainConfig(LoopConfig):
    """Says how long and how to train a vocoder.

    Attributes:
      steps, batch_size, seed, ema_decay, log_every, eval_every, save_every, validations: as in
        `mt3synth.training.loop.LoopConfig`.
      frames: of a segment.
      adversarial_from: updates after which discriminators take part; ``steps`` or more for never.
      weights: of the losses.
      eval_segments: segments that are held out for validation.
      eval_frames: of such a segment.
      shown: of these, how many are drawn and made audible.

    Raises:
      ValueError: a count out of its range, or a decay outside [0, 1).

    Example:
      >>> VocoderTrainConfig(steps=60000, weights=LossWeights(stft=0.0))
    """

    batch_size: int = 8
    log_every: int = 50
    eval_every: int = 1000
    save_every: int = 1000
    frames: int = 50
    adversarial_from: int = 20000
    weights: LossWeights = LossWeights()
    eval_segments: int = 24
    eval_frames: int = 200
    shown: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        check_least(self, frames=1, adversarial_from=0, eval_segments=0, eval_frames=1)
        check_least(self, shown=0, seed=0)
