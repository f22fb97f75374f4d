"""Notes with curves in the note encoder: against plain loops, and as plain notes where none is."""

import dataclasses
from functools import partial

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mt3synth.audio.mel import MELGAN, log_mel
from mt3synth.models import note_encoder
from mt3synth.models.mel_shift import MelAxis, shift_spectra
from mt3synth.models.note_encoder import MEL_AXIS, NoteEncoder, NotePriorConfig
from mt3synth.models.note_envelopes import NoteRows, hats
from mt3synth.symbolic.groups import DEFAULT_GROUPS
from mt3synth.symbolic.note_curves import NoteCurves
from mt3synth.symbolic.note_list import SongNoteList, pad_rows
from mt3synth.symbolic.notes import Notes

BINS, FRAMES = 24, 32
PLAIN = NotePriorConfig(instruments=len(DEFAULT_GROUPS) + 1, width=12, key_width=4, features=5,
                        exponent=2.0)  # fmt: skip
CURVED = dataclasses.replace(PLAIN, curves=True)
CONDITION = np.random.default_rng(1).normal(size=(1, 8)).astype(np.float32)
AXIS = MelAxis(MELGAN.bins, **{name: getattr(MELGAN, name) for name in MEL_AXIS})
TIMES = jnp.arange(FRAMES, dtype=jnp.float32)[None]


def notes(*curves) -> Notes:
    count = len(curves)
    same = np.ones(count, int)
    start = 0.05 + 0.1 * np.arange(count)
    made = Notes(start, start + 0.4, 60 + 3 * np.arange(count), 80 * same, 40 * same, same == 0)
    return made.with_curves(NoteCurves.of([tuple(map(np.array, each)) for each in curves]))


SLIDE = ([0.0, 0.1, 0.3], [0.0, 0.3, 0.9], [1.0, 0.4, 1.5])
FLAT = ([0.0], [-0.4], [0.5])
NONE = ([0.0], [0.0], [1.0])


def rows_of(song: Notes, curves: bool = True) -> np.ndarray:
    return pad_rows([SongNoteList(song, DEFAULT_GROUPS, 50.0, curves=curves).segment(0, FRAMES)])


def fresh_params(encoder: NoteEncoder, rows: np.ndarray):
    given = jnp.asarray(rows), jnp.asarray(CONDITION), TIMES
    return nn.meta.unbox(jax.jit(encoder.init)(jax.random.key(0), *given))


def changed_params(encoder: NoteEncoder, rows: np.ndarray):
    draw = np.random.default_rng(0)
    fresh = fresh_params(encoder, rows)
    return jax.tree.map(lambda x: np.float32(x + 0.3 * draw.normal(size=x.shape)), fresh)


@pytest.fixture(scope="module")
def params():
    return changed_params(NoteEncoder(CURVED, BINS), rows_of(notes(SLIDE)))


@partial(jax.jit, static_argnums=0)
def sketch(config: NotePriorConfig, params, rows):
    return NoteEncoder(config, BINS).apply(params, rows, jnp.asarray(CONDITION), TIMES)


def power(config: NotePriorConfig, params, rows: np.ndarray) -> np.ndarray:
    """The power of a sketch above its floor."""
    nobody = np.zeros_like(rows)
    nobody[..., 4] = -1
    made = []
    for each in (rows, nobody):
        unit = (sketch(config, params, each).mean + 1) / 2
        made.append(np.exp(2 * (unit * (PLAIN.range_high - PLAIN.range_low) + PLAIN.range_low)))
    return made[0] - made[1]


def test_plain_notes_are_what_they_are_without_curves(params):
    song = notes(NONE, NONE, NONE)
    plain = {"params": {k: v for k, v in params["params"].items() if k != "bent"}}
    ours = sketch(CURVED, params, rows_of(song))
    theirs = sketch(PLAIN, plain, rows_of(song, False))
    np.testing.assert_allclose(ours.mean, theirs.mean, atol=1e-6)
    np.testing.assert_allclose(ours.features, theirs.features, rtol=1e-5, atol=1e-6)


def test_fresh_parameters_change_nothing_yet():
    fresh, plain = (
        fresh_params(NoteEncoder(config, BINS), rows_of(notes(SLIDE), config.curves))["params"]
        for config in (CURVED, PLAIN)
    )
    # All others are those of an encoder without curves.
    assert not np.any(fresh.pop("bent")["kernel"])
    assert jax.tree.map(jnp.shape, fresh) == jax.tree.map(jnp.shape, plain)


