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
        "spacing",
        "eta",
        "guidance_notes",
        "guidance_performance",
        "guidance_kind",
        "guidance_interval",
        "guidance_rescale",
    ),
    *("continuity", "devices", "seed"),
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
    group.add_argument(
        "--sampler", choices=("ddim", "ddpm", "dpm++2m", "heun"), help="(the model's)"
    )
    group.add_argument(
        "--spacing",
        choices=("uniform", "quadratic", "log-snr", "karras"),
        help="where steps lie in time (what goes with the sampler)",
    )
    group.add_argument("--eta", type=float, help="noise of ddim, 0 to 1 (the model's)")
    for condition in ("notes", "performance"):
        group.add_argument(
            f"--guidance-{condition}", type=float, metavar="W", help="1 is as trained (the model's)"
        )
    group.add_argument("--guidance-kind", choices=("joint", "compositional"), help="(the model's)")
    group.add_argument(
        "--guidance-interval",
        type=float,
        nargs=2,
        metavar=("FROM", "TO"),
        help="diffusion times with guidance, within 0 and 1 (the model's)",
    )
    group.add_argument(
        "--guidance-rescale",
        type=float,
        metavar="S",
        help="how far guided frames get back the spread of unguided ones, 0 to 1 (the model's)",
    )
    group.add_argument(
        "--continuity",
        choices=("canvas", "stream", "context"),
        help="segments blended at every step, or one after the other, each going on from the one "
        "before: from the frames that they share (stream) or that it reads (context)",
    )
    group.add_argument(
        "--devices", type=int, metavar="N", help="that share the windows of a canvas (1)"
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

    given = {name: getattr(args, name) for name in _NAMES}
    if args.guidance_interval is not None:
        given["guidance_interval"] = tuple(args.guidance_interval)  # argparse makes a list
    options = cast(SamplingOptions, given)
    return sampling_config(spec, options, build.build(SamplingConfig), build.build_over)
