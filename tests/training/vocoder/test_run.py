"""A tiny vocoder and its discriminators: who learns from what, and runs that go on."""

import dataclasses
import itertools
import os
import signal
from functools import partial
from pathlib import Path

import jax
import numpy as np
import optax
import pytest
from vocoder_cases import CONFIG, CRITICS, NETWORK, OPTIMIZER, Tones

from mt3synth.audio.mel import MELGAN
from mt3synth.errors import UserError
from mt3synth.training import loop
from mt3synth.training.optim.time_budget import Budget, BudgetConfig
from mt3synth.training.parallel.mesh import MeshConfig, make_mesh, place_batch
from mt3synth.training.preemption import Stopped
from mt3synth.training.vocoder.config import LossWeights, VocoderTrainConfig
from mt3synth.training.vocoder.learner import VocoderLearner
from mt3synth.training.vocoder.run import run
from mt3synth.training.vocoder.validation import Validation, log_mel_distance
from mt3synth.vocoder.vocos import Vocos

pytestmark = pytest.mark.usefixtures("quick_griffin_lim")


def train(folder: Path, config: VocoderTrainConfig = CONFIG, data=None, **more):
    return run(str(folder), NETWORK, CRITICS, data or Tones(), config, OPTIMIZER, **more)


def same(one, other) -> bool:
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other))
    return all(np.array_equal(a, b) for a, b in pairs)


def learner(folder: Path, weights: LossWeights | None = None) -> VocoderLearner:
    config = dataclasses.replace(CONFIG, weights=weights or LossWeights(), eval_segments=0)
    optimizer = dataclasses.replace(OPTIMIZER, warmup_steps=0, weight_decay=0.0)
    mesh = make_mesh(MeshConfig())
    generator = Vocos(NETWORK, MELGAN)
    validation = Validation(generator, Tones(), config, folder)
    return VocoderLearner(
        generator, CRITICS, Tones(), config, optimizer, optimizer, mesh, validation
    )


@pytest.fixture(scope="module")
def usual(tmp_path_factory) -> VocoderLearner:
    """Compiling its update takes far longer than the update."""
    return learner(tmp_path_factory.mktemp("usual"))


def updated(made: VocoderLearner, step: int, over: str = ""):
    """Returns the parameters before and after an update, and its metrics.

    The learning rate of the part that is ``over`` has come to its end, where it is zero.
    """
    state = made.fresh()
    steps = jax.numpy.full_like(state.step, CONFIG.steps)
    if over == "discriminators":  # whose rate goes by the steps of the run
        state = state.replace(step=steps)
    elif over:
        state.opt_state[over] = optax.tree_utils.tree_set(state.opt_state[over], updates=steps)
    before = jax.device_get(state.params)
    batch = next(made.batches(made.position))
    after, metrics = made.update_after(step)(state, place_batch(batch, made.mesh))
    return before, jax.device_get(after.params), jax.device_get(metrics)


def test_discriminators_wait_until_they_join(usual):
    before, after, metrics = updated(usual, step=2)
    assert same(before["discriminators"], after["discriminators"])
    assert not same(before["generator"], after["generator"])
    assert metrics["adversarial"] == metrics["matching"] == metrics["discriminators"] == 0


def test_each_learns_by_its_own_loss_alone(usual):
    """A part whose rate is zero stays, whatever the other does."""
    before, after, metrics = updated(usual, step=3, over="generator")
    assert same(before["generator"], after["generator"])
    assert not same(before["discriminators"], after["discriminators"])
    assert metrics["discriminators"] > 0 and metrics["adversarial"] > 0
    before, after, _ = updated(usual, step=3, over="discriminators")
    assert same(before["discriminators"], after["discriminators"])
    assert not same(before["generator"], after["generator"])


@pytest.fixture(scope="module")
def critical(tmp_path_factory) -> VocoderLearner:
    """Makes one whose generator learns by nothing but what discriminators say."""
    weights = LossWeights(mel=0.0, mels=0.0, stft=0.0, level=0.0, adversarial=100.0)
    return learner(tmp_path_factory.mktemp("critical"), weights)


def test_discriminators_do_not_learn_by_what_the_generator_learns_by(usual, critical):
    """Their update is the same whatever the generator's losses count; theirs alone moves it."""
    _, one, _ = updated(usual, step=3)
    _, other, metrics = updated(critical, step=3)
    assert same(one["discriminators"], other["discriminators"])
    assert not same(one["generator"], other["generator"])
    assert metrics["gradient_norm"] > 0


@pytest.mark.slow
def test_the_generator_is_not_moved_before_they_join_if_nothing_else_counts(critical):
    _, _, metrics = updated(critical, step=2)
    assert metrics["gradient_norm"] == 0


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    return folder, train(folder)


@pytest.mark.slow
def test_an_interrupted_run_ends_like_an_undisturbed_one(finished, tmp_path):
    class Cut(Tones):
        def training(self, *args, **share):
            yield from itertools.islice(super().training(*args, **share), 5)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, data=Cut())
    resumed = train(tmp_path)
    assert int(resumed.step) == CONFIG.steps
    assert same(jax.device_get(resumed), jax.device_get(finished[1]))


