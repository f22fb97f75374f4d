"""A small transcriber of mel frames: what it should hear, what it learns, what is learned by it."""

import dataclasses

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest
from backbone_cases import PERFORMANCES, Noise, batch_of, random_params, spec_of

from mt3synth.audio.mel import MELGAN
from mt3synth.errors import UserError
from mt3synth.mel_networks import TRANSCRIBER, read_for
from mt3synth.models.mel_transcriber import (
    KEYS,
    LOWEST,
    MelTranscriber,
    MelTranscriberConfig,
    should_hear,
)
from mt3synth.symbolic.note_list import COLUMNS
from mt3synth.training.diffusion.config import TrainConfig
from mt3synth.training.diffusion.hearing import HeardScore, Hearing
from mt3synth.training.diffusion.run import run as train
from mt3synth.training.diffusion.step import example_losses
from mt3synth.training.optim.optimizer import OptimizerConfig
from mt3synth.training.transcriber.config import TranscriberTrainConfig
from mt3synth.training.transcriber.run import run
from mt3synth.training.transcriber.scores import Score, count_onsets

SPEC = spec_of("unet_notes")
DRUMS = len(SPEC.roll.groups)
HOPS = MELGAN.window / MELGAN.hop
NETWORK = MelTranscriberConfig(width=64, layers=1)
CONFIG = TranscriberTrainConfig(
    steps=120, batch_size=8, log_every=120, eval_every=120, save_every=120, eval_batches=1,
    validations=0, ema_decay=0.9,
)  # fmt: skip


def tones(size, seed):
    """Makes segments in which a note is a bright bin, louder where it begins."""
    draw = np.random.default_rng(seed)
    batch = batch_of(SPEC, size, seed)
    frames = SPEC.segment_frames
    notes = np.zeros((size, 8, len(COLUMNS)), np.float32)
    mel = np.full((size, frames, MELGAN.bins), -1.0, np.float32)
    for b in range(size):
        for n in range(8):
            onset, length = draw.integers(0, frames - 8), draw.integers(5, 8)
            key = LOWEST + 11 * n
            notes[b, n] = onset + 1, onset + 1 + length, key, 0.8, 0
            mel[b, onset : onset + length, key - LOWEST] = 0.2
            mel[b, onset, key - LOWEST] = 0.8
    return {**batch, "mel": mel, "notes": notes}


