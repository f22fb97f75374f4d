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
from data_pipelines.recordings import AudioFile, MidiFile, Recording, Rejection
from data_pipelines.shards.formats import FORMATS
from data_pipelines.songs import Song, to_pcm
from mt3synth.audio.files import fit_peak
from mt3synth.errors import UserError
from mt3synth.symbolic.notes import Notes
from mt3synth.types import FloatND

MIDI_OVERHANG_S = 1.0
"""A key may be held this much longer than the audio lasts, while the sound dies away."""

UNPLAYED_S = 10.0
"""Longest silence of the notes that is taken for music: an ending rings on, a hall waits. A file
that goes on for longer before or after its notes holds something that they do not tell of."""

_ROUNDED_S = 0.01  # lengths differ by less where decoders round
_LEAST_DB = 0.05  # what is turned down by less is not worth a remark, which would say 0.0 dB


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
    # What is rendered has no more audio than notes, and rests that are meant.
    if isinstance(recording.audio, AudioFile):
        remarks = [*remarks, *_remark_short(recording.audio, seconds)]
        audio, notes, more = _without_unplayed(audio, notes, sample_rate, recording.start)
        remarks += more
    if not np.any(audio):
        raise UserError("the audio is silent")
    audio, gain = fit_peak(audio)
    decibels = -20 * np.log10(gain)
    if decibels >= _LEAST_DB:
        remarks = [*remarks, f"turned down by {decibels:.1f} dB to fit 16 bits"]
    song = Song(recording.id, to_pcm(audio), sample_rate, notes, performance)
    return song, remarks


def _remark_short(audio: AudioFile, seconds: float) -> list[str]:
    """Remarks on a file that holds a little less than its header states."""
    stated = audio.stated_seconds()
    if stated is None or stated - seconds < _ROUNDED_S:
        return []
    return [f"its header states {stated:.2f} s of audio, it holds {seconds:.2f} s"]


def _without_unplayed(
    audio: FloatND, notes: Notes, sample_rate: int, start: float
) -> tuple[FloatND, Notes, list[str]]:
    """Cuts off what is more than `UNPLAYED_S` before the first note or after the last.

    Longer stretches without notes inside stay, as a cut there would be heard; a remark names them.

    Args:
      audio, notes: of what is wanted of a recording.
      sample_rate: of ``audio``.
      start: second of the recording at which both begin, for the remarks.

    Returns:
      Audio and notes, moved to its beginning, and remarks.
    """
    seconds = len(audio) / sample_rate
    first = max(round((float(notes.start.min()) - UNPLAYED_S) * sample_rate), 0)
    begin, end = first / sample_rate, min(notes.end_time + UNPLAYED_S, seconds)

    def describe(spans: Sequence[tuple[float, float]]) -> str:
        return ", ".join(f"{start + a:.1f} to {start + b:.1f} s" for a, b in spans)

    order = np.argsort(notes.start, kind="stable")
    ends = np.maximum.accumulate(notes.end[order])[:-1]
    rests = [(a, b) for a, b in zip(ends, notes.start[order][1:]) if b - a > UNPLAYED_S]
    cut = [(a, b) for a, b in ((0.0, begin), (end, seconds)) if a < b]
    remarks = [f"left out, for it has no notes: {describe(cut)}"] if cut else []
    remarks += [f"no notes, which training takes for rests: {describe(rests)}"] if rests else []
    return audio[first : round(end * sample_rate)], notes.shifted(-begin), remarks
