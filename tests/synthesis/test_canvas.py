"""Windows over a song: nothing lost, nothing counted twice."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from mt3synth.synthesis.canvas import Windows

CASES = [(1, 16, 4), (16, 16, 4), (17, 16, 4), (100, 16, 4), (100, 16, 0), (97, 16, 8)]


@pytest.mark.parametrize(("frames", "window", "overlap"), CASES)
def test_windows_cover_the_song_and_no_more_than_one_is_in_excess(frames, window, overlap):
    windows = Windows(frames, window, overlap)
    assert windows.canvas_frames >= frames
    assert windows.count == 1 or windows.canvas_frames - windows.hop < frames
    assert windows.starts[-1] + window == windows.canvas_frames


@pytest.mark.parametrize(("frames", "window", "overlap"), CASES)
def test_joining_what_was_split_changes_nothing(frames, window, overlap):
    windows = Windows(frames, window, overlap)
    canvas = jax.random.normal(jax.random.key(0), (windows.canvas_frames, 3))
    views = windows.split(canvas)
    for start, view in zip(windows.starts, views):
        np.testing.assert_array_equal(view, canvas[start : start + window])
    np.testing.assert_allclose(windows.join(views), canvas, atol=1e-6)


def test_over_a_join_one_window_fades_evenly_into_the_next():
    windows = Windows(28, 16, 4)
    views = jnp.stack([jnp.zeros((16, 1)), jnp.ones((16, 1))])
    np.testing.assert_allclose(
        windows.join(views)[:, 0], [0] * 12 + [0.2, 0.4, 0.6, 0.8] + [1] * 12, atol=1e-6
    )


@pytest.mark.parametrize("arguments", [(0, 16, 4), (10, 0, 0), (10, 16, 9), (10, 16, -1)])
def test_bad_lengths_are_refused(arguments):
    with pytest.raises(ValueError, match="must be"):
        Windows(*arguments)
