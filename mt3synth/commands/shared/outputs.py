"""Plans which files are read and what is written where, and works through the plan."""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from mt3synth.errors import UserError, explain_files, explain_memory
from mt3synth.exclusive import clear, hold


@dataclass(frozen=True)
class Kind:
    """Describes a kind of files to read.

    Attributes:
      name: for messages.
      suffixes: by which a folder's files are known to be of it, in lower case.
    """

    name: str
    suffixes: Collection[str]


_PLAIN = (".mid", ".midi", ".kar", ".rmi", ".musicxml", ".mxl", ".krn", ".abc")
MUSIC = Kind(
    "MIDI files (.mid, .midi, .kar, .rmi) or scores (.musicxml, .mxl, .krn, .abc), gzipped or not",
    (*_PLAIN, *(suffix + ".gz" for suffix in _PLAIN)),
)


@dataclass(frozen=True)
class Job:
    """Names one file to read, and the files to be made of it.

    Attributes:
      source: file to read.
      audio: file for the sound.
      mel: file for its log-mel frames, or None.
      variation: number of the ways in which it was made before.
    """

    source: Path
    audio: Path
    mel: Path | None
    variation: int = 0


def vary(jobs: Sequence[Job], count: int) -> list[Job]:
    """Plans each job several times, song.wav becoming song.1.wav and so on."""

    def numbered(path: Path, number: int) -> Path:
        return path.with_name(f"{path.stem}.{number + 1}{path.suffix}")

    return [
        Job(job.source, numbered(job.audio, n), job.mel and numbered(job.mel, n), n)
        for job in jobs
        for n in range(count)
    ]


def plan_jobs(
    inputs: Sequence[str],
    output: str | None,
    save_mel: str | None,
    kind: Kind = MUSIC,
    suffix: str = ".wav",
) -> list[Job]:
    """Plans what to do for the files and folders named on the command line.

    A folder stands for the files of a kind in it, in the order of their names. Without ``output``
    NAME.mid becomes NAME.wav (or what ``suffix`` says) in the current folder, and standard input
    (``-``, ``/dev/stdin``) stdin.wav. For a folder or several files ``output`` and ``save_mel``
    name folders; for a single file they may.

    Raises:
      UserError: a folder without such files, or a folder to write to that does not exist.
    """
    sources = [source for name in inputs for source in _expand(Path(name), kind)]
    single = len(inputs) == 1 and not Path(inputs[0]).is_dir()
    return [
        Job(
            source,
            _output_path("-o", output or ".", source, suffix, single),
            _output_path("--save-mel", save_mel, source, ".npy", single) if save_mel else None,
        )
        for source in sources
    ]


def run_jobs(
    jobs: Sequence[Job],
    command: str,
    overwrite: bool,
    prepare: Callable[[], Callable[[Job], None]],
    is_whole: Callable[[Job], bool] | None = None,
) -> int:
    """Does every job that can be done; each of the others gets a line on stderr.

    Args:
      jobs: what to do.
      command: name of the subcommand, for the messages.
      overwrite: whether files that exist may be replaced.
      prepare: loads what all jobs need, and returns what does one of them; called only if there
        is anything to do.
      is_whole: tells whether all of a job's files are there; those of which they are not may be
        replaced. None to refuse every job of which any is there.

    Returns:
      The exit status: 2 if a job could not be done, else 0.
    """
    failed = False

    def try_each(jobs: Sequence[Job], work: Callable[[Job], None]) -> list[Job]:
        nonlocal failed
        done = []
        for job in jobs:
            try:
                with explain_memory(f"{job.source}: "), explain_files():
                    work(job)
                done.append(job)
            except UserError as error:
                failed = True
                print(f"mt3synth {command}: {error}", file=sys.stderr)
        return done

    owners: dict[Path, Path] = {}

    def check(job: Job) -> None:
        # Two songs of one name from two folders: the later one would replace the earlier.
        owner = owners.setdefault(job.audio, job.source)
        if owner != job.source:
            raise UserError(f"{job.source}: {job.audio} is already that of {owner}")
        clear(job.audio)
        check_new(job, overwrite or is_whole is not None)

    def work_alone(work: Callable[[Job], None], job: Job) -> None:
        with hold(job.audio):
            # Once more, for another process may have made it while this one made others.
            if is_whole is None or not is_whole(job):
                check_new(job, overwrite or is_whole is not None)
                work(job)

    # All are looked at before the first is begun, so that nobody learns of an existing file after
    # an hour.
    ready = [job for job in try_each(jobs, check) if is_whole is None or not is_whole(job)]
    if is_whole is not None and (kept := sum(map(is_whole, jobs))):
        print(f"{kept} of {len(jobs)} are there, and kept", file=sys.stderr)
    if ready:
        work = prepare()
        try_each(ready, lambda job: work_alone(work, job))
    return 2 if failed else 0


def check_new(job: Job, overwrite: bool) -> None:
    """Refuses to replace a file without being asked to.

    Raises:
      UserError: a file exists, is the one that is read, or the mel file's name or folder will not
        do.
    """
    if job.audio.exists() and job.source.exists() and job.audio.samefile(job.source):
        raise UserError(f"{job.audio} is what is read; give another -o")
    for path in (job.audio, job.mel):
        if path is not None and not path.is_dir():
            refuse_to_replace(path, overwrite)
    if job.mel is not None:
        if job.mel.suffix.lower() != ".npy":
            raise UserError(f"{job.mel}: suffix {job.mel.suffix!r}; must be .npy")
        if not job.mel.parent.is_dir():
            raise UserError(f"{job.mel}: its folder does not exist")


def refuse_to_replace(path: Path, overwrite: bool) -> None:
    """Looks whether a file can be written without replacing another unasked.

    Raises:
      UserError: it exists, and nobody asked for that.
    """
    if path.exists() and not overwrite:
        raise UserError(f"{path} exists; give --overwrite to replace it, or another -o")


def _expand(path: Path, kind: Kind) -> list[Path]:
    if not path.is_dir():
        return [path]
    suffixes = tuple(kind.suffixes)
    found = sorted(p for p in path.iterdir() if p.name.lower().endswith(suffixes) and p.is_file())
    if not found:
        raise UserError(f"{path}: no {kind.name} in this folder")
    return found


def _output_path(option: str, target: str, source: Path, suffix: str, single: bool) -> Path:
    path = Path(target)
    if path.is_dir():
        return path / (_stem(source) + suffix)
    # A missing folder is not made: a mistyped name would become a file, or a folder far away.
    if single and not target.endswith("/"):
        return path
    raise UserError(f"{option} {target}: no such folder; make it first")


def _stem(source: Path) -> str:
    """Names what is made of a file: song.mid.gz becomes song, standard input (-) stdin."""
    if str(source) == "-":
        return "stdin"
    return (source.with_suffix("") if source.suffix.lower() == ".gz" else source).stem
