"""TFRecord files with the features that MT3 and Spectrogram Diffusion publish, in miniature.

Written by TensorFlow: feature names, types and file names are those of ``datasets.py`` in
magenta/mt3 and magenta/music-spectrogram-diffusion, and TensorFlow parses every record with the
descriptions given there. The notes are compared with what note-seq's pedal and the programs of
their ``preprocessors.py`` give, the sound with note-seq's own WAV reader.
"""

import io
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from data_pipelines.recordings import AudioSource, NotesSource
from data_pipelines.sources import DATASETS, mt3_tfrecords
from mt3synth.errors import UserError

tf = pytest.importorskip("tensorflow")
note_seq = pytest.importorskip("note_seq")

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


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("ancestor")
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


@pytest.fixture
def copied(published, tmp_path) -> Path:
    return Path(shutil.copytree(published, tmp_path / "ancestor"))


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


def test_damaged_payload_and_cut_file_are_rejected_with_the_rest_kept(copied):
    damaged, cut = (copied / name / FILES[name] for name in ("slakh", "maestro"))
    data = bytearray(damaged.read_bytes())
    data[100] ^= 1
    damaged.write_bytes(data)
    cut.write_bytes(cut.read_bytes()[:-10])
    found, rejected = mt3_tfrecords.recordings(copied)
    assert [r.audio for r in rejected] == [str(cut), str(damaged)]
    assert "cut short" in rejected[0].reason and "checksum" in rejected[1].reason
    assert [r.id for r in found if "maestro" in r.id] == ["maestro/maestro 1"]
    # The record after the damaged one is still found by the lengths.
    assert {r.performance for r in found} == set(FILES)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (b"\xff\xff\xff", "no tf.train.Example"),
        (example(audio=wav(RATE), sequence=sequence(60)), "no feature id or track_id"),
        (example(audio=wav(RATE), id=b"\xff", sequence=sequence(60)), "id is not text"),
        (example(sequence=sequence(60), id="a"), "no feature audio"),
        (example(audio=wav(RATE), id=1 << 40, sequence=sequence(60)), "where bytes are expected"),
        (example(mix=b"RIFF", audio_sample_rate=RATE, id="a"), "mix or audio_sample_rate is bytes"),
        (example(audio=b"OggS", sequence=sequence(60), id="a"), "no WAV file"),
        (example(audio=wav(RATE)[:20], sequence=sequence(60), id="a"), "broken audio"),
        (example(audio=tone(RATE), sequence=sequence(60), id="a"), "no feature sample_rate"),
        (example(mix=tone(RATE), audio_sample_rate=0, id="a"), "audio_sample_rate=0"),
    ],
    ids=range(10),  # the bytes of a record are in an order that chance decides
)
def test_a_record_without_sound_or_name_is_rejected_and_the_next_is_read(tmp_path, record, message):
    path = tmp_path / "train.tfrecord"
    write(path, record, example(audio=wav(RATE), sequence=sequence(60), id="good"))
    found, (rejection,) = mt3_tfrecords.recordings(tmp_path)
    assert [r.id for r in found] == [f"{tmp_path.name}/good"]
    assert (
        rejection.reason.startswith(f"{path}, record at byte 0: ") and message in rejection.reason
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "no feature sequence"),
        ({"sequence": sequence()}, "no notes"),
        ({"sequence": b"\xff\xff\xff"}, "a sequence is damaged"),
        ({"inst_names": ["kazoo"], "note_sequences": [sequence(60)]}, "unknown instrument 'kazoo'"),
        ({"inst_names": [1], "note_sequences": [sequence(60)]}, "where bytes are expected"),
        ({"inst_names": ["vn", "va"], "note_sequences": [sequence(60)]}, "1 sequences for 2"),
    ],
)
def test_notes_that_cannot_be_read_are_one_line(tmp_path, fields, message):
    write(tmp_path / "train.tfrecord", example(audio=wav(RATE), id="a", **fields))
    (recording,), rejected = mt3_tfrecords.recordings(tmp_path)
    assert not rejected
    with pytest.raises(UserError, match=message) as caught:
        recording.notes.read()
    assert "train.tfrecord, record at byte 0" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_samples_that_are_not_finite_are_refused(tmp_path):
    audio = tone(RATE)
    audio[7] = np.nan
    write(
        tmp_path / "train.tfrecord",
        example(audio=audio, sample_rate=np.float32(RATE), id="a", sequence=sequence(60)),
    )
    (recording,), _ = mt3_tfrecords.recordings(tmp_path)
    with pytest.raises(UserError, match="1 samples are not finite"):
        recording.audio.read(RATE)


def test_no_such_files_and_no_such_rule(tmp_path, published):
    (tmp_path / ".hidden.tfrecord").write_bytes(b"")
    with pytest.raises(UserError, match=r"looked for \*\.tfrecord\*"):
        mt3_tfrecords.recordings(tmp_path)
    pytest.importorskip("upath")
    with pytest.raises(UserError, match="copy them here"):
        mt3_tfrecords.recordings("memory://mt3")
    with pytest.raises(UserError, match="'year'; must be one of dataset, song"):
        DATASETS["mt3-tfrecords"].recordings(published, "year")
