"""Which files are read, and what is written where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mt3synth.errors import UserError

_MIDI = (".mid", ".midi")


@dataclass(frozen=True)
class Job:
    """One song.

    Attributes:
      source: MIDI file.
      audio: file for the rendering.
      mel: file for its log-mel frames, or None.
    """

    source: Path
    audio: Path
    mel: Path | None


def plan(inputs: Sequence[str], output: str | None, save_mel: str | None) -> list[Job]:
    """What to do for the files and folders named on the command line.

    A folder stands for the MIDI files in it, in the order of their names. Without ``output``
    NAME.mid becomes NAME.wav in the current folder. For a folder or several files ``output`` and
    ``save_mel`` name folders; for a single file they may.

    Raises:
      UserError: a folder without MIDI files, or a folder to write to that does not exist.
    """
    sources = [source for name in inputs for source in _expand(Path(name))]
    single = len(inputs) == 1 and not Path(inputs[0]).is_dir()
    return [
        Job(
            source,
            _place("-o", output or ".", source, ".wav", single),
            _place("--save-mel", save_mel, source, ".npy", single) if save_mel else None,
        )
        for source in sources
    ]


def clashes(jobs: Sequence[Job]) -> dict[Job, Path]:
    """Jobs whose audio an earlier one already claims, with that one's source."""
    first: dict[Path, Path] = {}
    late: dict[Job, Path] = {}
    for job in jobs:
        owner = first.setdefault(job.audio, job.source)
        if owner != job.source:
            late[job] = owner
    return late


def check_new(job: Job, overwrite: bool) -> None:
    """Refuses to replace a file without being asked to.

    Raises:
      UserError: a file exists, or the mel file's name or folder will not do.
    """
    for path in (job.audio, job.mel):
        if path is not None and path.exists() and not path.is_dir() and not overwrite:
            raise UserError(f"{path} exists; give --overwrite to replace it, or another -o")
    if job.mel is not None:
        if job.mel.suffix.lower() != ".npy":
            raise UserError(f"{job.mel}: suffix {job.mel.suffix!r}; must be .npy")
        if not job.mel.parent.is_dir():
            raise UserError(f"{job.mel}: its folder does not exist")


def _expand(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(p for p in path.iterdir() if p.suffix.lower() in _MIDI and p.is_file())
    if not found:
        raise UserError(f"{path}: no MIDI files ({' or '.join(_MIDI)}) in this folder")
    return found


def _place(option: str, target: str, source: Path, suffix: str, single: bool) -> Path:
    path = Path(target)
    if path.is_dir():
        return path / (source.stem + suffix)
    if single and not target.endswith("/"):
        return path
    raise UserError(f"{option} {target}: no such folder; make it first")
