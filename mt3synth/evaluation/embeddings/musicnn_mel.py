"""Computes the log-mel frames that musicnn was trained on.

Pons and Serra, "musicnn: Pre-trained convolutional neural networks for music audio tagging", 2019:
librosa's power mel spectrogram (Slaney's scale and area normalisation; frames centred, the audio
mirrored at its ends, as librosa did when the package was published), then log10(1 + 10000 x). The
package rounds x to float16, in which loud music overflows; here it stays float32, as in Essentia's
version of it (Alonso-Jiménez et al., "TensorFlow Audio Models in Essentia", ICASSP 2020).
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from scipy.sparse import csr_array

from mt3synth.audio.mel import hann_window
from mt3synth.types import Float, FloatND

SAMPLE_RATE = 16000
HOP = 256  # samples
BINS = 96
_FFT = 512
_CHUNK_FRAMES = 2048
_COMPRESSION = 10000.0
# Slaney's mel scale: straight in Hz up to the break, then logarithmic up to the top of the audio.
_LINEAR_HZ = 200 / 3  # per mel, up to the break
_BREAK_HZ = 1000.0
_BREAK_MEL = _BREAK_HZ / _LINEAR_HZ
_LOG_STEP = np.log(6.4) / 27  # per mel, above
_TOP_MEL = _BREAK_MEL + np.log(SAMPLE_RATE / 2 / _BREAK_HZ) / _LOG_STEP


def musicnn_mel(audio: FloatND) -> Float[np.ndarray, "T 96"]:
    """Computes frames float32 ``[T, 96]`` of mono audio ``[S]`` at 16 kHz; T = 1 + S // 256.

    Beside audio and result it needs a few MB.

    Raises:
      ValueError: not more samples than half a window, so that the ends cannot be mirrored.
    """
    if len(audio) <= _FFT // 2:
        raise ValueError(f"{len(audio)} samples; must be more than {_FFT // 2}")
    padded = np.pad(audio.astype(np.float32), _FFT // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::HOP]
    weights, window = _weights(), hann_window(_FFT)
    out = np.empty((len(frames), BINS), np.float32)
    for begin in range(0, len(frames), _CHUNK_FRAMES):
        spectrum = np.fft.rfft(frames[begin : begin + _CHUNK_FRAMES] * window, axis=1)
        power = spectrum.real**2 + spectrum.imag**2
        out[begin : begin + _CHUNK_FRAMES] = (weights @ power.T).T
    return np.log10(1 + np.float32(_COMPRESSION) * out, out=out)


def slaney_filterbank() -> Float[np.ndarray, "96 F"]:
    """Makes triangles straight in Hz between points even on Slaney's mel scale, of area 1 Hz * 1.

    Slaney, "Auditory Toolbox", 1998: linear below 1 kHz, logarithmic above.
    """
    hz = np.arange(_FFT // 2 + 1) * (SAMPLE_RATE / _FFT)
    edges = _from_mel(np.linspace(0, _TOP_MEL, BINS + 2))[:, None]
    lower, centre, upper = edges[:-2], edges[1:-1], edges[2:]
    triangles = np.minimum((hz - lower) / (centre - lower), (upper - hz) / (upper - centre))
    return (np.maximum(0, triangles) * 2 / (upper - lower)).astype(np.float32)


def _from_mel(mel: FloatND) -> FloatND:
    above = _BREAK_HZ * np.exp(_LOG_STEP * (np.maximum(mel, _BREAK_MEL) - _BREAK_MEL))
    return np.where(mel < _BREAK_MEL, mel * _LINEAR_HZ, above)


@lru_cache(maxsize=1)
def _weights() -> csr_array:
    return csr_array(slaney_filterbank())
