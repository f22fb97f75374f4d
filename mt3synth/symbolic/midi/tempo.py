"""Ticks to seconds."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

_DEFAULT_TEMPO = 500_000  # microseconds a quarter, where a file says nothing: 120 quarters a minute


class TempoMap:
    """Knows when each tick of a file happens, by the tempo changes of all its tracks.

    tempo = TempoMap(480, [(960, 250_000)])  # twice as fast from the third quarter on
    tempo.seconds(np.array([960, 1440]))  # [1.0, 1.25]
    """

    def __init__(self, division: int, tempos: Iterable[tuple[int, int]]) -> None:
        """Works out the second at which each tempo begins.

        Args:
          division: ticks a quarter, or SMPTE time if negative: frames a second in the high byte,
            ticks a frame in the low one. SMPTE time knows no tempo.
          tempos: (tick, microseconds a quarter), in any order but for those at one tick.
        """
        if division < 0:
            frames = -(division >> 8)
            # 29 stands for 30 frames in drop-frame time, which run at 29.97 a second.
            rate = 30_000 / 1001 if frames == 29 else frames
            scales = [(0, 1 / (rate * (division & 0xFF)))]
        else:
            scales = [(0, _tick_seconds(_DEFAULT_TEMPO, division))]
            # By the tick alone: of two at one tick the later one in the file holds.
            for tick, tempo in sorted(tempos, key=lambda change: change[0]):
                scale = _tick_seconds(tempo, division)
                if tick == 0:
                    scales = [(0, scale)]
                elif scale != scales[-1][1]:
                    scales.append((tick, scale))
        self._tick = np.array([tick for tick, _ in scales], np.int64)
        self._scale = np.array([scale for _, scale in scales])
        lengths = self._scale[:-1] * np.diff(self._tick)
        self._start = np.concatenate([[0.0], np.cumsum(lengths)])

    def seconds(self, ticks: np.ndarray) -> np.ndarray:
        """Returns the second of each tick, float64 of the same shape."""
        ticks = np.asarray(ticks, np.int64)
        index = np.searchsorted(self._tick, ticks, side="right") - 1
        return self._start[index] + self._scale[index] * (ticks - self._tick[index])


def _tick_seconds(tempo: int, division: int) -> float:
    # By way of beats a minute, for so does pretty_midi: the last bit can decide which 10 ms step a
    # note falls on, and the tokens of files read before must not change.
    return 60.0 / ((6e7 / tempo) * division)
