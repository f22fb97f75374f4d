"""Windows that changed, and stretches of a song that are sampled anew."""

import dataclasses

import numpy as np
import pytest
from synthesis_cases import CONFIG, T5, UNET, spec_of, synthesizer, tune

from mt3synth.synthesis.canvas import EDGE_FRAMES
from mt3synth.synthesis.stretches import Stretch, asked_stretch, changed_stretches

SETTLED = CONFIG.for_model(spec_of(UNET))
FRAMES = 153  # of the tune and its tail; windows of 32 frames begin every 24 of them, from -32 on


def changed(before, notes, frames=FRAMES, network=UNET):
    return changed_stretches(before, notes, frames, SETTLED, spec_of(network))


@pytest.mark.parametrize("network", [UNET, T5], ids=["unet", "t5"])
def test_windows_that_are_told_something_else_are_found(network):
    notes = tune()
    assert changed(notes, notes, network=network) == []
    pitch = notes.pitch.copy()
    pitch[8] += 1  # sounds from frame 60 to 75: in the windows from 40 and 64 on
    assert changed(notes, notes.replace(pitch=pitch), network=network) == [Stretch(40, 96, 8, 8)]


def test_changes_far_from_each_other_are_sampled_apart():
    notes = tune()
    keep = np.ones(len(notes), bool)
    keep[[0, 14]] = False
    assert changed(notes, notes.select(keep)) == [Stretch(-8, 24, 8, 8), Stretch(88, 144, 8, 8)]


def test_what_was_never_sampled_has_changed():
    notes = tune()
    [stretch] = changed(notes.cropped(0.0, 2.0), notes, frames=125)
    assert stretch.first <= 100 and stretch.last >= FRAMES and stretch.fade_out == 0


def test_new_frames_come_in_and_go_out():
    weights = Stretch(10, 30, 3, 4).weights(5, 30)
    np.testing.assert_allclose(weights[:9], [0, 0, 0, 0, 0, 0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(weights[20:26], [1, 0.8, 0.6, 0.4, 0.2, 0], atol=1e-6)
    np.testing.assert_array_equal(Stretch(-32, 40, 0, 0).weights(-32, 72), 1)


def test_a_passage_is_not_faded_where_the_song_ends():
    assert asked_stretch((0.5, 1.0), FRAMES, SETTLED, 50.0) == Stretch(25, 50, 8, 8)
    assert asked_stretch((0.0, 9.0), FRAMES, SETTLED, 50.0) == Stretch(0, FRAMES, 0, 0)
    assert asked_stretch((0.5, 0.6), FRAMES, SETTLED, 50.0) == Stretch(25, 30, 2, 2)


@pytest.fixture(scope="module", params=[UNET, T5], ids=["unet", "t5"])
def model(request):
    return synthesizer(request.param)


def test_a_whole_song_sampled_anew_is_what_it_was(model):
    notes = tune()
    mel = model.mel(notes, 0, CONFIG)
    whole = Stretch(-EDGE_FRAMES, -EDGE_FRAMES + 9 * 24 + 8, 0, 0)  # all nine windows
    again = model.resample(notes, 0, CONFIG, whole, np.zeros_like(mel))
    np.testing.assert_allclose(again, mel, atol=1e-4)


def test_nothing_changes_outside_a_stretch(model):
    notes, done = tune(), []
    mel = model.mel(notes, 0, CONFIG)
    stretch = Stretch(50, 100, 8, 8)
    other = dataclasses.replace(CONFIG, seed=5)
    again = model.resample(notes, 0, other, stretch, mel, done.append)
    assert done == [1, 2, 3, 4]
    np.testing.assert_array_equal(again[:50], mel[:50])
    np.testing.assert_array_equal(again[100:], mel[100:])
    assert np.abs(again[60:90] - mel[60:90]).mean() > 0.1
    # The first of the new frames is mostly an old one.
    assert np.abs(again[50] - mel[50]).mean() < np.abs(again[70] - mel[70]).mean()
