"""Trains a vocoder from the first batch to the last checkpoint, top to bottom."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mt3synth.audio.mel import MELGAN, MelSpec
from mt3synth.training.loop import fit
from mt3synth.training.monitoring.profiling import parse_span
from mt3synth.training.optim.optimizer import OptimizerConfig
from mt3synth.training.optim.time_budget import BudgetConfig
from mt3synth.training.parallel.mesh import MeshConfig, check_batch_size, make_mesh
from mt3synth.training.run_folder import claim_files
from mt3synth.training.state import TrainState
from mt3synth.training.vocoder.config import VocoderTrainConfig
from mt3synth.training.vocoder.data import SoundData
from mt3synth.training.vocoder.learner import VocoderLearner
from mt3synth.training.vocoder.validation import Validation
from mt3synth.vocoder.discriminators import DiscriminatorConfig
from mt3synth.vocoder.files import DESCRIPTION, from_json, to_json
from mt3synth.vocoder.vocos import Vocos, VocosConfig


def run(
    folder: str | Path,
    network: VocosConfig,
    discriminators: DiscriminatorConfig,
    data: SoundData,
    config: VocoderTrainConfig,
    optimizer: OptimizerConfig,
    critics_optimizer: OptimizerConfig | None = None,
    mel: MelSpec = MELGAN,
    mesh: MeshConfig | None = None,
    budget: Callable[..., BudgetConfig] = BudgetConfig,
    budget_minutes: float | None = None,
    profile: str | None = None,
    settings: Callable[[], str] = str,
) -> TrainState:
    """Trains one vocoder, or goes on training it.

    Args:
      folder: of the run; training goes on from its last checkpoint.
      network: shape of the vocoder's network.
      discriminators: shape of those that judge it.
      data: where sound comes from.
      config: how long and how to train.
      optimizer: how the vocoder learns.
      critics_optimizer: how the discriminators do; by default the same way.
      mel: the frames that the vocoder inverts.
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

    # The vocoder. A transform that does not fit the frames is refused here.
    network.lag(mel)
    generator = Vocos(network, mel)

    # The devices. What cannot be trained on them is refused before anything is written.
    devices = make_mesh(mesh or MeshConfig())
    check_batch_size(config.batch_size, devices)
    limit = None if budget_minutes is None else budget(minutes=float(budget_minutes))
    span = None if profile is None else parse_span(profile)

    # The data, and what is learned from them. It is made before the folder is claimed, for it may
    # still refuse segments that are too short.
    data.check(mel.sample_rate)
    validation = Validation(generator, data, config, folder)
    # A configuration of its own, for the optimizers' states are apart in any case.
    critics = critics_optimizer or optimizer
    learner = VocoderLearner(
        generator, discriminators, data, config, optimizer, critics, devices, validation
    )

    # The folder is this run's from here on; another vocoder's is refused.
    claim_files(folder, {DESCRIPTION: to_json(network, mel)}, {DESCRIPTION: from_json})
    return fit(learner, config, optimizer, folder, budget=limit, profile=span, settings=settings())
