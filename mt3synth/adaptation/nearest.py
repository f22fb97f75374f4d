"""Finds where a new performance begins: at the known one that is nearest, or between two."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from mt3synth.bundle import Bundle
from mt3synth.training.diffusion.adapted_network import begin_adapted
from mt3synth.training.diffusion.held_out import Judge
from mt3synth.training.diffusion.warm_start import table_of
from mt3synth.types import FloatND


class Nearest(NamedTuple):
    """Says where a performance begins.

    Attributes:
      row: the embedding.
      name: of the performance whose embedding it is; of two with a plus between them, their mean.
      loss: of that.
      losses: of each known performance, by name.
    """

    row: FloatND
    name: str
    loss: float
    losses: Mapping[str, float]


def find_nearest(bundle: Bundle, judge: Judge) -> Nearest:
    """Finds the known performance in which a model fits some recordings best.

    Each is judged by what the model makes of the recordings' own notes, and so is the mean of the
    best with each other one.

    Args:
      bundle: the model.
      judge: measures an `AdaptedNetwork` without additions on the recordings.
    """
    table = table_of(bundle)

    def loss_of(row: FloatND) -> float:
        return judge.loss(begin_adapted(bundle.params, row, 0, 0))

    losses = {p.name: loss_of(row) for p, row in zip(bundle.performances, table)}
    best = min(losses, key=losses.__getitem__)
    # What it adds to the weights is its own; a new performance begins with the row alone.
    found = Nearest(_row(bundle, table, best), best, losses[best], losses)
    for other in losses:
        mean = (_row(bundle, table, best) + _row(bundle, table, other)) / 2
        loss = loss_of(mean) if other != best else found.loss
        if loss < found.loss:
            found = Nearest(mean, f"{best}+{other}", loss, losses)
    return found


def _row(bundle: Bundle, table: FloatND, name: str) -> FloatND:
    return np.asarray(table[bundle.performance(name).index])
