"""What is done to the sound of some notes of a song that a model rendered by themselves.

A model that was trained on notes alone knows neither volume nor bends, so they are applied to what
it renders. The laws are those of General MIDI 2 and of FluidSynth.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields

import numpy as np

from mt3synth.audio.varispeed import Varispeed
from mt3synth.symbolic.midi import Curve
from mt3synth.symbolic.notes import Notes
from mt3synth.types import Float, FloatND

VIBRATO_HZ = 5.5
"""General MIDI leaves it open; between 5 and 7 Hz is how singers and strings do it (Seashore 1938).
"""
# Values of controllers are steps. Over so many seconds each becomes a ramp, which nobody hears as
# one, where a step of the level would click.
_RAMP_SECONDS = 0.005
_PITCH_SECONDS = 0.001
_MOST_POINTS = 10_000_000  # of a curve of pitch, a few copies of which fit a small machine


@dataclass(frozen=True, eq=False)
class Treatment:
    """Says what is done to the sound of some notes.

        treatment = Treatment(gain=Curve.constant(0.5))
        audio = treatment.apply(render(treatment.lay_out(notes)), 16000, stereo=False)

    Attributes:
      gain: factor of the amplitude, at least 0.
      cents: by which the pitch is moved.
      vibrato: depth of a vibrato, in cents to either side; must end at 0, as it goes on for ever
        otherwise.
      pan: as CC10 has it: 0 left, 64 middle, 127 right.
    """

    gain: Curve = field(default_factory=lambda: Curve.constant(1.0))
    cents: Curve = field(default_factory=lambda: Curve.constant(0.0))
    vibrato: Curve = field(default_factory=lambda: Curve.constant(0.0))
    pan: Curve = field(default_factory=lambda: Curve.constant(64.0))

    @property
    def moves_level(self) -> bool:
        """Says whether the level is not that of the model throughout."""
        return bool(np.any(self.gain.values != 1))

    @property
    def moves_pitch(self) -> bool:
        """Says whether the pitch is not that of the keys throughout."""
        return bool(np.any(self.cents.values) or np.any(self.vibrato.values))

    def is_plain(self, stereo: bool) -> bool:
        """Says whether nothing is done; in stereo a part in the middle is on both sides alike."""
        placed = stereo and bool(np.any(self.pan.values != 64))
        return not (self.moves_level or self.moves_pitch or placed)

    def key(self, stereo: bool) -> tuple[bytes, ...]:
        """Returns what two treatments have in common exactly if they sound the same."""
        curves = [self.gain, self.cents, self.vibrato, *([self.pan] if stereo else [])]
        return tuple(part.tobytes() for curve in curves for part in (curve.times, curve.values))

    def shifted(self, seconds: float) -> Treatment:
        """Moves all curves later by ``seconds`` (earlier if negative)."""
        return self._moved(lambda curve: curve.shifted(seconds))

    def stretched(self, factor: float) -> Treatment:
        """Multiplies the times of all curves by ``factor``."""
        return self._moved(lambda curve: Curve(factor * curve.times, curve.values))

    def _moved(self, move: Callable[[Curve], Curve]) -> Treatment:
        return Treatment(**{each.name: move(getattr(self, each.name)) for each in fields(self)})

    def lay_out(self, notes: Notes) -> Notes:
        """Moves notes to where `apply` will find them, and bring them back from."""
        if not self.moves_pitch:
            return notes
        varispeed = self._varispeed()
        start, end = (varispeed.source_seconds(times) for times in (notes.start, notes.end))
        return notes.replace(start=start, end=end)

    def source_seconds(self, seconds: FloatND | float) -> FloatND:
        """Tells which moment of a sound `apply` brings to each moment of the result."""
        return np.asarray(
            self._varispeed().source_seconds(seconds) if self.moves_pitch else seconds
        )

    def apply(self, audio: Float[FloatND, " S"], sample_rate: int, stereo: bool) -> FloatND:
        """Gives a sound its pitch, its level and, in stereo, its place.

        Args:
          audio: what the model made of the notes, as `lay_out` had them.
          sample_rate: samples per second.
          stereo: whether the result has two channels.

        Returns:
          Samples ``[R]`` or, in stereo, ``[R, 2]``.
        """
        if self.moves_pitch:
            audio = self._varispeed().play(audio, sample_rate)
        if self.moves_level:
            audio = audio * _sampled(self.gain, len(audio), sample_rate)
        if not stereo:
            return audio
        sides = pan_gains(_sampled(self.pan, len(audio), sample_rate))
        return np.asarray(audio[:, None] * sides, np.float32)

    def level_only(self) -> Treatment:
        """Leaves only what can be done to a sound while it is made: its level."""
        return Treatment(gain=self.gain)

    def apply_level(self, parts: Iterable[FloatND], sample_rate: int) -> Iterator[FloatND]:
        """Gives a sound its level while it is made, in parts of any length; else as `apply`."""
        first = 0
        for part in parts:
            yield part * _sampled(self.gain, len(part), sample_rate, first)
            first += len(part)

    # Not kept: of a bend late in a song of hours it is hundreds of megabytes, and a song may have a
    # hundred treatments.
    def _varispeed(self) -> Varispeed:
        last = max(self.cents.times[-1], self.vibrato.times[-1])
        step = max(_PITCH_SECONDS, last / _MOST_POINTS)
        grid = step * np.arange(int(last / step) + 2)
        cents = self.cents.at(grid) + self.vibrato.at(grid) * np.sin(2 * np.pi * VIBRATO_HZ * grid)
        return Varispeed(cents / 100, step)


def pan_gains(values: Float[FloatND, " S"]) -> Float[FloatND, "S 2"]:
    """Returns the gains of the left and the right side for values of CC10.

    The power of both together is the same for every place (MIDI Association, RP-036). In the middle
    both are 1.
    """
    angle = np.pi / 2 * np.maximum(values - 1, 0) / 126
    return np.asarray(np.sqrt(2) * np.stack([np.cos(angle), np.sin(angle)], -1), np.float32)


def describe_treatments(treatments: Sequence[Treatment], stereo: bool) -> list[str]:
    """Says what is done to the sound of groups of notes beyond what the model makes of them."""
    lines = []
    for what, moved in (
        ("volume and expression", [each.moves_level for each in treatments]),
        ("bends, tunings and modulation", [each.moves_pitch for each in treatments]),
    ):
        groups = f" of {sum(moved)} of {len(moved)} groups of notes, which are rendered one by one"
        if any(moved):
            lines.append(f"{what}: applied to the sound{groups if len(moved) > 1 else ''}")
    if not stereo and any(np.any(each.pan.values != 64) for each in treatments):
        lines.append("controller 10 (pan): heard in stereo only")
    return lines


def _sampled(curve: Curve, samples: int, sample_rate: int, first: int = 0) -> Float[FloatND, " S"]:
    """Samples a curve from a sample on, its steps made ramps."""
    if curve.is_constant:
        return np.full(samples, curve.values[0], np.float32)
    begin, end = (int(at / sample_rate / _RAMP_SECONDS) for at in (first, first + samples))
    grid = _RAMP_SECONDS * np.arange(begin, end + 2)
    at = (first + np.arange(samples)) / sample_rate
    return np.interp(at, grid, curve.at(grid)).astype(np.float32)
