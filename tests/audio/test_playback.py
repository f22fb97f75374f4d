"""Sound made fit to be played while the rest is made."""

import numpy as np
import pytest

from mt3synth.audio.playback import in_blocks, limit_softly, to_pcm


def test_what_is_not_too_loud_stays_as_it_is():
    audio = np.linspace(-0.9, 0.9, 101, dtype=np.float32)
    np.testing.assert_array_equal(limit_softly(audio), audio)


def test_nothing_exceeds_full_scale_and_louder_stays_louder():
    audio = np.linspace(-1.5, 1.5, 3001, dtype=np.float32)
    limited = limit_softly(audio)
    assert limited.dtype == np.float32
    assert np.abs(limited).max() <= 1
    # No corner where the bend begins, which would be heard as distortion.
    slopes = np.diff(limited) / np.diff(audio)
    assert np.all(slopes >= 0) and np.abs(np.diff(slopes)).max() < 0.05


def test_each_sample_is_limited_by_itself():
    audio = np.random.default_rng(0).normal(0, 0.7, 1000).astype(np.float32)
    parts = [limit_softly(part) for part in np.split(audio, [1, 17, 500])]
    np.testing.assert_array_equal(np.concatenate(parts), limit_softly(audio))


@pytest.mark.parametrize("samples", [1, 7, 64, 1000])
def test_blocks_hold_the_same_samples_however_they_came(samples):
    audio = np.arange(300, dtype=np.float32)
    blocks = list(in_blocks(np.split(audio, [0, 5, 5, 6, 120]), samples))
    assert [len(block) for block in blocks[:-1]] == [samples] * (len(blocks) - 1)
    assert 1 <= len(blocks[-1]) <= samples
    np.testing.assert_array_equal(np.concatenate(blocks), audio)


def test_a_block_is_given_as_soon_as_it_is_full():
    parts = iter([np.zeros(10, np.float32), np.zeros(1, np.float32)])
    assert len(next(in_blocks(parts, 4))) == 4
    assert len(next(parts)) == 1
    with pytest.raises(ValueError, match="samples=0; must be at least 1"):
        next(in_blocks([], 0))


def test_samples_as_16_bit_integers():
    assert to_pcm(np.array([0, 1, -1, 0.5], np.float32)) == bytes.fromhex("0000ff7f01800040")
