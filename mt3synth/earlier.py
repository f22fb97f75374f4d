"""An earlier rendering of a song, and the sidecar beside its file by which it is taken up again.

``song.wav`` has ``song.wav.sidecar.npz``: the notes that were rendered, the frames that were made
of them, all settings, and a digest by which the sound is known to be the one that was written.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from mt3synth.atomic import write_bytes
from mt3synth.errors import UserError, explain_os_errors
from mt3synth.foreign_files import parse_json, read_arrays
from mt3synth.symbolic.notes import Notes
from mt3synth.types import Float

FORMAT = 1
LOSSLESS = (".wav", ".flac")
"""Files that hold the very samples that were written to them."""

_COLUMNS = ("start", "end", "pitch", "velocity", "program", "is_drum")


@dataclass(frozen=True, eq=False)
class Earlier:
    """Holds what is known of an earlier rendering.

    Attributes:
      name: for messages.
      notes: that were rendered; time 0 is the beginning of the sound.
      mel: frames that were made of them ``[T, M]``, natural log.
      audio: mono float32 ``[S]`` as it was written.
      metadata: all settings by name.
    """

    name: str
    notes: Notes
    mel: Float[np.ndarray, "T M"]
    audio: Float[np.ndarray, " S"]
    metadata: Mapping[str, str]


def sidecar_path(path: str | os.PathLike[str]) -> Path:
    """Names the sidecar of an audio file."""
    return Path(f"{os.fspath(path)}.sidecar.npz")


def check_lossless(path: str | os.PathLike[str]) -> None:
    """Refuses files whose samples are not those that were written.

    Raises:
      UserError: the suffix is neither WAV nor FLAC.
    """
    if Path(path).suffix.lower() not in LOSSLESS:
        raise UserError(f"{path}: only WAV and FLAC keep the samples that --since goes on from")


def write_sidecar(
    path: str | os.PathLike[str],
    notes: Notes,
    mel: Float[np.ndarray, "T M"],
    metadata: Mapping[str, str],
) -> None:
    """Writes the sidecar of an audio file, which has been written.

    Args:
      path: of the audio file.
      notes, mel, metadata: as in `Earlier`.

    Raises:
      UserError: it cannot be written, or the file is not lossless.
    """
    check_lossless(path)
    columns = {name: getattr(notes, name) for name in _COLUMNS}
    about = json.dumps(
        {"format": FORMAT, "metadata": dict(metadata), "digest": _digest(_read_samples(path))}
    )
    encoded = io.BytesIO()
    # Half precision: 0.03 dB, and frames are looked at only around what is made anew.
    np.savez_compressed(encoded, about=np.array(about), mel=mel.astype(np.float16), **columns)
    with explain_os_errors(sidecar_path(path), "cannot be written"):
        write_bytes(sidecar_path(path), encoded.getbuffer())


def read_earlier(path: str | os.PathLike[str]) -> Earlier:
    """Reads an earlier rendering from its audio file and the sidecar of that.

    Raises:
      UserError: one of them is missing or cannot be read, they do not belong together, or the
        sidecar is of another format.
    """
    check_lossless(path)
    beside = sidecar_path(path)
    if not Path(path).is_file():
        raise UserError(f"{path}: no such file; --since needs an earlier rendering")
    if not beside.is_file():
        raise UserError(f"{path}: has no {beside.name} beside it; render it with --sidecar first")
    with explain_os_errors(beside):
        data = beside.read_bytes()
    try:
        arrays = read_arrays(data)
        about = parse_json(str(arrays["about"]))
        found = about["format"]
        if found != FORMAT:
            raise UserError(
                f"{beside}: of format {found}, and this version reads {FORMAT}; render {path} "
                "anew with --sidecar"
            )
        notes = Notes(*(arrays[name] for name in _COLUMNS))
        mel = arrays["mel"].astype(np.float32)
        digest, metadata = str(about["digest"]), dict(about["metadata"])
    except UserError:
        raise
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{beside}: no sidecar of mt3synth ({type(error).__name__}); render {path} anew with "
            "--sidecar"
        ) from error
    samples = _read_samples(path)
    if _digest(samples) != digest or mel.ndim != 2 or not len(notes):
        raise UserError(f"{path}: not the sound that {beside.name} is of; render it anew")
    audio = (samples / np.float32(2**15)).astype(np.float32)
    return Earlier(os.fspath(path), notes, mel, audio, metadata)


def _read_samples(path: str | os.PathLike[str]) -> np.ndarray:
    with explain_os_errors(path):
        data = Path(path).read_bytes()
    try:
        samples, _ = soundfile.read(io.BytesIO(data), dtype="int16")
    except soundfile.SoundFileError as error:
        raise UserError(f"{path}: cannot be read as audio") from error
    return np.asarray(samples)


def _digest(samples: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(samples, "<i2").tobytes()).hexdigest()
