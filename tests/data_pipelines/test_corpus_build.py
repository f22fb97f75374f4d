"""Writing songs: record fields, order, and a whole small corpus."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import sleep

import numpy as np
import pytest
from corpus_cases import chorale, needs_fluidsynth, tune

from data_pipelines.corpus import build as builder
from data_pipelines.corpus.records import RecordWriter
from data_pipelines.corpus.songs import SAMPLE_RATE, Song
from mt3synth.errors import UserError
from mt3synth.symbolic.notes import Notes


def _song(index: int) -> Song:
    notes = Notes(
        start=np.array([0.1, 0.5]),
        end=np.array([0.4, 1.25]),
        pitch=np.array([60, 36]),
        velocity=np.array([17, 127]),
        program=np.array([40, 0]),
        is_drum=np.array([False, True]),
    )
    return Song(f"train-{index}", notes, np.arange(-50, 50, dtype=np.int16), 3)


def test_records_hold_what_the_song_is(tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    note_seq = pytest.importorskip("note_seq")
    with RecordWriter(tmp_path, "train", 2) as writer:
        for index in range(3):
            writer.write(_song(index))
    assert writer.count == 3
    files = sorted(p.name for p in tmp_path.iterdir())
    assert files == ["train-00000-of-00002.tfrecord", "train-00001-of-00002.tfrecord"]
    records = list(tf.data.TFRecordDataset(str(tmp_path / files[0])).as_numpy_iterator())
    assert len(records) == 2
    feature = tf.train.Example.FromString(records[1]).features.feature
    assert feature["id"].bytes_list.value[0] == b"train-2"
    assert feature["sample_rate"].int64_list.value[0] == SAMPLE_RATE
    assert feature["performance"].int64_list.value[0] == 3
    audio = np.frombuffer(feature["audio"].bytes_list.value[0], "<i2")
    np.testing.assert_array_equal(audio, np.arange(-50, 50))
    sequence = note_seq.NoteSequence.FromString(feature["sequence"].bytes_list.value[0])
    violin, drum = sorted(sequence.notes, key=lambda n: n.start_time)
    assert (violin.pitch, violin.velocity, violin.program, violin.is_drum) == (60, 17, 40, False)
    assert (violin.start_time, violin.end_time) == pytest.approx((0.1, 0.4))
    assert (drum.pitch, drum.velocity, drum.is_drum) == (36, 127, True)


def test_songs_come_in_order_and_no_further_than_asked() -> None:
    started = []

    def job(index: int):
        def run() -> Song:
            started.append(index)
            sleep(0.02 if index % 2 == 0 else 0.0)
            return _song(index)

        return run

    with ThreadPoolExecutor(2) as pool:
        songs = builder._in_order(pool, (job(i) for i in range(10_000)), workers=2)
        ids = [next(songs).id for _ in range(6)]
        songs.close()
    assert ids == [f"train-{i}" for i in range(6)]
    assert len(started) < 30


@pytest.mark.parametrize(("option", "value"), [("--hours", "0"), ("--workers", "0")])
def test_command_refuses_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str, value: str
) -> None:
    arguments = {"--out": str(tmp_path), "--hours": "1", "--seed": "0", option: value}
    assert builder.main([word for pair in arguments.items() for word in pair]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"error: {option} ") and said.count("\n") == 1


@pytest.mark.slow
@needs_fluidsynth
def test_a_small_corpus_is_the_same_with_any_number_of_workers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tensorflow")
    scores = [
        chorale(),
        tune(),
        chorale(40, "haydn/a.mxl"),
        chorale(40, "mozart/a.mxl", "Mozart"),
    ]
    monkeypatch.setattr(builder.score_files, "fill_cache", lambda *_: None)
    monkeypatch.setattr(builder.score_files, "read_cache", lambda *_: (scores, {}))
    digests = []
    for workers in (1, 2):
        out = tmp_path / str(workers)
        builder.build(out, 0.03, seed=5, workers=workers, cache=tmp_path)
        files = sorted(out.glob("*.tfrecord"))
        assert [p.name.split("-")[0] for p in files] == ["test", "train", "validation"]
        digests.append([hashlib.sha256(p.read_bytes()).hexdigest() for p in files])
    assert digests[0] == digests[1]
    report = json.loads((tmp_path / "2" / "corpus.json").read_text())
    assert report["splits"]["train"]["hours"] >= 0.03
    assert report["soundfonts"]["FluidR3_GM.sf2"]["licence"].startswith("MIT")
    named = json.loads((tmp_path / "2" / "performances.json").read_text())
    assert [p["index"] for p in named] == list(range(len(named)))
    assert set(named[0]) == {"index", "name", "description"}


def test_an_older_corpus_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "train-00000-of-00001.tfrecord").write_bytes(b"precious")
    with pytest.raises(UserError, match="holds TFRecords already"):
        builder.build(tmp_path, 1.0, 0, 1, tmp_path / "scores")
    assert (tmp_path / "train-00000-of-00001.tfrecord").read_bytes() == b"precious"


def test_a_missing_soundfont_stops_the_build_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = builder.DEFAULT_FILE.read_text().replace("TimGM6mb.sf2", "no such file.sf2")
    (tmp_path / "p.toml").write_text(text)
    with pytest.raises(UserError, match="timgm6mb-soundfont"):
        builder.build(tmp_path / "out", 1.0, 0, 1, tmp_path, tmp_path / "p.toml")
    assert not (tmp_path / "out").exists()
