"""The ancestor's tiny network as a checkpoint of t5x and as a folder of diffusers.

Both are written here as the ancestor's tools write them, from the parameters of a golden. The names
of diffusers are spelled out once more, independently of the package, from its own modules.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import tensorstore
from flax.serialization import msgpack_serialize
from flax.traverse_util import unflatten_dict
from safetensors.numpy import save_file

GOLDENS = Path(__file__).parents[1] / "goldens"

GIN = """
from __gin__ import dynamic_registration
import __main__ as train_script
from music_spectrogram_diffusion.models.diffusion import network
from music_spectrogram_diffusion.models.diffusion import diffusion_utils

WIDTH = 32
MODEL = @models.ContextDiffusionModel()
models.ContextDiffusionModel.module = @network.ContinuousContextTransformer()
TASK_FEATURE_LENGTHS = {'inputs': 64, 'targets': 32, 'targets_context': 32}
train/diffusion_utils.DiffusionSchedule.name = 'cosine'
diffusion_utils.DiffusionConfig:
    classifier_free_guidance = @diffusion_utils.ClassifierFreeGuidanceConfig()
    train_schedule = @train/diffusion_utils.DiffusionSchedule()
network.T5Config.context_positions = 'terminal_relative'
network.T5Config:
    vocab_size = @vocabularies.num_embeddings()
    emb_dim = %WIDTH
    num_heads = 2
    num_encoder_layers = 2
    num_decoder_layers = 2
    head_dim = 16
    mlp_dim = 48
    mlp_activations = ('gelu', 'linear')
    dropout_rate = 0.1
    decoder_cross_attend_style = 'concat_encodings'
    position_encoding = 'fixed_permuted_offset'
"""


def golden(name: str) -> dict[str, np.ndarray]:
    """Arrays of ``network_context`` or ``network_basic``."""
    return dict(np.load(GOLDENS / f"{name}.npz"))


def ancestors(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Picks the parameters among them, by the ancestor's names."""
    prefix = "params/"
    return {k.removeprefix(prefix): v for k, v in arrays.items() if k.startswith(prefix)}


def write_t5x(
    folder: Path,
    parameters: dict[str, np.ndarray],
    gin: str | None = GIN,
    dtype: str = "float32",
    step: int = 500000,
) -> Path:
    """Writes a run of t5x of 2022: index in MessagePack with scalars, arrays as gzipped zarr."""
    checkpoint = folder / f"checkpoint_{step}"
    checkpoint.mkdir(parents=True)
    leaves: dict[str, Any] = {}
    for name, value in parameters.items():
        relative = f"target.{name.replace('/', '.')}"
        # Two chunks along the longest axis, as large arrays have.
        chunks = list(value.shape)
        chunks[int(np.argmax(chunks))] //= 2
        metadata = {
            "chunks": chunks,
            "compressor": {"id": "gzip", "level": 1},
            "shape": list(value.shape),
        }
        spec = {
            "driver": "zarr",
            "dtype": dtype,
            "kvstore": {"driver": "file", "path": f"{checkpoint}/{relative}/"},
            "metadata": metadata,
        }
        array = tensorstore.open(spec, create=True).result()
        array.write(value.astype(array.dtype.numpy_dtype)).result()
        spec["kvstore"] = {"driver": "gfile", "path": f"{relative}/"}
        leaves[name] = spec
    states = {"decoder": {"decoder_norm": {"scale": {"v": np.zeros(1, np.float32)}}}}
    optimizer = {
        "target": unflatten_dict(leaves, sep="/"),
        "state": {"step": np.int32(step), "param_states": states},
    }
    index = msgpack_serialize({"version": 3, "optimizer": optimizer})
    (checkpoint / "checkpoint").write_bytes(index)
    if gin is not None:
        (folder / "config.gin").write_text(gin)
    return folder


def write_orbax(folder: Path, parameters: dict[str, np.ndarray], gin: str = GIN) -> Path:
    """Writes a run of t5x since it writes by orbax."""
    import orbax.checkpoint as ocp

    state = {
        "target": unflatten_dict(parameters, sep="/"),
        "state": {"step": np.int32(7), "param_states": {"0": np.zeros(3, np.float32)}},
    }
    options = ocp.CheckpointManagerOptions(step_prefix="checkpoint", create=True)
    with ocp.CheckpointManager(folder.absolute(), options=options) as manager:
        manager.save(7, args=ocp.args.Composite(state=ocp.args.PyTreeSave(state)))
    (folder / "config.gin").write_text(gin)
    return folder


