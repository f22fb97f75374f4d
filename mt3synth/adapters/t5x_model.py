"""Lets t5x train, evaluate and sample the diffusion model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import clu.metrics
import jax
import jax.numpy as jnp
from t5x import models

from mt3synth.adapters.t5x_axes import typed_key, with_axes
from mt3synth.diffusion.prior import draw_marginal
from mt3synth.diffusion.sampler import sample
from mt3synth.errors import UserError
from mt3synth.model_spec import ModelSpec
from mt3synth.models.conditions import conditions_of, example_inputs
from mt3synth.synthesis import SamplingConfig
from mt3synth.synthesis.chunks import denoise_chunk, encode_chunk, prior_chunk
from mt3synth.training.diffusion.randomness import draw, fixed_noise
from mt3synth.training.diffusion.step import EVAL_TIMES, example_losses
from mt3synth.types import Array, Float, JaxBatch, PyTree

_DTYPES = {"performance": jnp.int32, "tokens": jnp.int32, "context_mask": jnp.bool_}
"""Of the features that are not float32."""


class DiffusionModel(models.BaseModel):
    """A `ModelSpec` as a ``t5x.models.BaseModel``.

    Args:
      spec: the model.
      optimizer_def: a t5x optimizer, see `t5x_optimizer`; None to evaluate and to sample.
      feature_converter: makes a SeqIO feature converter when called with ``pack=False`` and the
        other options t5x gives it: a `SegmentFeatureConverter` whose features are bound.
      features: names of the features that it makes.
      condition_drop, time_power: as in `mt3synth.training.diffusion.config.TrainConfig`.
      microbatches: as given to ``t5x.trainer.Trainer``, which adds up their gradients.
      sampling: how segments are sampled; steps, their spacing, stepper and guidance are used.

    Raises:
      UserError: the model reads a feature that the converter does not make.
      ValueError: fewer than one microbatch.
    """

    def __init__(
        self,
        spec: ModelSpec,
        feature_converter: Callable[..., Any],
        features: tuple[str, ...],
        optimizer_def: Any = None,
        condition_drop: float = 0.1,
        time_power: float = 0.5,
        microbatches: int = 1,
        sampling: SamplingConfig | None = None,
    ) -> None:
        missing = [name for name in spec.features if name not in features]
        if missing:
            raise UserError(
                f"the network reads {', '.join(spec.features)}, and FEATURES={tuple(features)} "
                f"lacks {', '.join(missing)}"
            )
        if microbatches < 1:
            raise ValueError(f"microbatches={microbatches}; must be at least 1")
        super().__init__(optimizer_def=optimizer_def)
        self.FEATURE_CONVERTER_CLS = feature_converter
        self.spec, self.network = spec, spec.build()
        self.condition_drop, self.time_power = condition_drop, time_power
        self.microbatches = microbatches
        self.sampling = (sampling or SamplingConfig()).for_model(spec)

    def get_initial_variables(
        self,
        rng: Array,
        input_shapes: Mapping[str, tuple[int, ...]],
        input_types: Mapping[str, Any] | None = None,
    ) -> dict[str, PyTree]:
        """Makes fresh ``params`` and their ``params_axes``.

        ``t5x.eval`` gives neither types nor features that are scalars, so both are known here.
        """
        del input_types
        size = input_shapes["mel"][0]
        shapes = {"performance": (size,), **input_shapes}
        batch = {
            name: jax.ShapeDtypeStruct(tuple(shape), _DTYPES.get(name, jnp.float32))
            for name, shape in shapes.items()
        }
        return with_axes(self.network.init(typed_key(rng), *example_inputs(batch)))

    def loss_fn(
        self, params: PyTree, batch: JaxBatch, dropout_rng: Array | None
    ) -> tuple[Array, dict[str, Any]]:
        """Computes the loss that t5x minimises, and metrics; with no key, `eval_fn`.

        All that is random in a step is drawn from its key and an example's index in the batch, as
        in this project's own trainer.

        Returns:
          The mean denoising loss divided by the number of microbatches, and metrics of the mean.
        """
        if dropout_rng is None:
            return self.eval_fn(params, batch)
        size, *frame_shape = batch["mel"].shape
        random = draw(
            typed_key(dropout_rng),
            jnp.arange(size),
            size,
            tuple(frame_shape),
            condition_drop=self.condition_drop,
            time_power=self.time_power,
        )
        losses = example_losses(
            self.network,
            self.spec.diffusion,
            params,
            batch,
            random.time,
            random.noise,
            (random.keep_score, random.keep_performance, random.keep_context),
            random.dropout,
        )
        metrics = {"loss": clu.metrics.Average.from_model_output(losses)}
        return jnp.mean(losses) / self.microbatches, metrics

    def eval_fn(self, params: PyTree, batch: JaxBatch) -> tuple[Array, dict[str, Any]]:
        """Computes the mean loss with fixed noise and no dropout, and at each of ``EVAL_TIMES``."""
        losses = -self.score_batch(params, batch)
        average = clu.metrics.Average.from_model_output
        by_time = {
            f"loss_at_{time:g}": average(losses[:, index]) for index, time in enumerate(EVAL_TIMES)
        }
        return jnp.mean(losses), {"loss": average(losses.ravel()), **by_time}

    def score_batch(
        self, params: PyTree, batch: JaxBatch, return_intermediates: bool = False
    ) -> Float[Array, "B times"]:
        """Computes minus each example's loss at each of ``EVAL_TIMES``, noise fixed by its index.

        With a minus, for t5x takes what this returns for log-likelihoods.

        Raises:
          ValueError: intermediates are asked for.
        """
        if return_intermediates:
            raise ValueError("return_intermediates=True; there are none, leave it False")
        size, *frame_shape = batch["mel"].shape
        noise, keep = fixed_noise(0, size, tuple(frame_shape)), jnp.ones(size, bool)

        def at(time: Array) -> Array:
            return example_losses(
                self.network,
                self.spec.diffusion,
                params,
                batch,
                jnp.full(size, time),
                noise,
                (keep, keep),
            )

        return -jax.lax.map(at, jnp.array(EVAL_TIMES)).T

    def predict_batch_with_aux(
        self, params: PyTree, batch: JaxBatch, rng: Array | None = None
    ) -> tuple[Float[Array, "B T M"], dict[str, Any]]:
        """Samples the frames of each segment by itself, in the network's range.

        Segments are not joined; whole songs are rendered from a bundle.
        """
        key = typed_key(jax.random.PRNGKey(self.sampling.seed) if rng is None else rng)
        key_start, key_steps = jax.random.split(key)
        size = batch["mel"].shape[0]
        keep = jnp.ones(size, bool)
        guidance = self.sampling.guidance
        context = encode_chunk(self.network, guidance, params, conditions_of(batch, keep, keep))

        def denoise(x_t: Array, time: Array) -> Array:
            return denoise_chunk(
                self.network, self.spec.diffusion, guidance, params, context, x_t, time
            )

        x_t = jax.random.normal(key_start, batch["mel"].shape)
        if self.spec.has_prior:
            prior = prior_chunk(self.network, params, conditions_of(batch, keep, keep))
            scales = self.spec.diffusion.schedule.alpha_sigma(jnp.float32(self.sampling.start_time))
            x_t = draw_marginal(x_t, prior, *scales)
        frames = sample(
            denoise,
            x_t,
            self.spec.diffusion.schedule,
            self.sampling.stepper,
            key_steps,
            steps=self.sampling.steps,
            start_time=self.sampling.start_time,
            spacing=self.sampling.spacing,
        )
        return frames, {}
