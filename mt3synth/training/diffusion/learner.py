"""Training a diffusion model from the first batch to the last checkpoint."""

from __future__ import annotations

from pathlib import Path

from jax.sharding import Mesh

from mt3synth.batch_protocols import BatchStream, TrainingData
from mt3synth.bundle import abstract_params
from mt3synth.model_spec import ModelSpec
from mt3synth.training.data import ReaderPosition, first_batch, open_batches, position_at_start
from mt3synth.training.diffusion.config import TrainConfig
from mt3synth.training.diffusion.samples import ShowcaseConfig
from mt3synth.training.diffusion.step import make_train_step
from mt3synth.training.diffusion.validation import Examination
from mt3synth.training.learner import Update
from mt3synth.training.loop import fit
from mt3synth.training.monitoring.logger import Board
from mt3synth.training.monitoring.parameter_table import write_summary
from mt3synth.training.optim.freezing import FreezeConfig, freeze
from mt3synth.training.optim.optimizer import OptimizerConfig
from mt3synth.training.optim.time_budget import BudgetConfig
from mt3synth.training.parallel.mesh import MeshConfig, check_batch_size, make_mesh
from mt3synth.training.run_folder import claim
from mt3synth.training.state import TrainState, abstract_state, init_state_sharded
from mt3synth.types import PyTree


def train(
    spec: ModelSpec,
    config: TrainConfig,
    optimizer_config: OptimizerConfig,
    data: TrainingData,
    folder: Path,
    initial: PyTree | None = None,
    *,
    mesh_config: MeshConfig | None = None,
    freezing: FreezeConfig | None = None,
    budget_config: BudgetConfig | None = None,
    showcase: ShowcaseConfig | None = None,
    profile: tuple[int, int] | None = None,
    settings: str = "",
) -> TrainState:
    """Trains, or goes on training, the model of ``spec`` in ``folder``.

    Every process of a run calls it with the same arguments.

    Args:
      spec: the model.
      config: how long and how.
      optimizer_config: how it learns.
      data: where batches come from.
      folder: of the run: specification, checkpoints and TensorBoard scalars.
      initial: parameters to begin with instead of fresh ones, if the run is new.
      mesh_config: over which devices; by default all share the batch.
      freezing: parameters that stay as they are; by default none.
      budget_config: how much time there is, instead of ``config.steps``.
      showcase: what is drawn and made audible at each evaluation; by default nothing.
      profile: steps after which a profiler's trace begins and ends.
      settings: text that goes beside the checkpoints as the configuration of the run.

    Returns:
      The last state.

    Raises:
      UserError: ``folder`` holds a run of another model, the batch does not divide over the
        devices, or a checkpoint cannot be read or written.
      FloatingPointError: the loss is not finite; the last checkpoint before is kept.
      Stopped: a signal ended the run; its state is saved.
    """
    mesh = make_mesh(mesh_config or MeshConfig())
    check_batch_size(config.batch_size, mesh, config.accumulation)
    claim(folder, spec, data.performances)
    learner = _Denoiser(
        spec, config, optimizer_config, data, folder, initial, mesh, freezing, showcase
    )
    return fit(
        learner,
        config,
        optimizer_config,
        folder,
        budget_config=budget_config,
        profile=profile,
        settings=settings,
    )


class _Denoiser:
    """A diffusion model as a `mt3synth.training.learner.Learner`; arguments as for `train`."""

    def __init__(
        self,
        spec: ModelSpec,
        config: TrainConfig,
        optimizer_config: OptimizerConfig,
        data: TrainingData,
        folder: Path,
        initial: PyTree | None,
        mesh: Mesh,
        freezing: FreezeConfig | None,
        showcase: ShowcaseConfig | None,
    ) -> None:
        self._spec, self._data, self._initial, self._seed = spec, data, initial, config.seed
        self.mesh = mesh
        self.position = position_at_start(data, config.batch_size, config.seed)
        self.former_data: tuple[str, ...] = getattr(data, "former_identities", ())
        self.segment_seconds = spec.segment_frames / spec.mel.frame_rate
        self.dtype: str = spec.network.dtype
        self._network = spec.build()
        examination = Examination(self._network, spec, data, config, showcase, folder, mesh)
        self.headline, self._examination = examination.headline, examination
        self._example = examination.example or first_batch(data, spec, self.position, mesh)
        optimizer = optimizer_config.build(config.steps)
        self._optimizer = freeze(optimizer, abstract_params(spec), freezing or FreezeConfig())
        self._update = make_train_step(
            self._network,
            spec.diffusion,
            self._optimizer,
            ema_decay=config.ema_decay,
            condition_drop=config.condition_drop,
            time_power=config.time_power,
            seed=config.seed,
            mesh=mesh,
            accumulation=config.accumulation,
            remat=config.remat,
        )

    def abstract(self) -> TrainState:
        """The state as shapes with their shardings."""
        return abstract_state(self._network, self._example, self._optimizer, self.mesh)

    def fresh(self) -> TrainState:
        """The state before the first step."""
        return init_state_sharded(
            self._network, self._example, self._optimizer, self.mesh, self._seed, self._initial
        )

    def update_after(self, step: int) -> Update:
        """The same for all."""
        del step
        return self._update

    def batches(self, position: ReaderPosition) -> BatchStream:
        """This process's share of every batch from ``position`` on."""
        return open_batches(self._data, self._spec, position, self.mesh)

    def summary(self, folder: Path) -> str:
        """Parameters and mesh, in one line; the table goes into ``folder``."""
        return write_summary(folder, self._network, self._example, self.mesh)

    def examine(self, ema: PyTree, step: int, board: Board) -> None:
        """Validation losses, pictures and sound."""
        self._examination.hold(ema, step, board)
