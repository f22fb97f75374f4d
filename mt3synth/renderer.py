"""Renders scores with settings that were made once: frames, then sound, whole or part by part."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from mt3synth import __version__
from mt3synth.audio.level import Level, LevelConfig, fit_level
from mt3synth.audio.mel import log_mel
from mt3synth.bundle import Bundle
from mt3synth.cast import Cast, Line
from mt3synth.controllers.treatment import Treatment, describe_treatments
from mt3synth.errors import UserError
from mt3synth.mix import Mix, add_sounds, add_streams, mix_parts
from mt3synth.score import Score, Span
from mt3synth.song import Song
from mt3synth.symbolic.group_seconds import group_seconds
from mt3synth.symbolic.notes import Notes
from mt3synth.synthesis import SamplingConfig, Synthesizer
from mt3synth.synthesis.options import check_seed, describe
from mt3synth.synthesis.parts import Part, check_part, part_config, split_parts
from mt3synth.synthesis.shares import Shares
from mt3synth.types import FloatND, Int
from mt3synth.vocoder import registry
from mt3synth.vocoder.protocol import Vocoder, check_spec, vocode_song, vocode_stream

OnStep = Callable[[int, int], Any]
"""Is told how many steps of a rendering are done, and how many there are in all."""

FADE_SECONDS = 1.0
"""Over which one performance gives way to the next, half of it before the time that is named."""

PRACTICE_DB = -15.0
"""Level of the part that is practised: still to be followed, and far below whoever plays it."""


class _Take(NamedTuple):
    """What is rendered by itself: notes of a part, laid out for what is done to their sound."""

    part: str
    notes: Notes
    treatment: Treatment
    shares: Shares
    config: SamplingConfig
    db: float


@dataclass(frozen=True, eq=False)
class Renderer:
    """Renders any number of songs with the same settings; `Model.renderer` makes it.

        renderer = model.renderer("tape", steps=25)
        for path in paths:
            song = renderer.render(read_score(path, Span(), model.spec))

    Attributes:
      bundle: the model.
      synthesizer: makes its frames.
      cast: whose sound the songs get.
      config: how they are sampled.
      vocoder: turns frames into audio.
      stems: whether the songs keep the sound of each of their parts.
      practice: name of a part, or of an instrument, that is mixed softly; None for none.
      stereo: whether the songs have two channels, on which parts are placed by their pan.
      level: how the sound is fitted into a file.

    Raises:
      VocoderError: the vocoder inverts other frames than the model makes.
    """

    bundle: Bundle
    synthesizer: Synthesizer
    cast: Cast
    config: SamplingConfig
    vocoder: Vocoder
    stems: bool = False
    practice: str | None = None
    stereo: bool = False
    level: LevelConfig = field(default_factory=LevelConfig)

    def __post_init__(self) -> None:
        check_spec(self.vocoder, self.bundle.spec.mel)

    @property
    def expression(self) -> float:
        """Returns how far the players of the performance that songs begin with go beyond scores."""
        shares = self.cast.others.changes[0][1].shares
        return sum(share * self.bundle.performance(name).expression for name, share in shares)

    @property
    def by_parts(self) -> bool:
        """Says whether parts are rendered one by one and summed, which they are only if need be."""
        return self.stems or self.practice is not None or bool(self.cast.parts)

    def parts(self, score: Score) -> tuple[Part, ...]:
        """Splits a score as it is rendered by parts.

        Raises:
          UserError: it has no part that is to be practised, or that is to have a sound of its own.
        """
        parts = split_parts(score.notes, self.bundle.spec.roll.groups, score.channel)
        for name in (*([] if self.practice is None else [self.practice]), *self.cast.parts):
            check_part(name, parts)
        return parts

    def render(self, score: Score, on_step: OnStep | None = None) -> Song:
        """Renders a score that was read for this model.

        Raises:
          UserError: it lacks a part that is named, or ends before its performance changes.
          VocoderError: the vocoder cannot turn the frames into audio.
        """
        takes, spec = self._takes(score), self.bundle.spec.mel
        steps = [self.synthesizer.steps(take.notes, take.config) for take in takes]
        sounds: dict[str, FloatND] = {}
        said: list[str] = []
        for number, take in enumerate(takes):
            done = on_step and _counted(on_step, sum(steps[:number]), sum(steps))
            mel = self.synthesizer.mel(take.notes, take.shares, take.config, done, said.append)
            sound = vocode_song(self.vocoder, mel)
            sound = take.treatment.apply(sound, spec.sample_rate, self.stereo)
            # Summed at once: of a long song not all groups are in memory together.
            before = [sounds[take.part]] if take.part in sounds else []
            sounds[take.part] = add_sounds([*before, np.float32(10 ** (take.db / 20)) * sound])
        reports = (*self.reports(score), *dict.fromkeys(said))
        if self.by_parts:
            (audio, stems, _), level = self._mix(sounds, self._level(score))
        else:
            # A vocoder's sound may exceed full scale, which a file would clip.
            audio, level = fit_level(sounds[""], spec.sample_rate, self._level(score))
            stems = {}
        if self.by_parts or any(not take.treatment.is_plain(self.stereo) for take in takes):
            # No model made frames of the mix, so they are those of its sound.
            mel = log_mel(audio.mean(axis=1) if self.stereo else audio, spec)
        metadata = {**self.metadata(score), **level.describe()}
        notes = score.notes if self.is_plain(score) else None
        return Song(audio, mel, spec, level.gain, reports, metadata, stems, level.reports, notes)

    def varied(self, number: int) -> Renderer:
        """Returns one that renders the same in another way; 0 is this one.

        Raises:
          UserError: a model's prior alone is rendered, which is always the same.
        """
        if not number:
            return self
        if not self.config.for_model(self.bundle.spec).steps:
            raise UserError(
                "with steps=0 this model renders the mean of all variations, which is one; give "
                "--steps 8 or more"
            )
        seed = check_seed(self.config.seed + number)
        return replace(self, config=replace(self.config, seed=seed))

    def stream(
        self, score: Score, on_step: OnStep | None = None, soon: bool = False
    ) -> Iterator[FloatND]:
        """Renders a score from left to right, and yields sound as soon as it is made.

        Memory does not grow with the song. The sound is mono float32 ``[S]`` in parts of any length
        and, other than a whole song's, of any level. Of what is done to notes' sound (`is_plain`)
        only their level is: notes of one level are rendered together, beside the others.

        Args:
          score: was read for this model.
          on_step: as for `render`.
          soon: whether the first sound is wanted early: see `StreamingVocoder`.

        Raises:
          UserError: parts are to be rendered one by one, or two channels; or the score ends before
            its performance changes.
          VocoderError: the vocoder cannot turn the frames into audio.
        """
        if self.by_parts or self.stereo:
            raise UserError(
                "a stream is of the whole song, mono; leave out stems, practice, stereo and "
                "performances of single instruments"
            )
        self.cast.check_end(score.end)
        rows = np.arange(len(score.notes))
        takes = self._takes_of("", rows, score.of_levels(), self.cast.others)
        steps = [self.synthesizer.steps(t.notes, t.config, streamed=True) for t in takes]
        made = [0] * len(takes)

        def count(number: int, done: int) -> None:
            made[number] = done
            if on_step is not None:
                on_step(sum(made), sum(steps))

        def play(number: int, take: _Take) -> Iterator[FloatND]:
            done = on_step and partial(count, number)
            pieces = self.synthesizer.stream(take.notes, take.shares, take.config, done)
            parts = vocode_stream(self.vocoder, pieces, soon)
            if not take.treatment.moves_level:
                return parts
            return take.treatment.apply_level(parts, self.bundle.spec.mel.sample_rate)

        sounds = [play(number, take) for number, take in enumerate(takes)]
        return sounds[0] if len(sounds) == 1 else add_streams(sounds)

    def samples(self, score: Score) -> int:
        """Counts the samples of a rendered score."""
        spec = self.bundle.spec.mel
        return self.synthesizer.frames(score.notes, self.config) * spec.hop

    def is_long(self, score: Score) -> bool:
        """Says whether a song is too long for its frames and sound to be held in memory."""
        return self.synthesizer.is_long(score.notes, self.config)

    def is_plain(self, score: Score) -> bool:
        """Says whether a song is rendered whole, of plain notes, and nothing done to its sound."""
        if score.notes.curves is not None:
            return False
        plain = [each.is_plain(self.stereo) for each in self._treatments(score)]
        return plain == [True] and not (self.by_parts or self.stereo)

    def reports(self, score: Score, streamed: bool = False) -> tuple[str, ...]:
        """Lists what is not rendered as written, what is applied instead, and what is a guess."""
        treatments = self._treatments(score.of_levels() if streamed else score)
        treated = describe_treatments(treatments, self.stereo)
        if streamed and any(each.moves_pitch for each in self._treatments(score)):
            treated.append("bends, tunings and modulation: not applied to a stream")
        return (*score.reports, *treated, *self._unheard(score), *self._told(score))

    def _treatments(self, score: Score) -> list[Treatment]:
        groups = score.groups(np.arange(len(score.notes)), self.stereo)
        return [group.treatment for group in groups]

    def _takes(self, score: Score) -> list[_Take]:
        """Lists what is rendered by itself: of the song, or of each part, its groups of notes."""
        self.cast.check_end(score.end)
        if not self.by_parts:
            return self._takes_of("", np.arange(len(score.notes)), score, self.cast.others)
        takes = []
        for part in self.parts(score):
            soft = self.practice is not None and part.is_called(self.practice)
            line = self.cast.line(part.name, part.instrument)
            takes += self._takes_of(part.name, part.rows, score, line, PRACTICE_DB if soft else 0.0)
        return takes

    def _takes_of(
        self, part: str, rows: Int[np.ndarray, " r"], score: Score, line: Line, db: float = 0.0
    ) -> list[_Take]:
        takes = []
        for number, (notes, treatment) in enumerate(score.groups(rows, self.stereo), 1):
            # Groups are told apart as parts are; the first is what there is where nothing is done.
            name = f"{part} {number}" if number > 1 else part
            config = part_config(self.config, name) if name else self.config
            shares = self._shares(line, score, treatment)
            takes.append(_Take(part, treatment.lay_out(notes), treatment, shares, config, db))
        return takes

    def shares(self, score: Score) -> Shares:
        """Says whose sound the frames of a score get that is rendered whole.

        Raises:
          UserError: it ends before its performance changes.
        """
        self.cast.check_end(score.end)
        return self._shares(self.cast.others, score, Treatment())

    def _shares(self, line: Line, score: Score, treatment: Treatment) -> Shares:
        """Says whose sound the frames of some notes get, as they are laid out for a treatment."""
        rate = self.bundle.spec.mel.frame_rate
        changes = []
        for time, blend in line.changes:
            # What began before the span of the song is what it begins with.
            at = time - score.span.start
            seconds = float(treatment.source_seconds(at)) if at > 0 else at
            shares = {self.bundle.performance(name).index: share for name, share in blend.shares}
            changes.append((seconds * rate, shares))
        return Shares(tuple(changes), FADE_SECONDS * rate)

    def _mix(self, sounds: dict[str, FloatND], asked: LevelConfig) -> tuple[Mix, Level]:
        """Sums the sounds of parts, which all get the gain that their sum needs."""
        whole = mix_parts(sounds)
        made = whole.audio / np.float32(whole.gain)
        _, level = fit_level(made, self.bundle.spec.mel.sample_rate, asked)
        if level.gain == 1:
            return whole, replace(level, gain=whole.gain)
        mix = mix_parts({name: np.float32(level.gain) * sound for name, sound in sounds.items()})
        return mix, replace(level, gain=level.gain * mix.gain)

    def _level(self, score: Score) -> LevelConfig:
        # Parts add up only if all of them get one gain, which a limiter does not give them; and of
        # a song that is written while it is made, only its highest peak is known at the end.
        written = self.is_long(score) and self.level.loudness is None
        return replace(self.level, peaks="scale") if self.by_parts or written else self.level

    def _unheard(self, score: Score) -> tuple[str, ...]:
        """Names the instruments of a score that the model never heard in their performance."""
        roll, begin = self.bundle.spec.roll, score.span.start
        unheard: dict[str, dict[str, None]] = {}
        for notes, line in self._lines(score):
            for start, end, name in line.spells():
                within = notes.select(notes.within(start - begin, end - begin))
                playing = group_seconds(within, roll.groups, roll.drum_seconds)
                for instrument in self.bundle.performance(name).unheard(playing):
                    unheard.setdefault(name, {})[instrument] = None
        return tuple(
            f"instruments never heard in performance {name!r}, whose sound there is a guess: "
            f"{', '.join(instruments)}"
            for name, instruments in unheard.items()
        )

    def _told(self, score: Score) -> tuple[str, ...]:
        """Says that a score is rendered by parts, which does not sound like players in one room."""
        if not self.by_parts:
            return ()
        names = [part.name for part in self.parts(score)]
        return (f"{len(names)} parts rendered one by one and summed: {', '.join(names)}",)

    def _lines(self, score: Score) -> list[tuple[Notes, Line]]:
        """Lists notes of a score, and whose sound they get."""
        if not self.cast.parts:
            return [(score.notes, self.cast.others)]
        return [
            (part.notes, self.cast.line(part.name, part.instrument)) for part in self.parts(score)
        ]

    def metadata(self, score: Score) -> dict[str, str]:
        """Returns everything that the sound of a score depends on, by name.

        A rendered song's metadata also have what was done to its level.
        """
        span = {} if score.span == Span() else vars(score.span)
        # A name that is not UTF-8 cannot go into the file's comment as it is.
        name = os.fsencode(score.name).decode(errors="replace")
        return {
            "software": f"mt3synth {__version__}",
            "origin": "rendered by a neural model",
            "bundle": self.bundle.hash,
            "performance": str(self.cast),
            **({"score": name} if name else {}),
            **({"expression": str(float(score.expression))} if score.expression else {}),
            **({"parts": "one by one"} if self.by_parts else {}),
            **({"practice": self.practice} if self.practice is not None else {}),
            **({"channels": "2"} if self.stereo else {}),
            **({"tuning": score.tuning} if score.tuning else {}),
            **({"keyboard map": score.keyboard_map} if score.keyboard_map else {}),
            **{bound: str(float(value)) for bound, value in span.items()},
            **({"fold": "octaves"} if score.folded else {}),
            **({"tempo": str(float(score.tempo))} if score.tempo != 1 else {}),
            **({"transpose": str(score.transpose)} if score.transpose else {}),
            **describe(self.synthesizer.settle(score.notes, self.config), self.bundle.spec),
            **registry.describe(self.vocoder),
            **self._level(score).describe(),
        }


def _counted(on_step: OnStep, before: int, steps: int) -> Callable[[int], Any]:
    """Reports the steps of one part after those of the parts before it."""
    return lambda number: on_step(before + number, steps)
