"""TFRecord files that MT3 and Spectrogram Diffusion publish, read beside TensorFlow and note-seq.

TensorFlow parses every record of `mt3_cases` with the descriptions given in the ancestors'
``datasets.py``. The notes are compared with what note-seq's pedal and the programs of their
``preprocessors.py`` give, the sound with note-seq's own WAV reader.
"""

import pickle
from pathlib import Path

import numpy as np
import pytest

from data_pipelines.recordings import AudioSource, NotesSource
from data_pipelines.sources import mt3_tfrecords

tf = pytest.importorskip("tensorflow")
note_seq = pytest.importorskip("note_seq")
from mt3_cases import FILES, RATE, SPLITS, example, sequence, tone, wav, write, write_published  # noqa: E402


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Path:
    return write_published(tmp_path_factory.mktemp("ancestor"))


def by_dataset(folder: Path, name: str):
    """Picks the recordings of one data set, in order."""
    found, rejected = mt3_tfrecords.recordings(folder)
    assert not rejected
    return [r for r in found if r.performance == name]


def scalar(kind):
    return tf.io.FixedLenFeature([], kind)


def several(kind):
    return tf.io.FixedLenSequenceFeature([], kind, allow_missing=True)


DESCRIPTIONS = {
    "maestro": {"audio": scalar(tf.string), "sequence": scalar(tf.string), "id": scalar(tf.string)},
    "guitarset": {
        "sequence": scalar(tf.string),
        "audio": scalar(tf.string),
        "velocity_range": scalar(tf.string),
        "id": scalar(tf.string),
    },
    "urmp": {
        "id": scalar(tf.string),
        "tracks": several(tf.int64),
        "inst_names": several(tf.string),
        "audio": scalar(tf.string),
        "sequence": scalar(tf.string),
        "instrument_sequences": several(tf.string),
    },
    "musicnet": {
        "id": scalar(tf.string),
        "sample_rate": scalar(tf.float32),
        "audio": several(tf.float32),
        "sequence": scalar(tf.string),
    },
    "slakh": {
        "audio_sample_rate": scalar(tf.int64),
        "inst_names": several(tf.string),
        "midi_class": several(tf.int64),
        "mix": several(tf.float32),
        "note_sequences": several(tf.string),
        "plugin_name": several(tf.int64),
        "program_num": several(tf.int64),
        "slakh_class": several(tf.int64),
        "src_ids": several(tf.string),
        "stems": several(tf.float32),
        "stems_shape": tf.io.FixedLenFeature([2], tf.int64),
        "target_type": scalar(tf.string),
        "track_id": scalar(tf.string),
    },
}
DESCRIPTIONS["cerberus4"] = DESCRIPTIONS["slakh"]

# What the repositories' preprocessors make of the instruments above: (program, is_drum) each.
PROGRAMS = {
    "guitarset": [(24, False)],
    "urmp": [(40, False), (42, False)],
    "slakh": [(0, False), (33, False), (0, True)],
    "cerberus4": [(32, False), (0, True), (24, False), (0, False)],
}


def their_notes(name: str, record) -> list[tuple]:
    """Rows of notes, by TensorFlow's parser and note-seq's pedal."""
    key = {"urmp": "instrument_sequences", "slakh": "note_sequences", "cerberus4": "note_sequences"}
    sequences = np.atleast_1d(record[key.get(name, "sequence")].numpy())
    rows = []
    for index, serialized in enumerate(sequences):
        parsed = note_seq.NoteSequence.FromString(serialized)
        for n in note_seq.apply_sustain_control_changes(parsed).notes:
            program, is_drum = PROGRAMS.get(name, [(n.program, n.is_drum)] * (index + 1))[index]
            rows.append((n.start_time, n.end_time, n.pitch, n.velocity, program, is_drum))
    return sorted(rows)


def their_sound(record, rate: int) -> np.ndarray:
    if "mix" in record:
        return record["mix"].numpy()
    if record["audio"].dtype == tf.float32:
        assert record["sample_rate"].numpy() == rate
        return record["audio"].numpy()
    return note_seq.audio_io.wav_data_to_samples_librosa(record["audio"].numpy(), rate)


@pytest.mark.parametrize("name", FILES)
def test_tensorflow_and_note_seq_read_the_same(published, name):
    theirs = [
        tf.io.parse_single_example(serialized, DESCRIPTIONS[name])
        for serialized in tf.data.TFRecordDataset(str(published / name / FILES[name]))
    ]
    ours = by_dataset(published, name)
    assert len(ours) == len(theirs)
    for recording, record in zip(ours, theirs):
        notes, _ = recording.notes.read()
        columns = (
            notes.start,
            notes.end,
            notes.pitch,
            notes.velocity,
            notes.program,
            notes.is_drum,
        )
        np.testing.assert_allclose(sorted(zip(*columns)), their_notes(name, record), atol=1e-9)
        rate = {"slakh": RATE, "cerberus4": RATE, "musicnet": 44100}.get(name, 16000)
        expected = their_sound(record, rate)
        sound = recording.audio.read(rate)
        assert sound.dtype == np.float32 and sound.shape == expected.shape
        np.testing.assert_allclose(sound, expected, atol=2e-4)
        assert recording.audio.seconds() == recording.end == 1.0
        assert recording.split == SPLITS[name]


def test_pedal_holds_only_the_instrument_that_presses_it(published):
    first = by_dataset(published, "slakh")[0]
    notes, remarks = first.notes.read()
    piano = notes.select(~notes.is_drum & (notes.program == 0))
    np.testing.assert_allclose(piano.end, [0.9, 0.9])
    np.testing.assert_allclose(notes.select(notes.program == 33).end, [0.1])
    assert remarks == ["pitch bends: 1 ignored"]


def test_ids_are_unique_and_records_travel(published):
    found = mt3_tfrecords.recordings(published).recordings
    assert [r.id for r in found if r.performance == "slakh"] == [
        "slakh/Track00001",
        "slakh/Track00001~2",
    ]
    assert len({r.id for r in found}) == len(found)
    assert all(isinstance(r.audio, AudioSource) and isinstance(r.notes, NotesSource) for r in found)
    assert pickle.loads(pickle.dumps(found)) == found


def test_every_song_may_be_its_own_performance(published):
    found = mt3_tfrecords.recordings(published, "song").recordings
    assert len({r.performance for r in found}) == len(found)


def test_any_rate_is_resampled(published):
    (recording,) = by_dataset(published, "musicnet")
    np.testing.assert_allclose(
        recording.audio.read(16000)[500:-500], tone(16000)[500:-500], atol=1e-3
    )


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("songs.tfrecord", None),
        ("songs_test.tfrecord-00000-of-00001", "test"),
        ("contest.tfrecord", None),
        ("train_and_test.tfrecord", None),
        ("x-validation-00000-of-00001.tfrecord", "validation"),
    ],
)
def test_split_is_in_the_file_name(tmp_path, name, split):
    write(tmp_path / name, example(audio=wav(RATE), sequence=sequence(60), id="a"))
    assert [r.split for r in mt3_tfrecords.recordings(tmp_path).recordings] == [split]
