"""Measures All-FAD: the Frechet distance of everything generated from all recordings.

As Maman et al. (ICASSP 2024, arXiv 2309.12283, section 4) define it. Everything that is compared
comes from as many embeddings, which are drawn; one draw may be some tenths off by luck, so that the
distance is averaged over several (`DRAWS`), and says how far they lie apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict
from typing import Any

import numpy as np

from mt3synth.errors import UserError
from mt3synth.evaluation.embeddings.gaussian import Gaussian
from mt3synth.evaluation.embeddings.store import EmbeddingStore
from mt3synth.evaluation.embeddings.subsampling import Rows, equal_counts, gaussian_of
from mt3synth.evaluation.evaluation_set import COMPARED, LABELS
from mt3synth.evaluation.metrics.frechet import (
    Fit,
    distance_between,
    fad_infinity,
    fit,
    frechet_interval,
)
from mt3synth.evaluation.metrics.metric import RECORDING, Evaluators, Figures, Measurements
from mt3synth.reporting.tables import Table, number, with_interval

DRAWS = 20
"""How many draws of equal numbers of embeddings a distance is averaged over."""

FEW = 10
"""Recordings on a side below which an interval is marked. Drawing whole recordings anew, a draw
would lack so many of them that its distance said nothing; stretches of them are drawn instead."""

_WIDEST = 256  # dimensions: beyond, a Gaussian for each draw of an interval takes too long
_INTERVAL_DRAWS = 100  # enough for the bounds of 95 %, each of which costs as much as the distance


def all_fad(found: Measurements, evaluators: Evaluators) -> Figures:
    """Takes the distance of every kind from all recordings.

    Raises:
      UserError: there are no recordings, or too few embeddings.
    """
    shrinkage, seed = evaluators.shrinkage, evaluators.seed
    recordings = recording_keys(found)
    reference = found.embeddings.gaussian(*recordings)
    fitted = fit(reference, shrinkage)  # once, as it stands on one side of every distance
    named = {kind: keys_of(found, kind) for kind in COMPARED}
    sets = {kind: found.embeddings.rows(*names) for kind, names in named.items() if names}
    figures: Figures = {"recordings": len(recordings), "embeddings": reference.count}
    drawn = equal_counts(sets, seed)
    for kind, rows in drawn.items():
        figures[kind] = {
            **_averaged(sets[kind], len(rows), fitted, kind, evaluators),
            "count": len(rows),
            "infinity": None,
        }
        figures[kind] |= _interval(found, kind, figures[kind]["value"], fitted, evaluators)
        with suppress(UserError):  # too few to vary their number; the plain value stands alone
            infinity = fad_infinity(rows, reference, seed, shrinkage=shrinkage)
            figures[kind]["infinity"] = asdict(infinity)
    return figures


def all_fad_table(figures: Figures, embedding: str) -> Table:
    """Shows the distance of every kind, from the figures of `all_fad`."""
    rows, few = [], False
    for kind, part in ((kind, figures[kind]) for kind in COMPARED if kind in figures):
        infinity = number(part["infinity"]["value"] if part["infinity"] else None)
        distance = with_interval(part["value"], part["interval"])
        if part["interval"] and part["few"]:
            few, distance = True, f"{distance} *"
        deviation = number(part["draw_deviation"] if part["draws"] > 1 else None)
        rows.append((LABELS[kind], distance, deviation, infinity, f"{part['count']}"))
    note = (
        f"Frechet distance of {embedding} embeddings from all {figures['recordings']} recordings"
        f" ({figures['embeddings']} embeddings); lower is closer. Averaged over draws of equally"
        " many embeddings of each, whose standard deviation stands beside. In brackets 95 %"
        " intervals over recordings; they and FAD-infinity leave out what few embeddings add."
    )
    if few:
        note += f" * Fewer than {FEW} recordings on a side: an interval over stretches of them,"
        note += " around the distance itself; it knows nothing of other recordings."
    columns = ("All-FAD", "distance", "sd of draws", "FAD-infinity", "embeddings")
    return Table(f"All-FAD, {embedding}", columns, tuple(rows), note)


def keys_of(found: Measurements, kind: str) -> list[str]:
    """Lists the keys of a kind's embeddings."""
    return [name for name in found.performances if name.startswith(f"{kind}: ")]


def recording_keys(found: Measurements) -> list[str]:
    """Lists the keys of the recordings' embeddings.

    Raises:
      UserError: there are none.
    """
    keys = keys_of(found, RECORDING)
    if not keys:
        raise UserError("there are no recordings to compare with")
    return keys


def _averaged(rows: Rows, count: int, reference: Fit, kind: str, evaluators: Evaluators) -> Figures:
    """Averages the distance over draws of ``count`` embeddings."""
    # All embeddings can be drawn in one way only.
    seeds = [evaluators.seed, *np.random.SeedSequence(evaluators.seed).generate_state(DRAWS - 1)]
    seeds = seeds[: DRAWS if count < len(rows) else 1]
    made = []
    for seed in seeds:
        subset = equal_counts({kind: rows}, int(seed), count)[kind]
        drawn = fit(gaussian_of(subset), evaluators.shrinkage)
        made.append(distance_between(drawn, reference))
    values = [distance.value for distance in made]
    return {
        "value": float(np.mean(values)),
        "draws": len(values),
        "draw_deviation": float(np.std(values, ddof=1)) if len(values) > 1 else 0.0,
        "most_negative": min(distance.most_negative for distance in made),
        "shrinkage": max(share for distance in made for share in distance.shrinkage),
    }


def _interval(
    found: Measurements, kind: str, value: float, reference: Fit, evaluators: Evaluators
) -> Figures:
    """Estimates an interval at any number of recordings, and says whether there are few."""
    store, shrinkage = found.embeddings, evaluators.shrinkage
    keys = keys_of(found, kind), recording_keys(found)
    ours, theirs = (_Parts(store, names) for names in keys)
    few = ours.few or theirs.few
    interval: tuple[float, float] | None = None
    if store.dimension <= _WIDEST:
        with suppress(UserError):  # a draw of few pieces may hold too few embeddings
            low, high = frechet_interval(
                ours, theirs, evaluators.seed, _INTERVAL_DRAWS, shrinkage=shrinkage, centred=few
            )
            # An interval of few lies around the figure itself, which comes of fewer embeddings.
            moved = 0.0
            if few:
                whole = fit(store.gaussian(*keys[0]), shrinkage)
                moved = value - distance_between(whole, reference).value
            interval = low + moved, high + moved
    return {"interval": interval, "few": few}


class _Parts(Sequence[Gaussian]):
    """Holds Gaussians of recordings, or of stretches of few ones, made when they are looked at.

    Args:
      store: of the embeddings.
      names: the recordings' keys in it.
    """

    def __init__(self, store: EmbeddingStore, names: Sequence[str]) -> None:
        self.few = len(names) < FEW
        # As many stretches as recordings should be, of embeddings that follow each other: those
        # are alike, and drawn one by one they would claim too much certainty.
        stretches = -(-FEW // len(names)) if self.few else 1
        self._store = store
        self._parts = [
            (name, positions)
            for name in names
            for positions in np.array_split(np.arange(len(store.rows(name))), stretches)
            if len(positions)
        ]

    def __len__(self) -> int:
        return len(self._parts)

    def __getitem__(self, position: Any) -> Any:
        name, positions = self._parts[position]
        return gaussian_of(self._store.rows(name), positions)
