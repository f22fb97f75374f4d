"""TFRecord files with the features that MT3 and Spectrogram Diffusion publish, in miniature.

Written by TensorFlow: feature names, types and file names are those of ``datasets.py`` in
magenta/mt3 and magenta/music-spectrogram-diffusion.
"""

import io
from pathlib import Path

import note_seq
import numpy as np
import soundfile
import tensorflow as tf

RATE = 16000  # of the floats; WAV files have their own


def tone(rate: int, channels: int = 1, hertz: float = 440.0) -> np.ndarray:
    """Makes a second of a quiet tone, float32 ``[S]`` or ``[S, channels]``."""
    time = np.arange(rate) / rate
    audio = 0.2 * np.sin(2 * np.pi * hertz * time).astype(np.float32)
    return np.stack([audio, np.zeros_like(audio)], axis=1) if channels == 2 else audio


def wav(rate: int, channels: int = 1) -> bytes:
    buffer = io.BytesIO()
    soundfile.write(buffer, tone(rate, channels), rate, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


def sequence(*pitches: int, pedal: bool = False, bend: bool = False, program: int = 0) -> bytes:
    """Notes of 0.1 s, one every 0.1 s; a pedal holds all until 0.9 s."""
    message = note_seq.NoteSequence()
    for row, pitch in enumerate(pitches):
        message.notes.add(
            start_time=0.1 * row,
            end_time=0.1 * (row + 1),
            pitch=pitch,
            velocity=80,
            program=program,
        )
    if pedal:
        message.control_changes.add(time=0, control_number=64, control_value=127)
        message.control_changes.add(time=0.9, control_number=64, control_value=0)
    if bend:
        message.pitch_bends.add(time=0.05, bend=500)
    message.total_time = 1.0
    return message.SerializeToString()


def example(**features) -> bytes:
    """Serializes a ``tf.train.Example`` of bytes, lists of bytes, whole numbers and floats."""

    def feature(value):
        values = value if isinstance(value, list | np.ndarray) else [value]
        if isinstance(values[0], str | bytes):
            octets = [v.encode() if isinstance(v, str) else v for v in values]
            return tf.train.Feature(bytes_list=tf.train.BytesList(value=octets))
        if isinstance(values[0], int):
            return tf.train.Feature(int64_list=tf.train.Int64List(value=values))
        return tf.train.Feature(float_list=tf.train.FloatList(value=values))

    fields = {name: feature(value) for name, value in features.items()}
    return tf.train.Example(features=tf.train.Features(feature=fields)).SerializeToString()


def write(path: Path, *records: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)


def slakh_record(name: str, **changed) -> bytes:
    fields = {
        "audio_sample_rate": RATE,
        "inst_names": ["Acoustic Piano", "Electric Bass", "Drums"],
        "midi_class": [0, 33, 128],
        "mix": tone(RATE),
        "note_sequences": [
            sequence(60, 62, pedal=True),
            sequence(40, bend=True),
            sequence(36),
        ],
        "plugin_name": [1, 2, 3],
        "program_num": [1, 33, 128],
        "slakh_class": [0, 8, 33],
        "src_ids": ["S00", "S01", "S02"],
        "stems": np.tile(tone(RATE), 3),
        "stems_shape": [3, RATE],
        "target_type": "MIDI",
        "track_id": name,
    }
    return example(**{**fields, **changed})


FILES = {
    "maestro": "maestro-v3.0.0_ns_wav_train.tfrecord-00004-of-00025",
    "guitarset": "validation.tfrecord-00000-of-00006",
    "urmp": "train.tfrecord",
    "musicnet": "musicnet-test.tfrecord-00000-of-00003",
    "slakh": "slakh_multi_full_subsets_10_train_all_inst.tfrecord-00000-of-02307",
    "cerberus4": "slakh_multi_cerberus_validation_bass:drums:guitar:piano.tfrecord-00000-of-00212",
}
SPLITS = {
    "maestro": "train",
    "guitarset": "validation",
    "urmp": "train",
    "musicnet": "test",
    "slakh": "train",
    "cerberus4": "validation",
}


def write_published(folder: Path) -> Path:
    """Writes a folder for each data set, with one of its files."""
    records = {
        "maestro": [
            example(audio=wav(48000, 2), sequence=sequence(60, 64, pedal=True), id="maestro 1"),
            example(audio=wav(44100, 2), sequence=sequence(61), id="maestro 2"),
        ],
        "guitarset": [
            example(audio=wav(44100), sequence=sequence(52), velocity_range=b"", id="00_BN1")
        ],
        "urmp": [
            example(
                id="01_Jupiter_vn_vc",
                tracks=[1, 2],
                inst_names=["vn", "vc"],
                audio=wav(48000),
                sequence=sequence(76, 48),
                instrument_sequences=[sequence(76), sequence(48)],
            )
        ],
        "musicnet": [
            example(
                id="1727",
                sample_rate=np.float32(44100),
                audio=tone(44100),
                sequence=sequence(57, program=70),
            )
        ],
        "slakh": [slakh_record("Track00001"), slakh_record("Track00001")],
        "cerberus4": [
            slakh_record(
                "Track01501",
                inst_names=["bass", "drums", "guitar", "piano"],
                note_sequences=[sequence(p) for p in (40, 36, 55, 60)],
            )
        ],
    }
    for name, written in records.items():
        write(folder / name / FILES[name], *written)
    return folder
