"""Writes audio files of any length from blocks, without holding them in memory."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from mt3synth.atomic import write_atomically
from mt3synth.audio.encoding import open_encoder, write_block
from mt3synth.audio.files import AudioError, check_output
from mt3synth.types import FloatND

_COPIED_BYTES = 1 << 20  # at a time, of float32


class Written(NamedTuple):
    """What was written.

    Attributes:
      seconds: of sound.
      gain: with which it was turned down so that it does not clip; 1 if it was not.
    """

    seconds: float
    gain: float


def write_blocks(
    path: str | os.PathLike[str],
    blocks: Iterable[FloatND],
    sample_rate: int,
    metadata: Callable[[float], Mapping[str, str]],
) -> Written:
    """Writes a mono file as `mt3synth.audio.files.write_audio` of `fit_peak` does, by libsndfile.

    How far the sound has to be turned down is known at its end. So blocks go to a nameless file in
    the same folder first, four bytes a sample, which is gone whatever happens.

    Args:
      path: of the file, which appears whole or not at all.
      blocks: mono float32 ``[S]``, of any level.
      sample_rate: in samples per second.
      metadata: gives what goes into the comment, by the gain.

    Raises:
      AudioError: as `write_audio`.
    """
    path = Path(path)
    check_output(path, metadata(1.0))
    try:
        with tempfile.TemporaryFile(dir=path.parent) as scratch:
            peak, samples = 0.0, 0
            for block in blocks:
                scratch.write(np.ascontiguousarray(block, np.float32).data)
                # Unlike max, NumPy's does not lose what is no number.
                peak = float(np.maximum(peak, np.max(np.abs(block), initial=0.0)))
                samples += len(block)
            if not samples:
                raise AudioError(f"{path}: no audio to write (0 samples)")
            if not np.isfinite(peak):
                raise AudioError(f"{path}: audio to write holds a sample that is not finite")
            scale = np.float32(max(peak, 1.0))
            gain = 1 / float(scale)
            scratch.seek(0)
            with write_atomically(path) as unfinished:
                suffix = path.suffix.lower()
                with open_encoder(unfinished, suffix, sample_rate, 1, metadata(gain)) as file:
                    while copied := scratch.read(_COPIED_BYTES):
                        write_block(file, np.frombuffer(copied, np.float32) / scale)
                with open(unfinished, "rb") as written:
                    os.fsync(written.fileno())  # some file systems report a full disk only here
    except (OSError, soundfile.SoundFileError) as error:
        reason = getattr(error, "strerror", None) or error
        raise AudioError(f"{path}: cannot be written: {reason}") from error
    return Written(samples / sample_rate, gain)
