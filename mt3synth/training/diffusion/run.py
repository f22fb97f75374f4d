"""A training run as gin describes it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from mt3synth.audio.mel import MELGAN, MelSpec
from mt3synth.batch_protocols import TrainingData
from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.errors import UserError
from mt3synth.model_spec import NetworkConfig, make_spec
from mt3synth.symbolic.codec import EventCodec
from mt3synth.symbolic.roll import RollSpec
from mt3synth.training.diffusion.config import TrainConfig
from mt3synth.training.diffusion.learner import train
from mt3synth.training.diffusion.samples import ShowcaseConfig
from mt3synth.training.monitoring.profiling import parse_span
from mt3synth.training.optim.freezing import FreezeConfig
from mt3synth.training.optim.optimizer import OptimizerConfig
from mt3synth.training.optim.time_budget import BudgetConfig
from mt3synth.training.parallel.mesh import MeshConfig
from mt3synth.training.state import TrainState


def run(
    folder: str,
    network: Callable[..., NetworkConfig],
    data: TrainingData,
    config: TrainConfig,
    diffusion: DiffusionSpec,
    optimizer: OptimizerConfig,
    mel: MelSpec = MELGAN,
    roll: RollSpec | None = None,
    velocity_bins: int = 127,
    window: int = 256,
    init_from: str | None = None,
    init_like: Sequence[str] = (),
    mesh: MeshConfig | None = None,
    freezing: FreezeConfig | None = None,
    showcase: ShowcaseConfig | None = None,
    budget: Callable[..., BudgetConfig] = BudgetConfig,
    budget_minutes: float | None = None,
    profile: str | None = None,
    settings: Callable[[], str] = str,
) -> TrainState:
    """Trains one model on one data set.

    Args:
      folder: of the run; training goes on where it stands.
      network: class of the network's configuration, its shape bound by gin.
      data: where batches come from; says which performances there are.
      config: how long and how to train.
      diffusion: what the network predicts.
      optimizer: how it learns.
      mel: front end.
      roll: instrument groups of the piano roll, by default the project's.
      velocity_bins: loudness levels of the event tokens.
      window: frames of a segment.
      init_from: a bundle, or the folder of a run, with whose weights to begin; "default" is the
        bundle that comes with mt3synth. Performances of the data that it knows by name keep
        their embedding, others begin with the mean of all it knows.
      init_like: ``NEW=KNOWN`` for a performance that begins with the embedding of another.
      mesh: over which devices.
      freezing: parameters that stay as they are.
      showcase: what is drawn and made audible at each evaluation.
      budget: class of the budget's configuration.
      budget_minutes: how much time there is, instead of a number of steps.
      profile: ``START:STOP``, the steps of which to record a profiler's trace.
      settings: gives the text that is kept as the configuration of the run.

    Raises:
      UserError: ``init_from`` is no model, or one of another network, and what `train` raises.
    """
    spec = make_spec(
        network,
        mel=mel,
        roll=roll or RollSpec(),
        codec=EventCodec(velocity_bins),
        performances=len(data.performances),
        diffusion=diffusion,
        segment_frames=window,
    )
    initial = None
    if init_from is None and init_like:
        raise UserError(
            f"--init-like {init_like[0]} needs --init-from, the model that has the embedding"
        )
    if init_from is not None:
        from mt3synth.training.diffusion.warm_start import (
            known_model,
            parameters_from_bundle,
            parse_neighbours,
        )

        known = known_model(init_from)
        # What is learned from it is best sampled as it is.
        spec = dataclasses.replace(spec, guidance=known.spec.guidance)
        neighbours = parse_neighbours(init_like)
        initial = parameters_from_bundle(known, spec, data.performances, neighbours)
    return train(
        spec,
        config,
        optimizer,
        data,
        Path(folder),
        initial,
        mesh_config=mesh,
        freezing=freezing,
        showcase=showcase,
        budget_config=None if budget_minutes is None else budget(minutes=float(budget_minutes)),
        profile=None if profile is None else parse_span(profile),
        settings=settings(),
    )
