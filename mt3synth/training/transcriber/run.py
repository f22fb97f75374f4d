"""Trains a transcriber of mel frames."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Unpack

from mt3synth.batch_protocols import TrainingData
from mt3synth.mel_networks import TRANSCRIBER
from mt3synth.model_spec import ModelSpec
from mt3synth.models.mel_transcriber import MelTranscriberConfig
from mt3synth.training.mel_network.run import Surroundings, make_spec_for, train_network
from mt3synth.training.optim.optimizer import OptimizerConfig
from mt3synth.training.state import TrainState
from mt3synth.training.transcriber.config import TranscriberTrainConfig
from mt3synth.training.transcriber.learner import TranscriberLearner


def run(
    folder: str | Path,
    network: MelTranscriberConfig,
    make_spec: Callable[..., ModelSpec],
    data: TrainingData,
    config: TranscriberTrainConfig,
    optimizer: OptimizerConfig,
    **around: Unpack[Surroundings],
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
      **around: see `Surroundings`.

    Returns:
      The last state.

    Raises:
      UserError, FloatingPointError, Stopped: as `mt3synth.training.diffusion.run.run`.
    """
    spec = make_spec_for(TRANSCRIBER, make_spec, data)
    network = dataclasses.replace(network, mel_bins=spec.mel.bins)
    return train_network(
        folder, TRANSCRIBER, network, TranscriberLearner, spec, data, config, optimizer, around
    )
