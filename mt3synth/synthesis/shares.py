"""The shares that performances have in the sound of a song, frame by frame.

A network knows single performances. Where several are heard, it says for each of them what the
frames are, and these are mixed: at every step, so that what is drawn in the end is one sound, as it
is of the branches of a guidance, and not the sum of two renderings. In log-mel frames a mean is one
of decibels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from mt3synth.types import Array, Float, Int


@dataclass(frozen=True)
class Shares:
    """Which performances are heard when, and how much.

        Shares.of(3)  # the fourth one throughout
        Shares(((0.0, {3: 1.0}), (450.0, {0: 0.7, 1: 0.3})), fade=50.0)

    Attributes:
      changes: frames at which a blend begins, rising, and the share of each performance by its
        index. The first holds before its frame, too.
      fade: frames over which one blend gives way to the next, half of them before its time.
    """

    changes: tuple[tuple[float, Mapping[int, float]], ...]
    fade: float = 1.0

    @staticmethod
    def of(performance: int) -> Shares:
        """Makes the shares of a song that is in one performance from end to end."""
        return Shares(((0.0, {performance: 1.0}),))

    @property
    def indices(self) -> list[int]:
        """Lists the performances that are heard at any time."""
        return sorted({index for _, shares in self.changes for index in shares})

    def within(
        self, starts: Sequence[int] | Int[np.ndarray, " W"], count: int
    ) -> dict[int, Float[np.ndarray, "W T"]]:
        """Returns the shares in windows of ``count`` frames, of each performance heard in any.

        They are float32, and those of a frame add up to 1.
        """
        at = np.asarray([int(start) for start in starts])[:, None] + np.arange(count)
        # How far each blend has come in. What the next one has of that is no longer its own.
        risen = [np.ones(at.shape)]
        for frame, _ in self.changes[1:]:
            risen.append(np.clip((at - frame) / self.fade + 0.5, 0, 1))
        risen.append(np.zeros(at.shape))
        shares: dict[int, np.ndarray] = {}
        for (_, blend), now, later in zip(self.changes, risen[:-1], risen[1:]):
            for index, share in blend.items():
                shares[index] = shares.get(index, 0) + share * (now - later)
        return {
            index: share.astype(np.float32)
            for index, share in sorted(shares.items())
            # A performance that is not heard in these windows costs nothing in them.
            if np.any(share > 0)
        }


def mix(
    shares: Mapping[int, Float[np.ndarray, "W T"]], make: Callable[[int], Float[Array, "W T M"]]
) -> Float[Array, "W T M"]:
    """Mixes what is made in each performance by its shares; of a single one it stays as it is."""
    if len(shares) == 1:
        return make(*shares)
    first, *others = (jnp.asarray(share)[..., None] * make(i) for i, share in shares.items())
    return sum(others, start=first)
