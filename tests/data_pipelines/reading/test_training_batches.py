"""Training batches: every segment once a pass, the same from wherever they are begun."""

import hashlib
import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from song_cases import RATE, noise_song

from data_pipelines.open_data import open_data
from data_pipelines.performances import PerformanceEntry, write_performances
from data_pipelines.reading.features import SegmentFeatures
from data_pipelines.reading.numpy_songs import Rows
from data_pipelines.reading.segment_reader import SegmentReader
from data_pipelines.reading.song_lists import list_songs
from data_pipelines.reading.training_batches import SegmentData
from data_pipelines.shards.formats import FORMATS
from data_pipelines.shards.names import shard_path
from data_pipelines.songs import Song
from mt3synth.audio.mel import MELGAN, log_mel, to_network
from mt3synth.batch_protocols import TrainingData
from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.errors import UserError
from mt3synth.model_spec import ModelSpec, make_spec
from mt3synth.models.unet import UNetConfig
from mt3synth.symbolic.codec import EventCodec
from mt3synth.symbolic.groups import InstrumentGroup
from mt3synth.symbolic.roll import RollSpec, piano_roll

ROOT = Path(__file__).resolve().parents[3]
FRAMES = 64
LENGTHS_S = (4.1, 1.0, 7.77, 2.56, 5.0)
ROLL = RollSpec((InstrumentGroup("all", 0, tuple(range(128))),))
PERFORMANCES = [PerformanceEntry("hall", "A hall."), PerformanceEntry("booth", "A booth.")]


def songs(seed: int = 0) -> list[Song]:
    """Makes five songs, one shorter than a segment and one of exactly two."""
    return [
        noise_song(f"song {i}", seconds, performance=i % 2, seed=10 * seed + i)
        for i, seconds in enumerate(LENGTHS_S)
    ]


def write_folder(
    folder: Path, format: str = "numpy", performances=PERFORMANCES, seed: int = 0
) -> Path:
    kind, made = FORMATS[format], songs(seed)
    folder.mkdir()
    splits = {"train": [made[:3], made[3:]], "validation": [made[2:4]], "test": [made[:1]]}
    for split, parts in splits.items():
        for i, part in enumerate(parts):
            kind.write(shard_path(folder, split, i, len(parts), kind.suffix), part)
    write_performances(folder, performances)
    return folder


@pytest.fixture(params=FORMATS)
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return write_folder(tmp_path / "data", request.param)


@pytest.fixture
def arrays(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "arrays", "numpy")


@pytest.fixture
def records(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "records", "tfrecord")


@pytest.fixture
def spec() -> ModelSpec:
    network = partial(UNetConfig, widths=(32,), blocks=1, attention_levels=(), roll_width=8)
    return make_spec(
        network,
        mel=MELGAN,
        roll=ROLL,
        codec=EventCodec(127),
        performances=2,
        diffusion=DiffusionSpec(),
        segment_frames=FRAMES,
    )


def reader(folder: Path, **more) -> SegmentReader:
    features = SegmentFeatures(MELGAN, ("mel",), FRAMES)
    return SegmentReader(list_songs(folder, "train"), features, **more)


def draw(data: SegmentData, spec: ModelSpec, count: int, batch: int = 4, start: int = 0, **share):
    with data.training(spec, batch, 7, start, **share) as batches:
        return [next(batches) for _ in range(count)]


def assert_same(one, other) -> None:
    assert one.keys() == other.keys()
    for name in one:
        np.testing.assert_array_equal(one[name], other[name])


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


def test_a_pass_holds_every_stretch_of_every_song_once(folder: Path) -> None:
    read = reader(folder)
    # 4.1 s are 205 frames: three whole segments of 64, and so on; a short song counts as one.
    wanted = {"song 0": 3, "song 1": 1, "song 2": 6, "song 3": 2, "song 4": 3}
    assert read.pass_length == sum(wanted.values())
    orders, offsets = [], []
    for number in range(3):
        at = range(number * read.pass_length, (number + 1) * read.pass_length)
        drawn = [(s.id, s.start_frame) for s in map(read.training, at)]
        assert Counter(name for name, _ in drawn) == wanted
        for name, count in wanted.items():
            starts = sorted(start for n, start in drawn if n == name)
            assert np.diff(starts).tolist() == [FRAMES] * (count - 1)
            assert 0 <= starts[0] < FRAMES
        orders.append([name for name, _ in drawn])
        offsets.append(min(start for name, start in drawn if name == "song 2"))
    assert orders[0] != orders[1] and len(set(offsets)) == 3


