"""Validates a vocoder: how far its EMA weights' reconstruction is from held-out audio."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np

from mt3synth.audio.files import fit_peak
from mt3synth.audio.log_mel_distance import log_mel_l1
from mt3synth.audio.mel import MelSpec, log_mel
from mt3synth.training.monitoring.logger import Logger, Writer
from mt3synth.training.run_folder import SAMPLES_FOLDER
from mt3synth.training.vocoder.config import VocoderTrainConfig
from mt3synth.training.vocoder.data import SoundData
from mt3synth.types import Float, FloatND, PyTree
from mt3synth.vocoder.griffin_lim import GriffinLim
from mt3synth.vocoder.losses import spectral_losses
from mt3synth.vocoder.vocos import Vocos

Inverter = Callable[[FloatND], Float[np.ndarray, " S"]]


def log_mel_distance(made: FloatND, real: FloatND, spec: MelSpec) -> float:
    """Measures the mean absolute log-mel difference over frames where the real audio is loud.

    Silence would dominate the mean otherwise: where the recording has nothing, a vocoder's least
    noise is far from the floor of a logarithm. It is NaN if the real audio is silent.
    """
    return log_mel_l1(log_mel(made, spec), log_mel(real, spec), above=_silence(spec))


def _silence(spec: MelSpec) -> float:
    """Returns the log-mel of silence, and more than any rounding above it."""
    return float(np.log(spec.floor)) + 1e-3


class Validation:
    """Validates at any time of a run on the same segments of the validation split.

    Silent ones are left out. Beside it stands what Griffin-Lim makes of the others, so that a
    figure says whether the network is worth its training yet. It all happens on one device.

    Args:
      generator: the vocoder's network.
      data, config: of the run.
      folder: of the run.
    """

    def __init__(
        self, generator: Vocos, data: SoundData, config: VocoderTrainConfig, folder: Path
    ) -> None:
        self._spec = spec = generator.spec
        held_out = data.validation(
            config.eval_frames * spec.hop, spec.sample_rate, config.eval_segments
        )
        mels = [log_mel(audio, spec) for audio in held_out]
        # Of silence the distance over loud frames is not a number.
        heard = [number for number, mel in enumerate(mels) if mel.max() > _silence(spec)]
        self._real, self._mels = held_out[heard], [mels[number] for number in heard]
        self._shown, self._folder = config.shown, folder
        # One program, as all segments have one length.
        self._make = jax.jit(lambda params, mel: generator.apply({"params": params}, mel[None])[0])
        self._stft = jax.jit(
            lambda made, real: spectral_losses(made[None], real[None], spec)["stft"][0]
        )
        self._reference: dict[str, float] | None = None

    @property
    def headline(self) -> str:
        """Says in one line what is validated."""
        if not len(self._real):
            return "no sound in a validation split: nothing will show what it is like"
        seconds = self._real.shape[1] / self._spec.sample_rate
        return f"validation on {len(self._real)} segments of {seconds:g} s"

    def distances(self, invert: Inverter) -> tuple[dict[str, float], list[FloatND]]:
        """Returns mean distances over all segments, and the audio of those that are shown."""
        mel, stft = [], []
        audio: list[FloatND] = []
        for real, frames in zip(self._real, self._mels):
            made = invert(frames)
            mel.append(log_mel_distance(made, real, self._spec))
            stft.append(float(self._stft(made, real)))
            # The first ones, the same at each validation.
            if len(audio) < self._shown:
                audio.append(made)
        return {"mel_l1": float(np.mean(mel)), "stft": float(np.mean(stft))}, audio

    def run(self, params: PyTree, step: int, logger: Logger, writer: Writer) -> None:
        """Shows distances, pictures and sound of the parameters after ``step`` updates."""
        if not len(self._real):
            return
        device = jax.local_devices()[0]
        with jax.default_device(device):
            params = jax.device_put(params, device)
            values, made = self.distances(lambda mel: np.asarray(self._make(params, mel)))
            first = self._reference is None  # Neither the recordings nor Griffin-Lim change.
            if self._reference is None:
                self._reference, _ = self.distances(GriffinLim(self._spec))
        reference = self._reference
        logger.scalars({f"validation/{name}": value for name, value in values.items()}, step)
        logger.scalars({f"griffin_lim/{name}": value for name, value in reference.items()}, step)
        shown = (f"{name} {value:.4f} ({reference[name]:.4f})" for name, value in values.items())
        logger.info(f"step {step}: validation {', '.join(shown)}; Griffin-Lim's in brackets")
        self._show(made, step, writer, first)

    def _show(self, made: list[FloatND], step: int, writer: Writer, first: bool) -> None:
        from matplotlib.image import imread

        from mt3synth.reporting.mel_pictures import draw_mels

        rate = self._spec.sample_rate
        for number, audio in enumerate(made):
            panels = {
                "recording": self._mels[number],
                f"vocoder after {step} steps": log_mel(audio, self._spec),
            }
            path = self._folder / SAMPLES_FOLDER / f"{step:08}_{number}.png"
            draw_mels(panels, self._spec, path, f"held-out segment {number}")
            picture = np.round(255 * imread(path)[..., :3]).astype(np.uint8)
            writer.add_image(f"segment_{number}/mel", picture, step, dataformats="HWC")
            writer.add_audio(f"segment_{number}/vocoder", fit_peak(audio)[0], step, rate)
            if first:
                real = fit_peak(self._real[number])[0]
                writer.add_audio(f"segment_{number}/recording", real, step, rate)