@pytest.mark.slow
@pytest.mark.parametrize("done", [2, 3])
def test_what_was_stopped_before_discriminators_join_goes_on_bit_for_bit(finished, tmp_path, done):
    class Terminated(Tones):
        def training(self, *args, **share):
            batches = super().training(*args, **share)
            yield from itertools.islice(batches, done - 1)
            os.kill(os.getpid(), signal.SIGTERM)
            yield from batches

    config = dataclasses.replace(CONFIG, save_every=100)
    with pytest.raises(Stopped, match=f"stopped by SIGTERM at step {done}, which is saved"):
        train(tmp_path, config, Terminated())
    resumed = train(tmp_path, config)
    assert int(resumed.step) == CONFIG.steps
    assert same(jax.device_get(resumed), jax.device_get(finished[1]))


@pytest.mark.slow
def test_a_budget_holds_though_discriminators_make_steps_slower(tmp_path, monkeypatch, capsys):
    class Clock:
        now = 0.0

        def __call__(self) -> float:
            return self.now

    clock = Clock()

    class Slow(Tones):
        def training(self, *args, **share):
            for number, batch in enumerate(super().training(*args, **share)):
                clock.now += 1.0 if number < 10 else 3.0
                yield batch

    monkeypatch.setattr(loop, "Budget", partial(Budget, clock=clock))
    config = dataclasses.replace(CONFIG, adversarial_from=10, eval_segments=0)
    budget = partial(BudgetConfig, measure_seconds=5.0)
    state = train(tmp_path, config, Slow(), budget=budget, budget_minutes=1.0)
    assert clock.now == pytest.approx(60, rel=0.1)
    for part in ("generator", "discriminators"):
        planned = optax.tree_utils.tree_get(state.opt_state[part], "planned_steps")
        assert int(planned) == int(state.step) < 30
    said = capsys.readouterr().out
    # Nothing is known of the end before there is a plan.
    assert "left" not in said.split("step 4")[0] and "left" in said.split("step 12 of")[1]


def test_the_learning_rates_of_both_end_with_the_run(finished):
    opt_state = finished[1].opt_state
    for part in ("generator", "discriminators"):
        found = optax.tree_utils.tree_get(opt_state[part], "updates")
        assert int(found) == CONFIG.steps


def test_the_folder_says_what_is_trained_and_shows_how_it_sounds(finished):
    folder, _ = finished
    assert {"vocoder.json", "summary.txt", "config.gin"} <= {p.name for p in folder.iterdir()}
    assert list((folder / "samples").glob("*.png"))
    events = b"".join(path.read_bytes() for path in (folder / "tensorboard").iterdir())
    for tag in ("segment_0/mel", "segment_0/vocoder", "segment_0/recording"):
        assert tag.encode() in events
    for tag in ("validation/mel_l1", "griffin_lim/mel_l1", "train/adversarial"):
        assert tag.encode() in events
    with pytest.raises(UserError, match="another configuration"):
        run(
            str(folder),
            dataclasses.replace(NETWORK, width=8),
            CRITICS,
            Tones(),
            CONFIG,
            OPTIMIZER,
        )


def test_a_finished_run_becomes_a_folder_that_a_vocoder_is_read_from(finished, tmp_path):
    from mt3synth.cli import main
    from mt3synth.vocoder import files

    folder, state = finished
    out = tmp_path / "vocoder"
    assert main(["export", "--run", str(folder), "-o", str(out)]) == 0
    read = files.read(out)
    assert read.config == NETWORK and read.spec == MELGAN
    for stored, averaged in zip(jax.tree.leaves(read.params), jax.tree.leaves(state.ema)):
        np.testing.assert_allclose(stored, averaged, rtol=1e-3, atol=1e-6)


def test_a_factor_is_its_logarithm_apart_where_it_is_loud_enough():
    audio = np.random.default_rng(0).standard_normal(32000).astype(np.float32)
    audio[16000:] *= 1e-4  # 80 dB below: does not count
    made = audio * np.float32(1.5)
    made[16320:] = 0
    assert log_mel_distance(made, audio, MELGAN) == pytest.approx(np.log(1.5), abs=0.02)


def test_nothing_is_far_from_silence():
    silence = np.zeros(16000, np.float32)
    assert np.isnan(log_mel_distance(silence, silence, MELGAN))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"batch_size": 0}, "batch_size=0"),
        ({"ema_decay": 1.0}, "ema_decay=1.0"),
        ({"adversarial_from": -1}, "adversarial_from=-1"),
    ],
)
def test_settings_that_cannot_be(fields, message):
    with pytest.raises(ValueError, match=message):
        VocoderTrainConfig(**{"steps": 1, **fields})


@pytest.mark.slow
def test_silence_is_not_examined(tmp_path, capsys):
    class Silent(Tones):
        def validation(self, samples, sample_rate, segments):
            audio = super().validation(samples, sample_rate, 3)
            audio[:quiet] = 0
            return audio

    quiet = 1
    config = dataclasses.replace(CONFIG, steps=1)
    train(tmp_path / "some", config, Silent())
    assert "validation on 2 segments" in capsys.readouterr().out
    quiet = 3
    train(tmp_path / "all", config, Silent())
    said = capsys.readouterr().out
    assert "no sound in a validation split" in said and "nan" not in said


def test_segments_shorter_than_a_transform_are_refused_and_leave_nothing(tmp_path):
    with pytest.raises(ValueError, match=r"frames=3 of 320 samples; .* fft=1280"):
        train(tmp_path / "run", dataclasses.replace(CONFIG, frames=3))
    assert not (tmp_path / "run").exists()
