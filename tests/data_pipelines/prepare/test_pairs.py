"""Builds data sets of tables of recordings: what is in them, what is not, and why."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from recording_cases import (
    list_rows,
    melody,
    prepare_pairs,
    visible_bytes,
    write_manifest,
    write_pair,
)

from data_pipelines.performances import read_performances
from data_pipelines.prepare.plan import PrepareSettings
from data_pipelines.prepare.tables import read_songs
from data_pipelines.recordings import MidiFile
from data_pipelines.shards.formats import read_split
from mt3synth.errors import UserError


def rejected(out: Path) -> dict[str, str]:
    """Reads the reasons, by name of the audio file."""
    with open(out / "rejected.csv", encoding="utf-8", newline="") as file:
        return {Path(row["audio"]).name: row["reason"] for row in csv.DictReader(file)}


@pytest.fixture
def takes(tmp_path: Path) -> Path:
    """Writes a folder with pairs a to d, of 6 s each."""
    for i, name in enumerate("abcd"):
        write_pair(tmp_path / "takes", name, seed=i)
    return tmp_path / "takes"


def test_a_data_set_holds_audio_and_notes_of_every_pair(takes: Path, tmp_path: Path) -> None:
    manifest = write_manifest(takes / "pairs.csv", list_rows("a", "b", "c:solo", "d"))
    out = tmp_path / "out"
    report = prepare_pairs(manifest, out)
    assert report.rejections == () and rejected(out) == {}
    songs = {s.id: s for split in ("train", "validation") for s in read_split(out, split)}
    assert sorted(songs) == ["a.wav", "b.wav", "c.wav", "d.wav"]
    for i, name in enumerate("abcd"):
        song, notes = songs[f"{name}.wav"], melody(6.0, i)
        np.testing.assert_array_equal(song.notes.pitch, notes.pitch)
        np.testing.assert_allclose(song.notes.start, notes.start, atol=2e-3)
        sound, _ = soundfile.read(takes / f"{name}.wav", dtype="int16")
        np.testing.assert_allclose(song.audio, sound, atol=1)
        assert song.performance == (1 if name == "c" else 0)
    assert [p.name for p in read_performances(out)] == ["trio", "solo"]
    assert report.corpus["splits"]["train"]["songs"] == 3
    assert report.corpus["splits"]["validation"]["songs"] == 1
    assert json.loads((out / "corpus.json").read_text()) == report.corpus


def test_every_fault_is_named_and_the_rest_is_built(takes: Path, tmp_path: Path) -> None:
    """Builds of a folder that is as dirty as can be."""
    (takes / "empty.wav").write_bytes(b"")
    (takes / "text.wav").write_text("not audio")
    soundfile.write(takes / "nothing.wav", np.zeros(0, np.float32), 16000)
    soundfile.write(takes / "silent.wav", np.zeros(96000, np.float32), 16000)
    nan = np.full(96000, 0.1, np.float32)
    nan[16000] = np.nan
    soundfile.write(takes / "nan.wav", nan, 16000, subtype="FLOAT")
    soundfile.write(takes / "short.wav", np.full(16000 * 4, 0.1, np.float32), 16000)
    write_pair(takes, "tiny", seconds=2.0)
    write_pair(takes, "Für Elise 演奏 №1", seconds=6.0)
    write_pair(takes, "brief", seconds=6.0)
    (takes / "text.mid").write_text("not MIDI")
    import mido

    mido.MidiFile(tracks=[mido.MidiTrack()]).save(takes / "no_notes.mid")
    lines = [
        *list_rows("a", "b", "c"),
        "empty.wav,a.mid,trio",
        "text.wav,a.mid,trio",
        "nothing.wav,a.mid,trio",
        "silent.wav,a.mid,trio",
        "nan.wav,a.mid,trio",
        "short.wav,a.mid,trio",
        "missing.wav,a.mid,trio",
        "d.wav,missing.mid,trio",
        "a.wav,a.mid,trio",
        "tiny.wav,tiny.mid,soloist",
        "Für Elise 演奏 №1.wav,Für Elise 演奏 №1.mid,trio",
        "Für Elise 演奏 №1.mid,Für Elise 演奏 №1.mid,trio",
        "brief.wav,text.mid,trio",
        ",a.mid,trio",
    ]
    soundfile.write(takes / "without.wav", np.full(96000, 0.1, np.float32), 16000)
    lines.append("without.wav,no_notes.mid,trio")
    out = tmp_path / "out"
    report = prepare_pairs(write_manifest(takes / "pairs.csv", lines), out)
    reasons = rejected(out)
    expected = {
        "empty.wav": "",
        "text.wav": "",
        "nothing.wav": "0 samples",
        "silent.wav": "silent",
        "nan.wav": "not finite, the first at 1.000 s",
        "short.wav": "the audio lasts 4.00 s, its notes end at 5.40 s",
        "missing.wav": "",
        "d.wav": "missing.mid: no such file",
        "a.wav": "duplicate: listed before",
        "tiny.wav": "performance 'soloist' has 2.00 s in all; must have at least 5.12 s",
        "Für Elise 演奏 №1.mid": "",
        "brief.wav": "text.mid",
        "without.wav": "no notes",
        "": "line 18 of pairs.csv: audio is empty",
    }
    assert sorted(reasons) == sorted(expected)
    for name, words in expected.items():
        assert words in reasons[name] and "\n" not in reasons[name], (name, reasons[name])
    assert len(report.rejections) == len(expected) == report.corpus["rejected"]
    songs = [row["id"] for row in read_songs(out)]
    assert sorted(songs) == ["Für Elise 演奏 №1.wav", "a.wav", "b.wav", "c.wav"]
    assert [p.name for p in read_performances(out)] == ["trio"]


def test_a_pedal_held_on_after_the_recording_is_no_fault(tmp_path: Path) -> None:
    import mido

    write_pair(tmp_path, "a")
    file = mido.MidiFile(tmp_path / "a.mid")
    track = next(t for t in file.tracks if any(m.type == "note_on" for m in t))
    track.insert(0, mido.Message("control_change", control=64, value=127, time=0))
    release = mido.Message("control_change", control=64, value=0, time=0)
    end = track.pop()
    track += [release.copy(time=5000), end]
    file.save(tmp_path / "a.mid")
    notes, _ = MidiFile(tmp_path / "a.mid").read()
    assert notes.end_time > 7.5
    report = prepare_pairs(write_manifest(tmp_path / "p.csv", list_rows("a")), tmp_path / "out")
    assert [r.reason for r in report.rejections if "audio lasts" in r.reason] == []


def test_strict_changes_nothing_but_the_list_of_rejections(takes: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare_pairs(write_manifest(takes / "pairs.csv", list_rows("a", "b")), out)
    before = visible_bytes(out)
    (takes / "c.wav").write_bytes(b"RIFF")
    manifest = write_manifest(takes / "pairs.csv", list_rows("a", "b", "c", "d"))
    with pytest.raises(UserError, match=r"--strict: 1 rejected \(the first: .*c\.wav"):
        prepare_pairs(manifest, out, strict=True)
    after = visible_bytes(out)
    assert list(rejected(out)) == ["c.wav"]
    assert {**before, "rejected.csv": b""} == {**after, "rejected.csv": b""}


def test_nothing_left(takes: Path, tmp_path: Path) -> None:
    manifest = write_manifest(takes / "pairs.csv", ["x.wav,x.mid,trio"])
    with pytest.raises(UserError, match=r"no recording is left .*x\.wav"):
        prepare_pairs(manifest, tmp_path / "out")
    assert list(rejected(tmp_path / "out")) == ["x.wav"]


def test_added_recordings_keep_the_old_numbers_and_splits(takes: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    prepare_pairs(write_manifest(takes / "pairs.csv", list_rows("a:old", "b:older")), out)
    before = {row["id"]: row["split"] for row in read_songs(out)}
    # The new rows come first, and one of the old performances gets a description.
    columns = "audio,midi,performance,description"
    listed = [
        "d.wav,d.mid,new,",
        "c.wav,c.mid,older,a quintet",
        "a.wav,a.mid,old,",
        "b.wav,b.mid,older,",
    ]
    prepare_pairs(write_manifest(takes / "pairs.csv", listed, columns), out)
    assert [(p.name, p.description) for p in read_performances(out)] == [
        ("old", "old"),
        ("older", "a quintet"),
        ("new", "new"),
    ]
    after = {row["id"]: row["split"] for row in read_songs(out)}
    assert {id: after[id] for id in before} == before and len(after) == 4
    indices = {s.id: s.performance for sp in ("train", "validation") for s in read_split(out, sp)}
    assert indices == {"a.wav": 0, "b.wav": 1, "c.wav": 1, "d.wav": 2}


def test_recordings_that_are_no_longer_listed_are_not_lost_in_silence(
    takes: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    prepare_pairs(write_manifest(takes / "pairs.csv", list_rows("a", "b", "c")), out)
    fewer = write_manifest(takes / "pairs.csv", list_rows("b", "c"))
    before = visible_bytes(out)
    with pytest.raises(UserError, match=r"has 1 recordings that are not listed now .*a\.wav"):
        prepare_pairs(fewer, out)
    assert visible_bytes(out) == before
    prepare_pairs(fewer, out, drop_missing=True)
    assert sorted(row["id"] for row in read_songs(out)) == ["b.wav", "c.wav"]


def test_shards_of_another_command_are_not_overwritten(takes: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out/train-00000-of-00001.tfrecord").write_bytes(b"precious")
    with pytest.raises(UserError, match="holds shards that another command built"):
        prepare_pairs(write_manifest(takes / "pairs.csv", list_rows("a", "b")), tmp_path / "out")
    assert (tmp_path / "out/train-00000-of-00001.tfrecord").read_bytes() == b"precious"


def test_start_and_end_cut_audio_and_notes(takes: Path, tmp_path: Path) -> None:
    columns = "audio,midi,performance,split,start,end"
    listed = [
        "a.wav,a.mid,trio,train,0.25,4",
        "a.wav,a.mid,trio,validation,4,",
        "b.wav,b.mid,trio,test,,",
    ]
    out = tmp_path / "out"
    settings = PrepareSettings(least_seconds=0.0)
    report = prepare_pairs(write_manifest(takes / "pairs.csv", listed, columns), out, settings)
    assert report.rejections == ()
    (train,) = read_split(out, "train")
    (validation,) = read_split(out, "validation")
    assert (train.id, validation.id) == ("a.wav [0.25-4]", "a.wav [4-]")
    assert train.seconds == 3.75 and validation.seconds == 2.0
    sound, _ = soundfile.read(takes / "a.wav", dtype="int16")
    np.testing.assert_allclose(train.audio, sound[4000:64000], atol=1)
    # The note at 0 s sounds until 0.4 s, so its last 0.15 s are kept; the next begins at 0.5 s.
    np.testing.assert_allclose(train.notes.start[:2], [0.0, 0.25], atol=2e-3)
    np.testing.assert_allclose(train.notes.end[:1], [0.15], atol=2e-3)
    np.testing.assert_array_equal(validation.notes.pitch, melody(6.0, 0).pitch[8:])


def test_the_end_of_a_lone_recording_is_held_out(takes: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    manifest = write_manifest(takes / "pairs.csv", list_rows("a"))
    settings = PrepareSettings(validation_share=0.25)
    prepare_pairs(manifest, out, settings)
    (train,) = read_split(out, "train")
    (validation,) = read_split(out, "validation")
    assert (train.seconds, validation.seconds) == (4.5, 1.5)
    before = visible_bytes(out)
    prepare_pairs(manifest, out, settings)
    assert visible_bytes(out) == before


def test_ids_and_paths_have_no_detours(takes: Path, tmp_path: Path) -> None:
    aligned = takes.parent / "aligned"
    aligned.mkdir()
    line = "../aligned/../takes/{0}.wav,../takes/{0}.mid,trio"
    out = tmp_path / "out"
    prepare_pairs(write_manifest(aligned / "p.csv", [line.format("a"), line.format("b")]), out)
    songs = read_songs(out)
    assert {s["id"] for s in songs} == {"../takes/a.wav", "../takes/b.wav"}
    assert {s["audio"] for s in songs} == {str(takes / f"{n}.wav") for n in "ab"}
    # A folder from before goes on under the plain ids, each recording in its split.
    table = (out / "songs.csv").read_text()
    (out / "songs.csv").write_text(table.replace("../takes/", "../aligned/../takes/", 4))
    before = {s["id"]: s["split"] for s in songs}
    prepare_pairs(write_manifest(aligned / "p.csv", [line.format(n) for n in "abc"]), out)
    after = {s["id"]: s["split"] for s in read_songs(out)}
    assert len(after) == 3 and before.items() <= after.items()
