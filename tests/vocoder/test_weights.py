"""A vocoder's two files, written, read and damaged."""

import dataclasses
import errno
import json
import os
import shutil

import jax
import numpy as np
import pytest
from neural_cases import TINY, melody_mel, tiny_weights
from safetensors.numpy import load_file, save_file

from mt3synth.audio.mel import MELGAN
from mt3synth.vocoder import files, neural
from mt3synth.vocoder.files import VocoderFileError


@pytest.fixture
def folder(tmp_path):
    vocoder = tiny_weights()
    files.write(tmp_path / "voice", vocoder.config, vocoder.spec, vocoder.params)
    return tmp_path / "voice"


def test_comes_back_as_it_was(folder):
    vocoder, made = files.read(folder), tiny_weights()
    assert (vocoder.spec, vocoder.config) == (MELGAN, TINY)
    assert jax.tree.structure(vocoder.params) == jax.tree.structure(made.params)
    for read, written in zip(jax.tree.leaves(vocoder.params), jax.tree.leaves(made.params)):
        assert read.dtype == np.float32
        np.testing.assert_array_equal(read, written)
    mel = melody_mel(20)
    np.testing.assert_array_equal(
        neural.load(folder)(mel), neural.NeuralVocoder.of(tiny_weights())(mel)
    )


def test_the_files_are_small_and_may_be_read(folder):
    assert sorted(path.name for path in folder.iterdir()) == sorted(files.FILES)
    stored = load_file(folder / files.WEIGHTS)
    assert {str(value.dtype) for value in stored.values()} == {"float16"}
    assert (folder / files.WEIGHTS).stat().st_mode & 0o777 == 0o644
    assert files.read(folder).size == sum(value.size for value in stored.values())


def test_the_hash_is_of_the_content(folder, tmp_path):
    shutil.copytree(folder, tmp_path / "elsewhere")
    assert files.read(folder).hash == files.read(tmp_path / "elsewhere").hash
    assert files.read(folder).hash == tiny_weights().hash != tiny_weights(seed=1).hash
    narrower = dataclasses.replace(MELGAN, high_hz=7000.0)
    assert dataclasses.replace(tiny_weights(), spec=narrower).hash != tiny_weights().hash


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"type": "wavenet"}, "type 'wavenet'; must be 'vocos'"),
        ({"mel": {}}, "mel spec with fields missing"),
        ({"mel": {**MELGAN.to_dict(), "hop": 300}}, "hop=300"),
        ({"config": {"depth": 3}}, "has no depth"),
        ({"config": {"layers": 0}}, "layers=0; must be at least 1"),
        ({"config": {**dataclasses.asdict(TINY), "width": 24}}, "(16,) instead of (24,)"),
        ({"config": {**dataclasses.asdict(TINY), "layers": 2}}, " missing: "),
        ({"config": []}, "config is a list; must be an object"),
    ],
)
def test_a_description_that_will_not_do(folder, change, said):
    described = json.loads((folder / files.DESCRIPTION).read_text())
    (folder / files.DESCRIPTION).write_text(json.dumps(described | change))
    with pytest.raises(VocoderFileError) as refusal:
        files.read(folder)
    assert said in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("name", files.FILES)
def test_a_file_that_is_missing_or_damaged(folder, name):
    path = folder / name
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(VocoderFileError, match=name):
        files.read(folder)
    path.unlink()
    assert files.has_vocoder(folder)
    with pytest.raises(VocoderFileError, match=f"it has no {name}"):
        files.read(folder)


def test_a_weight_too_many(folder):
    stored = load_file(folder / files.WEIGHTS)
    save_file({**stored, "more": np.zeros(1, np.float16)}, folder / files.WEIGHTS)
    with pytest.raises(
        VocoderFileError, match=r"not those of the network \(\d+ parameters\): 1 unknown: more"
    ):
        files.read(folder)


def test_no_folder_of_a_vocoder(tmp_path):
    assert not files.has_vocoder(tmp_path)
    with pytest.raises(
        VocoderFileError, match=r"holds no trained vocoder: it has no vocoder\.json"
    ):
        files.read(tmp_path)


def test_an_existing_folder_is_left_alone(folder):
    made = tiny_weights(seed=1)
    with pytest.raises(VocoderFileError, match="exists; give a new folder"):
        files.write(folder, made.config, made.spec, made.params)
    assert files.read(folder).hash == tiny_weights().hash


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "replace", full)
    made = tiny_weights()
    with pytest.raises(VocoderFileError, match="No space left on device"):
        files.write(tmp_path / "voice", made.config, made.spec, made.params)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("value", [1e6, np.nan])
def test_weights_that_float16_cannot_hold(tmp_path, value):
    made = tiny_weights()
    params = jax.tree.map(lambda leaf: np.full_like(leaf, value), made.params)
    with pytest.raises(ValueError, match="are not finite as float16"):
        files.write(tmp_path / "voice", made.config, made.spec, params)
    assert not list(tmp_path.iterdir())
