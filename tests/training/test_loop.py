"""The trainer learns, stops and goes on; on data made here, with a tiny U-Net."""

import itertools
from functools import partial

import jax
import numpy as np
import pytest

from mt3synth import bundle as bundles
from mt3synth.audio.mel import MELGAN
from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.errors import UserError
from mt3synth.model_spec import ModelSpec, make_spec
from mt3synth.models.unet import UNetConfig
from mt3synth.symbolic.codec import EventCodec
from mt3synth.symbolic.groups import DEFAULT_GROUPS
from mt3synth.symbolic.roll import RollSpec
from mt3synth.training.loop import TrainConfig, train
from mt3synth.training.optimizer import OptimizerConfig
from mt3synth.training.warm_start import parameters_from_bundle

CONFIG = TrainConfig(
    steps=12, batch_size=4, log_every=4, eval_every=12, eval_batches=1, save_every=6
)
OPTIMIZER = OptimizerConfig(learning_rate=3e-3, warmup_steps=2, decay_steps=4)


def tiny_spec(performances: int = 2) -> ModelSpec:
    shape = partial(
        UNetConfig, widths=(16, 16), blocks=1, attention_levels=(), roll_width=8, condition_width=4
    )
    return make_spec(
        shape,
        mel=MELGAN,
        roll=RollSpec(groups=DEFAULT_GROUPS),
        codec=EventCodec(127),
        performances=performances,
        diffusion=DiffusionSpec(),
        window=32,
    )


class Tones:
    """Frames that are loud exactly in the bin that the roll and the performance say."""

    performances = [  # noqa: RUF012
        {"index": 0, "name": "low", "description": "as written"},
        {"index": 1, "name": "high", "description": "one up"},
    ]
    broken_from: int | None = None

    def training(self, spec, batch, seed, start):
        for number in itertools.count(start):
            rng = np.random.default_rng([seed, number])
            key = rng.integers(0, 88, batch)
            performance = rng.integers(0, 2, batch).astype(np.int32)
            mel = np.full((batch, spec.window, spec.mel.bins), -1, np.float32)
            roll = np.zeros((batch, spec.window, spec.roll.channels), np.float32)
            mel[np.arange(batch), :, key + performance] = 1
            roll[np.arange(batch), :, spec.roll.pooled_start + 88 + key] = 1
            if self.broken_from is not None and number >= self.broken_from:
                mel[:] = np.nan
            yield {"mel": mel, "roll": roll, "performance": performance}

    def validation(self, spec, batch):
        return itertools.islice(self.training(spec, batch, 1, 0), 2)


def leaves_equal(one, other) -> bool:
    same = jax.tree.map(lambda a, b: bool(np.array_equal(a, b)), one, other)
    return all(jax.tree.leaves(same))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    return folder, train(tiny_spec(), CONFIG, OPTIMIZER, Tones(), folder)


def test_an_interrupted_run_ends_like_an_undisturbed_one(finished, tmp_path):
    class Cut(Tones):
        def training(self, spec, batch, seed, start):
            yield from itertools.islice(super().training(spec, batch, seed, start), 8)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(tiny_spec(), CONFIG, OPTIMIZER, Cut(), tmp_path)
    resumed = train(tiny_spec(), CONFIG, OPTIMIZER, Tones(), tmp_path)
    assert int(resumed.step) == CONFIG.steps
    assert leaves_equal(resumed.params, finished[1].params)
    assert leaves_equal(resumed.ema, finished[1].ema)


def test_scalars_and_specification_lie_in_the_folder(finished):
    folder, _ = finished
    assert (folder / "model.json").is_file() and (folder / "performances.json").is_file()
    assert list((folder / "tensorboard").iterdir())


@pytest.mark.parametrize(("held_out", "said"), [(0, True), (3, False)])
def test_little_or_nothing_held_out(held_out, said, tmp_path, capsys):
    """Less than a batch is evaluated as it is; without anything the run says so and goes on."""

    class Few(Tones):
        def validation(self, spec, batch):
            for whole in super().validation(spec, batch):
                if held_out:
                    yield {name: values[:held_out] for name, values in whole.items()}

    config = TrainConfig(steps=2, batch_size=4, eval_every=1, save_every=2)
    assert int(train(tiny_spec(), config, OPTIMIZER, Few(), tmp_path).step) == 2
    out, err = capsys.readouterr()
    assert ("no validation split" in out + err) == said
    assert ("validation loss by time" in out + err) != said


def test_a_folder_of_another_model_is_refused(finished):
    with pytest.raises(UserError, match="another configuration"):
        train(tiny_spec(3), CONFIG, OPTIMIZER, Tones(), finished[0])


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_last_good_state(tmp_path):
    data = Tones()
    data.broken_from = 9
    with pytest.raises(FloatingPointError, match="up to step 12; the last good state is step 6"):
        train(tiny_spec(), CONFIG, OPTIMIZER, data, tmp_path)


def test_a_bundle_lends_its_weights_and_known_performances(finished, tmp_path):
    _, state = finished
    names = [bundles.Performance(**entry) for entry in Tones.performances]
    folder = tmp_path / "bundle"
    bundles.save(folder, tiny_spec(), tuple(names), "low", state.ema, "card")
    wanted = [{"name": "new"}, {"name": "high"}, {"name": "low"}]
    params = parameters_from_bundle(folder, tiny_spec(3), wanted)
    table = bundles.load(folder).params["performance_embedding"]["embedding"]
    np.testing.assert_allclose(
        params["performance_embedding"]["embedding"], [table.mean(0), table[1], table[0]], rtol=1e-6
    )
    with pytest.raises(UserError, match="window"):
        import dataclasses

        parameters_from_bundle(folder, dataclasses.replace(tiny_spec(3), window=64), wanted)


@pytest.mark.slow
def test_it_learns_which_bin_sounds(tmp_path):
    from mt3synth.training.loop import example_inputs
    from mt3synth.training.state import init_params
    from mt3synth.training.step import make_eval_step

    spec = tiny_spec()
    config = TrainConfig(steps=600, batch_size=16, eval_every=600, save_every=600, ema_decay=0.9)
    batch = next(Tones().training(spec, 16, 9, 0))
    network = spec.build()
    fresh = init_params(network, example_inputs(batch), jax.random.key(0))
    evaluate = make_eval_step(network, spec.diffusion, seed=0)
    learned = train(spec, config, OPTIMIZER, Tones(), tmp_path).ema
    # At t = 0.95 nearly all is noise, so only the score can tell the bin.
    assert evaluate(learned, batch)[-1] < 0.2 * evaluate(fresh, batch)[-1]
