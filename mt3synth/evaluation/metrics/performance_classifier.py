"""Tells which performance audio is in, by a simple classifier on statistics of its mel frames.

A recording becomes the mean and the standard deviation over time of each mel bin, and the mean size
of each bin's change from frame to frame: level and colour, dynamics, and how quickly sound comes
and goes. Linear discriminant analysis with the covariance shrunk as Ledoit and Wolf do ("A
well-conditioned estimator for large-dimensional covariance matrices", 2004) is trained on real
recordings alone. A rendering is recognised if its target performance comes out.

The classifier errs on real recordings too: look at its accuracy on those beside that on renderings.
Notes give nothing away where every piece is rendered in every performance.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from mt3synth.audio.mel import MelSpec, log_mel
from mt3synth.errors import UserError
from mt3synth.evaluation.embeddings.base import check_audio
from mt3synth.evaluation.evaluation_set import COMPARED, LABELS, Recording
from mt3synth.evaluation.metrics.bootstrap import bootstrap_interval
from mt3synth.evaluation.metrics.metric import (
    RECORDING,
    Evaluators,
    Figures,
    HeardPiece,
    Measured,
    Measurements,
    Metric,
    ScoreRow,
    mean,
)
from mt3synth.reporting.tables import Table, with_interval
from mt3synth.types import Float, FloatND, Int

NAME = "performance_classifier"
HELD_OUT = "held_out"

_LABELS = {**LABELS, HELD_OUT: "real, held out"}


def mel_statistics(log_mel: Float[np.ndarray, "T M"]) -> Float[np.ndarray, " 3*M"]:
    """Takes mean, standard deviation and mean absolute change over time of each mel bin.

    Raises:
      ValueError: fewer than two frames.
    """
    if len(log_mel) < 2:
        raise ValueError(f"log-mel of {len(log_mel)} frames; must be at least 2")
    change = np.abs(np.diff(log_mel, axis=0)).mean(axis=0)
    return np.concatenate([log_mel.mean(axis=0), log_mel.std(axis=0), change])


@dataclass(frozen=True)
class MelStatistics:
    """Embeds a recording as one row, its `mel_statistics`, so that a cache can keep them.

    An `Embedding`; attributes that are not named here are described there.

    Attributes:
      spec: of the mel frames.
    """

    spec: MelSpec
    name: str = "mel-statistics"
    rate: float = 0.0  # there is one row, however long the audio is

    @property
    def version(self) -> str:
        """Changes with the settings of the mel frames."""
        return hashlib.sha256(repr(self.spec).encode()).hexdigest()[:12]

    @property
    def sample_rate(self) -> int:
        """Returns the samples per second of the audio that it takes."""
        return self.spec.sample_rate

    @property
    def dimension(self) -> int:
        """Returns D: three numbers for each mel bin."""
        return 3 * self.spec.bins

    def __call__(self, audio: FloatND) -> Float[np.ndarray, "1 D"]:
        """Takes the statistics of audio of two frames or more.

        Raises:
          EmbeddingError: see `check_audio`.
        """
        check_audio(audio, self.spec.hop + 1, self.name, self.sample_rate)
        return mel_statistics(log_mel(audio, self.spec))[None].astype(np.float32)


@dataclass(frozen=True, eq=False)
class Recognition:
    """Holds the outcome of a test.

    Attributes:
      confusion: recordings by target performance (row) and recognised one (column), int ``[P, P]``.
    """

    confusion: Int[np.ndarray, "P P"]

    @property
    def total(self) -> int:
        """Counts the recordings tested."""
        return int(self.confusion.sum())

    @property
    def correct(self) -> int:
        """Counts the recordings whose target was recognised."""
        return int(np.trace(self.confusion))

    @property
    def accuracy(self) -> float:
        """Returns the share of recordings whose target was recognised; not a number without any."""
        return self.correct / self.total if self.total else float("nan")

    @property
    def chance(self) -> float:
        """Returns what guessing gives: one in as many as there are performances."""
        return 1 / len(self.confusion)


class PerformanceClassifier:
    """Tells performances apart by `mel_statistics`.

        classifier = PerformanceClassifier(statistics, performances=[0, 0, 1, 1], count=2)
        classifier.test(others, [0, 1]).accuracy

    Args:
      statistics: of real recordings, ``[N, F]``.
      performances: index of the performance of each.
      count: performances in all, P.

    Raises:
      UserError: scikit-learn is not installed.
      ValueError: the two differ in length, an index is out of range, or a performance has no
        recording.
    """

    def __init__(
        self, statistics: Sequence[FloatND], performances: Sequence[int], count: int
    ) -> None:
        labels = _labels(statistics, performances, count)
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
        # Scaled first: shrinking draws the covariance towards a multiple of the identity, which
        # would otherwise drown the small changes from frame to frame in the large levels.
        self._model: Any = make_pipeline(
            StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
        )
        self._model.fit(np.stack(statistics), labels)

    def recognise(self, statistics: Sequence[FloatND]) -> Int[np.ndarray, " n"]:
        """Returns the most likely performance of each recording."""
        return self._model.predict(np.stack(statistics))

    def test(self, statistics: Sequence[FloatND], performances: Sequence[int]) -> Recognition:
        """Counts how often the given performance is the one that is recognised."""
        labels = _labels(statistics, performances, self.count)
        confusion = np.zeros((self.count, self.count), int)
        if len(labels):
            np.add.at(confusion, (labels, self.recognise(statistics)), 1)
        return Recognition(confusion)


def measure(piece: HeardPiece, kind: str, evaluators: Evaluators) -> FloatND:
    """Takes the mel statistics of a piece."""
    return evaluators.embed(piece.audio[kind], MelStatistics(evaluators.mel))[0]


def measure_recording(recording: Recording, evaluators: Evaluators) -> FloatND:
    """Takes the mel statistics of a recording to learn from."""
    return evaluators.embed(recording.sound, MelStatistics(evaluators.mel))[0]


def aggregate(found: Measurements, evaluators: Evaluators) -> Figures:
    """Trains on the recordings, and tests on everything else."""
    known = [r for r in found.recordings if NAME in r.values]
    names = sorted({r.performance for r in known})
    if len(names) < 2:  # nothing to tell apart
        return {}
    index = {name: number for number, name in enumerate(names)}
    classifier = PerformanceClassifier(
        [r.values[NAME][RECORDING] for r in known],
        [index[r.performance] for r in known],
        len(names),
    )
    tested: dict[str, tuple[list[Measured], str]] = {k: (found.pieces, k) for k in COMPARED}
    tested[HELD_OUT] = (found.held_out, "real")
    kinds: Figures = {}
    for label, (items, kind) in tested.items():
        having = [i for i in items if kind in i.values.get(NAME, {}) and i.performance in index]
        if having:
            outcome = classifier.test(
                [i.values[NAME][kind] for i in having], [index[i.performance] for i in having]
            )
            kinds[label] = _outcome(outcome, evaluators.seed)
    if not kinds:
        return {}
    chance = 1 / len(names)
    return {"performances": names, "trained_on": len(known), "chance": chance, "kinds": kinds}


def tables(figures: Figures, report: Figures) -> list[Table]:
    """Shows accuracies beside chance, and what renderings are taken for."""
    names, kinds = figures["performances"], figures["kinds"]
    rows = []
    for kind, of in kinds.items():
        accuracy = with_interval(of["accuracy"], of["interval"])
        rows.append((_LABELS[kind], accuracy, f"{of['correct']} of {of['total']}"))
    rows.append(("chance", f"{figures['chance']:.3f}", ""))
    note = f"By a classifier of mel statistics, trained on {figures['trained_on']} recordings."
    made = [Table("Recognised performance", ("", "accuracy", "correct"), tuple(rows), note)]
    if "generated" in kinds:
        confusion = tuple(
            (name, *(str(count) if count else "" for count in row))
            for name, row in zip(names, kinds["generated"]["confusion"])
        )
        heading = "Generated pieces by target (row) and recognised performance (column)"
        made.append(Table(heading, ("", *names), confusion))
    return made


def score_rows(figures: Figures) -> Iterable[ScoreRow]:
    """Gives every accuracy, and chance."""
    for kind, of in figures["kinds"].items():
        yield "recognised performance", kind, of["accuracy"], *of["interval"]
        yield "recognised performance by chance", kind, figures["chance"], "", ""


def _outcome(outcome: Recognition, seed: int) -> Figures:
    # Their order does not matter: the interval is over recordings, each a hit or none.
    hits = [1.0] * outcome.correct + [0.0] * (outcome.total - outcome.correct)
    return {
        "accuracy": outcome.accuracy,
        "interval": bootstrap_interval(hits, mean, seed),
        "correct": outcome.correct,
        "total": outcome.total,
        "confusion": outcome.confusion.tolist(),
    }


def _labels(statistics: Sequence[FloatND], performances: Sequence[int], count: int) -> np.ndarray:
    labels = np.asarray(performances, int)
    if len(labels) != len(statistics):
        raise ValueError(f"{len(statistics)} recordings, but {len(labels)} performances")
    if np.any((labels < 0) | (labels >= count)):
        raise ValueError(f"performances {labels.min()}..{labels.max()}; must be in 0..{count - 1}")
    return labels


PERFORMANCE_CLASSIFIER = Metric(
    NAME, aggregate, tables, score_rows, measure, measure_recording, hears_level=True
)
