"""Notes that no score should have, rendered by a network that reads a list of them."""

import numpy as np
import pytest
from backbone_cases import SONG, random_params, spec_of

from mt3synth.symbolic.notes import Notes
from mt3synth.synthesis import SamplingConfig, Synthesizer

SAMPLING = SamplingConfig(steps=0, overlap=8, tail=0.0, chunk=2)


@pytest.fixture(scope="module")
def render():
    """Renders the sketch alone, which is all that reads notes."""
    spec = spec_of("unet_notes")
    params = random_params(spec)
    # So soft that very many notes together are within the range of the frames.
    params["note_prior"]["note_encoder"]["timbre"]["bias"] -= 8.0
    synthesizer = Synthesizer(spec, params)

    def mel(*notes, among=SONG):
        columns = [np.array(column) for column in zip(*notes)]
        added = Notes(*columns) if notes else Notes.empty()
        return synthesizer.mel(Notes.concatenate([among, added]).sorted(), 0, SAMPLING)

    return mel


def note(start, end, pitch, program=0, is_drum=False):
    return float(start), float(end), pitch, 90, program, is_drum


def test_a_note_without_length_is_struck_and_nothing_else(render):
    made, plain = render(note(0.4, 0.4, 62)), render()
    assert made.shape == plain.shape and np.isfinite(made).all()
    # From the first frame whose window reaches the onset.
    differs = np.abs(made - plain).max(axis=1) > 1e-4
    assert differs.any() and not differs[:18].any()


def test_notes_that_overlap_on_one_key_are_all_there_in_any_order(render):
    first, second = note(0.1, 0.8, 70), note(0.3, 0.5, 70)
    both = render(first, second)
    np.testing.assert_allclose(both, render(second, first), atol=1e-4)
    assert np.abs(both - render(first)).max() > 1e-3
    # The same twice is louder than once, and no note is taken for the other's repeat.
    assert np.all(render(first, first) >= render(first) - 1e-4)
    assert np.abs(render(first, first) - render(first)).max() > 1e-3


def test_no_note_of_very_many_at_once_is_lost(render):
    # More than fit into the first length of a list, and some of them on one key.
    many = [note(0.2, 0.6, 30 + key % 60) for key in range(70)]
    whole = render(*many)
    for missing in (0, 35, 69):
        fewer = many[:missing] + many[missing + 1 :]
        assert np.abs(whole - render(*fewer)).max() > 1e-4


def test_every_key_and_program_sounds_though_none_was_trained(render):
    plain = render()
    for keys in (range(0, 128, 2), range(1, 128, 2)):
        many = [note(0.1, 0.9, key, program=key) for key in keys]
        made = render(*many, *(note(0.1, 0.9, key, 0, True) for key in keys))
        assert np.isfinite(made).all() and np.abs(made - plain).max() > 1e-3
