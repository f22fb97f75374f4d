"""Reads the ancestor's network from a folder of diffusers, without diffusers.

A folder with ``model_index.json`` and, for each of three modules, a folder with ``config.json`` and
``diffusion_pytorch_model.safetensors`` or ``.bin``. Scheduler and vocoder are passed over.
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mt3synth.errors import first_line
from mt3synth.foreign_files import read_json
from mt3synth.importers.checkpoint import Checkpoint, CheckpointError, Description, Stored

INDEX, CONFIG, WEIGHTS = "model_index.json", "config.json", "diffusion_pytorch_model"
PIPELINE = "SpectrogramDiffusionPipeline"
_SIZES = {"width": "d_model", "heads": "num_heads", "head_width": "d_kv", "mlp_width": "d_ff"}
_LONGEST_TIME = 2e4

COMPONENTS = {
    "token_encoder": "notes_encoder",
    "continuous_encoder": "continuous_encoder",
    "decoder": "decoder",
}
"""The ancestor's modules, and the folders that hold them."""

_PROJECTIONS = {"query": "q", "key": "k", "value": "v", "out": "o"}

_SHARED = {
    r"Embed_0/embedding": "position_encoding.weight",
    r"token_embedder/embedding": "token_embedder.weight",
    r"input_proj/kernel": "input_proj.weight",
    r"encoder_norm/scale": "layer_norm.weight",
    r"time_emb_dense0/kernel": "conditioning_emb.0.weight",
    r"time_emb_dense1/kernel": "conditioning_emb.2.weight",
    r"continuous_inputs_projection/kernel": "continuous_inputs_projection.weight",
    r"decoder_norm/scale": "decoder_norm.weight",
    r"spec_out_dense/kernel": "spec_out.weight",
}
_ENCODER_LAYER = {
    r"pre_attention_layer_norm/scale": "layer.0.layer_norm.weight",
    r"attention/(query|key|value|out)/kernel": "layer.0.SelfAttention.{}.weight",
    r"pre_mlp_layer_norm/scale": "layer.1.layer_norm.weight",
    r"mlp/(wi_0|wi_1|wo)/kernel": "layer.1.DenseReluDense.{}.weight",
}
_DECODER_LAYER = {
    r"pre_self_attention_layer_norm/scale": "layer.0.layer_norm.weight",
    r"FiLMLayer_0/DenseGeneral_0/kernel": "layer.0.FiLMLayer.scale_bias.weight",
    r"self_attention/(query|key|value|out)/kernel": "layer.0.attention.to_{}.weight",
    r"pre_cross_attention_layer_norm/scale": "layer.1.layer_norm.weight",
    r"MultiHead\w+_0/(query|key|value|out)/kernel": "layer.1.attention.to_{}.weight",
    r"pre_mlp_layer_norm/scale": "layer.2.layer_norm.weight",
    r"FiLMLayer_1/DenseGeneral_0/kernel": "layer.2.film.scale_bias.weight",
    r"mlp/(wi_0|wi_1|wo)/kernel": "layer.2.DenseReluDense.{}.weight",
}


def is_diffusers(folder: Path) -> bool:
    """Tells whether ``folder`` holds a pipeline of diffusers."""
    return (folder / INDEX).is_file()


def open_diffusers(folder: Path) -> Checkpoint:
    """Opens the pipeline in ``folder``.

    Raises:
      CheckpointError: it is another pipeline, a file is missing or cannot be read, or its modules
        differ in size.
    """
    found = _json(folder / INDEX).get("_class_name")
    if found != PIPELINE:
        raise CheckpointError(f"{folder / INDEX}: is a {found}; must be a {PIPELINE}")
    stored: dict[str, Stored] = {}
    for component in COMPONENTS.values():
        arrays = _arrays(folder / component)
        stored |= {f"{component}/{key}": array for key, array in arrays.items()}
    return Checkpoint(
        source=folder,
        format="diffusers",
        stored=stored,
        own_name=diffusers_name,
        transposed=True,
        description=_describe(folder),
    )


def _arrays(folder: Path) -> dict[str, Stored]:
    safe, pickled = (folder / f"{WEIGHTS}{suffix}" for suffix in (".safetensors", ".bin"))
    if safe.is_file():
        return _from_safetensors(safe)
    if pickled.is_file():
        return _from_pickle(pickled)
    raise CheckpointError(f"{folder}: has no {safe.name}; download the folder whole")


