"""Shards come back as they were written, are the files others read, and are never half there."""

import dataclasses
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from song_cases import assert_same_song, noise_song

from data_pipelines import filesystem
from data_pipelines.reading.song_lists import list_songs
from data_pipelines.shards import arrays, tfrecord
from data_pipelines.shards.example import make_example, parse_example
from data_pipelines.shards.formats import FORMATS, format_of, read_split
from data_pipelines.shards.framing import read_frame_at, read_frames
from data_pipelines.shards.names import find_shards, shard_path
from data_pipelines.shards.note_tables import notes_from_table
from data_pipelines.songs import Song
from mt3synth.audio.mel import MELGAN, log_mel, to_network
from mt3synth.errors import UserError
from mt3synth.symbolic.note_curves import NoteCurves
from mt3synth.symbolic.notes import Notes

SONGS = [noise_song("one", 3.0, 0, 1), noise_song("zwei é 2", 1.5, 7, 2)]


def digest(path: Path) -> str:
    parts = sorted(path.rglob("*")) if path.is_dir() else [path]
    content = [str(f.relative_to(path)).encode() + f.read_bytes() for f in parts]
    return hashlib.sha256(b"".join(content)).hexdigest()


@pytest.mark.parametrize("name", FORMATS)
def test_songs_come_back(name: str, tmp_path: Path) -> None:
    kind = FORMATS[name]
    path = shard_path(tmp_path, "train", 0, 1, kind.suffix)
    assert kind.write(path, SONGS) == 2
    for read, written in zip(kind.read(path), SONGS, strict=True):
        assert_same_song(read, written)
    assert [s.id for s in read_split(tmp_path, "train")] == ["one", "zwei é 2"]
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("name", FORMATS)
def test_the_same_songs_give_the_same_bytes(name: str, tmp_path: Path) -> None:
    for place in ("a", "b"):
        FORMATS[name].write(tmp_path / place, SONGS)
    assert digest(tmp_path / "a") == digest(tmp_path / "b")


@pytest.mark.parametrize("name", FORMATS)
def test_a_failure_leaves_nothing_and_an_older_shard_as_it_was(name: str, tmp_path: Path) -> None:
    def failing():
        yield SONGS[0]
        raise RuntimeError("no second song")

    path = tmp_path / "shard"
    with pytest.raises(RuntimeError):
        FORMATS[name].write(path, failing())
    assert not list(tmp_path.iterdir())
    FORMATS[name].write(path, SONGS[1:])
    before = digest(path)
    with pytest.raises(RuntimeError):
        FORMATS[name].write(path, failing())
    assert digest(path) == before
    FORMATS[name].write(path, SONGS)  # and a whole one takes its place
    assert len(list(FORMATS[name].read(path))) == 2


def test_leftovers_of_a_killed_process_are_cleared_away(tmp_path: Path) -> None:
    (tmp_path / ".train.arrays.123.unfinished").mkdir()
    (tmp_path / ".train.tfrecord.123.unfinished").write_bytes(b"half")
    (tmp_path / "kept").write_text("")
    filesystem.remove_unfinished(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == ["kept"]


def test_tensorflow_reads_what_is_written_here(tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    note_seq = pytest.importorskip("note_seq")
    tfrecord.write(tmp_path / "x", SONGS)
    records = list(tf.data.TFRecordDataset(str(tmp_path / "x")).as_numpy_iterator())
    features = tf.train.Example.FromString(records[1]).features.feature
    assert features["id"].bytes_list.value[0].decode() == "zwei é 2"
    assert features["performance"].int64_list.value[:] == [7]
    audio = np.frombuffer(features["audio"].bytes_list.value[0], "<i2")
    np.testing.assert_array_equal(audio, SONGS[1].audio)
    sequence = note_seq.NoteSequence.FromString(features["sequence"].bytes_list.value[0])
    assert len(sequence.notes) == len(SONGS[1].notes)


def test_what_tensorflow_writes_is_read_here(tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow")
    feature = {
        "a": tf.train.Feature(int64_list=tf.train.Int64List(value=[1, -2, 3])),
        "b": tf.train.Feature(float_list=tf.train.FloatList(value=[0.5, -1.5])),
        "c": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"x", b"yz"])),
        "none": tf.train.Feature(),
    }
    example = tf.train.Example(features=tf.train.Features(feature=feature))
    with tf.io.TFRecordWriter(str(tmp_path / "x")) as writer:
        writer.write(b"first")
        writer.write(example.SerializeToString())
    (_, first), (offset, second) = read_frames(tmp_path / "x")
    assert first == b"first"
    assert read_frame_at(tmp_path / "x", offset) == second
    parsed = parse_example(second)
    assert parsed["c"] == [b"x", b"yz"] and parsed["none"] == []
    np.testing.assert_array_equal(parsed["a"], [1, -2, 3])
    np.testing.assert_array_equal(parsed["b"], np.float32([0.5, -1.5]))
    again = tf.train.Example.FromString(make_example({k: v for k, v in parsed.items() if len(v)}))
    assert again.features.feature["b"].float_list.value[:] == [0.5, -1.5]


def test_array_shards_hold_the_mel_frames_and_map_them(tmp_path: Path) -> None:
    arrays.write(tmp_path / "x", SONGS)
    spec, (_, second) = arrays.open_shard(tmp_path / "x")
    assert spec == MELGAN
    expected = to_network(log_mel(SONGS[1].audio / np.float32(32768), MELGAN), MELGAN)
    assert second.mel.dtype == np.float16 and second.mel.shape == expected.shape
    np.testing.assert_allclose(second.mel, expected, atol=2**-11)
    assert isinstance(second.audio.base, np.memmap)


