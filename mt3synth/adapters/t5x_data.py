"""Tells t5x about a data set, and writes down what a run keeps of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import flax
import numpy as np
import seqio

from data_pipelines.filesystem import as_path
from data_pipelines.performances import read_performances
from data_pipelines.seqio_pipeline.tasks import get_task
from mt3synth.errors import UserError
from mt3synth.model_spec import ModelSpec
from mt3synth.training.diffusion.step import EVAL_TIMES
from mt3synth.training.run_folder import claim


def training_task(name: str) -> str:
    """Names the task or mixture to train on.

    Args:
      name: as `data_pipelines.seqio_pipeline.tasks.register_tasks` returns it.
    """
    return f"{name}_train"


def evaluation_task(name: str) -> str:
    """Gives the task or mixture to evaluate on the metric that ``t5x.eval`` asks for.

    Args:
      name: as `data_pipelines.seqio_pipeline.tasks.register_tasks` returns it.
    """
    found = get_task(f"{name}_eval")
    for task in seqio.get_subtasks(found):
        # SeqIO's evaluator measures every feature that is declared, and cannot measure scalars.
        measured = {"audio": task.output_features["audio"]}
        measurable = task.replace(output_features=measured, metric_objs=[DenoisingLoss()])
        seqio.TaskRegistry.remove(task.name)
        seqio.TaskRegistry.add_provider(task.name, measurable)
    if isinstance(found, seqio.Mixture):  # It holds the tasks as they were.
        rates = [(task.name, found.get_rate(task)) for task in found.tasks]
        seqio.MixtureRegistry.remove(found.name)
        seqio.MixtureRegistry.add(found.name, rates)
    return str(found.name)


def performance_count(data_dir: str) -> int:
    """Counts the performances of a data set.

    Raises:
      UserError: none.
    """
    return len(_performances(data_dir))


def describe_run(
    model_dir: str, summary_writer: Any, step: int, spec: ModelSpec, data_dir: str
) -> None:
    """Writes the configuration as t5x does, and what `mt3synth export` reads of a run.

    Args:
      model_dir: of the run.
      summary_writer, step: for TensorBoard.
      spec: the model.
      data_dir: the data set, for its performances.

    Raises:
      UserError: ``model_dir`` holds the run of another model.
    """
    from t5x import gin_utils

    claim(Path(model_dir), spec, _performances(data_dir))
    gin_utils.summarize_gin_config(model_dir, summary_writer, step)


def _performances(data_dir: str) -> list[dict[str, Any]]:
    listed = read_performances(as_path(data_dir))
    if not listed:
        raise UserError(f"{data_dir} is no corpus: it has no performances.json that lists any")
    return [
        {"index": index, "name": entry.name, "description": entry.description}
        for index, entry in enumerate(listed)
    ]


@flax.struct.dataclass
class DenoisingLoss(seqio.metrics.Metric):
    """Means of the losses that `t5x_model.DiffusionModel.score_batch` gives with a minus.

    Attributes:
      losses: of each example at each of ``EVAL_TIMES``.
    """

    model_output_type: seqio.metrics.ModelOutputType = seqio.metrics.ModelOutputType.SCORE
    losses: Any = None

    @classmethod
    def from_model_output(cls, inputs: Any, model_output: Any, *args: Any, **more: Any) -> Any:
        """Takes the losses of all examples at once, as SeqIO's evaluator has them."""
        del inputs, args, more
        return cls(losses=-np.asarray(model_output))

    def compute(self) -> dict[str, float]:
        """Averages over examples at each of ``EVAL_TIMES``, and over all."""
        means = {
            f"loss_at_{time:g}": float(mean) for time, mean in zip(EVAL_TIMES, self.losses.mean(0))
        }
        return {"loss": float(self.losses.mean()), **means}
