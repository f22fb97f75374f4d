"""Pieces of sound for a vocoder: the same whenever they are asked for, whatever holds them."""

import tracemalloc
from itertools import islice

import numpy as np
import pytest
from song_cases import RATE, noise_song

from data_pipelines.reading.augmentation import AugmentationConfig, augment
from data_pipelines.reading.song_lists import list_songs
from data_pipelines.reading.vocoder_data import VocoderData
from data_pipelines.shards.formats import FORMATS
from data_pipelines.shards.names import shard_path
from mt3synth.errors import UserError

PLAIN = AugmentationConfig(mix=0.0, equalise=0.0, room=0.0, noise=0.0, gain_db=(0.0, 0.0))
SAMPLES = 3200


def build(folder, kind: str):
    folder.mkdir()
    shapes = FORMATS[kind]
    for split, count in (("train", 3), ("validation", 2)):
        songs = [noise_song(f"{split}{i}", 1.0 + 0.5 * i, seed=i) for i in range(count)]
        for shard in range(2 if split == "train" else 1):
            part = songs[shard::2] if split == "train" else songs
            total = 2 if split == "train" else 1
            shapes.write(shard_path(folder, split, shard, total, shapes.suffix), part)
    return folder


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    top = tmp_path_factory.mktemp("sound")
    return {kind: build(top / kind, kind) for kind in FORMATS}


def batches(data: VocoderData, count: int, start: int = 0, batch: int = 4, **share) -> np.ndarray:
    with data.training(SAMPLES, RATE, batch, 5, start, **share) as stream:
        return np.concatenate([each["audio"] for each in islice(stream, count)])


@pytest.mark.parametrize("kind", FORMATS)
def test_any_stretch_of_a_song_is_read(folders, kind):
    song = list_songs(folders[kind], "train")[1].audio
    original = noise_song("train2", 2.0, seed=2).audio
    assert (song.id, song.samples) == ("train2", len(original))
    np.testing.assert_array_equal(song.read(100, 50) * 32768, original[100:150])
    edges = song.read(-3, len(original) + 5) * 32768
    np.testing.assert_array_equal(edges, np.pad(original, (3, 2)))


def test_both_formats_give_the_same_segments(folders):
    one, other = (batches(VocoderData(folder), 3) for folder in folders.values())
    np.testing.assert_array_equal(one, other)
    assert one.dtype == np.float32 and np.abs(one).max() <= 1 and not np.array_equal(*one[:2])


def test_a_later_start_and_several_processes_read_the_same(folders):
    data = VocoderData(folders["numpy"])
    whole = batches(data, 4)
    np.testing.assert_array_equal(batches(data, 2, start=2), whole[8:])
    halves = [batches(data, 4, batch=2, process_index=i, process_count=2) for i in range(2)]
    for number in range(4):
        together = np.concatenate([half[2 * number :][:2] for half in halves])
        np.testing.assert_array_equal(together, whole[4 * number :][:4])


def test_without_augmentation_segments_are_of_the_songs(folders):
    data = VocoderData(folders["tfrecord"], PLAIN)
    sounds = [song.audio for song in list_songs(folders["tfrecord"], "train")]
    songs = [sound.read(0, sound.samples) for sound in sounds]
    for segment in batches(data, 2):
        first = [np.flatnonzero(song[:-SAMPLES] == segment[0]) for song in songs]
        assert any(
            np.array_equal(song[at : at + SAMPLES], segment)
            for song, places in zip(songs, first)
            for at in places
        )


def test_validation_is_always_the_same_and_as_recorded(folders):
    data = VocoderData([folders["numpy"]])
    held_out = data.validation(SAMPLES, RATE, 6)
    assert held_out.shape == (6, SAMPLES)
    np.testing.assert_array_equal(held_out, data.validation(SAMPLES, RATE, 6))
    assert len(data.validation(SAMPLES, RATE, 1000)) == 40000 // SAMPLES


def test_identity_tells_other_data_apart(folders):
    one, other = (VocoderData(folders["numpy"], a).identity for a in (None, PLAIN))
    assert one != other and one == VocoderData(folders["numpy"]).identity


def test_what_cannot_be_used_is_refused(folders, tmp_path):
    with pytest.raises(UserError, match="no such folder"):
        VocoderData(tmp_path / "none")
    with pytest.raises(ValueError, match="at least one"):
        VocoderData([])


@pytest.mark.parametrize("rate", [8000, 44100])
def test_songs_are_taken_to_the_rate_of_the_vocoder(folders, rate, capsys):
    data = VocoderData(folders["numpy"], PLAIN)
    data.check(rate)
    assert ("16000 samples per second, the vocoder 44100" in capsys.readouterr().err) == (
        rate > 16000
    )
    samples = rate // 4
    audio = next(data.training(samples, rate, 4, 0, 0))["audio"]
    assert audio.shape == (4, samples) and np.abs(audio).max() > 0.05
    power = np.abs(np.fft.rfft(audio)) ** 2
    above = power[:, np.fft.rfftfreq(samples, 1 / rate) > 8500].sum()
    assert above < 0.01 * power.sum()
    assert data.validation(samples, rate, 2).shape == (2, samples)