def _from_safetensors(path: Path) -> dict[str, Stored]:
    from safetensors import safe_open

    def read(key: str) -> np.ndarray:
        with safe_open(path, framework="flax") as file:  # NumPy's has no bfloat16
            return np.asarray(file.get_tensor(key))

    try:
        with safe_open(path, framework="flax") as file:
            shapes = {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118
    except Exception as error:  # safetensors' own class is not a public name
        raise CheckpointError(f"{path}: cannot be read: {error}") from error
    return {key: Stored(shape, partial(read, key)) for key, shape in shapes.items()}


def _from_pickle(path: Path) -> dict[str, Stored]:
    try:
        import torch
    except ModuleNotFoundError as error:
        raise CheckpointError(
            f"{path}: reading it needs PyTorch, which is not installed; take the .safetensors of "
            "the same model instead, or `pip install torch`"
        ) from error
    try:
        # weights_only: a pickle may otherwise run any code.
        arrays = torch.load(path, map_location="cpu", weights_only=True)
        return {
            key: Stored(tuple(value.shape), value.float().numpy) for key, value in arrays.items()
        }
    except Exception as error:  # torch's errors have no class in common
        reason = first_line(error)
        raise CheckpointError(f"{path}: holds no plain arrays of PyTorch: {reason}") from error


def _describe(folder: Path) -> Description:
    """Reads the sizes of the three modules, which have to agree."""
    paths = {name: folder / component / CONFIG for name, component in COMPONENTS.items()}
    configs = {name: _json(path) for name, path in paths.items()}
    decoder, score = configs["decoder"], configs["token_encoder"]
    try:
        # Encoders have as many layers as each other, the decoder may have another number.
        alike = (*_SIZES.values(), "num_layers")
        required = [("continuous_encoder", key, score[key]) for key in alike]
        required += [("token_encoder", key, decoder[key]) for key in _SIZES.values()]
        encoders = ("token_encoder", "continuous_encoder")
        required += [(name, "feed_forward_proj", "gated-gelu") for name in encoders]
        required.append(("decoder", "max_decoder_noise_time", _LONGEST_TIME))
        for name, key, wanted in required:
            found = configs[name][key]
            if found != wanted:
                raise CheckpointError(f"{paths[name]}: {key} is {found!r}; must be {wanted!r}")
        return Description(
            encoder_layers=score["num_layers"],
            decoder_layers=decoder["num_layers"],
            dropout=float(decoder["dropout_rate"]),
            **{ours: decoder[theirs] for ours, theirs in _SIZES.items()},
        )
    except KeyError as error:
        raise CheckpointError(f"{folder}: a {CONFIG} does not say what {error} is") from error
    except CheckpointError:
        raise
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{folder}: {error}") from error


def _json(path: Path) -> dict[str, Any]:
    try:
        values = read_json(path)
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path}: cannot be read: {error}") from error
    if not isinstance(values, dict):
        raise CheckpointError(f"{path}: must be a JSON object")
    return values


def diffusers_name(name: str) -> str:
    """Translates the ancestor's name of a parameter to ``FOLDER/KEY`` in diffusers.

    Raises:
      ValueError: diffusers' network has no such parameter.
    """
    module, _, inside = name.partition("/")
    key = _key(module, inside) if module in COMPONENTS else None
    if key is None:
        raise ValueError(f"diffusers has no name for {name}")
    return f"{COMPONENTS[module]}/{key}"


def _key(module: str, inside: str) -> str | None:
    layer = re.fullmatch(r"layers_(\d+)/(.+)", inside)
    if layer is None:
        return _translate(_SHARED, inside, {})
    number, part = layer.groups()
    if module == "decoder":
        key, stack = _translate(_DECODER_LAYER, part, {**_PROJECTIONS, "out": "out.0"}), "decoders"
    else:
        key, stack = _translate(_ENCODER_LAYER, part, _PROJECTIONS), "encoders"
    return None if key is None else f"{stack}.{number}.{key}"


def _translate(table: dict[str, str], part: str, renamed: dict[str, str]) -> str | None:
    for pattern, key in table.items():
        found = re.fullmatch(pattern, part)
        if found:
            return key.format(*(renamed.get(word, word) for word in found.groups()))
    return None