def test_segments_are_the_songs_stretches(folder: Path, spec: ModelSpec) -> None:
    by_id = {song.id: song for song in songs()}
    for place in range(30):
        segment = reader(folder).training(place)
        song = by_id[segment.id]
        mel = to_network(log_mel(song.audio.astype(np.float32) / 32768, MELGAN), MELGAN)
        mel = np.pad(mel, ((0, FRAMES), (0, 0)), constant_values=-1)
        features = SegmentFeatures(MELGAN, ("mel", "roll"), FRAMES, ROLL)
        made = features.batch([segment])
        expected = mel[segment.start_frame :][:FRAMES]
        # float16 has 11 significant bits, and values are within -1..1.
        np.testing.assert_allclose(made["mel"][0], expected, atol=2.0**-11)
        roll = piano_roll(song.notes, ROLL, segment.start_frame, FRAMES)
        np.testing.assert_array_equal(made["roll"][0], roll)
        assert made["performance"] == [song.performance]


def test_frames_of_the_shard_are_those_of_its_audio(arrays: Path) -> None:
    context = SegmentFeatures(MELGAN, ("mel", "context"), FRAMES, context_frames=20)
    entries = list_songs(arrays, "train")
    kept = 0
    for start in (0, 19, 20, 64, 200, 380):
        segment = entries[2].cut(start, 0, context)
        stored = context.batch([segment])
        computed = context.batch([replace(segment, frames=None)])
        kept += segment.frames is not None
        for name in ("mel", "context", "context_mask"):
            np.testing.assert_allclose(stored[name], computed[name], atol=2.0**-11)
    assert kept == 4  # context from before the song is not in the shard


def test_another_front_end_is_computed_from_the_audio(folder: Path) -> None:
    other = replace(MELGAN, hop=160, bins=80)
    features = SegmentFeatures(other, ("mel",), FRAMES)
    segment = list_songs(folder, "train")[0].cut(10, 0, features)
    audio = songs()[0].audio.astype(np.float32) / 32768
    expected = to_network(log_mel(audio, other), other)[10 : 10 + FRAMES]
    np.testing.assert_allclose(features.batch([segment])["mel"][0], expected, atol=1e-6)


def test_batches_from_any_start_are_those_that_would_have_come(folder, spec: ModelSpec) -> None:
    data = open_data(str(folder), pitch_shift=2)
    assert isinstance(data, TrainingData)
    whole = draw(data, spec, 9)  # 36 segments: more than two passes of 15
    assert whole[0]["mel"].shape == (4, FRAMES, 128) and whole[0]["mel"].dtype == np.float32
    for start in (1, 3, 4, 7):
        for one, other in zip(draw(data, spec, 2, start=start), whole[start:]):
            assert_same(one, other)
    far, again = (draw(data, spec, 1, start=10**9)[0] for _ in range(2))
    assert_same(far, again)


def test_processes_share_each_batch(folder: Path, spec: ModelSpec) -> None:
    data = open_data(str(folder))
    alone = draw(data, spec, 5, batch=6)
    parts = [draw(data, spec, 5, batch=2, process_index=i, process_count=3) for i in range(3)]
    for number, batch in enumerate(alone):
        joined = {name: np.concatenate([p[number][name] for p in parts]) for name in batch}
        assert_same(joined, batch)


def test_pitch_shift_moves_notes_and_sound_together(arrays: Path) -> None:
    plain, shifted = reader(arrays), reader(arrays, pitch_shift=2)
    segments = [shifted.training(i) for i in range(150)]
    counts = Counter(s.shift for s in segments)
    assert set(counts) == {-2, -1, 0, 1, 2} and min(counts.values()) > 10
    features = SegmentFeatures(MELGAN, ("mel", "roll"), FRAMES, ROLL)
    for i, segment in enumerate(segments[:15]):
        assert (segment.frames is None) == (segment.shift != 0)
        same = plain.training(i)
        assert (same.id, same.start_frame) == (segment.id, segment.start_frame)
        one, other = features.batch([segment]), features.batch([same])
        assert np.array_equal(one["mel"], other["mel"]) == (segment.shift == 0)
        moved = replace(same, shift=segment.shift, frames=None)
        assert_same(one, features.batch([moved] if segment.shift else [same]))


def assert_same_songs(one, other) -> None:
    """Checks that songs are equal, but for frames, which shards of NumPy hold as float16."""
    assert one.keys() == other.keys()
    for name in one:
        exact = name not in ("mel", "context")
        np.testing.assert_allclose(one[name], other[name], rtol=0, atol=0 if exact else 2.0**-11)


