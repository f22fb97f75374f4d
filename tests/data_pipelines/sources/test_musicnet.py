"""MusicNet's folder as published (Zenodo 5120004): `musicnet_metadata.csv` with its columns and
some of its rows, `musicnet/{train,test}_{data,labels}/ID.{wav,csv}`, labels in samples at 44.1 kHz.

The independent reader is note_seq's, which takes MusicNet's other release, one .npz of audio and
interval trees: both are made here of the same labels.
"""

import csv
import pickle
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile

from data_pipelines.sources import DATASETS, musicnet
from data_pipelines.sources.musicnet import LabelFile
from mt3synth.errors import UserError

METADATA = """\
id,composer,composition,movement,ensemble,source,transcriber,catalog_name,seconds
1727,Schubert,Piano Quintet in A major,2. Andante,Piano Quintet,European Archive,\
http://tirolmusic.blogspot.com/,OP114,447
1728,Schubert,Piano Quintet in A major,3. Scherzo: Presto,Piano Quintet,European Archive,\
http://tirolmusic.blogspot.com/,OP114,251
1739,Schubert,Piano Trio in B-flat major,4. Rondo. Allegro vivace,Piano Trio,European Archive,\
harfesoft.de,OP99,490
1818,Mozart,Serenade in E-flat major,3. Adagio,Pairs Clarinet-Horn-Bassoon,\
Soni Ventorum Wind Quintet,Oliver Seely,K375,407
1819,Mozart,Serenade in E-flat major,4. Menuetto,Pairs Clarinet-Horn-Bassoon,\
Soni Ventorum Wind Quintet,Oliver Seely,K375,177
2532,Beethoven,Piano Sonata No 20 in C minor,1. Maestoso - Allegro con brio ed appassionato,\
Solo Piano,Neal O’Doan,piano-midi.de,OP111,548
"""
PARTS = {
    "1727": "train",
    "1728": "train",
    "1739": "train",
    "1818": "train",
    "1819": "test",
    "2532": "train",
}
HEADER = "start_time,end_time,instrument,note,start_beat,end_beat,note_value\n"
LABELS = (
    HEADER
    + """\
9182,33246,42,65,4.0,0.5,Eighth
9182,90078,43,53,4.0,1.5,Dotted Quarter
9182,90078,1,72,4.0,1.5,Dotted Quarter
33246,57310,41,69,4.5,0.5,Eighth
33246,57310,44,33,4.5,0.5,Eighth
"""
)
CODES = {  # the paper's eleven instruments by the labels' numbers
    1: "Acoustic Grand Piano",
    7: "Harpsichord",
    41: "Violin",
    42: "Viola",
    43: "Cello",
    44: "Contrabass",
    61: "French Horn",
    69: "Oboe",
    71: "Bassoon",
    72: "Clarinet",
    74: "Flute",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "musicnet_metadata.csv").write_text(METADATA, encoding="utf-8")
    rng = np.random.default_rng(0)
    for name, part in PARTS.items():
        data, labels = (tmp_path / f"musicnet/{part}_{kind}" for kind in ("data", "labels"))
        data.mkdir(parents=True, exist_ok=True)
        labels.mkdir(exist_ok=True)
        soundfile.write(data / f"{name}.wav", 0.1 * rng.standard_normal(4_410), 44100)
        (labels / f"{name}.csv").write_text(LABELS)
    return tmp_path


def write_labels(path: Path, rows: str) -> LabelFile:
    path.write_text(HEADER + rows)
    return LabelFile(path)


def test_splits_are_the_folders_and_the_validation_of_mt3(folder):
    listing = musicnet.recordings(folder)
    assert listing.rejections == []
    assert {r.id: r.split for r in listing.recordings} == {
        "1727": "train",
        "1728": "train",
        "1739": "train",
        "1818": "validation",
        "1819": "test",
        "2532": "train",
    }
    assert len(musicnet.VALIDATION) == 15


def test_audio_and_notes_are_those_that_note_seq_reads(folder):
    from intervaltree import IntervalTree
    from note_seq import musicnet_io

    recording = musicnet.recordings(folder).recordings[0]
    tree = IntervalTree()
    with open(folder / "musicnet/train_labels/1727.csv", newline="") as file:
        for row in csv.DictReader(file):
            data = (int(row["instrument"]), int(row["note"]), 1, float(row["start_beat"]), "")
            tree.addi(int(row["start_time"]), int(row["end_time"]), data)
    song = np.empty(2, object)
    song[:] = soundfile.read(folder / "musicnet/train_data/1727.wav", dtype="float32")[0], tree
    np.savez(folder / "musicnet.npz", **{"1727": song})

    ((audio, sequence),) = musicnet_io.musicnet_iterator(folder / "musicnet.npz")
    notes, _ = recording.notes.read()
    theirs = {(n.start_time, n.end_time, n.pitch, n.velocity, n.program) for n in sequence.notes}
    ours = zip(notes.start, notes.end, notes.pitch, notes.velocity, notes.program)
    assert set(ours) == theirs
    assert len(notes) == len(theirs) == 5
    np.testing.assert_array_equal(recording.audio.read(44100), audio)


def test_instruments_are_general_midi_programs_counted_from_one(tmp_path):
    import pretty_midi

    for code, name in CODES.items():
        notes, _ = write_labels(tmp_path / "1.csv", f"0,44100,{code},60,0,1,Quarter\n").read()
        assert pretty_midi.program_to_instrument_name(int(notes.program[0])) == name


