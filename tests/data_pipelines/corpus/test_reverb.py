"""Rooms and recording chains against their definitions."""

import numpy as np
import pytest

from data_pipelines.corpus.performances import read_performances
from data_pipelines.corpus.sound.recording_chain import Chain, limit, record
from data_pipelines.corpus.sound.reverb import Room, make_impulse_response, reverberate

RATE = 16_000


def _decay_s(response: np.ndarray) -> float:
    """RT60 from the slope between -5 and -25 dB of Schroeder's backward integral."""
    energy = np.cumsum(response[::-1] ** 2)[::-1]
    level = 10 * np.log10(energy / energy[0] + 1e-30)
    inside = (level < -5) & (level > -25)
    slope = np.polyfit(np.flatnonzero(inside) / RATE, level[inside], 1)[0]
    return -60 / slope


@pytest.mark.parametrize("rt60", [0.5, 1.5, 3.0])
def test_reverberation_time_is_the_one_asked_for(rt60: float) -> None:
    room = Room(rt60, 1.0, 1.0, 0.0, 5.0, seed=3)
    tail = make_impulse_response(room, RATE)[int(0.08 * RATE) :]
    assert _decay_s(tail) == pytest.approx(rt60, rel=0.1)


def test_direct_sound_comes_first_and_outweighs_as_asked() -> None:
    room = Room(1.2, 1.1, 0.6, 6.0, 12.0, seed=1)
    response = make_impulse_response(room, RATE)
    assert response[0] == pytest.approx(1.0)
    assert not response[1 : int(0.012 * RATE)].any()
    assert -10 * np.log10(np.sum(response[1:] ** 2)) == pytest.approx(6.0, abs=0.01)
    np.testing.assert_array_equal(response, make_impulse_response(room, RATE))


def test_treble_dies_sooner() -> None:
    response = make_impulse_response(Room(2.0, 1.1, 0.4, 0.0, 10.0, seed=2), RATE)
    late = np.abs(np.fft.rfft(response[RATE : RATE + 8192])) ** 2
    early = np.abs(np.fft.rfft(response[1600 : 1600 + 8192])) ** 2
    hz = np.fft.rfftfreq(8192, 1 / RATE)
    fall = [late[band].sum() / early[band].sum() for band in (hz < 800, hz > 5000)]
    assert fall[1] < fall[0] / 10


def test_room_keeps_length_and_onset() -> None:
    click = np.zeros(RATE, np.float32)
    click[4000] = 1
    heard = reverberate(click, make_impulse_response(Room(1.0, 1, 0.5, 3, 10, seed=0), RATE))
    assert heard.shape == click.shape
    assert np.abs(heard).argmax() == 4000
    assert np.abs(heard[:4000]).max() < 1e-5


def test_clean_chain_leaves_the_signal() -> None:
    signal = 0.3 * np.sin(np.arange(8000) / 7).astype(np.float32)
    out = record(signal, Chain(), RATE, np.random.default_rng(0))
    np.testing.assert_allclose(out, signal, atol=1e-6)


def test_broadcast_passes_its_band_only() -> None:
    chain = next(p.chain for p in read_performances() if p.name == "old-broadcast")
    noise = 0.05 * np.random.default_rng(0).standard_normal(8 * RATE).astype(np.float32)
    out = record(noise, chain, RATE, np.random.default_rng(1))
    power = np.abs(np.fft.rfft(out)) ** 2
    hz = np.fft.rfftfreq(len(out), 1 / RATE)

    def density(low: float, high: float) -> float:
        return 10 * np.log10(power[(hz >= low) & (hz < high)].mean())

    middle = density(500, 2500)
    assert density(0, 80) < middle - 25
    assert density(6500, 8000) < middle - 25
    assert abs(density(2500, 3500) - middle) < 6


def test_hiss_has_the_level_asked_for() -> None:
    chain = Chain(hiss_db=-50)
    out = record(np.zeros(RATE, np.float32), chain, RATE, np.random.default_rng(0))
    assert 20 * np.log10(out.std()) == pytest.approx(-50, abs=0.3)


def test_compressor_narrows_dynamics_and_soft_stays_softer() -> None:
    tone = np.sin(np.arange(RATE) / 5).astype(np.float32)
    chain = Chain(threshold_db=-30, ratio=2.0)
    levels = [
        record(gain * tone, chain, RATE, np.random.default_rng(0))[RATE // 2 :].std()
        for gain in (0.05, 0.5)
    ]
    assert 20 * np.log10(levels[1] / levels[0]) == pytest.approx(10 + 1.5, abs=2)


def test_limiter_leaves_what_is_below_its_knee() -> None:
    signal = np.linspace(-3, 3, 601)
    out = limit(signal)
    below = np.abs(signal) <= 0.8
    np.testing.assert_array_equal(out[below], signal[below])
    assert np.abs(out).max() <= 1.0 and (np.diff(out) >= 0).all()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Room(0.0, 1, 1, 0, 0, 0), "rt60_s=0.0 s"),
        (lambda: Room(1.0, 1, 1, 0, -1, 0), "predelay_ms=-1 ms"),
        (lambda: Chain(ratio=0.5), "ratio=0.5"),
        (lambda: Chain(wow=0.1), "wow=0.1"),
    ],
)
def test_impossible_values_are_named(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()
