"""Renders mel frames by SoundStream's decoder, which its authors published as a SavedModel.

Hawthorne et al. (2022, arXiv 2206.05408) turn their frames into audio with ``ADDRESS``, a decoder
after Zeghidour et al. (2021, "SoundStream: An End-to-End Neural Audio Codec", arXiv 2107.03312)
that was trained on music: log-mel ``[batch, frames, 128]`` in, audio ``[batch, frames * 320]`` out.
It is not part of this project. Only an address that the user gives is ever downloaded, and
TensorFlow is imported by nothing but `SoundStream.load`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mt3synth.audio.mel import MELGAN, MelSpec
from mt3synth.errors import UserError, first_line
from mt3synth.types import Float, FloatND
from mt3synth.vocoder.protocol import VocoderError, check_log_mel

ADDRESS = "https://tfhub.dev/google/soundstream/mel/decoder/music/1"
"""Where its authors published it."""

SAVED_MODEL = "saved_model.pb"
"""The file by which a folder is known to be a SavedModel."""

_BLOCK = 3000  # frames, a minute of MELGAN: what the decoder is given at a time
_CONTEXT = 100  # frames on either side of a block that are decoded and dropped
_TRIAL = 8  # silent frames with which a model is tried


@dataclass(frozen=True)
class SoundStream:
    """A `Vocoder` that calls a loaded decoder.

    Songs of up to 60 s go through it as a whole. Of longer ones it is given a minute at a time with
    2 s of music on either side, so that memory does not grow with the song. How far the published
    decoder looks is not published; if it is farther than that, the seconds around such a join are
    decoded with less context than in one piece.

        vocoder = SoundStream.load("soundstream")  # the folder of the SavedModel
        audio = vocoder(log_mel)  # [T, 128] to [T * 320]

    Attributes:
      decode: from log-mel float32 ``[1, T, M]`` to audio ``[1, T * hop]``.
      spec: the frames it inverts.
    """

    decode: Callable[[FloatND], Any]
    spec: MelSpec = MELGAN

    @staticmethod
    def load(source: str, spec: MelSpec = MELGAN) -> SoundStream:
        """Loads the decoder in a folder, or at an address that TensorFlow Hub resolves.

        Raises:
          UserError: TensorFlow or TensorFlow Hub is missing, the folder holds no SavedModel, the
            address cannot be had, or what is there is no decoder of such frames.
        """
        model = _from_address(source) if "://" in source else _from_folder(Path(source))
        if not callable(model):
            raise UserError(f"{source}: a SavedModel that cannot be called; {_expected(spec)}")
        # Tried now, for a wrong model would otherwise fail only after a long rendering.
        silence = np.full((1, _TRIAL, spec.bins), np.log(spec.floor), np.float32)
        try:
            audio = np.asarray(model(silence))
        except Exception as error:  # TensorFlow raises ValueError, TypeError and classes of its own
            raise UserError(
                f"{source}: does not take log-mel of shape [1, {_TRIAL}, {spec.bins}] "
                f"({first_line(error)}); {_expected(spec)}"
            ) from error
        if audio.shape != (1, _TRIAL * spec.hop):
            raise UserError(
                f"{source}: makes an output of shape {list(audio.shape)} of {_TRIAL} frames, not "
                f"[1, {_TRIAL * spec.hop}]; {_expected(spec)}"
            )
        return SoundStream(model, spec)

    def __call__(self, log_mel: FloatND) -> Float[np.ndarray, " S"]:
        """Renders frames ``[T, M]`` as audio float32 ``[T * hop]``.

        Raises:
          VocoderError: frames that `check_log_mel` refuses, or audio that is not finite.
        """
        check_log_mel(log_mel, self.spec)
        hop, total = self.spec.hop, len(log_mel)
        frames = np.asarray(log_mel, np.float32)
        audio = np.empty(total * hop, np.float32)
        for start in range(0, total, _BLOCK):
            end = min(start + _BLOCK, total)
            # Dropped again below, but for what is within the block.
            first = max(start - _CONTEXT, 0)
            decoded = np.asarray(self.decode(frames[None, first : end + _CONTEXT]))[0]
            audio[start * hop : end * hop] = decoded[(start - first) * hop :][: (end - start) * hop]
        if not np.isfinite(audio).all():
            raise VocoderError("the decoder made audio that is not finite")
        return audio


def _from_folder(folder: Path) -> Any:
    if not (folder / SAVED_MODEL).is_file():
        raise UserError(
            f"{folder} is no SavedModel: it has no {SAVED_MODEL}; unpack the archive of {ADDRESS} "
            "into a folder and name that"
        )
    # After the folder was looked at: importing TensorFlow takes seconds.
    tensorflow = _tensorflow()
    try:
        return tensorflow.saved_model.load(str(folder))
    except Exception as error:
        raise UserError(f"{folder}: cannot be loaded: {first_line(error)}") from error


def _from_address(address: str) -> Any:
    _tensorflow()
    try:
        import tensorflow_hub as hub
    except ImportError as error:
        # It imports pkg_resources, which setuptools 82 dropped, and tf_keras, which it does not
        # require: https://github.com/tensorflow/hub/issues/934
        raise UserError(
            f"an address needs tensorflow_hub ({first_line(error)}): pip install tensorflow-hub "
            "tf-keras 'setuptools<82', or name a folder that holds the unpacked SavedModel"
        ) from error
    try:
        return hub.load(address)
    except Exception as error:
        raise UserError(
            f"{address}: cannot be had: {first_line(error)}; a folder that holds the unpacked "
            "SavedModel will do as well"
        ) from error


def _tensorflow() -> Any:
    """Imports TensorFlow, quiet and off the accelerators: JAX has their memory already."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        import tensorflow
    except ImportError as error:
        said = first_line(error)
        raise UserError(f"SoundStream needs tensorflow ({said}): pip install tensorflow") from error
    for kind in ("GPU", "TPU"):
        tensorflow.config.set_visible_devices([], kind)
    return tensorflow


def _expected(spec: MelSpec) -> str:
    return (
        f"what is wanted is a function of [batch, frames, {spec.bins}] log-mel that gives "
        f"[batch, {spec.hop} * frames] audio, such as {ADDRESS}"
    )
