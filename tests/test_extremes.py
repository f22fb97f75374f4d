"""What nobody plays: the default bundle renders it all the same, finite and below full scale."""

from collections.abc import Iterator

import numpy as np
import pytest

import mt3synth
from mt3synth.score import Span, read_score
from mt3synth.symbolic.notes import Notes

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("well_compiled")]
RATE = 16000


@pytest.fixture(scope="module")
def model() -> mt3synth.Model:
    return mt3synth.load()


def play(start, keys, program, seconds=0.4, velocity=127) -> Notes:
    start = np.asarray(start, float)
    same = np.ones(len(start), int)
    return Notes(start, start + seconds, keys * same, velocity * same, program * same, same == 0)


def drum_roll(count: int) -> Notes:
    start, same = 2 + np.arange(count) / 20, np.ones(count, int)
    keys = 27 + np.arange(count) % 61
    return Notes(start, start + 0.1, keys, 127 * same, 0 * same, same == 1)


def power_db(audio: np.ndarray) -> float:
    return float(10 * np.log10(np.mean(np.square(audio, dtype=np.float64)) + 1e-12))


def test_a_wall_of_sound_neither_clips_nor_breaks(model):
    chord = play(np.zeros(60), 30 + np.arange(60), np.arange(60), seconds=1.5)
    # 300 notes a second for two seconds, by all programs there are, sound effects among them.
    rush = play(2 + np.arange(600) / 300, 21 + np.arange(600) % 88, np.arange(600) % 128, 0.05)
    song = model.render(Notes.concatenate([chord, rush, drum_roll(40)]), steps=0)
    assert np.isfinite(song.audio).all() and np.abs(song.audio).max() <= 1
    # Bent and not cut off: where sound is clipped, samples in a row lie at the bound.
    at_bound = np.abs(song.audio) >= 0.9999
    assert not np.any(at_bound[1:] & at_bound[:-1])
    parts = [song.audio[int(RATE * a) : int(RATE * b)] for a, b in ((0, 1.5), (2, 4))]
    assert all(power_db(part) > -40 for part in parts)


def frames_of(model: mt3synth.Model, notes: Notes) -> Iterator[np.ndarray]:
    """Yields a song's frames from left to right: its sound would take minutes, and no more tell."""
    renderer = model.renderer(steps=0)
    score = read_score(notes, Span(), model.spec)
    return renderer.synthesizer.stream(score.notes, renderer.shares(score), renderer.config)


def test_two_hours_with_half_an_hour_of_silence_after_each_note_are_finite_and_quiet(model):
    at = np.arange(0.0, 7199.0, 1799.0)
    rate, spec = model.spec.mel.frame_rate, model.spec.mel
    count, loudest = 0, []
    for frames in frames_of(model, play(at, 60, 0)):
        assert np.isfinite(frames).all()
        # Within the range of what the network was trained on, which no vocoder is surprised by.
        assert frames.max() <= spec.scale_high + 1e-3 and frames.min() >= spec.scale_low - 1e-3
        loudest.append(frames.max(axis=1))
        count += len(frames)
    loudest = np.concatenate(loudest)
    assert count == len(loudest) == pytest.approx((at[-1] + 2.9) * rate, abs=2)
    within = np.rint(at * rate).astype(int)
    assert (loudest[within + 5] > -2).all()
    # 20 s after a note there is nothing left of it: all such frames are alike.
    later = np.concatenate([loudest[w + round(20 * rate) : w + round(100 * rate)] for w in within])
    assert len(later) and later.max() < loudest[within + 5].min() - 2
