"""Adds options that say how a song is sampled; they win over what gin says."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, cast

from mt3synth.configuration import build

if TYPE_CHECKING:
    from mt3synth.model_spec import ModelSpec
    from mt3synth.synthesis import SamplingConfig

_NAMES = (
    *(
        "steps",
        "start_time",
        "sampler",
        "eta",
        "guidance_notes",
        "guidance_performance",
        "guidance_kind",
    ),
    *("continuity", "seed"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the options; all of them default to what gin says."""
    # Choices stand here as mt3synth.synthesis has them, whose import would slow --help.
    group = parser.add_argument_group("sampling")
    group.add_argument("--steps", type=int, metavar="N", help="denoising steps (the model's)")
    group.add_argument(
        "--start-time",
        type=float,
        metavar="T",
        help="diffusion time at which they begin, for a model with a prior (the model's)",
    )
    group.add_argument("--sampler", choices=("ddim", "ddpm"), help="(ddim)")
    group.add_argument("--eta", type=float, help="noise of ddim, 0 to 1 (the model's)")
    for condition in ("notes", "performance"):
        group.add_argument(
            f"--guidance-{condition}", type=float, metavar="W", help="1 is as trained (the model's)"
        )
    group.add_argument("--guidance-kind", choices=("joint", "compositional"), help="(the model's)")
    group.add_argument(
        "--continuity",
        choices=("canvas", "context"),
        help="segments blended at every step, or each following the one before "
        "(context, where the model reads it)",
    )
    group.add_argument("--seed", type=int, metavar="N", help="of all randomness (0)")


def read(args: argparse.Namespace, spec: ModelSpec) -> SamplingConfig:
    """Builds the configuration that the model, gin and the options give together.

    Args:
      args: parsed options; gin's configuration has been read.
      spec: the model.

    Raises:
      UserError: as `mt3synth.synthesis.options.sampling_config`, or gin refuses a value.
    """
    from mt3synth.synthesis import SamplingConfig
    from mt3synth.synthesis.options import SamplingOptions, sampling_config

    options = cast(SamplingOptions, {name: getattr(args, name) for name in _NAMES})
    return sampling_config(spec, options, build.build(SamplingConfig), build.build)
