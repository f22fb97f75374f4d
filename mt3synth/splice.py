"""Puts a passage that was made anew into a sound, so that neither of its ends is heard.

Outside the passage every sample stays what it was. Near both of its ends old and new are faded into
each other: quickly, for as long as that lasts two sounds of different phases beat, and where within
the first 0.6 s it is heard least, which is measured by how much the mel frames move.

A vocoder gives the same frames other phases when it begins elsewhere, and two tones out of phase
cancel out in any fade. So partials that both sounds hold are turned to the old phase where they
meet, and come back to their own within half a second: by half a turn at most, which detunes them by
a hertz for as long. All else is left alone, for turned noise is smeared.
"""

from __future__ import annotations

import math

import numpy as np

from mt3synth.audio.mel import MelSpec, log_mel
from mt3synth.types import Float, FloatND

FADE_SECONDS = 0.02
SEARCH_SECONDS = 0.6

_TURN_SECONDS = 0.5
_WINDOW_SECONDS = 0.064  # resolves partials from 40 Hz or so on, which is as low as basses play
_HOPS = 4  # of the windows, in each of them
_LIKE, _SAME = 0.95, 0.99  # coherence from which on a partial is turned in part, and as a whole
_HEARD_NATS = 60 * math.log(10) / 20  # below the loudest: 60 dB


def splice(
    old: Float[FloatND, " S"],
    new: Float[FloatND, " N"],
    at: int,
    first: int,
    last: int,
    spec: MelSpec,
) -> Float[np.ndarray, " S"]:
    """Puts samples ``first`` to ``last`` of a new sound into an old one.

    Args:
      old: the sound; a copy is returned, in which all other samples are the same.
      new: what replaces it, and what there is before and after, sample 0 being ``at`` of ``old``.
      at: may be above ``first`` only where that is the beginning of ``old``.
      first, last: of the passage. At the beginning and the end of ``old`` nothing is faded.
      spec: says the sample rate, and by which frames it is measured what is heard.

    Returns:
      As many samples as ``old`` has; those of the passage in [-1, 1].
    """
    first, last = max(first, 0), min(last, len(old))
    made, begins, ends = np.array(old, np.float32), first > 0, last < len(old)
    passage = np.array(new[first - at : last - at], np.float32)
    room, pad = len(passage) // 2, 4 * spec.window
    if begins and room:
        one = _cut(old, first - pad, 2 * pad + room), _cut(new, first - at - pad, 2 * pad + room)
        passage[:room] = _join(*one, pad, room, spec)
    if ends and room:
        # The other end is the same backwards.
        begin, length = last - room - pad, 2 * pad + room
        other = _cut(old, begin, length)[::-1], _cut(new, begin - at, length)[::-1]
        passage[-room:] = _join(*other, pad, room, spec)[::-1]
    made[first:last] = np.clip(passage, -1, 1)
    return made


def _join(
    old: Float[FloatND, " L"], new: Float[FloatND, " L"], pad: int, room: int, spec: MelSpec
) -> Float[FloatND, " R"]:
    """Goes over from an old sound to a new one.

    Args:
      old, new: beginning ``pad`` samples before the first that may change.
      pad: samples that are only looked at, at both ends.
      room: samples that may change.
      spec: as for `splice`.

    Returns:
      The ``room`` samples.
    """
    fade = min(round(FADE_SECONDS * spec.sample_rate), room)
    search = min(round(SEARCH_SECONDS * spec.sample_rate), (room - fade) // 3)
    mels = [log_mel(each, spec) for each in (old, new)]
    floor = max(float(mel.max()) for mel in mels) - _HEARD_NATS
    theirs, ours = (_movement(mel, floor) for mel in mels)
    quietest, where = math.inf, pad
    for start in range(pad, pad + search + 1, spec.hop // 2):
        low = max(0, (start - 3 * spec.hop) // spec.hop)
        near = slice(low * spec.hop, start + fade + 3 * spec.hop)
        faded = _faded(old[near], new[near], start - near.start, fade)
        moved = _movement(log_mel(faded, spec), floor)
        free = slice(low, low + len(moved))
        heard = float(np.sum(moved - np.maximum(theirs[free], ours[free])))
        if heard < quietest:
            quietest, where = heard, start
    turn = min(round(_TURN_SECONDS * spec.sample_rate), pad + room - where - fade)
    turned = _turned(old, new, where + fade // 2, turn, spec.sample_rate)
    return _faded(old, turned, where, fade)[pad : pad + room]


def _movement(mel: Float[np.ndarray, "T M"], floor: float) -> Float[FloatND, " C"]:
    """Measures the mean absolute change of the mel bins from each frame to the next, in nats."""
    change = np.abs(np.diff(np.maximum(mel, floor), axis=0))
    return np.asarray(np.mean(change, axis=1))


def _faded(old: FloatND, new: FloatND, start: int, fade: int) -> FloatND:
    rise = np.clip((np.arange(len(old)) - start + 1) / (fade + 1), 0, 1)
    return np.asarray((1 - rise) * old + rise * new)


def _turned(
    old: FloatND, new: FloatND, where: int, reach: int, sample_rate: int
) -> Float[FloatND, " L"]:
    """Turns those partials of a new sound that an old one has, too, to the phases they have there.

    Args:
      old, new: of one length.
      where: sample at which they are to have the same phases.
      reach: samples after it within which the new one comes back to its own.
      sample_rate: samples per second.
    """
    window = _HOPS * round(_WINDOW_SECONDS * sample_rate / _HOPS)
    hop, centre = window // _HOPS, where - window // 2
    weights = np.sin(np.pi * (np.arange(window) + 0.5) / window)

    def spectrum(audio: FloatND, start: int) -> np.ndarray:
        return np.fft.rfft(weights * _cut(audio, start, window))

    def pooled(values: np.ndarray) -> np.ndarray:
        # The bins around a peak hold the same partial, and the peak knows its phase best.
        return np.convolve(values, [0.25, 1, 0.25], mode="same")

    near = [centre + hop * number for number in range(-2, 3)]
    theirs, ours = (np.array([spectrum(each, start) for start in near]) for each in (old, new))
    cross = pooled(np.sum(theirs * np.conj(ours), axis=0))
    power = pooled(np.sum(np.abs(theirs) ** 2, axis=0)) * pooled(np.sum(np.abs(ours) ** 2, axis=0))
    coherence = np.abs(cross) / np.sqrt(np.maximum(power, 1e-30))
    angle = np.angle(cross) * np.clip((coherence - _LIKE) / (_SAME - _LIKE), 0, 1)
    before, after = _HOPS, _HOPS + max(1, reach // hop)
    result = np.zeros(len(new) + 2 * window)
    for number in range(-before, after + 1):
        start = centre + hop * number
        share = min(1.0, max(0.0, 1 - (number - 1) / max(1, reach // hop)))
        place = slice(start + window, start + 2 * window)
        if place.start >= 0 and place.stop <= len(result):
            piece = np.fft.irfft(spectrum(new, start) * np.exp(1j * share * angle), window)
            result[place] += weights * piece * 2 / _HOPS
    # Where all windows overlap; what is beyond was not turned.
    low, high = max(centre - hop * before + window, 0), min(centre + hop * after, len(new))
    turned = new.copy()
    turned[low:high] = result[low + window : high + window]
    return turned


def _cut(sound: FloatND, first: int, length: int) -> FloatND:
    """Cuts out samples, with silence where there are none."""
    cut = np.zeros(length)
    low, high = max(first, 0), min(first + length, len(sound))
    if low < high:
        cut[low - first : high - first] = sound[low:high]
    return cut
