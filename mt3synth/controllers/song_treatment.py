"""From a song's controllers to what is done to the sound of which of its notes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mt3synth.controllers.treatment import Treatment
from mt3synth.symbolic.midi import ControllerCurves, Curve, MidiSong
from mt3synth.symbolic.midi.findings import Findings
from mt3synth.symbolic.notes import Notes
from mt3synth.types import Float, FloatND, Int

MAX_CENTS = 2400.0
"""Beyond two octaves from the key a part is rendered at, speed is all that is left of its sound."""

VIBRATO_CENTS = 50.0
"""Depth of the vibrato at the end of the modulation wheel, and again by the full pressure of the
channel's aftertouch (SoundFont 2.04, 8.4)."""

SOFT_VELOCITY = 0.8
"""Factor of the velocity of a note that is struck with the soft pedal down. General MIDI leaves it
open; TiMidity++ takes a fifth off the brightness, and to a model softer notes are darker, too."""

_SOFT_DOWN = 64
_CENTS_STEP = 5.0  # of keys tuned singly: each step is a group of notes, rendered apart
_TAIL_SECONDS = 5.0  # for which a vibrato goes on after the last note


@dataclass(frozen=True, eq=False)
class TreatedSong:
    """Holds the notes of a song that can be heard, and what is done to the sound of each.

    Attributes:
      notes: sorted; moved by whole semitones towards the pitch that they are to have.
      channel: of each note, int32 ``[n]``.
      treatments: at least one if there are notes.
      treatment: of each note, as an index of ``treatments``, int32 ``[n]``.
      reports: one line for each kind of thing that is not heard as written.
    """

    notes: Notes
    channel: Int[np.ndarray, " n"]
    treatments: tuple[Treatment, ...]
    treatment: Int[np.ndarray, " n"]
    reports: list[str]


def treat_song(song: MidiSong, scale: Float[FloatND, "128"] | None = None) -> TreatedSong:
    """Turns the controllers of a song into treatments of its notes.

    Levels are relative to the loudest of the song: where all channels have one constant volume,
    whatever it is, nothing is done. Channels whose controllers do the same share a treatment. The
    notes that volume or expression keeps silent from their beginning to their end are left out.

    Args:
      song: what was read.
      scale: of each key, cents by which it is tuned from equal temperament, NaN if it is silent;
        None takes what the song says of each note.
    """
    findings = Findings()
    if scale is not None:
        silent = ~song.notes.is_drum & np.isnan(scale[song.notes.pitch])
        findings.ignore("notes on keys that the keyboard map keeps silent", int(np.sum(silent)))
        song = _select(song, ~silent)
    levels = {channel: _level(curves) for channel, curves in song.curves.items()}
    song = _select(song, _is_audible(song, levels, findings))
    spans = {channel: _span(song, channel) for channel in song.curves}
    gains = {channel: levels[channel].within(*span) for channel, span in spans.items()}
    loudest = max((float(gain.values.max()) for gain in gains.values()), default=1.0)

    velocity, shift = song.notes.velocity.copy(), np.zeros(len(song.notes), np.int32)
    beyond: list[float] = []  # seconds at which channels leave the range of bends
    treatments: list[Treatment] = []
    numbers: dict[tuple[bytes, ...], int] = {}
    treatment = np.zeros(len(song.notes), np.int32)
    for channel, curves in song.curves.items():
        on_channel = song.channel == channel
        soft = on_channel & (curves.soft.at(song.notes.start) >= _SOFT_DOWN)
        velocity[soft] = np.maximum(np.rint(SOFT_VELOCITY * velocity[soft]), 1)
        gain = Curve(gains[channel].times, gains[channel].values / np.float32(loudest))
        span = spans[channel]
        bend = _bend(curves).within(*span)
        vibrato, pan = _vibrato(curves, *span), curves.pan.within(*span)
        beyond += bend.times[np.abs(bend.values) > MAX_CENTS][:1].tolist()
        for is_drum in (False, True):
            rows = np.flatnonzero(on_channel & (song.notes.is_drum == is_drum))
            # A drum has no pitch that another key could have: it is moved as a whole.
            rest = 0.0 if is_drum else _rest(bend, *span)
            detune = song.detune[rows] if scale is None else scale[song.notes.pitch[rows]]
            semitones, cents = _split_cents(np.zeros(len(rows)) if is_drum else detune, rest)
            shift[rows] = semitones
            wobble = Curve.constant(0.0) if is_drum else vibrato
            for value in np.unique(cents):
                one = Treatment(gain, _moved(bend, value), wobble, pan)
                number = numbers.setdefault(one.key(stereo=True), len(treatments))
                if number == len(treatments):
                    treatments.append(one)
                treatment[rows[cents == value]] = number
    if beyond:
        told = "channels with bends beyond two octaves: {} bent by two octaves, the first at "
        findings.add(f"{told}{min(beyond):.2f} s", len(beyond))
    pitch = song.notes.pitch + shift
    inside = (pitch >= 0) & (pitch <= 127)
    findings.ignore("notes that tuning moves beyond the keys", int(np.sum(~inside)))
    notes = song.notes.select(inside).replace(pitch=pitch[inside], velocity=velocity[inside])
    order = notes.order()
    return TreatedSong(
        notes.select(order),
        song.channel[inside][order],
        tuple(treatments),
        treatment[inside][order],
        sorted(song.reports + findings.lines()),
    )


