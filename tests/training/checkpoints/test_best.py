"""The weights that validated best are kept, and every validation is written down."""

import json
import math

import jax.numpy as jnp
import numpy as np
import pytest

from mt3synth.errors import UserError
from mt3synth.training.checkpoints.best import BestWeights, load_best

LIKE = {"layer": {"kernel": np.zeros((2, 2), np.float32)}}


def weights(value: float):
    return {"layer": {"kernel": jnp.full((2, 2), value)}}


def kept(folder):
    params, best, _ = load_best(folder, LIKE)
    return float(params["layer"]["kernel"][0, 0]), best.step, best.loss


def test_only_what_is_better_replaces_the_best(tmp_path):
    best = BestWeights(tmp_path)
    for step, loss in ((0, 0.5), (3, 0.3), (6, 0.4), (9, math.nan), (12, 0.3), (15, None)):
        best.offer(weights(step), step, loss)
    assert kept(tmp_path) == (3.0, 3, 0.3)
    # The file that was the best before is gone.
    assert len(list((tmp_path / "best").glob("*.safetensors"))) == 1
    assert set(best.losses) == {0, 3, 6, 9, 12, 15}
    # A run that goes on remembers what was best before it was stopped.
    again = BestWeights(tmp_path)
    assert again.best == best.best and set(again.losses) == set(best.losses)
    # Killed between writing weights and the record, or the record and what it no longer names.
    for name in ("weights_00000001.safetensors", ".weights_00000019.safetensors.a.unfinished"):
        (tmp_path / "best" / name).touch()
    again = BestWeights(tmp_path)
    assert len(list((tmp_path / "best").iterdir())) == 2
    again.offer(weights(20), 20, 0.35)
    assert kept(tmp_path)[1] == 3
    again.offer(weights(21), 21, 0.1)
    assert kept(tmp_path) == (21.0, 21, 0.1)


def test_without_any_there_is_nothing_to_load(tmp_path):
    with pytest.raises(UserError, match="has no best weights: nothing was held out"):
        load_best(tmp_path, LIKE)
    BestWeights(tmp_path).offer(weights(1), 4, None)
    with pytest.raises(UserError, match="leave --best out"):
        load_best(tmp_path, LIKE)


def test_a_record_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "best").mkdir()
    (tmp_path / "best/validation.json").write_text(json.dumps({"best": {"at": 3}}))
    with pytest.raises(UserError, match=r"validation\.json: does not say what was validated"):
        BestWeights(tmp_path)
