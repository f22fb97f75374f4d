"""Makes one shard: the work that runs in worker processes and in Beam."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_pipelines.filesystem import remove, write_text
from data_pipelines.prepare.jobs import ShardJob
from data_pipelines.prepare.song import prepare_song
from data_pipelines.recordings import Recording, Rejection
from data_pipelines.shards.formats import FORMATS
from data_pipelines.songs import Song
from mt3synth.errors import UserError


@dataclass(frozen=True)
class SongEntry:
    """Holds what songs.csv says of a song.

    Attributes:
      id, performance, audio, midi: of its recording.
      seconds: of audio.
      notes: how many.
      programs: General MIDI programs that play, in order; "drums" at the end if there are any.
      remarks: on what of the recording is not in the song.
    """

    id: str
    performance: str
    seconds: float
    notes: int
    programs: tuple[str, ...]
    audio: str
    midi: str
    remarks: tuple[str, ...]


@dataclass(frozen=True)
class ShardReport:
    """Says what became of the recordings of a job."""

    songs: tuple[SongEntry, ...]
    rejections: tuple[Rejection, ...]


def staged_path(staging: Path, job: ShardJob) -> Path:
    """Names the path of a job's shard until the data set is whole."""
    return staging / f"{job.fingerprint}{FORMATS[job.format].suffix}"


def report_path(staging: Path, job: ShardJob) -> Path:
    """Names the path of the report on a job; it is written last."""
    return staging / f"{job.fingerprint}.json"


def build_shard(job: ShardJob, staging: Path) -> None:
    """Writes the job's shard and its report into ``staging``; no shard if it has no songs."""
    songs: list[SongEntry] = []
    rejections: list[Rejection] = []

    def accepted() -> Iterator[Song]:
        for recording, performance in zip(job.recordings, job.performances):
            try:
                song, remarks = prepare_song(recording, performance, job.sample_rate)
            except UserError as error:
                rejections.append(recording.rejected(str(error)))
                continue
            songs.append(_entry(recording, song, remarks))
            yield song

    path = staged_path(staging, job)
    if not FORMATS[job.format].write(path, accepted()):
        remove(path)
    content = {"songs": [asdict(s) for s in songs], "rejections": [asdict(r) for r in rejections]}
    write_text(report_path(staging, job), json.dumps(content, indent=1, ensure_ascii=False))


def read_report(staging: Path, job: ShardJob) -> ShardReport | None:
    """Reads what `build_shard` reported, or None if it has not finished this job."""
    try:
        content: dict[str, Any] = json.loads(report_path(staging, job).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return ShardReport(
        tuple(
            SongEntry(**{**s, "programs": tuple(s["programs"]), "remarks": tuple(s["remarks"])})
            for s in content["songs"]
        ),
        tuple(Rejection(**r) for r in content["rejections"]),
    )


def _entry(recording: Recording, song: Song, remarks: list[str]) -> SongEntry:
    notes = song.notes
    programs = [str(p) for p in np.unique(notes.program[~notes.is_drum])]
    return SongEntry(
        id=song.id,
        performance=recording.performance,
        seconds=round(song.seconds, 3),
        notes=len(notes),
        programs=(*programs, *(["drums"] if np.any(notes.is_drum) else [])),
        audio=str(recording.audio.path),
        midi=";".join(map(str, recording.notes.paths)),
        remarks=tuple(remarks),
    )
