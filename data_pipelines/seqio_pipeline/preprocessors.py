"""SeqIO preprocessors: TensorFlow shells around the NumPy functions of ``segments``.

Songs travel as few features of bytes until they are cut. So they can be cached offline as they
are: SeqIO's cache would keep int16 as varints of up to ten bytes and float64 as float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from data_pipelines.reading import segments
from data_pipelines.seqio_pipeline.tensorflow_runtime import tensorflow
from data_pipelines.shards.note_tables import NOTE_COLUMNS, notes_to_table
from data_pipelines.shards.tfrecord import parse_curves, parse_sequence
from mt3synth.audio.mel import MelSpec
from mt3synth.audio.resampling import resample_pcm

_CURVED = b"curves\0\0"
"""Stands before a table of notes with curves. None of notes alone begins so: as its first number,
the onset of a note, it would be 6e-310 s, and not 0."""


@dataclass(frozen=True)
class Cut:
    """Says how songs become segments.

    Attributes:
      spec: the front end, whose hop is the grid.
      frames: length of a segment.
      context_frames: how many frames before it travel with it.
      pitch_shift: most semitones by which a segment is shifted, up or down.
      edges: see ``segments.training_starts``.
    """

    spec: MelSpec
    frames: int
    context_frames: int = 0
    pitch_shift: int = 0
    edges: float = 0.0


def feature_description() -> dict[str, Any]:
    """Describes the features of a record (`shards.tfrecord`) to TensorFlow's parser."""
    tf = tensorflow()
    number = tf.io.FixedLenFeature([], tf.int64)
    texts = dict.fromkeys(("id", "audio", "sequence"), tf.io.FixedLenFeature([], tf.string))
    # Only songs whose notes have curves hold them.
    curves = tf.io.FixedLenFeature([], tf.string, default_value="")
    return {**texts, "curves": curves, "sample_rate": number, "performance": number}


def decode_notes(dataset: Any) -> Any:
    """Turns records into songs: ``sequence`` becomes ``notes``, the bytes of a table of float64.

    Of notes with curves it is the wider table, with `_CURVED` ahead.
    """
    tf = tensorflow()

    def table(sequence: bytes, curves: bytes) -> bytes:
        if curves:
            return _CURVED + curves
        return notes_to_table(parse_sequence(sequence)).astype("<f8").tobytes()

    def decode(record: dict[str, Any]) -> dict[str, Any]:
        inputs = [record["sequence"], record["curves"]]
        notes = tf.numpy_function(table, inputs, tf.string, stateful=False)
        kept = {k: value for k, value in record.items() if k not in ("sequence", "curves")}
        return {**kept, "notes": tf.ensure_shape(notes, [])}

    return dataset.map(decode)


def decode_arrays(dataset: Any, performances: Sequence[int] | None = None) -> Any:
    """Decodes songs to ``audio`` int16 ``[S]`` and ``notes`` float64 ``[n, 6]``; the rest stays.

    Notes with curves become ``[k, 10]``.

    Args:
      dataset: songs as ``decode_notes``, or the cache, gives them.
      performances: the index by which to replace each, where several corpora are joined.
    """
    tf = tensorflow()

    def table(octets: bytes) -> np.ndarray:
        if octets.startswith(_CURVED):
            return parse_curves(octets[len(_CURVED) :])
        return np.frombuffer(octets, "<f8").reshape(-1, len(NOTE_COLUMNS))

    def decode(song: dict[str, Any]) -> dict[str, Any]:
        performance = tf.cast(song["performance"], tf.int32)
        if performances is not None:
            performance = tf.gather(tf.constant(performances, tf.int32), performance)
        notes = tf.numpy_function(table, [song["notes"]], tf.float64, stateful=False)
        return {
            "id": song["id"],
            "audio": tf.io.decode_raw(song["audio"], tf.int16),
            "notes": tf.ensure_shape(notes, [None, None]),
            "sample_rate": song["sample_rate"],
            "performance": performance,
        }

    return dataset.map(decode)


