"""From a MIDI file to an audio file."""

from __future__ import annotations

import io
import math
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mt3synth import __version__
from mt3synth.atomic import write_bytes
from mt3synth.audio.files import check_output
from mt3synth.bundle import Bundle, Performance
from mt3synth.commands.shared import vocoder_options
from mt3synth.commands.shared.interrupts import Interrupts
from mt3synth.commands.shared.outputs import Job
from mt3synth.commands.shared.sampling_options import describe
from mt3synth.commands.shared.saving import report, save_fitted
from mt3synth.errors import UserError
from mt3synth.model_spec import ModelSpec
from mt3synth.symbolic.midi import read_midi
from mt3synth.symbolic.notes import Notes
from mt3synth.symbolic.roll import KEYS, LOWEST_KEY, substitutions
from mt3synth.synthesis import SamplingConfig, Synthesizer
from mt3synth.types import FloatND
from mt3synth.vocoder.protocol import Vocoder, check_spec

_BAR = "{desc}: {percentage:3.0f}%|{bar}| [{elapsed}<{remaining}, {rate_noinv_fmt}]"


@dataclass(frozen=True)
class Span:
    """A part of a song, in seconds.

    Raises:
      UserError: bounds that are no times, or hold nothing between them.
    """

    start: float = 0.0
    end: float = math.inf

    def __post_init__(self) -> None:
        if not 0 <= self.start < math.inf:
            raise UserError(f"--start {self.start} s; must be at least 0")
        if not self.start < self.end:
            raise UserError(f"--end {self.end} s; must be after --start, {self.start} s")


class Renderer:
    """A model, loaded once, and the settings with which it renders any number of songs.

    Raises:
      VocoderError: the vocoder inverts other frames than the model makes.
    """

    def __init__(
        self, bundle: Bundle, performance: Performance, config: SamplingConfig, vocoder: Vocoder
    ) -> None:
        check_spec(vocoder, bundle.spec.mel)
        self._bundle, self._performance = bundle, performance
        self._config, self._vocoder = config, vocoder
        self._synthesizer = Synthesizer(bundle.spec, bundle.params)

    def render(self, job: Job, span: Span) -> None:
        """Renders one song and reports on stderr what was not rendered as written.

        Raises:
          UserError: nothing to render, or nowhere to write; no half-written file is left.
        """
        metadata = self._metadata(job, span)
        check_output(job.audio, metadata)
        notes, reports = readable_notes(job.source, span, self._bundle.spec)
        for line in reports:
            report(f"{job.source}: {line}")
        began = time.monotonic()
        mel = self._mel(notes, job)
        if job.mel is not None:
            _save_array(job.mel, mel)
        audio = self._vocoder(mel)
        save_fitted(job.audio, audio, self._bundle.spec.mel.sample_rate, metadata, began)

    def _mel(self, notes: Notes, job: Job) -> FloatND:
        from tqdm import tqdm

        steps = self._synthesizer.steps(notes, self._config)
        seconds = notes.end_time + self._config.tail
        bar = tqdm(
            total=seconds,
            desc=job.audio.name,
            unit=" audio s",
            bar_format=_BAR,
            leave=False,
            disable=None,  # no bar unless stderr is a terminal
        )
        with Interrupts() as interrupts, bar:

            def on_step(_: int) -> None:
                interrupts.check()
                bar.update(seconds / steps)

            return self._synthesizer.mel(
                notes, self._performance.index, self._config, on_step=on_step
            )

    def _metadata(self, job: Job, span: Span) -> dict[str, str]:
        parts = {"start": span.start, "end": span.end} if span != Span() else {}
        return {
            "software": f"mt3synth {__version__}",
            "bundle": self._bundle.hash,
            "performance": self._performance.name,
            # A name that is not UTF-8 cannot go into the file's comment as it is.
            "score": os.fsencode(job.source.name).decode(errors="replace"),
            **{name: str(value) for name, value in parts.items()},
            **describe(self._config, self._bundle.spec),
            **vocoder_options.describe(self._vocoder),
        }


def readable_notes(path: Path, span: Span, spec: ModelSpec) -> tuple[Notes, list[str]]:
    """The notes that a model can render, and one line for each kind of thing that it cannot.

    Raises:
      UserError: the file cannot be read, or there is nothing in it to render.
    """
    song, reports = read_midi(path)
    notes = song.cropped(span.start, span.end)
    if not len(notes):
        raise UserError(
            f"{path}: no notes from {span.start} s to {span.end} s; "
            f"it ends at {song.end_time:.1f} s"
        )
    # Tokens say what a roll cannot hold, so a network that reads both loses nothing.
    if "roll" in spec.features and "tokens" not in spec.features:
        reports = reports + substitutions(notes, spec.roll)
        high = LOWEST_KEY + KEYS - 1
        in_range = (notes.pitch >= LOWEST_KEY) & (notes.pitch <= high)
        within = np.where(notes.is_drum, spec.roll.drums, in_range)
        if not within.any():
            drums = "" if spec.roll.drums else ", and it knows no drums"
            raise UserError(
                f"{path}: all {len(notes)} notes are outside the model's range, keys {LOWEST_KEY} "
                f"to {high} (A0 to C8){drums}"
            )
        notes = notes.select(within)
    return notes, reports


def _save_array(path: Path, array: FloatND) -> None:
    """A .npy file that appears whole or not at all."""
    encoded = io.BytesIO()
    np.save(encoded, array)
    try:
        write_bytes(path, encoded.getbuffer())
    except OSError as error:
        raise UserError(f"{path}: cannot be written: {error.strerror or error}") from error
