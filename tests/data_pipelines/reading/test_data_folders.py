"""Folders of shards as data sets: several at once, what they say of themselves, and refusals."""

import hashlib
import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from batch_cases import (
    PERFORMANCES,
    draw,
    songs,
    write_folder,
)
from song_cases import RATE

from data_pipelines.open_data import open_data
from data_pipelines.performances import PerformanceEntry, write_performances
from data_pipelines.reading.numpy_songs import Rows
from data_pipelines.reading.song_lists import list_songs
from data_pipelines.shards.names import shard_path
from mt3synth.audio.mel import MELGAN
from mt3synth.errors import UserError
from mt3synth.model_spec import ModelSpec
from mt3synth.symbolic.roll import RollSpec


def test_data_tell_how_long_each_instrument_sounds(folder: Path) -> None:
    """In either format, by performance, of what is trained on alone."""
    data = open_data(str(folder))
    assert data.training_seconds == pytest.approx([16.87, 3.56])
    hall, booth = data.training_groups(RollSpec())
    assert set(hall) == set(booth) == {"piano", "violin", "flute", "drums"}
    trained = [song for song in songs() if song.performance == 1]
    notes = [song.notes.select(song.notes.program == 73) for song in trained]
    # Flutes of these songs overlap now and then, so that they sound for less than their sum.
    most = sum(float(np.sum(each.end - each.start)) for each in notes)
    assert 0.5 * most < booth["flute"] <= most + 1e-6
    (folder / "corpus.json").write_text('{"source": {"what": "noise"}}')
    assert data.sources == [{"name": "data", "source": {"what": "noise"}}]
    twice = open_data([str(folder), str(folder)])
    assert twice.training_seconds == pytest.approx([2 * 16.87, 2 * 3.56])


def test_several_folders_by_temperature(tmp_path: Path, spec: ModelSpec) -> None:
    swapped = [PerformanceEntry("booth", "Ours."), PerformanceEntry("church", "A church.")]
    one = write_folder(tmp_path / "one")
    other = write_folder(tmp_path / "other", performances=swapped, seed=1)
    for path in other.glob("train-*-of-*"):  # half of it, as one shard
        path.rename(path.with_name(path.name.replace("00002", "00001")))
    (other / "train-00001-of-00001.arrays").rename(tmp_path / "away.arrays")
    names = [p["name"] for p in open_data([str(one), str(other)]).performances]
    assert names == ["hall", "booth", "church"]
    write_performances(other, [PerformanceEntry("church", ""), PerformanceEntry("cave", "")])
    for temperature, share in ((1.0, 10 / 25), (1e6, 0.5)):
        data = open_data([str(one), str(other)], temperature=temperature)
        drawn = np.concatenate([b["performance"] for b in draw(data, spec, 5, 100)])
        assert np.mean(drawn >= 2) == pytest.approx(share, abs=0.04)


def test_held_out_folders_take_turns(tmp_path: Path, spec: ModelSpec) -> None:
    names = [PerformanceEntry(name, f"about {name}") for name in ("hall", "booth", "church")]
    one = write_folder(tmp_path / "one", "tfrecord")
    other = write_folder(tmp_path / "other", "tfrecord", names[1:])
    data = open_data([str(one), str(other)], pitch_shift=2, temperature=2.0)
    assert [p["name"] for p in data.performances] == ["hall", "booth", "church"]
    assert data.performances[1] == {"index": 1, "name": "booth", "description": "A booth."}
    drawn = {int(p) for batch in draw(data, spec, 9) for p in batch["performance"]}
    assert drawn == {0, 1, 2}
    (validation,) = data.validation(spec, 18)
    # 7 segments of the performance that is first in each folder, then 2 of the second, in turn.
    assert validation["performance"].tolist() == [0, 1] * 7 + [1, 2] * 2
    for path in other.glob("validation-*"):
        path.unlink()
    data = open_data([str(one), str(other)])
    (validation,) = data.validation(spec, 18)
    assert validation["performance"].tolist() == [0] * 7 + [1] * 2


def test_what_is_no_data_set_is_refused(tmp_path: Path, folder: Path, spec: ModelSpec) -> None:
    with pytest.raises(UserError, match="no such folder"):
        open_data(str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match="training reads files of this machine"):
        open_data("memory://data/set")
    with pytest.raises(UserError, match=r"cache_dir cache: .* needs no cache; leave CACHE_FOLDER"):
        open_data(str(folder), cache_dir="cache")
    write_performances(folder, PERFORMANCES[:1])
    with pytest.raises(UserError, match=r"song 3.*performance 1; performances\.json has 1"):
        list(open_data(str(folder)).validation(spec, 4))
    (folder / "performances.json").unlink()
    with pytest.raises(UserError, match=r"no performances\.json"):
        open_data(str(folder))


