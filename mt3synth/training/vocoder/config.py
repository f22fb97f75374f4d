"""How long and how to train a vocoder."""

from __future__ import annotations

from dataclasses import dataclass, fields


@dataclass(frozen=True)
class LossWeights:
    """What each loss counts in what the generator learns by; see `mt3synth.vocoder.losses`.

    Attributes:
      mel: distance of the log-mel frames that the vocoder inverts.
      mels: of log-mel frames of other resolutions.
      stft: of short-time spectra.
      level: of the log magnitudes that the network says from real ones.
      adversarial: from deceiving the discriminators.
      matching: of what the discriminators' layers put out.

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
        for field in fields(self):
            if getattr(self, field.name) < 0:
                raise ValueError(f"{field.name}={getattr(self, field.name)}; must be at least 0")


@dataclass(frozen=True)
class VocoderTrainConfig:
    """How long and how to train a vocoder.

    Attributes:
      steps: updates in all; a run that is resumed goes on to this number.
      batch_size: segments in an update, of all processes together.
      frames: of a segment.
      seed: of initial values and of the data.
      ema_decay: decay of the averaged parameters.
      adversarial_from: updates after which discriminators take part; ``steps`` or more for never.
      weights: of the losses.
      log_every: steps between two scalars.
      eval_every: steps between two validations.
      eval_segments: segments that are held out for it.
      eval_frames: of such a segment.
      shown: of these, how many are drawn and made audible.
      save_every: steps between two checkpoints.

    Raises:
      ValueError: a count out of its range, or a decay outside [0, 1).
    """

    steps: int
    batch_size: int = 8
    frames: int = 50
    seed: int = 0
    ema_decay: float = 0.999
    adversarial_from: int = 20000
    weights: LossWeights = LossWeights()
    log_every: int = 50
    eval_every: int = 1000
    eval_segments: int = 24
    eval_frames: int = 200
    shown: int = 2
    save_every: int = 1000

    def __post_init__(self) -> None:
        least = {"adversarial_from": 0, "eval_segments": 0, "shown": 0, "seed": 0}
        for field in fields(self):
            value = getattr(self, field.name)
            low = least.get(field.name, 1)
            if field.name not in ("ema_decay", "weights") and value < low:
                raise ValueError(f"{field.name}={value}; must be at least {low}")
        if not 0 <= self.ema_decay < 1:
            raise ValueError(f"ema_decay={self.ema_decay}; must be in [0, 1)")
