"""musicnn in JAX against the published network run by TensorFlow.

``goldens/musicnn.npz`` was made once by TensorFlow 2.21 from the graph in the package's own
checkpoint (``MSD_musicnn/.meta``), the training flag off: ``random_*`` with the weights of
`random_weights`, ``real_*`` with the checkpoint's, both for `patches`; ``package_*`` with the
checkpoint's for `music` of 5 s through the package's own steps, float16 mels by librosa among them.
What needs the checkpoint's weights runs where `musicnn_setup.setup` has put them.
"""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from musicnn_cases import music, patches, random_weights

from mt3synth.evaluation.embeddings import Embedding, EmbeddingError, embedding, musicnn_setup
from mt3synth.evaluation.embeddings.musicnn import Musicnn, penultimate, tags
from mt3synth.evaluation.embeddings.musicnn_mel import musicnn_mel, slaney_filterbank

GOLDEN = np.load(Path(__file__).parents[2] / "goldens/musicnn.npz")


@pytest.fixture(scope="module")
def random_musicnn() -> Musicnn:
    return Musicnn({name: jnp.asarray(value) for name, value in random_weights().items()}, "random")


@pytest.fixture(scope="module")
def real_musicnn() -> Musicnn:
    if not (musicnn_setup.folder() / musicnn_setup.WEIGHTS).is_file():
        pytest.skip("musicnn is not set up here (mt3synth evaluate --setup)")
    return Musicnn.load()


def test_network_with_random_weights(random_musicnn: Musicnn) -> None:
    hidden = penultimate(random_musicnn.weights, patches())
    expected = GOLDEN["random_penultimate"]
    np.testing.assert_allclose(hidden, expected, atol=1e-5 * np.abs(expected).max())
    np.testing.assert_allclose(
        tags(random_musicnn.weights, hidden), GOLDEN["random_tags"], atol=1e-4
    )


def test_network_with_the_published_weights(real_musicnn: Musicnn) -> None:
    hidden = penultimate(real_musicnn.weights, patches())
    np.testing.assert_allclose(hidden, GOLDEN["real_penultimate"], atol=1e-4)
    np.testing.assert_allclose(tags(real_musicnn.weights, hidden), GOLDEN["real_tags"], atol=1e-5)


def test_whole_way_is_the_packages_up_to_its_float16(real_musicnn: Musicnn) -> None:
    found = real_musicnn(music(5.0))
    np.testing.assert_allclose(found, GOLDEN["package_penultimate"], atol=2e-3)
    np.testing.assert_allclose(
        tags(real_musicnn.weights, jnp.asarray(found)), GOLDEN["package_tags"], atol=2e-4
    )


def test_front_end_is_librosas() -> None:
    feature = pytest.importorskip("librosa").feature
    audio = 30 * music(2.0)
    power = feature.melspectrogram(
        y=audio, sr=16000, n_fft=512, hop_length=256, n_mels=96, pad_mode="reflect"
    )
    np.testing.assert_allclose(musicnn_mel(audio), np.log10(10000 * power.T + 1), atol=1e-5)


def test_filters_have_unit_area_and_their_centres_on_slaneys_scale() -> None:
    filters = slaney_filterbank()
    hz = np.arange(257) * 31.25
    wide = filters[60:]  # those with enough points for a sum to stand for an area
    np.testing.assert_allclose(wide.sum(axis=1) * 31.25, 1, rtol=0.02)
    centres = wide @ hz / wide.sum(axis=1)
    assert np.diff(np.log(centres)) == pytest.approx(np.diff(np.log(centres)).mean(), rel=0.1)


def test_long_audio_is_cut_as_the_front_end_counts_frames(random_musicnn: Musicnn) -> None:
    assert isinstance(random_musicnn, Embedding)
    audio = music(15.0)
    rows = random_musicnn(audio)
    frames = 1 + len(audio) // 256
    assert rows.shape == (1 + (frames - 187) // 61, random_musicnn.dimension)
    # The fifth window alone, from the frames around it: the same, however it was batched.
    window = musicnn_mel(audio)[4 * 61 :][:187]
    alone = penultimate(random_musicnn.weights, window[None])[0]
    np.testing.assert_allclose(rows[4], alone, atol=1e-4)
    assert random_musicnn.rate == pytest.approx(1.0246, abs=1e-4)


def test_least_audio(random_musicnn: Musicnn) -> None:
    assert random_musicnn(music(3.0)[: 186 * 256]).shape == (1, 200)
    with pytest.raises(EmbeddingError, match=r"2\.98 s of audio; musicnn needs at least 2\.98 s"):
        random_musicnn(music(3.0)[: 186 * 256 - 1])
    with pytest.raises(EmbeddingError, match="digital silence"):
        random_musicnn(np.zeros(64000, np.float32))


def test_not_installed_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(EmbeddingError, match="mt3synth evaluate --setup") as error:
        embedding("musicnn")
    assert str(tmp_path / "mt3synth") in str(error.value)
    for damage in (b"PK", b"PK\x03\x04 cut off", b""):
        (tmp_path / musicnn_setup.WEIGHTS).write_bytes(damage)
        with pytest.raises(EmbeddingError, match="damaged"):
            embedding("musicnn", str(tmp_path))


def test_loads_what_was_kept(tmp_path: Path, random_musicnn: Musicnn) -> None:
    np.savez(tmp_path / musicnn_setup.WEIGHTS, **random_weights())
    loaded = embedding("musicnn", str(tmp_path))
    audio = music(3.0)
    np.testing.assert_array_equal(loaded(audio), random_musicnn(audio))
    assert embedding("musicnn", str(tmp_path)).version == loaded.version
    other = {name: value + 1 for name, value in random_weights().items()}
    np.savez(tmp_path / musicnn_setup.WEIGHTS, **other)
    assert embedding("musicnn", str(tmp_path)).version != loaded.version
