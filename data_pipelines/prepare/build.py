"""Builds a data set of a listing: scan, plan, make what is not there yet, publish.

Shards are made one by one in a hidden folder and named by a fingerprint of all that decides their
bytes, so a build that was killed goes on where it was, and one with more recordings makes only
what changed. The visible files change at the end; ``corpus.json`` is written last.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_pipelines.filesystem import hold_folder, remove_unfinished, write_text
from data_pipelines.performances import extend_performances, read_performances, write_performances
from data_pipelines.prepare.plan import (
    HELD_OUT_END,
    PrepareSettings,
    ShardJob,
    assign_splits,
    plan,
    scan,
)
from data_pipelines.prepare.publish import is_made, publish, published, staging_folder
from data_pipelines.prepare.runners import run_locally
from data_pipelines.prepare.shard import ShardReport, SongEntry, read_report
from data_pipelines.prepare.tables import REJECTED_FILE, read_songs, write_rejected, write_songs
from data_pipelines.recordings import Listing, Recording, Rejection, plain_id
from data_pipelines.shards.formats import FORMATS
from data_pipelines.shards.names import CORPUS_FILE, shard_path, splits_in
from data_pipelines.songs import SPLITS
from mt3synth.errors import UserError

Runner = Callable[[Sequence[ShardJob], Path], None]
"""Runs jobs, each writing its shard and report into the folder given."""


@dataclass(frozen=True)
class Report:
    """Says what a build came to.

    Attributes:
      corpus: what corpus.json says.
      rejections: what rejected.csv says.
      training_seconds: of audio, by name of the performance; none if nothing is to be trained on.
    """

    corpus: dict[str, Any]
    rejections: tuple[Rejection, ...]
    training_seconds: Mapping[str, float]


def build(
    listing: Listing,
    folder: Path,
    settings: PrepareSettings,
    *,
    source: Mapping[str, str],
    run: Runner = run_locally,
    strict: bool = False,
    drop_missing: bool = False,
) -> Report:
    """Builds, continues or extends the data set in ``folder``.

    Args:
      listing: recordings, and what its source has already rejected.
      folder: of the data set.
      settings: sample rate, format and so on.
      source: goes into corpus.json; ``what`` and ``licence`` are shown in model cards.
      run: makes the shards.
      strict: any rejection is an error; nothing visible but rejected.csv changes.
      drop_missing: recordings that ``folder`` has and ``listing`` has not are dropped.

    Raises:
      UserError: ``folder`` holds something else, or recordings that are not listed; another
        process builds in it; nothing is left to build; with ``strict``, something was rejected.
    """
    songs_before = _check_folder(folder, listing, drop_missing)
    with hold_folder(folder):
        return _build(listing, folder, settings, source, run, strict, songs_before)


def _build(
    listing: Listing,
    folder: Path,
    settings: PrepareSettings,
    source: Mapping[str, str],
    run: Runner,
    strict: bool,
    songs_before: list[dict[str, str]],
) -> Report:
    remove_unfinished(folder)  # nobody else is at work there
    frozen = read_performances(folder)
    staging = staging_folder(folder)
    found, seconds = scan(listing.recordings)
    rejections = [*listing.rejections, *found.rejections]
    splits = {row["id"]: row["split"] for row in songs_before}
    recordings = assign_splits(found.recordings, splits, settings.validation_share, seconds)
    length = _lengths(recordings, seconds)
    heard = length
    while True:
        recordings, refused = _without_short_performances(recordings, heard, settings.least_seconds)
        rejections += refused
        _refuse(rejections, recordings, folder, strict)
        performances = extend_performances(frozen, recordings)
        index = {entry.name: i for i, entry in enumerate(performances)}
        jobs = plan(recordings, length, index, settings)
        reports = _make(jobs, folder, staging, run)
        rejections += [r for report in reports for r in report.rejections]
        # What was refused only now may leave a performance too little: then once more without it.
        heard = {s.id: s.seconds for report in reports for s in report.songs}
        if not _without_short_performances(recordings, heard, settings.least_seconds)[1]:
            break
    _refuse(rejections, heard, folder, strict)
    write_rejected(folder, rejections)
    shards = _publish(folder, jobs, reports)
    write_performances(folder, performances)
    write_songs(folder, shards)
    corpus = {
        "source": dict(source),
        "sample_rate": settings.sample_rate,
        "splits": _summary(shards),
        "rejected": len(set(rejections)),
    }
    write_text(folder / CORPUS_FILE, json.dumps(corpus, indent=2, ensure_ascii=False) + "\n")
    return Report(corpus, tuple(sorted(set(rejections))), _training_seconds(shards))


def _check_folder(folder: Path, listing: Listing, drop_missing: bool) -> list[dict[str, str]]:
    """Reads the songs.csv that is there; refuses a folder that this build would spoil."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder}: is a file; name a folder")
    songs = read_songs(folder)
    present = [kind.suffix for kind in FORMATS.values() if splits_in(folder, kind.suffix)]
    if present and not published(folder):
        raise UserError(
            f"{folder}: holds shards that another command built; name a new folder, or empty it"
        )
    listed = {recording.id for recording in listing.recordings}
    # Of a lone recording the end is held out under a name of its own.
    missing = []
    for song in songs:
        if song["id"].removesuffix(HELD_OUT_END) not in listed:
            # Builds from before detours were taken out have them in their ids.
            song["id"] = plain_id(song["id"])
            if song["id"].removesuffix(HELD_OUT_END) not in listed:
                missing.append(song["id"])
    if missing and not drop_missing:
        raise UserError(
            f"{folder}: has {len(missing)} recordings that are not listed now (the first: "
            f"{missing[0]}); list them too, or drop them with --drop-missing"
        )
    return songs


