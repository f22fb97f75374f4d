"""Embeds audio by log-mel statistics: what needs nothing to be installed.

The mean and the standard deviation of the level in 16 bands over a second. It hears timbre,
loudness, brightness and how much these move, and no harmony or rhythm. Its weights are none, so
its numbers can be had anywhere; they are no measure of what a listener minds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mt3synth.audio.mel import MELGAN, log_mel
from mt3synth.evaluation.embeddings.base import check_audio
from mt3synth.types import Float, FloatND

# A level some 84 dB below a full-scale sine's. Digital silence would else lie far from a noise
# that nobody hears, and decide the distance.
_SPEC = replace(MELGAN, floor=1e-2)
_BANDS = 16  # neighbouring mel bins averaged
_WINDOW, _HOP = 50, 25  # frames: a second, every half second
_LEAST = (_WINDOW - 1) * _SPEC.hop + _SPEC.window  # samples


@dataclass(frozen=True)
class LogMelStatistics:
    """Embeds audio as 16 means, then 16 standard deviations, of log magnitude (natural).

        LogMelStatistics()(audio)  # [N, 32], two a second

    An `Embedding`; its attributes are described there.
    """

    name: str = "log-mel"
    version: str = "1"
    sample_rate: int = _SPEC.sample_rate
    rate: float = _SPEC.frame_rate / _HOP
    dimension: int = 2 * _BANDS

    def __call__(self, audio: FloatND) -> Float[np.ndarray, "N D"]:
        """Embeds each whole second that begins at a multiple of half a second.

        Raises:
          EmbeddingError: see `check_audio`.
        """
        check_audio(audio, _LEAST, self.name, self.sample_rate)
        # Frames whose window reaches past the end would hear a silence that is not there.
        whole = 1 + (len(audio) - _SPEC.window) // _SPEC.hop
        frames = log_mel(audio[: (whole - 1) * _SPEC.hop + _SPEC.window], _SPEC)[:whole]
        bands = frames.reshape(len(frames), _BANDS, -1).mean(axis=2)
        windows = np.lib.stride_tricks.sliding_window_view(bands, _WINDOW, axis=0)[::_HOP]
        return np.concatenate([windows.mean(axis=2), windows.std(axis=2)], axis=1)
