"""Says what an experiment is: its arms, and what each of them changes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

Place = Literal["score", "frames", "both"]
PLACES: tuple[Place, ...] = ("score", "frames", "both")
"""Where a network is told of the performance: where it reads notes, where it makes frames."""

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*")
_STRONGEST = 4.0


@dataclass(frozen=True)
class Arm:
    """One thing that an experiment compares with others.

    Attributes:
      name: of its row and its folder: lower-case letters, digits, dots, hyphens.
      train: what `mt3synth train` is given to train it; empty for an arm that takes the bundle of
        the whole experiment as it is.
      evaluate: what `mt3synth evaluate bundle` is given for it beside what all arms are given.
      film: strength of the FiLM of the performance, 1 as it was trained (`film.scale`).
      film_in: where it is so strong.
      series: of its curve; arms of a series are joined.
      at: where on the horizontal axis it stands; None for arms that have no order.

    Raises:
      ValueError: a name that is no folder's, or a strength out of 0..4.
    """

    name: str
    train: Sequence[str] = ()
    evaluate: Sequence[str] = ()
    film: float = 1.0
    film_in: Place = "both"
    series: str = ""
    at: float | None = None

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(
                f"an arm named {self.name!r}; must be of a-z, 0-9, dots and hyphens, and not begin"
                " with a dot"
            )
        if not 0 <= self.film <= _STRONGEST:
            raise ValueError(f"arm {self.name}: film={self.film}; must be within 0..{_STRONGEST:g}")
        if self.film_in not in PLACES:
            known = ", ".join(PLACES)
            raise ValueError(f"arm {self.name}: film_in={self.film_in!r}; must be one of {known}")
        # Gin gives lists; what is written down and read again has to be the same.
        for field in ("train", "evaluate"):
            object.__setattr__(self, field, tuple(getattr(self, field)))

    def to_dict(self) -> dict[str, Any]:
        """Returns what it says, for JSON."""
        return {**asdict(self), "train": list(self.train), "evaluate": list(self.evaluate)}


@dataclass(frozen=True)
class Experiment:
    """A question, and the arms that are to answer it.

    Attributes:
      question: that it asks, for the heading.
      arms: two or more, of different names.
      axis: what `Arm.at` is.
      evaluate: what `mt3synth evaluate bundle` is given for every arm.
      minutes: for each arm that is trained, unless the command says otherwise.

    Raises:
      ValueError: fewer than two arms, two of one name, or no time.
    """

    question: str
    arms: Sequence[Arm]
    axis: str = ""
    evaluate: Sequence[str] = ()
    minutes: float = 30.0

    def __post_init__(self) -> None:
        for field in ("arms", "evaluate"):
            object.__setattr__(self, field, tuple(getattr(self, field)))
        if len(self.arms) < 2:
            raise ValueError(f"{len(self.arms)} arms; an experiment compares two or more")
        twice = [name for name, count in Counter(a.name for a in self.arms).items() if count > 1]
        if twice:
            raise ValueError(f"more than one arm is named {twice[0]}")
        if not self.minutes > 0:
            raise ValueError(f"minutes={self.minutes}; must be above 0")
