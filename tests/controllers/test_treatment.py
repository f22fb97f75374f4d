"""Gains, pitches and places, on sounds of which it is known what must become of them."""

import numpy as np
import pytest
from fluidsynth_cases import RATE, cents, levels

from mt3synth.controllers.treatment import Treatment, describe_treatments, pan_gains
from mt3synth.symbolic.midi import Curve
from mt3synth.symbolic.notes import Notes


def curve(*steps: tuple[float, float]) -> Curve:
    times, values = zip(*steps)
    return Curve(np.array(times), np.array(values, np.float32))


def sine(seconds: float, hz: float = 440.0) -> np.ndarray:
    return np.sin(2 * np.pi * hz * np.arange(int(seconds * RATE)) / RATE).astype(np.float32)


def test_nothing_is_done_by_default():
    plain, audio = Treatment(), sine(1)
    assert plain.is_plain(stereo=False) and plain.is_plain(stereo=True)
    assert plain.apply(audio, RATE, stereo=False) is audio
    assert np.array_equal(plain.apply(audio, RATE, stereo=True), np.stack([audio, audio], 1))
    assert describe_treatments([plain], stereo=False) == []


def test_gain_follows_its_curve_without_clicks():
    treatment = Treatment(gain=curve((0, 1), (0.5, 0.1), (0.75, 0)))
    heard = treatment.apply(sine(1), RATE, stereo=False)
    level = levels(heard)
    assert level[5:24] == pytest.approx(10 * np.log10(0.5), abs=0.3)
    assert level[25:37] == pytest.approx(10 * np.log10(0.005), abs=0.3)
    assert np.abs(heard[int(0.756 * RATE) :]).max() == 0
    # A step of the level would leave a step in the sound; a ramp adds little to the sine's own.
    assert np.abs(np.diff(heard)).max() < 1.1 * np.abs(np.diff(sine(1))).max()


def test_a_sound_gets_the_same_level_while_it_is_made():
    treatment = Treatment(gain=curve((0, 1), (0.5, 0.1), (0.75, 0)), cents=curve((0, 50)))
    audio, made = sine(1), treatment.level_only()
    assert not made.moves_pitch
    heard = list(made.apply_level(np.split(audio, [1, 799, 8000, 8040]), RATE))
    assert [len(part) for part in heard] == [1, 798, 7201, 40, len(audio) - 8040]
    np.testing.assert_allclose(
        np.concatenate(heard), made.apply(audio, RATE, stereo=False), atol=1e-6
    )


@pytest.mark.parametrize("value", [-1200, -350, -30, 45, 200, 1100])
def test_a_constant_detuning_is_exact(value):
    treatment = Treatment(cents=curve((0, value)))
    heard = treatment.apply(sine(2), RATE, stereo=False)
    assert len(heard) == pytest.approx(2 * RATE / 2 ** (value / 1200), abs=2)
    assert cents(heard[1000:-1000], 69, reach=1500) == pytest.approx(value, abs=1)
    assert np.sqrt(np.mean(heard[1000:-1000] ** 2)) == pytest.approx(0.5**0.5, rel=1e-3)


def test_a_glide_is_where_it_should_be_at_each_moment():
    steps = [(0.5 + step / 100, 2.0 * step) for step in range(101)]
    treatment = Treatment(cents=curve((0, 0), *steps))
    notes = Notes(*(np.array([value]) for value in (0.25, 2.0, 69, 80, 0, False)))
    laid_out = treatment.lay_out(notes)
    assert laid_out.start[0] == pytest.approx(0.25) and laid_out.end[0] > 2.1
    audio = sine(laid_out.end[0])
    audio[: int(laid_out.start[0] * RATE)] = 0
    heard = treatment.apply(audio, RATE, stereo=False)
    # The note begins and ends where it was written.
    sounding = np.flatnonzero(np.abs(heard) > 0.02)
    assert sounding[0] == pytest.approx(0.25 * RATE, abs=40)
    assert len(heard) == pytest.approx(2.0 * RATE, abs=3)
    for middle in (0.4, 0.75, 1.0, 1.25, 1.8):
        around = heard[int((middle - 0.05) * RATE) : int((middle + 0.05) * RATE)]
        expected = 2.0 * np.clip((middle - 0.5) * 100, 0, 100)
        assert cents(around, 69) == pytest.approx(expected, abs=3)


def test_what_comes_to_lie_above_the_band_is_gone():
    heard = Treatment(cents=curve((0, 1200))).apply(sine(1, hz=5000), RATE, stereo=False)
    assert np.abs(heard[500:-500]).max() < 1e-3


def test_a_vibrato_goes_as_far_to_either_side_and_ends():
    treatment = Treatment(vibrato=curve((0, 50), (1, 0)))
    heard = treatment.apply(sine(3), RATE, stereo=False)
    crossings = np.flatnonzero((heard[:-1] < 0) & (heard[1:] >= 0))
    exact = crossings + heard[crossings] / (heard[crossings] - heard[crossings + 1])
    found = 1200 * np.log2(RATE / np.diff(exact) / 440)
    during = exact[1:] < RATE
    assert found[during].max() == pytest.approx(50, abs=2)
    assert found[during].min() == pytest.approx(-50, abs=2)
    assert np.abs(found[exact[1:] > 1.05 * RATE]).max() < 1


def test_a_pan_keeps_the_power_and_leaves_the_middle_alone():
    gains = pan_gains(np.array([0.0, 1, 32, 64, 100, 127]))
    assert np.sum(gains**2, axis=1) == pytest.approx(2)
    assert gains[3] == pytest.approx([1, 1]) and gains[0] == pytest.approx([2**0.5, 0])
    assert gains[5] == pytest.approx([0, 2**0.5], abs=1e-6)
    placed = Treatment(pan=curve((0, 0), (0.5, 127)))
    heard = placed.apply(sine(1), RATE, stereo=True)
    left, right = levels(heard[:, 0]), levels(heard[:, 1])
    assert np.all(left[:24] - right[:24] > 60) and np.all(right[25:] - left[25:] > 60)
    assert placed.is_plain(stereo=False) and not placed.is_plain(stereo=True)
    assert describe_treatments([placed], stereo=False) == [
        "controller 10 (pan): heard in stereo only"
    ]


def test_treatments_are_moved_in_time_with_their_notes():
    moved = Treatment(gain=curve((0, 1), (2, 0.5), (3, 0.25))).shifted(-2.5)
    assert moved.gain.times.tolist() == [0, 0.5] and moved.gain.values.tolist() == [0.5, 0.25]
    assert moved.key(stereo=False) == Treatment(gain=curve((0, 0.5), (0.5, 0.25))).key(stereo=False)