class Tones(Noise):
    """Yields such segments without end."""

    def training(self, spec, batch, seed, start, **share):
        number = start
        while True:
            yield tones(batch, number)
            number += 1

    def validation(self, spec, batch):
        yield tones(batch, 12345)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Trains one for a few seconds; returns its folder."""
    folder = tmp_path_factory.mktemp("transcriber")
    jaxtyping.config.update("jaxtyping_disable", True)  # orbax puts other things into the state
    optimizer = OptimizerConfig(learning_rate=1e-2, warmup_steps=10, decay_steps=60)
    run(folder, NETWORK, lambda performances: SPEC, Tones(), CONFIG, optimizer)
    jaxtyping.config.update("jaxtyping_disable", False)
    return folder


def test_what_should_be_heard_is_that_of_a_plain_loop():
    batch = batch_of(SPEC, 2)
    notes, frames = batch["notes"], SPEC.segment_frames
    heard = should_hear(jnp.asarray(notes), frames, HOPS, DRUMS)
    onsets, sounding = np.zeros((2, 2, frames, KEYS))
    for b, rows in enumerate(notes):
        for onset, offset, key, _, instrument in rows:
            if instrument in (-1, DRUMS) or not LOWEST <= key < LOWEST + KEYS:
                continue
            for t in range(frames):
                centre = t + HOPS / 2
                if abs(centre - onset) <= 1:
                    onsets[b, t, int(key) - LOWEST] = 1
                if onset <= centre < offset:
                    sounding[b, t, int(key) - LOWEST] = 1
    assert 0 < onsets.sum() < sounding.sum()
    np.testing.assert_array_equal(heard.onsets, onsets)
    np.testing.assert_array_equal(heard.frames, sounding)


def test_onsets_are_counted_once_on_their_key_and_near_in_time():
    real = np.zeros((1, 30, 2), np.float32)
    real[0, [4, 5, 20], 0] = 1  # a plateau is one onset
    heard = np.zeros_like(real)
    heard[0, [2, 6, 25], 0] = 0.9, 0.8, 0.7  # early by two, the same one again, late by five
    heard[0, 10, 0] = 0.4  # less likely than not
    heard[0, 4, 1] = 0.9  # another key
    assert count_onsets(heard, real) == Score(matched=1, reference=2, heard=4)
    assert count_onsets(real, real).f1 == 1
    assert Score(0, 0, 0).f1 == 0


def test_it_learns_to_hear(trained):
    weights = read_for(trained, TRANSCRIBER, MELGAN)
    batch = tones(8, 777)
    heard = MelTranscriber(weights.config).apply(
        {"params": weights.params}, jnp.asarray(batch["mel"])
    )
    wanted = should_hear(jnp.asarray(batch["notes"]), SPEC.segment_frames, HOPS, DRUMS)
    score = count_onsets(np.asarray(jax.nn.sigmoid(heard.onsets)), np.asarray(wanted.onsets))
    assert score.f1 > 0.8


def test_what_sounds_alike_has_no_loss_and_what_lacks_its_notes_has_one(trained):
    hearing = Hearing(read_for(trained, TRANSCRIBER, MELGAN))
    mel = jnp.asarray(tones(2, 5)["mel"])
    share = jnp.array([1.0, 0.5])
    np.testing.assert_allclose(hearing.losses(mel, mel, share), 0, atol=1e-6)
    silence = jnp.full_like(mel, -1.0)
    missing = hearing.losses(silence, mel, jnp.ones(2))
    assert np.all(missing > 0.1)
    np.testing.assert_allclose(hearing.losses(silence, mel, share), missing * share, rtol=1e-5)
    # Downhill is where the notes are.
    slope = jax.grad(lambda x: jnp.sum(hearing.losses(x, mel, jnp.ones(2))))(silence + 0.5)
    assert np.sum(slope * (mel - silence)) < 0


def test_a_step_adds_what_is_heard(trained):
    hearing, spec = Hearing(read_for(trained, TRANSCRIBER, MELGAN)), SPEC
    batch = jax.tree.map(jnp.asarray, tones(2, 6))
    noise, keep = jax.random.normal(jax.random.key(0), batch["mel"].shape), jnp.ones(2, bool)
    losses = jax.jit(
        lambda params, weight: example_losses(
            spec.build(), spec.diffusion, params, batch, jnp.array([0.2, 0.9]), noise,
            (keep, keep), hearing=hearing, hearing_weight=weight,
        ),
        static_argnums=1,
    )  # fmt: skip
    params = random_params(spec)
    plain, once, twice = (losses(params, weight) for weight in (0.0, 1.0, 2.0))
    assert np.all(once > plain)
    np.testing.assert_allclose(twice - plain, 2 * (once - plain), rtol=1e-3)
    # Of what is nearly noise hardly anything is asked.
    assert (once - plain)[1] < (once - plain)[0]


def test_a_rendering_is_scored_by_what_is_heard_in_it(trained, monkeypatch):
    batch = tones(2, 7)
    score = HeardScore(Hearing(read_for(trained, TRANSCRIBER, MELGAN)), SPEC, batch)
    params = random_params(SPEC)
    monkeypatch.setattr(score, "_render", lambda network, params: jnp.asarray(batch["mel"]))
    assert score.score(params).f1 == 1
    silence = jnp.full(batch["mel"].shape, -1.0)
    monkeypatch.setattr(score, "_render", lambda network, params: silence)
    assert score.score(params).recall == 0


@pytest.mark.slow
@pytest.mark.usefixtures("quickly_compiled")
def test_a_run_learns_and_is_validated_by_it(trained, tmp_path, capsys):
    config = TrainConfig(
        steps=2, batch_size=4, log_every=1, eval_every=2, eval_batches=1, save_every=2,
        validations=0, transcriber=str(trained),
    )  # fmt: skip
    train(tmp_path / "run", lambda performances: SPEC, Tones(), config, OptimizerConfig())
    assert "onsets heard in renderings, F1" in capsys.readouterr().out


def test_what_is_no_transcriber_is_refused(trained, tmp_path):
    with pytest.raises(UserError, match=r"holds no transcriber of mel frames.* transcriber\.json"):
        read_for(tmp_path, TRANSCRIBER, MELGAN)
    other = dataclasses.replace(MELGAN, high_hz=7000.0)
    with pytest.raises(UserError, match="hears other mel frames than the model makes"):
        read_for(trained, TRANSCRIBER, other)
    (tmp_path / TRANSCRIBER.description).write_text('{"config": {"depth": 3}}')
    (tmp_path / TRANSCRIBER.weights).write_bytes((trained / TRANSCRIBER.weights).read_bytes())
    with pytest.raises(UserError, match="describes no transcriber that this version understands"):
        read_for(tmp_path, TRANSCRIBER, MELGAN)


def test_a_network_without_notes_cannot_be_asked_for_them(tmp_path):
    config = TranscriberTrainConfig(steps=1)
    with pytest.raises(UserError, match="NETWORK reads no list of notes"):
        run(
            tmp_path, NETWORK, lambda performances: spec_of("unet"), Tones(), config,
            OptimizerConfig(),
        )  # fmt: skip
    assert len(PERFORMANCES) and not list(tmp_path.iterdir())
