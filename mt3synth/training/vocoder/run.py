"""A vocoder's training run as gin describes it."""

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
from mt3synth.vocoder.discriminators import DiscriminatorConfig
from mt3synth.vocoder.files import DESCRIPTION, from_json, to_json
from mt3synth.vocoder.vocos import Vocos, VocosConfig


def run(
    folder: str,
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
      folder: of the run; training goes on where it stands.
      network: shape of the vocoder's network.
      discriminators: shape of those that judge it.
      data: where sound comes from.
      config: how long and how to train.
      optimizer: how the vocoder learns.
      critics_optimizer: how the discriminators do; by default the same way.
      mel: the frames that the vocoder inverts.
      mesh: over which devices.
      budget: class of the budget's configuration.
      budget_minutes: how much time there is, instead of a number of steps.
      profile: ``START:STOP``, the steps of which to record a profiler's trace.
      settings: gives the text that is kept as the configuration of the run.

    Raises:
      UserError, FloatingPointError, Stopped: as `mt3synth.training.diffusion.learner.train`.
    """
    where = Path(folder)
    network.lag(mel)  # refuses a transform that does not fit the frames
    budget_config = None if budget_minutes is None else budget(minutes=float(budget_minutes))
    span = None if profile is None else parse_span(profile)
    devices = make_mesh(mesh or MeshConfig())
    check_batch_size(config.batch_size, devices)
    data.check(mel.sample_rate)
    learner = VocoderLearner(
        Vocos(network, mel),
        discriminators,
        config,
        optimizer,
        critics_optimizer or optimizer,
        data,
        where,
        devices,
    )
    claim_files(where, {DESCRIPTION: to_json(network, mel)}, {DESCRIPTION: from_json})
    return fit(
        learner,
        config,
        optimizer,
        where,
        budget_config=budget_config,
        profile=span,
        settings=settings(),
    )
