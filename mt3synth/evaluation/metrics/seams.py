"""Whether the places where windows of a rendering meet can be told from any other place.

Two measures of how much sound changes from one frame to the next: spectral flux, the sum of what
rises in the magnitude spectrum (Dixon, "Onset Detection Revisited", DAFx 2006, equation 3), of the
audio at unit root mean square; and the log-mel jump, the mean absolute change of the mel bins in
nats. Music changes everywhere: each is taken at the joins and at random places of the same audio.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from mt3synth.audio.mel import MelSpec, log_mel
from mt3synth.types import FloatND

PLACES = 8
"""Random places for each join."""

_NEAR_S = 0.04  # frames overlap, and a cut shows in those around it
_NATS_BELOW_PEAK = 60 * np.log(10) / 20


@dataclass(frozen=True)
class Joins:
    """Where windows meet.

    Attributes:
      hop: seconds from the start of one window to the start of the next.
      overlap: seconds shared by neighbours, over which they are blended.

    Raises:
      ValueError: a hop that is not positive, or an overlap outside 0..hop.
    """

    hop: float
    overlap: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.hop < np.inf:
            raise ValueError(f"hop={self.hop:g} s between windows; must be above 0")
        if not 0 <= self.overlap <= self.hop:
            raise ValueError(f"overlap={self.overlap:g} s; must be between 0 and the hop")

    @property
    def reach(self) -> float:
        """Seconds on each side of a join within which it may be heard."""
        return self.overlap / 2 + _NEAR_S

    def times(self, seconds: float) -> Float[np.ndarray, " joins"]:
        """The middle of each blend in audio of so many seconds, none cut off by its end."""
        middles = np.arange(1, int(seconds / self.hop) + 2) * self.hop + self.overlap / 2
        return middles[middles + self.reach < seconds]


@dataclass(frozen=True, eq=False)
class Changes:
    """The largest change near each place.

    Attributes:
      flux: spectral flux at the joins, and at the random places.
      jump: log-mel jump, likewise.
    """

    flux: tuple[Float[np.ndarray, " joins"], Float[np.ndarray, " places"]]
    jump: tuple[Float[np.ndarray, " joins"], Float[np.ndarray, " places"]]


def changes(audio: FloatND, spec: MelSpec, joins: Joins, seed: int) -> Changes | None:
    """Changes at the joins and at `PLACES` random places for each; None where nothing is joined.

    Args:
      audio: ``[S]`` at the sample rate of ``spec``.
      spec: of the mel frames.
      joins: where windows meet.
      seed: of the places.
    """
    seconds = len(audio) / spec.sample_rate
    times = joins.times(seconds)
    places = random_places(joins, seconds, PLACES * len(times), seed)
    if not len(times) or not len(places):
        return None
    mel = np.asarray(log_mel(audio, spec), np.float64)
    mel = np.maximum(mel, mel.max() - _NATS_BELOW_PEAK)  # or silence would jump the most
    jump = np.mean(np.abs(np.diff(mel, axis=0)), axis=1)
    flux = spectral_flux(audio, spec)
    return Changes(
        flux=(_near(flux, times, joins, spec), _near(flux, places, joins, spec)),
        jump=(_near(jump, times, joins, spec), _near(jump, places, joins, spec)),
    )


def random_places(
    joins: Joins, seconds: float, count: int, seed: int
) -> Float[np.ndarray, " places"]:
    """Times drawn evenly from where no join is heard; none if there is no such time."""
    times, reach = joins.times(seconds), joins.reach
    # As long as a join's neighbourhood, and neither at the joins nor at the audio's two ends.
    step = reach / 4
    grid = np.arange(reach, seconds - reach - step, step)
    if len(times) and len(grid):
        ends = np.concatenate([[-np.inf], (times[1:] + times[:-1]) / 2])
        nearest = times[np.searchsorted(ends, grid) - 1]  # an hour has too many pairs to hold
        grid = grid[np.abs(grid - nearest) >= 2 * reach]
    if not len(grid):
        return np.zeros(0)
    rng = np.random.default_rng(seed)
    return rng.choice(grid, count) + rng.uniform(0, step, count)


def spectral_flux(audio: FloatND, spec: MelSpec) -> Float[np.ndarray, " changes"]:
    """What rises in the magnitude spectrum from each frame to the next, summed over its bins."""
    power = float(np.mean(np.square(audio, dtype=np.float64))) if len(audio) else 0.0
    scale = 1 / np.sqrt(power) if power else 0.0
    window = np.hanning(spec.window)
    flux, last = [], None
    for start in range(0, len(audio), spec.hop):
        frame = audio[start : start + spec.window]
        magnitude = np.abs(np.fft.rfft(frame * window[: len(frame)], n=spec.fft)) * scale
        if last is not None:
            flux.append(float(np.sum(np.maximum(magnitude - last, 0))))
        last = magnitude
    return np.array(flux)


def exceedance(joins: FloatND, places: FloatND) -> float:
    """How probably a join's value is above a random place's; 0.5 means they cannot be told apart.

    The Mann-Whitney statistic over the product of the two counts, ties counted half.

    Raises:
      ValueError: no join or no place.
    """
    if not len(joins) or not len(places):
        raise ValueError(f"{len(joins)} joins and {len(places)} places; must be at least 1 each")
    ordered = np.sort(places)
    below = np.searchsorted(ordered, joins, "left") + np.searchsorted(ordered, joins, "right")
    return float(np.mean(below) / (2 * len(places)))


def _near(
    values: np.ndarray, times: np.ndarray, joins: Joins, spec: MelSpec
) -> Float[np.ndarray, " places"]:
    """The largest of the changes between frames that lie within the joins' reach of each time."""
    # Change i is between frames i and i + 1, whose windows' middle is at (i + 0.5) hops and a half.
    middle = (np.arange(len(values)) + 0.5) * spec.hop + spec.window / 2
    at = middle / spec.sample_rate
    first = np.searchsorted(at, times - joins.reach).clip(0, len(values) - 1)
    last = np.searchsorted(at, times + joins.reach).clip(first + 1, len(values))
    return np.array([values[a:b].max() for a, b in zip(first, last)])
