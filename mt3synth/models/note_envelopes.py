"""Rows of notes as columns, and the envelopes over time that each of them is played with."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from mt3synth.types import Array, Float

KEYS = 128

DECAYS = (2.0, 6.0, 18.0, 54.0)
"""Time constants, in frames, of what dies away while a key is held: from the click of a hammer to
the last of a low piano string."""

RISES = (4.0, 12.0, 36.0)
"""Time constants of what builds up while a key is held, and dies away as slowly afterwards: slow
attacks, and rooms."""

RELEASES = (2.0, 6.0, 18.0, 54.0)
"""Time constants of what is left after the end of a note."""

ENVELOPES = 2 + len(DECAYS) + len(RISES) + len(RELEASES)

_WINDOW_POINTS = 8  # of a frame's window at which the weight of a knot is looked at


class KnotRows(NamedTuple):
    """What rows with curves hold beyond those of notes, each ``[B, N]``.

    Attributes:
      begin, peak, stop: of the row's hat, in frames.
      semitones: from the key that is struck.
      fine: semitones from the key whose spectrum is taken, the nearest.
      gain: factor of the amplitude.
    """

    begin: Array
    peak: Array
    stop: Array
    semitones: Array
    fine: Array
    gain: Array


class NoteRows(NamedTuple):
    """The columns of `mt3synth.symbolic.note_list`, each ``[B, N]``; knots if rows have curves."""

    onset: Array
    offset: Array
    key: Array
    velocity: Array
    instrument: Array
    knots: KnotRows | None = None

    @staticmethod
    def of(notes: Float[Array, "B N C"], drums: int | None = None) -> NoteRows:
        """Splits rows into columns; keys and instruments as whole numbers.

        Args:
          notes: rows of notes, or of their knots.
          drums: the instrument whose keys are no pitches: another key would be another drum.
        """
        onset, offset, key, velocity, instrument, *more = jnp.moveaxis(notes, -1, 0)
        who, struck = instrument.astype(jnp.int32), key.astype(jnp.int32)
        if not more:
            return NoteRows(onset, offset, struck, velocity, who)
        begin, peak, stop, semitones, gain = more
        nearest = jnp.clip(jnp.round(key + semitones), 0, KEYS - 1)
        nearest = jnp.where(who == drums, key, nearest)
        knots = KnotRows(begin, peak, stop, semitones, key + semitones - nearest, gain)
        return NoteRows(onset, offset, nearest.astype(jnp.int32), velocity, who, knots)


def onset_share(frames_since: Array, window_hops: float) -> Array:
    """How much of a tone that began so many frames ago is under a frame's window, 0 to 1.

    The tone fills the frame's Hann window from its onset on, so the share is the window's integral.
    ``frames_since`` counts from the window's centre.
    """
    # Outside the window the share is 0 or 1, and the sine, which would go on, is 0 at both bounds.
    x = jnp.clip(frames_since / window_hops + 0.5, 0, 1)
    return x - jnp.sin(2 * jnp.pi * x) / (2 * jnp.pi)


def hats(knots: KnotRows, frames: Float[Array, "B T"], window_hops: float) -> Float[Array, "B N T"]:
    """How much each knot counts over time, 0 to 1; the knots of a note add up to 1.

    That is the mean under a frame's window, by its power: a level that changes within a window
    shows in as much of it.
    """
    begin, peak, stop = (each[..., None] for each in knots[:3])
    # Divided by 1 where there is no slope, for gradients and values alike are to be finite.
    before = jnp.where(begin < peak, peak - begin, 1.0)
    after = jnp.where(peak < stop, stop - peak, 1.0)

    def at(time: Array) -> Array:
        rising = jnp.where(begin < peak, jnp.clip((time - begin) / before, 0, 1), 1.0)
        return rising * jnp.where(peak < stop, jnp.clip((stop - time) / after, 0, 1), 1.0)

    places = (np.arange(_WINDOW_POINTS) + 0.5) / _WINDOW_POINTS
    power = np.sin(np.pi * places) ** 4  # of a Hann window
    shares = zip(places.tolist(), (power / power.sum()).tolist())
    mean = sum(share * at(frames[:, None] + window_hops * place) for place, share in shares)
    # Exactly, so that a note without a curve is what it is without curves.
    return jnp.where((begin == peak) & (peak == stop), 1.0, mean)


def envelopes(
    rows: NoteRows, frames: Float[Array, "B T"], window_hops: float
) -> Float[Array, "B N K T"]:
    """What each note's parts are multiplied with over time; zero where a row holds no note.

    The order is: attack, held tone, `DECAYS`, `RISES`, `RELEASES`.
    """
    # A frame's window starts where the frame does.
    centre = frames[:, None] + window_hops / 2
    since = centre - rows.onset[..., None]
    after = centre - rows.offset[..., None]
    length = jnp.maximum(rows.offset - rows.onset, 0.0)[..., None]
    # Shares and not whole frames: an onset between two frames shows in both, so that time within a
    # frame is not lost.
    started, ended = onset_share(since, window_hops), onset_share(after, window_hops)
    # Once begun and not yet ended, where both windows count in part.
    held = started * (1 - ended)
    age, silence = jnp.maximum(since, 0.0), jnp.maximum(after, 0.0)
    # The window at the onset's place in it: what a click leaves in a frame.
    attack = 0.5 * (1 + jnp.cos(2 * jnp.pi * jnp.clip(since / window_hops, -0.5, 0.5)))
    parts = [attack, held]
    parts += [held * jnp.exp(-age / tau) for tau in DECAYS]
    for tau in RISES:
        # It stops rising when the key is let go, at the height that it has then, and rings on from
        # there: a release of its own would jump.
        rising = started * (1 - jnp.exp(-jnp.minimum(age, length) / tau))
        parts.append(rising * jnp.exp(-silence / tau))
    # At full height from the note's end on; by the note's length its spectrum says how much is
    # left.
    parts += [ended * jnp.exp(-silence / tau) for tau in RELEASES]
    # Put to zero here, so that rows without a note may hold any numbers and still add nothing.
    there = (rows.instrument >= 0)[..., None]
    return jnp.stack([jnp.where(there, part, 0.0) for part in parts], axis=-2)
