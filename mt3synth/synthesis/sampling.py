"""How a song is drawn from a model."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from mt3synth.diffusion.ddim import DDIM
from mt3synth.diffusion.guidance import Guidance
from mt3synth.diffusion.sampler import Stepper
from mt3synth.diffusion.spacing import Spacing
from mt3synth.diffusion.steppers import STEPPERS, spacing_of
from mt3synth.errors import check_least
from mt3synth.model_spec import ModelSpec

Continuity = Literal["canvas", "stream", "context"]
"""How the segments of a song become one: see `mt3synth.synthesis.synthesizer`."""


@dataclass(frozen=True)
class SamplingConfig:
    """How a song is drawn from the model.

    Attributes:
      steps: denoising steps; None takes as many as the model names. 0 is for a model with a prior,
        whose mean is then the rendering.
      stepper: how a step is taken; None takes the one that the model names.
      start_time: diffusion time at which the steps begin, from noise at 1 downward; None takes the
        one that the model names. Below 1 is for a model with a prior.
      spacing: where the steps lie in time; None takes the spacing that the model names for its own
        stepper, or the one that goes with another.
      guidance: weights of notes and performance; None takes those that the model names.
      seed: of all noise. The result depends on it, and not on ``chunk``.
      overlap: frames shared by neighbouring windows, unless a model reads a context.
      chunk: windows of a canvas that the network denoises at once, on an accelerator; a CPU takes
        one after the other.
      devices: over which the windows of a canvas are spread; each takes ``chunk`` at once.
      tail: seconds kept after the last note, for its ring.
      context_bytes: memory for encoded scores. Beyond it windows are encoded anew at every step,
        so that memory does not grow with the song.
      continuity: "canvas", "stream" or "context"; None takes "context" for a model that reads one
        and "canvas" for any other. A model that reads a context was trained with one nearly
        always, and otherwise it has none.

    Raises:
      ValueError: a count below 1, a negative length, or an unknown continuity or spacing.
    """

    steps: int | None = None
    stepper: Stepper | None = None
    start_time: float | None = None
    spacing: Spacing | None = None
    guidance: Guidance | None = None
    seed: int = 0
    overlap: int = 32
    chunk: int = 4
    devices: int = 1
    tail: float = 2.5
    context_bytes: int = 512 * 2**20
    continuity: Continuity | None = None

    def __post_init__(self) -> None:
        check_least(self, chunk=1, devices=1, steps=0, seed=0, overlap=0, tail=0, context_bytes=0)
        if self.start_time is not None and not 0 < self.start_time <= 1:
            raise ValueError(f"start_time={self.start_time}; must be above 0 and at most 1")
        for name, known in (("continuity", get_args(Continuity)), ("spacing", get_args(Spacing))):
            value = getattr(self, name)
            if value is not None and value not in known:
                raise ValueError(f"{name}={value!r}; must be one of {known}")

    def for_model(self, spec: ModelSpec) -> SettledSampling:
        """This configuration with all that it leaves to the model.

        Raises:
          ValueError: as `continuity_for`, or what only a model with a prior can do is asked of one
            without.
        """
        best = spec.sampling
        kind = STEPPERS[best.sampler]
        stepper = self.stepper or kind(**best.settings_of(kind))
        # The model's spacing was chosen for its own stepper and says nothing of another.
        spacing = best.spacing if isinstance(stepper, kind) else None
        settled = {
            **vars(self),
            "steps": best.steps if self.steps is None else self.steps,
            "stepper": stepper,
            "spacing": self.spacing or spacing or spacing_of(stepper),
            "start_time": best.start_time if self.start_time is None else self.start_time,
            "guidance": self.guidance or spec.guidance,
            "continuity": self.continuity_for(spec),
        }
        config = SettledSampling(**settled)
        if config.devices > 1 and config.continuity != "canvas":
            raise ValueError(
                f"devices={config.devices} with continuity={config.continuity!r}, whose windows "
                "wait for one another; leave one of them out"
            )
        # Only here is it known which model it is; the dataclass itself takes both.
        if not spec.has_prior:
            if config.steps == 0:
                raise ValueError("steps=0; must be at least 1 for a model without a prior")
            if config.start_time != 1:
                raise ValueError(
                    f"start_time={config.start_time} for a model without a prior; must be 1"
                )
        return config

    def continuity_for(self, spec: ModelSpec) -> Continuity:
        """The continuity with which a model is sampled.

        Raises:
          ValueError: it takes a context, and the model reads none.
        """
        reads = "context" in spec.features
        if self.continuity is None:
            return "context" if reads else "canvas"
        if self.continuity == "context" and not reads:
            raise ValueError(
                "continuity='context', but the model reads no frames before a segment "
                "(context_frames=0); choose 'canvas', or a model that was trained with context"
            )
        return self.continuity

    def window_seconds(self, spec: ModelSpec) -> tuple[float, float]:
        """Seconds from window to window of a song, and those that neighbours share.

        Raises:
          ValueError: as `continuity_for`.
        """
        # Segments by context share no frames, whatever the overlap is.
        shared = 0 if self.continuity_for(spec) == "context" else self.overlap
        rate = spec.mel.frame_rate
        return (spec.segment_frames - shared) / rate, shared / rate


@dataclass(frozen=True)
class SettledSampling(SamplingConfig):
    """A `SamplingConfig` for one model, in which nothing is left open; `for_model` makes it."""

    steps: int = 0
    stepper: Stepper = field(default_factory=DDIM)
    start_time: float = 1.0
    spacing: Spacing = "uniform"
    guidance: Guidance = field(default_factory=Guidance)
    continuity: Continuity = "canvas"
