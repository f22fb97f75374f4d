"""Options that say how a song is sampled, over what gin says."""

from __future__ import annotations

import argparse
import dataclasses
from typing import TYPE_CHECKING, Any

from mt3synth.configuration import build
from mt3synth.errors import UserError

if TYPE_CHECKING:
    from mt3synth.diffusion.sampler import Stepper
    from mt3synth.model_spec import ModelSpec
    from mt3synth.synthesis import SamplingConfig

_MAX_SEED = 2**32 - 1  # JAX would take larger ones modulo 2^32


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """All of them default to what gin says."""
    group = parser.add_argument_group("sampling")
    group.add_argument("--steps", type=int, metavar="N", help="denoising steps (50)")
    group.add_argument("--sampler", choices=("ddim", "ddpm"), help="(ddim)")
    group.add_argument("--eta", type=float, help="noise of ddim, 0 to 1 (1)")
    for condition in ("notes", "performance"):
        group.add_argument(
            f"--guidance-{condition}", type=float, metavar="W", help="1 is as trained (the model's)"
        )
    group.add_argument("--guidance-kind", choices=("joint", "compositional"), help="(the model's)")
    group.add_argument(
        "--continuity",
        choices=("canvas", "context"),
        help="windows blended at every step, or segments that each follow the one before "
        "(context, where the model reads it)",
    )
    group.add_argument("--seed", type=int, metavar="N", help="of all randomness (0)")


def read(args: argparse.Namespace, spec: ModelSpec) -> SamplingConfig:
    """The configuration that the model, gin and the options give together.

    Args:
      args: parsed options; gin's configuration has been read.
      spec: the model; names the guidance if nobody else does, and its window bounds the overlap.

    Raises:
      UserError: a value that is out of its bounds, an option that another one makes void, or a
        continuity that the model does not have.
    """
    from mt3synth.synthesis import SamplingConfig
    from mt3synth.synthesis.canvas import Windows

    config = build.build(SamplingConfig)
    try:
        guidance = dataclasses.replace(
            config.guidance or spec.guidance,
            **_given(
                notes=args.guidance_notes,
                performance=args.guidance_performance,
                kind=args.guidance_kind,
            ),
        )
        config = dataclasses.replace(
            config,
            guidance=guidance,
            stepper=_stepper(args, config.stepper),
            **_given(steps=args.steps, seed=args.seed, continuity=args.continuity),
        )
        config = dataclasses.replace(config, continuity=config.continuity_for(spec))
        if config.continuity == "canvas":
            Windows(spec.window, spec.window, config.overlap)
    except UserError:
        raise
    except ValueError as error:
        raise UserError(str(error)) from error
    if config.seed > _MAX_SEED:
        raise UserError(f"seed={config.seed}; must be at most {_MAX_SEED}")
    return config


def describe(config: SamplingConfig, spec: ModelSpec) -> dict[str, str]:
    """All that the sampled frames depend on beside the model, by name."""
    guidance = config.guidance or spec.guidance
    continuity = config.continuity_for(spec)
    hop, shared = config.window_seconds(spec)
    return {
        "steps": str(config.steps),
        "sampler": type(config.stepper).__name__.lower(),
        **{name: str(value) for name, value in vars(config.stepper).items()},
        "guidance_notes": str(guidance.notes),
        "guidance_performance": str(guidance.performance),
        "guidance_kind": guidance.kind,
        "seed": str(config.seed),
        "continuity": continuity,
        **({"overlap": str(config.overlap)} if continuity == "canvas" else {}),
        "tail": str(config.tail),
        # Seconds, for whoever looks for the places where windows meet.
        "window_hop": str(hop),
        "window_overlap": str(shared),
    }


def _stepper(args: argparse.Namespace, configured: Stepper) -> Stepper:
    from mt3synth.diffusion.ddim import DDIM
    from mt3synth.diffusion.ddpm import DDPM

    chosen = {"ddim": DDIM, "ddpm": DDPM, None: type(configured)}[args.sampler]
    stepper = configured if isinstance(configured, chosen) else build.build(chosen)
    if args.eta is None:
        return stepper
    if not isinstance(stepper, DDIM):
        raise UserError("--eta is of --sampler ddim; leave it out")
    return dataclasses.replace(stepper, eta=args.eta)


def _given(**options: Any) -> dict[str, Any]:
    return {name: value for name, value in options.items() if value is not None}
