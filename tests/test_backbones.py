"""What a model can do it can do with either backbone in all its forms."""

from __future__ import annotations

import dataclasses
import json
from itertools import islice
from pathlib import Path
from typing import Any

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from backbone_cases import (
    FORMS,
    PERFORMANCES,
    READS,
    SONG,
    Noise,
    batch_of,
    random_params,
    spec_of,
)
from flax.traverse_util import flatten_dict

from mt3synth import bundle as bundles
from mt3synth import cli
from mt3synth.diffusion.guidance import Guidance
from mt3synth.model_spec import ModelSpec
from mt3synth.models.conditions import example_inputs
from mt3synth.symbolic.midi import write_midi
from mt3synth.synthesis import SamplingConfig, Synthesizer
from mt3synth.training.diffusion.config import TrainConfig
from mt3synth.training.diffusion.run import run
from mt3synth.training.diffusion.step import make_train_step
from mt3synth.training.optim.optimizer import OptimizerConfig
from mt3synth.training.state import init_state

SAMPLING = SamplingConfig(steps=2, overlap=8, tail=0.0, chunk=2)
TRAINING = TrainConfig(
    steps=4, batch_size=4, log_every=1, eval_every=4, eval_batches=1, save_every=2, validations=0
)

pytestmark = pytest.mark.usefixtures("quickly_compiled")

NEW = ("t5_context", "unet_notes")
"""The newest form of each backbone; the rest take their turn with the slow tests."""


@pytest.fixture(
    scope="module",
    params=[pytest.param(form, marks=() if form in NEW else pytest.mark.slow) for form in FORMS],
)
def spec(request: pytest.FixtureRequest) -> ModelSpec:
    return spec_of(request.param)


@pytest.mark.parametrize("form", FORMS)
def test_it_reads_what_it_says(form: str) -> None:
    spec = spec_of(form)
    assert spec.features == ("mel", *READS[form])
    assert set(batch_of(spec, 1)) >= set(spec.features)


@pytest.mark.parametrize("form", FORMS)
def test_its_specification_is_json(form: str) -> None:
    spec = spec_of(form)
    assert ModelSpec.from_dict(json.loads(json.dumps(spec.to_dict()))) == spec


@pytest.mark.parametrize("form", FORMS)
def test_its_parameters_say_how_they_may_be_split(form: str) -> None:
    spec = spec_of(form)
    inputs = example_inputs(batch_of(spec, 1))
    made = jax.eval_shape(lambda *given: spec.build().init(jax.random.key(0), *given), *inputs)
    found = jax.tree.leaves_with_path(
        made["params"], is_leaf=lambda leaf: isinstance(leaf, nn.LogicallyPartitioned)
    )
    for path, leaf in found:
        named = isinstance(leaf, nn.LogicallyPartitioned)
        assert named or leaf.ndim < 2, jax.tree_util.keystr(path)


def test_a_bundle_of_it_renders(spec: ModelSpec, tmp_path: Path) -> None:
    params = random_params(spec)
    bundles.save(tmp_path / "model", spec, PERFORMANCES, "near", params, "# Random\n")
    made = bundles.load(tmp_path / "model")
    assert made.spec == spec
    synthesizer = Synthesizer(made.spec, made.params)
    base = synthesizer.mel(SONG, 0, SAMPLING)
    assert base.shape == (50, 128) and np.isfinite(base).all()
    for notes, performance, changes in (
        (SONG, 1, {}),
        (SONG.transposed(2), 0, {}),
        (SONG, 0, {"seed": 1}),
        (SONG, 0, {"guidance": Guidance(kind="compositional")}),
    ):
        other = synthesizer.mel(notes, performance, dataclasses.replace(SAMPLING, **changes))
        # Far above rounding; a network of random weights hardly hears how guidance is put together.
        assert np.abs(other - base).max() > 2e-4, (performance, changes)
    canvas = dataclasses.replace(SAMPLING, continuity="canvas")
    apart = np.abs(synthesizer.mel(SONG, 0, canvas) - base).max()
    assert apart > 1e-3 if "context" in spec.features else apart == 0


@pytest.mark.slow
def test_all_of_it_learns(spec: ModelSpec) -> None:
    network, optimizer, before = spec.build(), optax.sgd(0.1), random_params(spec)
    state = init_state(jax.tree.map(jnp.asarray, before), optimizer)
    step: Any = make_train_step(
        network,
        spec.diffusion,
        optimizer,
        ema_decay=0.9,
        condition_drop=0.4,
        time_power=0.5,
        seed=0,
        accumulation=2,
    )
    for number in range(2):
        state, metrics = step(state, batch_of(spec, 8, number))
        assert np.isfinite(metrics["loss"])
    start = flatten_dict(before, sep="/")
    for name, after in flatten_dict(state.params, sep="/").items():
        assert np.isfinite(after).all(), name
        assert np.abs(after - start[name]).max() > 0, name


@pytest.mark.slow
def test_a_run_is_resumed_exported_and_rendered(
    spec: ModelSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Cut(Noise):
        def training(self, *args: Any, **more: Any) -> Any:
            yield from islice(super().training(*args, **more), 3)
            raise KeyboardInterrupt

    def make_spec(performances: int) -> ModelSpec:
        assert performances == len(PERFORMANCES)
        return spec

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    optimizer = OptimizerConfig(warmup_steps=1, decay_steps=2)
    whole = run(tmp_path / "whole", make_spec, Noise(), TRAINING, optimizer)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "run", make_spec, Cut(), TRAINING, optimizer)
    resumed = run(tmp_path / "run", make_spec, Noise(), TRAINING, optimizer)
    for one, other in zip(jax.tree.leaves(resumed.ema), jax.tree.leaves(whole.ema)):
        np.testing.assert_array_equal(one, other)

    score, model = tmp_path / "song.mid", tmp_path / "model"
    write_midi(SONG, score)
    assert cli.main(["export", "--run", str(tmp_path / "run"), "-o", str(model)]) == 0
    for name, leaf in flatten_dict(bundles.load(model).params, sep="/").items():
        np.testing.assert_allclose(
            leaf, flatten_dict(resumed.ema, sep="/")[name], rtol=1e-3, atol=1e-6
        )
    assert (
        cli.main(
            [
                *("synthesize", "--bundle", str(model), str(score), "--steps", "2"),
                *("-o", str(tmp_path / "song.wav"), "--gin.synthesis.SamplingConfig.overlap=8"),
                "--gin.griffin_lim.GriffinLim.iterations=1",
            ]
        )
        == 0
    )
    assert (tmp_path / "song.wav").stat().st_size > 16000
