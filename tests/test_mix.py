"""Parts summed: stems add up to the mix, in files too, and nothing clips."""

import numpy as np
import pytest
import soundfile

from mt3synth.mix import add_sounds, add_streams, mix_parts


def noise(seed: int, samples: int, level: float) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-level, level, samples).astype(np.float32)


def test_streams_are_summed_as_whole_sounds_are():
    sounds = [noise(seed, 100 * (3 - seed), 0.3) for seed in range(3)]
    cuts = ([50, 120], [], [0, 99, 99])  # parts of any length, also of none
    streams = [iter(np.split(sound, cut)) for sound, cut in zip(sounds, cuts)]
    np.testing.assert_allclose(
        np.concatenate(list(add_streams(streams))), add_sounds(sounds), atol=1e-7
    )


@pytest.mark.parametrize("level", [0.1, 0.9, 3.0])
def test_files_of_stems_add_up_to_the_file_of_the_mix(tmp_path, level):
    mix = mix_parts({str(seed): noise(seed, 4000, level) for seed in range(5)})
    for name, sound in {"mix": mix.audio, **mix.stems}.items():
        soundfile.write(tmp_path / f"{name}.wav", sound, 16000, "PCM_16")
    read = [soundfile.read(tmp_path / f"{name}.wav", dtype="int16")[0] for name in mix.stems]
    expected = soundfile.read(tmp_path / "mix.wav", dtype="int16")[0]
    np.testing.assert_array_equal(np.sum(np.int32(read), axis=0), expected)
    assert max(np.abs(sound).max() for sound in (mix.audio, *mix.stems.values())) <= 1


def test_the_gain_is_one_for_all_and_1_where_nothing_clips():
    sounds = {"a": noise(0, 100, 0.4), "b": noise(1, 100, 0.4)}
    assert mix_parts(sounds).gain == 1
    loud = mix_parts({name: 4 * sound for name, sound in sounds.items()})
    assert loud.gain < 1
    for name, sound in sounds.items():
        np.testing.assert_allclose(loud.stems[name], loud.gain * 4 * sound, atol=2e-5)


def test_parts_that_cancel_must_fit_all_the_same():
    sound = noise(0, 100, 3.0)
    mix = mix_parts({"a": sound, "b": -sound})
    assert max(np.abs(stem).max() for stem in mix.stems.values()) <= 1
    assert not mix.audio.any()


def test_shorter_parts_end_in_silence():
    mix = mix_parts({"a": noise(0, 100, 0.4), "b": noise(1, 60, 0.4)})
    assert {len(mix.audio), *(len(stem) for stem in mix.stems.values())} == {100}
    assert not mix.stems["b"][60:].any()


def test_parts_may_be_stereo():
    sounds = {"a": noise(0, 200, 0.9).reshape(100, 2), "b": noise(1, 120, 0.9).reshape(60, 2)}
    mix = mix_parts(sounds)
    assert mix.audio.shape == (100, 2)
    np.testing.assert_allclose(mix.audio, sum(mix.stems.values()), atol=1e-6)
