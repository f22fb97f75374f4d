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
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Unpack

import jax
import numpy as np

from mt3synth import bundle as bundles
from mt3synth.again import earlier_of, render_again
from mt3synth.audio.level import LevelConfig
from mt3synth.audio.playback import in_blocks, limit_softly
from mt3synth.bundle import Bundle, Performance
from mt3synth.cast import read_cast
from mt3synth.earlier import read_earlier
from mt3synth.errors import UserError
from mt3synth.model_spec import ModelSpec
from mt3synth.renderer import OnStep, Renderer
from mt3synth.score import ScoreSource, Span, read_score
from mt3synth.song import Song
from mt3synth.synthesis import SamplingConfig, Synthesizer
from mt3synth.synthesis.options import SamplingOptions, sampling_config
from mt3synth.types import Float
from mt3synth.vocoder import registry
from mt3synth.vocoder.protocol import Vocoder


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
        self._synthesizer = Synthesizer(bundle.spec, bundle.params, bundle.additions)

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
        expression: float | None = None,
        stems: bool = False,
        practice: str | None = None,
        stereo: bool = False,
        tuning: str | os.PathLike[str] | None = None,
        vocoder: Vocoder | str | None = None,
        vocoder_source: str | os.PathLike[str] | None = None,
        config: SamplingConfig | None = None,
        level: LevelConfig | None = None,
        fold: bool = False,
        keyboard_map: str | os.PathLike[str] | None = None,
        tempo: float = 1.0,
        transpose: int = 0,
        since: Song | str | os.PathLike[str] | None = None,
        region: tuple[float, float] | None = None,
        on_step: OnStep | None = None,
        **sampling: Unpack[SamplingOptions],
    ) -> Song:
        """Renders a song; the same arguments give the same samples.

        Args:
          score: a MIDI file or a score in notation (MusicXML, kern, ABC), as its path (``-`` is
            standard input), its bytes or open; a ``pretty_midi.PrettyMIDI``, a
            ``note_seq.NoteSequence`` or `mt3synth.symbolic.Notes`.
          performance: name of the one whose sound it gets, or an expression that blends several,
            changes along the song or names one for each instrument (`mt3synth.cast`); None takes
            the bundle's default.
          start: seconds from which on the song is rendered.
          end: seconds up to which.
          expression: how far players go beyond a score in notation, from 0, to the letter, to 1;
            None takes what the performance carries, which is 0 if nothing is said.
          stems: whether the song's parts are rendered one by one and summed; `Song.stems` then
            holds the sound of each.
          practice: a part, or an instrument, that is mixed softly under the others, for who plays
            it to play along; the parts are then rendered one by one.
          stereo: whether the song has two channels, on which parts are placed by their pan (CC10).
          tuning: a Scala file (.scl) by whose scale the keys are tuned, from middle C on.
          keyboard_map: a file (.kbm) that says which key plays which degree of the scale, and at
            what pitch.
          vocoder: "neural", "griffin-lim", "soundstream" or any `Vocoder`; None takes the bundle's
            own, or Griffin-Lim if it has none.
          vocoder_source: where the weights of a "neural" or "soundstream" one are.
          config: how to sample; None takes the defaults of `SamplingConfig`.
          level: what becomes of peaks above full scale, and how loud the song is to be; None takes
            the defaults of `LevelConfig`.
          fold: whether notes outside A0 to C8 are moved into it by octaves; else a model that
            cannot render them leaves them out.
          tempo: how many times as fast as written; all times are those that are heard then.
          transpose: semitones by which all but drums are moved.
          since: an earlier rendering, or its file with a sidecar (`Song.write_sidecar`): only what
            changed since is rendered, and every sample outside of that stays what it was.
          region: seconds of it from which to which is rendered again instead, with a performance, a
            seed or steps that may differ.
          on_step: called after each step with the number of steps done and of all.
          **sampling: what differs from ``config``: steps, seed, sampler, spacing, eta,
            guidance_notes, guidance_performance, guidance_kind, continuity, overlap, tail and the
            others of `SamplingOptions`.

        Raises:
          UserError: the score cannot be read or holds nothing that the model can render, there is
            no such performance, part or vocoder, or an option is unknown or out of its bounds.
        """
        span = Span(start, end)
        renderer = self.renderer(
            performance,
            stems=stems,
            practice=practice,
            stereo=stereo,
            vocoder=vocoder,
            vocoder_source=vocoder_source,
            config=config,
            level=level,
            **sampling,
        )
        reading = (tuning, expression, fold, keyboard_map, tempo, transpose, renderer.expression)
        notes = read_score(score, span, self.spec, *reading)
        if since is None:
            if region is not None:
                raise UserError("region goes with since, the rendering of which it is")
            return renderer.render(notes, on_step)
        earlier = earlier_of(since) if isinstance(since, Song) else read_earlier(since)
        return render_again(renderer, notes, earlier, region, on_step)

    def variations(
        self, score: ScoreSource, count: int, performance: str | None = None, **options: Any
    ) -> Iterator[Song]:
        """Renders a song several times, as players would who play it again.

            for number, song in enumerate(model.variations("song.mid", 3, steps=8), 1):
                song.write(f"song.{number}.wav")

        Args:
          score: as for `render`; no open file, which can be read but once.
          count: how many.
          performance: as for `render`.
          **options: as for `render`. The first song is what `render` makes of them, and the seed of
            each is one more than that of the one before.

        Raises:
          UserError: as `render`, at the song that meets it; a count below 1, or all would be the
            same: a model with a prior draws nothing with steps=0.
        """
        if count < 1:
            raise UserError(f"variations={count}; must be at least 1")
        names = ("config", *SamplingOptions.__annotations__)
        sampling = {name: options[name] for name in names if name in options}
        renderer = self.renderer(performance, **sampling)
        seeds = [renderer.varied(number).config.seed for number in range(count)]
        return (self.render(score, performance, **{**options, "seed": seed}) for seed in seeds)

    def stream(
        self,
        score: ScoreSource,
        performance: str | None = None,
        *,
        start: float = 0.0,
        end: float = math.inf,
        expression: float | None = None,
        fold: bool = False,
        tempo: float = 1.0,
        transpose: int = 0,
        samples: int | None = None,
        vocoder: Vocoder | str | None = None,
        vocoder_source: str | os.PathLike[str] | None = None,
        config: SamplingConfig | None = None,
        on_step: OnStep | None = None,
        **sampling: Unpack[SamplingOptions],
    ) -> Iterator[Float[np.ndarray, " S"]]:
        """Renders a song from left to right, and yields its sound while the rest is made.

            for audio in model.stream("song.mid", performance="tape"):
                player.write(audio)

        Memory does not grow with the song, and the samples do not depend on how they are cut up.
        They are those of a song whose segments follow each other (``continuity="stream"``), with
        peaks beyond 0.9 bent so that none exceeds 1, where `render` turns the whole song down.

        Args:
          samples: of each array but the last; None yields them as they are made.
          score, performance, start, end, expression, fold, tempo, transpose: as for `render`.
          vocoder, vocoder_source, config, on_step, **sampling: as for `render`.

        Returns:
          Mono float32 arrays ``[S]`` in [-1, 1], ``spec.mel.sample_rate`` samples per second.

        Raises:
          UserError: as `render`, before anything is rendered; or ``samples`` below 1.
        """
        if samples is not None and samples < 1:
            raise UserError(f"samples={samples}; must be at least 1")
        span = Span(start, end)
        renderer = self.renderer(
            performance,
            vocoder=vocoder,
            vocoder_source=vocoder_source,
            config=config,
            **sampling,
        )
        reading = (None, expression, fold, None, tempo, transpose, renderer.expression)
        notes = read_score(score, span, self.spec, *reading)
        parts = renderer.stream(notes, on_step, soon=True)
        limited = map(limit_softly, parts)
        return limited if samples is None else in_blocks(limited, samples)

    def renderer(
        self,
        performance: str | None = None,
        *,
        stems: bool = False,
        practice: str | None = None,
        stereo: bool = False,
        vocoder: Vocoder | str | None = None,
        vocoder_source: str | os.PathLike[str] | None = None,
        config: SamplingConfig | None = None,
        level: LevelConfig | None = None,
        **sampling: Unpack[SamplingOptions],
    ) -> Renderer:
        """Settles everything but the score, once for any number of songs; arguments as `render`.

        Raises:
          UserError: as `render`.
        """
        return Renderer(
            self.bundle,
            self._synthesizer,
            read_cast(performance, [each.name for each in self.performances], self.bundle.default),
            sampling_config(self.spec, sampling, config),
            self._vocoder(vocoder, vocoder_source),
            stems,
            practice,
            stereo,
            level or LevelConfig(),
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
