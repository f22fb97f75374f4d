"""Makes one shard: the work that runs in worker processes and in Beam."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_pipelines.filesystem import remove, write_text
from data_pipelines.prepare.plan import ShardJob
from data_pipelines.recordings import MidiFile, Recording, Rejection
from data_pipelines.shards.formats import FORMATS
from data_pipelines.songs import Song, to_pcm
from mt3synth.audio.files import fit_peak
from mt3synth.errors import UserError

MIDI_OVERHANG_S = 1.0
"""A key may be held this much longer than the audio lasts, while the sound dies away."""


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
    programs: Sequence[str]
    audio: str
    midi: str
    remarks: Sequence[str]


@dataclass(frozen=True)
class ShardReport:
    """Says what became of the recordings of a job."""

    songs: tuple[SongEntry, ...]
    rejections: tuple[Rejection, ...]


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

    # Songs are made while the shard is written, so that one at a time is in memory.
    path = staging / job.shard_name
    if not FORMATS[job.format].write(path, accepted()):
        remove(path)
    content = {"songs": [asdict(s) for s in songs], "rejections": [asdict(r) for r in rejections]}
    write_text(staging / job.report_name, json.dumps(content, indent=1, ensure_ascii=False))


def read_report(staging: Path, job: ShardJob) -> ShardReport | None:
    """Reads what `build_shard` reported, or None if it has not finished this job."""
    try:
        text = (staging / job.report_name).read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    content: dict[str, Any] = json.loads(text)
    songs = tuple(SongEntry(**song) for song in content["songs"])
    return ShardReport(songs, tuple(Rejection(**r) for r in content["rejections"]))


def _entry(recording: Recording, song: Song, remarks: list[str]) -> SongEntry:
    notes = song.notes
    programs = [str(p) for p in np.unique(notes.program[~notes.is_drum])]
    return SongEntry(
        id=song.id,
        performance=recording.performance,
        seconds=round(song.seconds, 3),
        notes=len(notes),
        programs=[*programs, *(["drums"] if np.any(notes.is_drum) else [])],
        audio=str(recording.audio.path),
        midi=";".join(map(str, recording.notes.paths)),
        remarks=remarks,
    )


def prepare_song(
    recording: Recording, performance: int, sample_rate: int
) -> tuple[Song, list[str]]:
    """Reads, resamples and checks a recording and its notes; also gives remarks on what it lacks.

    Args:
      recording: where they are.
      performance: index of its performance.
      sample_rate: of the result, samples per second.

    Raises:
      UserError: audio or notes cannot be read, the audio is silent or lasts over
        `MIDI_OVERHANG_S` less than the notes, or no note lies between start and end.
    """
    notes, remarks = recording.notes.read()
    audio = recording.audio.read(sample_rate)
    seconds = len(audio) / sample_rate
    end = recording.end
    if end is None:
        end = notes.end_time
        # The pedal may hold the last notes on when the recording is already cut off.
        if end > seconds + MIDI_OVERHANG_S and isinstance(recording.notes, MidiFile):
            end = recording.notes.last_release()
    if recording.start >= seconds:
        raise UserError(f"start {recording.start:g} s; the audio lasts {seconds:.2f} s")
    if end > seconds + MIDI_OVERHANG_S:
        what = "notes end" if recording.end is None else "end lies"
        raise UserError(
            f"the audio lasts {seconds:.2f} s, its {what} at {end:.2f} s; at most "
            f"{MIDI_OVERHANG_S:g} s later is allowed"
        )
    last = seconds if recording.end is None else min(recording.end, seconds)
    audio = audio[round(recording.start * sample_rate) : round(last * sample_rate)]
    # Where all is taken, notes may outlast the audio a little; a segment cuts them anyway.
    until = max(last, notes.end_time) if recording.end is None else last
    notes = notes.cropped(recording.start, until)
    if not len(notes):
        raise UserError(f"no note between {recording.start:g} and {last:.2f} s")
    if not np.any(audio):
        raise UserError("the audio is silent")
    audio, gain = fit_peak(audio)
    if gain < 1:
        remarks = [*remarks, f"turned down by {-20 * np.log10(gain):.1f} dB to fit 16 bits"]
    song = Song(recording.id, to_pcm(audio), sample_rate, notes, performance)
    return song, remarks
