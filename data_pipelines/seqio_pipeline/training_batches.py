"""Folders of records as the training data of the project's own trainer."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from data_pipelines.performances import PerformanceEntry, join_performances, read_performances
from data_pipelines.reading.features import SegmentFeatures
from data_pipelines.reading.prefetch import Prefetched
from data_pipelines.seqio_pipeline.batches import evaluation_batches, training_batches
from data_pipelines.seqio_pipeline.mixtures import register_mixture
from data_pipelines.seqio_pipeline.tasks import SUFFIX, register_tasks
from data_pipelines.shards.names import splits_in
from mt3synth.errors import UserError
from mt3synth.model_spec import ModelSpec
from mt3synth.types import Batch


class CorpusData:
    """Reads corpora through their SeqIO tasks; a `mt3synth.training.data.TrainingData`.

    Performances of the same name in two folders are one performance.

    Args:
      folder: of the records, with their performances.json; or several such folders.
      task: name under which the SeqIO tasks are registered, followed by 0, 1, ... for several
        folders.
      token_length: tokens to which a segment is padded, for networks that read tokens.
      pitch_shift: most semitones by which a training segment is shifted, up or down.
      temperature: of the mixture of several folders (see ``mixtures.register_mixture``).
      cache_dir: where ``caching`` has put the tasks; None to read the folders themselves.

    Raises:
      UserError: a folder is missing or is no corpus.
      ValueError: no folder at all.
    """

    def __init__(
        self,
        folder: str | Sequence[str],
        task: str = "corpus",
        token_length: int = 1536,
        pitch_shift: int = 0,
        temperature: float = 1.0,
        cache_dir: str | None = None,
    ) -> None:
        folders = [folder] if isinstance(folder, str) else list(folder)
        if not folders:
            raise ValueError("folder=[]; must be at least one")
        self.folders = [Path(each) for each in folders]
        self.task, self.token_length = task, token_length
        self.pitch_shift, self.temperature, self.cache_dir = pitch_shift, temperature, cache_dir
        lists = [_performances(each) for each in self.folders]
        joined, self._indices = join_performances(lists)
        self.performances: list[dict[str, Any]] = [
            {"index": index, **dataclasses.asdict(entry)} for index, entry in enumerate(joined)
        ]

    @property
    def identity(self) -> str:
        """Another for other files or another way of reading them, wherever the folders lie."""
        files = [
            sorted((path.name, path.stat().st_size) for path in folder.glob(f"*{SUFFIX}"))
            for folder in self.folders
        ]
        read = [files, self._indices, self.pitch_shift, self.temperature, self._cached]
        return hashlib.sha256(json.dumps(read).encode()).hexdigest()

    def training(
        self,
        spec: ModelSpec,
        batch: int,
        seed: int,
        start: int,
        *,
        process_index: int = 0,
        process_count: int = 1,
    ) -> Prefetched[Batch]:
        """Shuffled batches without end, beginning with number ``start``."""
        features = self._register(spec)
        return training_batches(
            self.task,
            features,
            batch,
            seed,
            start_batch=start,
            process_index=process_index,
            process_count=process_count,
            use_cached=self._cached,
        )

    def validation(self, spec: ModelSpec, batch: int) -> Iterable[Batch]:
        """Batches of the validation split in order, the last perhaps smaller; none without one."""
        features = self._register(spec)
        if not any("validation" in splits_in(folder, SUFFIX) for folder in self.folders):
            return []
        return evaluation_batches(self.task, features, batch, use_cached=self._cached)

    @property
    def _cached(self) -> bool:
        return self.cache_dir is not None

    def _register(self, spec: ModelSpec) -> SegmentFeatures:
        if self.cache_dir is not None:
            import seqio

            seqio.add_global_cache_dirs([self.cache_dir])
        several = len(self.folders) > 1
        names = [
            register_tasks(
                f"{self.task}{number}" if several else self.task,
                folder,
                spec.mel,
                spec.window,
                pitch_shift=self.pitch_shift,
                context_frames=spec.network.context_frames,
                performances=indices,
            )
            for number, (folder, indices) in enumerate(zip(self.folders, self._indices))
        ]
        if several:
            register_mixture(self.task, names, self.temperature)
        return SegmentFeatures(
            mel=spec.mel,
            names=spec.features,
            frames=spec.window,
            roll=spec.roll,
            codec=spec.codec,
            token_length=self.token_length,
            context_frames=spec.network.context_frames,
        )


def _performances(folder: Path) -> list[PerformanceEntry]:
    listed = read_performances(folder)
    if not listed:
        raise UserError(
            f"{folder} is no corpus: it has no performances.json that lists any; build one with "
            "`mt3synth prepare`"
        )
    return listed
