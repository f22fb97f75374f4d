"""Defines the network of the trained vocoder: log-mel frames in, a short-time spectrum of each out.

Vocos (Siuzdak 2023, arXiv 2306.00814): ConvNeXt blocks at the rate of the frames, a head that
gives each frame log magnitudes and phases, and an inverse short-time Fourier transform, so that the
network never works at the rate of the samples. Three things are different here:

- log magnitudes are what is to be added to those that the mel bins say (`mel_inversion`), so that
  the network need not learn the filterbank;
- phases are carried from frame to frame, and the head says what is to be added to them
  (`phase_propagation`). A network at the rate of the frames cannot hold a steady tone otherwise;
- when it has been trained, the audio is brought nearer to the mel frames by steps that need no
  parameters (`mel_projection`).
"""

from __future__ import annotations

from dataclasses import dataclass

import flax.linen as nn
import jax.numpy as jnp
import numpy as np
from flax import struct

from mt3synth.audio.mel import MelSpec, hann_window
from mt3synth.errors import check_least
from mt3synth.types import Array, Bool, Float
from mt3synth.vocoder.convnext import ConvNeXt, dense
from mt3synth.vocoder.mel_inversion import mel_envelope
from mt3synth.vocoder.mel_projection import iterate_projections, make_targets
from mt3synth.vocoder.phase_propagation import propagate_phases
from mt3synth.vocoder.stft import invert_centred, overlap_add

# Frames by which audio may lag before the projections: those of a transform that is four hops
# longer than a mel frame's window.
_MOST_LAG = 2
# In log magnitude (70 dB), from what the mel bins say: more than lies between sounds that are heard
# together, and a bound to an exponent that could otherwise run away.
_FARTHEST = 8.0


