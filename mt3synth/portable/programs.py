"""What of a model is exported: functions of arrays, with the weights in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import jax
import jax.numpy as jnp

from mt3synth.bundle import Bundle
from mt3synth.diffusion.guidance import Guidance
from mt3synth.errors import UserError
from mt3synth.model_spec import ModelSpec
from mt3synth.models.additions import add_where
from mt3synth.models.conditions import Conditions, frame_times
from mt3synth.synthesis.chunks import denoise_chunk, encode_chunk
from mt3synth.types import Array, Float, Int, PyTree
from mt3synth.vocoder.files import VocoderWeights
from mt3synth.vocoder.vocos import Carry, Vocos

MOST_NOTES = 1024
"""Rows of a window's list. Programs have one shape; hardly any music has more in five seconds."""

BLOCK = 640
"""Frames of which the vocoder makes sound at a time, beside its context."""

CARRIED = tuple(field.name for field in fields(Carry))
"""What one block of the vocoder hands to the next: inputs of these names, in this order."""

_PLAIN = Guidance(notes=1.0, performance=1.0)


@dataclass(frozen=True)
class Program:
    """Describes a function of arrays to be exported.

    Attributes:
      name: of its file.
      function: what is exported.
      inputs: names and shapes of its arguments, in order.
      outputs: names of what it returns, in order.
    """

    name: str
    function: Callable[..., Any]
    inputs: dict[str, jax.ShapeDtypeStruct]
    outputs: tuple[str, ...]


def prior_program(bundle: Bundle, guidance: Guidance | None = None) -> Program:
    """Takes the notes of a window to its frames, which a model with a prior knows at once.

    Args:
      bundle: the model.
      guidance: of the denoiser that follows, for which all it is told is handed on; None if none
        does.

    Raises:
      UserError: the model has no prior.
    """
    spec = bundle.spec
    if not spec.has_prior or spec.features != ("mel", "notes"):
        raise UserError(
            f"{bundle.folder}: has no prior from a list of notes, the only kind of model that can "
            "be exported to ONNX; train one of gin_configs/models/*_notes*.gin"
        )
    if spec.has_curves:
        raise UserError(
            f"{bundle.folder}: hears curves of level and pitch, which the scripts beside an ONNX "
            "model do not read; export a model without NotePriorConfig.curves"
        )
    network, shared = spec.build(), jax.tree.map(jnp.asarray, bundle.params)

    def prior(notes: Float[Array, "N 5"], performance: Int[Array, "1"]) -> tuple[Array, ...]:
        conditions = window_conditions(spec, notes, performance)
        params = _weights_of(bundle, shared, performance)
        context = encode_chunk(network, guidance or _PLAIN, params, conditions)
        # Of the branches of the guidance one may be told of everything, and is then the first.
        plain = (guidance or _PLAIN).branches()[0][:2] == (True, True)
        told = context if plain else encode_chunk(network, _PLAIN, params, conditions)
        return (told.prior.mean[0], *(jax.tree.leaves(context) if guidance else ()))

    inputs = {
        "notes": jax.ShapeDtypeStruct((MOST_NOTES, 5), jnp.float32),
        "performance": jax.ShapeDtypeStruct((1,), jnp.int32),
    }
    count = len(jax.eval_shape(prior, *inputs.values())) - 1
    return Program("prior", prior, inputs, ("frames", *_context_names(count)))


def denoiser_program(bundle: Bundle, guidance: Guidance) -> Program:
    """Takes the noisy frames of a window and a time to the data that are predicted from them.

    Beside them it takes what `prior_program` hands on.

    Raises:
      UserError: performances have weights of their own, and the program is not told which is asked
        for.
    """
    if bundle.additions:
        raise UserError(
            f"{bundle.folder}: {', '.join(bundle.added_to)} has weights of its own, which a "
            "denoiser in ONNX cannot have; leave --steps out, or take the bundle it was added to"
        )
    spec, network = bundle.spec, bundle.spec.build()
    params = jax.tree.map(jnp.asarray, bundle.params)
    conditions = window_conditions(spec, jnp.zeros((MOST_NOTES, 5)), jnp.zeros(1, jnp.int32))
    leaves, tree = jax.tree.flatten(
        jax.eval_shape(lambda: encode_chunk(network, guidance, params, conditions))
    )

    def denoiser(
        x_t: Float[Array, "T M"], time: Float[Array, "1"], *context: Array
    ) -> Float[Array, "T M"]:
        given = jax.tree.unflatten(tree, context)
        x0: Array = denoise_chunk(
            network, spec.diffusion, guidance, params, given, x_t[None], time[0]
        )
        return x0[0]

    frames = (spec.segment_frames, spec.mel.bins)
    inputs = {
        "x_t": jax.ShapeDtypeStruct(frames, jnp.float32),
        "time": jax.ShapeDtypeStruct((1,), jnp.float32),
        **dict(zip(_context_names(len(leaves)), leaves)),
    }
    return Program("denoiser", denoiser, inputs, ("x0",))


def _weights_of(bundle: Bundle, shared: PyTree, performance: Int[Array, "1"]) -> PyTree:
    """The weights of a performance that is known only when the program runs."""
    for index, additions in bundle.additions.items():
        shared = add_where(shared, additions, performance[0] == index)
    return shared


def window_conditions(
    spec: ModelSpec, notes: Float[Array, "N 5"], performance: Int[Array, "1"]
) -> Conditions:
    """What a network is told of one window by its notes, nothing withheld."""
    return Conditions(
        performance=performance,
        keep_score=jnp.ones(1, bool),
        keep_performance=jnp.ones(1, bool),
        notes=notes[None],
        frames=frame_times(1, spec.segment_frames),
    )


def _context_names(count: int) -> tuple[str, ...]:
    return tuple(f"context_{number}" for number in range(count))


def vocoder_program(weights: VocoderWeights) -> Program:
    """Takes a block of frames to sound, and hands on what the next block needs."""
    network = Vocos(weights.config, weights.spec)
    params = jax.tree.map(jnp.asarray, weights.params)

    def vocoder(frames: Array, present: Array, *carried: Array) -> tuple[Array, ...]:
        made, carry = network.apply(
            {"params": params},
            frames[None],
            present[None] > 0.5,  # programs elsewhere have numbers alone
            Carry(*(each[None] for each in carried)),
            method="render_block",
        )
        return (made[0], *(each[0] for each in _parts(carry)))

    length = BLOCK + 2 * weights.config.context(weights.spec)
    start: Any = network.apply({}, 1, method="start")
    inputs = {
        "frames": jax.ShapeDtypeStruct((length, weights.spec.bins), jnp.float32),
        "present": jax.ShapeDtypeStruct((length,), jnp.float32),
    }
    for name, each in zip(CARRIED, _parts(start)):
        inputs[name] = jax.ShapeDtypeStruct(each.shape[1:], jnp.float32)
    return Program("vocoder", vocoder, inputs, ("samples", *(f"{name}_out" for name in CARRIED)))


def _parts(carry: Any) -> tuple[Any, ...]:
    return tuple(getattr(carry, name) for name in CARRIED)
