"""Note events as integers: the vocabulary of MT3.

After Gardner et al. 2021 (arXiv 2111.03017), with the class order of Hawthorne et al. 2022
(arXiv 2206.05408), so that their checkpoints' embeddings fit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mt3synth.symbolic.grid import STEPS_PER_SECOND

PAD, EOS, UNK = 0, 1, 2
SPECIAL_TOKENS = 3
EXTRA_TOKENS = 100
"""Unused ids after the events, which the ancestors' vocabulary reserves."""

MAX_SHIFT = 10 * STEPS_PER_SECOND
"""The furthest step from a segment's start that a token can name."""

_EMBEDDINGS_MULTIPLE = 128


@dataclass(frozen=True)
class EventCodec:
    """Event classes and their token ids.

        codec = EventCodec(velocity_bins=127)
        codec.event(codec.token("pitch", 69))  # ("pitch", 69)

    In this order: ``shift`` 0..1000, ``pitch`` 0..127, ``velocity`` 0..``velocity_bins`` (0 ends
    a note), ``tie`` 0, ``program`` 0..127, ``drum`` 0..127; ids begin after PAD, EOS and UNK.

    Attributes:
      velocity_bins: loudness levels told apart, 1..127.

    Raises:
      ValueError: ``velocity_bins`` out of range.
    """

    velocity_bins: int = 127

    def __post_init__(self) -> None:
        if not 1 <= self.velocity_bins <= 127:
            raise ValueError(f"velocity_bins={self.velocity_bins}; must be 1..127")

    @cached_property
    def classes(self) -> dict[str, range]:
        """Token ids by event class."""
        # The ancestor's order, which decides the rows of its embedding.
        sizes = {
            "shift": MAX_SHIFT + 1,
            "pitch": 128,
            "velocity": self.velocity_bins + 1,
            "tie": 1,
            "program": 128,
            "drum": 128,
        }
        ranges, first = {}, SPECIAL_TOKENS
        for name, size in sizes.items():
            ranges[name] = range(first, first + size)
            first += size
        return ranges

    @property
    def num_classes(self) -> int:
        """Number of distinct events."""
        return self.classes["drum"].stop - SPECIAL_TOKENS

    @property
    def vocab_size(self) -> int:
        """Number of token ids, special and reserved ones included."""
        # Reserved ones count, though nothing has them: published tables have rows for them.
        return self.num_classes + SPECIAL_TOKENS + EXTRA_TOKENS

    @property
    def num_embeddings(self) -> int:
        """Rows of the ancestors' embedding table: ``vocab_size`` up to a multiple of 128."""
        return math.ceil(self.vocab_size / _EMBEDDINGS_MULTIPLE) * _EMBEDDINGS_MULTIPLE

    def token(self, name: str, value: int) -> int:
        """Returns the id of event ``name`` with ``value``.

        Raises:
          ValueError: no such event class, or a value outside it.
        """
        ids = self.classes.get(name)
        if ids is None:
            raise ValueError(f"event class {name!r}; must be one of {', '.join(self.classes)}")
        if not 0 <= value < len(ids):
            raise ValueError(f"{name}={value}; must be 0..{len(ids) - 1}")
        return ids.start + value

    def event(self, token: int) -> tuple[str, int] | None:
        """Returns class and value of a token id, None if it is no event; inverse of ``token``."""
        for name, ids in self.classes.items():
            if token in ids:
                return name, token - ids.start
        return None

    def velocity_bin(self, velocity: np.ndarray) -> np.ndarray:
        """Puts velocities 0..127 into bins, rounding up, so that only silence has bin 0; int64."""
        # Rounded up by integers: bin 0 is the end of a note, which no softest note may turn into.
        return -(-np.asarray(velocity, np.int64) * self.velocity_bins // 127)

    def velocity(self, velocity_bin: int) -> int:
        """Returns the loudest velocity of a bin, 0..127."""
        # The loudest, so that going there and back gives the same bin.
        return velocity_bin * 127 // self.velocity_bins
