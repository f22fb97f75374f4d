"""Makes the arms of a grid, which would be long to write one by one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from mt3synth.experiments.arms import PLACES, Arm, Place


def cross(
    series: Mapping[str, Sequence[str]], points: Mapping[float, Sequence[str]]
) -> tuple[Arm, ...]:
    """Makes an arm of every series at every point, evaluated with the words of both.

    Args:
      series: what `mt3synth evaluate bundle` is given, by the name of a curve.
      points: what it is given besides, by where on the axis that is.
    """
    return tuple(
        Arm(f"{_slug(name)}-{at:g}", evaluate=(*words, *more), series=name, at=at)
        for name, words in series.items()
        for at, more in points.items()
    )


def film(strengths: Sequence[float], places: Sequence[Place] = PLACES) -> tuple[Arm, ...]:
    """Makes an arm of every strength of the performance's FiLM in every place."""
    return tuple(
        Arm(f"{place}-{strength:g}", film=strength, film_in=place, series=place, at=strength)
        for place in places
        for strength in strengths
    )


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.")
