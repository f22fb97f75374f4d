"""Makes pairs of recordings without notes: a MIDI file each, and a manifest of them.

Hawthorne et al. 2022 (arXiv 2206.05408) train on notes that a transcription model heard; what is
made here goes into `mt3synth prepare pairs` like notes from any other source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_pipelines.filesystem import hold_folder, remove_unfinished, write_atomically
from data_pipelines.prepare.manifest import MANIFEST_FILE, REQUIRED
from data_pipelines.prepare.tables import REJECTED_COLUMNS, REJECTED_FILE, relative_path, write_csv
from data_pipelines.recordings import Rejection, find_silence, one_line
from mt3synth.audio.files import SUFFIXES, audio_seconds, read_audio
from mt3synth.errors import UserError, explain_os_errors
from mt3synth.reporting.tables import read_csv
from mt3synth.symbolic.midi import write_midi
from mt3synth.symbolic.notes import Notes
from mt3synth.transcription.transcriber import Transcriber


@dataclass(frozen=True)
class TranscriptionJob:
    """Says which recording to transcribe, and where its notes go.

    Attributes:
      audio: the recording.
      midi: where its notes go.
      performance: name of the performance.
    """

    audio: Path
    midi: Path
    performance: str


def find_jobs(inputs: Sequence[Path], out: Path, performance: str | None) -> list[TranscriptionJob]:
    """Finds the recordings named, and those in the folders named, in the order of their names.

    FOLDER/sub/one.wav goes to OUT/sub/one.mid. Without ``performance`` a recording's is named
    after the folder it lies in. A recording that is named twice is taken once.

    Raises:
      UserError: a folder without recordings.
    """
    jobs: dict[Path, TranscriptionJob] = {}
    for source in inputs:
        base = source if source.is_dir() else source.parent
        for file in _recordings(source) if source.is_dir() else [source]:
            midi = out / file.relative_to(base).with_suffix(".mid")
            name = performance or file.resolve().parent.name or "recording"
            jobs.setdefault(file.resolve(), TranscriptionJob(file, midi, name))
    return list(jobs.values())


def transcribe(
    jobs: Sequence[TranscriptionJob],
    transcriber: Transcriber,
    out: Path,
    *,
    sample_rate: int,
    program: int | None = None,
    overwrite: bool = False,
    strict: bool = False,
    say: Callable[[str], object] = print,
) -> list[Rejection]:
    """Writes the MIDI file of each recording, then manifest.csv and rejected.csv.

    MIDI files that are there are kept, so that a run that was stopped goes on where it was. Lines
    of the two tables that are about other recordings stay.

    Args:
      jobs: what to transcribe.
      transcriber: hears the notes.
      out: folder of the tables.
      sample_rate: at which the transcriber gets the audio, samples per second.
      program: General MIDI program for all notes but drums; None leaves the transcriber's.
      overwrite: transcribe again what has a MIDI file.
      strict: stop at the first recording that cannot be transcribed.
      say: told what becomes of each recording, one line.

    Returns:
      What was left out: recordings unreadable, silent, or without any note heard.

    Raises:
      UserError: a file cannot be written; or, if ``strict``, a recording is left out.
    """
    with hold_folder(out):
        remove_unfinished(out)
        return _transcribe(jobs, transcriber, out, sample_rate, program, overwrite, strict, say)


def _transcribe(
    jobs: Sequence[TranscriptionJob],
    transcriber: Transcriber,
    out: Path,
    sample_rate: int,
    program: int | None,
    overwrite: bool,
    strict: bool,
    say: Callable[[str], object],
) -> list[Rejection]:
    rejections = []
    done: list[TranscriptionJob] = []
    owners: dict[Path, Path] = {}
    for number, job in enumerate(jobs, 1):
        where = f"[{number}/{len(jobs)}] {job.audio}"
        try:
            owner = owners.setdefault(job.midi, job.audio)
            if owner != job.audio:
                raise UserError(f"{job.audio}: {job.midi} is that of {owner}; rename one of them")
            if overwrite or not job.midi.is_file():
                seconds, notes = _hear(job.audio, transcriber, sample_rate)
                if program is not None:
                    notes = notes.replace(program=np.where(notes.is_drum, notes.program, program))
                _write(notes, job.midi)
                say(f"{where}: {len(notes)} notes in {seconds:.0f} s")
            else:
                say(f"{where}: kept {job.midi}")
            done.append(job)
        except UserError as error:
            if strict:
                raise
            say(f"[{number}/{len(jobs)}] left out: {error}")
            rejections.append(Rejection(str(job.audio), str(job.midi), one_line(error)))
    _write_tables(out, jobs, done, rejections)
    return rejections


def _recordings(folder: Path) -> list[Path]:
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
    )
    if not found:
        raise UserError(f"{folder}: no recordings (.wav, .flac, .mp3, .m4a ...) in this folder")
    return found


def _hear(path: Path, transcriber: Transcriber, sample_rate: int) -> tuple[float, Notes]:
    """Hears the notes of a recording, at least one; also returns its length in seconds."""
    audio_seconds(path)  # a file whose header is broken is refused before it is decoded
    audio = read_audio(path, sample_rate)
    if silence := find_silence(audio):
        raise UserError(f"{path}: {silence}")
    try:
        notes = transcriber(audio, sample_rate)
    except UserError:
        raise
    except Exception as error:  # a user's own code; one recording must not cost all the others
        raise UserError(f"{path}: the transcriber failed: {error!r}") from error
    if not len(notes):
        raise UserError(f"{path}: the transcriber heard no notes")
    return len(audio) / sample_rate, notes


def _write(notes: Notes, path: Path) -> None:
    with explain_os_errors(path, "cannot be written"):
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_unfinished(path.parent)
        with write_atomically(path) as unfinished:
            write_midi(notes, unfinished)


def _write_tables(
    out: Path,
    jobs: Iterable[TranscriptionJob],
    done: Iterable[TranscriptionJob],
    rejections: Iterable[Rejection],
) -> None:
    """Brings both tables up to date; files are named as seen from ``out``, where the tables lie."""

    def row(audio: Path | str, midi: Path | str, more: str) -> list[str]:
        return [relative_path(audio, out), relative_path(midi, out), more]

    ours = {relative_path(job.audio, out) for job in jobs}
    listed = [row(job.audio, job.midi, job.performance) for job in done]
    refused = [row(r.audio, r.midi, r.reason) for r in rejections]
    _update(out / MANIFEST_FILE, REQUIRED, ours, listed)
    _update(out / REJECTED_FILE, REJECTED_COLUMNS, ours, refused)


def _update(path: Path, columns: tuple[str, ...], ours: set[str], rows: list[list[str]]) -> None:
    """Exchanges the rows about ``ours``; the rows are sorted. An empty table has its header."""
    kept: list[list[str]] = []
    if path.is_file():
        kept = [list(row.values()) for _, row in read_csv(path) if row["audio"] not in ours]
    write_csv(path, columns, sorted(kept + rows))
