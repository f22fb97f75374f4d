"""The performance classifier on recordings whose separability is known."""

import numpy as np
import pytest

from mt3synth.evaluation.metrics.performance_classifier import (
    PerformanceClassifier,
    Recognition,
    mel_statistics,
)

P, BINS, FRAMES = 4, 32, 60


def recordings(
    per_performance: int, seed: int, distance: float = 1.5
) -> tuple[list[np.ndarray], list[int]]:
    """Statistics of noise around a colour for each performance, each time at a level of its own."""
    colours = np.random.default_rng(99).normal(0, distance, (P, BINS))
    rng = np.random.default_rng(seed)
    labels = [p for p in range(P) for _ in range(per_performance)]
    mels = [
        (colours[p] + rng.normal(0, 1) + rng.normal(0, 1, (FRAMES, BINS))).astype(np.float32)
        for p in labels
    ]
    return [mel_statistics(mel) for mel in mels], labels


def test_statistics_by_hand() -> None:
    mel = np.array([[0.0, 1.0], [2.0, 1.0], [1.0, 1.0]], np.float32)
    expected = [1.0, 1.0, np.sqrt(2 / 3), 0.0, 1.5, 0.0]
    np.testing.assert_allclose(mel_statistics(mel), expected, rtol=1e-6)


def test_recognises_what_is_separable() -> None:
    classifier = PerformanceClassifier(*recordings(20, seed=0), P)
    outcome = classifier.test(*recordings(10, seed=1))
    assert outcome.total == 40
    assert outcome.accuracy > 0.95
    assert outcome.chance == 0.25


def test_chance_where_labels_say_nothing() -> None:
    statistics, labels = recordings(50, seed=0)
    shuffled = np.random.default_rng(0).permutation(labels).tolist()
    test_statistics, test_labels = recordings(50, seed=1)
    guesses = np.random.default_rng(1).permutation(test_labels).tolist()
    outcome = PerformanceClassifier(statistics, shuffled, P).test(test_statistics, guesses)
    # 200 independent guesses at 1/4: four standard deviations are 0.12.
    assert outcome.accuracy == pytest.approx(0.25, abs=0.12)


def test_chance_where_recordings_sound_alike() -> None:
    classifier = PerformanceClassifier(*recordings(50, seed=0, distance=0.0), P)
    outcome = classifier.test(*recordings(50, seed=1, distance=0.0))
    assert outcome.accuracy == pytest.approx(0.25, abs=0.12)


def test_confusion_has_targets_in_rows() -> None:
    classifier = PerformanceClassifier(*recordings(20, seed=0), P)
    statistics, _ = recordings(1, seed=2)
    outcome = classifier.test(statistics[:1], [3])  # a recording of 0 that is said to be of 3
    assert outcome.confusion[3, 0] == 1
    assert outcome.correct == 0


def test_no_recordings_tested() -> None:
    assert np.isnan(Recognition(np.zeros((2, 2), int)).accuracy)


def test_refuses_a_performance_without_recordings() -> None:
    statistics, labels = recordings(2, seed=0)
    with pytest.raises(ValueError, match=r"no recording of performances \[4\]"):
        PerformanceClassifier(statistics, labels, P + 1)


def test_refuses_labels_that_do_not_fit() -> None:
    statistics, labels = recordings(2, seed=0)
    with pytest.raises(ValueError, match="8 recordings, but 7 performances"):
        PerformanceClassifier(statistics, labels[1:], P)
    with pytest.raises(ValueError, match=r"performances 0..3; must be in 0..2"):
        PerformanceClassifier(statistics, labels, 3)


def test_refuses_a_single_frame() -> None:
    with pytest.raises(ValueError, match="log-mel of 1 frames; must be at least 2"):
        mel_statistics(np.zeros((1, 4), np.float32))
