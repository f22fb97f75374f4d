"""A tiny trained vocoder, as far as random weights are one."""

from __future__ import annotations

import jax
import numpy as np

from mt3synth.audio.mel import MELGAN, log_mel
from mt3synth.vocoder.files import VocoderWeights, abstract_params
from mt3synth.vocoder.vocos import VocosConfig

TINY = VocosConfig(width=16, layers=1, mlp_width=16, projections=2)


def tiny_weights(seed: int = 0) -> VocoderWeights:
    """Draws weights that float16 holds exactly."""
    rng = np.random.default_rng(seed)

    def drawn(leaf: jax.ShapeDtypeStruct) -> np.ndarray:
        return rng.normal(0, 0.1, leaf.shape).astype(np.float16).astype(np.float32)

    return VocoderWeights(MELGAN, TINY, jax.tree.map(drawn, abstract_params(TINY, MELGAN)))


def melody_mel(frames: int) -> np.ndarray:
    """Log-mel of a rising tone over some noise."""
    time = np.arange(frames * 320) / 16000
    noise = np.random.default_rng(0).normal(scale=0.003, size=len(time))
    tone = 0.1 * np.sin(2 * np.pi * (200 + 40 * time) * time)
    return log_mel((tone + noise).astype(np.float32), MELGAN)
