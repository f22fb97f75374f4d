"""The front end against a recorded run of the ancestor's, and against what a sine must do."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from mt3synth.audio.mel import (
    MELGAN,
    MelSpec,
    from_network,
    log_mel,
    mel_filterbank,
    name_differences,
    to_network,
)

GOLDEN = np.load(Path(__file__).parents[1] / "goldens" / "mel_melgan.npz")


def test_equals_soundstream_front_end():
    np.testing.assert_allclose(log_mel(GOLDEN["audio"], MELGAN), GOLDEN["mel"], atol=1e-3)
    assert MELGAN.scale_low == pytest.approx(float(GOLDEN["min_value"]))
    assert MELGAN.scale_high == pytest.approx(float(GOLDEN["max_value"]))


@pytest.mark.parametrize("hz", [220.0, 1000.0, 5000.0])
def test_sine_lands_in_its_bin(hz):
    audio = np.sin(2 * np.pi * hz * np.arange(16000) / 16000).astype(np.float32)
    loudest = log_mel(audio, MELGAN)[10].argmax()
    mel = 2595 * np.log10(1 + hz / 700)
    width = 2595 * np.log10(1 + 8000 / 700) / 129
    assert abs((loudest + 1) * width - mel) < width


def test_threads_do_not_show():
    threadpoolctl = pytest.importorskip("threadpoolctl")
    audio = np.random.default_rng(3).normal(0, 0.1, 20 * 16000 + 77).astype(np.float32)
    with threadpoolctl.threadpool_limits(1):
        alone = log_mel(audio, MELGAN)
    with threadpoolctl.threadpool_limits(2):
        np.testing.assert_array_equal(log_mel(audio, MELGAN), alone)


def test_chunks_do_not_show():
    """Finds the frames that an excerpt far into a long file has alone."""
    audio = np.random.default_rng(0).normal(size=320 * 2500).astype(np.float32)
    alone = log_mel(audio[320 * 1000 : 320 * 1100], MELGAN)
    np.testing.assert_allclose(log_mel(audio, MELGAN)[1000:1099], alone[:99], atol=1e-5)


@pytest.mark.parametrize("samples, frames", [(0, 0), (1, 1), (320, 1), (321, 2), (32000, 100)])
def test_frame_count(samples, frames):
    mel = log_mel(np.zeros(samples, np.float32), MELGAN)
    assert mel.shape == (frames, 128) and mel.dtype == np.float32
    assert MELGAN.frames(samples) == frames
    assert np.all(mel == np.float32(np.log(1e-5)))


def test_filterbank_covers_the_band_and_leaves_out_dc():
    weights = mel_filterbank(MELGAN)
    assert weights.shape == (513, 128)
    assert not weights[0].any()
    first_centre, last_centre = weights[:, 0].argmax(), weights[:, -1].argmax()
    inside = weights[first_centre + 1 : last_centre].sum(axis=1)
    np.testing.assert_allclose(inside, 1, atol=1e-5)  # neighbouring triangles add up to 1


def test_network_range():
    ends = np.float32([[np.log(1e-5), 4.0]])
    np.testing.assert_allclose(to_network(ends, MELGAN), [[-1, 1]], atol=1e-6)
    mel = np.random.default_rng(0).uniform(-11.5, 4, (7, 128)).astype(np.float32)
    np.testing.assert_allclose(from_network(to_network(mel, MELGAN), MELGAN), mel, atol=1e-5)
    assert to_network(np.float32([[9.0]]), MELGAN) == 1


def test_spec_is_a_key_and_survives_json():
    again = MelSpec.from_dict(json.loads(json.dumps(MELGAN.to_dict())))
    assert again == MELGAN and hash(again) == hash(MELGAN)
    assert MELGAN.frame_rate == 50.0


@pytest.mark.parametrize(
    "change, message",
    [
        ({"hop": 0}, "hop=0 samples; must be at least 1"),
        ({"window": 2048}, "window=2048 samples; must be at most fft=1024"),
        ({"hop": 700}, "hop=700 samples; must be at most window=640"),
        ({"high_hz": 9000.0}, "high_hz=9000.0 Hz"),
        ({"low_hz": 8000.0}, "low_hz=8000.0 Hz"),
        ({"floor": 0.0}, "floor=0.0"),
        ({"scale_high": -12.0}, "scale_low"),
        ({"ceiling": float("inf")}, "ceiling=inf; must be finite"),
    ],
)
def test_spec_refuses(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(MELGAN, **change)


def test_spec_from_dict_refuses_other_fields():
    values = MELGAN.to_dict()
    del values["hop"]
    with pytest.raises(ValueError, match=r"missing: \['hop'\], unknown: \['hops'\]"):
        MelSpec.from_dict({**values, "hops": 320})


@pytest.mark.parametrize("audio", [np.zeros((2, 640), np.float32), np.zeros(640, np.int16)])
def test_only_mono_float(audio):
    with pytest.raises(ValueError, match="must be mono float"):
        log_mel(audio, MELGAN)


def test_differences_of_two_specs_are_named_with_both_values():
    other = dataclasses.replace(MELGAN, hop=160, bins=80)
    assert name_differences(MELGAN, MELGAN, "bundle") == ""
    assert (
        name_differences(MELGAN, other, "bundle") == "hop=320 (bundle: 160), bins=128 (bundle: 80)"
    )
