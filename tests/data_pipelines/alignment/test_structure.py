"""Which parts of a score a recording plays: chroma made by hand, jumps at known times."""

import numpy as np
import pytest

from data_pipelines.alignment.features import FEATURE_RATE
from data_pipelines.alignment.structure import (
    Run,
    cover_enough,
    describe_runs,
    find_outside,
    find_runs,
    is_plain,
    settle_jumps,
    unfold,
)
from mt3synth.symbolic.notes import Notes

SECONDS = 60.0
ONSETS = np.arange(0, SECONDS, 0.5)


def _chroma(seed: int = 0) -> np.ndarray:
    """Makes a chord of three pitch classes for every half second of the score."""
    rng = np.random.default_rng(seed)
    chords = np.zeros((12, len(ONSETS)))
    for k in range(len(ONSETS)):
        chords[rng.choice(12, 3, replace=False), k] = 1 / 3
    return np.repeat(chords, FEATURE_RATE // 2, axis=1)


SCORE = _chroma()


def _play(*spans: tuple[float, float], tempo: float = 0.9, noise: float = 0.05) -> np.ndarray:
    """Plays stretches of the score one after the other, a little slower, and not quite in tune."""
    frames = [np.arange(a * FEATURE_RATE, b * FEATURE_RATE, tempo).astype(int) for a, b in spans]
    heard = SCORE[:, np.concatenate(frames)]
    return heard + np.random.default_rng(1).uniform(0, noise, heard.shape)


def _other(seconds: float) -> np.ndarray:
    return _chroma(7)[:, : round(seconds * FEATURE_RATE)]


@pytest.mark.parametrize(
    ("spans", "said"),
    [
        ([(0, 60)], []),
        # A repeat that is written once, one that is left out, and a cut.
        ([(0, 24), (0, 60)], ["goes back from 24.0 to 0.0"]),
        ([(0, 30), (12, 60)], ["goes back from 30.0 to 12.0"]),
        ([(0, 20), (41, 60)], ["skips from 20.0 to 41.0"]),
        ([(0, 20), (10, 40), (52, 60)], ["goes back from 20.0 to 10.0", "skips from 40.0 to 52.0"]),
    ],
)
def test_jumps_are_found_and_told_to_the_onset(spans, said) -> None:
    heard = _play(*spans)
    runs = settle_jumps(find_runs(SCORE, heard, jumps=True), ONSETS, SCORE, heard)
    seconds = heard.shape[1] / FEATURE_RATE
    lines = describe_runs(runs, (0.0, SECONDS), seconds)
    assert len(lines) == len(said)
    assert all(what in line for what, line in zip(said, lines))
    assert is_plain(runs, (0.0, SECONDS)) == (not said)
    # The recording is at them when it should be.
    played = np.cumsum([(b - a) / 0.9 for a, b in spans])
    for run, at in zip(runs, played):
        assert abs(run.recording[1] - at) < 0.6


def test_a_recording_may_have_more_before_and_after() -> None:
    heard = np.concatenate([_other(15), _play((0, 60)), _other(15)], axis=1)
    (run,) = find_runs(SCORE, heard, jumps=False)
    assert is_plain([run], (0.0, SECONDS))
    end = 15 + 60 / 0.9
    assert abs(run.recording[0] - 15) < 1.5 and abs(run.recording[1] - end) < 3
    lines = describe_runs([run], (0.0, SECONDS), heard.shape[1] / FEATURE_RATE)
    assert len(lines) == 2 and "the recording up to 1" in lines[0]
    assert "on is not of the score" in lines[1]
    outside = find_outside([run], np.array([2.0, 15.0, 40.0, 90.0]))
    assert outside.tolist() == [True, False, False, True]


def test_a_score_may_have_more_before_and_after() -> None:
    heard = _play((12, 50))
    (run,) = find_runs(SCORE, heard, jumps=False)
    assert abs(run.score[0] - 12) < 1.5 and abs(run.score[1] - 50) < 1.5
    lines = describe_runs([run], (0.0, SECONDS), heard.shape[1] / FEATURE_RATE)
    assert len(lines) == 2 and all("is not played" in line for line in lines)


def test_what_happens_to_be_alike_is_no_structure() -> None:
    runs = find_runs(SCORE, _chroma(3), jumps=True)
    assert not cover_enough(runs, (0.0, SECONDS), SECONDS)
    assert cover_enough([Run((0.0, 40.0), (1.0, 45.0))], (0.0, SECONDS), 60.0)
    assert not cover_enough([Run((0.0, 20.0), (1.0, 45.0))], (0.0, SECONDS), 60.0)
    assert is_plain([], (0.0, SECONDS)) and not find_outside([], np.zeros(3)).any()


def test_a_score_is_written_out_as_it_is_played() -> None:
    same = np.ones(4, int)
    start = np.array([0.0, 1.0, 2.0, 3.0])
    score = Notes(start, start + 1.5, 60 + np.arange(4), 80 * same, 0 * same, same == 0)
    runs = [Run((0.0, 2.0), (0.0, 2.0)), Run((0.0, 1.0), (2.0, 3.0)), Run((3.0, 4.5), (5.0, 6.5))]
    played = unfold(score, runs)
    np.testing.assert_allclose(played.start, [0, 1, 2, 5])
    np.testing.assert_allclose(played.end, [1.5, 2, 3, 6.5])
    assert played.pitch.tolist() == [60, 61, 60, 63]
