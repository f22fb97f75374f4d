"""Which frames of a song are to be sampled anew, when its notes have changed or somebody asks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import jax
import numpy as np

from mt3synth.model_spec import ModelSpec
from mt3synth.symbolic.notes import Notes
from mt3synth.synthesis.canvas import EDGE_FRAMES, Windows
from mt3synth.synthesis.conditions import ScoreWindows
from mt3synth.synthesis.sampling import SettledSampling
from mt3synth.types import Float


@dataclass(frozen=True)
class Stretch:
    """Frames that are sampled anew, and how they go over into those around them.

    Attributes:
      first, last: from which frame of the song to before which one; the silence before it has
        negative ones.
      fade_in: frames over which the new ones come in, from ``first`` on; 0 where the song begins.
      fade_out: frames over which they go out, up to ``last``; 0 where it ends.
    """

    first: int
    last: int
    fade_in: int
    fade_out: int

    def weights(self, start: int, count: int) -> Float[np.ndarray, " T"]:
        """Returns how much of each of ``count`` frames from ``start`` on is new, 0 to 1."""
        at = np.arange(start, start + count)
        rise = (at - self.first + 1) / (self.fade_in + 1)
        fall = (self.last - at) / (self.fade_out + 1)
        return np.clip(np.minimum(rise, fall), 0, 1).astype(np.float32)


def changed_stretches(
    before: Notes, notes: Notes, frames: int, config: SettledSampling, spec: ModelSpec
) -> list[Stretch]:
    """Finds the windows in which a network is told something else than it was.

    Args:
      before: notes of the earlier rendering.
      notes: of this one.
      frames: of the earlier rendering.
      config: how the song is sampled: its windows are those of a canvas.
      spec: the model.
    """
    now = math.ceil((notes.end_time + config.tail) * spec.mel.frame_rate)
    windows = Windows(now + 2 * EDGE_FRAMES, spec.segment_frames, config.overlap)
    starts = (windows.starts - EDGE_FRAMES).tolist()
    old, new = ScoreWindows(before, spec), ScoreWindows(notes, spec)
    stretches: list[Stretch] = []
    for start in starts:
        end = start + spec.segment_frames
        # What the earlier rendering did not reach was never sampled.
        if not (now > frames and end > frames) and _is_same(old, new, start):
            continue
        fade_in = config.overlap if start > starts[0] else 0
        fade_out = config.overlap if start < starts[-1] else 0
        if stretches and stretches[-1].last > start:
            earlier = stretches.pop()
            stretches.append(Stretch(earlier.first, end, earlier.fade_in, fade_out))
        else:
            stretches.append(Stretch(start, end, fade_in, fade_out))
    return stretches


def asked_stretch(
    seconds: tuple[float, float], frames: int, config: SettledSampling, rate: float
) -> Stretch:
    """Makes the stretch of a passage of a song of so many frames, ``rate`` a second."""
    first, last = math.floor(seconds[0] * rate), min(math.ceil(seconds[1] * rate), frames)
    fade = min(config.overlap, (last - first) // 2)
    return Stretch(first, last, fade if first > 0 else 0, fade if last < frames else 0)


def _is_same(old: ScoreWindows, new: ScoreWindows, start: int) -> bool:
    one, other = (jax.tree.leaves(score.conditions([start], 1, 0)) for score in (old, new))
    return len(one) == len(other) and all(map(np.array_equal, one, other))
