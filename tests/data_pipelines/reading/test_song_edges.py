"""Segments at a song's beginning and over its end: how often, and what lies outside the song."""

from pathlib import Path

import numpy as np
import pytest
from sine_cases import SECONDS, make_song, write_corpus

from data_pipelines.open_data import open_data
from data_pipelines.performances import PerformanceEntry, write_performances
from data_pipelines.reading.features import SegmentFeatures
from data_pipelines.reading.segments import LEAD_FRAMES, RECOMMENDED_EDGES, training_starts
from data_pipelines.reading.song_lists import list_songs
from data_pipelines.seqio_pipeline.tasks import get_task, register_tasks
from data_pipelines.shards.formats import FORMATS
from mt3synth.audio.mel import MELGAN
from mt3synth.symbolic.codec import EventCodec
from mt3synth.symbolic.roll import RollSpec

ROOT = Path(__file__).resolve().parents[3]
FRAMES = 64
SONGS = {name: make_song(name) for name in SECONDS}


def starts(song: int, edges: float, count: int = 2000) -> np.ndarray:
    return np.array([training_starts(song, FRAMES, draw, edges) for draw in range(count)])


def test_without_edges_nothing_changes_and_with_them_only_the_outer_segments() -> None:
    plain, drawn = starts(1000, 0.0), starts(1000, 0.5)
    np.testing.assert_array_equal(plain[:, 1:-1], drawn[:, 1:-1])
    first, last = drawn[:, 0], drawn[:, -1]
    moved = first != plain[:, 0]
    assert 0.45 < np.mean(moved | (first == 0)) < 0.55
    early = first[moved]
    assert early.min() == -LEAD_FRAMES and early.max() == 0
    assert 0.4 < np.mean(early == 0) < 0.6  # on the very first frame
    over = last != plain[:, -1]
    assert 0.45 < np.mean(over) < 0.55
    reach = last[over] + FRAMES - 1000
    assert reach.min() >= 0 and reach.max() <= FRAMES // 2


@pytest.mark.parametrize("length", [5, FRAMES - 1, FRAMES, FRAMES + 1])
def test_a_song_no_longer_than_a_segment_is_never_cut_at_its_end(length: int) -> None:
    drawn = starts(length, 1.0, 200)
    assert drawn.shape == (200, 1)
    assert drawn.min() >= -LEAD_FRAMES and drawn.max() <= 0


def test_the_default_run_draws_edges_as_often_as_the_report_on_a_data_set_supposes() -> None:
    text = (ROOT / "gin_configs" / "runs" / "train.gin").read_text()
    assert f"SONG_EDGES = {RECOMMENDED_EDGES}" in text


@pytest.mark.parametrize("kind", FORMATS)
def test_before_a_song_there_is_silence_and_no_note(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"train-00000-of-00001{FORMATS[kind].suffix}"
    FORMATS[kind].write(path, SONGS.values())
    features = SegmentFeatures(
        MELGAN,
        ("mel", "roll", "tokens"),
        FRAMES,
        roll=RollSpec(),
        codec=EventCodec(velocity_bins=127),
        token_length=200,
    )
    for song in list_songs(tmp_path, "train"):
        early, plain = (features.batch([song.cut(at, 0, features)]) for at in (-20, 0))
        np.testing.assert_array_equal(early["mel"][0, :19], -1.0)
        # The window of the frame before the song reaches into it.
        np.testing.assert_allclose(early["mel"][0, 20:], plain["mel"][0, :-20], atol=2e-3)
        np.testing.assert_array_equal(early["roll"][0, :20], 0.0)
        np.testing.assert_array_equal(early["roll"][0, 20:], plain["roll"][0, :-20])
        first = plain["token_times"][0][plain["tokens"][0] > 0].min()
        moved = early["token_times"][0][early["tokens"][0] > 0].max()
        assert moved >= first  # later by the silence
        frames = MELGAN.frames(song.audio.samples)
        late = features.batch([song.cut(frames - 10, 0, features)])
        np.testing.assert_array_equal(late["mel"][0, 12:], -1.0)
        np.testing.assert_array_equal(late["roll"][0, 12:], 0.0)


def test_seqio_cuts_at_the_edges_too(tmp_path: Path) -> None:
    register_tasks("edges", write_corpus(tmp_path, SONGS), MELGAN, FRAMES, ("train",), edges=1.0)
    read = get_task("edges_train").get_dataset(None, "train", shuffle=False, seed=3)
    begun: dict[bytes, int] = {}
    for segment in read.as_numpy_iterator():
        begun.setdefault(segment["id"], int(segment["start_frame"]))
    assert len(begun) == len(SONGS) and all(-LEAD_FRAMES <= at <= 0 for at in begun.values())


def test_edges_make_other_data_and_must_be_a_probability(tmp_path: Path) -> None:
    FORMATS["numpy"].write(tmp_path / "train-00000-of-00001.arrays", SONGS.values())
    write_performances(tmp_path, [PerformanceEntry(name, name) for name in SONGS])
    plain, edged = (open_data(str(tmp_path), edges=edges) for edges in (0.0, 0.5))
    assert plain.identity == open_data(str(tmp_path)).identity != edged.identity
    assert edged.former_identities == (plain.identity,) and not plain.former_identities
    with pytest.raises(ValueError, match=r"edges=2; must be in 0\.\.1"):
        open_data(str(tmp_path), edges=2)
