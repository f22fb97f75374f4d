"""Trains a diffusion model from the first batch to the last checkpoint, top to bottom."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

from mt3synth.batch_protocols import TrainingData
from mt3synth.errors import UserError
from mt3synth.mel_networks import TRANSCRIBER, read_for
from mt3synth.model_spec import ModelSpec
from mt3synth.training.data import (
    check_all_heard,
    describe_little,
    read_first_batch,
    start_position,
)
from mt3synth.training.diffusion.config import TrainConfig
from mt3synth.training.diffusion.hearing import Hearing
from mt3synth.training.diffusion.learner import DenoiserLearner
from mt3synth.training.diffusion.samples import SamplesConfig
from mt3synth.training.diffusion.validation import Validation
from mt3synth.training.diffusion.warm_start import (
    adapt_parameters,
    confine_to_new,
    load_source,
    parse_neighbours,
    with_known,
)
from mt3synth.training.loop import fit
from mt3synth.training.monitoring.profiling import parse_span
from mt3synth.training.optim.freezing import FreezeConfig
from mt3synth.training.optim.optimizer import OptimizerConfig
from mt3synth.training.optim.time_budget import BudgetConfig
from mt3synth.training.parallel.mesh import MeshConfig, check_batch_size, make_mesh
from mt3synth.training.provenance import record_data, record_origin
from mt3synth.training.run_folder import SPEC_FILE, claim, holds
from mt3synth.training.state import TrainState


def run(
    folder: str | Path,
    make_spec: Callable[..., ModelSpec],
    data: TrainingData,
    config: TrainConfig,
    optimizer: OptimizerConfig,
    init_from: str | None = None,
    init_like: Sequence[str] = (),
    mesh: MeshConfig | None = None,
    freezing: FreezeConfig | None = None,
    samples: SamplesConfig | None = None,
    budget: Callable[..., BudgetConfig] = BudgetConfig,
    budget_minutes: float | None = None,
    profile: str | None = None,
    only_mine: bool = False,
    keep_known: bool = False,
    allow_untrained: bool = False,
    settings: Callable[[], str] = str,
) -> TrainState:
    """Trains one model on one data set, or goes on training it.

    Every process of a run calls it with the same arguments.

    Args:
      folder: of the run: specification, checkpoints and TensorBoard scalars. Training goes on from
        its last checkpoint.
      make_spec: makes the model's specification when told how many ``performances`` there are;
        `mt3synth.model_spec.make_spec` with all else bound.
      data: where batches come from; lists the performances.
      config: how long and how to train.
      optimizer: how the model learns.
      init_from: a bundle, or the folder of a run, with whose weights a new run begins; "default" is
        the bundle that comes with mt3synth. Performances of the data that it knows by name keep
        their embedding, others begin with the mean of all it knows. Those that it knows and the
        data have not stay in the model, with embeddings as they are.
      init_like: ``NEW=KNOWN`` for a performance that begins with the embedding of another.
      mesh: devices along each axis; by default all share the batch.
      freezing: parameters that stay as they are; by default none.
      samples: what is drawn and made audible at each evaluation; by default nothing.
      budget: class of the budget's configuration.
      budget_minutes: how much time there is, instead of ``config.steps``.
      profile: ``START:STOP``, the steps of which to record a profiler's trace.
      only_mine: whether performances that the data have not are dropped.
      keep_known: whether nothing is learned but the embeddings of performances that ``init_from``
        does not know, so that all it knows sound as they did.
      allow_untrained: whether performances of the data may have no training audio.
      settings: returns the text that is kept beside the checkpoints as the run's configuration.

    Returns:
      The last state.

    Raises:
      UserError: ``init_from`` is no model, or one of another network; options contradict each
        other; a performance has no training audio; ``folder`` holds a run of another model; the
        batch does not divide over the devices; a checkpoint cannot be read or written.
      FloatingPointError: the loss is not finite; the last checkpoint before that is kept.
      Stopped: a signal ended the run; its state is saved.

    Example:
      >>> network = functools.partial(UNetConfig, widths=(64, 128))
      >>> spec = functools.partial(make_spec, network, diffusion=DiffusionSpec())
      >>> run("runs/mine", spec, data, TrainConfig(steps=1000), OptimizerConfig())
    """
    folder = Path(folder)

    # What can be refused at a glance. A run that was begun is not asked again.
    if not allow_untrained and not (folder / SPEC_FILE).exists():
        check_all_heard(data)

    # The model. Data and the model to begin with say how many performances need an embedding.
    source = None if init_from is None else load_source(init_from)
    # The data's come first, so that indices in their shards stay what they are.
    performances = data.performances
    # A run that was begun with the data's alone goes on with these.
    if source is not None and not only_mine and not holds(folder, performances):
        performances = with_known(source, performances)
    # Only now, for how many embeddings there are is part of the network's shape.
    spec = make_spec(performances=len(performances))
    params = None
    held: Sequence[int] = range(len(data.performances), len(performances))
    if source is not None:
        # What is learned from a model is best sampled as that model is.
        spec = dataclasses.replace(
            spec, guidance=source.spec.guidance, sampling=source.spec.sampling
        )
        params = adapt_parameters(source, spec, performances, parse_neighbours(init_like))
    elif init_like:
        # Refused and not ignored: whoever names a neighbour expects the model to begin with it.
        raise UserError(
            f"--init-like {init_like[0]} needs --init-from, the model that has the embedding"
        )
    freezing = freezing or FreezeConfig()
    if keep_known:
        freezing, held = confine_to_new(source, performances, freezing)

    # The devices. What cannot be trained on them is refused before anything is written.
    devices = make_mesh(mesh or MeshConfig())
    check_batch_size(config.batch_size, devices, config.accumulation)
    limit = None if budget_minutes is None else budget(minutes=float(budget_minutes))
    span = None if profile is None else parse_span(profile)

    hearing = None
    if config.transcriber is not None:
        hearing = Hearing(read_for(config.transcriber, TRANSCRIBER, spec.mel))

    # The folder is this run's from here on; another model's is refused. All that was configured has
    # been used by now, so it can be written down, and what goes wrong later is not its fault.
    claim(folder, spec, performances)
    configuration = settings()
    record_data(folder, data, spec, config.batch_size)
    if source is not None:
        record_origin(folder, source)

    # The data. What is held out is read once; its first batch also tells the network its shapes,
    # which spares opening the training data twice.
    network = spec.build()
    start = start_position(data, config.batch_size, config.seed)
    validation = Validation(network, spec, data, config, samples, folder, devices, hearing)
    example = validation.example or read_first_batch(data, spec, start, devices)

    # What is learned, and how. A run that is resumed restores its state over these parameters.
    learner = DenoiserLearner(
        spec,
        network,
        data,
        config,
        optimizer,
        freezing,
        devices,
        start,
        example,
        validation,
        params,
        held,
        describe_little(data),
        hearing,
    )
    return fit(
        learner,
        config,
        optimizer,
        folder,
        budget=limit,
        profile=span,
        # Of fresh parameters a validation would say nothing.
        validate_first=params is not None,
        settings=configuration,
    )
