"""Reads what `mt3synth evaluate` is given: folders of audio, and a table of what belongs together.

The table is a CSV file with the columns ``audio,performance`` and any of ``midi``, ``reference``,
``wall_seconds``, ``metrics``. Recordings lie in a folder for each performance; one of the same name
as a generated file, in the folder of its performance, is the real recording of the same notes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from mt3synth.audio.files import SUFFIXES, read_metadata
from mt3synth.errors import UserError
from mt3synth.evaluation.evaluation_set import EvaluationSet, Piece, Problem, Recording, Seams
from mt3synth.evaluation.metrics.registry import METRICS
from mt3synth.reporting.tables import read_csv
from mt3synth.symbolic.midi import read_midi

REQUIRED = ("audio", "performance")
OPTIONAL = ("midi", "reference", "wall_seconds", "metrics")
HOP, OVERLAP, WALL = "window_hop", "window_overlap", "wall_seconds"
"""Seconds, in the metadata of a rendered file: see
`mt3synth.evaluation.evaluation_set.Seams`, and how long rendering took."""


_MORE = " more"  # no column can be called so, as spaces around names are taken off


@dataclass(frozen=True)
class EvaluationPaths:
    """Says where the files of an evaluation lie.

        EvaluationPaths(Path("renders"), Path("recordings"), Path("map.csv"))

    Attributes:
      generated: folder of the generated audio.
      reference: folder of real recordings, a folder in it for each performance.
      table: the CSV file; its audio is relative to ``generated``, everything else to its folder.
      real: more recordings, laid out like ``reference``, that are not among those by which
        performances are known.
    """

    generated: Path
    reference: Path
    table: Path
    real: Path | None = None


def read_evaluation_set(paths: EvaluationPaths, seams: Seams | None = None) -> EvaluationSet:
    """Lists pieces, recordings, and what is wrong with single ones.

    A recording that is the real counterpart of a piece is not one of those by which its
    performance is known: nothing is compared with itself.

    Args:
      paths: of folders and table.
      seams: of all pieces; without it each file's metadata says where its segments meet.

    Raises:
      UserError: a folder or the table is missing, the table is no CSV file with the columns it
        needs, or nothing in it can be used.
    """
    recordings = _recordings(paths.reference, "--reference")
    held_out = [] if paths.real is None else _recordings(paths.real, "--real")
    if not paths.generated.is_dir():
        raise UserError(f"--generated {paths.generated}: no such folder")
    _check_apart(recordings, held_out, paths)
    items = EvaluationSet()

    def add_problem(item: str, reason: str) -> None:
        items.problems.append(Problem(item, reason))

    named: dict[tuple[str, str], list[Recording]] = {}
    for folder in (recordings, held_out):
        of_folder: dict[tuple[str, str], list[Recording]] = {}
        for recording in folder:
            of_folder.setdefault(_key(recording.performance, recording.name), []).append(recording)
        # One of --real counts before one of the same name in --reference.
        named |= of_folder
    names: set[str] = set()
    taken: set[Path] = set()
    for line, row in _rows(paths.table):
        try:
            piece, counterparts = _piece(row, paths, named, seams)
        except UserError as error:
            item = row["audio"] or f"line {line}"
            add_problem(item, f"line {line} of {paths.table.name}: {error}")
            continue
        if piece.name in names:
            add_problem(piece.name, f"line {line}: stands there twice")
            continue
        names.add(piece.name)
        items.pieces.append(piece)
        taken.update(path.resolve() for path in counterparts)
        for column, found in (("reference", piece.real), ("midi", piece.notes)):
            if row[column] and found is None:
                add_problem(piece.name, f"{column} {row[column]}: no such file")
    if not items.pieces:
        first = items.problems[0].reason if items.problems else "has no rows under its head"
        raise UserError(f"{paths.table}: nothing in it can be used; {first}")
    items.recordings = [r for r in recordings if _path(r) not in taken]
    items.held_out = [r for r in held_out if _path(r) not in taken]
    known = {r.performance for r in items.recordings}
    for name in dict.fromkeys(p.performance for p in items.pieces):
        if name not in known:
            left = " besides those of the same pieces" if taken else ""
            reason = f"no recordings in {paths.reference / name}{left}; it has no Group-FAD"
            add_problem(f"performance {name}", reason)
    return items


def _piece(
    row: Mapping[str, str],
    paths: EvaluationPaths,
    named: Mapping[tuple[str, str], Sequence[Recording]],
    seams: Seams | None,
) -> tuple[Piece, list[Path]]:
    """Reads a row's piece, and all files of its real recording, as a FLAC may lie beside a WAV."""
    if _MORE in row:
        raise UserError("more fields than the head has; put names with commas in quotes")
    for name in REQUIRED:
        if not row[name]:
            raise UserError(f"{name} is empty")
    audio = paths.generated / row["audio"]
    if not audio.is_file():
        raise UserError(f"{audio}: no such file")
    metadata = _metadata_of(audio)
    wall = row[WALL] or metadata.get(WALL, "")
    counterparts = [_path(found) for found in named.get(_key(row["performance"], row["audio"]), ())]
    if row["reference"]:
        reference = _file(paths.table.parent, row["reference"])
        counterparts = [] if reference is None else [reference]
    midi = _file(paths.table.parent, row["midi"])
    piece = Piece(
        name=row["audio"],
        performance=row["performance"],
        generated=audio,
        real=counterparts[0] if counterparts else None,
        notes=None if midi is None else lambda: read_midi(midi)[0],
        seams=seams or _seams_of(audio, metadata),
        wall_seconds=_positive(wall, WALL) if wall else None,
        metrics=_metrics(row["metrics"]),
    )
    return piece, counterparts


