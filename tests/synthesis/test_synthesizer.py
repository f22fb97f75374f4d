"""Whole songs: seed, chunks, joins, memory for contexts, and the ring after the last note."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from synthesis_cases import CONFIG, T5, UNET, spec_of, synthesizer, tune

from mt3synth.diffusion.guidance import Guidance
from mt3synth.symbolic.notes import Notes
from mt3synth.symbolic.roll import RollSpec, piano_roll
from mt3synth.synthesis import SamplingConfig
from mt3synth.synthesis.conditions import ScoreWindows


@pytest.fixture(scope="module", params=[UNET, T5], ids=["unet", "t5"])
def model(request):
    return synthesizer(request.param)


@pytest.fixture(scope="module")
def song():
    return tune()


@pytest.fixture(scope="module")
def unet():
    return synthesizer(UNET)


def test_the_seed_decides_and_not_the_chunk(model, song):
    base = model.mel(song, 0, CONFIG)
    assert base.shape == (np.ceil((song.end_time + CONFIG.tail) * 50), 128)
    for chunk in (1, 16):
        other = model.mel(song, 0, dataclasses.replace(CONFIG, chunk=chunk))
        np.testing.assert_array_equal(other, base)
    assert np.abs(model.mel(song, 0, dataclasses.replace(CONFIG, seed=1)) - base).max() > 0.1


def test_contexts_that_are_not_kept_give_the_same(model, song):
    forgetful = dataclasses.replace(CONFIG, context_bytes=0)
    np.testing.assert_allclose(model.mel(song, 0, forgetful), model.mel(song, 0, CONFIG), atol=1e-5)


def test_performance_and_score_are_heard(model, song):
    base = model.mel(song, 0, CONFIG)
    assert np.abs(model.mel(song, 1, CONFIG) - base).max() > 0.02
    assert np.abs(model.mel(song.transposed(1), 0, CONFIG) - base).max() > 0.02


def test_every_step_is_reported(unet, song):
    seen: list[int] = []
    unet.mel(song, 0, CONFIG, on_step=seen.append)
    assert seen == [1, 2, 3, 4]


def test_a_song_within_one_window_needs_no_join(unet, song):
    short = song.cropped(0.0, 0.1)
    assert unet.mel(short, 0, dataclasses.replace(CONFIG, tail=0.0)).shape[0] == 5


def test_guidance_of_weight_1_is_the_plain_model(unet, song):
    plain = dataclasses.replace(CONFIG, guidance=Guidance(1.0, 1.0))
    nearly = dataclasses.replace(CONFIG, guidance=Guidance(1.0 + 1e-6, 1.0 + 1e-6))
    np.testing.assert_allclose(unet.mel(song, 0, plain), unet.mel(song, 0, nearly), atol=1e-3)


def test_rows_that_fill_a_chunk_repeat_the_last(song):
    windows = ScoreWindows(song, spec_of(UNET))
    conditions = windows.conditions([0, 24], 4, 1)
    np.testing.assert_array_equal(conditions.roll[1], piano_roll(song, RollSpec(), 24, 32))
    np.testing.assert_array_equal(conditions.roll[3], conditions.roll[1])
    assert conditions.performance.tolist() == [1] * 4


def test_nothing_to_render_is_said(unet, song):
    with pytest.raises(ValueError, match="no notes"):
        unet.mel(Notes.empty(), 0, CONFIG)
    with pytest.raises(ValueError, match="performance 2; the model knows 0 to 1"):
        unet.mel(song, 2, CONFIG)
    with pytest.raises(ValueError, match="steps=-1; must be at least 0"):
        SamplingConfig(steps=-1)
    with pytest.raises(ValueError, match="steps=0; must be at least 1 for a model without a prior"):
        unet.mel(song, 0, SamplingConfig(steps=0))
    with pytest.raises(ValueError, match=r"start_time=0\.5 for a model without a prior; must be 1"):
        unet.mel(song, 0, SamplingConfig(start_time=0.5))


def test_no_join_shows_where_all_windows_agree(unet, song, monkeypatch):
    """A denoiser that always says the same leaves a flat canvas, joins and all."""
    monkeypatch.setattr(
        "mt3synth.synthesis.song_canvas.denoise_chunk", lambda *args: jnp.full_like(args[5], 0.25)
    )
    mel = unet.mel(song, 0, CONFIG)
    np.testing.assert_allclose(mel, mel[0, 0], atol=1e-5)
