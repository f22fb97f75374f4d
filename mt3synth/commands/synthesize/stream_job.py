"""Renders one song of the command line to standard output, for a player to read meanwhile."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

from mt3synth.audio.playback import limit_softly, to_pcm, wav_header
from mt3synth.commands.shared.interrupts import Interrupts
from mt3synth.commands.shared.saving import report
from mt3synth.renderer import Renderer
from mt3synth.score import Score
from mt3synth.types import FloatND


def stream(
    source: str,
    read: Callable[[str | Path], Score],
    renderer: Renderer,
    raw: bool,
) -> None:
    """Renders a song to standard output; a reader that goes away early ends it quietly.

    Args:
      source: path of a MIDI file or a score, or ``-``.
      read: reads the score that is rendered of it.
      renderer: by which.
      raw: whether the samples have no WAV header.

    Raises:
      UserError: nothing to render.
    """
    score = read(source)
    for line in renderer.reports(score, streamed=True):
        report(f"{source}: {line}")
    with Interrupts() as interrupts:
        parts = renderer.stream(score, lambda *_: interrupts.check(), soon=True)
        rate, samples = renderer.bundle.spec.mel.sample_rate, renderer.samples(score)
        try:
            write_stream(sys.stdout.buffer, parts, rate, None if raw else samples)
        except BrokenPipeError:
            # Python flushes standard output once more when it ends, and would complain then.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def write_stream(
    out: BinaryIO, parts: Iterable[FloatND], sample_rate: int, samples: int | None
) -> None:
    """Writes mono 16-bit sound as it comes, peaks bent so that none clips.

    Args:
      out: where; need not be seekable.
      parts: float32 ``[S]``.
      sample_rate: in samples per second.
      samples: how many there will be, for a WAV header; None for samples alone.
    """
    if samples is not None:
        out.write(wav_header(samples, sample_rate))
    for part in parts:
        out.write(to_pcm(limit_softly(part)))
        out.flush()
