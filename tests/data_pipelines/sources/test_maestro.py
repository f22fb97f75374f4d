"""MAESTRO v3 in miniature: the published columns and file names, a second of stereo a file.

Columns as on the data set's page and in Hawthorne et al., ICLR 2019, appendix; rows are of the
official list. mirdata reads version 2, whose audio, MIDI and columns lie just so; it is given its
own form of the list (JSON by row) and an index of the same folder.
"""

import csv
import json
import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from recorded_cases import write_midi_track, write_tones

from data_pipelines.recordings import AudioSource, NotesSource
from data_pipelines.sources import DATASETS, maestro
from mt3synth.errors import UserError

ROWS = [
    (
        "Alban Berg",
        "Sonata Op. 1",
        "train",
        2018,
        "2018/MIDI-Unprocessed_Chamber3_MID--AUDIO_10_R3_2018_wav--1",
    ),
    (
        "Alexander Scriabin",
        "24 Preludes Op. 11, No. 13-24",
        "train",
        2004,
        "2004/MIDI-Unprocessed_XP_21_R1_2004_01_ORIG_MID--AUDIO_21_R1_2004_01_Track01_wav",
    ),
    (
        "Frédéric Chopin",
        "Étude",
        "validation",
        2006,
        "2006/MIDI-Unprocessed_17_R1_2006_01-06_ORIG_MID--AUDIO_17_R1_2006_04_Track04_wav",
    ),
    (
        "Franz Liszt",
        "Sonata in B Minor",
        "test",
        2009,
        "2009/MIDI-Unprocessed_02_R1_2009_03-06_ORIG_MID--AUDIO_02_R1_2009_02_R1_2009_04_WAV",
    ),
]
COLUMNS = (
    "canonical_composer",
    "canonical_title",
    "split",
    "year",
    "midi_filename",
    "audio_filename",
    "duration",
)
TICKS = 384


def official_rows():
    return [dict(zip(COLUMNS, (*row[:4], f"{row[4]}.midi", f"{row[4]}.wav", 0.5))) for row in ROWS]


