"""A song as one canvas of frames, seen through overlapping windows of equal length."""

from __future__ import annotations

from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np

from mt3synth.types import Array, Float, Int

EDGE_FRAMES = 32
"""Frames of silence before a song and after it that its windows cover, too. A network denoises the
edges of its window worst, for it sees but one side of what lies there. Inside a song they are
cross-faded away; at its two ends nothing would."""


@dataclass(frozen=True)
class Windows:
    """Windows that cover a song; each shares ``overlap`` frames with the next.

    Attributes:
      frames: length of the song, at least 1.
      window: frames of a window.
      overlap: frames shared by neighbours, at most half a window, so that no frame lies in more
        than two.

    Raises:
      ValueError: a length out of its bounds.
    """

    frames: int
    window: int
    overlap: int

    def __post_init__(self) -> None:
        if self.frames < 1 or self.window < 1:
            raise ValueError(f"frames={self.frames}, window={self.window}; both must be at least 1")
        # With more, three windows would meet in one frame, and a cross-fade of two would not do.
        if not 0 <= self.overlap <= self.window // 2:
            raise ValueError(
                f"overlap={self.overlap} frames; must be between 0 and half the window, "
                f"{self.window // 2}"
            )

    @property
    def hop(self) -> int:
        """Frames from the start of one window to the start of the next."""
        return self.window - self.overlap

    @property
    def count(self) -> int:
        """Number of windows."""
        # A song shorter than the overlap still needs a window.
        return max(1, -(-(self.frames - self.overlap) // self.hop))

    @property
    def canvas_frames(self) -> int:
        """Frames under all windows together; the song, filled up to a whole last window."""
        # More than the song, unless it ends with a window: every window is whole.
        return self.count * self.hop + self.overlap

    @property
    def starts(self) -> Int[np.ndarray, " W"]:
        """First frame of each window."""
        return np.arange(self.count) * self.hop

    def split(self, canvas: Float[Array, "L M"]) -> Float[Array, "W T M"]:
        """The canvas as each window sees it."""
        body = canvas[: self.count * self.hop].reshape(self.count, self.hop, -1)
        last = canvas[self.count * self.hop :][None]
        # A window is its own hop and the beginning of the next one's.
        return jnp.concatenate([body, jnp.concatenate([body[1:, : self.overlap], last])], axis=1)

    def join(self, windows: Float[Array, "W T M"]) -> Float[Array, "L M"]:
        """One canvas, cross-faded over each overlap (Maman et al., arXiv 2309.12283)."""
        body, tail = windows[:, : self.hop], windows[:, self.hop :]
        # Both versions of the shared frames, blended; all other frames are a window's own.
        head = cross_fade(tail[:-1], body[1:, : self.overlap])
        body = body.at[1:, : self.overlap].set(head)
        return jnp.concatenate([body.reshape(-1, windows.shape[-1]), tail[-1]])


def cross_fade(
    earlier: Float[Array, "... O M"], later: Float[Array, "... O M"]
) -> Float[Array, "... O M"]:
    """One out of two versions of the frames that neighbouring windows share.

    Over the O frames the earlier window's share falls and the later one's rises in equal steps; the
    two add up to 1.
    """
    count = later.shape[-2]
    # Never 0 nor 1 in the overlap: every frame of it has something of both.
    rise = jnp.arange(1, count + 1)[:, None] / (count + 1)
    return later * rise + earlier * (1 - rise)
