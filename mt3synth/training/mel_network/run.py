"""Trains a network of mel frames from the first batch to its weights, top to bottom."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

from mt3synth.batch_protocols import TrainingData
from mt3synth.errors import UserError
from mt3synth.mel_networks import Kind, MelNetworkConfig, describe, write_weights
from mt3synth.model_spec import ModelSpec
from mt3synth.training.loop import fit
from mt3synth.training.mel_network.config import MelNetworkTrainConfig
from mt3synth.training.mel_network.learner import MelNetworkLearner
from mt3synth.training.monitoring.profiling import parse_span
from mt3synth.training.optim.optimizer import OptimizerConfig
from mt3synth.training.optim.time_budget import BudgetConfig
from mt3synth.training.parallel.mesh import MeshConfig, check_batch_size, make_mesh
from mt3synth.training.parallel.sharding import fetch_to_host
from mt3synth.training.run_folder import claim_files
from mt3synth.training.state import TrainState


class Surroundings(TypedDict, total=False):
    """What is around the training of a network of mel frames; gin binds it.

    Attributes:
      mesh: devices along each axis; by default all share the batch.
      budget: class of the budget's configuration.
      budget_minutes: how much time there is, instead of the steps of the configuration.
      profile: ``START:STOP``, the steps of which to record a profiler's trace.
      settings: returns the text that is kept beside the checkpoints as the run's configuration.
    """

    mesh: MeshConfig
    budget: Callable[..., BudgetConfig]
    budget_minutes: float | None
    profile: str | None
    settings: Callable[[], str]


def make_spec_for(kind: Kind, make_spec: Callable[..., ModelSpec], data: TrainingData) -> ModelSpec:
    """Makes the specification that batches are made for.

    Raises:
      UserError: batches would have no notes.
    """
    spec = make_spec(performances=len(data.performances))
    if "notes" not in spec.features:
        raise UserError(
            f"NETWORK reads no list of notes, by which the {kind.name} learns; give one"
        )
    return spec


def train_network(
    folder: str | Path,
    kind: Kind,
    network: MelNetworkConfig,
    learner: type[MelNetworkLearner[Any]],
    spec: ModelSpec,
    data: TrainingData,
    config: MelNetworkTrainConfig,
    optimizer: OptimizerConfig,
    around: Surroundings,
) -> TrainState:
    """Trains one network, or goes on training it; in the end its weights lie in the folder.

    Args:
      folder: of the run; training goes on from its last checkpoint.
      kind: of network.
      network: its shape.
      learner: how it learns.
      spec: what batches are made for.
      data: where batches come from.
      config: how long and how to train.
      optimizer: how it learns.
      around: devices, budget and the like.

    Returns:
      The last state.

    Raises:
      UserError, FloatingPointError, Stopped: as `mt3synth.training.diffusion.run.run`.
    """
    folder = Path(folder)
    devices = make_mesh(around.get("mesh", MeshConfig()))
    check_batch_size(config.batch_size, devices)
    minutes, profile = around.get("budget_minutes"), around.get("profile")
    budget, settings = around.get("budget", BudgetConfig), around.get("settings", str)
    limit = None if minutes is None else budget(minutes=float(minutes))
    span = None if profile is None else parse_span(profile)
    learns = learner(kind.network(network), spec, data, config, optimizer, devices)
    # The folder is this run's from here on; another network's is refused.
    described = {kind.description: describe(network, spec.mel)}
    claim_files(folder, described, {kind.description: kind.parse})
    state = fit(learns, config, optimizer, folder, budget=limit, profile=span, settings=settings())
    write_weights(folder, kind, fetch_to_host(state.ema))
    return state
