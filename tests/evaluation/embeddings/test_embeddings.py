"""Embeddings by name, what they refuse, and the cache of what they gave."""

from pathlib import Path

import numpy as np
import pytest

from mt3synth.audio.files import write_audio
from mt3synth.errors import UserError
from mt3synth.evaluation.embeddings import NAMES, Embedding, EmbeddingError, embedding
from mt3synth.evaluation.embeddings.cache import EmbeddingCache
from mt3synth.evaluation.embeddings.log_mel import LogMelStatistics

RATE = 16000


def noise(seconds: float, level: float = 0.1, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.normal(0, level, round(RATE * seconds)).astype(np.float32)


class Counting(LogMelStatistics):
    """Log-mel statistics that know how often they were asked."""

    calls = 0

    def __call__(self, audio: np.ndarray) -> np.ndarray:
        Counting.calls += 1
        return super().__call__(audio)


@pytest.fixture
def counting() -> Counting:
    Counting.calls = 0
    return Counting()


def test_log_mel_has_the_shape_it_states() -> None:
    log_mel = embedding("log-mel")
    assert isinstance(log_mel, Embedding)
    rows = log_mel(noise(30))
    assert rows.shape[1] == log_mel.dimension == 32
    assert rows.dtype == np.float32
    assert len(rows) == pytest.approx(30 * log_mel.rate, abs=2)


def test_log_mel_of_noise_has_its_level_and_hardly_moves() -> None:
    quiet, loud = (embedding("log-mel")(noise(5, level)) for level in (0.01, 0.1))
    assert np.ptp(quiet[:, :16], axis=0).max() < 0.4
    np.testing.assert_allclose(loud[:, :16] - quiet[:, :16], np.log(10), atol=1e-3)
    np.testing.assert_allclose(loud[:, 16:], quiet[:, 16:], atol=1e-3)


def test_log_mel_hears_a_tone_in_its_band_and_a_tremolo_in_its_deviation() -> None:
    time = np.arange(5 * RATE) / RATE
    tone = 0.3 * np.sin(2 * np.pi * 1000 * time)
    tremolo = tone * (1 + 0.9 * np.sin(2 * np.pi * 4 * time))
    steady, moving = (embedding("log-mel")(x.astype(np.float32)) for x in (tone, tremolo))
    # 1000 Hz is 1127 ln(1 + 1000 / 700) of 1127 ln(1 + 8000 / 700) mel: 35 % up the bands.
    band = int(16 * np.log1p(1000 / 700) / np.log1p(8000 / 700))
    assert (steady[:, :16].argmax(axis=1) == band).all()
    assert (moving[:, 16 + band] > 10 * steady[:, 16 + band]).all()


def test_log_mel_does_not_hear_what_nobody_hears() -> None:
    padded = np.concatenate([noise(3), np.zeros(3 * RATE, np.float32)])
    hissing = padded + noise(6, 1e-6, seed=1)
    np.testing.assert_allclose(
        embedding("log-mel")(padded), embedding("log-mel")(hissing), atol=1e-3
    )


@pytest.mark.parametrize(
    ("audio", "message"),
    [
        (np.zeros(0, np.float32), "no audio (0 samples)"),
        (np.zeros(2 * RATE, np.float32), "digital silence (2.0 s)"),
        (np.array([0.5, np.nan, np.inf] * RATE, np.float32), "32000 of 48000 samples are not fin"),
        (noise(0.5), "0.50 s of audio; log-mel needs at least 1.02 s"),
        (np.zeros((2, RATE), np.float32), "audio float32[2, 16000]; must be mono"),
        (np.ones(2 * RATE, np.int16), "audio int16[32000]; must be mono float"),
    ],
)
def test_refuses_audio(audio: np.ndarray, message: str) -> None:
    with pytest.raises(EmbeddingError) as error:
        embedding("log-mel")(audio)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_least_audio_gives_one_embedding() -> None:
    least = noise(2)[:16320]
    assert len(embedding("log-mel")(least)) == 1
    with pytest.raises(EmbeddingError):
        embedding("log-mel")(least[:-1])


def test_names() -> None:
    with pytest.raises(
        EmbeddingError, match="embedding 'clap'; must be one of log-mel, performance, "
    ):
        embedding("clap")
    with pytest.raises(EmbeddingError, match="log-mel has no weights to take from here"):
        embedding("log-mel", "here")
    assert "log-mel" in NAMES


def test_a_file_is_embedded_once_for_its_content(tmp_path: Path, counting: Counting) -> None:
    write_audio(tmp_path / "a.wav", noise(3), RATE, {})
    cache = EmbeddingCache(tmp_path / "cache")
    first = cache.of_file(tmp_path / "a.wav", counting)
    (tmp_path / "a.wav").rename(tmp_path / "renamed.wav")
    again = EmbeddingCache(tmp_path / "cache").of_file(tmp_path / "renamed.wav", counting)
    np.testing.assert_array_equal(first, again)
    assert Counting.calls == 1
    write_audio(tmp_path / "renamed.wav", noise(3, seed=1), RATE, {})
    assert not np.array_equal(cache.of_file(tmp_path / "renamed.wav", counting), first)
    assert Counting.calls == 2


def test_another_version_is_another_embedding(tmp_path: Path, counting: Counting) -> None:
    write_audio(tmp_path / "a.wav", noise(3), RATE, {})
    cache = EmbeddingCache(tmp_path / "cache")
    cache.of_file(tmp_path / "a.wav", counting)
    cache.of_file(tmp_path / "a.wav", Counting(version="2"))
    assert Counting.calls == 2


@pytest.mark.parametrize("damage", [b"", b"\x93NUMPY", None])
def test_a_damaged_entry_is_made_anew(
    tmp_path: Path, counting: Counting, damage: bytes | None
) -> None:
    cache, audio = EmbeddingCache(tmp_path / "cache"), noise(3)
    rows = cache.of_audio(audio, RATE, counting)
    [kept] = (tmp_path / "cache").rglob("*.npy")
    if damage is None:
        np.save(kept, rows[:, :5])
    else:
        kept.write_bytes(damage)
    np.testing.assert_array_equal(cache.of_audio(audio, RATE, counting), rows)
    assert Counting.calls == 2
    np.testing.assert_array_equal(np.load(kept), rows)
    assert [p.name for p in (tmp_path / "cache").rglob("*") if p.is_file()] == [kept.name]


def test_another_sample_rate_is_resampled(tmp_path: Path, counting: Counting) -> None:
    def tone(rate: int) -> np.ndarray:
        return (0.3 * np.sin(2 * np.pi * 440 * np.arange(4 * rate) / rate)).astype(np.float32)

    cache = EmbeddingCache(None)
    own = cache.of_audio(tone(RATE), RATE, counting)
    write_audio(tmp_path / "a.flac", tone(44100), 44100, {})
    for other in (
        cache.of_audio(tone(48000), 48000, counting),
        cache.of_file(tmp_path / "a.flac", counting),
    ):
        # The tone's own band; the others hold what 16 bits and the filter leave.
        np.testing.assert_allclose(other[1:-1, 3], own[1:-1, 3], atol=0.02)


def test_samples_and_their_rate_are_told_apart(tmp_path: Path, counting: Counting) -> None:
    cache = EmbeddingCache(tmp_path)
    slow = cache.of_audio(noise(4), RATE, counting)
    assert not np.array_equal(cache.of_audio(noise(4), RATE // 2, counting)[: len(slow)], slow)


def test_messages_name_the_file(tmp_path: Path, counting: Counting) -> None:
    silent = tmp_path / "silent.wav"
    write_audio(silent, np.zeros(2 * RATE, np.float32), RATE, {})
    for cache in (EmbeddingCache(None), EmbeddingCache(tmp_path / "cache")):
        with pytest.raises(UserError, match=r"silent\.wav: digital silence"):
            cache.of_file(silent, counting)
        with pytest.raises(UserError, match=r"missing\.wav: cannot be read"):
            cache.of_file(tmp_path / "missing.wav", counting)
    (tmp_path / "full").write_bytes(b"")
    with pytest.raises(UserError, match="cannot be written"):
        EmbeddingCache(tmp_path / "full").of_audio(noise(2), RATE, counting)
