"""Evidence of onsets in tones made by hand: where it lies in time and in pitch."""

import numpy as np
from tone_cases import make_score, make_tones

from data_pipelines.alignment.evidence import EVIDENCE_RATE, find_onset_evidence
from data_pipelines.alignment.offsets import CHANCE, find_problem, measure_offsets
from data_pipelines.alignment.refine import find_speaking_offsets, group_onsets

KEYS = np.array([60, 67, 64, 71, 62, 69, 65, 72, 59, 66] * 3)


START = 0.7 + 0.41 * np.arange(len(KEYS))
SHARP = make_tones(START, KEYS, 0.004, 15.0)


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
    slow = make_tones(START, KEYS, 0.12, 15.0)
    onsets, evidence = group_onsets(make_score(START, KEYS)), find_onset_evidence(slow)
    heard = START + 0.04  # the middle of such an attack, where the rise is steepest
    found = heard + find_speaking_offsets(onsets, heard, evidence)
    assert np.abs(found - START).max() < 0.025


def test_shift_and_drift_are_measured() -> None:
    exact = measure_offsets(make_score(START, KEYS), SHARP)
    assert abs(exact.shift) < 0.025 and exact.found > 0.9 and find_problem(exact) is None
    early = measure_offsets(make_score(START - 0.12, KEYS), SHARP)
    assert abs(early.shift - 0.12) < 0.025
    assert str(find_problem(early)).startswith("shifted") and "ms after" in str(find_problem(early))
    slower = measure_offsets(make_score(1.03 * START, KEYS), SHARP)
    assert "drifts" in str(find_problem(slower))
    assert abs(slower.latest - slower.earliest - 0.03 * np.ptp(START) * 0.9) < 0.05


def test_wrong_notes_are_found_no_more_often_than_by_chance_and_named() -> None:
    rng = np.random.default_rng(3)
    other = make_score(np.sort(rng.uniform(0.5, 13, len(KEYS))), KEYS).transposed(6)
    offsets = measure_offsets(other, SHARP)
    assert offsets.found < CHANCE + 0.25
    assert "does not match" in str(find_problem(offsets))


def test_onsets_of_whatever_are_counted() -> None:
    evidence = find_onset_evidence(SHARP)
    between = np.append(START, START[-1] + 0.41) - 0.1
    counts = np.diff(evidence.passed(between))
    assert 1 < counts.mean() < 6 and counts.min() > 0.5
    assert evidence.passed(np.array([0.3]))[0] < 0.3  # nothing begins before the first
