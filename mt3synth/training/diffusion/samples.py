"""Renders what a model sounds like while it learns: held-out segments, beside the real ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import jax
import numpy as np

from mt3synth.audio.files import fit_peak
from mt3synth.audio.mel import from_network
from mt3synth.diffusion.ddim import DDIM
from mt3synth.diffusion.sampler import iterate
from mt3synth.errors import check_least
from mt3synth.model_spec import ModelSpec
from mt3synth.models.conditions import conditions_of
from mt3synth.synthesis.chunks import denoise_chunk, encode_chunk
from mt3synth.training.monitoring.logger import Writer
from mt3synth.training.run_folder import SAMPLES_FOLDER
from mt3synth.types import Array, Batch, Float, PyTree
from mt3synth.vocoder.griffin_lim import GriffinLim


@dataclass(frozen=True)
class SamplesConfig:
    """How much is rendered at each validation of a run.

    Attributes:
      segments: how many of the first validation batch; 0 for none.
      steps: denoising steps. Fewer than a rendering has: enough to follow a run.
      iterations: of Griffin-Lim.
      seed: of the noise that all renderings of a run begin with.

    Raises:
      ValueError: a negative number, or no steps.
    """

    segments: int = 2
    steps: int = 10
    iterations: int = 8
    seed: int = 0

    def __post_init__(self) -> None:
        check_least(self, segments=0, iterations=0, seed=0, steps=1)


class SampleRenderer:
    """Renders the same segments at any time of a run.

    Each segment is rendered for itself, from noise that depends on the seed alone, by DDIM with
    eta = 0 and the model's guidance. Both sounds come out of the same vocoder, so that what differs
    is the model. It all happens on one device, for the segments are few.

    Args:
      spec: the model.
      batch: a validation batch; its first segments are shown.
      config: how much is rendered.

    Example:
      >>> samples = SampleRenderer(spec, batch, SamplesConfig(segments=1))
      >>> samples.render(params).shape  # frames, mel bins
      (256, 128)
    """

    def __init__(self, spec: ModelSpec, batch: Batch, config: SamplesConfig) -> None:
        self._spec, self._config = spec, config
        self._network = spec.build()
        # The first of the validation split, the same at every validation: what differs is the
        # model.
        self._batch = {name: values[: config.segments] for name, values in batch.items()}
        # Griffin-Lim, for a run need not have a vocoder; fewer iterations, for it is heard in
        # passing.
        self._vocoder = GriffinLim(spec.mel, iterations=config.iterations)
        self._recording_written = False

    @cached_property
    def real(self) -> Float[np.ndarray, "T M"]:
        """Log-mel frames of the recording: all segments, one after the other."""
        return self._frames(np.asarray(self._batch["mel"], np.float32))

    def render(self, params: PyTree) -> Float[np.ndarray, "T M"]:
        """Renders log-mel frames of all segments, one after the other.

        Args:
          params: weights, on any devices of this process or in memory.
        """
        spec, config = self._spec, self._config
        count = len(self._batch["mel"])
        # The first that is here: the mesh may reach over other machines.
        device = jax.local_devices()[0]
        # On one device: weights that lie on a mesh would have to be gathered in each of the steps.
        params, batch = jax.device_put((params, self._batch), device)
        # Nothing is withheld; the branches of the guidance see to that.
        keep = jax.device_put(np.ones(count, bool), device)
        conditions = conditions_of(batch, keep, keep)
        context = encode_chunk(self._network, spec.guidance, params, conditions)

        def denoise(x_t: Array, time: Array) -> Array:
            return denoise_chunk(
                self._network, spec.diffusion, spec.guidance, params, context, x_t, time
            )

        with jax.default_device(device):
            key_start, key_steps = jax.random.split(jax.random.key(config.seed))
            noise = jax.random.normal(key_start, (count, spec.segment_frames, spec.mel.bins))
            schedule, stepper = spec.diffusion.schedule, DDIM(eta=0.0)
            # By the functions that render songs, so that what is shown is what a rendering would
            # be.
            *_, x0 = iterate(denoise, noise, schedule, stepper, key_steps, steps=config.steps)
        return self._frames(np.asarray(x0))

    def write(self, writer: Writer, folder: Path, params: PyTree, step: int) -> None:
        """Writes picture and sound to TensorBoard, and the picture into the folder of the run.

        The sound of the recording, which stays the same, is written by the first call alone.

        Args:
          writer: to TensorBoard.
          folder: of the run.
          params: weights, as for `render`.
          step: updates that made them.
        """
        from matplotlib.image import imread

        from mt3synth.reporting.mel_pictures import draw_mels

        made = self.render(params)
        path = folder / SAMPLES_FOLDER / f"{step:08}.png"
        panels = {"recording": self.real, f"model after {step} steps": made}
        draw_mels(panels, self._spec.mel, path, "opening of the validation split")
        # matplotlib reads a PNG as floats in 0..1, with a fourth channel for transparency.
        picture = np.round(255 * imread(path)[..., :3]).astype(np.uint8)
        writer.add_image("samples/mel", picture, step, dataformats="HWC")
        sounds = {"model": made}
        if not self._recording_written:
            sounds["recording"] = self.real
            self._recording_written = True
        for name, mel in sounds.items():
            audio, _ = fit_peak(self._vocoder(mel))
            writer.add_audio(f"samples/{name}", audio, step, self._spec.mel.sample_rate)

    def _frames(self, mel: Float[np.ndarray, "C T M"]) -> Float[np.ndarray, "L M"]:
        """Joins segments in the network's range to log-mel frames, natural log."""
        return from_network(mel.reshape(-1, mel.shape[-1]), self._spec.mel)
