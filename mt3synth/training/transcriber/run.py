"""Trains a transcriber of mel frames from the first batch to its weights, top to bottom."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

from mt3synth.batch_protocols import TrainingData
from mt3synth.errors import UserError
from mt3synth.model_spec import ModelSpec
from mt3synth.models.mel_transcriber import MelTranscriber, MelTranscriberConfig
from mt3synth.training.loop import fit
from mt3synth.training.monitoring.profiling import parse_span
from mt3synth.training.optim.optimizer import OptimizerConfig
from mt3synth.training.optim.time_budget import BudgetConfig
from mt3synth.training.parallel.mesh import MeshConfig, check_batch_size, make_mesh
from mt3synth.training.parallel.sharding import fetch_to_host
from mt3synth.training.run_folder import claim_files
from mt3synth.training.state import TrainState
from mt3synth.training.transcriber.config import TranscriberTrainConfig
from mt3synth.training.transcriber.files import DESCRIPTION, from_json, to_json, write_weights
from mt3synth.training.transcriber.learner import TranscriberLearner


def run(
    folder: str | Path,
    network: MelTranscriberConfig,
    make_spec: Callable[..., ModelSpec],
    data: TrainingData,
    config: TranscriberTrainConfig,
    optimizer: OptimizerConfig,
    mesh: MeshConfig | None = None,
    budget: Callable[..., BudgetConfig] = BudgetConfig,
    budget_minutes: float | None = None,
    profile: str | None = None,
    settings: Callable[[], str] = str,
) -> TrainState:
    """Trains one transcriber, or goes on training it; in the end its weights lie in the folder.

    Args:
      folder: of the run; training goes on from its last checkpoint.
      network: shape of the transcriber; its bins are those of the frames.
      make_spec: makes the specification of a model that reads a list of notes, when told how many
        ``performances`` there are: what batches are made for.
      data: where batches come from.
      config: how long and how to train.
      optimizer: how it learns.
      mesh: devices along each axis; by default all share the batch.
      budget: class of the budget's configuration.
      budget_minutes: how much time there is, instead of ``config.steps``.
      profile: ``START:STOP``, the steps of which to record a profiler's trace.
      settings: returns the text that is kept beside the checkpoints as the run's configuration.

    Returns:
      The last state.

    Raises:
      UserError, FloatingPointError, Stopped: as `mt3synth.training.diffusion.run.run`.
    """
    folder = Path(folder)
    spec = make_spec(performances=len(data.performances))
    if "notes" not in spec.features:
        raise UserError("NETWORK reads no list of notes, by which a transcriber learns; give one")
    network = dataclasses.replace(network, mel_bins=spec.mel.bins)
    devices = make_mesh(mesh or MeshConfig())
    check_batch_size(config.batch_size, devices)
    limit = None if budget_minutes is None else budget(minutes=float(budget_minutes))
    span = None if profile is None else parse_span(profile)
    learner = TranscriberLearner(MelTranscriber(network), spec, data, config, optimizer, devices)
    # The folder is this run's from here on; another transcriber's is refused.
    claim_files(folder, {DESCRIPTION: to_json(network, spec.mel)}, {DESCRIPTION: from_json})
    state = fit(learner, config, optimizer, folder, budget=limit, profile=span, settings=settings())
    write_weights(folder, fetch_to_host(state.ema))
    return state
