"""TFRecord files of MT3's kind that are damaged or lack something: said, and the rest is read."""

from pathlib import Path

import numpy as np
import pytest

from data_pipelines.sources import DATASETS, mt3_tfrecords
from mt3synth.errors import UserError

pytest.importorskip("tensorflow")
pytest.importorskip("note_seq")
from mt3_cases import FILES, RATE, example, sequence, tone, wav, write, write_published


@pytest.fixture
def published(tmp_path_factory) -> Path:
    return write_published(tmp_path_factory.mktemp("ancestor"))


def test_damaged_payload_and_cut_file_are_rejected_with_the_rest_kept(published):
    damaged, cut = (published / name / FILES[name] for name in ("slakh", "maestro"))
    data = bytearray(damaged.read_bytes())
    data[100] ^= 1
    damaged.write_bytes(data)
    cut.write_bytes(cut.read_bytes()[:-10])
    found, rejected = mt3_tfrecords.recordings(published)
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
