"""Places tracks as points in the plane, near each other where their embeddings are.

t-SNE (van der Maaten and Hinton, "Visualizing Data using t-SNE", JMLR 9, 2008) of one embedding for
each track, coloured by performance: figure 7 of Maman et al.'s longer paper on performance
conditioning (TASLP 33, 2025).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mt3synth.errors import UserError
from mt3synth.evaluation.metrics.metric import Measurements
from mt3synth.types import Float, FloatND

LEAST = 5
"""Tracks; fewer have no neighbourhoods to keep."""

_PERPLEXITY = 30.0  # the usual one, where there are enough tracks


def tracks(found: Measurements) -> tuple[list[str], list[str], FloatND]:
    """Collects kind, performance and mean embedding ``[tracks D]`` of everything that was heard."""
    kinds, performances, means = [], [], []
    for key, performance in found.performances.items():
        kinds.append(key.partition(": ")[0])
        performances.append(performance)
        means.append(found.embeddings.mean(key))
    return kinds, performances, np.array(means).reshape(-1, found.embeddings.dimension)


def tsne(tracks: Float[FloatND, "N D"], seed: int) -> Float[FloatND, "N 2"]:
    """Places a point for each track. Each dimension is scaled to unit variance first.

    Raises:
      UserError: fewer than `LEAST` tracks, or scikit-learn is not installed.
    """
    if len(tracks) < LEAST:
        raise UserError(f"{len(tracks)} tracks; t-SNE needs at least {LEAST}")
    try:
        from sklearn.manifold import TSNE
    except ImportError as error:
        raise UserError("scikit-learn is not installed; pip install 'mt3synth[eval]'") from error
    spread = tracks.std(axis=0)
    scaled = (tracks - tracks.mean(axis=0)) / np.where(spread > 0, spread, 1)
    perplexity = min(_PERPLEXITY, (len(tracks) - 1) / 3)
    return TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(scaled)


def thinned(performances: Sequence[str], most: int, seed: int) -> np.ndarray:
    """Draws positions of at most ``most`` tracks of each performance, and puts them in order."""
    rng = np.random.default_rng(seed)
    names = np.array(performances)
    drawn = [rng.permutation(np.flatnonzero(names == name))[:most] for name in dict.fromkeys(names)]
    return np.sort(np.concatenate(drawn)) if drawn else np.zeros(0, int)
