"""TRILL and VGGish: small SavedModels with the signatures of the published ones."""

import sys
from pathlib import Path

import numpy as np
import pytest

from mt3synth.evaluation.embeddings import Embedding, EmbeddingError, embedding

RATE = 16000
HOPS = {"trill": 2672, "vggish": 15360}
DIMENSIONS = {"trill": 512, "vggish": 128}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folders ``trill`` and ``vggish``: frames' power times 1, 2, 3, ..."""
    tf = pytest.importorskip("tensorflow")

    def embed(samples: object, name: str) -> object:
        frames = tf.signal.frame(samples, 15360, HOPS[name])
        power = tf.reduce_mean(frames**2, axis=1, keepdims=True)
        return power * tf.range(1, DIMENSIONS[name] + 1, dtype=tf.float32)

    class Trill(tf.Module):
        @tf.function(
            input_signature=[tf.TensorSpec([None], tf.float32), tf.TensorSpec([], tf.int32)]
        )
        def __call__(self, samples: object, sample_rate: object) -> dict[str, object]:
            tf.debugging.assert_equal(sample_rate, RATE)
            rows = embed(samples, "trill")
            return {"embedding": rows, "layer19": tf.tile(rows, [1, 24])}

    class VGGish(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.float32)])
        def __call__(self, waveform: object) -> object:
            return embed(waveform, "vggish")

    folder = tmp_path_factory.mktemp("models")
    tf.saved_model.save(Trill(), str(folder / "trill"))
    tf.saved_model.save(VGGish(), str(folder / "vggish"))
    return folder


@pytest.mark.parametrize("name", ["trill", "vggish"])
def test_calls_a_local_model_as_published(models: Path, name: str) -> None:
    loaded = embedding(name, str(models / name))
    assert isinstance(loaded, Embedding)
    assert (loaded.name, loaded.sample_rate, loaded.dimension) == (name, RATE, DIMENSIONS[name])
    audio = np.random.default_rng(0).normal(0, 0.1, 5 * RATE).astype(np.float32)
    rows = loaded(audio)
    assert rows.dtype == np.float32
    power = [np.mean(audio[i : i + 15360] ** 2) for i in range(0, len(audio) - 15359, HOPS[name])]
    expected = np.outer(power, np.arange(1, DIMENSIONS[name] + 1))
    np.testing.assert_allclose(rows, expected, rtol=1e-4)


def test_long_audio_goes_through_in_minutes(models: Path) -> None:
    loaded = embedding("vggish", str(models / "vggish"))
    audio = np.random.default_rng(1).normal(0, 0.1, 125 * RATE + 900).astype(np.float32)
    minutes = [audio[:960000], audio[960000:1920000], audio[1920000:]]
    np.testing.assert_array_equal(
        loaded(audio), np.concatenate([loaded(minute) for minute in minutes])
    )
    # What is left after two minutes and half a second is too short to be heard.
    assert len(loaded(audio[: 120 * RATE + 8000])) == 2 * len(loaded(minutes[0]))


def test_refuses_audio(models: Path) -> None:
    loaded = embedding("trill", str(models / "trill"))
    with pytest.raises(EmbeddingError, match=r"0\.50 s of audio; trill needs at least 1\.00 s"):
        loaded(np.ones(8000, np.float32))
    with pytest.raises(EmbeddingError, match="digital silence"):
        loaded(np.zeros(32000, np.float32))


def test_version_is_that_of_the_files(models: Path, tmp_path: Path) -> None:
    versions = {name: embedding(name, str(models / name)).version for name in DIMENSIONS}
    assert versions["trill"] != versions["vggish"]
    assert embedding("trill", str(models / "trill")).version == versions["trill"]


def test_another_model_is_refused(models: Path) -> None:
    audio = np.ones(32000, np.float32)
    with pytest.raises(EmbeddingError, match="cannot be called as trill") as error:
        embedding("trill", str(models / "vggish"))(audio)
    assert "\n" not in str(error.value)
    with pytest.raises(EmbeddingError, match="cannot be called as vggish"):
        embedding("vggish", str(models / "trill"))(audio)


def test_no_model_there(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow")
    with pytest.raises(EmbeddingError, match=r"no folder of a SavedModel \(saved_model.pb is miss"):
        embedding("vggish", str(tmp_path))
    (tmp_path / "saved_model.pb").write_bytes(b"junk")
    with pytest.raises(EmbeddingError, match="vggish cannot be loaded from") as error:
        embedding("vggish", str(tmp_path))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("library", ["tensorflow", "tensorflow_hub"])
def test_not_installed_says_how_to_get_it(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(EmbeddingError, match=f"vggish needs {library}: pip install tensorflow ten"):
        embedding("vggish")


def test_an_address_goes_to_tensorflow_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("tensorflow")
    asked = []

    class Hub:
        @staticmethod
        def load(address: str) -> object:
            asked.append(address)
            if "nowhere" in address:
                raise OSError("no route\nto host")
            return lambda samples: np.zeros((3, 128))

    monkeypatch.setitem(sys.modules, "tensorflow_hub", Hub())
    assert embedding("vggish")(np.ones(RATE, np.float32)).shape == (3, 128)
    assert asked == ["https://tfhub.dev/google/vggish/1"]
    with pytest.raises(EmbeddingError, match=r"cannot be loaded from https://nowhere: no route$"):
        embedding("trill", "https://nowhere")