def test_frames_of_another_rate_are_made_of_the_audio(
    folder: Path, spec: ModelSpec, capsys
) -> None:
    rate = replace(MELGAN, sample_rate=32000, hop=640, window=1280, fft=2048)
    (ours,) = draw(open_data(str(folder)), spec, 1)
    assert capsys.readouterr().err == ""
    (theirs,) = draw(open_data(str(folder)), replace(spec, mel=rate), 1)
    # The same segments of the same songs; magnitudes grow with the window, by a factor of two.
    loud = (ours["mel"] > -0.3) & (theirs["mel"] > -0.3)
    octave = 2 * np.log(2) / (MELGAN.scale_high - MELGAN.scale_low)
    assert loud.sum() > 1000
    assert np.median((theirs["mel"] - ours["mel"])[loud]) == pytest.approx(octave, abs=0.02)
    (line,) = capsys.readouterr().err.splitlines()
    assert "16000 samples per second, the frames 32000: above 8000 Hz silence" in line


def test_damaged_shards_are_named(arrays: Path, records: Path, spec: ModelSpec) -> None:
    for path in arrays.glob("train-*/audio.npy"):
        os.truncate(path, 128 + 2 * RATE)
    with pytest.raises(UserError, match="damaged"):
        draw(open_data(str(arrays)), spec, 1)
    path = shard_path(records, "train", 1, 2, ".tfrecord")
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"00001-of-00002\.tfrecord: .* is damaged \(checksum\)"):
        draw(open_data(str(records)), spec, 1)
    path.write_bytes(b"no records at all, only text")
    with pytest.raises(UserError, match="no TFRecord file, or damaged at byte 0"):
        draw(open_data(str(records)), spec, 1)


def test_a_file_cut_short_while_reading_is_named(arrays: Path, records: Path) -> None:
    rows = Rows.of(arrays / "train-00000-of-00002.arrays" / "notes.npy")
    assert rows.read(2, 3).shape == (3, 6)
    with pytest.raises(UserError, match=r"notes\.npy: is cut short"):
        rows.read(10**6, 1)
    song = list_songs(records, "train")[2]
    os.truncate(song.audio.path, song.audio.offset + 100)
    with pytest.raises(UserError, match=r"\.tfrecord: is cut short"):
        song.audio.read(0, 100)


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("folder", []),
        ("pitch_shift", -1),
        ("temperature", 0.0),
    ],
)
def test_numbers_out_of_range(folder: Path, argument: str, value) -> None:
    with pytest.raises(ValueError, match=argument):
        open_data(**{"folder": str(folder), argument: value})


def test_a_process_that_is_none_of_them(folder: Path, spec: ModelSpec) -> None:
    with pytest.raises(ValueError, match=r"process_index=2; must be in 0\.\.1"):
        draw(open_data(str(folder)), spec, 1, process_index=2, process_count=2)


def test_other_data_have_another_identity(folder: Path, tmp_path: Path) -> None:
    moved = tmp_path / "elsewhere"
    one = open_data(str(folder)).identity
    folder.rename(moved)
    assert open_data(str(moved)).identity == one
    others = [
        open_data(str(moved), pitch_shift=1),
        open_data([str(moved), str(moved)]),
        open_data([str(moved), str(moved)], temperature=3.0),
    ]
    shard = next(moved.glob("train-00000-of-00002.*"))
    with open(shard / "audio.npy" if shard.is_dir() else shard, "ab") as file:
        file.write(b"more")
    others.append(open_data(str(moved)))
    assert len({one, *(data.identity for data in others)}) == 5


def test_what_tensorflow_read_in_another_order_is_still_known(arrays, records) -> None:
    """Knows the identity that earlier versions gave TFRecords, which a run may have begun with."""
    data = open_data(str(records), pitch_shift=2)
    files = sorted((path.name, path.stat().st_size) for path in records.glob("*.tfrecord"))
    for cached in (False, True):
        read = json.dumps([[files], [[0, 1]], 2, 1.0, cached])
        assert hashlib.sha256(read.encode()).hexdigest() in data.former_identities
    assert data.identity not in data.former_identities
    assert open_data(str(arrays)).former_identities == ()


def test_no_validation_split_gives_no_batches(folder: Path, spec: ModelSpec) -> None:
    next(folder.glob("validation-00000-of-00001.*")).rename(folder / ".away")
    assert list(open_data(str(folder)).validation(spec, 4)) == []
