"""Brings audio nearer to the mel frames that it should have, by what the frames themselves say."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np
from flax import struct

from mt3synth.audio.mel import MelSpec, hann_window, mel_filterbank
from mt3synth.types import Array, Bool, Float
from mt3synth.vocoder.mel_inversion import interpolate_frames
from mt3synth.vocoder.stft import cut_frames, from_spectrum, overlap_add, to_spectrum

_TINY = 1e-7  # far below the least mel magnitude
_MOST = 4.0  # times that a mel bin is raised or lowered at once
_BANDS = 4  # of neighbouring filters; most of the filterbank is zeros


@struct.dataclass
class Targets:
    """Says what mel frames should be, those in between among them.

    Frames that overlap by half leave phases far too free; those in between, interpolated, hold them
    (see `griffin_lim`).

    Attributes:
      mel: magnitudes, frames a hop apart.
      present: frames that are not are to be left as they are.
      hop: samples from frame to frame.
    """

    mel: Float[Array, "B T2 M"]
    present: Bool[Array, "B T2"]
    hop: int = struct.field(pytree_node=False)


def make_targets(
    log_mel: Float[Array, "B T M"], present: Bool[Array, "B T"], spec: MelSpec, refine: int
) -> Targets:
    """Makes targets of T2 = (T - 1) * refine + 1 frames, from the first to the last of T.

    Args:
      log_mel: natural log.
      present: a frame in between is present if both its neighbours are.
      spec: of the frames.
      refine: target frames in each hop; divides the hop of ``spec``.
    """
    count = (log_mel.shape[1] - 1) * refine + 1
    finer = jax.vmap(lambda mel: interpolate_frames(mel, refine))(jnp.exp(log_mel))
    # Interpolated between a frame of the song and one outside it, a target would be half made up.
    after = jnp.concatenate([present[:, 1:], present[:, -1:]], axis=1)
    between = jnp.repeat((present & after)[:, :, None], refine - 1, axis=2)
    parts = jnp.concatenate([present[:, :, None], between], axis=2)
    return Targets(finer[:, :count], parts.reshape(len(present), -1)[:, :count], spec.hop // refine)


def iterate_projections(
    audio: Float[Array, "B S"],
    targets: Targets,
    spec: MelSpec,
    steps: int,
    momentum: float,
) -> Float[Array, "B S"]:
    """Projects audio onto its targets again and again, by `project_to_mel`.

    With the momentum of Perraudin, Balazs and Søndergaard (2013, "A fast Griffin-Lim algorithm"):
    each step begins beyond where the last one ended, by ``momentum`` times what that one changed.
    """

    # Targets go through the loop rather than into it from outside, as ONNX has loops.
    def step(_: Array, state: tuple[Array, Array, Targets]) -> tuple[Array, Array, Targets]:
        before, pushed, targets = state
        after = project_to_mel(pushed, targets, spec)
        return after, after + momentum * (after - before), targets

    return jax.lax.fori_loop(0, steps, step, (audio, audio, targets))[0]


def project_to_mel(
    audio: Float[Array, "B S"], targets: Targets, spec: MelSpec
) -> Float[Array, "B S"]:
    """Takes one step towards audio whose mel frames are ``targets``.

    Each mel bin of a frame asks for the factor that it lacks, at most ``_MOST`` either way; each
    bin of the transform follows the mean of the mel bins that hear it (as
    `mel_inversion.fit_to_mel` does), its phase staying; and what that changes is added up over the
    frames by least squares (Griffin and Lim 1984, eq. 6), as if frames went on at both ends. A
    sample changes by what lies within a window of it; the first and the last ``window - hop``
    samples, in which not all frames lie whole that hear them, come out wrong.

    Args:
      audio: S = (T2 - 1) * hop + window samples, from the start of the first frame on.
      targets: T2 frames; their hop divides the window.
      spec: of the frames but for the hop.
    """
    hop, window = targets.hop, hann_window(spec.window)
    # Frame by frame anew in each step, from audio: spectra that are changed by themselves would no
    # longer be those of any audio.
    frames = cut_frames(audio, targets.mel.shape[1], spec.window, hop)
    real, imaginary = to_spectrum(frames * window, spec.fft)
    magnitude = jnp.sqrt(real**2 + imaginary**2 + _TINY**2)
    # Bounded, for a bin that is nearly silent would ask for a thousandfold of its noise.
    lacking = jnp.clip(targets.mel / (_in_filters(magnitude, spec) + _TINY), 1 / _MOST, _MOST)
    gain = jnp.where(targets.present[:, :, None], _mean_over_filters(lacking - 1, spec), 0.0)
    # Only the change goes back through the transform: audio that no frame wants otherwise, or that
    # lies outside the song, stays as it is to the last bit.
    change = from_spectrum(real * gain, imaginary * gain, spec.fft)[:, :, : spec.window] * window
    # What overlapping windows add up to, one hop for all.
    square = (window**2).reshape(-1, hop).sum(axis=0)
    return audio + overlap_add(change, hop) / np.tile(square, audio.shape[1] // hop)


def _in_filters(magnitude: Float[Array, "B T F"], spec: MelSpec) -> Float[Array, "B T M"]:
    """Computes ``magnitude @ mel_filterbank(spec)``, without most of its zeros."""
    parts = []
    for filters in np.array_split(np.arange(spec.bins), _BANDS):
        weights = mel_filterbank(spec)[:, filters]
        heard = np.flatnonzero(weights.any(axis=1))
        low, high = (heard[0], heard[-1] + 1) if heard.size else (0, 1)
        parts.append(magnitude[..., low:high] @ weights[low:high])
    return jnp.concatenate(parts, axis=-1)


def _mean_over_filters(values: Float[Array, "B T M"], spec: MelSpec) -> Float[Array, "B T F"]:
    """Gives each bin the weighted mean of what its filters say, or 0 where there are none.

    A bin lies in two triangles at most, which are neighbours; so two products do where a matrix
    would be nearly all zeros.
    """
    weights = mel_filterbank(spec)
    share = weights / np.maximum(weights.sum(axis=1, keepdims=True), _TINY)
    # The lower of a bin's two filters; the last one has no neighbour above it.
    first = np.minimum(np.argmax(weights > 0, axis=1), spec.bins - 2)
    bins = np.arange(len(weights))
    ours, next_ones = share[bins, first], share[bins, first + 1]
    return values[..., first] * ours + values[..., first + 1] * next_ones
