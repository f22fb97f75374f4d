"""A song from left to right: the same however it is taken, and going on from window to window."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from backbone_cases import random_params
from training_cases import tiny_spec

from mt3synth.models.note_encoder import NotePriorConfig
from mt3synth.symbolic.notes import Notes
from mt3synth.synthesis import SamplingConfig, Synthesizer, song_window, synthesizer
from mt3synth.synthesis.options import describe

FRAMES, OVERLAP = 32, 8
CONFIG = SamplingConfig(steps=3, overlap=OVERLAP, tail=0.5, continuity="stream")


@pytest.fixture(scope="module", params=["roll", "prior"])
def model(request):
    """Makes a model of random weights, so that every input counts."""
    prior = NotePriorConfig(width=16, key_width=8, features=8) if request.param == "prior" else None
    spec = tiny_spec(segment_frames=FRAMES, attention_levels=(1,), prior=prior)
    return Synthesizer(spec, random_params(spec))


@pytest.fixture(scope="module")
def song():
    start = np.arange(0, 2.4, 0.15)
    same = np.ones(len(start), int)
    keys = 60 + np.arange(len(start)) % 12
    return Notes(start, start + 0.3, keys, 80 * same, 40 * same, same == 0)


def test_the_pieces_are_the_song_whatever_the_chunk(model, song):
    base = model.mel(song, 0, CONFIG)
    assert base.shape == (np.ceil((song.end_time + CONFIG.tail) * 50), 128)
    for chunk in (1, 8):
        config = dataclasses.replace(CONFIG, chunk=chunk)
        pieces = list(model.stream(song, 0, config))
        assert len(pieces) > 3
        np.testing.assert_array_equal(np.concatenate(pieces), base)
    # What would be a canvas is streamed all the same.
    canvas = dataclasses.replace(CONFIG, continuity="canvas")
    np.testing.assert_array_equal(np.concatenate(list(model.stream(song, 0, canvas))), base)
    assert np.abs(model.mel(song, 0, canvas) - base).max() > 0.1
    assert np.abs(model.mel(song, 0, dataclasses.replace(CONFIG, seed=1)) - base).max() > 0.1


def test_nothing_is_made_before_it_is_asked_for(model, song):
    seen: list[int] = []
    pieces = model.stream(song, 0, CONFIG, on_step=seen.append)
    assert seen == []
    next(pieces)
    first = len(seen)
    assert 0 < first <= 2 * CONFIG.steps
    list(pieces)
    assert seen == list(range(1, model.steps(song, CONFIG) + 1))
    assert model.steps(song, dataclasses.replace(CONFIG, continuity="canvas")) == CONFIG.steps


def test_what_comes_later_changes_nothing_and_what_was_before_is_gone_on_from(model, song):
    def changed(*rows: int):
        pitch = song.pitch.copy()
        pitch[list(rows)] += 7
        notes = Notes(**{**vars(song), "pitch": pitch})
        return np.abs(model.mel(notes, 0, CONFIG) - model.mel(song, 0, CONFIG)).max(axis=1)

    # The last note begins in frame 112; windows begin every 24 frames, 32 before the song.
    late = changed(len(song) - 1)
    assert np.all(late[:64] == 0) and late[112:].max() > 1e-3
    # The first ends in frame 15; windows from frame 16 on know of it by what is finished alone, if
    # the model reads a roll.
    assert changed(0)[48:].max() > 0


def test_a_window_begins_where_the_one_before_left_off(model, song, monkeypatch):
    """Each window of its own would be flat at another level; their overlaps lead over."""
    levels = iter(np.repeat(np.linspace(-0.5, 0.5, 30), CONFIG.steps))
    monkeypatch.setattr(
        song_window, "denoise_chunk", lambda *args: jnp.full_like(args[5], next(levels))
    )
    mel = model.mel(song, 0, CONFIG)
    steps = np.abs(np.diff(mel[:, 0]))
    # Seven windows lie in the song, so six times one level leads over to the next, evenly.
    one = (mel[:, 0].max() - mel[:, 0].min()) / 6
    np.testing.assert_allclose(steps.max(), one / (OVERLAP + 1), rtol=0.05)
    assert np.sum(steps > 1e-4) == 6 * (OVERLAP + 1)


def test_the_prior_alone_is_that_of_a_canvas(model, song):
    if not model.spec.has_prior:
        pytest.skip("has no prior")
    config = dataclasses.replace(CONFIG, steps=0)
    streamed = model.mel(song, 0, config)
    canvas = model.mel(song, 0, dataclasses.replace(config, continuity="canvas"))
    np.testing.assert_allclose(streamed, canvas, atol=1e-4)
    for chunk in (1, 8):
        again = model.mel(song, 0, dataclasses.replace(config, chunk=chunk))
        np.testing.assert_array_equal(again, streamed)


def test_long_songs_are_streamed(model, song, monkeypatch):
    canvas = dataclasses.replace(CONFIG, continuity=None)
    assert model.settle(song, canvas).continuity == "canvas"
    monkeypatch.setattr(synthesizer, "LONGEST_CANVAS_S", 2.0)
    settled = model.settle(song, canvas)
    assert describe(settled, model.spec)["continuity"] == "stream"
    assert describe(settled, model.spec)["overlap"] == str(OVERLAP)
    np.testing.assert_array_equal(model.mel(song, 0, canvas), model.mel(song, 0, CONFIG))


@pytest.mark.parametrize("overlap", [0, 16])
def test_any_overlap_will_do(model, song, overlap):
    config = dataclasses.replace(CONFIG, overlap=overlap, steps=1)
    mel = model.mel(song, 0, config)
    assert len(mel) == model.frames(song, config) and np.isfinite(mel).all()


def test_a_longer_song_needs_no_other_program(model, song):
    model.mel(song, 0, CONFIG)
    before = song_window.denoise_chunk._cache_size()
    model.mel(song, 0, dataclasses.replace(CONFIG, tail=3.0))
    assert song_window.denoise_chunk._cache_size() == before
