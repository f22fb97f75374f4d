"""PCM at another rate: tones keep their phase, and a stretch is as the whole has it."""

import numpy as np
import pytest

from mt3synth.audio.resampling import resample_pcm, resample_stretch, resampled_length


def tone(rate: int, seconds: float, hertz: float = 440.0) -> np.ndarray:
    return np.round(9000 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate))


@pytest.mark.parametrize("rate, to", [(44100, 16000), (16000, 44100), (48000, 44100)])
def test_a_tone_is_the_tone_of_the_other_rate(rate, to) -> None:
    made = resample_pcm(tone(rate, 1.0).astype(np.int16), rate, to)
    assert made.dtype == np.int16 and len(made) == to == resampled_length(rate, rate, to)
    middle = slice(to // 10, -to // 10)
    assert np.abs(made - tone(to, 1.0))[middle].max() <= 3


@pytest.mark.parametrize("first", [-1000, 0, 777, 15800])
def test_a_stretch_is_as_the_whole_has_it(first) -> None:
    pcm = np.random.default_rng(0).integers(-9000, 9000, 44100).astype(np.int16)

    def read(begin: int, count: int) -> np.ndarray:
        asked.append(count)
        padded = np.pad(pcm, (20000, 20000))
        return padded[20000 + begin :][:count]

    asked: list[int] = []
    whole = np.pad(resample_pcm(pcm, 44100, 16000), (2000, 0))
    made = resample_stretch(read, 44100, 16000, first, 900)
    there = whole[2000 + first :][:900]
    assert np.abs(made[: len(there)].astype(int) - there).max() <= 1
    assert asked[0] < 9000  # 900 samples at 16 kHz, and what the filter reaches


def test_the_same_rate_is_left_alone() -> None:
    pcm = tone(16000, 0.1).astype(np.int16)
    assert resample_pcm(pcm, 16000, 16000) is pcm