def test_array_shards_keep_audio_of_another_rate_and_frames_of_their_own(tmp_path: Path) -> None:
    song = noise_song("fast", 1.0)
    object.__setattr__(song, "sample_rate", 44100)
    assert arrays.write(tmp_path / "x", [song, song]) == 2
    spec, (_, stored) = arrays.open_shard(tmp_path / "x")
    assert (stored.sample_rate, len(stored.audio)) == (44100, len(song.audio))
    assert len(stored.mel) == spec.frames(-(-len(song.audio) * 16000 // 44100))
    np.testing.assert_array_equal(next(arrays.read(tmp_path / "x")).audio, song.audio)


@pytest.mark.parametrize("cut", [5, 40, -1])
def test_a_file_cut_short(cut: int, tmp_path: Path) -> None:
    tfrecord.write(tmp_path / "x", SONGS)
    content = (tmp_path / "x").read_bytes()
    (tmp_path / "x").write_bytes(content[:cut])
    with pytest.raises(UserError, match="x: the TFRecord file is cut short at byte"):
        list(tfrecord.read(tmp_path / "x"))


def test_a_damaged_byte(tmp_path: Path) -> None:
    tfrecord.write(tmp_path / "x", SONGS)
    content = bytearray((tmp_path / "x").read_bytes())
    content[-100] ^= 1
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(UserError, match=r"the record at byte \d+ is damaged"):
        list(tfrecord.read(tmp_path / "x"))


def test_something_else(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"no records at all, only text")
    with pytest.raises(UserError, match="no TFRecord file"):
        list(tfrecord.read(tmp_path / "x"))
    with open(tmp_path / "y", "wb") as file:
        from data_pipelines.shards.framing import write_frame

        write_frame(file, make_example({"id": [b"no song"]}))
    with pytest.raises(UserError, match="the record at byte 0 is no song"):
        list(tfrecord.read(tmp_path / "y"))
    arrays.write(tmp_path / "z", SONGS)
    index = json.loads((tmp_path / "z/songs.json").read_text())
    del index["songs"][0]
    (tmp_path / "z/songs.json").write_text(json.dumps(index))
    with pytest.raises(UserError, match="do not belong together"):
        list(arrays.read(tmp_path / "z"))


def test_folders_that_hold_no_whole_data_set(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no data set"):
        format_of(tmp_path)
    with pytest.raises(UserError, match="nowhere: no such corpus folder"):
        find_shards(tmp_path / "nowhere", "train", ".tfrecord")
    tfrecord.write(shard_path(tmp_path, "train", 1, 2, ".tfrecord"), SONGS)
    with pytest.raises(UserError, match="shards of split train are missing"):
        list(read_split(tmp_path, "train"))
    with pytest.raises(UserError, match=r"no test-.*splits there: train"):
        list(read_split(tmp_path, "test"))
    arrays.write(shard_path(tmp_path, "train", 0, 1, ".arrays"), SONGS)
    with pytest.raises(UserError, match="shards of two formats"):
        format_of(tmp_path)


def test_no_tensorflow_is_imported(tmp_path: Path) -> None:
    for name, kind in FORMATS.items():
        (tmp_path / name).mkdir()
        kind.write(shard_path(tmp_path / name, "train", 0, 1, kind.suffix), SONGS)
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from data_pipelines.shards.formats import FORMATS, read_split\n"
        f"folder = {str(tmp_path)!r}\n"
        "for name in FORMATS: assert len(list(read_split(Path(folder, name), 'train'))) == 2\n"
        "sys.exit('tensorflow' in sys.modules)"
    )
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, check=False).returncode == 0


def bent_song(name: str) -> Song:
    """A song whose second note slides, beside one that is the same but for that."""
    song = noise_song(name, 2.0, 1, 3)
    knots = [(np.zeros(1), np.zeros(1), np.ones(1)) for _ in range(len(song.notes))]
    knots[1] = (np.array([-0.1, 0.02, 0.3]), np.array([0.0, 0.5, -2.0]), np.array([1.0, 0.3, 0.0]))
    notes = song.notes.with_curves(NoteCurves.of(knots))
    same = notes.select(np.array([1])).with_curves(NoteCurves.none(1))
    return dataclasses.replace(song, notes=Notes.concatenate([notes, same]))


@pytest.mark.parametrize("name", FORMATS)
def test_curves_of_notes_come_back_and_songs_without_them_beside(name: str, tmp_path: Path) -> None:
    kind = FORMATS[name]
    path = shard_path(tmp_path, "train", 0, 1, kind.suffix)
    songs = [noise_song("plain", 1.0), bent_song("bent")]
    kind.write(path, songs)
    for read, written in zip(kind.read(path), songs, strict=True):
        assert_same_song(read, written)
        expected = written.notes.curves or NoteCurves.none(len(written.notes))
        found = read.notes.curves or NoteCurves.none(len(read.notes))
        for column in ("count", "seconds", "semitones", "gain"):
            np.testing.assert_array_equal(getattr(found, column), getattr(expected, column))
    # Where it lies on disk, as training reads it.
    stored = list_songs(tmp_path, "train")[1].notes_between(0.0, 2.0)
    assert notes_from_table(stored).curves.plain.sum() == len(songs[1].notes) - 1
