"""What the page does for visitors: renders, streams, compares, lets performances be heard."""

from __future__ import annotations

import math
import threading
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from mt3synth.again import earlier_of, render_again
from mt3synth.audio.playback import limit_softly, to_pcm, wav_header
from mt3synth.demo.following import Tell
from mt3synth.demo.pictures import draw_mel
from mt3synth.demo.piece import MAX_SECONDS, Piece, plain_name, read_example
from mt3synth.demo.rooms import Rooms, discard
from mt3synth.errors import UserError, explain_memory
from mt3synth.model import Model
from mt3synth.model_spec import ModelSpec
from mt3synth.renderer import OnStep, Renderer
from mt3synth.reporting.clips import cut, mp3
from mt3synth.score import FASTEST, SLOWEST, Score, Span
from mt3synth.song import Song
from mt3synth.vocoder.neural import NeuralVocoder

MAX_STEPS = 50
"""Of the diffusion; more would keep others waiting for what nobody hears."""

COMPARED_SECONDS = 30.0
"""The longest stretch of which two performances are compared."""

_SAMPLE, _SAMPLE_SECONDS = "The plainest of tunes", 5.0


@dataclass(frozen=True)
class Wish:
    """Says how a visitor wants a song.

    Attributes:
      performance: name of the one whose sound it gets, or an expression (docs/controls.md).
      steps: of the diffusion; 0 renders the prior alone, if the model has one.
      seed: of the random numbers.
      start, end: seconds as the song is written between which it is rendered.
      expression: how far players go beyond a score in notation.
      stems: whether parts are rendered one by one.
      tempo: how many times as fast as written it is played.
      transpose: semitones by which all but drums are moved.

    Raises:
      UserError: more steps than the page offers, no stretch of time, or no such tempo.
    """

    performance: str
    steps: int
    seed: int = 0
    start: float = 0.0
    end: float = math.inf
    expression: float = 0.0
    stems: bool = False
    tempo: float = 1.0
    transpose: int = 0

    def __post_init__(self) -> None:
        if self.steps > MAX_STEPS:
            raise UserError(f"{self.steps} steps; at most {MAX_STEPS} here")
        if not SLOWEST <= self.tempo <= FASTEST:
            raise UserError(f"tempo={self.tempo}; must be within {SLOWEST:g}..{FASTEST:g}")
        Span(self.start, self.end)

    def read(self, piece: Piece, spec: ModelSpec) -> Score:
        """Reads the part of a song that is wanted, as it is to be played.

        Raises:
          UserError: there is nothing to render in it, or it would be played for too long.
        """
        heard = (min(self.end, piece.seconds) - self.start) / self.tempo
        if heard > MAX_SECONDS:
            raise UserError(
                f"{piece.name}: would play for {heard / 60:.0f} minutes at this tempo; at most "
                f"{MAX_SECONDS / 60:g} here"
            )
        whole = self.start == 0 and self.end >= piece.seconds
        # Spans are of the song as it is heard.
        span = Span() if whole else Span(self.start / self.tempo, self.end / self.tempo)
        playing = {"expression": self.expression, "tempo": self.tempo, "transpose": self.transpose}
        return piece.read(span, spec, **playing)


@dataclass(frozen=True)
class Rendered:
    """Names what was made of a song.

    Attributes:
      wav: the sound, for a player.
      files: all files to be fetched, by what they are.
      mel: a PNG of the mel frames with the notes over them.
      reports: one line for each kind of thing that was not rendered as written.
      seconds: how long it plays.
      song: the sound itself.
      wish: how it was wanted.
    """

    wav: Path
    files: Mapping[str, Path]
    mel: bytes
    reports: tuple[str, ...]
    seconds: float
    song: Song
    wish: Wish


