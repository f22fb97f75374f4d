"""Renders scores with settings that were made once: frames, then sound, whole or part by part."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from mt3synth import __version__
from mt3synth.audio.files import fit_peak
from mt3synth.audio.level import describe_gain
from mt3synth.audio.mel import log_mel
from mt3synth.bundle import Bundle, Performance
from mt3synth.mix import mix_parts
from mt3synth.score import Score, Span
from mt3synth.song import Song
from mt3synth.symbolic.notes import Notes
from mt3synth.synthesis import SamplingConfig, Synthesizer
from mt3synth.synthesis.options import describe
from mt3synth.synthesis.parts import Part, check_part, part_config, split_parts
from mt3synth.types import Float, FloatND
from mt3synth.vocoder import registry
from mt3synth.vocoder.protocol import Vocoder, check_spec, vocode_song

OnStep = Callable[[int, int], Any]
"""Is told how many steps of a rendering are done, and how many there are in all."""

PRACTICE_DB = -15.0
"""Level of the part that is practised: still to be followed, and far below whoever plays it."""


@dataclass(frozen=True, eq=False)
class Renderer:
    """Renders any number of songs with the same settings; `Model.renderer` makes it.

        renderer = model.renderer("tape", steps=25)
        for path in paths:
            song = renderer.render(read_score(path, Span(), model.spec))

    Attributes:
      bundle: the model.
      synthesizer: makes its frames.
      performance: whose sound the songs get.
      config: how they are sampled.
      vocoder: turns frames into audio.
      stems: whether the songs keep the sound of each of their parts.
      practice: name of a part, or of an instrument, that is mixed softly; None for none.

    Raises:
      VocoderError: the vocoder inverts other frames than the model makes.
    """

    bundle: Bundle
    synthesizer: Synthesizer
    performance: Performance
    config: SamplingConfig
    vocoder: Vocoder
    stems: bool = False
    practice: str | None = None

    def __post_init__(self) -> None:
        check_spec(self.vocoder, self.bundle.spec.mel)

    @property
    def by_parts(self) -> bool:
        """Says whether parts are rendered one by one and summed, which they are only if need be."""
        return self.stems or self.practice is not None

    def parts(self, score: Score) -> tuple[Part, ...]:
        """Splits a score as it is rendered by parts.

        Raises:
          UserError: it has no part that is to be practised.
        """
        parts = split_parts(score.notes, self.bundle.spec.roll.groups, score.channel)
        if self.practice is not None:
            check_part(self.practice, parts)
        return parts

    def render(self, score: Score, on_step: OnStep | None = None) -> Song:
        """Renders a score that was read for this model.

        Raises:
          UserError: a part is to be practised that the score does not have.
          VocoderError: the vocoder cannot turn the frames into audio.
        """
        if self.by_parts:
            return self._render_parts(score, on_step)
        steps = self.synthesizer.steps(score.notes, self.config)
        mel = self._frames(score.notes, self.config, on_step and _counted(on_step, 0, steps))
        # A vocoder's sound may exceed full scale, which a file would clip.
        audio, gain = fit_peak(vocode_song(self.vocoder, mel))
        metadata = {**self.metadata(score), **describe_gain(gain)}
        return Song(audio, mel, self.bundle.spec.mel, gain, score.reports, metadata)

    def _render_parts(self, score: Score, on_step: OnStep | None) -> Song:
        parts = self.parts(score)
        steps = [self.synthesizer.steps(part.notes, self.config) for part in parts]
        sounds: dict[str, FloatND] = {}
        for number, part in enumerate(parts):
            done = on_step and _counted(on_step, sum(steps[:number]), sum(steps))
            mel = self._frames(part.notes, part_config(self.config, part.name), done)
            soft = self.practice is not None and part.is_called(self.practice)
            gain = np.float32(10 ** (PRACTICE_DB / 20) if soft else 1)
            sounds[part.name] = gain * vocode_song(self.vocoder, mel)
        mix, spec = mix_parts(sounds), self.bundle.spec.mel
        told = f"{len(parts)} parts rendered one by one and summed: {', '.join(sounds)}"
        return Song(
            mix.audio,
            # No model made frames of the mix, so they are those of its sound.
            log_mel(mix.audio, spec),
            spec,
            mix.gain,
            (*score.reports, told),
            {**self.metadata(score), **describe_gain(mix.gain)},
            mix.stems,
        )

    def _frames(
        self, notes: Notes, config: SamplingConfig, on_step: Callable[[int], Any] | None
    ) -> Float[np.ndarray, "T M"]:
        return self.synthesizer.mel(notes, self.performance.index, config, on_step)

    def metadata(self, score: Score) -> dict[str, str]:
        """Returns everything that the sound of a score depends on, by name.

        A rendered song's metadata have the gain that its sound got as well.
        """
        span = {} if score.span == Span() else vars(score.span)
        # A name that is not UTF-8 cannot go into the file's comment as it is.
        name = os.fsencode(score.name).decode(errors="replace")
        return {
            "software": f"mt3synth {__version__}",
            "bundle": self.bundle.hash,
            "performance": self.performance.name,
            **({"score": name} if name else {}),
            **({"parts": "one by one"} if self.by_parts else {}),
            **({"practice": self.practice} if self.practice is not None else {}),
            **{bound: str(float(value)) for bound, value in span.items()},
            **describe(self.config, self.bundle.spec),
            **registry.describe(self.vocoder),
        }


def _counted(on_step: OnStep, before: int, steps: int) -> Callable[[int], Any]:
    """Reports the steps of one part after those of the parts before it."""
    return lambda number: on_step(before + number, steps)