def _level(curves: ControllerCurves) -> Curve:
    """Returns the amplitude by volume and expression, 1 if both are 127.

    The law is that of `ControllerCurves.level_db`.
    """
    return Curve.combined(
        lambda volume, expression: (volume * expression / 127**2) ** 2,
        curves.volume,
        curves.expression,
    )


def _bend(curves: ControllerCurves) -> Curve:
    """Returns how far a channel sounds from its keys, in cents."""
    return Curve.combined(lambda bend, tuning: 100 * (bend + tuning), curves.bend, curves.tuning)


def _vibrato(curves: ControllerCurves, first: float, last: float) -> Curve:
    """Returns the depth of the vibrato by the modulation wheel and by pressure, in cents."""
    depth = Curve.combined(
        lambda wheel, pressure: (wheel + pressure) * VIBRATO_CENTS / 127,
        curves.modulation,
        curves.pressure,
    )
    depth = depth.within(first, last)
    if not depth.values[-1]:
        return depth
    return Curve(np.append(depth.times, last + _TAIL_SECONDS), np.append(depth.values, 0))


def _is_audible(song: MidiSong, levels: dict[int, Curve], findings: Findings) -> np.ndarray:
    """Says which notes have any level at any time from beginning to end, bool ``[n]``."""
    audible = np.ones(len(song.notes), bool)
    for channel, level in levels.items():
        rows = np.flatnonzero(song.channel == channel)
        first = np.searchsorted(level.times, song.notes.start[rows], side="right") - 1
        last = np.searchsorted(level.times, song.notes.end[rows], side="left")
        loud = np.append(0, np.cumsum(level.values > 0))
        audible[rows] = loud[np.maximum(last, first + 1)] > loud[first]
    findings.add(
        "notes that volume or expression keeps silent: {} not rendered", int(np.sum(~audible))
    )
    return audible


def _select(song: MidiSong, rows: np.ndarray) -> MidiSong:
    channel = song.channel[rows]
    curves = {number: song.curves[number] for number in np.unique(channel).tolist()}
    notes = song.notes.select(rows)
    return MidiSong(notes, channel, song.detune[rows], curves, song.reports, song.beside)


def _span(song: MidiSong, channel: int) -> tuple[float, float]:
    """Returns when the first note of a channel begins and the last one ends.

    What controllers do before and after cannot be heard, and must not split a song into parts.
    """
    notes = song.notes.select(song.channel == channel)
    return float(notes.start.min()), notes.end_time


def _rest(bend: Curve, first: float, last: float) -> float:
    """Returns the value of a curve that half of the time is above and half of the time below it."""
    seconds = np.diff(np.append(np.maximum(bend.times, first), last))
    order = np.argsort(bend.values)
    passed = np.cumsum(seconds[order])
    return float(bend.values[order][np.searchsorted(passed, passed[-1] / 2)])


def _split_cents(detune: FloatND, rest: float) -> tuple[Int[np.ndarray, " n"], FloatND]:
    """Splits the pitch of notes into semitones, which the model plays, and what is left in cents.

    Args:
      detune: of each note, in cents.
      rest: where the bend of their channel is at rest, in cents; a part whose wheel is hardly
        touched keeps its keys, and one that is tuned lower gets lower keys.

    Returns:
      Semitones of each note, and the cents that are added to the bend for it.
    """
    semitones = np.rint((detune + rest) / 100).astype(np.int32)
    cents = detune - 100 * semitones
    # A bend alone is exact; the keys of a scale are rounded, so that there are few groups of notes.
    return semitones, np.where(detune, np.rint(cents / _CENTS_STEP) * _CENTS_STEP, cents)


def _moved(bend: Curve, cents: float) -> Curve:
    values = np.clip(bend.values + cents, -MAX_CENTS, MAX_CENTS)
    return Curve(bend.times, np.asarray(values, np.float32))
