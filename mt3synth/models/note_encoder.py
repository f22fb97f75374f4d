"""Notes to a sketch of their mel frames: envelopes over time times spectra over mel bins.

Most of what a rendering will be is known from its notes: a note of this instrument, key and
loudness has about this spectrum, sets in here, decays so fast and rings on after its end. Each note
is given a few envelopes over time and, by a small network, a spectrum for each of them; the sum
over all notes, in linear magnitude or power, and its log are the *sketch*. It is a soundfont that
gradients can reach, and costs a matrix product. Beside it every note lends the frames in which it
sounds some features, for the denoiser to read.

With curves (`mt3synth.symbolic.note_curves`) a note is faded from one knot of its curve to the
next, in power: a spectrum for each, at the pitch and the level that the note has there. Between
keys it is that of the nearest key, moved along the mel scale.

The sketch serves as the mean of a prior (`mt3synth.diffusion.prior`), so that diffusion is left
with what notes do not decide.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol, runtime_checkable

import flax.linen as nn
import jax.numpy as jnp

from mt3synth.models.axes import partitioned
from mt3synth.models.film import FiLM
from mt3synth.models.mel_shift import MelAxis, shift_spectra
from mt3synth.models.note_envelopes import (
    ENVELOPES,
    KEYS,
    KnotRows,
    NoteRows,
    envelopes,
    hats,
)
from mt3synth.types import Array, Float

NOTES_AT_ONCE = 1024
"""A segment of more notes is summed in turns of so many, so that memory does not grow with them;
hardly any music has more, and in one turn the sum is a single matrix product."""

MEL_AXIS = ("low_hz", "high_hz", "sample_rate", "window", "fft")
"""Of a configuration with curves: what it knows of the mel bins."""

BENT = "bent"
"""Name of the only layer that a model without curves lacks."""

_PLAIN_COLUMNS, _CURVE_COLUMNS = 5, 10  # of a row without and with curves

_LOUDEST, _QUIETEST = 6.0, -14.0
"""Bounds of a note's log magnitude: above any clipped sample, below any microphone's noise."""


@runtime_checkable
class FrameSpec(Protocol):
    """What the note encoder has to know of mel frames; `mt3synth.audio.mel.MelSpec` says it."""

    @property
    def hop(self) -> int: ...
    @property
    def window(self) -> int: ...
    @property
    def scale_low(self) -> float: ...
    @property
    def scale_high(self) -> float: ...
    @property
    def low_hz(self) -> float: ...
    @property
    def high_hz(self) -> float: ...
    @property
    def sample_rate(self) -> int: ...
    @property
    def fft(self) -> int: ...


@dataclass(frozen=True)
class NotePriorConfig:
    """Shape of the note encoder, and of the prior that it gives.

    Attributes:
      instruments: instrument groups, drums among them as the last. This, the range and the window
        follow from what a model reads: `fitted` sets them.
      width: hidden channels of the network that gives each note its spectra.
      key_width: channels of the embeddings of keys and instruments.
      features: channels that the denoiser reads beside the sketch.
      deviation: how far frames lie from the sketch at the start of training, in the network's
        range.
      range_low, range_high: natural logs of magnitude that are -1 and 1 in the network's range.
      window_hops: length of a frame's window in hops; how far a note reaches into frames before it.
      exponent: of the magnitudes that notes are added as. 1 adds them as if in phase, 2 as powers,
        which is what sounds that know nothing of each other's phase come to on average.
      curves: whether lists of notes tell how pitch and level go on (``CURVE_COLUMNS`` of
        `mt3synth.symbolic.note_list`), and that is heard.
      low_hz, high_hz, sample_rate, window, fft: what the mel bins catch (`MelAxis`); with
        ``curves`` alone it is asked.

    Raises:
      ValueError: a count below 1, a range without extent, or an exponent that is not positive.
    """

    instruments: int = 19
    width: int = 256
    key_width: int = 64
    features: int = 64
    deviation: float = 0.15
    range_low: float = math.log(1e-5)
    range_high: float = 4.0
    window_hops: float = 2.0
    exponent: float = 1.0
    curves: bool = False
    low_hz: float = 0.0
    high_hz: float = 8000.0
    sample_rate: int = 16_000
    window: int = 640
    fft: int = 1024

    def __post_init__(self) -> None:
        for name in ("instruments", "width", "key_width", "features"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}; must be at least 1")
        if not self.deviation > 0:
            raise ValueError(f"deviation={self.deviation}; must be positive")
        if not self.exponent > 0:
            raise ValueError(f"exponent={self.exponent}; must be positive")
        if not self.range_low < self.range_high:
            raise ValueError(
                f"range_low={self.range_low} must be below range_high={self.range_high}"
            )

    @property
    def columns(self) -> int:
        """Numbers in a row of the lists of notes that are read."""
        return _CURVE_COLUMNS if self.curves else _PLAIN_COLUMNS

    def fitted(self, frames: FrameSpec, groups: int) -> NotePriorConfig:
        """The same shape for these mel frames and so many groups of pitched instruments."""
        axis = {name: getattr(frames, name) for name in MEL_AXIS}
        # Where nobody asks for them bundles do not have them either.
        return replace(
            replace(self, **axis) if self.curves else self,
            instruments=groups + 1,
            range_low=frames.scale_low,
            range_high=frames.scale_high,
            window_hops=frames.window / frames.hop,
        )


class Sketch(NamedTuple):
    """What the note encoder gives for a segment.

    Attributes:
      mean: log-mel frames in the network's range, ``[B, T, M]``.
      features: channels for the denoiser, ``[B, T, F]``.
    """

    mean: Float[Array, "B T M"]
    features: Float[Array, "B T F"]


class NoteEncoder(nn.Module):
    """Sketches mel frames from notes, in the sound of a performance.

    Attributes:
      config: shape.
      bins: mel bins M.
    """

    config: NotePriorConfig
    bins: int

    @nn.compact
    def __call__(
        self,
        notes: Float[Array, "B N R"],
        condition: Float[Array, "B C"],
        frames: Float[Array, "B T"],
    ) -> Sketch:
        """Sums all notes of a segment.

        Args:
          notes: rows as `mt3synth.symbolic.note_list` makes them, times in frames.
          condition: of the performance.
          frames: when each frame begins.

        Raises:
          ValueError: rows with curves where none are heard, or the other way round.
        """
        c = self.config
        if notes.shape[-1] != c.columns:
            raise ValueError(f"rows of {notes.shape[-1]} numbers for curves={c.curves}")
        # Added up before the log: of sounds together the powers add up, on average, and the logs do
        # not.
        total, features = self._add_all(notes, condition, frames)
        # Noise and hum of a performance, without which the log of a silent frame would have no
        # bound.
        floor = self._dense(self.bins, "floor", -8.0, ("condition", "mel"))(condition)
        total += jnp.exp(c.exponent * floor)[:, None]
        log_magnitude = jnp.log(total) / c.exponent
        # Natural log of magnitude to the range -1 to 1 that the denoiser works in.
        extent = c.range_high - c.range_low
        return Sketch(2 * (log_magnitude - c.range_low) / extent - 1, features)

    def _add_all(
        self, notes: Float[Array, "B N R"], condition: Array, frames: Array
    ) -> tuple[Float[Array, "B T M"], Float[Array, "B T F"]]:
        """Sums powers of magnitudes, and features, of all notes, `NOTES_AT_ONCE` at a time."""
        batch, count, columns = notes.shape
        # Nearly always; a scan of one turn would only hide the product from the compiler.
        if count <= NOTES_AT_ONCE:
            return self._add(notes, condition, frames)
        chunks = -(-count // NOTES_AT_ONCE)
        spare = chunks * NOTES_AT_ONCE - count
        # An instrument below 0 is nobody, whose envelopes are zero.
        nobody = jnp.asarray([0, 0, 0, 0, -1, 0, 0, 0, 0, 0][:columns], notes.dtype)
        padding = jnp.broadcast_to(nobody, (batch, spare, columns))
        padded = jnp.concatenate([notes, padding], axis=1)
        cut = padded.reshape(batch, chunks, NOTES_AT_ONCE, columns)

        def add_chunk(
            encoder: NoteEncoder, sums: tuple[Array, Array], chunk: Array
        ) -> tuple[tuple[Array, Array], None]:
            more = encoder._add(chunk, condition, frames)
            return (sums[0] + more[0], sums[1] + more[1]), None

        # One set of weights for all turns.
        scan = nn.scan(add_chunk, variable_broadcast="params", split_rngs={"params": False})
        shape = (batch, frames.shape[1])
        nothing = (jnp.zeros((*shape, self.bins)), jnp.zeros((*shape, self.config.features)))
        sums, _ = scan(self, nothing, jnp.moveaxis(cut, 1, 0))
        return sums

    def _add(
        self, notes: Float[Array, "B N R"], condition: Array, frames: Array
    ) -> tuple[Float[Array, "B T M"], Float[Array, "B T F"]]:
        """Sums powers of magnitudes, and features, of notes that fit into memory together."""
        c = self.config
        rows = NoteRows.of(notes, drums=c.instruments - 1)
        shape = envelopes(rows, frames, c.window_hops)
        hidden = self._describe(rows, condition)

        spectra = self._dense(ENVELOPES * self.bins, "spectra", -2.0)(hidden)
        spectra = spectra.reshape(*hidden.shape[:2], ENVELOPES, self.bins)
        # What all parts of a note have in common is learned once.
        spectra += self._dense(self.bins, "timbre", 0.0)(hidden)[:, :, None]
        weight = shape**c.exponent
        if rows.knots is not None:
            axis = MelAxis(self.bins, **{name: getattr(c, name) for name in MEL_AXIS})
            is_pitched = rows.instrument < c.instruments - 1
            spectra = shift_spectra(spectra, rows.key, rows.knots.fine, is_pitched, axis)
            # Faded in the power in which notes add up, so that a fade between two knots alike
            # changes nothing.
            hat, gain = hats(rows.knots, frames, c.window_hops), rows.knots.gain[..., None]
            weight *= (hat * gain**c.exponent)[:, :, None]
            shape *= (hat * gain)[:, :, None]
        # Clipped, for one spectrum that has gone astray would be infinite as a magnitude, and with
        # it the sum over all notes.
        raised = jnp.exp(c.exponent * jnp.clip(spectra, _QUIETEST, _LOUDEST))

        shared = self._dense(ENVELOPES * c.features, "features", 0.0)(hidden)
        shared = shared.reshape(*hidden.shape[:2], ENVELOPES, c.features)
        return (
            jnp.einsum("bnkt,bnkm->btm", weight, raised),
            jnp.einsum("bnkt,bnkf->btf", shape, shared),
        )

    def _describe(self, rows: NoteRows, condition: Float[Array, "B C"]) -> Float[Array, "B N H"]:
        """One vector a note: who plays which key how loud for how long, in which performance."""
        c = self.config
        # A row without a note takes the first instrument's; its envelopes are zero.
        instrument = jnp.maximum(rows.instrument, 0)
        known = jnp.minimum(instrument, c.instruments - 1)
        who = self._embed(c.instruments, "instrument")(known)
        which = self._embed(KEYS, "key")(rows.key)
        # Drums, and registers of an instrument, have little to do with the same key elsewhere.
        both = self._embed(c.instruments * KEYS, "instrument_key")(known * KEYS + rows.key)
        # Who plays is told apart by performance before the key comes in: a violin in a church and
        # one on tape are two instruments with the same keys.
        spread = jnp.broadcast_to(condition[:, None], (*who.shape[:2], condition.shape[-1]))
        player = nn.silu(
            self._dense(c.width // 2, "player", 0.0)(jnp.concatenate([who, spread], axis=-1))
        )
        length = jnp.maximum(rows.offset - rows.onset, 0.0)
        # Velocity and its log, for spectra are logs; the length as a log, for decays are
        # exponential.
        numbers = jnp.stack(
            [rows.velocity, jnp.log(rows.velocity + 0.02), 0.3 * jnp.log1p(length)], axis=-1
        )
        h = jnp.concatenate([player, which, both, numbers], axis=-1)
        # FiLM besides, which starts as the identity: room and recording chain colour all players
        # alike.
        h = self._dense(c.width, "hidden_in", 0.0)(h)
        if rows.knots is not None:
            h += self._bent(rows.knots)
        h = nn.silu(FiLM(name="film_in")(h, condition))
        return nn.silu(FiLM(name="film_out")(self._dense(c.width, "hidden_out", 0.0)(h), condition))

    def _bent(self, knots: KnotRows) -> Float[Array, "B N H"]:
        """What a bend changes beside the pitch; at first nothing.

        A bent tone is that of its own key, played faster or slower, and not that of the key whose
        pitch it has.
        """
        numbers = [knots.fine, knots.semitones, jnp.square(knots.semitones)]
        return nn.Dense(
            self.config.width,
            use_bias=False,
            # Zeros, so that it begins as it would be without, and so that without a bend it is so
            # for ever.
            kernel_init=partitioned(nn.initializers.zeros, "embed", "mlp"),
            name=BENT,
        )(jnp.stack(numbers, axis=-1))

    def _embed(self, count: int, name: str) -> nn.Embed:
        return nn.Embed(
            count,
            self.config.key_width,
            embedding_init=partitioned(nn.initializers.normal(0.3), "vocab", "lookup"),
            name=name,
        )

    def _dense(
        self, features: int, name: str, bias: float, axes: tuple[str, str] = ("embed", "mlp")
    ) -> nn.Dense:
        return nn.Dense(
            features,
            kernel_init=partitioned(nn.initializers.lecun_normal(), *axes),
            bias_init=partitioned(nn.initializers.constant(bias), axes[1]),
            name=name,
        )