@pytest.mark.parametrize("shift", [0, 2])
def test_both_formats_give_the_same_batches(arrays, records, spec: ModelSpec, shift: int) -> None:
    one, other = (open_data(str(folder), pitch_shift=shift) for folder in (arrays, records))
    assert one.performances == other.performances
    for ours, theirs in zip(draw(one, spec, 9), draw(other, spec, 9), strict=True):
        assert_same_songs(ours, theirs)
    both = open_data([str(arrays), str(records)])  # one mixture of both formats
    assert {len(batch["mel"]) for batch in draw(both, spec, 9)} == {4}


def test_both_formats_hold_out_the_same(arrays, records, spec: ModelSpec) -> None:
    ours, theirs = (list(open_data(str(f)).validation(spec, 3)) for f in (arrays, records))
    assert [len(b["mel"]) for b in ours] == [3, 3, 3]  # 7.77 s and 2.56 s: 7 and 2 segments
    for one, other in zip(ours, theirs, strict=True):
        assert_same_songs(one, other)


def test_validation_is_the_same_as_tensorflow_reads(arrays, records, spec: ModelSpec) -> None:
    pytest.importorskip("seqio")
    from seqio_cases import task_segments

    from data_pipelines.seqio_pipeline.tasks import register_tasks

    register_tasks("validated", records, MELGAN, FRAMES)
    features = SegmentFeatures(MELGAN, ("mel", "roll"), FRAMES, ROLL)
    theirs = features.batch(task_segments("validated_eval", "validation"))
    for one, other in ((records, 1e-6), (arrays, 2.0**-11)):
        (ours,) = open_data(str(one)).validation(spec, 100)
        np.testing.assert_allclose(ours["mel"], theirs["mel"], atol=other)
        np.testing.assert_allclose(ours["roll"], theirs["roll"], atol=1e-3)  # times of 1 ms
        np.testing.assert_array_equal(ours["performance"], theirs["performance"])


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


def test_no_file_stays_open(folder: Path, spec: ModelSpec) -> None:
    files = Path("/proc/self/fd")
    if not files.exists():
        pytest.skip("needs /proc")
    with open_data(str(folder)).training(spec, 4, 0, 0) as batches:
        next(batches)
        # The thread that works ahead opens files while it reads, but must then let them go.
        deadline = time.monotonic() + 10
        while opened := [t for f in files.iterdir() if "-of-0" in (t := os.path.realpath(f))]:
            assert time.monotonic() < deadline, opened
            time.sleep(0.01)


def test_what_is_no_data_set_is_refused(tmp_path: Path, folder: Path, spec: ModelSpec) -> None:
    with pytest.raises(UserError, match="no such folder"):
        open_data(str(tmp_path / "nowhere"))
    rate = replace(MELGAN, sample_rate=32000, hop=640, window=1280, fft=2048)
    with pytest.raises(UserError, match="16000 samples per second, the mel spec 32000"):
        draw(open_data(str(folder)), replace(spec, mel=rate), 1)
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


def test_it_works_without_tensorflow(folder: Path) -> None:
    code = f"""
import sys
from pathlib import Path
sys.modules.update(tensorflow=None, seqio=None)  # whoever imports them fails
from data_pipelines.open_data import open_data
from data_pipelines.reading.features import SegmentFeatures
from data_pipelines.reading.segment_reader import SegmentReader
from data_pipelines.reading.song_lists import list_songs
from mt3synth.audio.mel import MELGAN
from mt3synth.symbolic.roll import RollSpec
data = open_data({str(folder)!r})
assert len(data.performances) == 2
features = SegmentFeatures(MELGAN, ("mel", "roll"), 64, RollSpec())
songs = list_songs(Path({str(folder)!r}), "train")
assert features.batch([SegmentReader(songs, features).training(0)])["mel"].any()
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def test_numpy_shards_need_no_note_seq(arrays: Path) -> None:
    code = f"""
import sys
from pathlib import Path
sys.modules.update(tensorflow=None, seqio=None, note_seq=None)  # whoever imports them fails
from data_pipelines.reading.features import SegmentFeatures
from data_pipelines.reading.segment_reader import SegmentReader
from data_pipelines.reading.song_lists import list_songs
from mt3synth.audio.mel import MELGAN
from mt3synth.symbolic.roll import RollSpec
features = SegmentFeatures(MELGAN, ("mel", "roll"), 64, RollSpec())
songs = list_songs(Path({str(arrays)!r}), "train")
assert features.batch([SegmentReader(songs, features).training(0)])["mel"].any()
"""
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
