"""The front door: a trained model, from a song's notes to its sound.

    import mt3synth

    model = mt3synth.load()
    song = model.render("song.mid", performance="tape", seed=7)
    song.write("song.wav")

The command line renders through the same objects.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Unpack

import jax

from mt3synth import __version__
from mt3synth import bundle as bundles
from mt3synth.audio.files import fit_peak
from mt3synth.audio.level import describe_gain
from mt3synth.bundle import Bundle, Performance
from mt3synth.errors import UserError
from mt3synth.model_spec import ModelSpec
from mt3synth.score import Score, ScoreSource, Span, read_score
from mt3synth.song import Song
from mt3synth.synthesis import SamplingConfig, Synthesizer
from mt3synth.synthesis.options import SamplingOptions, describe, sampling_config
from mt3synth.vocoder import registry
from mt3synth.vocoder.protocol import Vocoder, check_spec, vocode_song

OnStep = Callable[[int, int], Any]
"""Is told how many steps of a rendering are done, and how many there are in all."""


def load(bundle: str | os.PathLike[str] | None = None) -> Model:
    """Loads a trained model.

        model = mt3synth.load()                  # the small one that comes with the package
        model = mt3synth.load("bundles/mine")    # one that `mt3synth export` made

    Raises:
      BundleError: the folder is missing, or is no bundle that this version can read.
    """
    return Model(bundles.load(bundles.DEFAULT if bundle is None else Path(bundle)))


class Model:
    """Renders songs by a trained model.

        model = mt3synth.load()
        [performance.name for performance in model.performances]
        song = model.render("song.mid", performance="church", steps=25)

    Args:
      bundle: its weights, and what they are.
    """

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self._synthesizer = Synthesizer(bundle.spec, bundle.params)

    @property
    def spec(self) -> ModelSpec:
        """Returns what describes the network, its inputs and its outputs."""
        return self.bundle.spec

    @property
    def performances(self) -> tuple[Performance, ...]:
        """Lists the performances that it knows: players, room and recording chain of each."""
        return self.bundle.performances

    def render(
        self,
        score: ScoreSource,
        performance: str | None = None,
        *,
        start: float = 0.0,
        end: float = math.inf,
        vocoder: Vocoder | str | None = None,
        vocoder_source: str | os.PathLike[str] | None = None,
        config: SamplingConfig | None = None,
        on_step: OnStep | None = None,
        **sampling: Unpack[SamplingOptions],
    ) -> Song:
        """Renders a song; the same arguments give the same samples.

        Args:
          score: the path of a MIDI file (``-`` is standard input), its bytes, an open file, a
            ``pretty_midi.PrettyMIDI``, a ``note_seq.NoteSequence`` or `mt3synth.symbolic.Notes`.
          performance: name of the one whose sound it gets; None takes the bundle's default.
          start: seconds from which on the song is rendered.
          end: seconds up to which.
          vocoder: "neural", "griffin-lim", "soundstream" or any `Vocoder`; None takes the bundle's
            own, or Griffin-Lim if it has none.
          vocoder_source: where the weights of a "neural" or "soundstream" one are.
          config: how to sample; None takes the defaults of `SamplingConfig`.
          on_step: called after each step with the number of steps done and of all.
          **sampling: what differs from ``config``: steps, seed, sampler ("ddim" or "ddpm"), eta,
            guidance_notes, guidance_performance, guidance_kind, continuity, overlap, tail and the
            others of `SamplingOptions`.

        Raises:
          UserError: the score cannot be read or holds nothing that the model can render, there is
            no such performance or vocoder, or an option is unknown or out of its bounds.
        """
        span = Span(start, end)
        renderer = self.renderer(
            performance,
            vocoder=vocoder,
            vocoder_source=vocoder_source,
            config=config,
            **sampling,
        )
        return renderer.render(read_score(score, span, self.spec), on_step)

    def renderer(
        self,
        performance: str | None = None,
        *,
        vocoder: Vocoder | str | None = None,
        vocoder_source: str | os.PathLike[str] | None = None,
        config: SamplingConfig | None = None,
        **sampling: Unpack[SamplingOptions],
    ) -> Renderer:
        """Settles everything but the score, once for any number of songs; arguments as `render`.

        Raises:
          UserError: as `render`.
        """
        return Renderer(
            self.bundle,
            self._synthesizer,
            self.bundle.performance(performance),
            sampling_config(self.spec, sampling, config),
            self._vocoder(vocoder, vocoder_source),
        )

    def _vocoder(
        self, chosen: Vocoder | str | None, source: str | os.PathLike[str] | None
    ) -> Vocoder:
        if chosen is None and source is None:
            return self._default_vocoder
        if chosen is None or isinstance(chosen, str):
            where = None if source is None else os.fspath(source)
            return registry.make_vocoder(chosen, self.spec.mel, self.bundle.vocoder, where)
        # An object brings its own weights, so a source would silently be void.
        if source is not None:
            raise UserError(f"vocoder_source={source} goes with a vocoder's name; leave it out")
        return chosen

    # Made once: a vocoder compiles its programs on first use.
    @cached_property
    def _default_vocoder(self) -> Vocoder:
        return registry.make_vocoder(None, self.spec.mel, self.bundle.vocoder)

    def __repr__(self) -> str:
        size = sum(leaf.size for leaf in jax.tree.leaves(self.bundle.params)) / 1e6
        names = ", ".join(performance.name for performance in self.performances)
        return (
            f"Model({self.bundle.folder.name}, {size:.1f} M parameters; "
            f"performances: {names}; default: {self.bundle.default})"
        )


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

    Raises:
      VocoderError: the vocoder inverts other frames than the model makes.
    """

    bundle: Bundle
    synthesizer: Synthesizer
    performance: Performance
    config: SamplingConfig
    vocoder: Vocoder

    def __post_init__(self) -> None:
        check_spec(self.vocoder, self.bundle.spec.mel)

    def render(self, score: Score, on_step: OnStep | None = None) -> Song:
        """Renders a score that was read for this model.

        Raises:
          VocoderError: the vocoder cannot turn the frames into audio.
        """
        steps = self.synthesizer.steps(score.notes, self.config)
        mel = self.synthesizer.mel(
            score.notes,
            self.performance.index,
            self.config,
            on_step=None if on_step is None else lambda number: on_step(number, steps),
        )
        # A vocoder's sound may exceed full scale, which a file would clip.
        audio, gain = fit_peak(vocode_song(self.vocoder, mel))
        metadata = {**self.metadata(score), **describe_gain(gain)}
        return Song(audio, mel, self.bundle.spec.mel, gain, score.reports, metadata)

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
            **{bound: str(float(value)) for bound, value in span.items()},
            **describe(self.config, self.bundle.spec),
            **registry.describe(self.vocoder),
        }
