"""Evidence of onsets in tones made by hand: where it lies in time and in pitch."""

import numpy as np

from data_pipelines.alignment.evidence import EVIDENCE_RATE, find_onset_evidence
from data_pipelines.alignment.features import SAMPLE_RATE
from data_pipelines.alignment.offsets import CHANCE, find_problem, measure_offsets
from data_pipelines.alignment.refine import find_speaking_offsets, group_onsets
from mt3synth.symbolic.notes import Notes

KEYS = np.array([60, 67, 64, 71, 62, 69, 65, 72, 59, 66] * 3)


def _tones(start: np.ndarray, attack: float, seconds: float) -> np.ndarray:
    """Makes decaying tones with four harmonics that rise linearly for ``attack`` seconds."""
    time = np.arange(int(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    audio = 1e-4 * np.random.default_rng(0).standard_normal(len(time))
    for key, begin in zip(KEYS, start):
        since = np.maximum(time - begin, 0)
        level = np.minimum(since / attack, 1) * np.exp(-4 * since)
        for harmonic in range(1, 5):
            hz = 440 * 2 ** ((key - 69) / 12) * harmonic
            audio += 0.1 / harmonic * level * np.sin(2 * np.pi * hz * since)
    return audio.astype(np.float32)


def _score(start: np.ndarray) -> Notes:
    same = np.ones(len(start), int)
    return Notes(start, start + 0.4, KEYS, 80 * same, 0 * same, same == 0)


START = 0.7 + 0.41 * np.arange(len(KEYS))
SHARP = _tones(START, 0.004, 15.0)


def test_evidence_peaks_at_the_key_and_the_time_of_an_onset() -> None:
    evidence = find_onset_evidence(SHARP)
    assert len(evidence.rise) == int(np.ceil(len(SHARP) / 110))
    around = np.arange(-0.15, 0.15, 1 / EVIDENCE_RATE)
    for key, begin in zip(KEYS, START):
        curve = evidence.rises(begin + around, np.full(len(around), key))
        assert abs(around[curve.argmax()]) < 0.03
        keys = np.array([key - 3, key - 1, key, key + 1, key + 3])
        beside = evidence.rises(np.full(5, begin), keys)
        assert beside.argmax() == 2


def test_no_evidence_outside_the_recording() -> None:
    evidence = find_onset_evidence(SHARP)
    times = np.array([-1.0, 15.2, 1e4])
    assert not evidence.rises(times, np.full(3, 60)).any()


def test_slow_attacks_are_traced_back_to_their_foot() -> None:
    slow = _tones(START, 0.12, 15.0)
    onsets, evidence = group_onsets(_score(START)), find_onset_evidence(slow)
    heard = START + 0.04  # the middle of such an attack, where the rise is steepest
    found = heard + find_speaking_offsets(onsets, heard, evidence)
    assert np.abs(found - START).max() < 0.025


def test_shift_and_drift_are_measured() -> None:
    exact = measure_offsets(_score(START), SHARP)
    assert abs(exact.shift) < 0.025 and exact.found > 0.9 and find_problem(exact) is None
    early = measure_offsets(_score(START - 0.12), SHARP)
    assert abs(early.shift - 0.12) < 0.025
    assert str(find_problem(early)).startswith("shifted") and "ms after" in str(find_problem(early))
    slower = measure_offsets(_score(1.03 * START), SHARP)
    assert "drifts" in str(find_problem(slower))
    assert abs(slower.latest - slower.earliest - 0.03 * np.ptp(START) * 0.9) < 0.05


def test_wrong_notes_are_found_no_more_often_than_by_chance_and_named() -> None:
    rng = np.random.default_rng(3)
    other = _score(np.sort(rng.uniform(0.5, 13, len(KEYS)))).transposed(6)
    offsets = measure_offsets(other, SHARP)
    assert offsets.found < CHANCE + 0.25
    assert "does not match" in str(find_problem(offsets))