class Studio:
    """Renders what visitors ask for with one model.

        studio = Studio(mt3synth.load(), Rooms(folder))
        rendered = studio.render(piece, Wish("tape", steps=0), tell)

    Args:
      model: by which.
      rooms: where files go.
    """

    def __init__(self, model: Model, rooms: Rooms) -> None:
        self.model = model
        self.rooms = rooms
        self._samples: dict[str, bytes] = {}
        self._sampling = threading.Lock()

    @property
    def default_steps(self) -> int:
        """Returns the steps that the model names."""
        return self.model.renderer().config.for_model(self.model.spec).steps

    @property
    def least_steps(self) -> int:
        """Returns the fewest steps that the model can render with."""
        return 0 if self.model.spec.has_prior else 1

    def render(self, piece: Piece, wish: Wish, tell: Tell) -> Rendered:
        """Renders a song to the samples that `mt3synth synthesize` gives, and writes all files.

        Raises:
          UserError: there is nothing to render, or an option is out of its bounds.
        """
        with explain_memory(f"{piece.name}: "):
            tell("Reading the score", None)
            score = wish.read(piece, self.model.spec)
            song = self._renderer(wish, tell).render(score, _tell_steps(tell))
            tell("Writing the files", None)
            stem = plain_name(f"{piece.stem}.{wish.performance}.wav").removesuffix(".wav")
            return self._write(song, score, stem, wish)

    def again(self, piece: Piece, wish: Wish, earlier: Rendered, tell: Tell) -> Rendered:
        """Renders one stretch of a song again, and leaves every sample outside of it as it was.

        Args:
          piece: the song.
          wish: from where to where, in whose sound, with which seed and steps.
          earlier: the whole song, by `render` or by this.
          tell: is told what is being done.

        Raises:
          UserError: what was rendered is not the whole song, or not one sound that can be cut.
        """
        before = earlier.wish
        if before.start > 0 or before.end < piece.seconds:
            raise UserError("render the whole song first, and then a stretch of it again")
        with explain_memory(f"{piece.name}: "):
            tell("Reading the score", None)
            # Whatever is asked for now, the song around the stretch is played as it was.
            score = before.read(piece, self.model.spec)
            region = (wish.start / before.tempo, min(wish.end, piece.seconds) / before.tempo)
            renderer = self._renderer(replace(wish, stems=False), tell)
            taken = earlier_of(earlier.song)
            song = render_again(renderer, score, taken, region, _tell_steps(tell))
            tell("Writing the files", None)
            return self._write(song, score, earlier.wav.stem, before)

    def compare(
        self, piece: Piece, wishes: tuple[Wish, Wish], tell: Tell
    ) -> tuple[Rendered, Rendered]:
        """Renders one stretch of a song twice.

        Raises:
          UserError: as `render`, or the stretch is too long.
        """
        for wish in wishes:
            if (wish.end - wish.start) / wish.tempo > COMPARED_SECONDS:
                raise UserError(f"compare at most {COMPARED_SECONDS:g} s of a song at once")
        first, second = (
            self.render(piece, wish, partial(_prefixed, tell, f"{wish.performance}: "))
            for wish in wishes
        )
        return first, second

    def stream(self, piece: Piece, wish: Wish) -> Iterator[tuple[bytes, float]]:
        """Renders a song from left to right.

        Yields:
          WAV files of consecutive stretches, as they are made, and the seconds made so far.

        Raises:
          UserError: as `render`.
        """
        score = wish.read(piece, self.model.spec)
        rate, made = self.model.spec.mel.sample_rate, 0
        for part in self._renderer(replace(wish, stems=False)).stream(score, soon=True):
            made += len(part)
            yield wav_header(len(part), rate) + to_pcm(limit_softly(part)), made / rate

    def sample(self, performance: str) -> Path:
        """Returns an MP3 of a few seconds in a performance, which is rendered once.

        Raises:
          UserError: there is no such performance.
        """
        name = self.model.bundle.performance(performance).name
        with self._sampling:
            if name not in self._samples:
                score = read_example(_SAMPLE, self.model.spec).score
                song = self.model.renderer(name).render(score)
                part = cut(song.audio, song.sample_rate, 0.0, _SAMPLE_SECONDS)
                self._samples[name] = mp3(part, song.sample_rate)
        path = self.rooms.new() / f"{name}.mp3"
        path.write_bytes(self._samples[name])
        return path

    def _renderer(self, wish: Wish, tell: Tell | None = None) -> Renderer:
        renderer = self.model.renderer(
            wish.performance, steps=wish.steps, seed=wish.seed, stems=wish.stems
        )
        vocoder = renderer.vocoder
        if tell is None or not isinstance(vocoder, NeuralVocoder):
            return renderer
        told = replace(vocoder, on_block=lambda done: tell("Making sound of the frames", done))
        return replace(renderer, vocoder=told)

    def _write(self, song: Song, score: Score, stem: str, wish: Wish) -> Rendered:
        room = self.rooms.new()
        try:
            files = {"WAV": room / f"{stem}.wav", "FLAC": room / f"{stem}.flac"}
            for path in files.values():
                song.write(path)
            if song.stems:
                files["Stems"] = _zip_stems(song, room / f"{stem}.stems.zip")
            mel = draw_mel(song.mel, song.mel_spec, score.notes)
        except BaseException:
            discard(room)
            raise
        reports = (*song.reports, *song.level_reports)
        return Rendered(files["WAV"], files, mel, reports, song.seconds, song, wish)


def _zip_stems(song: Song, path: Path) -> Path:
    """Packs the sound of each part into one file."""
    unpacked = path.with_suffix("")
    unpacked.mkdir()
    song.write_stems(unpacked / f"{path.name.removesuffix('.stems.zip')}.wav")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for each in sorted(unpacked.iterdir()):
            packed.write(each, each.name)
    discard(unpacked)
    return path


def _prefixed(tell: Tell, before: str, text: str, share: float | None) -> None:
    tell(before + text[0].lower() + text[1:], share)


def _tell_steps(tell: Tell) -> OnStep:
    return lambda done, steps: tell(f"Denoising the frames: step {done} of {steps}", done / steps)
