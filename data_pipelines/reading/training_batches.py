"""Reads prepared folders as the training data of the project's own trainer: no TensorFlow."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, islice, zip_longest
from pathlib import Path
from typing import Any

from data_pipelines.performances import join_performances, read_performances
from data_pipelines.reading.features import SegmentFeatures
from data_pipelines.reading.prefetch import Prefetched
from data_pipelines.reading.schedule import Schedule
from data_pipelines.reading.segment_reader import SegmentReader
from data_pipelines.reading.segments import Segment, check_edges
from data_pipelines.reading.song_lists import list_songs
from data_pipelines.reading.stored_song import StoredSong, say_lower_rates
from data_pipelines.shards.formats import FORMATS, format_of
from data_pipelines.shards.names import CORPUS_FILE, find_shards, splits_in
from data_pipelines.shards.note_tables import notes_from_table
from mt3synth.errors import UserError
from mt3synth.foreign_files import read_json
from mt3synth.model_spec import ModelSpec
from mt3synth.symbolic.group_seconds import group_seconds
from mt3synth.symbolic.roll import RollSpec
from mt3synth.types import Batch


class SegmentData:
    """Reads batches of segments; a `mt3synth.batch_protocols.TrainingData`.

    `data_pipelines.open_data.open_data` makes one of what a user gives, and says what the
    arguments mean.

    Every pass goes through all segments in an order of its own, and the number of a batch is all
    that tells where the reader is: starting at any costs the same. The same songs give the same
    batches whichever format they are in. Processes that train together share each batch: what they
    read in all does not depend on how many they are.

    Performances of the same name in two folders are one performance.

    Raises:
      UserError: a folder is missing or holds no data set.
      ValueError: no folder at all, or a number out of its range.
    """

    def __init__(
        self,
        folders: Sequence[Path],
        token_length: int,
        pitch_shift: int,
        temperature: float,
        edges: float = 0.0,
    ) -> None:
        if not folders:
            raise ValueError("folder=[]; must be at least one")
        if pitch_shift < 0:
            raise ValueError(f"pitch_shift={pitch_shift} semitones; must be at least 0")
        if not 0 < temperature < float("inf"):
            raise ValueError(f"temperature={temperature}; must be positive and finite")
        self._folders, self._token_length = list(folders), token_length
        check_edges(edges)
        self._pitch_shift, self._temperature, self._edges = pitch_shift, temperature, edges
        self._suffixes = [FORMATS[format_of(each)].suffix for each in folders]
        lists = [read_performances(each) for each in folders]
        for each, suffix, listed in zip(folders, self._suffixes, lists):
            find_shards(each, "train", suffix)
            if not listed:
                raise UserError(
                    f"{each}: has no performances.json that lists any; build it again with "
                    "`mt3synth prepare`"
                )
        joined, self._indices = join_performances(lists)
        self.performances: list[dict[str, Any]] = [
            {"index": index, **dataclasses.asdict(entry)} for index, entry in enumerate(joined)
        ]
        self._songs: dict[str, list[list[StoredSong]]] = {}

    @property
    def identity(self) -> str:
        """Digests files and how they are read, the same wherever the folders lie."""
        return self._digest(*([self._edges] if self._edges else []))  # as before there were any

    @property
    def former_identities(self) -> tuple[str, ...]:
        """Lists the identities that these data had in another order.

        Those from before segments were drawn at songs' edges, and from when TensorFlow read
        TFRecords.
        """
        former = [self._digest()] if self._edges else []
        if set(self._suffixes) == {FORMATS["tfrecord"].suffix}:
            former += [self._digest(cached) for cached in (False, True)]
        return tuple(former)

    @property
    def training_seconds(self) -> list[float]:
        """The seconds of training audio of each performance, in the order of their indices.

        Raises:
          UserError: a shard is damaged or has no songs.
        """
        total = [0.0] * len(self.performances)
        for song in self._training_songs():
            total[song.performance] += song.seconds
        return total

    def training_groups(self, roll: RollSpec) -> list[dict[str, float]]:
        """Measures for how long each instrument group sounds in the training audio.

        Reads the notes of all songs, which training does as well.

        Args:
          roll: whose instrument groups.

        Returns:
          Seconds by name of the group, for each performance in the order of their indices.

        Raises:
          UserError: a shard is damaged or has no songs.
        """
        total: list[Counter[str]] = [Counter() for _ in self.performances]
        for song in self._training_songs():
            notes = notes_from_table(song.notes_between(0.0, song.seconds))
            total[song.performance].update(group_seconds(notes, roll.groups, roll.drum_seconds))
        return [dict(each) for each in total]

    @property
    def sources(self) -> list[dict[str, Any]]:
        """What the folders say of themselves: their name, and their corpus.json if they have one.

        Raises:
          UserError: a corpus.json is no JSON.
        """
        return [{"name": each.name, **_read_corpus(each / CORPUS_FILE)} for each in self._folders]

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
        """Reads shuffled batches of ``batch`` segments (of this process), from number ``start`` on.

        Args:
          spec: the model.
          batch: segments in a batch of this process.
          seed: of the order, the offsets and the pitch shifts.
          start: begin at this batch.
          process_index: this process among those that train together.
          process_count: how many they are.

        Raises:
          UserError: a shard is damaged or has no songs; while iterating also what
            `SegmentFeatures.batch` raises.
          ValueError: a number out of its range.
        """
        if not 0 <= process_index < process_count:
            raise ValueError(f"process_index={process_index}; must be in 0..{process_count - 1}")
        for name, value, least in (("batch", batch, 1), ("seed", seed, 0), ("start", start, 0)):
            if value < least:
                raise ValueError(f"{name}={value}; must be at least {least}")
        # One process takes any number of notes; several must agree on a length beforehand.
        features = self._features(spec, any_notes=process_count == 1)
        if process_index == 0:
            audio = [song.audio for song in self._training_songs()]
            say_lower_rates(audio, spec.mel.sample_rate, "the frames")
        readers = self._readers("train", features, seed)
        schedule = Schedule.of([r.pass_length ** (1 / self._temperature) for r in readers], seed)
        together = batch * process_count

        def batches() -> Iterator[Batch]:
            positions = _positions(schedule, start * together)
            while True:
                # Every process goes through the positions of all; only its own segments are read.
                shared = list(islice(positions, together))
                mine = shared[process_index * batch :][:batch]
                yield features.batch([readers[source].training(at) for source, at in mine])

        return Prefetched(batches())

    def validation(self, spec: ModelSpec, batch: int) -> Prefetched[Batch]:
        """Reads the validation split in order, folders in turn; nothing if nothing is held out.

        The last batch is smaller where the segments do not fill it.
        """
        features = self._features(spec, any_notes=True)  # every process reads all of these
        held_out = [r.evaluation() for r in self._readers("validation", features, seed=0)]

        def batches() -> Iterator[Batch]:
            segments = _in_turn(held_out)
            while chosen := list(islice(segments, batch)):
                yield features.batch(chosen)

        return Prefetched(batches())

    def _digest(self, *more: float) -> str:
        files = [
            sorted(
                (path.relative_to(folder).as_posix(), path.stat().st_size)
                for shard in folder.glob(f"*{suffix}")
                for path in (shard.iterdir() if shard.is_dir() else [shard])
            )
            for folder, suffix in zip(self._folders, self._suffixes)
        ]
        read = [files, self._indices, self._pitch_shift, self._temperature, *more]
        return hashlib.sha256(json.dumps(read).encode()).hexdigest()

    def _features(self, spec: ModelSpec, any_notes: bool) -> SegmentFeatures:
        features = SegmentFeatures(
            mel=spec.mel,
            names=spec.features,
            frames=spec.segment_frames,
            roll=spec.roll,
            codec=spec.codec,
            token_length=self._token_length,
            context_frames=spec.network.context_frames,
            curves=spec.has_curves,
        )
        return dataclasses.replace(features, note_rows=None) if any_notes else features

    def _readers(self, split: str, features: SegmentFeatures, seed: int) -> list[SegmentReader]:
        """Opens a reader for each folder that has the split."""
        return [
            SegmentReader(songs, features, self._pitch_shift, (seed, number), self._edges)
            for number, songs in enumerate(self._list_songs(split))
            if songs
        ]

    def _training_songs(self) -> Iterator[StoredSong]:
        return chain.from_iterable(self._list_songs("train"))

    def _list_songs(self, split: str) -> list[list[StoredSong]]:
        """Lists the songs of each folder, none of one that has not the split.

        Listed once, for that reads TFRecords from end to end, and notes stay with their song.
        """
        if split not in self._songs:
            self._songs[split] = [
                self._list_folder(number, split) for number in range(len(self._folders))
            ]
        return self._songs[split]

    def _list_folder(self, number: int, split: str) -> list[StoredSong]:
        folder, indices = self._folders[number], self._indices[number]
        if split not in splits_in(folder, self._suffixes[number]):
            return []
        songs = list_songs(folder, split)
        if not songs:
            raise UserError(f"{folder}: split {split} has no songs; build it again")
        for song in songs:
            if not 0 <= song.performance < len(indices):
                raise UserError(
                    f"{song.audio.path}: song {song.audio.id!r} is of performance "
                    f"{song.performance}; performances.json has {len(indices)}"
                )
        return [dataclasses.replace(s, performance=indices[s.performance]) for s in songs]


def _read_corpus(path: Path) -> dict[str, Any]:
    try:
        corpus: dict[str, Any] = read_json(path)
        return corpus
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: cannot be read: {error}") from error


def _positions(schedule: Schedule, start: int) -> Iterator[tuple[int, int]]:
    """Yields source and position in it of item ``start`` of a mixture, of the next, and so on."""
    drawn = list(schedule.drawn_before(start))
    for source in schedule.sources(start):
        yield source, drawn[source]
        drawn[source] += 1


def _in_turn(streams: Sequence[Iterator[Segment]]) -> Iterator[Segment]:
    for group in zip_longest(*streams):
        yield from (segment for segment in group if segment is not None)
