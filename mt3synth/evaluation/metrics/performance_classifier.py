"""Which performance a recording is in, told by a simple classifier on statistics of its mel frames.

A recording becomes the mean and the standard deviation over time of each mel bin, and the mean size
of each bin's change from frame to frame: level and colour, dynamics, and how quickly sound comes
and goes. Linear discriminant analysis with the covariance shrunk as Ledoit and Wolf do ("A
well-conditioned estimator for large-dimensional covariance matrices", 2004) is trained on real
recordings alone. A rendering is recognised if its target performance comes out.

The classifier errs on real recordings too: give its accuracy on those beside that on renderings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from mt3synth.errors import UserError
from mt3synth.types import FloatND


def mel_statistics(log_mel: Float[np.ndarray, "T M"]) -> Float[np.ndarray, " 3*M"]:
    """Mean, standard deviation and mean absolute change over time of each mel bin.

    Raises:
      ValueError: fewer than two frames.
    """
    if len(log_mel) < 2:
        raise ValueError(f"log-mel of {len(log_mel)} frames; must be at least 2")
    change = np.abs(np.diff(log_mel, axis=0)).mean(axis=0)
    return np.concatenate([log_mel.mean(axis=0), log_mel.std(axis=0), change])


@dataclass(frozen=True, eq=False)
class Recognition:
    """Outcome of a test.

    Attributes:
      confusion: recordings by target performance (row) and recognised one (column), int ``[P, P]``.
    """

    confusion: Int[np.ndarray, "P P"]

    @property
    def total(self) -> int:
        """Recordings tested."""
        return int(self.confusion.sum())

    @property
    def correct(self) -> int:
        """Recordings whose target was recognised."""
        return int(np.trace(self.confusion))

    @property
    def accuracy(self) -> float:
        """Share of recordings whose target was recognised; not a number without any."""
        return self.correct / self.total if self.total else float("nan")

    @property
    def chance(self) -> float:
        """What guessing gives: one in as many as there are performances."""
        return 1 / len(self.confusion)


class PerformanceClassifier:
    """Tells performances apart by `mel_statistics`.

    Args:
      recordings: log-mel frames ``[T, M]`` of real recordings, natural log.
      performances: index of the performance of each.
      count: performances in all, P.

    Raises:
      UserError: scikit-learn is not installed.
      ValueError: the two differ in length, an index is out of range, or a performance has no
        recording.
    """

    def __init__(
        self, recordings: Sequence[FloatND], performances: Sequence[int], count: int
    ) -> None:
        labels = _labels(recordings, performances, count)
        absent = sorted(set(range(count)) - set(labels.tolist()))
        if absent:
            raise ValueError(f"no recording of performances {absent}; each must have at least 1")
        try:
            from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
            from sklearn.pipeline import make_pipeline
            from sklearn.preprocessing import StandardScaler
        except ImportError as error:
            raise UserError("scikit-learn is not installed; pip install scikit-learn") from error
        self.count = count
        self._model: Any = make_pipeline(
            StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
        )
        self._model.fit(_features(recordings), labels)

    def recognise(self, recordings: Sequence[FloatND]) -> Int[np.ndarray, " n"]:
        """The most likely performance of each recording."""
        return self._model.predict(_features(recordings))

    def test(self, recordings: Sequence[FloatND], performances: Sequence[int]) -> Recognition:
        """How often the given performance is the one that is recognised."""
        labels = _labels(recordings, performances, self.count)
        confusion = np.zeros((self.count, self.count), int)
        if len(labels):
            np.add.at(confusion, (labels, self.recognise(recordings)), 1)
        return Recognition(confusion)


def _features(recordings: Sequence[FloatND]) -> np.ndarray:
    return np.stack([mel_statistics(recording) for recording in recordings])


def _labels(recordings: Sequence[FloatND], performances: Sequence[int], count: int) -> np.ndarray:
    labels = np.asarray(performances, int)
    if len(labels) != len(recordings):
        raise ValueError(f"{len(recordings)} recordings, but {len(labels)} performances")
    if np.any((labels < 0) | (labels >= count)):
        raise ValueError(f"performances {labels.min()}..{labels.max()}; must be in 0..{count - 1}")
    return labels
