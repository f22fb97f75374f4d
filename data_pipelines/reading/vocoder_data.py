"""Reads prepared folders as what a vocoder is trained on: short pieces of sound."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

import numpy as np

from data_pipelines.reading.augmentation import AugmentationConfig, augment
from data_pipelines.reading.prefetch import Prefetched
from data_pipelines.reading.song_lists import list_songs
from data_pipelines.reading.stored_song import SongAudio, say_lower_rates
from data_pipelines.shards.formats import FORMATS, format_of
from data_pipelines.shards.names import splits_in
from mt3synth.errors import UserError
from mt3synth.types import Batch, Float


class VocoderData:
    """Reads segments of the songs in prepared folders, TFRecords or NumPy shards; no TensorFlow.

    A `mt3synth.training.vocoder.data.SoundData`. A training segment depends on the seed and its
    number alone, so that starting at any costs the same: a song is drawn by its length, a stretch
    of it, perhaps a second song to sound at the same time, and how both were recorded. Notes and
    performances are not read.

    Args:
      folder: a prepared folder, or several.
      augmentation: what is done to training segments.

    Raises:
      UserError: a folder is missing or holds no data set.
      ValueError: no folder at all.
    """

    def __init__(
        self,
        folder: str | Path | Sequence[str | Path],
        augmentation: AugmentationConfig | None = None,
    ) -> None:
        self.folders = [Path(f) for f in ([folder] if isinstance(folder, str | Path) else folder)]
        if not self.folders:
            raise ValueError("folder=[]; must be at least one")
        self.augmentation = augmentation or AugmentationConfig()
        self._suffixes = [FORMATS[format_of(each)].suffix for each in self.folders]
        self._listed: dict[str, list[SongAudio]] = {}

    @property
    def identity(self) -> str:
        """Digests files and augmentation, the same wherever the folders lie."""
        files = [
            sorted(
                (str(p.relative_to(folder)), p.stat().st_size)
                for p in folder.rglob("*")
                if suffix in str(p.relative_to(folder)) and p.is_file()
            )
            for folder, suffix in zip(self.folders, self._suffixes)
        ]
        return hashlib.sha256(json.dumps([files, repr(self.augmentation)]).encode()).hexdigest()

    def check(self, sample_rate: int) -> None:
        """Reads all folders once, and says on stderr if some have less treble than is asked for.

        Raises:
          UserError: as `training` and `validation`.
        """
        for split in ("train", "validation"):
            self._songs(split)
        say_lower_rates(self._songs("train"), sample_rate, "the vocoder")

    def training(
        self,
        samples: int,
        sample_rate: int,
        batch: int,
        seed: int,
        start: int,
        *,
        process_index: int = 0,
        process_count: int = 1,
    ) -> Prefetched[Batch]:
        """Reads batches without end: ``audio`` float32 ``[batch, samples]``.

        Args:
          samples: of a segment.
          sample_rate: of the segments; songs of another are resampled.
          batch: segments in a batch of this process.
          seed: of all that is drawn.
          start: begin at this batch.
          process_index: whose share of every batch to read.
          process_count: shares of a batch.

        Raises:
          UserError: a split is missing or damaged, or has no songs.
        """
        songs = self._songs("train")
        ends = np.cumsum([song.samples_at(sample_rate) for song in songs])

        def batches() -> Iterator[Batch]:
            for number in count(start):
                first = (number * process_count + process_index) * batch
                segments = [
                    self._segment(songs, ends, samples, sample_rate, [seed, index])
                    for index in range(first, first + batch)
                ]
                yield {"audio": np.stack(segments)}

        return Prefetched(batches())

    def validation(self, samples: int, sample_rate: int, segments: int) -> Float[np.ndarray, "N S"]:
        """Reads segments of the validation split as they were recorded, always the same.

        They are spread evenly over all that is held out; fewer than ``segments`` if there is less,
        none without such a split. A shorter song has silence before it.

        Raises:
          UserError: the split is damaged.
        """
        songs = self._songs("validation")
        lengths = [song.samples_at(sample_rate) for song in songs]
        ends = np.cumsum(lengths)
        found = min(segments, int(ends[-1]) // samples if songs else 0)
        audio = np.zeros((found, samples), np.float32)
        for number in range(found):
            # In the middle of each of equal parts, so that neither end counts more.
            sample = int((number + 0.5) / found * ends[-1])
            index = int(np.searchsorted(ends, sample, side="right"))
            within = sample - int(ends[index]) + lengths[index]
            first = min(within, lengths[index] - samples)
            audio[number] = songs[index].read_at(sample_rate, first, samples)
        return audio

    def _songs(self, split: str) -> list[SongAudio]:
        if split not in self._listed:
            self._listed[split] = [
                song.audio
                for folder, suffix in zip(self.folders, self._suffixes)
                if split == "train" or split in splits_in(folder, suffix)
                for song in list_songs(folder, split)
            ]
        songs = self._listed[split]
        if split == "train" and not sum(song.samples for song in songs):
            raise UserError(f"{', '.join(map(str, self.folders))}: the train split has no songs")
        return songs

    def _segment(
        self,
        songs: Sequence[SongAudio],
        ends: np.ndarray,
        samples: int,
        rate: int,
        draw: Sequence[int],
    ) -> Float[np.ndarray, " S"]:
        rng = np.random.default_rng(draw)
        # A room rings on: what sounds before a segment is read with it, and cut off again.
        lead = int(self.augmentation.lead_s * rate)

        def one() -> np.ndarray:
            # By length, so that a second of a long song is as likely as one of a short song.
            song = songs[int(np.searchsorted(ends, rng.integers(ends[-1]), side="right"))]
            first = int(rng.integers(max(1, song.samples_at(rate) - samples + 1)))
            return song.read_at(rate, first - lead, lead + samples)

        audio = one()
        other = one() if rng.random() < self.augmentation.mix else None
        made = augment(audio, other, rate, self.augmentation, rng)
        return made[lead:]
