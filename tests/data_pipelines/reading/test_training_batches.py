"""Training batches: every segment once a pass, the same from wherever they are begun."""

import os
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from batch_cases import FRAMES, ROLL, assert_same, assert_same_songs, draw, songs

from data_pipelines.open_data import open_data
from data_pipelines.reading.features import SegmentFeatures
from data_pipelines.reading.segment_reader import SegmentReader
from data_pipelines.reading.song_lists import list_songs
from mt3synth.audio.mel import MELGAN, log_mel, to_network
from mt3synth.batch_protocols import TrainingData
from mt3synth.model_spec import ModelSpec
from mt3synth.symbolic.roll import piano_roll


def reader(folder: Path, **more) -> SegmentReader:
    features = SegmentFeatures(MELGAN, ("mel",), FRAMES)
    return SegmentReader(list_songs(folder, "train"), features, **more)


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
