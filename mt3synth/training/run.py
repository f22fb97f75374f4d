"""A training run as gin describes it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mt3synth.audio.mel import MELGAN, MelSpec
from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.model_spec import NetworkConfig, make_spec
from mt3synth.symbolic.codec import EventCodec
from mt3synth.symbolic.roll import RollSpec
from mt3synth.training.loop import TrainConfig, TrainingData, train
from mt3synth.training.optimizer import OptimizerConfig
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
      init_from: a bundle whose weights to begin with. Performances of the data that the bundle
        knows by name keep their embedding, others begin with the mean of all it knows.

    Raises:
      UserError: ``init_from`` is no bundle, or one of another network.
    """
    spec = make_spec(
        network,
        mel=mel,
        roll=roll or RollSpec(),
        codec=EventCodec(velocity_bins),
        performances=len(data.performances),
        diffusion=diffusion,
        window=window,
    )
    initial = None
    if init_from is not None:
        from mt3synth.training.warm_start import parameters_from_bundle

        initial = parameters_from_bundle(Path(init_from), spec, data.performances)
    return train(spec, config, optimizer, data, Path(folder), initial)
