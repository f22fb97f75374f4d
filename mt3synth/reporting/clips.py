"""Makes short stretches of audio for pages: encoded small, faded at the cuts."""

from __future__ import annotations

import io

import numpy as np
import soundfile

from mt3synth.audio.files import fit_peak
from mt3synth.types import Float, FloatND

FADE_S = 0.02  # long enough that no cut clicks, too short to hide an onset


def cut(
    audio: Float[FloatND, " S"], sample_rate: int, start: float, seconds: float
) -> Float[FloatND, " C"]:
    """Cuts out a stretch, as long as there is audio, and fades it in and out over 20 ms."""
    first = round(start * sample_rate)
    part = np.array(audio[first : first + round(seconds * sample_rate)], np.float32)
    fade = min(round(FADE_S * sample_rate), len(part) // 2)
    if fade:
        ramp = np.linspace(0, 1, fade, dtype=np.float32)
        part[:fade] *= ramp
        part[-fade:] *= ramp[::-1]
    return part


def at_level(audio: Float[FloatND, " S"], db: float) -> Float[FloatND, " S"]:
    """Scales audio to a root mean square of ``db`` re full scale, or less where it would clip."""
    # In float64: squares of a long soft clip would lose their small ones in float32.
    power = float(np.mean(np.square(audio, dtype=np.float64)))
    if not power:
        return audio
    return fit_peak(audio * np.float32(10 ** (db / 20) / np.sqrt(power)))[0]


def loudest(audio: Float[FloatND, " S"]) -> float:
    """Measures what root mean square, in dB re full scale, audio has when its peak is 1."""
    peak = float(np.max(np.abs(audio)))
    return 10 * float(np.log10(np.mean(np.square(audio / peak, dtype=np.float64))))


def mp3(audio: Float[FloatND, "S *C"], sample_rate: int) -> bytes:
    """Encodes a small MP3, mono or stereo, which every browser plays."""
    encoded, channels = io.BytesIO(), 1 if audio.ndim == 1 else audio.shape[1]
    fitted, _ = fit_peak(audio)
    with soundfile.SoundFile(
        encoded, "w", sample_rate, channels, "MPEG_LAYER_III", format="MP3", compression_level=0.7
    ) as file:
        file.write(fitted)
    return encoded.getvalue()


def flac(audio: Float[FloatND, " S"], sample_rate: int) -> bytes:
    """Encodes a mono FLAC of 16 bits: nothing but the quantisation is lost."""
    encoded = io.BytesIO()
    soundfile.write(encoded, fit_peak(audio)[0], sample_rate, "PCM_16", format="FLAC")
    return encoded.getvalue()
