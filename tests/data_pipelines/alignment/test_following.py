"""Following onsets at a free tempo, voices that come apart and chords that spread."""

import numpy as np
import pytest
from tone_cases import make_score, make_tones

from data_pipelines.alignment.evidence import find_onset_evidence
from data_pipelines.alignment.following import follow_onsets
from data_pipelines.alignment.refine import group_onsets, refine
from data_pipelines.alignment.warping import TimeMap

OFFSETS = np.arange(-1.5, 1.505, 0.01)
SCORE = 0.4 * np.arange(60)


def _play(seed: int) -> np.ndarray:
    """Plays at a tempo that wavers, slows down to half at the end, and pauses for a second."""
    rng = np.random.default_rng(seed)
    stretch = np.where(SCORE > 20, np.interp(SCORE, [20, 24], [1.0, 2.0]), 1.0)
    steps = 0.4 * stretch * np.exp(rng.normal(0, 0.08, len(SCORE)))
    steps[30] += 1.0
    return 1.0 + np.cumsum(steps)


def _hear(truth: np.ndarray, centre: np.ndarray, seed: int) -> np.ndarray:
    """Makes evidence with a peak at the truth, a fifth of them missing, and as many elsewhere."""
    rng = np.random.default_rng(seed)
    at = centre[:, None] + OFFSETS
    evidence = rng.uniform(0, 1.5, at.shape)
    heard = rng.random(len(truth)) > 0.2
    evidence += 4 * heard[:, None] * np.exp(-(((at - truth[:, None]) / 0.015) ** 2))
    elsewhere = truth + rng.uniform(-1, 1, len(truth))
    return evidence + 3 * np.exp(-(((at - elsewhere[:, None]) / 0.015) ** 2))


def _no_more(times: np.ndarray) -> np.ndarray:
    return np.zeros(np.shape(times))


@pytest.mark.parametrize("seed", range(3))
def test_rubato_a_ritardando_and_a_pause_are_followed_from_a_path_that_is_off(seed: int) -> None:
    truth = _play(seed)
    off = 0.5 * np.sin(SCORE / 3)  # the path wavers by half a second
    path = TimeMap(SCORE, np.maximum.accumulate(truth + off) + 1e-3 * np.arange(len(SCORE)))
    found = follow_onsets(_hear(truth, path.recording, seed), OFFSETS, path, _no_more)
    error = np.abs(found - truth)
    assert np.median(error) <= 0.01 and np.mean(error < 0.05) > 0.85
    assert np.all(np.diff(found) >= -1e-9)


def test_what_sounds_between_two_neighbours_speaks_against_them() -> None:
    """Of two repeated chords the score has one, and both are heard alike."""
    score = np.arange(12.0)
    path = TimeMap(score, score + 0.5)
    at = path.recording[:, None] + OFFSETS
    evidence = 4 * np.exp(-(((at - score[:, None]) / 0.02) ** 2))
    evidence += 4 * np.exp(-(((at - score[:, None] - 1.0) / 0.02) ** 2))  # a beat late as well
    evidence[0] = 0.0  # the beginning is not heard

    def passed(times: np.ndarray) -> np.ndarray:
        return np.floor(np.maximum(times, 0) + 1)  # something begins at every second

    found = follow_onsets(evidence, OFFSETS, path, passed)
    steps = np.diff(found[1:])
    np.testing.assert_allclose(steps, 1.0, atol=0.02)


KEYS = np.array([60, 67, 64, 71, 62, 69, 65, 72, 59, 66] * 3)
START = 0.7 + 0.41 * np.arange(len(KEYS))


def test_a_chord_that_is_spread_is_found_note_by_note() -> None:
    keys = np.concatenate([KEYS, KEYS + 15, KEYS - 16])
    written = np.tile(START, 3)
    late = np.repeat([0.0, 0.05, -0.04], len(KEYS))
    onsets = group_onsets(make_score(written, keys))
    evidence = find_onset_evidence(make_tones(written + late, keys, 0.004, 15.0))
    time_map, spread = refine(onsets, TimeMap(START, START + 0.1), evidence)
    found = (time_map(written)[onsets.place] + spread) - (written + late)[onsets.place]
    together = (time_map(written) - (written + late))[onsets.place]
    assert np.median(np.abs(found)) < 0.012 < np.median(np.abs(together))
    assert np.percentile(np.abs(found), 95) < 0.04


def test_a_voice_that_comes_later_is_told_from_the_others() -> None:
    keys = np.concatenate([KEYS, KEYS + 15])
    written = np.tile(START, 2)
    program = np.repeat([0, 24], len(KEYS))
    late = np.where(program == 24, 0.12, 0.0)
    onsets = group_onsets(make_score(written, keys, program))
    evidence = find_onset_evidence(make_tones(written + late, keys, 0.004, 15.0))
    time_map, apart = refine(onsets, TimeMap(START, START), evidence)
    found = (time_map(written)[onsets.place] + apart) - (written + late)[onsets.place]
    assert np.percentile(np.abs(found), 90) < 0.03
