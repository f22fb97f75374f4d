"""Our trainer's step and t5x's on the same batches: gradients, losses, averages, checkpoints.

Dropout is off; times, noise and condition drops come from a step's key and the example's place.
"""

from types import SimpleNamespace

import flax
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax.traverse_util import flatten_dict
from t5x_cases import batch_of, tiny_spec

pytest.importorskip("t5x", reason="t5x is not installed: it comes from its repository, docs/t5x.md")

from t5x import checkpoints, partitioning, trainer, utils

from mt3synth import bundle
from mt3synth.adapters.t5x_axes import logical_axis_rules
from mt3synth.adapters.t5x_checkpoints import load_averaged, save_parameters
from mt3synth.adapters.t5x_model import DiffusionModel
from mt3synth.adapters.t5x_optimizer import AveragingOptimizer, average_parameters, learning_rate
from mt3synth.symbolic.notes import Notes
from mt3synth.synthesis import SamplingConfig, Synthesizer
from mt3synth.training.diffusion.step import EVAL_TIMES, make_eval_step, make_train_step
from mt3synth.training.optim.optimizer import OptimizerConfig
from mt3synth.training.parallel.mesh import single_device_mesh
from mt3synth.training.state import init_state_sharded
from mt3synth.vocoder.griffin_lim import GriffinLim

SEED, SIZE, STEPS = 5, 4, 20
CONFIG = OptimizerConfig(learning_rate=1e-3, warmup_steps=4, decay_steps=4)
HOW = dict(condition_drop=0.25, time_power=0.5)
EMA = 0.8


class Recording(AveragingOptimizer):
    """Also keeps the gradients of the last step."""

    def __init__(self) -> None:
        super().__init__(CONFIG, STEPS, EMA)
        learner = optax.chain(recorder(), CONFIG.build(STEPS))
        self.optax_optimizer = optax.chain(learner, average_parameters(EMA))


def recorder() -> optax.GradientTransformation:
    """Passes gradients on and keeps them."""

    def init(params):
        return {"last": jax.tree.map(jnp.zeros_like, params)}

    return optax.GradientTransformation(
        init, lambda grads, state, params=None: (grads, {"last": grads})
    )


class Theirs:
    """t5x's trainer as ``t5x.train`` puts it together."""

    def __init__(self, spec, optimizer):
        self.model = DiffusionModel(spec, lambda **more: None, spec.features, optimizer, **HOW)
        self.partitioner = partitioning.PjitPartitioner(
            num_partitions=1, logical_axis_rules=logical_axis_rules()
        )
        shapes = {name: value.shape for name, value in batch_of(spec, SIZE, 0).items()}
        self.initializer = utils.TrainStateInitializer(
            optimizer, self.model.get_initial_variables, shapes, self.partitioner
        )
        self.first = self.initializer.from_scratch(jax.random.PRNGKey(SEED))
        self.params = jax.tree.map(np.array, self.first.params)
        self.trainer = trainer.Trainer(
            model=self.model,
            train_state=self.first,
            partitioner=self.partitioner,
            train_state_axes=self.initializer.train_state_axes,
            eval_names=["eval"],
            summary_dir=None,
            rng=jax.random.PRNGKey(SEED),
            learning_rate_fn=learning_rate(CONFIG, STEPS),
            num_microbatches=None,
        )

    def step(self, batch):
        """Updates once; the loss."""
        summary = self.trainer.train(iter([batch]), 1).result()
        return float(summary["loss"].value)


def ours(spec, optimizer):
    """Our step, and the state before the first."""
    network, mesh = spec.build(), single_device_mesh()
    state = init_state_sharded(network, batch_of(spec, SIZE, 0), optimizer, mesh, SEED)
    step = make_train_step(
        network, spec.diffusion, optimizer, ema_decay=EMA, seed=SEED, mesh=mesh, **HOW
    )
    return step, state


@pytest.fixture(scope="module", params=["unet", "t5"])
def spec(request):
    return tiny_spec(request.param)


def assert_close(one, other, rtol):
    """Checks that every array is within ``rtol`` of the other's largest entry."""
    one, other = (flatten_dict(jax.tree.map(np.asarray, tree)) for tree in (one, other))
    assert one.keys() == other.keys()
    for path in one:
        scale = max(float(np.abs(other[path]).max()), 1e-12)
        np.testing.assert_allclose(
            one[path] / scale, other[path] / scale, rtol=0, atol=rtol, err_msg="/".join(path)
        )


@pytest.fixture(scope="module")
def trained(spec):
    """Trains both for 20 steps, and keeps what was seen on the way."""
    theirs = Theirs(spec, Recording())
    step, state = ours(spec, optax.chain(recorder(), CONFIG.build(STEPS)))
    first = jax.tree.map(np.array, state.params)
    losses, grads = [], []
    for number in range(STEPS):
        batch = batch_of(spec, SIZE, number % 3)
        loss = theirs.step(batch)
        state, metrics = step(state, batch)
        losses.append((loss, float(metrics["loss"])))
        if not number:
            their_states = theirs.trainer.train_state.param_states
            pair = their_states[0][0]["last"], state.opt_state[0]["last"]
            grads = [jax.tree.map(np.array, each) for each in pair]
    return SimpleNamespace(
        theirs=theirs, state=state, first=first, losses=np.array(losses), grads=grads
    )


