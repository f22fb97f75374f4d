"""A tiny vocoder, its discriminators and sound for them; any process may import it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from mt3synth.training.optim.optimizer import OptimizerConfig
from mt3synth.training.vocoder.config import VocoderTrainConfig
from mt3synth.vocoder.discriminators import DiscriminatorConfig
from mt3synth.vocoder.vocos import VocosConfig

NETWORK = VocosConfig(width=16, layers=1, mlp_width=16, projections=1)
CRITICS = DiscriminatorConfig((3,), (4, 4), (256,), (2, 2))
OPTIMIZER = OptimizerConfig(learning_rate=1e-3, warmup_steps=2, decay_steps=2, clip_norm=10.0)
CONFIG = VocoderTrainConfig(
    steps=6,
    batch_size=2,
    frames=12,
    adversarial_from=3,
    log_every=2,
    eval_every=6,
    validations=0,
    eval_segments=1,
    eval_frames=20,
    shown=1,
    save_every=2,
)


class Tones:
    """Two tones in each segment."""

    identity = "tones"

    def check(self, sample_rate: int) -> None:
        """They are of any rate."""

    def training(
        self, samples: int, sample_rate: int, batch: int, seed: int, start: int, **share: Any
    ) -> Iterator[dict[str, np.ndarray]]:
        for number in itertools.count(start):
            yield {"audio": self._tones(samples, sample_rate, batch, seed + number)}

    def validation(self, samples: int, sample_rate: int, segments: int) -> np.ndarray:
        return self._tones(samples, sample_rate, segments, 1000)

    def _tones(self, samples: int, sample_rate: int, count: int, seed: int) -> np.ndarray:
        rng = np.random.default_rng(seed)
        time = np.arange(samples) / sample_rate
        hz = rng.uniform(200, 4000, (count, 2, 1))
        return np.float32(0.2 * np.sin(2 * np.pi * hz * time).sum(axis=1))
