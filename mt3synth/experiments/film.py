"""Makes the FiLM of a trained network stronger or weaker."""

from __future__ import annotations

from flax.traverse_util import flatten_dict, unflatten_dict

from mt3synth.errors import UserError
from mt3synth.experiments.arms import Place
from mt3synth.models.film import CONDITION_EXPANSION
from mt3synth.types import PyTree

_READS_SCORE = ("encoder", "token_encoder", "note_prior")
"""Modules of our networks that read notes, or make a prior of them."""


def scale(params: PyTree, strength: float, place: Place) -> PyTree:
    """Multiplies what FiLM makes of the performance: its share of gamma and of beta.

    Both are linear in the condition C = concat(MLP_perf(v), MLP_time(t)) of Maman et al.
    (arXiv 2309.12283), without a bias, so the rows of the kernel that read the performance are
    multiplied. 0 leaves out what FiLM says of it, 1 is what was trained. What a network knows of a
    performance by other ways, as the floor of a prior, stays.

    Args:
      params: of a network, nested as it names them.
      strength: by which they are multiplied.
      place: FiLM of what reads the score, of what makes frames, or of both.

    Raises:
      UserError: the network knows no performances, or has no FiLM in that place.
    """
    flat = flatten_dict(params, sep="/")
    table = flat.get("performance_embedding/embedding")
    if table is None:
        raise UserError("the network knows no performances, so no FiLM can be made stronger")
    rows = CONDITION_EXPANSION * table.shape[1]
    chosen = [
        name
        for name in flat
        if name.endswith("gamma_beta/kernel")
        and (place == "both" or (name.split("/")[0] in _READS_SCORE) == (place == "score"))
    ]
    if not chosen:
        raise UserError(f"the network has no FiLM in the place film_in={place!r}")
    for name in chosen:
        kernel = flat[name].copy()
        kernel[:rows] *= strength
        flat[name] = kernel
    return unflatten_dict(flat, sep="/")