def _metadata_of(audio: Path) -> dict[str, str]:
    try:
        return read_metadata(audio)
    except UserError:  # nothing that libsndfile reads, so nothing that mt3synth wrote
        return {}


def _seams_of(audio: Path, metadata: Mapping[str, str]) -> Seams | None:
    if HOP not in metadata:
        return None
    try:
        return Seams(float(metadata[HOP]), float(metadata.get(OVERLAP, "0")))
    except ValueError as error:
        raise UserError(f"{audio}: its metadata: {error}") from error


def _recordings(folder: Path, option: str) -> list[Recording]:
    if not folder.is_dir():
        raise UserError(f"{option} {folder}: no such folder")
    found = [
        Recording(path.relative_to(folder).as_posix(), performance.name, path)
        for performance in sorted(p for p in folder.iterdir() if p.is_dir())
        for path in sorted(performance.rglob("*"))
        if path.suffix.lower() in SUFFIXES and path.is_file()
    ]
    if not found:
        raise UserError(
            f"{option} {folder}: no recordings; put those of each performance into a folder of its"
            f" name, {folder}/PERFORMANCE/*.wav"
        )
    return found


def _check_apart(
    recordings: Sequence[Recording], held_out: Sequence[Recording], paths: EvaluationPaths
) -> None:
    """Refuses held-out recordings that would be compared with themselves."""
    known = {_path(recording) for recording in recordings}
    both = [recording.name for recording in held_out if _path(recording) in known]
    if both:
        raise UserError(
            f"--real {paths.real}: {len(both)} of its recordings are in --reference"
            f" {paths.reference}, too, such as {both[0]}; keep the two apart"
        )


def _key(performance: str, name: str) -> tuple[str, str]:
    """Gives a file's performance, and its name without suffix and without a folder of that name."""
    within = name.removeprefix(f"{performance}/")
    return performance, Path(within).with_suffix("").as_posix()


def _path(recording: Recording) -> Path:
    if not isinstance(recording.sound, Path):
        raise ValueError(f"{recording.name} is no file")
    return recording.sound.resolve()


def _file(folder: Path, name: str) -> Path | None:
    path = folder / name
    return path if name and path.is_file() else None


def _metrics(text: str) -> frozenset[str] | None:
    """Reads which metrics take a piece, names with spaces between; None, without any, for all."""
    names = frozenset(text.split())
    known = [metric.name for metric in METRICS]
    unknown = sorted(names.difference(known))
    if unknown:
        raise UserError(f"metrics {' '.join(unknown)}; must be of {' '.join(known)}")
    return names or None


def _positive(text: str, name: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    # Put so that what is not a number fails as well.
    if not 0 < value < float("inf"):
        raise UserError(f"{name} {text!r}; must be seconds above 0")
    return value


def _rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """Reads rows with every column, stripped, and the lines they end on."""
    empty = dict.fromkeys((*REQUIRED, *OPTIONAL), "")
    rows = read_csv(path, partial(_check_columns, path), f"--performances {path}")
    return [
        (line, empty | {name or _MORE: _text(field) for name, field in row.items()})
        for line, row in rows
    ]


def _text(field: str | list[str] | None) -> str:
    """Strips a field; csv gives those beyond the head's as one list, and missing ones as None."""
    return field.strip() if isinstance(field, str) else ",".join(field or ())


def _check_columns(path: Path, names: list[str]) -> None:
    missing = [name for name in REQUIRED if name not in names]
    unknown = [name for name in names if name not in (*REQUIRED, *OPTIONAL)]
    if missing or unknown or len(set(names)) != len(names):
        raise UserError(
            f"--performances {path}: columns are {','.join(names) or 'none'}; must be"
            f" {','.join(REQUIRED)} and any of {','.join(OPTIONAL)}"
        )