def write_csv(folder: Path, rows, columns=COLUMNS) -> None:
    with open(folder / "maestro-v3.0.0.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "maestro-v3.0.0"
    for number, row in enumerate(ROWS):
        name = folder / row[4]
        write_tones(name.with_suffix(".wav"), (44100, 48000)[number % 2], channels=2, seed=number)
        # A key held to 0.25 s, one from 0.25 s to 0.5 s; the pedal, where it is used, goes up at
        # 0.75 s. Soft pedal (67) and sustain pedal (64) are both recorded.
        pedal = [(0, "control", 64, 127), (576, "control", 64, 0)] if number == 0 else []
        key = 60 + number
        write_midi_track(
            name.with_suffix(".midi"),
            TICKS,
            [
                (0, "control", 67, 40),
                (0, "note", key, 52 + number),
                (192, "note", key, 0),
                (192, "note", key + 7, 67),
                (384, "note", key + 7, 0),
                *pedal,
            ],
        )
    write_csv(folder, official_rows())
    rows = official_rows()
    by_column = {c: {str(i): row[c] for i, row in enumerate(rows)} for c in COLUMNS}
    (folder / "maestro-v3.0.0.json").write_text(json.dumps(by_column))
    return folder


@pytest.fixture
def copied(published, tmp_path) -> Path:
    return Path(shutil.copytree(published, tmp_path / "maestro"))


def test_official_list_gives_ids_splits_and_years(published):
    found, rejected = maestro.recordings(published)
    assert not rejected
    assert [r.id for r in found] == [row[4] for row in ROWS]
    assert [r.split for r in found] == [row[2] for row in ROWS]
    assert [r.performance for r in found] == [f"maestro/{row[3]}" for row in ROWS]
    assert all("2018" in r.description for r in found[:1])
    assert len({r.performance for r in maestro.recordings(published, "all").recordings}) == 1


def test_a_performance_ends_where_the_list_says(published):
    assert [r.end for r in maestro.recordings(published).recordings] == [0.5] * len(ROWS)


def test_recordings_are_sources_and_travel(published):
    found = maestro.recordings(published).recordings
    assert all(isinstance(r.audio, AudioSource) for r in found)
    assert all(isinstance(r.notes, NotesSource) for r in found)
    assert pickle.loads(pickle.dumps(found)) == found


def test_both_forms_of_the_list_say_the_same(copied):
    from_csv = maestro.recordings(copied)
    (copied / "maestro-v3.0.0.csv").unlink()
    assert maestro.recordings(copied) == from_csv


def test_pedal_lengthens_the_notes_and_is_not_remarked_upon(published):
    pedalled, plain = (r.notes.read() for r in maestro.recordings(published).recordings[:2])
    np.testing.assert_allclose(pedalled[0].end, [0.75, 0.75])
    np.testing.assert_allclose(plain[0].end, [0.25, 0.5])
    assert pedalled[1] == ["controller 67 (soft pedal): 1 ignored"]


def test_a_folder_in_a_store_lists_the_same(published):
    fsspec = pytest.importorskip("fsspec")
    upath = pytest.importorskip("upath")
    fsspec.filesystem("memory").put(str(published), "/maestro", recursive=True)
    here, there = maestro.recordings(published), maestro.recordings(upath.UPath("memory://maestro"))
    assert [r.id for r in there.recordings] == [r.id for r in here.recordings]
    np.testing.assert_array_equal(
        there.recordings[0].audio.read(16000), here.recordings[0].audio.read(16000)
    )


def test_mirdata_agrees(copied, monkeypatch):
    core = pytest.importorskip("mirdata.core")
    from mirdata.datasets import maestro as theirs

    (copied / "maestro-v2.0.0.json").write_text(json.dumps(official_rows()))
    tracks = {
        row[4]: {"midi": [f"{row[4]}.midi", ""], "audio": [f"{row[4]}.wav", ""]} for row in ROWS
    }
    (copied / "index.json").write_text(json.dumps({"version": "2.0.0", "tracks": tracks}))
    index = core.Index(filename="index.json")
    index.indexes_dir = str(copied)
    monkeypatch.setitem(theirs.INDEXES, "2.0.0", index)
    dataset = theirs.Dataset(str(copied), version="2.0.0")

    found = maestro.recordings(copied).recordings
    assert sorted(dataset.track_ids) == sorted(r.id for r in found)
    for recording in found:
        track = dataset.track(recording.id)
        assert recording.split == track.split
        assert recording.performance == f"maestro/{track.year}"
        audio, rate = track.audio
        np.testing.assert_allclose(recording.audio.read(int(rate)), audio, atol=1e-6)
        assert recording.audio.seconds() == pytest.approx(len(audio) / rate)
        notes, expected = recording.notes.read()[0], track.notes
        np.testing.assert_allclose(notes.start, expected.intervals[:, 0], atol=1e-9)
        np.testing.assert_array_equal(notes.pitch, expected.pitches)
        np.testing.assert_array_equal(notes.velocity, expected.confidence)
        assert not notes.is_drum.any() and not notes.program.any()
        pedalled = [c for c in track.midi.instruments[0].control_changes if c.number == 64]
        if not pedalled:  # mirdata leaves the pedal out
            np.testing.assert_allclose(notes.end, expected.intervals[:, 1], atol=1e-9)


def test_what_is_listed_but_wrong_is_rejected_and_the_rest_kept(copied):
    first, second, third, good = official_rows()
    (copied / first["audio_filename"]).unlink()
    (copied / first["midi_filename"]).unlink()
    second["split"] = "eval"
    third["year"] = "two thousand"
    longer = dict(third, year=2006, midi_filename=second["midi_filename"], duration="long")
    write_csv(copied, [first, second, third, good, good])
    found, rejected = maestro.recordings(copied)
    assert [r.id for r in found] == [ROWS[3][4]]
    assert [r.midi for r in rejected] == [
        str(copied / row["midi_filename"]) for row in (first, second, third, good)
    ]
    reasons = [r.reason for r in rejected]
    assert reasons[0].endswith(
        "--1.wav, MIDI-Unprocessed_Chamber3_MID--AUDIO_10_R3_2018_wav--1.midi"
    )
    assert "'eval'" in reasons[1] and "year='two thousand'" in reasons[2]
    assert "named twice" in reasons[3]
    write_csv(copied, [longer])
    assert "duration='long'" in maestro.recordings(copied).rejections[0].reason


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "neither maestro-v3.0.0.csv nor maestro-v3.0.0.json"),
        (b"a,b\n1,2\n", "no column 'split'"),
        (b"\xff\xfe\x00", "UTF-8"),
    ],
)
def test_no_such_dataset_is_one_line(tmp_path, content, message):
    if content is not None:
        (tmp_path / "maestro-v3.0.0.csv").write_bytes(content)
    with pytest.raises(UserError, match=message) as caught:
        maestro.recordings(tmp_path)
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["[]", "{", '{"split": 3}', '{"split": {"0": "train"}}'])
def test_damaged_json_list_is_one_line(tmp_path, content):
    (tmp_path / "maestro-v3.0.0.json").write_text(content)
    with pytest.raises(UserError, match="not the list of MAESTRO v3"):
        maestro.recordings(tmp_path)


def test_unknown_rule_names_the_choices(published):
    with pytest.raises(UserError, match="'hall'; must be one of year, all"):
        DATASETS["maestro"].recordings(published, "hall")