def test_a_mixture_is_the_sum_at_the_level_that_is_drawn():
    one, other = np.random.default_rng(0).uniform(-0.1, 0.1, (2, 100)).astype(np.float32)
    config = AugmentationConfig(
        mix=1.0, mix_db=(-20.0, -20.0), equalise=0.0, room=0.0, noise=0.0, gain_db=(6.0, 6.0)
    )
    made = augment(one, other, RATE, config, np.random.default_rng(1))
    np.testing.assert_allclose(made, (one + 0.1 * other) * 10**0.3, rtol=1e-5)


def test_gain_stops_at_full_scale():
    audio = np.array([0.25, -0.5], np.float32)
    config = AugmentationConfig(equalise=0.0, room=0.0, noise=0.0, gain_db=(20.0, 20.0))
    made = augment(audio, None, RATE, config, np.random.default_rng(0))
    np.testing.assert_allclose(made, [0.5, -1.0])


def test_noise_has_the_level_that_is_drawn():
    audio = 0.1 * np.sin(np.arange(100000)).astype(np.float32)
    config = AugmentationConfig(
        equalise=0.0, room=0.0, noise=1.0, noise_db=(-20.0, -20.0), gain_db=(0.0, 0.0)
    )
    noise = augment(audio, None, RATE, config, np.random.default_rng(0)) - audio
    assert 20 * np.log10(np.std(noise) / np.std(audio)) == pytest.approx(-20, abs=1)


def test_a_room_keeps_the_direct_sound_and_rings_after_it():
    audio = np.zeros(RATE, np.float32)
    audio[1000] = 0.01
    config = AugmentationConfig(
        equalise=0.0, room=1.0, decay_s=(0.5, 0.5), noise=0.0, gain_db=(0.0, 0.0)
    )
    made = augment(audio, None, RATE, config, np.random.default_rng(0))
    assert np.abs(made[:1000]).max() < 1e-6 and made[1000] == pytest.approx(0.01)
    early, late = (np.std(made[at : at + 800]) for at in (2000, 5200))
    # 0.2 s later, at 60 dB in 0.5 s.
    assert 20 * np.log10(late / early) == pytest.approx(-24, abs=3)


def test_a_room_of_an_instant_is_none():
    audio = np.linspace(-0.5, 0.5, 50).astype(np.float32)
    config = AugmentationConfig(
        equalise=0.0, room=1.0, decay_s=(1e-6, 1e-6), noise=0.0, gain_db=(0.0, 0.0)
    )
    made = augment(audio, None, RATE, config, np.random.default_rng(0))
    np.testing.assert_allclose(made, audio, atol=1e-6)


def test_whatever_is_drawn_stays_within_full_scale():
    loud = np.random.default_rng(0).uniform(-1, 1, (2, 4000)).astype(np.float32)
    config = AugmentationConfig(mix=1.0, equalise=1.0, room=1.0, noise=1.0, noise_db=(-5.0, 0.0))
    for seed in range(20):
        made = augment(loud[0], loud[1], RATE, config, np.random.default_rng(seed))
        again = augment(loud[0], loud[1], RATE, config, np.random.default_rng(seed))
        np.testing.assert_array_equal(made, again)
        assert np.isfinite(made).all() and np.abs(made).max() <= 1
    silence = np.zeros(100, np.float32)
    assert not augment(silence, silence, RATE, config, np.random.default_rng(0)).any()


def test_songs_shorter_than_a_segment_are_filled_with_silence(folders):
    data = VocoderData(folders["numpy"], PLAIN)
    with data.training(40000, RATE, 3, 5, 0) as stream:
        audio = next(stream)["audio"]
    assert audio.shape == (3, 40000) and all(not segment[-8000:].any() for segment in audio)
    assert len(data.validation(24000, RATE, 5)) == 1
    assert len(data.validation(10**6, RATE, 5)) == 0


def test_memory_does_not_grow_with_batches(folders):
    data = VocoderData(folders["tfrecord"])
    with data.training(SAMPLES, RATE, 8, 0, 0) as stream:
        tracemalloc.start()
        held = []
        for count in (10, 60):
            for _ in islice(stream, count):
                pass
            held.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
    # A batch is 100 KB, and two of them wait.
    assert held[1] - held[0] < 1e6


def test_an_equaliser_stays_within_its_bands():
    impulse = np.zeros(4096, np.float32)
    impulse[0] = 0.01
    config = AugmentationConfig(
        equalise=1.0, bands=1, band_db=12.0, room=0.0, noise=0.0, gain_db=(0.0, 0.0)
    )
    extremes = []
    for seed in range(40):
        made = augment(impulse, None, RATE, config, np.random.default_rng(seed))
        response = 20 * np.log10(np.abs(np.fft.rfft(made / 0.01)))
        extremes.append(np.abs(response).max())
        # A peak leaves both ends alone, a shelf one of them.
        assert min(abs(response[0]), abs(response[-1])) < 0.5
    assert max(extremes) < 12.5 and max(extremes) > 6


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"mix": 1.5}, "mix=1.5; must be in"),
        ({"noise_db": (0.0, -1.0)}, "must not be above"),
        ({"bands": 0}, "bands=0"),
        ({"decay_s": (0.0, 1.0)}, "must be positive"),
    ],
)
def test_augmentations_that_cannot_be(fields, message):
    with pytest.raises(ValueError, match=message):
        AugmentationConfig(**fields)
