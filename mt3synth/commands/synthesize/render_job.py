"""Renders one song of the command line: reads it, shows a progress bar, and writes the files."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from mt3synth.again import check_whole, render_again
from mt3synth.audio.encoding import FORMATS
from mt3synth.audio.files import check_output
from mt3synth.audio.level import Level, describe_gain, report_gain
from mt3synth.audio.long_files import Written, write_blocks
from mt3synth.commands.shared.interrupts import Interrupts
from mt3synth.commands.shared.outputs import Job, refuse_to_replace
from mt3synth.commands.shared.saving import report, report_saved
from mt3synth.earlier import Earlier, check_lossless, sidecar_path
from mt3synth.renderer import OnStep, Renderer
from mt3synth.score import Score
from mt3synth.song import Song, stem_paths

T = TypeVar("T")
_BAR = "{desc}: {percentage:3.0f}%|{bar}| [{elapsed}<{remaining}, {rate_noinv_fmt}]"


class Again(NamedTuple):
    """Says what of a song is rendered, when some of it was rendered before.

    Attributes:
      sidecar: whether a sidecar is written, so that it can be again.
      earlier: the rendering before, if only what changed is to be rendered.
      region: or only what lies between these seconds.
    """

    sidecar: bool = False
    earlier: Earlier | None = None
    region: tuple[float, float] | None = None


WHOLE = Again()
"""All of a song is rendered, once."""


def render(
    job: Job,
    read: Callable[[str | Path], Score],
    renderer: Renderer,
    overwrite: bool = False,
    again: Again = WHOLE,
) -> None:
    """Renders one song, and reports on stderr what was not rendered as written.

    Args:
      job: the song, and what is made of it.
      read: reads the score that is rendered of a file.
      renderer: by which; if it keeps stems, their files are written beside that of the mix.
      overwrite: whether stems may replace files. What ``job`` names was looked at before.
      again: whether only some of it is rendered.

    Raises:
      UserError: nothing to render, or nowhere to write; no half-written file is left.
    """
    score, renderer = read(job.source), renderer.varied(job.variation)
    # Before minutes of rendering, not after them. What is added then is no longer than this.
    check_output(job.audio, {**renderer.metadata(score), **Level(1e-5, 1e-5, ()).describe()})
    if renderer.stems:
        names = [part.name for part in renderer.parts(score)]
        for stem in stem_paths(job.audio, names).values():
            refuse_to_replace(stem, overwrite)
    if again.sidecar:
        check_lossless(job.audio)
        check_whole(renderer, score)
        refuse_to_replace(sidecar_path(job.audio), overwrite)
    told = renderer.reports(score)
    for line in told if not job.variation else ():
        report(f"{job.source}: {line}")
    began = time.monotonic()
    whole = job.mel is None and not again.sidecar
    if whole and renderer.is_long(score) and _is_local(job.audio, renderer, score):
        written = _with_bar(score, renderer, job.audio.name, partial(_write_long, job.audio))
        report_saved(job.audio, written.seconds, report_gain(written.gain), began)
        return
    song = _with_bar(score, renderer, job.audio.name, partial(_render, again))
    if job.mel is not None:
        song.write_mel(job.mel)
    if renderer.stems:
        song.write_stems(job.audio)
    # Behind those, so that where it is they are, too, whenever this process is killed.
    song.write(job.audio)
    if again.sidecar:
        song.write_sidecar(job.audio)
    for line in song.reports:
        if line not in told:
            report(f"{job.audio}: {line}")
    report_saved(job.audio, song.seconds, song.level_reports, began)


def is_whole(job: Job, sidecar: bool) -> bool:
    """Tells whether `render` has written all that it makes of a job, with or without sidecar."""
    last = [job.audio, job.mel, sidecar_path(job.audio) if sidecar else None]
    return all(path is None or path.exists() for path in last)


def _render(again: Again, renderer: Renderer, score: Score, on_step: OnStep) -> Song:
    if again.earlier is None:
        return renderer.render(score, on_step)
    return render_again(renderer, score, again.earlier, again.region, on_step)


def _is_local(path: Path, renderer: Renderer, score: Score) -> bool:
    """Tells whether a song can be written while it is made, with no need to know all of it."""
    kind, rate = FORMATS[path.suffix.lower()], renderer.bundle.spec.mel.sample_rate
    plain = renderer.is_plain(score) and renderer.level.loudness is None
    return plain and kind.by_libsndfile and rate == kind.nearest_rate(rate)


def _write_long(path: Path, renderer: Renderer, score: Score, on_step: OnStep) -> Written:
    """Writes a song while it is made, for one that would fill the memory."""

    def metadata(gain: float) -> dict[str, str]:
        return {**renderer.metadata(score), **describe_gain(gain)}

    parts = renderer.stream(score, on_step)
    return write_blocks(path, parts, renderer.bundle.spec.mel.sample_rate, metadata)


def _with_bar(
    score: Score, renderer: Renderer, name: str, work: Callable[[Renderer, Score, OnStep], T]
) -> T:
    """Does some work on a score, with a bar that shows how far its steps are."""
    from tqdm import tqdm

    seconds = score.notes.end_time + renderer.config.tail
    bar = tqdm(
        total=seconds,
        desc=name,
        unit=" audio s",
        bar_format=_BAR,
        leave=False,
        disable=None,  # no bar unless stderr is a terminal
    )
    with Interrupts() as interrupts, bar:

        def on_step(done: int, steps: int) -> None:
            # A step is the smallest piece of work after which a lost Ctrl-C can be heard.
            interrupts.check()
            bar.update(seconds / steps)

        return work(renderer, score, on_step)
