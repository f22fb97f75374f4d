"""FiLM of the performance, made weaker and stronger."""

import jax
import numpy as np
import pytest
from backbone_cases import random_params, spec_of
from flax.traverse_util import flatten_dict

from mt3synth.errors import UserError
from mt3synth.experiments.film import scale


def changed(form: str, strength: float, place: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Gives what differs, before and after, by its name."""
    params = random_params(spec_of(form))
    after = flatten_dict(scale(params, strength, place), sep="/")
    before = flatten_dict(params, sep="/")
    assert before.keys() == after.keys()
    return {n: (before[n], after[n]) for n in before if not np.array_equal(before[n], after[n])}


@pytest.mark.parametrize("form", ["unet_notes", "unet_hybrid", "t5"])
def test_the_share_of_the_performance_is_multiplied_where_it_is_asked_for(form):
    score, frames, both = (changed(form, 2.0, place) for place in ("score", "frames", "both"))
    assert score and frames
    assert both.keys() == score.keys() | frames.keys()
    assert not score.keys() & frames.keys()
    assert all(name.startswith(("note_prior", "token_encoder", "encoder")) for name in score)
    for name, (before, after) in both.items():
        # MLP_perf is four times as wide as the embedding, and comes before MLP_time.
        rows = 4 * (16 if form == "t5" else 4)
        np.testing.assert_array_equal(after[:rows], 2 * before[:rows], err_msg=name)
        np.testing.assert_array_equal(after[rows:], before[rows:], err_msg=name)
        assert len(before) == (rows if name in score else 2 * rows)


def test_trained_strength_changes_nothing():
    assert changed("t5", 1.0, "both") == {}


def test_a_network_that_has_none_says_so():
    params = random_params(spec_of("unet"))
    with pytest.raises(UserError, match="no FiLM in the place film_in='score'"):
        scale(params, 2.0, "score")
    del params["performance_embedding"]
    with pytest.raises(UserError, match="knows no performances"):
        scale(params, 2.0, "both")
    assert jax.tree.leaves(params)
