"""Builds the optimizer and its learning rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import jax
import optax

from mt3synth.errors import check_least
from mt3synth.training.optim.learning_rate import Plan, compute_rate, scale_by_planned_rate
from mt3synth.training.optim.muon import scale_by_muon_or_adam
from mt3synth.types import Array, Float, PyTree

Direction = Literal["adam", "muon"]


@dataclass(frozen=True)
class OptimizerConfig:
    """AdamW with warm-up, a plateau and a linear decay to zero at the end.

    The plateau leaves the length of a run open: a run may be stopped, lengthened, and then cooled
    down from where it stands (Hägele et al. 2024, arXiv 2405.18392).

    Attributes:
      learning_rate: on the plateau.
      warmup_steps: linear rise from zero.
      decay_steps: length of the final decay.
      weight_decay: decoupled, on kernels and embeddings but not on vectors, nor on stored
        positions, which nothing else moves.
      clip_norm: bound on the global norm of the gradients.
      b2: decay of the second moment.
      direction: where updates point, "adam" everywhere or "muon" for matrices
        (`mt3synth.training.optim.muon`), at the same learning rate.
      muon_beta: decay of Muon's momentum.

    Raises:
      ValueError: a value that is negative, or a rate or bound that is zero; an unknown direction.

    Example:
      >>> OptimizerConfig(learning_rate=1e-4, decay_steps=500).build(steps=2000)
    """

    learning_rate: float = 5e-4
    warmup_steps: int = 500
    decay_steps: int = 2500
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    b2: float = 0.99
    direction: Direction = "adam"
    muon_beta: float = 0.95

    def __post_init__(self) -> None:
        if self.direction not in get_args(Direction):
            raise ValueError(f"direction={self.direction!r}; must be one of {get_args(Direction)}")
        if not 0 <= self.muon_beta < 1:
            raise ValueError(f"muon_beta={self.muon_beta}; must be in [0, 1)")
        for name in ("learning_rate", "clip_norm"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}={getattr(self, name)}; must be positive")
        check_least(self, warmup_steps=0, decay_steps=0, weight_decay=0)

    def plan(self, steps: int) -> Plan:
        """Returns the plan of a run of ``steps`` steps in all."""
        return Plan(steps, self.decay_steps)

    def rate(self, step: int | Array, plan: Plan) -> Float[Array, ""]:
        """Computes the learning rate of the update after ``step`` updates."""
        return compute_rate(
            step, self.learning_rate, self.warmup_steps, plan.steps, plan.decay_steps
        )

    def schedule(self, steps: int) -> optax.Schedule:
        """Returns the learning rate as a function of the step, for ``steps`` steps in all."""
        return lambda step: self.rate(step, self.plan(steps))

    def build(self, steps: int) -> optax.GradientTransformation:
        """Builds the optimizer for ``steps`` steps in all, until `replace_plan` says otherwise."""

        # Vectors are biases and scales, whose size says nothing about how complex the network is.
        def decayed(params: PyTree) -> PyTree:
            return jax.tree.map_with_path(
                # Stored positions get no gradient, so that decay alone would shrink them to
                # nothing.
                lambda path, p: p.ndim > 1 and "['positions']" not in jax.tree_util.keystr(path),
                params,
            )

        adam = optax.scale_by_adam(b2=self.b2)
        muon = scale_by_muon_or_adam(self.muon_beta, self.b2)
        # Clipped first, so that no moment ever sees an outlier; the rate last, for its plan is
        # replaced in the state while the run is under way.
        return optax.chain(
            optax.clip_by_global_norm(self.clip_norm),
            muon if self.direction == "muon" else adam,
            optax.add_decayed_weights(self.weight_decay, mask=decayed),
            scale_by_planned_rate(self.learning_rate, self.warmup_steps, self.plan(steps)),
        )
