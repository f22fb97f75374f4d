"""Seams: a cut is heard where it is, and times without one are like any other."""

import tracemalloc

import numpy as np
import pytest

from mt3synth.audio.mel import MELGAN
from mt3synth.evaluation.evaluation_set import Seams
from mt3synth.evaluation.metrics.seams import (
    changes,
    exceedance,
    random_times,
    spectral_flux,
)

RATE = MELGAN.sample_rate


def steady(hertz: float, seconds: float) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    hiss = np.random.default_rng(0).normal(0, 0.01, len(time))
    return (0.3 * np.sin(2 * np.pi * hertz * time) + hiss).astype(np.float32)


def test_times_are_the_middles_of_the_blends() -> None:
    seams = Seams(hop=4.48, overlap=0.64)  # 256 frames of which 32 are shared
    np.testing.assert_allclose(seams.times(15.0), [4.8, 9.28, 13.76])
    np.testing.assert_allclose(Seams(2.0).times(6.0), [2.0, 4.0])  # the end is no seam
    assert len(seams.times(4.0)) == 0


@pytest.mark.parametrize("hop, overlap", [(0.0, 0.0), (-1.0, 0.0), (1.0, 1.5), (1.0, -0.1)])
def test_segments_that_cannot_be(hop: float, overlap: float) -> None:
    with pytest.raises(ValueError, match=r"hop|overlap"):
        Seams(hop, overlap)


def test_random_times_are_away_from_seams_and_ends() -> None:
    seams = Seams(hop=1.0, overlap=0.2)
    times = random_times(seams, 10.0, 500, seed=1)
    assert len(times) == 500
    assert times.min() >= seams.reach and times.max() <= 10 - seams.reach
    distance = np.abs(times[:, None] - seams.times(10.0)[None]).min(axis=1)
    assert distance.min() >= seams.reach
    np.testing.assert_array_equal(times, random_times(seams, 10.0, 500, seed=1))
    # Subset evenly: the quarters of the song get about a quarter each.
    shares = np.histogram(times, bins=4, range=(0, 10))[0] / 500
    assert shares.min() > 0.15


def test_times_in_hours_of_audio_need_little_memory() -> None:
    seams = Seams(hop=1.0)
    tracemalloc.start()
    try:
        times = random_times(seams, 7200.0, 4000, seed=0)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 50e6
    beside = np.abs(times - np.round(times))  # seams are at whole seconds
    assert beside.min() >= seams.reach


def test_a_cut_stands_out_and_steady_sound_does_not() -> None:
    seams = Seams(2.0)
    cut = np.concatenate([steady(440 * 2 ** (i % 2), 2.0) for i in range(5)])
    found = changes(cut, MELGAN, seams, seed=0)
    assert found is not None and len(found.flux[0]) == 4 and len(found.flux[1]) == 32
    assert exceedance(*found.flux) == exceedance(*found.jump) == 1
    whole = changes(steady(440, 10.0), MELGAN, seams, seed=0)
    assert whole is not None
    assert 0.1 < exceedance(*whole.flux) < 0.9


def test_a_cut_elsewhere_is_not_taken_for_a_seam() -> None:
    audio = np.concatenate([steady(440, 3.0), steady(880, 3.0)])
    found = changes(audio, MELGAN, Seams(2.0), seed=0)
    assert found is not None
    assert found.flux[0].max() < found.flux[1].max()


def test_flux_is_that_of_its_definition() -> None:
    audio = np.random.default_rng(3).normal(0, 0.1, 2 * MELGAN.hop + MELGAN.window)
    audio = audio.astype(np.float32)
    loud = audio / np.sqrt(np.mean(audio.astype(float) ** 2))
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(640) / 639)
    n = np.arange(640)
    basis = np.exp(-2j * np.pi * np.outer(np.arange(513), n) / 1024)
    first, second = (np.abs(basis @ (window * loud[i : i + 640])) for i in (0, 320))
    expected = sum(b - a for a, b in zip(first, second) if b > a)
    assert spectral_flux(audio, MELGAN)[0] == pytest.approx(expected, rel=1e-4)
    np.testing.assert_allclose(
        spectral_flux(5 * audio, MELGAN), spectral_flux(audio, MELGAN), rtol=1e-4
    )


def test_exceedance_counts_pairs() -> None:
    seams, times = np.array([1.0, 3.0, 5.0]), np.array([0.0, 3.0])
    # 1 > 0; 3 > 0 and ties with 3; 5 > both: 1 + 1.5 + 2 of 6 pairs.
    assert exceedance(seams, times) == pytest.approx(4.5 / 6)
    with pytest.raises(ValueError, match="at least 1 each"):
        exceedance(seams, np.zeros(0))


def test_audio_shorter_than_a_segment_has_no_seams() -> None:
    assert changes(steady(440, 1.0), MELGAN, Seams(2.0), seed=0) is None
