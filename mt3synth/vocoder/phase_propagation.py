"""Carries phases from frame to frame, where a network may set them anew in any frame.

A network that sees mel frames alone cannot hold a tone: frames that are all alike would get phases
that are all alike, and overlapping them gives a tone only where its period divides the hop. So
phases have a memory here. Every spectral peak rings on as a sinusoid does, its neighbours locked to
it (`spsi`), and to that the network adds proposals of its own, by whose length it says
how much they count.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp

from mt3synth.types import Array, Float
from mt3synth.vocoder.spsi import peak_frequencies

_TINY = 1e-4  # so that two phases that cancel each other out leave a bounded gradient


def propagate_phases(
    level: Float[Array, "B T F"],
    proposal: Float[Array, "B T 2 F"],
    before: Float[Array, "B 2 F"],
    hop: int,
    fft: int,
) -> tuple[Float[Array, "B T 2 F"], Float[Array, "B 2 F"]]:
    """Propagates the phases at the middle of each frame to the next, as cosines and sines.

    With u the phases of a frame as points of the unit circle and v a peak's advance in radians,
    u[t, k] = unit(exp(i v[t, k]) u[t - 1, peak(t, k)] + proposal[t, k]).

    Points of the circle rather than angles: adding a proposal and going back to the circle has a
    gradient everywhere, and no jump at 2 pi.

    Args:
      level: natural log of the magnitudes; their peaks ring.
      proposal: real and imaginary part of what is added; without it phases only ring on.
      before: the phases of the frame before the first.
      hop: samples from frame to frame.
      fft: samples of the transform whose bins these are.

    Returns:
      The phases of all frames, and those of the last one, for the frames after them.
    """
    batch, frames, bins = level.shape
    # Peaks depend on the magnitudes alone, so they are found for all frames at once and only the
    # turning is left to the scan.
    nearest, frequency = peak_frequencies(jnp.exp(level).reshape(-1, bins))
    advance = (2 * jnp.pi * hop / fft) * frequency
    turn = jnp.stack([jnp.cos(advance), jnp.sin(advance)], axis=1)

    def in_time(values: Array) -> Array:
        return jnp.moveaxis(values.reshape(batch, frames, *values.shape[1:]), 1, 0)

    def step(unit: Array, frame: tuple[Array, Array, Array]) -> tuple[Array, Array]:
        peak, turn, added = frame
        # Neighbours take their peak's phase as it was: locked to it, they add up to one tone.
        at_peak = jnp.take_along_axis(unit, peak[:, None], axis=2)
        cosine, sine = at_peak[:, 0], at_peak[:, 1]
        turned = jnp.stack(
            [cosine * turn[:, 0] - sine * turn[:, 1], cosine * turn[:, 1] + sine * turn[:, 0]],
            axis=1,
        )
        point = turned + added
        # Back to the circle; the root's argument is kept from zero, where its slope is infinite.
        unit = point * jax.lax.rsqrt(jnp.sum(point**2, axis=1, keepdims=True) + _TINY)
        return unit, unit

    steps = in_time(nearest), in_time(turn), jnp.moveaxis(proposal, 1, 0)
    last, units = jax.lax.scan(step, before, steps)
    return jnp.moveaxis(units, 0, 1), last
