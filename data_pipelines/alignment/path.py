"""The coarse alignment: multi-scale dynamic time warping over chroma and chroma onsets."""

from __future__ import annotations

import numpy as np

from data_pipelines.alignment.features import FEATURE_RATE, Features, import_synctoolbox
from data_pipelines.alignment.warping import TimeMap
from mt3synth.types import FloatND

# A diagonal step covers two frames: less than twice the weight, so that the path prefers it.
_STEP_WEIGHTS = (1.5, 1.5, 2.0)  # score waits, recording waits, both go on
_LARGEST_RECTANGLE = 10**6  # cells of the cost matrix held at a time


def find_path(score: Features, recording: Features) -> FloatND:
    """Finds the frames of score and recording that belong together, int64 ``[2, L]``.

    MrMsDTW (Praetzlich, Driedger and Mueller, "Memory-restricted multiscale dynamic time warping",
    2016), as synctoolbox has it.

    Raises:
      UserError: synctoolbox is not installed.
    """
    path = import_synctoolbox("dtw.mrmsdtw").sync_via_mrmsdtw(
        score.chroma,
        recording.chroma,
        score.onsets,
        recording.onsets,
        input_feature_rate=FEATURE_RATE,
        step_weights=np.array(_STEP_WEIGHTS),
        threshold_rec=_LARGEST_RECTANGLE,
    )
    return np.asarray(path, dtype=np.int64)


def map_onsets(onsets: FloatND, path: FloatND, lead: float) -> TimeMap:
    """Reads off a path the map at the score's onsets.

    Where the score waits, a frame of it belongs to many of the recording: the middle is taken.

    Args:
      onsets: seconds of the score ``[K]``, increasing.
      path: frames ``[2, L]``.
      lead: seconds of silence in the path's score before the score begins.
    """
    frames = np.unique(path[0])
    middle = np.bincount(path[0], path[1])[frames] / np.bincount(path[0])[frames]
    times = np.interp((onsets + lead) * FEATURE_RATE, frames, middle) / FEATURE_RATE
    return TimeMap(onsets, make_increasing(times))


def make_increasing(times: FloatND, step: float = 1e-3) -> FloatND:
    """Moves each of ``times`` ``[K]`` to at least ``step`` seconds after the one before."""
    ramp = step * np.arange(len(times))
    return np.maximum.accumulate(times - ramp) + ramp
