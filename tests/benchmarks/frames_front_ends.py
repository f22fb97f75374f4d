"""The front ends that `frames.py` compares, and one inversion for all that is linear in magnitude.

Mel frames and magnitudes of a short-time Fourier transform go back to audio by the same algorithm
as `mt3synth.vocoder.griffin_lim`: phases that ring on, frames in between that are interpolated, a
fast Griffin-Lim in which only levels are corrected. What is different is the filterbank, which for
the transform's own magnitudes is none. A constant-Q transform has no such frames; librosa inverts
it by its own Griffin-Lim.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Literal

import jax
import jax.numpy as jnp
import numpy as np

from mt3synth.audio.mel import (
    MELGAN,
    MelSpec,
    hann_window,
    log_mel,
    magnitude_blocks,
    mel_filterbank,
)
from mt3synth.types import FloatND
from mt3synth.vocoder.griffin_lim import GriffinLim
from mt3synth.vocoder.mel_inversion import estimate_magnitude, fit_to_mel, interpolate_frames
from mt3synth.vocoder.spsi import estimate_phases
from mt3synth.vocoder.stft import Stft

ITERATIONS = 32
MOMENTUM = 0.99
_SPREAD = 10


@dataclass(frozen=True)
class FrontEnd:
    """Takes audio to frames and back.

    Attributes:
      spec: sample rate, hop, window, transform and, for mel, the bins.
      kind: mel bins, the transform's own magnitudes, or a constant-Q transform of ``spec.bins``.
    """

    spec: MelSpec
    kind: Literal["mel", "stft", "cqt"] = "mel"

    @property
    def name(self) -> str:
        """Names it for tables and files."""
        s = self.spec
        what = {"mel": f"{s.window}/{s.hop}/{self.bins}", "stft": f"{s.window}/{s.hop} STFT"}
        shape = what.get(self.kind, f"{s.hop}/{self.bins} CQT")
        return f"{s.sample_rate / 1000:g} kHz {shape} to {s.high_hz / 1000:g} kHz"

    @property
    def bins(self) -> int:
        """Counts the values of a frame."""
        return self.spec.fft // 2 + 1 if self.kind == "stft" else self.spec.bins

    def frames(self, audio: FloatND) -> FloatND:
        """Computes natural-log frames ``[T, M]`` of audio at the front end's rate."""
        spec = self.spec
        if self.kind == "mel":
            return log_mel(audio, spec)
        if self.kind == "cqt":
            return np.log(np.maximum(np.abs(self._librosa("cqt", audio)).T, spec.floor))
        blocks = magnitude_blocks(
            audio, 0, spec.frames(len(audio)), hann_window(spec.window), spec.hop, spec.fft
        )
        return np.log(np.maximum(np.concatenate(list(blocks)), spec.floor)).astype(np.float32)

    def invert(self, frames: FloatND, samples: int) -> FloatND:
        """Makes ``samples`` of audio of frames."""
        spec = self.spec
        if self.kind == "cqt":
            made = self._librosa(
                "griffinlim_cqt",
                np.exp(frames.T),
                n_iter=ITERATIONS,
                momentum=MOMENTUM,
                length=samples,
                random_state=0,
            )
            return np.asarray(made, np.float32)
        filters = mel_filterbank(spec) if self.kind == "mel" else None
        refine = GriffinLim(spec).refine
        made = _invert(jnp.asarray(frames), filters, spec.hop, spec.window, spec.fft, refine)
        return np.asarray(made, np.float32)[:samples]

    def _librosa(self, function: str, values: FloatND, **more: object) -> FloatND:
        import librosa

        spec = self.spec
        per_octave = 36
        lowest = spec.high_hz / 2 ** (spec.bins / per_octave)
        shape = {"bins_per_octave": per_octave, "fmin": lowest, "hop_length": spec.hop}
        if function == "cqt":
            shape["n_bins"] = spec.bins
        made: FloatND = getattr(librosa, function)(values, sr=spec.sample_rate, **shape, **more)
        return made


def mel(rate: int, window: int, hop: int, bins: int, high_hz: float, fft: int = 0) -> FrontEnd:
    """Describes mel frames; the transform is the next power of two, if it is not said."""
    return FrontEnd(_spec(rate, window, hop, bins, high_hz, fft))


def _spec(rate: int, window: int, hop: int, bins: int, high_hz: float, fft: int = 0) -> MelSpec:
    fft = fft or 1 << int(np.ceil(np.log2(1.15 * window)))
    return MelSpec(sample_rate=rate, window=window, hop=hop, bins=bins, high_hz=high_hz, fft=fft)


FRONT_ENDS = (
    FrontEnd(MELGAN),
    mel(44100, 1764, 882, 160, 16000.0),
    mel(44100, 1764, 882, 256, 20000.0),
    mel(44100, 882, 441, 160, 16000.0),
    mel(16000, 640, 160, 128, 8000.0),
    mel(16000, 1280, 320, 192, 8000.0, 2048),
    mel(44100, 3528, 882, 256, 20000.0, 4096),
    mel(44100, 3528, 882, 192, 16000.0, 4096),
    mel(44100, 1764, 441, 160, 16000.0),
    mel(44100, 1260, 630, 192, 20000.0),
    mel(44100, 1764, 882, 192, 16000.0),
    mel(44100, 882, 441, 128, 16000.0),
    mel(44100, 2646, 882, 192, 20000.0),
    mel(32000, 1280, 640, 160, 16000.0),
    FrontEnd(_spec(16000, 640, 320, 128, 8000.0, 640), "stft"),
    FrontEnd(_spec(44100, 1764, 882, 160, 22050.0, 1764), "stft"),
    FrontEnd(_spec(16000, 640, 320, 288, 7900.0), "cqt"),
    FrontEnd(_spec(44100, 1764, 882, 324, 20000.0), "cqt"),
)
"""In the order in which they are measured: what decides most comes first."""


@partial(jax.jit, static_argnames=("hop", "window", "fft", "refine"))
def _invert(
    frames: jax.Array, filters: jax.Array | None, hop: int, window: int, fft: int, refine: int
) -> jax.Array:
    """Inverts log frames ``[T, M]`` of a linear filterbank ``[F, M]``, or of none."""
    stft = Stft(hop // refine, window, fft)
    target = interpolate_frames(jnp.exp(frames), refine)
    if filters is None:
        magnitude, fit = target, lambda consistent: target
    else:
        weights = jnp.asarray(filters)
        magnitude = estimate_magnitude(target, weights, _SPREAD)
        fit = partial(fit_to_mel, mel=target, weights=weights)
    drawn = jax.random.uniform(jax.random.key(0), magnitude.shape[1:], maxval=2 * jnp.pi)
    known = jnp.broadcast_to(drawn, magnitude.shape)
    first = jnp.arange(len(target)) == 0
    phases = jnp.exp(1j * estimate_phases(magnitude, known, first, stft))

    def iterate(_: int, state: tuple[jax.Array, ...]) -> tuple[jax.Array, ...]:
        magnitude, phases, before = state
        consistent = stft.forward(stft.inverse(magnitude * phases))
        pushed = consistent - MOMENTUM / (1 + MOMENTUM) * before
        phases = pushed / (jnp.abs(pushed) + 1e-12)
        return fit(jnp.abs(consistent)), phases, consistent

    state = (magnitude, phases, jnp.zeros_like(phases))
    magnitude, phases, _ = jax.lax.fori_loop(0, ITERATIONS, iterate, state)
    return stft.inverse(magnitude * phases)
