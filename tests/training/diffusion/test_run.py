"""The trainer learns, stops and goes on; on data made here, with a tiny U-Net."""

import dataclasses
import itertools
import json
import os
import shutil
import signal
import time
from functools import partial

import jax
import numpy as np
import pytest
from hosts_cases import OPTIMIZER, Tones, tiny_spec
from run_scalars import read_all

from mt3synth import bundle as bundles
from mt3synth.bundle import abstract_params
from mt3synth.errors import UserError
from mt3synth.training.checkpoints.best import load_best
from mt3synth.training.diffusion.config import TrainConfig
from mt3synth.training.diffusion.run import run
from mt3synth.training.diffusion.warm_start import adapt_parameters
from mt3synth.training.optim.time_budget import BudgetConfig
from mt3synth.training.preemption import Stopped

CONFIG = TrainConfig(
    steps=12, batch_size=4, log_every=4, eval_every=12, eval_batches=1, save_every=6
)


def leaves_equal(one, other) -> bool:
    same = jax.tree.map(lambda a, b: bool(np.array_equal(a, b)), one, other)
    return all(jax.tree.leaves(same))


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    return folder, run(folder, tiny_spec, Tones(), CONFIG, OPTIMIZER)


@pytest.mark.slow
def test_an_interrupted_run_ends_like_an_undisturbed_one(finished, tmp_path):
    class Cut(Tones):
        def training(self, spec, batch, seed, start, **share):
            yield from itertools.islice(super().training(spec, batch, seed, start, **share), 8)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, tiny_spec, Cut(), CONFIG, OPTIMIZER)
    resumed = run(tmp_path, tiny_spec, Tones(), CONFIG, OPTIMIZER)
    assert int(resumed.step) == CONFIG.steps
    assert leaves_equal(resumed.params, finished[1].params)
    assert leaves_equal(resumed.ema, finished[1].ema)


def scalars(folder, tag: str) -> dict[int, float]:
    """Reads what TensorBoard holds under a tag; of a step that was done twice, the last."""
    return dict(read_all(folder).get(tag, []))


class Terminated(Tones):
    """Sends SIGTERM while the sixth batch is made, as a scheduler that wants its machine back."""

    def training(self, spec, batch, seed, start, **share):
        batches = super().training(spec, batch, seed, start, **share)
        yield from itertools.islice(batches, 5 - start)
        os.kill(os.getpid(), signal.SIGTERM)
        yield from batches


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stopped")
    config = dataclasses.replace(CONFIG, save_every=100)
    with pytest.raises(Stopped, match="stopped by SIGTERM at step 6, which is saved") as caught:
        run(folder, tiny_spec, Terminated(), config, OPTIMIZER, settings=lambda: "A = 1\n")
    assert caught.value.status == 143
    return folder


def test_what_was_stopped_goes_on_and_logs_what_an_undisturbed_run_does(
    finished, stopped, tmp_path
):
    folder = shutil.copytree(stopped, tmp_path / "run")
    resumed = run(folder, tiny_spec, Tones(), CONFIG, OPTIMIZER)
    assert leaves_equal(resumed.params, finished[1].params)
    for tag in ("train/loss", "train/gradient_norm", "validation/loss_at_0.6"):
        expected = scalars(finished[0], tag)
        assert expected and scalars(folder, tag) == expected


@pytest.mark.slow
def test_another_batch_size_goes_on_where_nothing_is_read(stopped, tmp_path, capsys):
    folder = shutil.copytree(stopped, tmp_path / "run")
    config = dataclasses.replace(CONFIG, batch_size=16, steps=7)
    assert int(run(folder, tiny_spec, Tones(), config, OPTIMIZER).step) == 7
    out, err = capsys.readouterr()
    # 24 segments are read, in batches of 4; the second batch of 16 would hold some of them.
    assert "going on from step 6, with batch 2 of the data" in out + err


def test_another_seed_is_refused(stopped):
    with pytest.raises(UserError, match="seed=1, but the run was begun with seed=0"):
        run(stopped, tiny_spec, Tones(), dataclasses.replace(CONFIG, seed=1), OPTIMIZER)


def test_specification_summary_and_settings_lie_in_the_folder(stopped):
    for name in ("model.json", "performances.json", "summary.txt"):
        assert (stopped / name).read_text()
    assert (stopped / "config.gin").read_text() == "A = 1\n"


def test_a_batch_that_the_mesh_does_not_divide_is_refused(tmp_path):
    config = dataclasses.replace(CONFIG, accumulation=3)
    with pytest.raises(UserError, match="batch_size=4 does not divide"):
        run(tmp_path, tiny_spec, Tones(), config, OPTIMIZER)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("held_out", "said"), [(0, True), (3, False)])
def test_little_or_nothing_held_out(held_out, said, tmp_path, capsys):
    """Less than a batch is evaluated as it is; without anything the run says so and goes on."""

    class Few(Tones):
        def validation(self, spec, batch):
            for whole in super().validation(spec, batch):
                if held_out:
                    yield {name: values[:held_out] for name, values in whole.items()}

    config = TrainConfig(steps=1, batch_size=4, eval_every=1, save_every=1)
    assert int(run(tmp_path, tiny_spec, Few(), config, OPTIMIZER).step) == 1
    out, err = capsys.readouterr()
    assert ("no validation split" in out + err) == said
    assert ("validation loss by time" in out + err) != said


