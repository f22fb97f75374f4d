"""What of a model is exported: two functions of arrays, with the weights in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import jax
import jax.numpy as jnp

from mt3synth.bundle import Bundle
from mt3synth.errors import UserError
from mt3synth.models.conditions import Conditions, frame_times
from mt3synth.types import Array, Float, Int
from mt3synth.vocoder.files import VocoderWeights
from mt3synth.vocoder.vocos import Carry, Vocos

MOST_NOTES = 1024
"""Rows of a window's list. Programs have one shape; hardly any music has more in five seconds."""

BLOCK = 640
"""Frames of which the vocoder makes sound at a time, beside its context."""

CARRIED = tuple(field.name for field in fields(Carry))
"""What one block of the vocoder hands to the next: inputs of these names, in this order."""


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


def prior_program(bundle: Bundle) -> Program:
    """Takes the notes of a window to its frames, which a model with a prior knows at once.

    Raises:
      UserError: the model has none.
    """
    spec = bundle.spec
    if not spec.has_prior or spec.features != ("mel", "notes"):
        raise UserError(
            f"{bundle.folder}: has no prior from a list of notes, the only kind of model that can "
            "be exported to ONNX; train one of gin_configs/models/*_notes*.gin"
        )
    network, params = spec.build(), jax.tree.map(jnp.asarray, bundle.params)

    def prior(notes: Float[Array, "N 5"], performance: Int[Array, "1"]) -> Float[Array, "T M"]:
        conditions = Conditions(
            performance=performance,
            keep_score=jnp.ones(1, bool),
            keep_performance=jnp.ones(1, bool),
            notes=notes[None],
            frames=frame_times(1, spec.segment_frames),
        )
        encoded: Any = network.apply({"params": params}, conditions, method="encode")
        return encoded.prior.mean[0]

    inputs = {
        "notes": jax.ShapeDtypeStruct((MOST_NOTES, 5), jnp.float32),
        "performance": jax.ShapeDtypeStruct((1,), jnp.int32),
    }
    return Program("prior", prior, inputs, ("frames",))


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
