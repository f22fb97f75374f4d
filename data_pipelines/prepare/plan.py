"""Plans a build before any sample is read.

In this order: settings, a first look at every recording, which are held out, and which go into
which shard.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from data_pipelines.recordings import AudioFile, Listing, Recording
from data_pipelines.shards.formats import FORMATS
from data_pipelines.songs import SPLITS
from mt3synth.errors import UserError

HELD_OUT_END = " [end]"
"""After the id of a recording that is all there is, for the part of it that is held out."""
_LEAST_END_S = 1.0
"""A shorter end of a recording is not worth holding out where there are other recordings."""
_CODE = 1  # count up when the same recordings come to give other bytes
_CODE_OF_FILES = 2  # the same for recordings in audio files; 2 leaves out what is without notes
_THREADS = 16  # they wait for disks and networks, not for the processor


@dataclass(frozen=True)
class PrepareSettings:
    """Says how recordings become shards.

    Attributes:
      sample_rate: to which all audio is resampled, samples per second.
      format: of the shards, a key of `shards.formats.FORMATS`.
      shard_minutes: a shard takes recordings until it lasts so long; it is what a worker makes at
        a time, and at most what an interrupted worker loses.
      validation_share: of the recordings, where no split is given for any.
      least_seconds: a performance with less audio is left out; by default a segment's length.

    Raises:
      UserError: a value out of its range.
    """

    sample_rate: int = 16_000
    format: str = "tfrecord"
    shard_minutes: float = 10.0
    validation_share: float = 0.1
    least_seconds: float = 5.12

    def __post_init__(self) -> None:
        if self.format not in FORMATS:
            raise UserError(f"format {self.format!r}; must be one of {', '.join(FORMATS)}")
        if self.sample_rate < 1:
            raise UserError(f"sample rate {self.sample_rate} Hz; must be at least 1 Hz")
        if not self.shard_minutes > 0:
            raise UserError(f"shards of {self.shard_minutes} minutes; must be more than 0")
        if not 0 <= self.validation_share < 1:
            raise UserError(f"validation share {self.validation_share}; must be in [0, 1)")
        if not self.least_seconds >= 0:
            raise UserError(f"least seconds {self.least_seconds} s; must be at least 0 s")


def scan(recordings: Sequence[Recording]) -> tuple[Listing, dict[str, float]]:
    """Reads the headers of all recordings, none of their samples.

    Returns:
      Those worth reading, in order, with the others' rejections; and how many seconds of each are
      used, by id, as far as headers tell.
    """
    found = Listing([], [])
    seconds: dict[str, float] = {}
    with ThreadPoolExecutor(_THREADS) as threads:
        lengths = list(threads.map(_wanted_seconds, recordings))
    for recording, length in zip(recordings, lengths):
        if isinstance(length, UserError):
            found.rejections.append(recording.rejected(str(length)))
        elif recording.id in seconds:
            found.rejections.append(recording.rejected("duplicate: listed before"))
        else:
            found.recordings.append(recording)
            seconds[recording.id] = length
    return found, seconds


def _wanted_seconds(recording: Recording) -> float | UserError:
    for path in recording.notes.paths:
        if not path.is_file():
            return UserError(f"{path}: no such file")
    try:
        seconds = recording.audio.seconds()
    except UserError as error:
        return error
    end = seconds if recording.end is None else min(recording.end, seconds)
    return max(0.0, end - recording.start)


def assign_splits(
    recordings: Sequence[Recording],
    frozen: Mapping[str, str],
    share: float,
    seconds: Mapping[str, float],
) -> list[Recording]:
    """Gives every recording a split.

    What is named stays. Else a recording keeps the split that it had in an earlier build
    (``frozen``, by id), and so do the two parts of one. Of the others, unless any recording is
    already named for validation, those whose id hashes lowest are held out until ``share`` of all
    recordings (at least one of two or more) are for validation; the rest is for training. Of a
    recording without which its performance would have nothing to train on, the last ``share`` of
    what is wanted of it (``seconds``, by id) is held out instead, or nothing if that is too short.
    """
    # Where there is nothing else to hold out, its own end is better than no validation.
    if len(recordings) == 1 and recordings[0].split is None and share > 0:
        return _in_two(recordings[0], share, seconds[recordings[0].id])
    performance = {r.id: r.performance for r in recordings}
    named = {r.id: r.split for r in recordings if r.split is not None}
    unnamed = [id for id in performance if id not in named]
    cut = {id for id in unnamed if share > 0 and id + HELD_OUT_END in frozen}
    kept = {id: frozen[id] for id in unnamed if id in frozen}
    # Builds of before may have left a performance nothing to train on; those are mended.
    trained = _count_trained(performance, named | kept)
    kept = {id: s for id, s in kept.items() if s != "validation" or trained[performance[id]]}
    chosen = named | kept
    # By hash, so that neither the order of the list nor what is added to it moves a recording.
    free = [id for id in performance if id not in chosen]
    free.sort(key=lambda id: hashlib.sha256(id.encode()).hexdigest())
    if share > 0 and free and "validation" not in named.values():
        wanted = max(1, round(share * len(recordings))) - len(cut)
        wanted -= sum(split == "validation" for split in chosen.values())
        trained = _count_trained(performance, chosen)
        for id in free:
            if wanted < 1:
                break
            if trained[performance[id]] > 1:
                chosen[id] = "validation"
                trained[performance[id]] -= 1
            elif share * seconds[id] >= _LEAST_END_S:
                cut.add(id)
            else:
                continue
            wanted -= 1
    return [
        part
        for r in recordings
        for part in (
            _in_two(r, share, seconds[r.id])
            if r.id in cut
            else [replace(r, split=chosen.get(r.id, "train"))]
        )
    ]


def _count_trained(performance: Mapping[str, str], splits: Mapping[str, str]) -> Counter[str]:
    """Counts the recordings of each performance that are for training, or not decided yet."""
    return Counter(p for id, p in performance.items() if splits.get(id, "train") == "train")


def _in_two(recording: Recording, share: float, seconds: float) -> list[Recording]:
    """Splits a recording: its beginning to train on, its end to validate with."""
    cut = round(recording.start + (1 - share) * seconds, 2)
    return [
        replace(recording, split="train", end=cut),
        replace(recording, split="validation", start=cut, id=recording.id + HELD_OUT_END),
    ]


@dataclass(frozen=True)
class ShardJob:
    """Describes one shard to be made, by itself and anywhere.

    Attributes:
      split: of its songs.
      recordings: what becomes its songs, in order.
      performances: index of each recording's performance.
      sample_rate: of the songs, samples per second.
      format: a key of `shards.formats.FORMATS`.
      fingerprint: of all that decides the shard's bytes. A shard with this fingerprint that is
        there already need not be made again.
    """

    split: str
    recordings: tuple[Recording, ...]
    performances: tuple[int, ...]
    sample_rate: int
    format: str
    fingerprint: str

    @property
    def shard_name(self) -> str:
        """Names its shard until the data set is whole."""
        return f"{self.fingerprint}{FORMATS[self.format].suffix}"

    @property
    def report_name(self) -> str:
        """Names the report on it, which is written last."""
        return f"{self.fingerprint}.json"


def plan(
    recordings: Sequence[Recording],
    seconds: Mapping[str, float],
    performances: Mapping[str, int],
    settings: PrepareSettings,
) -> list[ShardJob]:
    """Makes jobs for all splits, recordings in the order in which they are listed.

    Later recordings of a split do not change the shards before theirs, so that what was built
    stays when recordings are added at the end.

    Args:
      recordings: each with a split.
      seconds: length of each by id; where it was not known, 0.
      performances: index by name.
      settings: of the build.
    """
    return [
        _job(split, group, performances, settings)
        for split in SPLITS
        # Each split by itself, so that a recording added to one leaves the others' shards alone.
        for group in _fill([r for r in recordings if r.split == split], seconds, settings)
    ]


def _fill(
    recordings: Sequence[Recording], seconds: Mapping[str, float], settings: PrepareSettings
) -> Iterator[list[Recording]]:
    """Yields the recordings of one shard after the other."""
    group: list[Recording] = []
    filled = 0.0
    for recording in recordings:
        group.append(recording)
        filled += seconds.get(recording.id, 0.0)
        if filled >= 60 * settings.shard_minutes:
            yield group
            group, filled = [], 0.0
    if group:
        yield group


def _job(
    split: str,
    recordings: Sequence[Recording],
    performances: Mapping[str, int],
    settings: PrepareSettings,
) -> ShardJob:
    indices = tuple(performances[r.performance] for r in recordings)
    # Of the files only size and time, for to read them all would take as long as the build itself.
    files = any(isinstance(recording.audio, AudioFile) for recording in recordings)
    code = _CODE_OF_FILES if files else _CODE
    digest = hashlib.sha256(repr((code, split, settings.sample_rate, settings.format)).encode())
    for recording, index in zip(recordings, indices):
        stamps = [_stamp(path) for path in recording.paths]
        digest.update(repr((recording, index, stamps)).encode())
    fingerprint, made = digest.hexdigest()[:32], (settings.sample_rate, settings.format)
    return ShardJob(split, tuple(recordings), indices, *made, fingerprint)


def _stamp(path: Path) -> tuple[int, int] | None:
    """Reads size and time of change of a file, which tell cheaply whether it is still the same."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
