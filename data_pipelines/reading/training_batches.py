"""Folders of NumPy shards as the training data of the project's own trainer: no TensorFlow."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Sequence
from itertools import islice, zip_longest
from pathlib import Path
from typing import Any

from data_pipelines.performances import join_performances, read_performances
from data_pipelines.reading.numpy_songs import MelSegment, MelSegmentFeatures, read_entries
from data_pipelines.reading.prefetch import Prefetched
from data_pipelines.reading.schedule import Schedule
from data_pipelines.reading.segment_reader import ArrayReader
from data_pipelines.shards.formats import FORMATS
from data_pipelines.shards.names import find_shards, splits_in
from mt3synth.errors import UserError
from mt3synth.model_spec import ModelSpec
from mt3synth.types import Batch

_SUFFIX = FORMATS["numpy"].suffix


class ArrayData:
    """Reads data sets of the format "numpy"; a `mt3synth.training.data.TrainingData`.

    Every pass goes through all segments in an order of its own, and the number of a batch is all
    that tells where the reader is: starting at any costs the same. Processes that train together
    share each batch: what they read in all does not depend on how many they are.

    Performances of the same name in two folders are one performance.

    Args:
      folder: of the shards, with their performances.json; or several such folders.
      token_length: tokens to which a segment is padded, for networks that read tokens.
      pitch_shift: most semitones by which a training segment is shifted, up or down.
      temperature: of the mixture of several folders: one of n segments is read at the rate
        n ** (1 / temperature).

    Raises:
      UserError: a folder is missing or holds no such data set.
      ValueError: no folder at all, or a number out of its range.
    """

    def __init__(
        self,
        folder: str | Sequence[str],
        token_length: int = 1536,
        pitch_shift: int = 0,
        temperature: float = 1.0,
    ) -> None:
        self.folders = [Path(f) for f in ([folder] if isinstance(folder, str) else folder)]
        if not self.folders:
            raise ValueError("folder=[]; must be at least one")
        if pitch_shift < 0:
            raise ValueError(f"pitch_shift={pitch_shift} semitones; must be at least 0")
        if not 0 < temperature < float("inf"):
            raise ValueError(f"temperature={temperature}; must be positive and finite")
        self.token_length = token_length
        self.pitch_shift, self.temperature = pitch_shift, temperature
        lists = [read_performances(each) for each in self.folders]
        for each, listed in zip(self.folders, lists):
            find_shards(each, "train", _SUFFIX)
            if not listed:
                raise UserError(
                    f"{each}: has no performances.json that lists any; build it again with "
                    "`mt3synth prepare`"
                )
        joined, self._indices = join_performances(lists)
        self.performances: list[dict[str, Any]] = [
            {"index": index, **dataclasses.asdict(entry)} for index, entry in enumerate(joined)
        ]

    @property
    def identity(self) -> str:
        """Another for other files or another way of reading them, wherever the folders lie."""
        files = [
            sorted((str(p.relative_to(f)), p.stat().st_size) for p in f.glob(f"*{_SUFFIX}/*"))
            for f in self.folders
        ]
        read = [files, self._indices, self.pitch_shift, self.temperature]
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
        """Shuffled batches of ``batch`` segments (of this process), from number ``start`` on.

        Args:
          spec: the model.
          batch: segments in a batch of this process.
          seed: of the order, the offsets and the pitch shifts.
          start: begin at this batch.
          process_index: this process among those that train together.
          process_count: how many they are.

        Raises:
          UserError: a shard is damaged or has no songs; while iterating also what
            ``SegmentFeatures.batch`` raises.
          ValueError: a number out of its range.
        """
        if not 0 <= process_index < process_count:
            raise ValueError(f"process_index={process_index}; must be in 0..{process_count - 1}")
        for name, value, least in (("batch", batch, 1), ("seed", seed, 0), ("start", start, 0)):
            if value < least:
                raise ValueError(f"{name}={value}; must be at least {least}")
        features = self._features(spec)
        readers = self._readers("train", features, seed)
        schedule = Schedule.of([r.pass_length ** (1 / self.temperature) for r in readers], seed)
        together = batch * process_count

        def batches() -> Iterator[Batch]:
            places = _places(schedule, start * together)
            while True:
                shared = list(islice(places, together))
                mine = shared[process_index * batch :][:batch]
                yield features.batch([readers[source].training(at) for source, at in mine])

        return Prefetched(batches())

    def validation(self, spec: ModelSpec, batch: int) -> Prefetched[Batch]:
        """The validation split in order, folder by folder in turn; none if nothing is held out.

        The last batch is smaller where the segments do not fill it.
        """
        features = self._features(spec)
        held_out = [r.evaluation() for r in self._readers("validation", features, seed=0)]

        def batches() -> Iterator[Batch]:
            segments = _in_turn(held_out)
            while chosen := list(islice(segments, batch)):
                yield features.batch(chosen)

        return Prefetched(batches())

    def _features(self, spec: ModelSpec) -> MelSegmentFeatures:
        return MelSegmentFeatures(
            mel=spec.mel,
            names=spec.features,
            frames=spec.window,
            roll=spec.roll,
            codec=spec.codec,
            token_length=self.token_length,
            context_frames=spec.network.context_frames,
        )

    def _readers(self, split: str, features: MelSegmentFeatures, seed: int) -> list[ArrayReader]:
        """One for each folder that has the split."""
        readers = []
        for number, (folder, indices) in enumerate(zip(self.folders, self._indices)):
            if split not in splits_in(folder, _SUFFIX):
                continue
            songs = read_entries(find_shards(folder, split, _SUFFIX), indices)
            if not songs:
                raise UserError(f"{folder}: split {split} has no songs; build it again")
            readers.append(ArrayReader(songs, features, self.pitch_shift, (seed, number)))
        return readers


def _places(schedule: Schedule, start: int) -> Iterator[tuple[int, int]]:
    """Source and place in it of item ``start`` of a mixture, of the next, and so on."""
    drawn = list(schedule.drawn_before(start))
    for source in schedule.sources(start):
        yield source, drawn[source]
        drawn[source] += 1


def _in_turn(streams: Sequence[Iterator[MelSegment]]) -> Iterator[MelSegment]:
    for group in zip_longest(*streams):
        yield from (segment for segment in group if segment is not None)