def resample_songs(dataset: Any, sample_rate: int) -> Any:
    """Takes the audio of songs as ``decode_arrays`` gives them to a rate, where it has another."""
    tf = tensorflow()

    def resampled(audio: np.ndarray, rate: np.int64) -> np.ndarray:
        return resample_pcm(audio, int(rate), sample_rate)

    def resample(song: dict[str, Any]) -> dict[str, Any]:
        inputs = [song["audio"], song["sample_rate"]]
        audio = tf.cond(
            song["sample_rate"] == sample_rate,
            lambda: song["audio"],
            lambda: tf.numpy_function(resampled, inputs, tf.int16, stateful=False),
        )
        rate = tf.constant(sample_rate, tf.int64)
        return {**song, "audio": tf.ensure_shape(audio, [None]), "sample_rate": rate}

    return dataset.map(resample)


def training_segments(dataset: Any, cut: Cut) -> Any:
    """Cuts songs into segments from a random offset, drawn anew for every song in every pass.

    Their pitch shifts are drawn with it. SeqIO derives the draws from the seed of ``get_dataset``
    and the song's position in the pass.
    """
    import seqio

    tf = tensorflow()

    # In NumPy and not TensorFlow, so that both readers cut the same segments.
    def plan(song_frames: np.int32, draw: np.int32) -> tuple[np.ndarray, np.ndarray]:
        starts = segments.training_starts(int(song_frames), cut.frames, int(draw), cut.edges)
        return starts, segments.training_shifts(len(starts), cut.pitch_shift, int(draw))

    @seqio.map_over_dataset(num_seeds=1, num_parallel_calls=None)
    def plan_song(song: dict[str, Any], seed: Any) -> dict[str, Any]:
        draw = tf.random.stateless_uniform([], seed, 0, np.iinfo(np.int32).max, tf.int32)
        inputs = [_song_frames(song, cut.spec), draw]
        return _planned(song, tf.numpy_function(plan, inputs, [tf.int32] * 2, stateful=False))

    return plan_song(dataset).flat_map(lambda song: _crops(song, cut))


def evaluation_segments(dataset: Any, cut: Cut) -> Any:
    """Cuts songs into segments from beginning to end, in order and at their own pitch."""
    tf = tensorflow()

    def plan(song_frames: np.int32) -> tuple[np.ndarray, np.ndarray]:
        starts = segments.evaluation_starts(int(song_frames), cut.frames)
        return starts, np.zeros_like(starts)

    def plan_song(song: dict[str, Any]) -> dict[str, Any]:
        inputs = [_song_frames(song, cut.spec)]
        return _planned(song, tf.numpy_function(plan, inputs, [tf.int32] * 2, stateful=False))

    return dataset.map(plan_song).flat_map(lambda song: _crops(song, cut))


def _song_frames(song: dict[str, Any], spec: MelSpec) -> Any:
    return -(-tensorflow().shape(song["audio"])[0] // spec.hop)


def _planned(song: dict[str, Any], plan: Any) -> dict[str, Any]:
    tf = tensorflow()
    starts, shifts = (tf.ensure_shape(column, [None]) for column in plan)
    return {**song, "starts": starts, "shifts": shifts}


def _crops(song: dict[str, Any], cut: Cut) -> Any:
    """Makes a dataset of the segments of one song (see `segments.Segment`)."""
    tf = tensorflow()
    spec = cut.spec
    lead = segments.segment_lead(cut.context_frames, spec)
    samples = segments.segment_samples(cut.frames, cut.context_frames, spec)
    audio, notes = song["audio"], song["notes"]
    onset, offset = notes[:, 0], notes[:, 1]

    def crop(start_frame: Any, shift: Any) -> dict[str, Any]:
        first = start_frame * spec.hop - lead
        heard = audio[tf.maximum(first, 0) : first + samples]
        before = tf.maximum(-first, 0)
        padded = tf.pad(heard, [[before, samples - before - tf.shape(heard)[0]]])
        begin = tf.cast(start_frame, tf.float64) / spec.frame_rate
        near = (onset < begin + cut.frames / spec.frame_rate + segments.NOTE_MARGIN_S) & (
            offset > begin - segments.NOTE_MARGIN_S
        )
        return {
            "id": song["id"],
            "start_frame": start_frame,
            "context_frames": tf.constant(cut.context_frames, tf.int32),
            "audio": tf.ensure_shape(padded, [samples]),
            "notes": tf.boolean_mask(notes, near),
            "sample_rate": tf.cast(song["sample_rate"], tf.int32),
            "performance": song["performance"],
            "shift": shift,
        }

    return tf.data.Dataset.from_tensor_slices((song["starts"], song["shifts"])).map(crop)
