"""The map of times, and following offsets: closed forms."""

import numpy as np
import pytest

from data_pipelines.alignment.following import track_offsets
from data_pipelines.alignment.warping import TimeMap, make_increasing, map_onsets
from mt3synth.symbolic.notes import Notes


def _notes(start, end) -> Notes:
    same = np.ones(len(start), int)
    return Notes(np.array(start), np.array(end), 60 * same, 80 * same, 40 * same, same == 0)


def test_a_map_is_linear_between_onsets_and_goes_on_at_the_tempo_of_its_ends() -> None:
    time_map = TimeMap(np.array([0.0, 10.0, 20.0]), np.array([5.0, 25.0, 30.0]))
    np.testing.assert_allclose(
        time_map(np.array([-1.0, 0.0, 2.5, 10.0, 12.0, 20.0, 22.0])),
        [3.0, 5.0, 10.0, 25.0, 26.0, 30.0, 31.0],
    )


def test_a_single_onset_only_shifts() -> None:
    time_map = TimeMap(np.array([2.0]), np.array([7.0]))
    np.testing.assert_allclose(time_map(np.array([0.0, 2.0, 9.0])), [5.0, 7.0, 14.0])


def test_warped_notes_stay_inside_the_recording_and_keep_all_else() -> None:
    notes = _notes([0.0, 1.0, 4.0], [1.0, 4.5, 9.0])
    warped = TimeMap(np.array([0.0, 4.0]), np.array([0.5, 8.5])).warp(notes, seconds=12.0)
    np.testing.assert_allclose(warped.start, [0.5, 2.5, 8.5])
    np.testing.assert_allclose(warped.end, [2.5, 9.5, 12.0])
    for column in ("pitch", "velocity", "program", "is_drum"):
        np.testing.assert_array_equal(getattr(warped, column), getattr(notes, column))


def test_notes_may_be_apart_from_the_map() -> None:
    notes = _notes([0.0, 0.0, 4.0], [1.0, 1.0, 5.0])
    time_map = TimeMap(np.array([0.0, 4.0]), np.array([0.5, 8.5])).shifted(1.0)
    warped = time_map.warp(notes, 12.0, np.array([0.0, 0.03, -0.2]))
    np.testing.assert_allclose(warped.start, [1.5, 1.53, 9.3])
    np.testing.assert_allclose(warped.end, [3.5, 3.53, 11.3])


@pytest.mark.parametrize(
    ("score", "recording"),
    [([0.0, 1.0], [3.0, 3.0]), ([0.0, 0.0], [1.0, 2.0]), ([0.0], [1.0, 2.0]), ([], [])],
)
def test_a_map_that_does_not_increase_is_refused(score, recording) -> None:
    with pytest.raises(ValueError, match=r"increase|at least 1"):
        TimeMap(np.array(score), np.array(recording))


def test_a_path_gives_the_middle_of_where_the_score_waits() -> None:
    # At 50 frames a second: the score rests on frame 50 while the recording goes from 50 to 100.
    waits = [(50, k) for k in range(50, 101)]
    path = np.array([(k, k) for k in range(50)] + waits + [(50 + k, 100 + k) for k in range(1, 60)])
    time_map = map_onsets(np.array([0.0, 0.5, 1.0]), path.T, lead=0.5)
    np.testing.assert_allclose(time_map.recording, [0.5, 1.5, 2.5])


def test_increasing_moves_only_what_does_not() -> None:
    times = np.array([0.0, 1.0, 0.9, 2.0])
    np.testing.assert_allclose(make_increasing(times, step=0.1), [0.0, 1.0, 1.1, 2.0])


def test_offsets_are_followed_through_noise() -> None:
    rng = np.random.default_rng(0)
    times, offsets = np.arange(0, 60, 0.5), np.arange(-1, 1.001, 0.01)
    truth = 0.3 + 0.004 * times
    evidence = rng.uniform(0, 4, (len(times), len(offsets)))
    evidence += 5 * (np.abs(offsets - truth[:, None]) < 0.015)
    evidence[::3] = rng.uniform(0, 9, evidence[::3].shape)  # a third of them mislead
    found = track_offsets(evidence, offsets, times, jitter=0.002, drift=0.02)
    assert np.abs(found - truth).max() < 0.05


def test_tracked_times_never_go_back() -> None:
    offsets = np.array([-0.5, 0.0, 0.5])
    evidence = np.array([[0.0, 0.0, 5.0], [5.0, 0.0, 0.0]])  # each wants to pass the other
    times = np.array([1.0, 1.2])
    found = times + track_offsets(evidence, offsets, times, jitter=10.0, drift=0.0)
    assert found[1] >= found[0]
