"""Puts a passage that was made anew into a sound, so that neither of its ends is heard.

Outside the passage every sample stays what it was. Within it, old and new are cross-faded at both
ends. A vocoder gives the same frames other phases when it begins elsewhere, and two tones of other
phases that are faded into each other may cancel out halfway. So the new sound's phases are turned
towards those of the old one where they meet, and come back to their own within half a second: by
half a turn at most, which detunes a partial by no more than a hertz for as long.
"""

from __future__ import annotations

import numpy as np

from mt3synth.types import Float, FloatND

FADE_SECONDS = 0.12
"""Over which one sound gives way to the other."""

_TURN_SECONDS = 0.5
_WINDOW_SECONDS = 0.064  # resolves partials from 40 Hz or so on, which is as low as basses play


def splice(
    old: Float[FloatND, " S"],
    new: Float[FloatND, " N"],
    at: int,
    first: int,
    last: int,
    sample_rate: int,
) -> Float[np.ndarray, " S"]:
    """Puts samples ``first`` to ``last`` of a new sound into an old one.

    Args:
      old: the sound; a copy is returned, in which all other samples are the same.
      new: what replaces it, and what there is before and after, sample 0 being ``at`` of ``old``.
      at: may be above ``first`` only where that is the beginning of ``old``.
      first, last: of the passage. At the beginning and the end of ``old`` nothing is faded.
      sample_rate: samples per second.
    """
    first, last = max(first, 0), min(last, len(old))
    fade = min(round(FADE_SECONDS * sample_rate), (last - first) // 2)
    new = np.array(new, np.float32)
    if first > 0:
        new = _meet(old, new, at, first + fade // 2, sample_rate, to_left=False)
    if last < len(old):
        new = _meet(old, new, at, last - fade // 2, sample_rate, to_left=True)
    made, passage = np.array(old, np.float32), new[first - at : last - at].copy()
    rise = np.arange(1, fade + 1, dtype=np.float32) / (fade + 1)
    if first > 0:
        passage[:fade] += (1 - rise) * (old[first : first + fade] - passage[:fade])
    if last < len(old):
        passage[-fade:] += rise * (old[last - fade : last] - passage[-fade:])
    made[first:last] = passage
    return made


def _meet(
    old: FloatND, new: FloatND, at: int, where: int, sample_rate: int, to_left: bool
) -> FloatND:
    """Turns the phases of a new sound to those of an old one at sample ``where`` of that.

    Args:
      old, new, at: as for `splice`.
      where: the middle of the fade.
      sample_rate: samples per second.
      to_left: on which side of it the new sound comes back to its own phases.
    """
    window = 4 * round(_WINDOW_SECONDS * sample_rate / 4)
    hop, reach = window // 4, round(_TURN_SECONDS * sample_rate)
    weights = np.sin(np.pi * (np.arange(window) + 0.5) / window)
    centre = where - window // 2
    theirs = np.fft.rfft(weights * _cut(old, centre, window))
    ours = np.fft.rfft(weights * _cut(new, centre - at, window))
    # Neighbouring bins hold the same partial, whose phase those next to its peak know best.
    cross = np.convolve(theirs * np.conj(ours), [0.25, 1, 0.25], mode="same")
    angle = np.angle(cross)
    # All of the fade is turned alike, and beyond it less and less.
    starts = np.arange(centre - at - reach - window, centre - at + reach + window + 1, hop)
    beyond = (centre - at - starts if to_left else starts - (centre - at)) - window
    turn = np.clip(1 - np.maximum(beyond, 0) / reach, 0, 1)
    turned = np.zeros(len(starts) * hop + window)
    norm = np.zeros(len(turned))
    for number, (start, share) in enumerate(zip(starts, turn)):
        spectrum = np.fft.rfft(weights * _cut(new, start, window)) * np.exp(1j * share * angle)
        place = slice(number * hop, number * hop + window)
        turned[place] += weights * np.fft.irfft(spectrum, window)
        norm[place] += weights**2
    # Where all windows overlap, those that were not turned give the sound itself.
    low, high = int(starts[0]) + window, int(starts[-1])
    low, high = max(low, 0), min(high, len(new))
    inside = slice(low - int(starts[0]), high - int(starts[0]))
    result = new.copy()
    result[low:high] = turned[inside] / norm[inside]
    return result


def _cut(sound: FloatND, first: int, length: int) -> FloatND:
    """Cuts out samples, with silence where there are none."""
    cut = np.zeros(length)
    low, high = max(first, 0), min(first + length, len(sound))
    if low < high:
        cut[low - first : high - first] = sound[low:high]
    return cut
