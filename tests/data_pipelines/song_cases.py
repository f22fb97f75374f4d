"""Songs that tests write and read back."""

import numpy as np

from data_pipelines.songs import Song
from mt3synth.symbolic.notes import Notes

RATE = 16000


def some_notes(count: int, seconds: float, seed: int = 0) -> Notes:
    """Draws pitched notes and drums on the grid of 1 ms, none overlapping another of its key."""
    rng = np.random.default_rng(seed)
    start = np.sort(rng.choice(np.arange(int(1000 * seconds) - 400), count, replace=False)) / 1000
    is_drum = rng.random(count) < 0.2
    return Notes(
        start=start,
        end=start + rng.integers(10, 300, count) / 1000,
        pitch=36 + np.arange(count) % 60,
        velocity=rng.integers(1, 128, count),
        program=np.where(is_drum, 0, rng.choice([0, 40, 73], count)),
        is_drum=is_drum,
    ).sorted()


def noise_song(name: str, seconds: float, performance: int = 0, seed: int = 0) -> Song:
    """Makes white noise under notes that have nothing to do with it."""
    rng = np.random.default_rng(seed)
    audio = rng.integers(-20000, 20000, int(seconds * RATE)).astype(np.int16)
    return Song(name, audio, RATE, some_notes(30, seconds, seed), performance)


def assert_same_song(one: Song, other: Song) -> None:
    """Checks that songs are equal in every field, notes to a microsecond."""
    assert (one.id, one.sample_rate, one.performance) == (
        other.id,
        other.sample_rate,
        other.performance,
    )
    np.testing.assert_array_equal(one.audio, other.audio)
    for name in ("pitch", "velocity", "program", "is_drum"):
        np.testing.assert_array_equal(getattr(one.notes, name), getattr(other.notes, name))
    np.testing.assert_allclose(one.notes.start, other.notes.start, atol=1e-6)
    np.testing.assert_allclose(one.notes.end, other.notes.end, atol=1e-6)
