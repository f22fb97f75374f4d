"""Makes sound as if recorded elsewhere: level, colour, room and noise drawn at random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from scipy.signal import oaconvolve, sosfilt

from mt3synth.errors import check_least
from mt3synth.types import FloatND


@dataclass(frozen=True)
class AugmentationConfig:
    """Says how often what is done to a sound, and how much.

    Attributes:
      mix: probability that another song sounds at the same time.
      mix_db: least and greatest level of that song, in dB.
      equalise: probability of an equaliser.
      bands: most bands of it, each a shelf or a peak.
      band_db: most by which a band is raised or lowered.
      room: probability of a room.
      decay_s: shortest and longest time in which the room's sound falls by 60 dB.
      noise: probability of noise.
      noise_db: least and greatest level of it below the sound, in dB.
      gain_db: least and greatest change of the level at the end, in dB.

    Raises:
      ValueError: a probability outside [0, 1], or a range that is none.
    """

    mix: float = 0.3
    mix_db: tuple[float, float] = (-15.0, 0.0)
    equalise: float = 0.5
    bands: int = 3
    band_db: float = 12.0
    room: float = 0.25
    decay_s: tuple[float, float] = (0.1, 1.0)
    noise: float = 0.2
    noise_db: tuple[float, float] = (-70.0, -25.0)
    gain_db: tuple[float, float] = (-30.0, 9.0)

    def __post_init__(self) -> None:
        for name in ("mix", "equalise", "room", "noise"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name}={getattr(self, name)}; must be in [0, 1]")
        for name in ("mix_db", "decay_s", "noise_db", "gain_db"):
            low, high = getattr(self, name)
            object.__setattr__(self, name, (low, high))
            if not low <= high:
                raise ValueError(f"{name}={(low, high)}; the first must not be above the second")
        check_least(self, bands=1)
        if not self.decay_s[0] > 0:
            raise ValueError(f"decay_s={self.decay_s} s; must be positive")

    @property
    def lead_s(self) -> float:
        """Returns the seconds before a segment of which a room may still let something be heard."""
        # After half its decay a room's sound is 30 dB down; equalisers ring far more shortly.
        return self.decay_s[1] / 2 if self.room else 0.05


def augment(
    audio: Float[np.ndarray, " S"],
    other: Float[np.ndarray, " S"] | None,
    sample_rate: int,
    config: AugmentationConfig,
    rng: np.random.Generator,
) -> Float[np.ndarray, " S"]:
    """Makes ``audio``, perhaps with ``other``, sound as recorded elsewhere; float32.

    Where the gain that is drawn would raise a sample above full scale, it is the greatest that does
    not.
    """
    # In the order of a recording: what plays, its colour, the room, then noise and level.
    if other is not None:
        audio = audio + other * 10 ** (rng.uniform(*config.mix_db) / 20)
    if rng.random() < config.equalise:
        for _ in range(rng.integers(1, config.bands + 1)):
            audio = sosfilt(_band(sample_rate, config.band_db, rng), audio)
    if rng.random() < config.room:
        audio = _in_room(audio, sample_rate, rng.uniform(*config.decay_s), rng)
    level = float(np.sqrt(np.mean(np.square(audio))))
    if rng.random() < config.noise:
        audio = audio + _noise(len(audio), rng) * level * 10 ** (rng.uniform(*config.noise_db) / 20)
    peak = float(np.max(np.abs(audio)))
    gain = 10 ** (rng.uniform(*config.gain_db) / 20)
    return (audio * (gain if gain * peak <= 1 else 1 / peak)).astype(np.float32)


def _band(sample_rate: int, most_db: float, rng: np.random.Generator) -> FloatND:
    """Designs a peak or a shelf (Bristow-Johnson, "Cookbook formulae for audio EQ biquads")."""
    frequency = 60 * (0.4 * sample_rate / 60) ** rng.random()  # even in octaves
    gain = 10 ** (rng.uniform(-most_db, most_db) / 40)
    angle = 2 * np.pi * frequency / sample_rate
    kind, quality = rng.integers(3), rng.uniform(0.5, 3.0)
    # A shelf of more than this would overshoot.
    alpha = np.sin(angle) / (2 * (np.sqrt(0.5) if kind else quality))
    cosine = np.cos(angle)
    if kind == 0:
        above = 1 + alpha * gain, -2 * cosine, 1 - alpha * gain
        below = 1 + alpha / gain, -2 * cosine, 1 - alpha / gain
    else:
        sign = 1 if kind == 1 else -1  # a low shelf, a high shelf
        more, less, root = gain + 1, gain - 1, 2 * np.sqrt(gain) * alpha
        above = (
            gain * (more - sign * less * cosine + root),
            sign * 2 * gain * (less - sign * more * cosine),
            gain * (more - sign * less * cosine - root),
        )
        below = (
            more + sign * less * cosine + root,
            -sign * 2 * (less + sign * more * cosine),
            more + sign * less * cosine - root,
        )
    return np.asarray([[*above, *below]]) / below[0]


def _in_room(audio: FloatND, sample_rate: int, decay_s: float, rng: np.random.Generator) -> FloatND:
    """Adds the tail of a room: noise that falls by 60 dB in ``decay_s``, darker as it falls."""
    # Cut off where it is 36 dB down: what comes then is lost under the music that goes on.
    time = np.arange(1 + int(0.6 * decay_s * sample_rate)) / sample_rate
    tail = rng.standard_normal(len(time)) * np.exp(-np.log(1000) * time / decay_s)
    dark = rng.uniform(0.0, 0.8)
    tail = sosfilt([[1 - dark, 0, 0, 1, -dark, 0]], tail)
    tail[: int(rng.uniform(0.001, 0.02) * sample_rate)] = 0
    energy = float(np.sum(tail**2))
    if energy > 0:
        tail *= 10 ** (-rng.uniform(0, 20) / 20) / np.sqrt(energy)
    tail[0] += 1
    return oaconvolve(audio, tail)[: len(audio)]


def _noise(length: int, rng: np.random.Generator) -> FloatND:
    """Makes noise of unit power that falls by between 0 and 6 dB per octave."""
    pole = rng.uniform(0.0, 0.95)
    noise = sosfilt([[1, 0, 0, 1, -pole, 0]], rng.standard_normal(length))
    return noise * np.sqrt(1 - pole**2)