@dataclass(frozen=True)
class VocosConfig:
    """Says the shape of the network, and how far its audio is brought nearer to the mel frames.

    In gin, for example, ``vocos.VocosConfig.width = 512``.

    Attributes:
      width: channels between the blocks, D.
      layers: ConvNeXt blocks.
      mlp_width: channels within a block.
      kernel: frames that a convolution sees; odd.
      fft: samples of the head's transform and of its Hann window, a multiple of four hops or more.
      projections: steps towards the mel frames.
      momentum: in [0, 1), with which they are taken.
      refine: frames in each hop that they look at, those in between being interpolated.

    Raises:
      ValueError: a count out of its range, or an even kernel.
    """

    width: int = 256
    layers: int = 8
    mlp_width: int = 512
    kernel: int = 7
    fft: int = 1280
    projections: int = 64
    momentum: float = 0.95
    refine: int = 2

    def __post_init__(self) -> None:
        check_least(self, width=1, layers=1, mlp_width=1, kernel=1, fft=1, refine=1, projections=0)
        if not 0 <= self.momentum < 1:
            raise ValueError(f"momentum={self.momentum}; must be in [0, 1)")
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel={self.kernel} frames; must be odd")

    def context(self, spec: MelSpec) -> int:
        """Counts the frames that `Vocos.render_block` needs before and after those of a block.

        So many does the spectrum of a frame depend on; its phases besides on those of the frame
        before it, through `Carry`.
        """
        # The first convolution and those of the blocks each see half a kernel further. Projections
        # look at frames on either side of samples that themselves reach beyond the block.
        return max((self.layers + 1) * (self.kernel // 2), 2 * self.reach(spec) + _MOST_LAG)

    def reach(self, spec: MelSpec) -> int:
        """Counts the frames on either side by which the projections change a sample.

        Each makes ``window - hop / refine`` samples worthless.
        """
        hops = spec.window // spec.hop
        return -(-self.projections * (hops * self.refine - 1) // self.refine)

    def lag(self, spec: MelSpec) -> int:
        """Counts the frames that must follow the one at a sample before the sample is complete.

        Raises:
          ValueError: as `overlap_lag`.
        """
        return self.overlap_lag(spec) + self.reach(spec)

    def overlap_lag(self, spec: MelSpec) -> int:
        """Counts those of `lag` that overlapping frames need, without the projections.

        Raises:
          ValueError: mel frames that overlap by less than half or not by whole hops, or a hop that
            ``refine`` does not divide; or frames of ``fft`` samples around their middle would not
            begin at multiples of the hop, or overlap too little or too much.
        """
        hops, rest = divmod(spec.window, spec.hop)
        # The reach of the projections is counted in whole hops.
        if rest or hops < 2:
            raise ValueError(
                f"window={spec.window} samples of the mel frames; must be a multiple of"
                f" hop={spec.hop}, from twice on"
            )
        if spec.hop % self.refine:
            raise ValueError(f"refine={self.refine}; must divide hop={spec.hop} samples")
        least, most = max(4, hops), hops + 2 * _MOST_LAG
        if self.fft % spec.hop or not least <= self.fft // spec.hop <= most:
            raise ValueError(
                f"fft={self.fft} samples; must be a multiple of hop={spec.hop}, from {least} to "
                f"{most} of them"
            )
        lag, rest = divmod((self.fft - spec.window) // 2, spec.hop)
        if rest:
            raise ValueError(
                f"fft={self.fft} samples; must exceed window={spec.window} by an even number of "
                f"hops of {spec.hop}"
            )
        return lag


@struct.dataclass
class Carry:
    """Holds what one block of a song hands to the next.

    Attributes:
      unit: cosine and sine of the phases of the last frame.
      audio: samples that later frames are still to be added to, W3 = fft - hop of them.
      weight: squared windows summed up likewise.
      recent: the last samples before those, as they are before `projections`.
    """

    unit: Float[Array, "B 2 F"]
    audio: Float[Array, "B W3"]
    weight: Float[Array, "B W3"]
    recent: Float[Array, "B S2"]


class Vocos(nn.Module):
    """Takes log-mel frames to audio; parameters are float32.

        network = Vocos(VocosConfig(), MELGAN)
        params = network.init(jax.random.key(0), log_mel)  # [B, T, M]
        audio = network.apply(params, log_mel)  # [B, T * hop]

    Attributes:
      config: its shape.
      spec: the mel frames that it inverts.
    """

    config: VocosConfig
    spec: MelSpec

    def setup(self) -> None:
        config = self.config
        lecun, axes = nn.initializers.lecun_normal(), ("tap", "mel", "embed")
        init = nn.with_logical_partitioning(lecun, axes)
        self.embed = nn.Conv(config.width, (config.kernel,), kernel_init=init)
        self.norm = nn.LayerNorm(epsilon=1e-6)
        # Each adds little at first: eight blocks in a row start out near the identity.
        self.blocks = [
            ConvNeXt(config.mlp_width, config.kernel, 1 / config.layers)
            for _ in range(config.layers)
        ]
        self.final_norm = nn.LayerNorm(epsilon=1e-6)
        bins = config.fft // 2 + 1
        # Small at first: training starts from what the mel bins say, and phases that ring on.
        self.head = dense(3 * bins, ("embed", "spectrum"), nn.initializers.normal(0.01))

    def __call__(self, log_mel: Float[Array, "B T M"]) -> Float[Array, "B S"]:
        """Renders whole songs, or segments taken for whole songs; S = T * hop.

        Frame ``i`` is heard in the samples around its middle, ``hop * i + window / 2``.
        """
        return self._render(log_mel, self.config.reach(self.spec))[0]

    def render_unprojected(
        self, log_mel: Float[Array, "B T M"]
    ) -> tuple[Float[Array, "B S"], Float[Array, "B T F"]]:
        """Renders audio without the projections, and gives its log magnitudes too.

        This is what is trained. Projections would hide from the losses what the network gets wrong,
        and cost as many transforms as there are steps.
        """
        return self._render(log_mel, reach=0)

    def _render(
        self, log_mel: Float[Array, "B T M"], reach: int
    ) -> tuple[Float[Array, "B S"], Float[Array, "B T F"]]:
        """Renders audio and its log magnitudes; no projections for ``reach`` 0."""
        context = self.config.context(self.spec)
        lag = self.config.overlap_lag(self.spec) + reach
        level, proposal = self.predict_spectra(log_mel, None)
        # The song as one block, followed by frames that are not present until its end is out.
        around = [(0, 0), (context, lag + context), (0, 0)]
        frames = jnp.pad(log_mel, around)
        after = [(0, 0), (0, lag), (0, 0)]
        present = jnp.pad(jnp.ones(log_mel.shape[:2], bool), around[:2])
        audio, _ = self._make_audio(
            jnp.pad(level, after),
            jnp.pad(proposal, [*after, (0, 0)]),
            present,
            self._make_carry(len(log_mel), reach),
        )
        audio = self._project(audio, frames, present, reach)
        return audio[:, lag * self.spec.hop :], level

    def render_block(
        self, log_mel: Float[Array, "B T M"], present: Bool[Array, "B T"], carry: Carry
    ) -> tuple[Float[Array, "B S"], Carry]:
        """Renders the N = T - 2 * context frames in the middle of ``log_mel``, for streaming.

        The blocks of a song, one after the other, give what `__call__` gives of all of it, later
        by ``config.lag(spec)`` hops: the first so many hops lie before the song, and to get at its
        last ones blocks are to go on for so many frames that are not present.

        Args:
          log_mel: the block's frames, and ``config.context`` frames before and after them.
          present: which frames are in the song; what the others hold does not matter, as long as
            it is finite.
          carry: from the block before, or `start`.

        Returns:
          N * hop samples, and what the next block needs.
        """
        audio, carry = self.begin_block(log_mel, present, carry)
        return self.finish_block(audio, log_mel, present), carry

    def begin_block(
        self, log_mel: Float[Array, "B T M"], present: Bool[Array, "B T"], carry: Carry
    ) -> tuple[Float[Array, "B S2"], Carry]:
        """Does of `render_block` what the next block has to wait for: all but the projections.

        Returns:
          What `finish_block` takes, and what the next block needs.
        """
        context = self.config.context(self.spec)
        middle = slice(context, log_mel.shape[1] - context)
        level, proposal = self.predict_spectra(log_mel, present)
        return self._make_audio(level[:, middle], proposal[:, middle], present, carry)

    def finish_block(
        self,
        audio: Float[Array, "B S2"],
        log_mel: Float[Array, "B T M"],
        present: Bool[Array, "B T"],
    ) -> Float[Array, "B S"]:
        """Does the rest of it, most of the work, with no need of any other block."""
        return self._project(audio, log_mel, present, self.config.reach(self.spec))

    def start(self, batch: int) -> Carry:
        """Makes the carry with which the first block of each of ``batch`` songs begins."""
        return self._make_carry(batch, self.config.reach(self.spec))

    def _make_carry(self, batch: int, reach: int) -> Carry:
        fft, rest = self.config.fft, self.config.fft - self.spec.hop
        # A phase of zero everywhere: some phase has to come before the first.
        unit = jnp.stack([jnp.ones(fft // 2 + 1), jnp.zeros(fft // 2 + 1)])
        silence = jnp.zeros((batch, rest))
        recent = jnp.zeros((batch, 2 * reach * self.spec.hop))
        return Carry(jnp.broadcast_to(unit, (batch, *unit.shape)), silence, silence, recent)

    def predict_spectra(
        self, log_mel: Float[Array, "B T M"], present: Bool[Array, "B T"] | None
    ) -> tuple[Float[Array, "B T F"], Float[Array, "B T 2 F"]]:
        """Predicts log magnitudes, and what is to be added to the phases.

        All that has parameters is in here.
        """

        def masked(x: Array) -> Array:
            # Outside the song there is zero padding, wherever a block begins and ends.
            return x if present is None else jnp.where(present[:, :, None], x, 0.0)

        spec = self.spec
        # Into the range in which networks of this project see mel frames, about -1 to 1.
        scaled = 2 * (log_mel - spec.scale_low) / (spec.scale_high - spec.scale_low) - 1
        x = self.norm(self.embed(masked(scaled)))
        for block in self.blocks:
            x = block(masked(x))
        heads = self.head(self.final_norm(x))
        level, proposal = jnp.split(heads, [self.config.fft // 2 + 1], axis=-1)
        # Bounded, for this becomes an exponent, and one wild value would be a loud click.
        level = _FARTHEST * jnp.tanh(level / _FARTHEST)
        # Behind the bound: how far the network may go is counted from what the mel bins say.
        level += mel_envelope(log_mel, spec, self.config.fft)
        return level, proposal.reshape(*proposal.shape[:2], 2, -1)

    def _make_audio(
        self,
        level: Float[Array, "B N F"],
        proposal: Float[Array, "B N 2 F"],
        present: Bool[Array, "B T"],
        carry: Carry,
    ) -> tuple[Float[Array, "B S2"], Carry]:
        """Makes N hops of audio, which follow those that ``carry`` holds.

        Args:
          level: log magnitudes.
          proposal: what is to be added to the phases.
          present: which frames are in the song, with ``config.context`` more on either side.
          carry: from the frames before.
        """
        fft, hop, context = self.config.fft, self.spec.hop, self.config.context(self.spec)
        here = present[:, context : context + level.shape[1], None]
        # Over absent frames too: their magnitudes are zero, so that no phase of theirs is heard.
        units, unit = propagate_phases(level, proposal, carry.unit, hop, fft)
        magnitude = jnp.where(here, jnp.exp(level), 0.0)
        frames = invert_centred(magnitude, units, fft)
        # The first N hops are complete; later frames are still to be added to the rest.
        complete = [level.shape[1] * hop]
        audio, audio_tail = jnp.split(overlap_add(frames, hop, carry.audio), complete, axis=1)
        windows = jnp.where(here, np.square(hann_window(fft)), 0.0)
        weight, weight_tail = jnp.split(overlap_add(windows, hop, carry.weight), complete, axis=1)
        # Divided by what is really there rather than by its value far from any end, so that a song
        # begins and ends at full level. Within a song no sample has less than a quarter; where
        # there is no frame there is silence.
        audio = jnp.where(weight > 0.1, audio / jnp.where(weight > 0.1, weight, 1.0), 0.0)

        audio = jnp.concatenate([carry.recent, audio], axis=1)
        recent = audio[:, audio.shape[1] - carry.recent.shape[1] :]
        return audio, Carry(unit, audio_tail, weight_tail, recent)

    def _project(
        self,
        audio: Float[Array, "B S2"],
        log_mel: Float[Array, "B T M"],
        present: Bool[Array, "B T"],
        reach: int,
    ) -> Float[Array, "B S"]:
        """Brings audio nearer to the mel frames; what is left ends earlier than the frames do.

        Args:
          audio: of `_make_audio`.
          log_mel: the mel frames, with ``config.context`` more on either side.
          present: which of those are in the song.
          reach: of the projections, or 0 for none.
        """
        hop, context = self.spec.hop, self.config.context(self.spec)
        if reach:
            # The frames that lie whole in the audio at hand. Every step spoils samples at both of
            # its ends, farther in each time: so much is handed on from block to block and cut off.
            first = context - self.config.overlap_lag(self.spec) - 2 * reach
            inside = slice(first, first + audio.shape[1] // hop - self.spec.window // hop + 1)
            config = self.config
            targets = make_targets(log_mel[:, inside], present[:, inside], self.spec, config.refine)
            audio = iterate_projections(
                audio, targets, self.spec, config.projections, config.momentum
            )
        # From the middle, where no step has spoiled anything.
        return audio[:, reach * hop : audio.shape[1] - reach * hop]
