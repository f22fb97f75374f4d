"""The ancestor's network as diffusers keeps it, read without diffusers.

A folder with ``model_index.json`` and, for each of three modules, a folder with ``config.json`` and
``diffusion_pytorch_model.safetensors`` or ``.bin``. Scheduler and vocoder are passed over.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from mt3synth.foreign.checkpoint import Checkpoint, Description, ForeignError, Stored
from mt3synth.foreign.diffusers_names import COMPONENTS, diffusers_name

INDEX, CONFIG, WEIGHTS = "model_index.json", "config.json", "diffusion_pytorch_model"
PIPELINE = "SpectrogramDiffusionPipeline"
_SIZES = {"width": "d_model", "heads": "num_heads", "head_width": "d_kv", "mlp_width": "d_ff"}
_LONGEST_TIME = 2e4


def is_diffusers(folder: Path) -> bool:
    """Whether ``folder`` holds a pipeline of diffusers."""
    return (folder / INDEX).is_file()


def open_diffusers(folder: Path) -> Checkpoint:
    """The pipeline in ``folder``.

    Raises:
      ForeignError: it is another pipeline, a file is missing or cannot be read, or its modules
        differ in size.
    """
    found = _json(folder / INDEX).get("_class_name")
    if found != PIPELINE:
        raise ForeignError(f"{folder / INDEX}: is a {found}; must be a {PIPELINE}")
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
    raise ForeignError(f"{folder}: has no {safe.name}; download the folder whole")


def _from_safetensors(path: Path) -> dict[str, Stored]:
    from safetensors import safe_open

    def read(key: str) -> np.ndarray:
        with safe_open(path, framework="flax") as file:  # NumPy's has no bfloat16
            return np.asarray(file.get_tensor(key))

    try:
        with safe_open(path, framework="flax") as file:
            shapes = {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118
    except Exception as error:  # safetensors' own class is not a public name
        raise ForeignError(f"{path}: cannot be read: {error}") from error
    return {key: Stored(shape, partial(read, key)) for key, shape in shapes.items()}


def _from_pickle(path: Path) -> dict[str, Stored]:
    try:
        import torch
    except ModuleNotFoundError as error:
        raise ForeignError(
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
        line = str(error).strip().splitlines()[:1]
        raise ForeignError(f"{path}: holds no plain arrays of PyTorch: {''.join(line)}") from error


def _describe(folder: Path) -> Description:
    """The sizes of the three modules, which have to agree."""
    paths = {name: folder / component / CONFIG for name, component in COMPONENTS.items()}
    configs = {name: _json(path) for name, path in paths.items()}
    decoder, score = configs["decoder"], configs["token_encoder"]
    context = configs["continuous_encoder"]
    try:
        for theirs in (*_SIZES.values(), "num_layers"):
            for name, reference in (("continuous_encoder", score), ("token_encoder", decoder)):
                found, wanted = configs[name][theirs], reference[theirs]
                layers_may_differ = theirs == "num_layers" and reference is decoder
                if found != wanted and not layers_may_differ:
                    raise ForeignError(f"{paths[name]}: {theirs} is {found!r}; must be {wanted!r}")
        for name, config in (("token_encoder", score), ("continuous_encoder", context)):
            if config["feed_forward_proj"] != "gated-gelu":
                raise ForeignError(
                    f"{paths[name]}: feed_forward_proj is {config['feed_forward_proj']!r}; must be "
                    "'gated-gelu'"
                )
        if decoder["max_decoder_noise_time"] != _LONGEST_TIME:
            raise ForeignError(
                f"{paths['decoder']}: max_decoder_noise_time is "
                f"{decoder['max_decoder_noise_time']!r}; must be {_LONGEST_TIME}"
            )
        return Description(
            encoder_layers=score["num_layers"],
            decoder_layers=decoder["num_layers"],
            dropout=float(decoder["dropout_rate"]),
            **{ours: decoder[theirs] for ours, theirs in _SIZES.items()},
        )
    except KeyError as error:
        raise ForeignError(f"{folder}: a {CONFIG} does not say what {error} is") from error
    except (TypeError, ValueError) as error:
        if isinstance(error, ForeignError):
            raise
        raise ForeignError(f"{folder}: {error}") from error


def _json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text())
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ForeignError(f"{path}: cannot be read: {error}") from error
    if not isinstance(values, dict):
        raise ForeignError(f"{path}: must be a JSON object")
    return values
