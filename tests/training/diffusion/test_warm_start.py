"""Checks where a fine-tuned model begins: weights of a bundle or run, embeddings of the new."""

import dataclasses
import json

import jax
import numpy as np
import pytest
from flax.traverse_util import flatten_dict
from training_cases import batch_of, tiny_spec

from mt3synth import bundle as bundles
from mt3synth.bundle import abstract_params
from mt3synth.errors import UserError
from mt3synth.training.diffusion.warm_start import (
    adapt_parameters,
    load_source,
    parse_neighbours,
)

KNOWN = ("low", "high")
WANTED = [{"name": "new"}, {"name": "high"}, {"name": "low"}, {"name": "newer"}]


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    draw = np.random.default_rng(0)
    spec = tiny_spec(len(KNOWN))
    params = jax.tree.map(lambda x: np.float32(draw.normal(size=x.shape)), abstract_params(spec))
    folder = tmp_path_factory.mktemp("bundles") / "known"
    performances = tuple(bundles.Performance(i, name, name) for i, name in enumerate(KNOWN))
    bundles.save(folder, spec, performances, "low", params, "card")
    return load_source(str(folder))


def table(params):
    return np.asarray(params["performance_embedding"]["embedding"])


def test_known_performances_keep_their_embedding_and_new_ones_begin_with_the_mean(bundle):
    params = adapt_parameters(bundle, tiny_spec(4), WANTED)
    old = table(bundle.params)
    expected = [old.mean(0), old[1], old[0], old.mean(0)]
    np.testing.assert_allclose(table(params), expected, rtol=1e-6)
    rest, same = flatten_dict(params), flatten_dict(bundle.params)
    del rest["performance_embedding", "embedding"], same["performance_embedding", "embedding"]
    assert (
        all(np.array_equal(rest[path], same[path]) for path in same) and rest.keys() == same.keys()
    )


def test_a_new_performance_begins_like_its_neighbour(bundle):
    neighbours = parse_neighbours(["newer=high"])
    params = adapt_parameters(bundle, tiny_spec(4), WANTED, neighbours)
    old = table(bundle.params)
    np.testing.assert_allclose(table(params), [old.mean(0), old[1], old[0], old[1]], rtol=1e-6)


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ("new=higgh", "model knows no performance 'higgh'; did you mean 'high'"),
        ("neewer=high", "data has no performance 'neewer'; did you mean 'newer'"),
        ("low=high", "'low' is known to the model and keeps its own"),
    ],
)
def test_neighbours_must_be_of_known_for_new(bundle, pair, said):
    with pytest.raises(UserError, match=f"--init-like {pair}: .*{said}"):
        adapt_parameters(bundle, tiny_spec(4), WANTED, parse_neighbours([pair]))


@pytest.mark.parametrize("pairs", [["new"], ["=high"], ["new="], ["new=high", "new=low"]])
def test_pairs_that_are_none_are_refused(pairs):
    with pytest.raises(UserError, match=r"--init-like new|--init-like =high"):
        parse_neighbours(pairs)


def test_another_network_is_refused(bundle):
    wider = dataclasses.replace(tiny_spec(4), segment_frames=64)
    with pytest.raises(UserError, match=r"another model: window \(32 in the bundle, 64 asked for"):
        adapt_parameters(bundle, wider, WANTED)


def test_a_folder_that_is_neither_is_refused(tmp_path):
    with pytest.raises(UserError, match="no bundle"):
        load_source(str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    with pytest.raises(UserError, match=r"model\.json: cannot be read"):
        load_source(str(tmp_path))


def test_a_run_lends_its_average(tmp_path):
    from mt3synth.training.checkpoints.manager import Checkpoints
    from mt3synth.training.optim.optimizer import OptimizerConfig
    from mt3synth.training.parallel.mesh import single_device_mesh
    from mt3synth.training.state import init_state_sharded

    spec = tiny_spec(len(KNOWN))
    draw = np.random.default_rng(1)
    params = jax.tree.map(lambda x: np.float32(draw.normal(size=x.shape)), abstract_params(spec))
    state = init_state_sharded(
        spec.build(),
        batch_of(spec, 2),
        OptimizerConfig().build(10),
        single_device_mesh(),
        0,
        params,
    )
    state = state.replace(ema=jax.tree.map(lambda x: x + 1, state.params))
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(state, {})
    checkpoints.close()
    listed = [{"index": i, "name": name, "description": name} for i, name in enumerate(KNOWN)]
    (tmp_path / "model.json").write_text(json.dumps(spec.to_dict()))
    (tmp_path / "performances.json").write_text(json.dumps(listed))

    found = load_source(str(tmp_path))
    assert found.spec == spec and [p.name for p in found.performances] == list(KNOWN)
    assert jax.tree.all(jax.tree.map(lambda a, b: np.array_equal(a, b + 1), found.params, params))
