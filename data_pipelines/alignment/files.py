"""Aligns pairs of files: one, or all of a manifest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from data_pipelines.alignment.align import align
from data_pipelines.alignment.features import SAMPLE_RATE
from data_pipelines.alignment.picture import draw_alignment
from data_pipelines.filesystem import hold_folder, remove_unfinished, write_atomically
from data_pipelines.prepare.manifest import MANIFEST_FILE, OPTIONAL, REQUIRED
from data_pipelines.prepare.tables import relative_path, write_csv, write_rejected
from data_pipelines.recordings import Listing, Recording, one_line
from mt3synth.errors import UserError, explain_os_errors
from mt3synth.reporting.tables import read_csv
from mt3synth.symbolic.midi import write_midi

FIGURES_FILE = "alignments.csv"


@dataclass(frozen=True)
class Figures:
    """Sums up an alignment in numbers.

    Attributes:
      confidence: over the whole score, -1..1; 0 by chance.
      weak: share of the score whose agreement over 10 s is below the threshold, 0..1.
      fastest, slowest: tempo in shares of the score's; 95 % of it is not beyond.
      form: where score and recording differ in form; empty where they do not.
    """

    confidence: float
    weak: float
    fastest: float
    slowest: float
    form: str = ""

    def __str__(self) -> str:
        text = f"confidence {self.confidence:.2f}, tempo {self.slowest:.0%} to {self.fastest:.0%}"
        text += f", {self.weak:.0%} of it weak" if self.weak else ""
        return f"{text}; {self.form}" if self.form else text


def align_files(
    recording: Recording, midi: Path, picture: Path, threshold: float, jumps: bool = False
) -> Figures:
    """Aligns a recording's notes to its sound and writes them to ``midi``.

    If the recording has a start or an end, the score is aligned to that part of the sound; its
    notes are written in seconds of the whole.

    Args:
      recording: its notes are a score: not yet in seconds of the sound.
      midi: file to write; its folder is there.
      picture: PNG of the path.
      threshold: of the confidence.
      jumps: whether repeats, cuts and skips are looked for.

    Raises:
      UserError: a file cannot be read or written, or `Alignment.find_problem` finds one; no file
        is written then.
    """
    audio = recording.audio.read(SAMPLE_RATE)
    # Cut before anything is looked at: what lies outside would be aligned to silence.
    end = None if recording.end is None else round(recording.end * SAMPLE_RATE)
    audio = audio[round(recording.start * SAMPLE_RATE) : end]
    score, _ = recording.notes.read()
    try:
        alignment = align(score, audio, jumps)
    except UserError as error:
        raise UserError(f"{recording.name}: {error}") from error
    if problem := alignment.find_problem(threshold):
        raise UserError(f"{recording.name}: {problem}")
    title = f"{recording.notes.paths[0].name} to {recording.audio.path.name}"
    with explain_os_errors(midi, "cannot be written"):
        draw_alignment(alignment, picture, title, threshold)
        with write_atomically(midi) as unfinished:
            write_midi(alignment.notes.shifted(recording.start), unfinished)
    low, high = alignment.stretch
    figures = alignment.confidence, alignment.weak(threshold), 1 / low, 1 / high
    return Figures(*figures, "; ".join(alignment.form))


def align_listing(
    listing: Listing,
    out: Path,
    threshold: float,
    *,
    jumps: bool = False,
    overwrite: bool = False,
    say: Callable[[str], object] = print,
) -> Listing:
    """Aligns every pair of a manifest.

    Writes to ``out`` a MIDI file and a picture of each, ``alignments.csv`` with their figures, a
    ``manifest.csv`` that names the new MIDI files, ready for `mt3synth prepare pairs`, and
    ``rejected.csv``. A pair whose MIDI file and figures are there from an earlier run stays.

    Args:
      listing: of the manifest.
      out: folder to write to, made if need be.
      threshold: of the confidence.
      jumps: whether repeats, cuts and skips are looked for.
      overwrite: align again what is there.
      say: is told a line for each pair.

    Returns:
      The aligned recordings, as they were listed, and the rejections.

    Raises:
      UserError: the folder cannot be written to.
    """
    with explain_os_errors(f"--out {out}", "cannot be made"):
        out.mkdir(parents=True, exist_ok=True)
    with hold_folder(out):
        remove_unfinished(out)
        return _align_listing(listing, out, threshold, jumps, overwrite, say)


def _align_listing(
    listing: Listing,
    out: Path,
    threshold: float,
    jumps: bool,
    overwrite: bool,
    say: Callable[[str], object],
) -> Listing:
    rows = {} if overwrite else _read_figures(out)
    done: list[tuple[Recording, str]] = []
    rejections = list(listing.rejections)
    for number, (recording, name) in enumerate(zip(listing.recordings, _name_files(listing)), 1):
        where = f"[{number}/{len(listing.recordings)}] {recording.audio.path}"
        midi = out / f"{name}.mid"
        before = rows.get(midi.name)
        try:
            # The threshold may have risen since: a pair that passed then must pass now.
            if before is None or not midi.is_file() or before.confidence < threshold:
                picture = out / f"{name}.png"
                rows[midi.name] = align_files(recording, midi, picture, threshold, jumps)
                # After every pair, so that an interruption loses one pair at most.
                _write_figures(out, listing, rows)
            say(f"{where}: {rows[midi.name]}")
            done.append((recording, midi.name))
        except UserError as error:
            rows.pop(midi.name, None)
            # A MIDI file of an earlier, laxer run would pass for an aligned one.
            midi.unlink(missing_ok=True)
            say(f"{where}: left out: {error}")
            rejections.append(recording.rejected(one_line(error)))
    _write_figures(out, listing, rows)
    _write_manifest(out, done)
    write_rejected(out, rejections)
    return Listing([recording for recording, _ in done], rejections)


def _name_files(listing: Listing) -> list[str]:
    """Names a file for each recording after its audio, with a number where it is not the first."""
    seen: dict[str, int] = {}
    names = []
    for recording in listing.recordings:
        stem = recording.audio.path.stem
        seen[stem] = seen.get(stem, 0) + 1
        names.append(stem if seen[stem] == 1 else f"{stem}-{seen[stem]}")
    return names


def _read_figures(out: Path) -> dict[str, Figures]:
    path = out / FIGURES_FILE
    if not path.is_file():
        return {}
    try:
        return {row["midi"]: _read_row(row) for _, row in read_csv(path)}
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: cannot be read ({error!r}); remove it") from error


def _read_row(row: Mapping[str, str]) -> Figures:
    confidence, weak = float(row["confidence"]), float(row["weak"])
    # Tables of earlier versions have no form.
    form = row.get("form") or ""
    return Figures(confidence, weak, float(row["fastest"]), float(row["slowest"]), form)


def _write_figures(out: Path, listing: Listing, rows: dict[str, Figures]) -> None:
    table = []
    for recording, name in zip(listing.recordings, _name_files(listing)):
        if figures := rows.get(f"{name}.mid"):
            audio = relative_path(recording.audio.path, out)
            *numbers, form = astuple(figures)
            table.append([audio, f"{name}.mid", *(f"{x:.4f}" for x in numbers), form])
    columns = ("audio", "midi", *(field.name for field in fields(Figures)))
    write_csv(out / FIGURES_FILE, columns, table)


def _write_manifest(out: Path, done: Sequence[tuple[Recording, str]]) -> None:
    table = []
    for r, midi in done:
        span = ("" if not r.start else f"{r.start:g}", "" if r.end is None else f"{r.end:g}")
        audio = relative_path(r.audio.path, out)
        table.append([audio, midi, r.performance, r.description, r.split or "", *span])
    write_csv(out / MANIFEST_FILE, (*REQUIRED, *OPTIONAL), table)
