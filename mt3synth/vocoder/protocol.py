"""Says what a vocoder is, and checks what goes into one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Protocol, runtime_checkable

import numpy as np

from mt3synth.audio.mel import MelSpec, name_differences
from mt3synth.errors import UserError
from mt3synth.types import Float, FloatND


class VocoderError(UserError):
    """Frames that a vocoder cannot turn into audio."""


@runtime_checkable
class Vocoder(Protocol):
    """A callable from log-mel frames ``[T, M]`` to audio float32 ``[T * hop]``.

        def save(vocoder: Vocoder, log_mel: FloatND) -> None:
            audio, _ = fit_peak(vocoder(log_mel))
            write_audio("song.wav", audio, vocoder.spec.sample_rate, {})

    The audio is not limited to [-1, 1]. Calls raise `VocoderError` for frames that fail
    `check_log_mel`.
    """

    @property
    def spec(self) -> MelSpec:
        """Returns what frames it inverts."""

    def __call__(self, log_mel: FloatND) -> Float[np.ndarray, " S"]:
        """Renders frames as audio."""


@runtime_checkable
class StreamingVocoder(Vocoder, Protocol):
    """A vocoder that can begin before it has heard the end."""

    def stream(
        self, pieces: Iterable[FloatND], soon: bool = False
    ) -> Iterator[Float[np.ndarray, " S"]]:
        """Renders frames as they come, to the same samples however they are cut into pieces.

        Args:
          pieces: log-mel frames ``[T, M]``, one after the other.
          soon: whether the first samples are wanted early, though some may then differ from those
            of a call in the last bits.
        """


SILENT_FRAMES = 8
"""Frames of silence before a song: a few more than any vocoder's window reaches back."""


def vocode_song(vocoder: Vocoder, log_mel: FloatND) -> Float[np.ndarray, " S"]:
    """Renders the frames of a whole song, before whose first frame there is silence.

    A vocoder that is given nothing before a note that begins at time 0 has half a window less to
    make it of, and plays its attack up to 6 dB too loud.

    Raises:
      VocoderError: as the vocoder.
    """
    check_log_mel(log_mel, vocoder.spec)
    audio = vocoder(np.concatenate([_silence(vocoder.spec), log_mel]))
    return audio[SILENT_FRAMES * vocoder.spec.hop :]


def vocode_stream(
    vocoder: Vocoder, pieces: Iterable[FloatND], soon: bool = False
) -> Iterator[Float[np.ndarray, " S"]]:
    """Renders the frames of a whole song as they come, as `vocode_song` does.

    A vocoder that cannot stream is given all at the end. Arguments are those of `StreamingVocoder`.

    Raises:
      VocoderError: as the vocoder.
    """
    # Silence goes through the vocoder like music, and its sound is dropped below.
    padded = chain([_silence(vocoder.spec)], pieces)
    if isinstance(vocoder, StreamingVocoder):
        parts = vocoder.stream(padded, soon)
    else:
        # Held back until all is there, rather than refused: a file can be written all the same.
        parts = iter([vocoder(np.concatenate(list(padded)))])
    skipped = SILENT_FRAMES * vocoder.spec.hop
    for part in parts:
        if len(part) > skipped:
            yield part[skipped:]
        skipped = max(0, skipped - len(part))


def _silence(spec: MelSpec) -> Float[np.ndarray, "T M"]:
    return np.full((SILENT_FRAMES, spec.bins), np.log(spec.floor), np.float32)


def check_spec(vocoder: Vocoder, spec: MelSpec) -> None:
    """Refuses a vocoder made for other frames than ``spec``.

    Raises:
      VocoderError: naming each field that differs.
    """
    differences = name_differences(spec, vocoder.spec, "vocoder")
    if differences:
        raise VocoderError(f"the vocoder inverts other mel frames: {differences}")


def check_log_mel(log_mel: FloatND, spec: MelSpec) -> None:
    """Refuses frames that are not ``[T, M]`` with T of at least 1, not finite, or past the ceiling.

    Raises:
      VocoderError: saying which.
    """
    if log_mel.ndim != 2 or log_mel.shape[1] != spec.bins:
        raise VocoderError(f"log-mel of shape {log_mel.shape}; must be [frames, {spec.bins}]")
    if not len(log_mel):
        raise VocoderError("log-mel of 0 frames; must be at least 1")
    broken = np.flatnonzero(~np.isfinite(log_mel).all(axis=1))
    if len(broken):
        raise VocoderError(f"log-mel not finite in {len(broken)} frames, the first {broken[0]}")
    highest, limit = float(log_mel.max()), float(np.log(spec.ceiling))
    # With room for rounding: a network's frames are clipped to the ceiling in float32.
    if highest > limit + 1e-3:
        raise VocoderError(f"log-mel up to {highest:.1f}; must be at most {limit:.1f}")