def torch_modules(parameters: dict[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """State dictionaries of diffusers' three modules."""
    notes, before, decoder = (
        {k.removeprefix(f"{m}/"): v for k, v in parameters.items() if k.startswith(f"{m}/")}
        for m in ("token_encoder", "continuous_encoder", "decoder")
    )
    return {
        "notes_encoder": {
            "token_embedder.weight": notes["token_embedder/embedding"],
            **_torch_encoder(notes),
        },
        "continuous_encoder": {
            "input_proj.weight": before["input_proj/kernel"].T,
            **_torch_encoder(before),
        },
        "decoder": _torch_decoder(decoder),
    }


def _torch_encoder(p: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    out = {
        "position_encoding.weight": p["Embed_0/embedding"],
        "layer_norm.weight": p["encoder_norm/scale"],
    }
    for i in range(2):
        ours, theirs = f"layers_{i}/", f"encoders.{i}.layer."
        out[f"{theirs}0.layer_norm.weight"] = p[f"{ours}pre_attention_layer_norm/scale"]
        out[f"{theirs}1.layer_norm.weight"] = p[f"{ours}pre_mlp_layer_norm/scale"]
        for letter, word in zip("qkvo", ("query", "key", "value", "out")):
            kernel = p[f"{ours}attention/{word}/kernel"]
            out[f"{theirs}0.SelfAttention.{letter}.weight"] = kernel.T
        for name in ("wi_0", "wi_1", "wo"):
            kernel = p[f"{ours}mlp/{name}/kernel"]
            out[f"{theirs}1.DenseReluDense.{name}.weight"] = kernel.T
    return out


def _torch_decoder(p: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    out = {
        "conditioning_emb.0.weight": p["time_emb_dense0/kernel"].T,
        "conditioning_emb.2.weight": p["time_emb_dense1/kernel"].T,
        "position_encoding.weight": p["Embed_0/embedding"],
        "continuous_inputs_projection.weight": p["continuous_inputs_projection/kernel"].T,
        "decoder_norm.weight": p["decoder_norm/scale"],
        "spec_out.weight": p["spec_out_dense/kernel"].T,
    }
    parts = ("self_attention", "MultiHeadDotProductAttention_0")
    for i in range(2):
        ours, theirs = f"layers_{i}/", f"decoders.{i}.layer."
        norms = ("pre_self_attention", "pre_cross_attention", "pre_mlp")
        for j, norm in enumerate(norms):
            out[f"{theirs}{j}.layer_norm.weight"] = p[f"{ours}{norm}_layer_norm/scale"]
        for j, part in enumerate(parts):
            for short, word in (
                ("to_q", "query"),
                ("to_k", "key"),
                ("to_v", "value"),
                ("to_out.0", "out"),
            ):
                kernel = p[f"{ours}{part}/{word}/kernel"]
                out[f"{theirs}{j}.attention.{short}.weight"] = kernel.T
        for film, place in (("FiLMLayer_0", "0.FiLMLayer"), ("FiLMLayer_1", "2.film")):
            kernel = p[f"{ours}{film}/DenseGeneral_0/kernel"]
            out[f"{theirs}{place}.scale_bias.weight"] = kernel.T
        for name in ("wi_0", "wi_1", "wo"):
            out[f"{theirs}2.DenseReluDense.{name}.weight"] = p[f"{ours}mlp/{name}/kernel"].T
    return out


SHARED = {
    "d_model": 32,
    "num_layers": 2,
    "num_heads": 2,
    "d_kv": 16,
    "d_ff": 48,
    "dropout_rate": 0.1,
}
ENCODER = {**SHARED, "feed_forward_proj": "gated-gelu", "is_decoder": False}
CONFIGS = {
    "notes_encoder": {**ENCODER, "max_length": 64, "vocab_size": 1536},
    "continuous_encoder": {**ENCODER, "input_dims": 128, "targets_context_length": 32},
    "decoder": {
        **SHARED,
        "input_dims": 128,
        "targets_length": 32,
        "max_decoder_noise_time": 20000.0,
    },
}


def write_diffusers(folder: Path, parameters: dict[str, np.ndarray]) -> Path:
    """Writes the folder of a pipeline, weights as safetensors."""
    folder.mkdir(parents=True)
    index = {
        "_class_name": "SpectrogramDiffusionPipeline",
        "_diffusers_version": "0.15.0",
        "decoder": ["spectrogram_diffusion", "T5FilmDecoder"],
        "scheduler": ["diffusers", "DDPMScheduler"],
    }
    (folder / "model_index.json").write_text(json.dumps(index))
    for component, state in torch_modules(parameters).items():
        (folder / component).mkdir()
        (folder / component / "config.json").write_text(json.dumps(CONFIGS[component]))
        contiguous = {k: np.ascontiguousarray(v) for k, v in state.items()}
        save_file(contiguous, folder / component / "diffusion_pytorch_model.safetensors")
    return folder