def test_a_curve_is_faded_from_knot_to_knot_as_a_loop_does(params):
    """Each knot by itself over all the note, then faded by hand."""
    made = power(CURVED, params, rows_of(notes(SLIDE)))[0]
    # Under a frame's window, by its power.
    places = (np.arange(2000) + 0.5) / 2000
    window = np.sin(np.pi * places) ** 4
    at = (np.arange(FRAMES)[:, None] + PLAIN.window_hops * places) / 50 - 0.05
    expected = np.zeros_like(made)
    for knot in range(3):
        alone = power(CURVED, params, rows_of(notes(([0.0], [SLIDE[1][knot]], [SLIDE[2][knot]]))))
        for frame in range(FRAMES):
            share = np.average(np.interp(at[frame], SLIDE[0], np.eye(3)[knot]), weights=window)
            expected[frame] += share * alone[0, frame]
    np.testing.assert_allclose(made, expected, rtol=2e-2, atol=1e-4 * made.max())


def test_hats_of_a_note_add_up_to_one():
    rows = NoteRows.of(jnp.asarray(rows_of(notes(SLIDE, FLAT, NONE))))
    found = np.asarray(hats(rows.knots, TIMES, 2.0))[0]
    np.testing.assert_allclose(found[:3].sum(axis=0), 1, atol=1e-6)
    np.testing.assert_array_equal(found[3:5], 1)


def test_gain_is_a_factor_of_the_amplitude(params):
    loud = power(CURVED, params, rows_of(notes(([0.0], [0.3], [1.0]))))
    soft = power(CURVED, params, rows_of(notes(([0.0], [0.3], [0.5]))))
    np.testing.assert_allclose(soft, 0.25 * loud, rtol=1e-2, atol=1e-5 * loud.max())


def test_a_knot_takes_the_nearest_key_and_a_drum_its_own():
    rows = rows_of(notes(([0.0], [1.7], [1.0])))
    made = NoteRows.of(jnp.asarray(rows))
    assert made.key[0, 0] == 62 and made.knots.fine[0, 0] == pytest.approx(-0.3, abs=1e-5)
    as_drum = NoteRows.of(jnp.asarray(rows), drums=int(rows[0, 0, 4]))
    assert as_drum.key[0, 0] == 60 and as_drum.knots.fine[0, 0] == pytest.approx(1.7)


@pytest.mark.parametrize("count", [3, 8])
def test_knots_are_summed_in_turns(params, monkeypatch, count):
    rows = rows_of(notes(*[SLIDE, FLAT, NONE] * 3))[:, :count]
    at_once = sketch(CURVED, params, rows).mean
    monkeypatch.setattr(note_encoder, "NOTES_AT_ONCE", 2)
    # A function of its own: what is compiled already would not look at the number again.
    in_turns = jax.jit(lambda given: sketch.__wrapped__(CURVED, params, given))(rows).mean
    np.testing.assert_allclose(in_turns, at_once, atol=1e-5)


def test_gradients_are_finite_and_reach_what_is_new(params):
    song = rows_of(notes(SLIDE, NONE))
    grads = jax.grad(lambda p: jnp.sum(sketch(CURVED, p, song).mean ** 2))(params)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(grads))
    assert np.abs(grads["params"]["bent"]["kernel"]).max() > 0


@pytest.mark.parametrize("cents", [-50, -20, 35, 50])
@pytest.mark.parametrize("key", [50, 57, 69, 81])
def test_a_moved_spectrum_is_that_of_a_moved_tone(key, cents):
    """Compares with a real tone of ten partials at the other pitch, where it is loud."""

    def frame(f0: float) -> np.ndarray:
        at = np.arange(3200) / 16_000
        tone = sum(np.sin(2 * np.pi * f0 * k * at + k) / k for k in range(1, 11) if f0 * k < 7500)
        return log_mel(0.1 * tone, MELGAN)[3]

    hertz = 440 * 2 ** ((key - 69) / 12)
    there, target = frame(hertz), frame(hertz * 2 ** (cents / 1200))

    def moved(semitones: float, is_pitched: bool = True) -> np.ndarray:
        one = jnp.ones((1, 1))
        keys, pitched = key * one.astype(jnp.int32), one * is_pitched > 0
        spectrum = jnp.asarray(there)[None, None, None]
        return np.asarray(shift_spectra(spectrum, keys, semitones * one, pitched, AXIS))[0, 0, 0]

    loud = target > target.max() - 3  # 26 dB
    away = np.abs(there - target)[loud].mean()
    assert np.abs(moved(cents / 100) - target)[loud].mean() < 0.35 * away
    # By interpolation alone, as of what has no partials, it is nearer, too, but not as near.
    alone = np.abs(moved(cents / 100, is_pitched=False) - target)[loud].mean()
    assert np.abs(moved(cents / 100) - target)[loud].mean() < alone < away
    np.testing.assert_array_equal(moved(0.0), there)


def test_rows_of_the_other_kind_are_refused(params, as_released):
    with pytest.raises(ValueError, match="rows of 5 numbers for curves=True"):
        sketch(CURVED, params, rows_of(notes(NONE), False))