def test_what_the_labels_lack_is_remarked(tmp_path):
    labels = "0,44100,1,60,0,1,Quarter\n500,500,1,62,0,1,Quarter\n"
    notes, remarks = write_labels(tmp_path / "1.csv", labels).read()
    assert list(notes.pitch) == [60]
    assert (notes.start[0], notes.end[0]) == (0, 1)
    assert remarks == [
        "velocity is not annotated: 100 for every note",
        "notes without a length: 1 ignored",
    ]


@pytest.mark.parametrize(
    "rule, sizes",
    [
        ("source_ensemble", [2, 1, 2, 1]),
        ("source_work", [2, 1, 2, 1]),
        ("ensemble", [2, 1, 2, 1]),
        ("source", [3, 2, 1]),
    ],
)
def test_performances_follow_the_rule_and_are_described(folder, rule, sizes):
    recordings = musicnet.recordings(folder, rule).recordings
    assert list(Counter(r.performance for r in recordings).values()) == sizes
    assert len({(r.performance, r.description) for r in recordings}) == len(sizes)


def test_default_rule_is_the_first_and_names_players(folder):
    assert musicnet.recordings(folder) == musicnet.recordings(
        folder, next(iter(musicnet.PERFORMANCES))
    )
    names = [r.performance for r in musicnet.recordings(folder).recordings]
    assert "musicnet_Neal O’Doan_Solo Piano" in names


@pytest.mark.parametrize("inner", [".", "musicnet"])
def test_either_folder_may_be_given(folder, inner):
    assert len(musicnet.recordings(folder / inner).recordings) == 6


def test_metadata_may_lie_inside(folder):
    (folder / "musicnet_metadata.csv").rename(folder / "musicnet/musicnet_metadata.csv")
    assert len(musicnet.recordings(folder).recordings) == 6


def test_files_missing_and_files_not_named_are_rejected(folder):
    train = folder / "musicnet/train_data"
    (train / "1727.wav").unlink()
    (folder / "musicnet/train_labels/1728.csv").unlink()
    (folder / "musicnet/test_data/1819.wav").unlink()
    (folder / "musicnet/test_labels/1819.csv").unlink()
    (train / "9999.wav").write_bytes((train / "1739.wav").read_bytes())
    (train / "._1739.wav").write_bytes(b"what macOS leaves beside a file")

    listing = musicnet.recordings(folder)
    assert [r.id for r in listing.recordings] == ["1739", "1818", "2532"]
    assert [(Path(r.audio).name, r.reason) for r in listing.rejections] == [
        ("1727.wav", "named by musicnet_metadata.csv but not there: 1727.wav"),
        ("1728.wav", "named by musicnet_metadata.csv but not there: 1728.csv"),
        ("1819.wav", "named by musicnet_metadata.csv but not there: 1819.wav, 1819.csv"),
        ("9999.wav", "not named by musicnet_metadata.csv"),
    ]


@pytest.mark.parametrize(
    "rows, message",
    [
        ("0,44100,1,60,0,1,Quarter\n7,x,1,60,0,1,Quarter\n", "line 3: end_time='x'; must be a num"),
        ("500,499,1,60,0,1,Quarter\n", "line 2: end_time='499'; must be a number of at least 500"),
        ("-1,499,1,60,0,1,Quarter\n", "line 2: start_time='-1'; must be a number of at least 0"),
        ("0,499,0,60,0,1,Quarter\n", r"line 2: instrument='0'; must be a number in 1\.\.128"),
        ("0,499,1,128,0,1,Quarter\n", r"line 2: note='128'; must be a number in 0\.\.127"),
        ("0,499,1,60.5,0,1,Quarter\n", "line 2: note='60.5'; must be a whole number"),
        ("0,499,1\n", "line 2: only 3 columns"),
        ("", "1.csv: no notes"),
    ],
)
def test_damaged_labels_are_named_by_line(tmp_path, rows, message):
    with pytest.raises(UserError, match=message):
        write_labels(tmp_path / "1.csv", rows).read()


def test_files_that_are_no_labels(tmp_path):
    path = tmp_path / "1.csv"
    with pytest.raises(UserError, match=r"1\.csv: cannot be read"):
        LabelFile(path).read()
    path.write_text("onset,offset\n1,2\n")
    with pytest.raises(UserError, match="no column 'start_time'"):
        LabelFile(path).read()
    path.write_bytes(b"start_time\xff\xfe")
    with pytest.raises(UserError, match="not a text file in UTF-8"):
        LabelFile(path).read()


def test_other_folders_and_rules_are_refused(folder, tmp_path_factory):
    with pytest.raises(UserError, match=r"not MusicNet .*train_labels"):
        musicnet.recordings(tmp_path_factory.mktemp("empty"))
    with pytest.raises(UserError, match="'year'; must be one of source_ensemble, source_work"):
        DATASETS["musicnet"].recordings(folder, "year")
    with open(folder / "musicnet_metadata.csv", "a") as file:
        file.write("1727,a,b,c,d,e,f,g,1\n")
    with pytest.raises(UserError, match="line 8: id='1727'; must be there, and only once"):
        musicnet.recordings(folder)
    (folder / "musicnet_metadata.csv").unlink()
    with pytest.raises(UserError, match=r"without musicnet_metadata\.csv"):
        musicnet.recordings(folder)


def test_recordings_travel_to_other_processes(folder):
    recordings = musicnet.recordings(folder).recordings
    assert pickle.loads(pickle.dumps(recordings)) == recordings