def test_first_parameters_and_gradients_are_the_same(trained):
    assert_close(trained.theirs.params, trained.first, 0)
    theirs, ours = trained.grads
    assert max(np.abs(g).max() for g in jax.tree.leaves(ours)) > 1e-3
    assert_close(theirs, ours, 1e-5)


def test_twenty_steps_have_the_same_losses_and_averages(trained):
    np.testing.assert_allclose(trained.losses[:, 0], trained.losses[:, 1], rtol=1e-4)
    kernel = ("performance_embedding", "embedding")
    moved, before = (flatten_dict(tree)[kernel] for tree in (trained.state.params, trained.first))
    assert np.abs(moved - before).max() > 1e-3  # each step moves it by about the learning rate
    average = trained.theirs.trainer.train_state.param_states[1].average
    assert_close(average, trained.state.ema, 1e-4)


def test_checkpoint_to_bundle_to_audio_and_back(trained, spec, tmp_path):
    theirs, state = trained.theirs, trained.state
    run = tmp_path / "run"
    run.mkdir()
    manager = checkpoints.OrbaxCheckpointManagerInterface(
        str(run), theirs.initializer.global_train_state_shape, theirs.partitioner
    )
    manager.save(theirs.trainer.train_state)
    manager.wait_until_finished()
    params, step = load_averaged(run, bundle.abstract_params(spec))
    assert step == STEPS
    assert_close(params, state.ema, 1e-4)

    performances = tuple(bundle.Performance(i, name, name) for i, name in enumerate("ab"))
    bundle.save(tmp_path / "bundle", spec, performances, "a", params, "")
    loaded = bundle.load(tmp_path / "bundle")
    notes = Notes(
        start=np.array([0.0, 0.3]),
        end=np.array([0.3, 0.5]),
        pitch=np.array([60, 64]),
        velocity=np.array([90, 90]),
        program=np.array([0, 0]),
        is_drum=np.zeros(2, bool),
    )
    config = SamplingConfig(steps=3, overlap=8, tail=0.1)
    log_mel = Synthesizer(loaded.spec, loaded.params).mel(notes, 1, config)
    audio = GriffinLim(spec.mel, iterations=2)(log_mel)
    assert len(audio) >= 0.6 * 16000 - 640
    assert np.isfinite(audio).all() and np.abs(audio).max() > 0

    path = save_parameters(tmp_path / "again", loaded.params)
    shapes = {name: value.shape for name, value in batch_of(spec, SIZE, 0).items()}
    initializer = utils.TrainStateInitializer(
        None, theirs.model.get_initial_variables, shapes, theirs.partitioner
    )
    restored, _ = utils.create_checkpoint_manager_and_restore(
        initializer,
        theirs.partitioner,
        utils.RestoreCheckpointConfig(path=str(path), mode="specific", strict=False),
        str(path),
        None,
        use_orbax=True,
    )
    assert_close(dict(restored.params), loaded.params, 0)


def test_evaluation_is_that_of_our_trainer(trained, spec):
    theirs = trained.theirs
    batch = batch_of(spec, SIZE, 9)
    params = flax.core.unfreeze(theirs.trainer.train_state.params)
    expected = np.asarray(make_eval_step(spec.build(), spec.diffusion, seed=0)(params, batch))
    values = theirs.trainer.eval({"eval": iter([batch])})["eval"]
    found = [float(values[f"loss_at_{time:g}"].value) for time in EVAL_TIMES]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert float(values["loss"].value) == pytest.approx(expected.mean(), rel=1e-5)


def test_microbatches_add_up_to_the_mean(trained, spec, monkeypatch):
    theirs = trained.theirs
    monkeypatch.setattr(theirs.model, "microbatches", 2)
    batch, key = jax.device_put(batch_of(spec, SIZE, 2)), jax.random.PRNGKey(0)
    halves = [{k: v[i : i + 2] for k, v in batch.items()} for i in (0, 2)]
    parts = [theirs.model.loss_fn(theirs.params, half, key) for half in halves]
    means = [float(metrics["loss"].compute()) for _, metrics in parts]
    assert sum(float(loss) for loss, _ in parts) == pytest.approx(np.mean(means), rel=1e-6)


def test_segments_are_sampled_and_scored(trained, spec, monkeypatch):
    theirs = trained.theirs
    monkeypatch.setattr(theirs.model, "sampling", SamplingConfig(steps=2))
    batch = jax.device_put(batch_of(spec, SIZE, 3))
    frames = theirs.model.predict_batch(theirs.params, batch, jax.random.PRNGKey(1))
    assert frames.shape == batch["mel"].shape
    assert float(jnp.abs(frames).max()) <= 1.0
    assert theirs.model.score_batch(theirs.params, batch).shape == (SIZE, 4)


def test_a_run_can_be_lengthened():
    params, config = {"w": jnp.ones(3)}, OptimizerConfig(1e-2, warmup_steps=0, decay_steps=1)
    moved = []
    short, long = (AveragingOptimizer(config, steps) for steps in (2, 6))
    state = short.init_state(params)
    for optimizer in (short, short, short, long):
        new, state = optimizer.apply_gradient(None, params, state, params)
        moved.append(float(jnp.abs(new["w"] - params["w"]).max()))
    assert moved[2] == 0.0  # beyond the end
    assert moved[3] == pytest.approx(moved[0], rel=0.1)
