"""The note encoder against a plain loop over notes, and what its sketch may depend on."""

import dataclasses
import math

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mt3synth.models import note_encoder
from mt3synth.models.note_encoder import NoteEncoder, NotePriorConfig
from mt3synth.models.note_envelopes import (
    DECAYS,
    RELEASES,
    RISES,
    NoteRows,
    envelopes,
    onset_share,
)

BINS, FRAMES = 6, 24
CONFIG = NotePriorConfig(instruments=3, width=12, key_width=4, features=5)
ENCODER = NoteEncoder(CONFIG, BINS)
NOTES = np.array(
    [
        [[2.3, 9.7, 60, 0.5, 0], [2.3, 9.7, 64, 0.9, 1], [-30.0, -2.5, 30, 1.0, 2]],
        [[5.0, 5.0, 127, 0.1, 1], [0, 0, 0, 0, -1], [0, 0, 0, 0, -1]],
    ],
    np.float32,
)
CONDITION = np.random.default_rng(1).normal(size=(2, 8)).astype(np.float32)
TIMES = jnp.tile(jnp.arange(FRAMES, dtype=jnp.float32), (2, 1))


@pytest.fixture(scope="module")
def params():
    fresh = nn.meta.unbox(jax.jit(ENCODER.init)(jax.random.key(0), NOTES, CONDITION, TIMES))
    draw = np.random.default_rng(0)
    return jax.tree.map(lambda x: np.float32(x + 0.3 * draw.normal(size=x.shape)), fresh)


@jax.jit
def sketch(params, notes=NOTES, condition=CONDITION):
    return ENCODER.apply(params, jnp.asarray(notes), jnp.asarray(condition), TIMES)


def envelope_by_hand(onset, offset, frame):
    """Follows one note at one frame, from a window of two hops that begins with the frame."""
    window = np.sin(np.pi * (np.arange(2000) + 0.5) / 2000) ** 2
    at = frame + 2 * (np.arange(2000) + 0.5) / 2000
    started = window[at >= onset].sum() / window.sum()
    ended = window[at >= offset].sum() / window.sum()
    since, after = frame + 1 - onset, frame + 1 - offset
    age, silence, length = max(since, 0), max(after, 0), offset - onset
    held = started * (1 - ended)
    parts = [np.cos(np.pi * np.clip(since, -1, 1) / 2) ** 2, held]
    parts += [held * math.exp(-age / tau) for tau in DECAYS]
    for tau in RISES:
        parts.append(started * (1 - math.exp(-min(age, length) / tau)) * math.exp(-silence / tau))
    parts += [ended * math.exp(-silence / tau) for tau in RELEASES]
    return parts


def test_envelopes_are_those_of_a_loop():
    made = jax.jit(lambda notes: envelopes(NoteRows.of(notes), TIMES, 2.0))(NOTES)
    for song, note in ((0, 0), (0, 2), (1, 0)):
        onset, offset = NOTES[song, note, :2]
        for frame in range(0, FRAMES, 3):
            np.testing.assert_allclose(
                made[song, note, :, frame], envelope_by_hand(onset, offset, frame), atol=2e-3
            )
    assert not np.any(made[1, 1:])


def test_a_tone_fills_a_window_from_its_onset_on():
    np.testing.assert_allclose(
        onset_share(jnp.array([-1.0, 0.0, 1.0, 5.0, -5.0]), 2.0), [0, 0.5, 1, 1, 0], atol=1e-6
    )


@pytest.mark.parametrize("exponent", [1.0, 2.0])
def test_notes_add_up_as_magnitudes_or_as_powers(params, exponent):
    """Adds the sketches of three notes by themselves up above one floor."""
    encoder = NoteEncoder(dataclasses.replace(CONFIG, exponent=exponent), BINS)

    @jax.jit
    def summed(notes):
        found = encoder.apply(params, jnp.asarray(notes), jnp.asarray(CONDITION), TIMES)
        unit = (found.mean + 1) / 2
        extent = CONFIG.range_high - CONFIG.range_low
        return jnp.exp(exponent * (unit * extent + CONFIG.range_low))

    nobody = np.zeros_like(NOTES)
    nobody[..., 4] = -1
    floor = summed(nobody)
    alone = []
    for note in range(3):
        only = nobody.copy()
        only[:, note] = NOTES[:, note]
        alone.append(summed(only) - floor)
    np.testing.assert_allclose(summed(NOTES), sum(alone) + floor, rtol=4e-3)


def test_order_and_padding_do_not_count(params):
    padding = np.zeros((2, 4, 5), np.float32)
    padding[..., 4] = -1
    padding[..., 2] = 99
    shuffled = np.concatenate([padding, NOTES[:, ::-1]], axis=1)
    for name in ("mean", "features"):
        np.testing.assert_allclose(
            getattr(sketch(params, shuffled), name), getattr(sketch(params), name), atol=1e-4
        )


@pytest.mark.parametrize("count", [4, 5, 8])
def test_any_number_of_notes_is_summed_in_turns(params, monkeypatch, count):
    many = np.tile(NOTES, (1, 3, 1))[:, :count]
    at_once = sketch(params, many)
    monkeypatch.setattr(note_encoder, "NOTES_AT_ONCE", 4)
    # A function of its own: what is compiled already would not look at the number again.
    given = jnp.asarray(many), jnp.asarray(CONDITION), TIMES
    in_turns = jax.jit(lambda p: ENCODER.apply(p, *given))(params)
    np.testing.assert_allclose(in_turns.mean, at_once.mean, atol=1e-5)
    np.testing.assert_allclose(in_turns.features, at_once.features, rtol=1e-4, atol=1e-4)


def test_turns_need_no_parameters_of_their_own(params, monkeypatch):
    monkeypatch.setattr(note_encoder, "NOTES_AT_ONCE", 2)
    fresh = ENCODER.init(jax.random.key(0), jnp.asarray(NOTES), jnp.asarray(CONDITION), TIMES)
    assert jax.tree.map(jnp.shape, nn.meta.unbox(fresh)) == jax.tree.map(jnp.shape, params)


def test_everything_about_a_note_counts(params):
    base = sketch(params).mean
    for column, value in enumerate((4.0, 15.0, 61, 0.8, 2)):
        changed = NOTES.copy()
        changed[0, 0, column] = value
        assert np.abs(sketch(params, changed).mean - base)[0].max() > 1e-3, column
    assert np.abs(sketch(params, condition=CONDITION[::-1]).mean - base).max() > 1e-3


def test_gradients_are_finite_where_nothing_sounds(params):
    silence = np.zeros_like(NOTES)
    silence[..., 4] = -1
    grads = jax.jit(jax.grad(lambda p: jnp.sum(sketch(p, silence).mean ** 2)))(params)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(grads))


def test_bad_shapes_are_refused(as_released):
    with pytest.raises(ValueError, match="width=0; must be at least 1"):
        NotePriorConfig(instruments=3, width=0)
    with pytest.raises(ValueError, match="deviation=0; must be positive"):
        NotePriorConfig(instruments=3, deviation=0)
    with pytest.raises(ValueError, match=r"exponent=0\.0; must be positive"):
        NotePriorConfig(instruments=3, exponent=0.0)
