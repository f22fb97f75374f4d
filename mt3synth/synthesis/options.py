"""Sampling options by name, as keyword arguments and the command line have them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from numbers import Integral, Real
from typing import Any, TypedDict, get_args

from mt3synth.diffusion.ddim import DDIM
from mt3synth.diffusion.guidance import ALL_TIMES, Guidance, GuidanceKind
from mt3synth.diffusion.sampler import Stepper
from mt3synth.diffusion.spacing import Spacing
from mt3synth.diffusion.spec import SamplingSpec
from mt3synth.diffusion.steppers import STEPPERS, SamplerName, name_of
from mt3synth.errors import UserError, nearest
from mt3synth.model_spec import ModelSpec
from mt3synth.synthesis.canvas import Windows
from mt3synth.synthesis.sampling import Continuity, SamplingConfig

_NUMBERS: dict[str, type[Any]] = {
    **dict.fromkeys(("steps", "seed", "overlap", "chunk", "devices", "context_bytes"), Integral),
    **dict.fromkeys(("start_time", "eta", "guidance_notes", "guidance_performance", "tail"), Real),
    "guidance_rescale": Real,
}
_GUIDANCE = ("notes", "performance", "kind", "interval", "rescale")
_MAX_SEED = 2**32 - 1  # JAX would take larger ones modulo 2^32


class SamplingOptions(TypedDict, total=False):
    """What may be said of sampling; `SamplingConfig` and `Guidance` say what each means.

    An option that is missing or None leaves what the configuration below it says.
    """

    steps: int | None
    start_time: float | None
    seed: int | None
    sampler: SamplerName | None
    stepper: Stepper | None
    spacing: Spacing | None
    eta: float | None
    guidance: Guidance | None
    guidance_notes: float | None
    guidance_performance: float | None
    guidance_kind: GuidanceKind | None
    guidance_interval: tuple[float, float] | None
    guidance_rescale: float | None
    continuity: Continuity | None
    overlap: int | None
    chunk: int | None
    devices: int | None
    tail: float | None
    context_bytes: int | None


def sampling_config(
    spec: ModelSpec,
    options: SamplingOptions,
    base: SamplingConfig | None = None,
    make_stepper: Callable[..., Any] = lambda kind, **settings: kind(**settings),
) -> SamplingConfig:
    """Builds the configuration that a model, a configuration and options over it give together.

    Args:
      spec: the model; names the guidance if nobody else does, and its segment bounds the overlap.
      options: what differs from ``base``.
      base: what differs from the model; the defaults of `SamplingConfig` if None.
      make_stepper: makes a stepper of its class and of what the model names of its settings, for a
        caller that has settings of it from elsewhere.

    Raises:
      UserError: an unknown option, a value that is out of its bounds, an option that another one
        makes void, or a continuity that the model does not have.
    """
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    # By hand: a dictionary from the command line has no type checker.
    for name in given.keys() - SamplingOptions.__annotations__.keys():
        near = nearest(name, SamplingOptions.__annotations__)
        raise UserError(f"no option {name!r}" + (f"; did you mean {near!r}?" if near else ""))
    for name, value in given.items():
        kind = _NUMBERS.get(name, object)
        if not isinstance(value, kind):
            what = "an integer" if kind is Integral else "a number"
            raise UserError(f"{name}={value!r}; must be {what}")
    try:
        config = base or SamplingConfig()
        # Taken out before the rest is: the stepper and guidance are made of several options each.
        stepper = _stepper(given, config.stepper, spec.sampling, make_stepper)
        # The nearest that says anything: the option, the configuration, the model.
        guidance = dataclasses.replace(
            given.pop("guidance", None) or config.guidance or spec.guidance,
            **{
                name: given.pop(f"guidance_{name}")
                for name in _GUIDANCE
                if f"guidance_{name}" in given
            },
        )
        config = dataclasses.replace(config, **given, stepper=stepper, guidance=guidance)
        # Settled at once, so that what the model cannot do is said before anything is rendered.
        config = config.for_model(spec)
        if config.continuity != "context":
            frames = spec.segment_frames
            Windows(frames, frames, config.overlap)  # refuses an overlap out of bounds
    except UserError:
        raise
    except ValueError as error:
        raise UserError(str(error)) from error
    check_seed(config.seed)
    return config


def check_seed(seed: int) -> int:
    """Returns a seed that is in its bounds.

    Raises:
      UserError: it is not.
    """
    if seed > _MAX_SEED:
        raise UserError(f"seed={seed}; must be at most {_MAX_SEED}")
    return seed


def describe(config: SamplingConfig, spec: ModelSpec) -> dict[str, str]:
    """Returns all that the sampled frames depend on beside the model, by name."""
    settled = config.for_model(spec)
    guidance, continuity = settled.guidance, settled.continuity
    hop, shared = config.window_seconds(spec)
    return {
        "steps": str(settled.steps),
        **({"start_time": str(settled.start_time)} if settled.start_time != 1 else {}),
        "sampler": name_of(settled.stepper),
        **({"spacing": settled.spacing} if settled.spacing != "uniform" else {}),
        **{name: str(value) for name, value in vars(settled.stepper).items()},
        "guidance_notes": str(guidance.notes),
        "guidance_performance": str(guidance.performance),
        "guidance_kind": guidance.kind,
        **(
            {"guidance_interval": " to ".join(map(str, guidance.interval))}
            if guidance.interval != ALL_TIMES
            else {}
        ),
        **({"guidance_rescale": str(guidance.rescale)} if guidance.rescale else {}),
        # Texts throughout, as metadata of files are.
        "seed": str(config.seed),
        "continuity": continuity,
        **({} if continuity == "context" else {"overlap": str(config.overlap)}),
        "tail": str(config.tail),
        # Seconds, for whoever looks for the places where windows meet.
        "window_hop": str(hop),
        "window_overlap": str(shared),
    }


def _stepper(
    given: dict[str, Any],
    configured: Stepper | None,
    best: SamplingSpec,
    make_stepper: Callable[..., Any],
) -> Stepper:
    """Takes the options on the stepper out of ``given``."""
    stepper = given.pop("stepper", configured)
    name, eta = given.pop("sampler", None), given.pop("eta", None)
    if name is None and stepper is None:
        name = best.sampler
    if name is not None and name not in STEPPERS:
        raise UserError(f"sampler={name!r}; must be one of {get_args(SamplerName)}")
    # One that is of that class already keeps its settings.
    if name is not None and not isinstance(stepper, STEPPERS[name]):
        stepper = make_stepper(STEPPERS[name], **best.settings_of(STEPPERS[name]))
    if eta is None:
        return stepper
    if not isinstance(stepper, DDIM):
        raise UserError(f"eta={eta} goes with the sampler ddim; leave it out")
    return dataclasses.replace(stepper, eta=eta)