def _lengths(recordings: Sequence[Recording], seconds: Mapping[str, float]) -> dict[str, float]:
    """Returns seconds by id, also of the two parts of a recording that was cut."""
    lengths: dict[str, float] = {}
    for r in recordings:
        if r.id in seconds:
            lengths[r.id] = seconds[r.id] if r.end is None else r.end - r.start
        else:  # the end, which follows its beginning
            whole = r.id.removesuffix(HELD_OUT_END)
            lengths[r.id] = seconds[whole] - lengths[whole]
    return lengths


def _without_short_performances(
    recordings: Sequence[Recording], seconds: Mapping[str, float], least: float
) -> tuple[list[Recording], list[Rejection]]:
    """Keeps recordings of performances that have enough audio; says why it leaves out others."""
    total: defaultdict[str, float] = defaultdict(float)
    for recording in recordings:
        total[recording.performance] += seconds.get(recording.id, 0.0)
    kept, refused = [], []
    for recording in recordings:
        has = total[recording.performance]
        if has >= least:
            kept.append(recording)
        elif recording.id in seconds:  # else it was refused itself, for a reason of its own
            refused.append(
                recording.rejected(
                    f"performance {recording.performance!r} has {has:.2f} s in all; must have at "
                    f"least {least:g} s"
                )
            )
    return kept, refused


def _make(jobs: Sequence[ShardJob], folder: Path, staging: Path, run: Runner) -> list[ShardReport]:
    """Runs the jobs whose shards are not there; returns the reports on all."""

    def is_whole(job: ShardJob) -> bool:
        report = read_report(staging, job)
        return report is not None and (not report.songs or is_made(folder, job.shard_name))

    todo = [job for job in jobs if not is_whole(job)]
    if todo:
        run(todo, staging)
    reports = []
    for job in jobs:
        report = read_report(staging, job)
        if report is None:
            raise UserError(f"{folder}: a shard of split {job.split} was not made; run it again")
        reports.append(report)
    return reports


def _publish(
    folder: Path, jobs: Sequence[ShardJob], reports: Sequence[ShardReport]
) -> dict[str, Sequence[SongEntry]]:
    """Gives the shards their names; returns the songs of each by its name."""
    # Without it a folder counts as not whole: from here to the end of the build it is not.
    (folder / CORPUS_FILE).unlink(missing_ok=True)
    names: dict[str, str] = {}
    shards: dict[str, Sequence[SongEntry]] = {}
    for split in SPLITS:
        filled = [(j, r) for j, r in zip(jobs, reports) if j.split == split and r.songs]
        for i, (job, report) in enumerate(filled):
            name = shard_path(folder, split, i, len(filled), Path(job.shard_name).suffix).name
            names[job.fingerprint], shards[name] = name, report.songs
    publish(folder, names)
    return shards


def _refuse(
    rejections: Sequence[Rejection], left: Collection[object], folder: Path, strict: bool
) -> None:
    """Stops the build if nothing is left of it, or if nothing may be rejected."""
    if left and not (strict and rejections):
        return
    folder.mkdir(parents=True, exist_ok=True)
    write_rejected(folder, rejections)
    what = "no recording is left" if not left else f"--strict: {len(set(rejections))} rejected"
    first = f" (the first: {rejections[0].audio}: {rejections[0].reason})" if rejections else ""
    raise UserError(f"{folder}: {what}{first}; see {folder / REJECTED_FILE}")


def _training_seconds(shards: Mapping[str, Sequence[SongEntry]]) -> dict[str, float]:
    """Sums up the training audio of each performance that any split has."""
    songs = [(name.startswith("train"), s) for name, part in shards.items() for s in part]
    if not any(training for training, _ in songs):
        return {}
    total = dict.fromkeys((s.performance for _, s in songs), 0.0)
    for training, song in songs:
        total[song.performance] += song.seconds if training else 0.0
    return total


def _summary(shards: Mapping[str, Sequence[SongEntry]]) -> dict[str, Any]:
    """Sums up each split: songs, hours, notes and songs of each performance."""
    summary = {}
    for split in SPLITS:
        songs = [s for name, part in shards.items() if name.startswith(split) for s in part]
        seconds = sum(s.seconds for s in songs)
        performances = Counter(s.performance for s in songs)
        if songs:
            summary[split] = {
                "songs": len(songs),
                "hours": round(seconds / 3600, 3),
                "notes_per_second": round(sum(s.notes for s in songs) / seconds, 2),
                "songs_per_performance": dict(sorted(performances.items())),
            }
    return summary
