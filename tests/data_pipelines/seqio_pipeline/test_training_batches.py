"""One or several prepared folders as the trainer's data."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from sine_cases import SECONDS, make_song, write_corpus

from data_pipelines.performances import PerformanceEntry, join_performances, write_performances
from data_pipelines.seqio_pipeline.caching import cache_tasks, splits_to_cache
from data_pipelines.seqio_pipeline.tasks import register_tasks
from data_pipelines.seqio_pipeline.training_batches import CorpusData
from data_pipelines.songs import SPLITS
from mt3synth.audio.mel import MELGAN
from mt3synth.diffusion.spec import DiffusionSpec
from mt3synth.errors import UserError
from mt3synth.model_spec import ModelSpec, make_spec
from mt3synth.models.unet import UNetConfig
from mt3synth.symbolic.codec import EventCodec
from mt3synth.symbolic.roll import RollSpec


def entries(*names: str) -> list[PerformanceEntry]:
    return [PerformanceEntry(name, f"about {name}") for name in names]


@pytest.fixture(scope="module")
def spec() -> ModelSpec:
    return make_spec(
        UNetConfig,
        mel=MELGAN,
        roll=RollSpec(),
        codec=EventCodec(127),
        performances=5,
        diffusion=DiffusionSpec(),
        window=64,
    )


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> list[str]:
    """The first has performances 0 to 3; the second plays "c" as its 0 and "x" as its 1."""
    first, second = (tmp_path_factory.mktemp(name) for name in ("first", "second"))
    songs = {name: make_song(name) for name in SECONDS}
    train = {("train", 0, 1): "abcd", ("validation", 0, 1): "d", ("test", 0, 1): "c"}
    write_corpus(first, songs, train)
    write_performances(first, entries("a", "b", "c", "d"))
    other = {"a": make_song("a", performance=1), "d": make_song("d", performance=0)}
    write_corpus(
        second, other, {("train", 0, 1): "ad", ("validation", 0, 1): "a", ("test", 0, 1): "d"}
    )
    write_performances(second, entries("c", "x"))
    return [str(first), str(second)]


def heard(data: CorpusData, spec: ModelSpec, batches: int) -> set[int]:
    with data.training(spec, 8, 0, 0) as stream:
        return {int(p) for batch in islice(stream, batches) for p in batch["performance"]}


def test_lists_are_joined_by_name():
    joined, indices = join_performances([entries("a", "b"), entries("b", "c", "a"), entries()])
    assert [entry.name for entry in joined] == ["a", "b", "c"]
    assert indices == [(0, 1), (1, 2, 0), ()]


def test_a_description_is_the_first_that_is_given():
    joined, _ = join_performances([entries("a"), [PerformanceEntry("a", "another")]])
    assert joined == entries("a")


def test_one_folder_is_read_as_it_is(folders, spec):
    data = CorpusData(folders[0], task="alone")
    assert [p["name"] for p in data.performances] == ["a", "b", "c", "d"]
    assert heard(data, spec, 2) == {0, 1, 2, 3}


def test_several_folders_are_one_corpus(folders, spec):
    data = CorpusData(folders, task="joined", pitch_shift=2, temperature=2.0)
    assert data.performances == [
        {"index": i, "name": name, "description": f"about {name}"} for i, name in enumerate("abcdx")
    ]
    assert heard(data, spec, 5) == {0, 1, 2, 3, 4}
    validation = list(data.validation(spec, 9))
    # d of the first has 4 segments, a of the second 5: in turn, then what is left.
    assert [b["performance"].tolist() for b in validation] == [[3, 4, 3, 4, 3, 4, 3, 4, 4]]
    assert {"mel", "roll", "performance"} == set(validation[0])


def test_nothing_need_be_held_out(folders, spec, tmp_path):
    write_corpus(tmp_path, {"d": make_song("d")}, {("train", 0, 1): "d"})
    write_performances(tmp_path, entries("a", "b", "c", "d"))
    assert list(CorpusData(str(tmp_path), task="whole").validation(spec, 4)) == []
    both = CorpusData([folders[0], str(tmp_path)], task="partly")
    assert [b["performance"].tolist() for b in both.validation(spec, 3)] == [[3, 3, 3], [3]]


def test_identity_is_that_of_files_and_reading(folders):
    first = CorpusData(folders[0]).identity
    assert first == CorpusData(folders[0], task="named otherwise").identity
    others = [
        CorpusData(folders[1]),
        CorpusData(folders),
        CorpusData(folders[0], pitch_shift=2),
        CorpusData(folders, temperature=3.0),
    ]
    assert len({first, *(data.identity for data in others)}) == 5


def test_training_can_begin_later(folders, spec):
    data = CorpusData(folders, task="later", pitch_shift=2)
    with data.training(spec, 4, 1, 0) as stream:
        expected = list(islice(stream, 5))[3:]
    with data.training(spec, 4, 1, 3) as stream:
        for before, after in zip(expected, islice(stream, 2)):
            for name in before:
                np.testing.assert_array_equal(before[name], after[name])


def test_it_reads_from_the_cache(folders, spec, tmp_path):
    def register() -> None:
        register_tasks("kept", folders[0], MELGAN)

    cache_tasks(splits_to_cache("kept", SPLITS), str(tmp_path), register)
    cached = CorpusData(folders[0], task="kept", cache_dir=str(tmp_path))
    read = CorpusData(folders[0], task="kept")
    for one, other in zip(cached.validation(spec, 4), read.validation(spec, 4), strict=True):
        np.testing.assert_array_equal(one["mel"], other["mel"])
    with pytest.raises(UserError, match="lost_train, split train: in no cache folder"):
        CorpusData(folders[0], task="lost", cache_dir=str(tmp_path)).training(spec, 4, 0, 0)


def test_what_is_no_corpus_is_named(tmp_path, spec, folders):
    with pytest.raises(UserError, match=r"no corpus: it has no performances.json"):
        CorpusData(str(tmp_path))
    with pytest.raises(ValueError, match="at least one"):
        CorpusData([])


def test_a_performance_beyond_the_list_is_damage(tmp_path, spec):
    shards = {(split, 0, 1): "d" for split in SPLITS}
    write_corpus(Path(tmp_path), {"d": make_song("d", performance=7)}, shards)
    write_performances(tmp_path, entries("a"))
    stream = CorpusData(str(tmp_path), task="beyond").training(spec, 2, 0, 0)
    with stream, pytest.raises(UserError, match="split train is damaged, or no corpus"):
        next(stream)
