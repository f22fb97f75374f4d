"""The distance of log-mel frames, and which of them count."""

import numpy as np
import pytest

from mt3synth.audio.log_mel_distance import log_mel_l1, loud_frames


def test_frames_60_db_below_the_peak_do_not_count() -> None:
    real = np.full((4, 3), -9.0, np.float32)
    real[0, 1], real[1, 2], real[2, 0] = 1.0, 1.0 - 6.9, 1.0 - 6.95  # 60 dB are 6.908 nats
    np.testing.assert_array_equal(loud_frames(real), [True, True, False, False])
    ours = real.copy()
    ours[0] += 3.0  # one of two loud frames
    ours[3] += 100.0  # silence
    assert log_mel_l1(ours, real) == pytest.approx(1.5)


def test_frames_of_silence_do_not_count() -> None:
    real = np.full((3, 2), -11.5, np.float32)
    real[1] = -11.0
    np.testing.assert_array_equal(loud_frames(real, above=-11.4), [False, True, False])
    assert log_mel_l1(real + 0.5, real, above=-11.4) == pytest.approx(0.5)
    assert np.isnan(log_mel_l1(real, real, above=-5.0))


def test_log_mel_l1_of_no_frames() -> None:
    with pytest.raises(ValueError, match="0 frames"):
        log_mel_l1(np.zeros((0, 128), np.float32), np.zeros((0, 128), np.float32))
