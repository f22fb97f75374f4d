"""Plans a build: which recordings go into which shard, known before any is read."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from data_pipelines.prepare.settings import PrepareSettings
from data_pipelines.recordings import Recording
from data_pipelines.songs import SPLITS

_CODE = 1  # count up when the same recordings come to give other bytes


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
    jobs = []
    for split in SPLITS:
        group: list[Recording] = []
        filled = 0.0
        for recording in (r for r in recordings if r.split == split):
            group.append(recording)
            filled += seconds.get(recording.id, 0.0)
            if filled >= 60 * settings.shard_minutes:
                jobs.append(_job(split, group, performances, settings))
                group, filled = [], 0.0
        if group:
            jobs.append(_job(split, group, performances, settings))
    return jobs


def _job(
    split: str,
    recordings: Sequence[Recording],
    performances: Mapping[str, int],
    settings: PrepareSettings,
) -> ShardJob:
    indices = tuple(performances[r.performance] for r in recordings)
    digest = hashlib.sha256(repr((_CODE, split, settings.sample_rate, settings.format)).encode())
    for recording, index in zip(recordings, indices):
        files = (recording.audio.path, *recording.notes.paths)
        digest.update(repr((recording, index, [_stamp(f) for f in files])).encode())
    return ShardJob(
        split,
        tuple(recordings),
        indices,
        settings.sample_rate,
        settings.format,
        digest.hexdigest()[:32],
    )


def _stamp(path: Path) -> tuple[int, int] | None:
    """Reads size and time of change of a file, which tell cheaply whether it is still the same."""
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns
