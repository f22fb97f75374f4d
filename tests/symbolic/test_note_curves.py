"""Curves of notes: few knots that miss nothing, and notes that carry them wherever they go."""

import numpy as np
import pytest

from mt3synth.symbolic.note_curves import STEP_SEMITONES, NoteCurves, sample_times, trace
from mt3synth.symbolic.notes import Notes

AT = np.arange(0, 2.0, 0.01)


def notes_with(*knots: tuple[list[float], list[float], list[float]]) -> Notes:
    count = len(knots)
    same = np.ones(count, int)
    start = np.arange(count, dtype=float)
    plain = Notes(start, start + 0.9, 60 + same, 80 * same, 40 * same, same == 0)
    return plain.with_curves(NoteCurves.of([tuple(map(np.array, each)) for each in knots]))


THREE = notes_with(
    ([0.0], [0.0], [1.0]),
    ([0.0, 0.5], [0.0, 2.0], [1.0, 0.5]),
    ([0.0], [-0.5], [0.2]),
)


@pytest.mark.parametrize(
    ("semitones", "gain", "most"),
    [
        (0.4 + 0 * AT, 0.7 + 0 * AT, 1),
        (2 * np.clip(AT - 0.5, 0, 1), 1 + 0 * AT, 12),
        (0.5 * np.sin(2 * np.pi * 5.5 * AT), 1 + 0 * AT, 160),
        (0 * AT, 10 ** (-AT), 20),
        (0 * AT, np.where(np.abs(AT - 1) < 0.2, 0.0, 1.0), 8),
    ],
    ids=["constant", "slide", "vibrato", "fade of 40 dB", "mute"],
)
def test_few_knots_miss_no_sample(semitones, gain, most):
    seconds, pitch, level = trace(AT, semitones, gain)
    assert len(seconds) <= most
    curves = NoteCurves.of([(seconds, pitch, level)])
    found = curves.at(0, AT)
    assert np.abs(found[0] - semitones).max() < 0.035
    power = [each**2 + 1e-6 for each in (found[1], gain)]
    assert np.abs(10 * np.log10(power[0] / power[1])).max() < 0.45
    # So dense that two spectra that are faded into each other sound as one between them, but no
    # denser than frames.
    slow = np.diff(seconds) > 0.04
    assert np.all(np.abs(np.diff(pitch))[slow] < STEP_SEMITONES + 0.01)


def test_a_jump_stays_a_jump():
    seconds, pitch, _ = trace(AT, np.where(AT < 1, 0.0, 2.0), 1 + 0 * AT)
    np.testing.assert_allclose(pitch, [0, 0, 2, 2])
    assert seconds[2] - seconds[1] == pytest.approx(0.01)


def test_notes_are_selected_joined_stretched_and_cropped_with_their_curves():
    assert THREE.curves.plain.tolist() == [True, False, False]
    turned = THREE.select(np.array([2, 1]))
    np.testing.assert_allclose(turned.curves.semitones, [-0.5, 0, 2])
    assert turned.curves.count.tolist() == [1, 2]
    np.testing.assert_allclose(THREE.select(THREE.start > 0.5).curves.gain, [1, 0.5, 0.2])
    np.testing.assert_allclose(THREE.stretched(2.0).curves.seconds, [0, 0, 1, 0])
    np.testing.assert_allclose(THREE.shifted(1.0).curves.seconds, THREE.curves.seconds)
    # Of the second note the first fifth of a second is cut off, and it goes on from there.
    cut = THREE.cropped(1.2, 3.0)
    np.testing.assert_allclose(cut.curves.seconds, [-0.2, 0.3, 0])
    np.testing.assert_allclose(cut.curves.at(0, np.zeros(1))[0], [0.8])
    both = Notes.concatenate([THREE.with_curves(None), THREE.shifted(10.0)])
    assert both.curves.plain.tolist() == [True, True, True, True, False, False]
    assert THREE.replace(pitch=THREE.pitch + 1).transposed(1).curves.semitones[2] == 2


def test_curves_that_are_none_are_refused():
    with pytest.raises(ValueError, match="3 notes with the curves of 2"):
        THREE.with_curves(NoteCurves.none(2))
    with pytest.raises(ValueError, match="do not rise in time"):
        notes_with(([0.0, 0.0], [0.0, 1.0], [1.0, 1.0]))
    with pytest.raises(ValueError, match="gain=-1"):
        notes_with(([0.0], [0.0], [-1.0]))
    with pytest.raises(ValueError, match="no finite"):
        notes_with(([0.0], [np.nan], [1.0]))


def test_a_long_vibrato_is_drawn_as_true_as_a_short_one():
    seconds = sample_times(50.0)
    pitch = 0.5 * np.sin(2 * np.pi * 5.5 * seconds)
    at, semitones, gain = trace(seconds, pitch, np.ones(len(seconds)))
    assert np.all(np.diff(at) > 0) and np.all(gain == 1)
    assert np.abs(np.interp(seconds, at, semitones) - pitch).max() <= 0.0301
