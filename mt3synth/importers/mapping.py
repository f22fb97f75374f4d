"""Makes a model of ours from a checkpoint of the ancestor: places and checks every parameter."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import jax.numpy as jnp
from flax.traverse_util import flatten_dict, unflatten_dict

from mt3synth.audio.mel import MELGAN
from mt3synth.bundle import abstract_params
from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.importers.checkpoint import Checkpoint, CheckpointError, Description
from mt3synth.importers.published import GUIDANCE
from mt3synth.model_spec import ModelSpec
from mt3synth.models.t5_config import T5Config
from mt3synth.param_check import check_params
from mt3synth.symbolic.codec import EventCodec
from mt3synth.symbolic.roll import RollSpec
from mt3synth.types import PyTree

_VELOCITY_BINS = (1, 127)
"""Of the ancestor's vocabularies; which one shows in the length of the embedding."""

# Parts of our parameters' names, and what the ancestor calls them; replaced wherever they stand.
_INSIDE = (
    ("/stack/", "/"),
    ("/time/mlp/", "/time_emb_"),
    ("/cross_attention/", "/MultiHeadDotProductAttention_0/"),
    ("/context_cross_attention/", "/MultiHeadDotProductAttention_1/"),
    ("/self_attention_film/gamma_beta/", "/FiLMLayer_0/DenseGeneral_0/"),
    ("/mlp_film/gamma_beta/", "/FiLMLayer_1/DenseGeneral_0/"),
    ("/positions/table", "/Embed_0/embedding"),
    ("/context_projection/", "/input_proj/"),
)
# The same of modules at the root, in the network with context alone.
_MODULES = (("encoder/", "token_encoder/"), ("context_encoder/", "continuous_encoder/"))


def has_context(checkpoint: Checkpoint) -> bool:
    """Tells whether the network has the second encoder, for the frames before a segment."""
    return checkpoint.shape("continuous_encoder/input_proj/kernel") is not None


def model_spec(checkpoint: Checkpoint, description: Description) -> ModelSpec:
    """Finds out which model the checkpoint's arrays are the weights of.

    How many tokens and frames it takes is read from its tables of positions, the vocabulary from
    its embedding of tokens.

    Raises:
      CheckpointError: a vocabulary or a network that is none of ours.
    """
    context = has_context(checkpoint)
    tokens = "token_encoder" if context else "encoder"
    vocabulary = _rows(checkpoint, f"{tokens}/token_embedder/embedding", 1536)
    bins = [b for b in _VELOCITY_BINS if EventCodec(b).num_embeddings == vocabulary]
    if not bins:
        sizes = " or ".join(str(EventCodec(b).num_embeddings) for b in _VELOCITY_BINS)
        own = checkpoint.own_name(f"{tokens}/token_embedder/embedding")
        raise CheckpointError(
            f"{checkpoint.source}: {own} has {vocabulary} rows; must be {sizes}, the ancestor's "
            "vocabularies"
        )
    # Where a table is missing the published length stands in, until the table is asked for.
    frames = _rows(checkpoint, "decoder/Embed_0/embedding", 256)
    before = _rows(checkpoint, "continuous_encoder/Embed_0/embedding", 256) if context else 0
    settings = asdict(description)
    try:
        diffusion = DiffusionSpec(settings.pop("prediction"), settings.pop("norm"))
        network = T5Config(
            **settings,
            mel_bins=MELGAN.bins,
            vocabulary_size=vocabulary,
            max_tokens=_rows(checkpoint, f"{tokens}/Embed_0/embedding", 2048),
            context_frames=before,
            position_table="stored",
            max_frames=frames,
            null_score="masked",
        )
        return ModelSpec(
            network=network,
            mel=MELGAN,
            roll=RollSpec(),
            codec=EventCodec(bins[0]),
            diffusion=diffusion,
            segment_frames=frames,
            guidance=GUIDANCE,
        )
    except ValueError as error:
        raise CheckpointError(f"{checkpoint.source}: {error}") from error


def parameters(checkpoint: Checkpoint, spec: ModelSpec) -> PyTree:
    """Reads the checkpoint's arrays to where our network has them, as float32.

    Nothing is read before all names and shapes are known to fit.

    Raises:
      CheckpointError: parameters are missing, unknown, of another shape or damaged; says which.
    """
    context = has_context(checkpoint)
    expected = {
        path: (t5x_name(path, context), leaf.shape)
        for path, leaf in flatten_dict(abstract_params(spec)).items()
    }
    check_params(
        {name: array.shape for name, array in checkpoint.stored.items()},
        # As they are called and turned in the files, for the message.
        {
            checkpoint.own_name(name): shape[::-1] if checkpoint.turned(name) else shape
            for name, shape in expected.values()
        },
        checkpoint.source,
        CheckpointError,
    )
    read = {path: checkpoint.read(name) for path, (name, _) in expected.items()}
    return unflatten_dict({path: jnp.asarray(value) for path, value in read.items()})


def _rows(checkpoint: Checkpoint, name: str, otherwise: int) -> int:
    shape: tuple[Any, ...] | None = checkpoint.shape(name)
    return shape[0] if shape else otherwise


def t5x_name(path: tuple[str, ...], context: bool) -> str:
    """Translates the path of a parameter of ours to the ancestor's name, with slashes.

    Args:
      path: keys from the root of the parameters.
      context: whether it belongs to the network with context.
    """
    name = "/".join(path)
    for ours, theirs in _INSIDE:
        name = name.replace(ours, theirs)
    if context:
        for ours, theirs in _MODULES:
            if name.startswith(ours):
                return theirs + name.removeprefix(ours)
    return name
