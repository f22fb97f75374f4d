"""SeqIO preprocessors: TensorFlow shells around the NumPy functions of ``segments``."""

from __future__ import annotations

from typing import Any

import numpy as np

from data_pipelines import segments
from data_pipelines.runtime import tensorflow
from mt3synth.audio.mel import MelSpec


def decode_songs(dataset: Any) -> Any:
    """Records to songs: ``audio`` int16 ``[S]``, ``notes`` float64 ``[n, 6]``, the rest kept."""
    tf = tensorflow()

    def decode(record: dict[str, Any]) -> dict[str, Any]:
        notes = tf.numpy_function(_note_table, [record["sequence"]], tf.float64, stateful=False)
        return {
            "id": record["id"],
            "audio": tf.io.decode_raw(record["audio"], tf.int16),
            "notes": tf.ensure_shape(notes, [None, len(segments.NOTE_COLUMNS)]),
            "sample_rate": record["sample_rate"],
            "performance": tf.cast(record["performance"], tf.int32),
        }

    return dataset.map(decode)


def training_segments(dataset: Any, spec: MelSpec, frames: int) -> Any:
    """Songs to segments from a random offset, drawn anew for every song in every pass.

    SeqIO derives the draws from the seed of ``get_dataset`` and the song's place in the pass.
    """
    import seqio

    tf = tensorflow()

    def starts(song_frames: np.int32, draw: np.int32) -> np.ndarray:
        return segments.training_starts(int(song_frames), frames, int(draw))

    @seqio.map_over_dataset(num_seeds=1, num_parallel_calls=None)
    def place(song: dict[str, Any], seed: Any) -> dict[str, Any]:
        draw = tf.random.stateless_uniform([], seed, 0, np.iinfo(np.int32).max, tf.int32)
        placed = tf.numpy_function(
            starts, [_song_frames(song, spec), draw], tf.int32, stateful=False
        )
        return {**song, "starts": tf.ensure_shape(placed, [None])}

    return place(dataset).flat_map(lambda song: _crops(song, spec, frames))


def evaluation_segments(dataset: Any, spec: MelSpec, frames: int) -> Any:
    """Songs to segments from their beginning to their end, in order."""
    tf = tensorflow()

    def starts(song_frames: np.int32) -> np.ndarray:
        return segments.evaluation_starts(int(song_frames), frames)

    def place(song: dict[str, Any]) -> dict[str, Any]:
        placed = tf.numpy_function(starts, [_song_frames(song, spec)], tf.int32, stateful=False)
        return {**song, "starts": tf.ensure_shape(placed, [None])}

    return dataset.map(place).flat_map(lambda song: _crops(song, spec, frames))


def _song_frames(song: dict[str, Any], spec: MelSpec) -> Any:
    return -(-tensorflow().shape(song["audio"])[0] // spec.hop)


def _crops(song: dict[str, Any], spec: MelSpec, frames: int) -> Any:
    """One song as a dataset of its segments (see ``segments.Segment``)."""
    tf = tensorflow()
    samples = segments.segment_samples(frames, spec)
    audio, notes = song["audio"], song["notes"]
    onset, offset = notes[:, 0], notes[:, 1]

    def crop(start_frame: Any) -> dict[str, Any]:
        first = start_frame * spec.hop
        heard = audio[first : first + samples]
        begin = tf.cast(start_frame, tf.float64) / spec.frame_rate
        near = (onset < begin + frames / spec.frame_rate + segments.NOTE_MARGIN_S) & (
            offset > begin - segments.NOTE_MARGIN_S
        )
        return {
            "id": song["id"],
            "start_frame": start_frame,
            "audio": tf.ensure_shape(tf.pad(heard, [[0, samples - tf.shape(heard)[0]]]), [samples]),
            "notes": tf.boolean_mask(notes, near),
            "sample_rate": song["sample_rate"],
            "performance": song["performance"],
        }

    return tf.data.Dataset.from_tensor_slices(song["starts"]).map(crop)


def _note_table(sequence: bytes) -> np.ndarray:
    from note_seq.protobuf import music_pb2

    from mt3synth.symbolic.midi import notes_from_sequence

    notes = notes_from_sequence(music_pb2.NoteSequence.FromString(sequence))
    return segments.notes_to_table(notes)