def test_a_short_run_is_validated_often_and_keeps_its_best_weights(finished):
    """Ten validations in twelve steps and the last, though the configuration asks for one."""
    folder, state = finished
    measured = scalars(folder, "validation/loss")
    assert len(measured) >= 10 and max(measured) == CONFIG.steps
    params, best, losses = load_best(folder, abstract_params(tiny_spec()))
    assert losses == pytest.approx(measured) and best.loss == min(losses.values())
    if best.step == CONFIG.steps:
        assert leaves_equal(params, state.ema)


def test_a_run_that_begins_with_a_model_validates_it_first(finished, tmp_path):
    """The first loss is the model's own, and a stop does not make it be measured again."""
    config = dataclasses.replace(CONFIG, steps=2)
    run(tmp_path, tiny_spec, Tones(), config, OPTIMIZER, init_from=str(finished[0]))
    measured = scalars(tmp_path, "validation/loss")
    assert list(measured) == [0, 1, 2]
    assert measured[0] == scalars(finished[0], "validation/loss")[12]
    longer = dataclasses.replace(CONFIG, steps=3)
    run(tmp_path, tiny_spec, Tones(), longer, OPTIMIZER, init_from=str(finished[0]))
    assert list(load_best(tmp_path, abstract_params(tiny_spec()))[2]) == [0, 1, 2, 3]


def test_a_folder_of_another_model_is_refused(finished):
    def wider(performances):
        return tiny_spec(performances + 1)

    with pytest.raises(UserError, match="another configuration"):
        run(finished[0], wider, Tones(), CONFIG, OPTIMIZER)


def test_a_loss_that_is_not_finite_stops_the_run_and_keeps_the_last_good_state(tmp_path):
    data = Tones()
    data.broken_from = 9
    with pytest.raises(FloatingPointError, match="up to step 12; the last good state is step 6"):
        run(tmp_path, tiny_spec, data, CONFIG, OPTIMIZER)


def test_a_bundle_lends_its_weights_and_known_performances(finished, tmp_path):
    _, state = finished
    names = [bundles.Performance(**entry) for entry in Tones.performances]
    folder = tmp_path / "bundle"
    bundles.save(folder, tiny_spec(), tuple(names), "low", state.ema, "card")
    wanted = [{"name": "new"}, {"name": "high"}, {"name": "low"}]
    params = adapt_parameters(bundles.load(folder), tiny_spec(3), wanted)
    table = bundles.load(folder).params["performance_embedding"]["embedding"]
    np.testing.assert_allclose(
        params["performance_embedding"]["embedding"], [table.mean(0), table[1], table[0]], rtol=1e-6
    )
    with pytest.raises(UserError, match="window"):
        other = dataclasses.replace(tiny_spec(3), segment_frames=64)
        adapt_parameters(bundles.load(folder), other, wanted)


@pytest.mark.slow
def test_it_learns_which_bin_sounds(tmp_path):
    from mt3synth.training.diffusion.step import make_eval_step
    from mt3synth.training.parallel.mesh import single_device_mesh
    from mt3synth.training.state import init_state_sharded

    spec = tiny_spec()
    config = TrainConfig(steps=600, batch_size=16, eval_every=600, save_every=600, ema_decay=0.9)
    batch = next(Tones().training(spec, 16, 9, 0))
    network = spec.build()
    fresh = init_state_sharded(network, batch, OPTIMIZER.build(1), single_device_mesh(), 0).params
    evaluate = make_eval_step(network, spec.diffusion, seed=0)
    learned = run(tmp_path, tiny_spec, Tones(), config, OPTIMIZER).ema
    # At t = 0.95 nearly all is noise, so only the score can tell the bin.
    assert evaluate(learned, batch)[-1] < 0.2 * evaluate(fresh, batch)[-1]


@pytest.mark.slow
def test_a_budget_of_time_ends_with_a_finished_model(tmp_path):
    config = TrainConfig(steps=1, batch_size=4, log_every=5, eval_every=10**6, save_every=10**6)
    began = time.monotonic()
    run(tmp_path / "one_step", tiny_spec, Tones(), config, OPTIMIZER)
    compiling = time.monotonic() - began
    folder = tmp_path / "run"
    budget = partial(BudgetConfig, measure_seconds=2.0)
    state = run(folder, tiny_spec, Tones(), config, OPTIMIZER, budget=budget, budget_minutes=0.4)
    assert len(load_best(folder, abstract_params(tiny_spec()))[2]) >= 10
    spent = json.loads((folder / "budget.json").read_text())["spent_seconds"]
    # On a busy machine compiling alone may take longer than the budget.
    assert 0.5 * 24 < spent < 1.2 * max(24, 2 * compiling)
    rates = scalars(folder, "train/learning_rate")
    assert max(rates.values()) == pytest.approx(3e-3) and rates[int(state.step)] == 0.0
