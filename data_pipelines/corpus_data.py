"""A folder of records as the training data of the project's own trainer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from data_pipelines.batches import evaluation_batches, training_batches
from data_pipelines.features import SegmentFeatures
from data_pipelines.prefetch import Prefetched
from data_pipelines.tasks import register_tasks
from mt3synth.errors import UserError
from mt3synth.model_spec import ModelSpec
from mt3synth.types import Batch


class CorpusData:
    """Reads a corpus through its SeqIO task; a `mt3synth.training.loop.TrainingData`.

    Args:
      folder: of the records, with their performances.json.
      task: name under which the SeqIO tasks are registered.
      token_length: tokens to which a segment is padded, for networks that read tokens.

    Raises:
      UserError: the folder is missing or is no corpus.
    """

    def __init__(self, folder: str, task: str = "corpus", token_length: int = 1536) -> None:
        self.folder, self.task, self.token_length = Path(folder), task, token_length
        path = self.folder / "performances.json"
        try:
            self.performances: list[dict[str, Any]] = json.loads(path.read_text())
        except (OSError, ValueError) as error:
            raise UserError(
                f"{self.folder} is no corpus: cannot read {path.name} ({error}); build one with "
                "`python -m data_pipelines.corpus.build`"
            ) from error

    def training(self, spec: ModelSpec, batch: int, seed: int, start: int) -> Prefetched[Batch]:
        """Shuffled batches without end, beginning with number ``start``."""
        features = self._register(spec)
        return training_batches(self.task, features, batch, seed, start_batch=start)

    def validation(self, spec: ModelSpec, batch: int) -> Prefetched[Batch]:
        """Every whole batch of the validation split, in order."""
        features = self._register(spec)
        return evaluation_batches(self.task, features, batch, drop_remainder=True)

    def _register(self, spec: ModelSpec) -> SegmentFeatures:
        register_tasks(self.task, self.folder, spec.mel, spec.window)
        return SegmentFeatures(
            mel=spec.mel,
            names=spec.features,
            frames=spec.window,
            roll=spec.roll,
            codec=spec.codec,
            token_length=self.token_length,
        )
