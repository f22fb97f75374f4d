"""Renders one song of the command line: reads it, shows a progress bar, and writes the files."""

from __future__ import annotations

import time

from mt3synth.audio.files import check_output
from mt3synth.commands.shared.interrupts import Interrupts
from mt3synth.commands.shared.outputs import Job
from mt3synth.commands.shared.saving import report, report_saved
from mt3synth.renderer import Renderer
from mt3synth.score import Score, Span, read_score
from mt3synth.song import Song

_BAR = "{desc}: {percentage:3.0f}%|{bar}| [{elapsed}<{remaining}, {rate_noinv_fmt}]"


def render(job: Job, span: Span, renderer: Renderer, tuning: str | None = None) -> None:
    """Renders one song, and reports on stderr what was not rendered as written.

    Raises:
      UserError: nothing to render, or nowhere to write; no half-written file is left.
    """
    score = read_score(job.source, span, renderer.bundle.spec, tuning)
    # Before minutes of rendering, not after them.
    check_output(job.audio, renderer.metadata(score))
    for line in renderer.reports(score):
        report(f"{job.source}: {line}")
    began = time.monotonic()
    song = _with_bar(score, renderer, job.audio.name)
    if job.mel is not None:
        song.write_mel(job.mel)
    song.write(job.audio)
    report_saved(job.audio, song.seconds, song.gain, began)


def _with_bar(score: Score, renderer: Renderer, name: str) -> Song:
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

        return renderer.render(score, on_step)
