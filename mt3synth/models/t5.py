"""The T5 denoiser of Hawthorne et al. 2022 with the performance condition of Maman et al. 2023.

An encoder reads the score, a decoder denoises mel frames and cross-attends to it (arXiv
2206.05408); a performance modulates both (arXiv 2309.12283). A second encoder may read the frames
before the segment. Without performances, and with ``null_score="masked"``, the network is the
former's, parameter for parameter.
"""

from __future__ import annotations

import jax.numpy as jnp
from flax import linen as nn

from mt3synth.models.axes import partitioned
from mt3synth.models.conditions import Conditions
from mt3synth.models.context_encoder import ContextEncoder
from mt3synth.models.film import PerformanceEmbedding
from mt3synth.models.note_prior import NotePrior
from mt3synth.models.remat import RematPolicy
from mt3synth.models.score_encoders import FrameRoll, roll_projection, score_encoder
from mt3synth.models.t5_config import T5Config
from mt3synth.models.t5_decoder import Decoder, T5Context
from mt3synth.types import Array, Bool, Float

__all__ = ["T5", "T5Config", "T5Context"]


class T5(nn.Module):
    """Predicts the denoising target from noisy frames, their diffusion time and the conditions.

    Sampling calls `encode` once and `decode` at every step. With ``deterministic=False`` the
    stream "dropout" must be given.

    Attributes:
      config: shape and options.
      remat: what the layers keep for the backward pass; changes no result.
    """

    config: T5Config
    remat: RematPolicy = "none"

    def setup(self) -> None:
        config = self.config
        if config.performances:
            self.performance_embedding = PerformanceEmbedding(config.performances, config.width)
        # Parts that a form of the network lacks are not made, so that its parameters are those of
        # the published one, name by name.
        self.encoder = score_encoder(config, self.remat)
        if config.context_frames:
            self.context_encoder = ContextEncoder(config, self.remat)
        if config.frame_roll:
            self.frame_roll = FrameRoll(config)
        if config.prior is not None:
            self.note_prior = NotePrior(config.prior, config.mel_bins)
            self.note_projection = roll_projection(config)
        self.decoder = Decoder(config, self.remat)
        if config.null_score == "learned":
            null_init = partitioned(nn.initializers.normal(1.0), "embed")
            self.null_score = self.param("null_score", null_init, (config.width,))

    def encode(self, conditions: Conditions, deterministic: bool = True) -> T5Context:
        """Everything that depends neither on ``x_t`` nor on the time.

        Of a score that is not kept nothing remains but what ``null_score`` names; of a context
        that is masked out, nothing.

        Raises:
          ValueError: what the network reads is missing, too long, or of other mel bins.
        """
        config = self.config
        # Once, for encoder and decoder alike: both are told of the same sound.
        performance = None
        if config.performances:
            performance = self.performance_embedding(
                conditions.performance, conditions.keep_performance
            )
        # Encoded also where it is withheld: segments of one batch go through one program.
        score, mask = self.encoder(conditions, performance, deterministic)
        sequences = [self._score_where_kept(score, mask, conditions.keep_score)]
        if config.context_frames:
            context, there = self.context_encoder(conditions, deterministic)
            if config.null_score == "masked":
                # Hawthorne et al. withhold score and context at once, in training and in guidance.
                there = there & conditions.keep_score[:, None]
            sequences.append((context, there))
        # As one sequence, a frame divides its attention between score and context, as the published
        # network does.
        if config.context_attention == "concat":
            encoded, masks = (jnp.concatenate(parts, axis=1) for parts in zip(*sequences))
            sequences = [(encoded, masks)]
        # What is read frame by frame is added once to the decoder's input, for places in the score
        # and places in the segment are the same.
        frame_score = self.frame_roll(conditions) if config.frame_roll else None
        prior = None
        if config.prior is not None:
            assert performance is not None  # held by the configuration
            prior, read = self.note_prior(conditions, performance)
            added = self.note_projection(read)
            frame_score = added if frame_score is None else frame_score + added
        return T5Context(
            # Keys and values of all layers, and not the encoded sequences: each step would compute
            # them anew.
            keys_values=self.decoder.keys_values(tuple(x for x, _ in sequences)),
            masks=tuple(mask for _, mask in sequences),
            performance=performance,
            frame_score=frame_score,
            prior=prior,
        )

    def decode(
        self,
        x_t: Float[Array, "B T M"],
        time: Float[Array, " B"],
        context: T5Context,
        deterministic: bool = True,
    ) -> Float[Array, "B T M"]:
        """Prediction for noisy frames ``x_t`` at diffusion time in [0, 1], float32.

        Any number of frames will do, but for a network that stores its positions.

        Raises:
          ValueError: frames of another number of mel bins than the network's, more than it has
            positions for, or another number than the roll's, where it is added to them.
        """
        frames, bins = x_t.shape[1:]
        if bins != self.config.mel_bins:
            raise ValueError(f"frames of {bins} mel bins; must be {self.config.mel_bins}")
        self.config.check_frames(frames)
        # One row would be added to all frames without a word.
        if context.frame_score is not None and context.frame_score.shape[1] != frames:
            raise ValueError(
                f"{frames} noisy frames with a roll of {context.frame_score.shape[1]}; "
                "frame_roll=True adds one to the other"
            )
        return self.decoder(x_t, time, context, deterministic)

    def __call__(
        self,
        x_t: Float[Array, "B T M"],
        time: Float[Array, " B"],
        conditions: Conditions,
        deterministic: bool = True,
    ) -> Float[Array, "B T M"]:
        """`decode` of `encode`."""
        return self.decode(x_t, time, self.encode(conditions, deterministic), deterministic)

    def _score_where_kept(
        self, score: Float[Array, "B N D"], mask: Bool[Array, "B N"], kept: Bool[Array, " B"]
    ) -> tuple[Float[Array, "B N D"], Bool[Array, "B N"]]:
        keep = kept[:, None]
        if self.config.null_score == "masked":
            return score, mask & keep
        null = self.null_score.astype(score.dtype)
        score = jnp.where(keep[..., None], score, null)
        # One entry of the null: copies of it would count by their number beside a context that is
        # attended to as well.
        return score, jnp.where(keep, mask, jnp.arange(mask.shape[1]) == 0)
