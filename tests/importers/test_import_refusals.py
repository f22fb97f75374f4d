"""Imports that fail: one line says which parameter or file, and nothing is written."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from checkpoint_cases import (
    GIN,
    ancestors,
    golden,
    torch_modules,
    write_diffusers,
    write_orbax,
    write_t5x,
)
from flax.serialization import msgpack_restore, msgpack_serialize
from safetensors.numpy import load_file, save_file

from mt3synth import cli

Refused = Callable[..., str]


@pytest.fixture(scope="module")
def parameters() -> dict[str, np.ndarray]:
    return ancestors(golden("network_context"))


@pytest.fixture(scope="module")
def sources(
    tmp_path_factory: pytest.TempPathFactory, parameters: dict[str, np.ndarray]
) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("sources")
    return {
        "t5x": write_t5x(folder / "t5x", parameters),
        "diffusers": write_diffusers(folder / "diffusers", parameters),
    }


@pytest.fixture
def t5x(tmp_path: Path, sources: dict[str, Path]) -> Path:
    return shutil.copytree(sources["t5x"], tmp_path / "theirs")


@pytest.fixture
def diffusers(tmp_path: Path, sources: dict[str, Path]) -> Path:
    return shutil.copytree(sources["diffusers"], tmp_path / "theirs")


@pytest.fixture
def refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Refused:
    """Returns the one line said about a source."""

    def call(source: Path, *options: str) -> str:
        out = tmp_path / "ours"
        status = cli.main(["import", str(source), "--out", str(out), *options])
        lines = capsys.readouterr().err.splitlines()
        assert status == 2 and len(lines) == 1, lines
        assert not out.exists() and not list(tmp_path.glob(".*.unfinished"))
        return lines[0]

    return call


def edit_index(folder: Path, edit: Callable[[dict], None]) -> None:
    """Changes what the index of the t5x checkpoint says of the parameters."""
    path = folder / "checkpoint_500000" / "checkpoint"
    index = msgpack_restore(path.read_bytes())
    edit(index["optimizer"]["target"])
    path.write_bytes(msgpack_serialize(index))


def edit_weights(folder: Path, component: str, edit: Callable[[dict], None]) -> None:
    """Changes the arrays of one module of the diffusers folder."""
    path = folder / component / "diffusion_pytorch_model.safetensors"
    arrays = load_file(path)
    edit(arrays)
    save_file(arrays, path)


def edit_json(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_missing_and_unknown_parameters_are_named_as_t5x_names_them(
    t5x: Path, refused: Refused
) -> None:
    def edit(target: dict) -> None:
        layer = target["token_encoder"]["layers_0"]
        for name in ("query", "key", "value", "out"):
            del layer["attention"][name]
        layer["relpos_bias"] = {"rel_embedding": layer["mlp"]["wi_0"]["kernel"]}

    edit_index(t5x, edit)
    said = refused(t5x)
    assert "not those of the network (80 parameters)" in said
    assert "4 missing: token_encoder/layers_0/attention/key/kernel, " in said
    assert "1 unknown: token_encoder/layers_0/relpos_bias/rel_embedding" in said
    assert said.count("token_encoder/layers_0/attention/") == 3


def test_misshapen_parameters_are_named_as_diffusers_names_them(
    diffusers: Path, refused: Refused
) -> None:
    def edit(arrays: dict) -> None:
        arrays["decoders.1.layer.2.film.scale_bias.weight"] = np.zeros((64, 96), np.float32)
        del arrays["spec_out.weight"]

    edit_weights(diffusers, "decoder", edit)
    said = refused(diffusers)
    name = "decoder/decoders.1.layer.2.film.scale_bias.weight"
    assert f"1 of another shape: {name} ((64, 96) instead of (64, 128))" in said
    assert "1 missing: decoder/spec_out.weight;" in said


def test_a_table_of_positions_that_is_not_there_is_missing(t5x: Path, refused: Refused) -> None:
    edit_index(t5x, lambda target: target["decoder"].pop("Embed_0"))
    assert "1 missing: decoder/Embed_0/embedding" in refused(t5x)


def test_a_vocabulary_of_another_kind(diffusers: Path, refused: Refused) -> None:
    def edit(arrays: dict) -> None:
        arrays["token_embedder.weight"] = np.zeros((1500, 32), np.float32)

    edit_weights(diffusers, "notes_encoder", edit)
    said = refused(diffusers)
    assert "notes_encoder/token_embedder.weight has 1500 rows; must be 1536 or 1664" in said


def test_numbers_that_are_not_finite(diffusers: Path, refused: Refused) -> None:
    def edit(arrays: dict) -> None:
        arrays["decoder_norm.weight"][3] = np.nan

    edit_weights(diffusers, "decoder", edit)
    assert "decoder/decoder_norm.weight holds numbers that are not finite" in refused(diffusers)


ZARR = "checkpoint_500000/target.decoder.layers_1.mlp.wo.kernel"


@pytest.mark.parametrize("damage", ["cut", "gone", "headless", "other"])
def test_a_damaged_array(t5x: Path, refused: Refused, damage: str) -> None:
    chunk = t5x / ZARR / "0.0"
    if damage == "cut":
        chunk.write_bytes(chunk.read_bytes()[:40])
    elif damage == "gone":  # as after a download that broke off; zarr would read zeros
        chunk.unlink()
    elif damage == "headless":
        (t5x / ZARR / ".zarray").unlink()
    else:
        shutil.rmtree(t5x / ZARR)
        shutil.copytree(t5x / ZARR.replace("wo", "wi_0"), t5x / ZARR)
    said = refused(t5x)
    assert "decoder/layers_1/mlp/wo/kernel " in said
    assert ("has (32, 48)" if damage == "other" else "cannot be read") in said


def test_an_array_outside_the_folder_is_not_opened(t5x: Path, refused: Refused) -> None:
    def edit(target: dict) -> None:
        target["decoder"]["decoder_norm"]["scale"]["kvstore"]["path"] = "../../elsewhere/"

    edit_index(t5x, edit)
    assert "path ../../elsewhere leads out of the folder" in refused(t5x)


@pytest.mark.parametrize("content", [b"", b"model_checkpoint_path: 1", b"\x81\xa1a\x01"])
def test_an_index_that_is_none(t5x: Path, refused: Refused, content: bytes) -> None:
    (t5x / "checkpoint_500000" / "checkpoint").write_bytes(content)
    assert "checkpoint: is no index of a t5x checkpoint" in refused(t5x)


def test_a_state_that_orbax_did_not_finish(
    tmp_path: Path, parameters: dict[str, np.ndarray], refused: Refused
) -> None:
    folder = write_orbax(tmp_path / "theirs", parameters)
    (folder / "checkpoint_7" / "state" / "_METADATA").unlink()
    assert "state: is no checkpoint of orbax" in refused(folder)


@pytest.mark.usefixtures("as_released")
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("network.T5Config.num_heads = 4", "attention/key/kernel ((32, 32) instead of (32, 64))"),
        ("network.T5Config.num_heads = 'two'", "heads='two'; must be a whole number"),
        ("network.T5Config.num_heads = 0", "heads=0; must be at least 1"),
        ("network.T5Config.context_positions = 'regular'", "only 'terminal_relative' can be"),
        ("network.T5Config.mlp_activations = ('relu',)", "only ('gelu', 'linear') can be imported"),
        ("network.T5Config.decoder_cross_attend_style = 'x'", "decoder_cross_attend_style is 'x'"),
        ("diffusion_utils.DiffusionConfig.model_output = 'both'", "prediction 'both' is unknown"),
        ("train/diffusion_utils.DiffusionSchedule.name = 'linear'", "only 'cosine' can be"),
        ("network.T5Config.num_heads = (", "cannot be read as a gin file"),
    ],
)
def test_a_configuration_of_another_network(
    t5x: Path, refused: Refused, line: str, said: str
) -> None:
    (t5x / "config.gin").write_text(f"{GIN}\n{line}\n")
    assert said in refused(t5x)


def test_a_configuration_without_sizes(t5x: Path, refused: Refused) -> None:
    (t5x / "config.gin").write_text("network.T5Config.emb_dim = 32\n")
    assert "config.gin: does not say what T5Config.num_encoder_layers is" in refused(t5x)


def test_a_network_that_cannot_be_told(t5x: Path, refused: Refused) -> None:
    (t5x / "config.gin").unlink()
    assert "give --config small_with_context or base_with_context" in refused(t5x)
    assert "of another shape" in refused(t5x, "--config", "small_with_context")


def test_another_model_than_the_one_that_is_said(diffusers: Path, refused: Refused) -> None:
    said = refused(diffusers, "--config", "base_with_context")
    assert "is not base_with_context: encoder_layers is 2, not 12" in said


@pytest.mark.parametrize(
    ("file", "changes", "said"),
    [
        ("model_index.json", {"_class_name": "AudioLDMPipeline"}, "is a AudioLDMPipeline; must be"),
        ("decoder/config.json", {"max_decoder_noise_time": 2000.0}, "must be 20000.0"),
        ("decoder/config.json", {"d_ff": 64}, "notes_encoder/config.json: d_ff is 48; must be 64"),
        ("continuous_encoder/config.json", {"num_layers": 3}, "num_layers is 3; must be 2"),
        ("notes_encoder/config.json", {"feed_forward_proj": "relu"}, "must be 'gated-gelu'"),
        ("decoder/config.json", {"dropout_rate": "high"}, "could not convert string to float"),
    ],
)
def test_a_pipeline_of_another_network(
    diffusers: Path, refused: Refused, file: str, changes: dict, said: str
) -> None:
    edit_json(diffusers / file, **changes)
    assert said in refused(diffusers)


def test_files_of_a_pipeline_that_cannot_be_read(diffusers: Path, refused: Refused) -> None:
    weights = diffusers / "decoder" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:5000])
    assert re.search(r"decoder/diffusion_pytorch_model.safetensors: cannot be", refused(diffusers))
    weights.unlink()
    assert "decoder: has no diffusion_pytorch_model.safetensors" in refused(diffusers)
    (diffusers / "decoder" / "config.json").write_text("{")
    weights.write_bytes(b"")
    assert "safetensors: cannot be read" in refused(diffusers)
    (diffusers / "model_index.json").write_text("[]")
    assert "model_index.json: must be a JSON object" in refused(diffusers)


def as_pickles(folder: Path) -> None:
    for path in folder.glob("*/*.safetensors"):
        path.rename(path.with_suffix(".bin"))


def test_pickles_need_pytorch(
    diffusers: Path, refused: Refused, monkeypatch: pytest.MonkeyPatch
) -> None:
    as_pickles(diffusers)
    monkeypatch.setitem(sys.modules, "torch", None)
    said = refused(diffusers)
    assert "diffusion_pytorch_model.bin: reading it needs PyTorch" in said
    assert "take the .safetensors" in said


def test_pickles_are_only_read_as_plain_arrays(
    diffusers: Path,
    parameters: dict[str, np.ndarray],
    refused: Refused,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    as_pickles(diffusers)
    modules = torch_modules(parameters)

    class Tensor(np.ndarray):
        def float(self) -> SimpleNamespace:
            return SimpleNamespace(numpy=lambda: np.asarray(self))

    def load(path: Path, map_location: str, weights_only: bool) -> dict[str, np.ndarray]:
        assert map_location == "cpu" and weights_only
        if path.parent.name == "decoder":
            raise RuntimeError("Weights only load failed.\nThis file can still be loaded ...")
        return {k: v.view(Tensor) for k, v in modules[path.parent.name].items()}

    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(load=load))
    said = refused(diffusers)
    assert said.endswith("model.bin: holds no plain arrays of PyTorch: Weights only load failed.")
