"""A copy of a bundle that has one performance more."""

import json
from dataclasses import replace

import jax
import numpy as np
import pytest
from backbone_cases import PERFORMANCES, SONG, random_params, spec_of
from safetensors.numpy import load_file

from mt3synth import bundle as bundles
from mt3synth.adaptation.new_bundle import extend, with_performance
from mt3synth.bundle import BundleError
from mt3synth.models.additions import addition_shapes
from mt3synth.synthesis import SamplingConfig, Synthesizer
from mt3synth.types import PyTree

SPEC = spec_of("unet_notes")
CONFIG = SamplingConfig(steps=0, tail=0.2, overlap=8)
ROW = np.linspace(-1, 1, 4, dtype=np.float32)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    where = tmp_path_factory.mktemp("bundles") / "small"
    bundles.save(where, SPEC, PERFORMANCES, "near", random_params(SPEC), "# Small\n")
    return where


def additions_of(params: PyTree, seed: int) -> PyTree:
    rng = np.random.default_rng(seed)
    return jax.tree.map(
        lambda leaf: np.float32(rng.normal(0, 0.3, leaf.shape)), addition_shapes(params, 2)
    )


def frames(bundle: bundles.Bundle, performance: int, steps: int) -> np.ndarray:
    synthesizer = Synthesizer(bundle.spec, bundle.params, bundle.additions)
    return synthesizer.mel(SONG, performance, replace(CONFIG, steps=steps))


def test_known_performances_stay_to_the_last_bit_and_new_ones_are_their_own(folder, tmp_path):
    model = bundles.load(folder)
    first = with_performance(model, "my room", "Mine.")
    extend(model, tmp_path / "one", first, ROW, additions_of(model.params, 1), "## My room")
    one = bundles.load(tmp_path / "one")
    # A second one, an embedding alone, beside the first.
    extend(one, tmp_path / "two", with_performance(one, "hall", "H."), -ROW, None, "## Hall")
    two = bundles.load(tmp_path / "two")

    assert [p.name for p in two.performances] == ["near", "far", "my room", "hall"]
    assert two.spec.network.performances == 4 and two.default == "near"
    assert two.added_to == ["my room"] and two.hash != one.hash != model.hash
    for steps in (0, 1):
        before = [frames(model, index, steps) for index in (0, 1)]
        for index in (0, 1):
            np.testing.assert_array_equal(frames(two, index, steps), before[index])
        mine = frames(two, 2, steps)
        np.testing.assert_array_equal(mine, frames(one, 2, steps))
        others = [*before, frames(two, 3, steps)]
        assert all(np.abs(mine - other).max() > 0.01 for other in others)
    # Without what it adds it would sound otherwise.
    bare = Synthesizer(two.spec, two.params).mel(SONG, 2, CONFIG)
    assert np.abs(bare - frames(two, 2, 0)).max() > 0.01


def test_what_is_stored_of_the_others_stays_and_older_versions_refuse_additions(folder, tmp_path):
    model = bundles.load(folder)
    extend(model, tmp_path / "row", with_performance(model, "new", "N."), ROW, None, "## New")
    before, after = (load_file(f / bundles.WEIGHTS) for f in (folder, tmp_path / "row"))
    table = "performance_embedding/embedding"
    np.testing.assert_array_equal(after[table][:-1], before[table])
    np.testing.assert_array_equal(after[table][-1], ROW.astype(np.float16))
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[k], after[k]) for k in before if k != table)
    formats = [
        json.loads((f / bundles.CONFIG).read_text())["format"] for f in (folder, tmp_path / "row")
    ]
    assert formats == [bundles.FORMAT, bundles.FORMAT]
    assert (tmp_path / "row" / bundles.CARD).read_text() == "# Small\n\n## New\n"

    added = additions_of(model.params, 1)
    extend(model, tmp_path / "added", with_performance(model, "new", "N."), ROW, added, "")
    config = json.loads((tmp_path / "added" / bundles.CONFIG).read_text())
    assert config["format"] == bundles.FORMAT_WITH_ADDITIONS > bundles.FORMAT


def test_a_name_that_is_taken_and_a_folder_that_is_there_are_refused(folder, tmp_path):
    model = bundles.load(folder)
    with pytest.raises(BundleError, match=r"'far' is there already; take another name than near"):
        with_performance(model, "far", "")
    with pytest.raises(BundleError, match="needs one"):
        with_performance(model, "  ", "")
    with pytest.raises(BundleError, match="exists; give a new folder"):
        extend(model, tmp_path, with_performance(model, "new", ""), ROW, None, "")


def test_additions_that_do_not_fit_are_said(folder, tmp_path):
    model = bundles.load(folder)
    wrong = {"norm_out": {"bias": {"shift": np.zeros(3)}}}
    extend(model, tmp_path / "wrong", with_performance(model, "new", ""), ROW, wrong, "")
    with pytest.raises(BundleError, match=r"additions.safetensors: addition to norm_out/bias"):
        bundles.load(tmp_path / "wrong")
