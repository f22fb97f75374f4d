"""Reads sound and notes of one record of MT3's and Spectrogram Diffusion's TFRecord files.

What is in which data set's records is said in `mt3_tfrecords`.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import soundfile
from jaxtyping import Float

from data_pipelines.sources.shared import played_by
from mt3synth.errors import UserError
from mt3synth.symbolic.midi import import_note_seq, notes_from_sequence, parse_note_sequence
from mt3synth.symbolic.notes import Notes

DRUMS = -1
"""Stands for percussion in `INSTRUMENTS`."""

_URMP = {
    "vn": 40, "va": 41, "vc": 42, "db": 43, "tpt": 56, "tbn": 57, "tba": 58, "hn": 60,
    "sax": 64, "ob": 68, "bn": 70, "cl": 71, "fl": 73,
}  # fmt: skip
_CERBERUS = {"bass": 32, "drums": DRUMS, "guitar": 24, "piano": 0}
_SLAKH = {
    "Acoustic Piano": 0, "Electric Piano": 4, "Chromatic Percussion": 8, "Organ": 16,
    "Acoustic Guitar": 24, "Clean Electric Guitar": 26, "Distorted Electric Guitar": 29,
    "Acoustic Bass": 32, "Electric Bass": 33,
    "Violin": 40, "Viola": 41, "Cello": 42, "Contrabass": 43, "Orchestral Harp": 46,
    "Timpani": 47, "String Ensemble": 48, "Synth Strings": 50, "Choir and Voice": 52,
    "Orchestral Hit": 55,
    "Trumpet": 56, "Trombone": 57, "Tuba": 58, "French Horn": 60, "Brass Section": 61,
    "Soprano/Alto Sax": 64, "Tenor Sax": 66, "Baritone Sax": 67,
    "Oboe": 68, "English Horn": 69, "Bassoon": 70, "Clarinet": 71, "Pipe": 73,
    "Synth Lead": 80, "Synth Pad": 88, "Drums": DRUMS,
}  # fmt: skip
INSTRUMENTS = {**_URMP, **_CERBERUS, **_SLAKH, "Clean Guitar": 24}
"""General MIDI program, counted from zero, of each name in ``inst_names``."""

Features = Mapping[str, list[bytes] | np.ndarray]


def name_of(features: Features) -> str:
    """Reads the song's name: the feature ``id`` or ``track_id``.

    Raises:
      UserError: the record has neither, or not as text.
    """
    try:
        return _octets(_first(features, "id", "track_id")).decode()
    except UnicodeDecodeError as error:
        raise UserError(f"its id is not text ({error})") from error


def seconds_of(features: Features) -> float:
    """Returns how many seconds the record sounds.

    Raises:
      UserError: as `sound_of` does, but for samples that are not finite.
    """
    if _is_wav(features):
        with _open_wav(features) as file:
            return file.frames / file.samplerate
    samples, rate = _samples(features)
    return len(samples) / rate


def _is_wav(features: Features) -> bool:
    return "mix" not in features and not isinstance(features.get("audio"), np.ndarray)


def sound_of(features: Features) -> tuple[Float[np.ndarray, " S"], int]:
    """Reads the record's sound as mono float32, and its sample rate.

    Raises:
      UserError: the record has no sound, no sample rate, a broken WAV file, or samples that are
        not finite.
    """
    if _is_wav(features):
        with _open_wav(features) as file:
            rate = file.samplerate
            samples = file.read(dtype="float32", always_2d=True).mean(axis=1)
    else:
        samples, rate = _samples(features)
    if not len(samples):
        raise UserError("no audio (0 samples)")
    if not np.isfinite(samples).all():
        raise UserError(f"{np.sum(~np.isfinite(samples))} samples are not finite")
    return samples, rate


def notes_of(features: Features, instrument: str | None = None) -> tuple[Notes, list[str]]:
    """Reads the record's notes, with the sustain pedal, and remarks on what is not in them.

    Args:
      features: the record.
      instrument: what plays all notes, whatever the record says; a key of ``INSTRUMENTS``.

    Raises:
      UserError: the record has no notes, a sequence that is none, or an unknown instrument.
    """
    names: list[str | None]
    if "inst_names" in features:
        names = [_octets(name).decode(errors="replace") for name in features["inst_names"]]
        sequences = features.get("instrument_sequences", features.get("note_sequences", []))
        if len(sequences) != len(names):
            raise UserError(f"{len(sequences)} sequences for {len(names)} instruments")
    else:
        names, sequences = [instrument], [_first(features, "sequence")]
    unknown = [name for name in names if name is not None and name not in INSTRUMENTS]
    if unknown:
        raise UserError(f"unknown instrument {unknown[0]!r}")
    parts, bends = [], 0
    for name, serialized in zip(names, sequences):
        part, bent = _part(_octets(serialized))
        if name is not None:
            program = INSTRUMENTS[name]
            part = played_by(part, max(program, 0), is_drum=program == DRUMS)
        parts.append(part)
        bends += bent
    notes = Notes.concatenate(parts)
    if not len(notes):
        raise UserError("no notes")
    return notes, [f"pitch bends: {bends} ignored"] if bends else []


def _part(serialized: bytes) -> tuple[Notes, int]:
    """Reads the notes of one sequence, and counts its pitch bends."""
    try:
        sequence = parse_note_sequence(serialized)
        sustained = import_note_seq().apply_sustain_control_changes(sequence)
        return notes_from_sequence(sustained), len(sequence.pitch_bends)
    except Exception as error:  # note-seq raises whatever odd values lead it into
        raise UserError(f"a sequence is damaged ({error})") from error


@contextmanager
def _open_wav(features: Features) -> Iterator[soundfile.SoundFile]:
    wav = _octets(_first(features, "audio"))
    if wav[:4] != b"RIFF":
        raise UserError("its audio is no WAV file")
    try:
        with soundfile.SoundFile(io.BytesIO(wav)) as file:
            yield file
    except soundfile.SoundFileError as error:
        raise UserError(f"broken audio: {error}") from error


def _samples(features: Features) -> tuple[np.ndarray, int]:
    names = ("mix", "audio_sample_rate") if "mix" in features else ("audio", "sample_rate")
    samples, rate = features[names[0]], _first(features, names[1])
    if not isinstance(samples, np.ndarray) or isinstance(rate, bytes):
        raise UserError(f"{' or '.join(names)} is bytes; must be numbers")
    rate = float(rate)
    if not (rate >= 1 and rate.is_integer()):
        raise UserError(f"{names[1]}={rate} samples per second; must be a whole number from 1")
    return np.asarray(samples, np.float32), int(rate)


def _first(features: Features, *names: str) -> Any:
    """Returns the value of the first of these features that has one."""
    for name in names:
        if len(features.get(name, ())):
            return features[name][0]
    present = ", ".join(sorted(features)) or "none"
    raise UserError(f"no feature {' or '.join(names)} (features there: {present})")


def _octets(value: object) -> bytes:
    if not isinstance(value, bytes):
        raise UserError(f"{value!r} where bytes are expected")
    return value
