"""SeqIO's offline cache: made by this project and by SeqIO itself, read by both."""

import hashlib
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from seqio_cases import task_segments
from sine_cases import SECONDS, make_song, write_corpus

from data_pipelines.reading.features import SegmentFeatures
from data_pipelines.seqio_pipeline import caching
from data_pipelines.seqio_pipeline.tasks import register_tasks
from mt3synth.audio.mel import MELGAN
from mt3synth.symbolic.codec import EventCodec

FRAMES = 64
FEATURES = SegmentFeatures(
    MELGAN, ("mel", "tokens"), FRAMES, codec=EventCodec(127), token_length=200
)
SPLITS = ("train", "validation")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    return write_corpus(folder, {name: make_song(name) for name in SECONDS})


@pytest.fixture(autouse=True)
def _no_other_caches():
    import seqio

    before = seqio.get_global_cache_dirs()
    yield
    seqio.set_global_cache_dirs(before)


def use_cache(folder: Path) -> None:
    import seqio

    seqio.set_global_cache_dirs([str(folder)])


def register(name: str, corpus: Path) -> str:
    return register_tasks(name, corpus, MELGAN, FRAMES, SPLITS, pitch_shift=2)


def cache(name: str, corpus: Path, folder: Path) -> None:
    wanted = caching.splits_to_cache(name, SPLITS)
    caching.cache_tasks(wanted, str(folder), partial(register, name, corpus))


def evaluated(name: str, **options) -> dict[str, np.ndarray]:
    return FEATURES.batch(task_segments(f"{name}_eval", "validation", **options))


def examples(name: str, split: str, use_cached: bool) -> dict[tuple[bytes, int], dict]:
    import seqio

    dataset = seqio.get_mixture_or_task(name).get_dataset(
        split=split, shuffle=False, use_cached=use_cached
    )
    return {(x["id"], int(x["start_frame"])): x for x in dataset.as_numpy_iterator()}


def test_the_cache_gives_the_very_same_segments(corpus, tmp_path):
    cache("mine", corpus, tmp_path)
    register("mine", corpus)
    use_cache(tmp_path)
    read, cached = evaluated("mine"), evaluated("mine", use_cached=True)
    for name in read:
        np.testing.assert_array_equal(read[name], cached[name])
    drawn = task_segments("mine_train", "train", shuffle=True, seed=0, use_cached=True)
    assert np.bincount([segment.performance for segment in drawn]).tolist() == [4, 7, 1, 3]


def test_caching_again_gives_the_same_bytes(corpus, tmp_path):
    hashes = []
    for run in ("first", "second"):
        cache("again", corpus, tmp_path / run)
        files = sorted(path for path in (tmp_path / run).rglob("*") if path.is_file())
        names = [path.relative_to(tmp_path / run).as_posix() for path in files]
        hashes.append([hashlib.sha256(path.read_bytes()).hexdigest() for path in files])
    assert hashes[0] == hashes[1]
    assert names == [
        "again_eval/COMPLETED",
        "again_eval/info.validation.json",
        "again_eval/stats.validation.json",
        "again_eval/validation.tfrecord-00000-of-00001",
        "again_train/COMPLETED",
        "again_train/info.train.json",
        "again_train/stats.train.json",
        "again_train/train.tfrecord-00000-of-00002",
        "again_train/train.tfrecord-00001-of-00002",
    ]


@pytest.mark.slow
def test_seqio_caches_the_same(corpus, tmp_path):
    """seqio_cache_tasks' own pipeline; its order is another, its examples are not."""
    import apache_beam as beam
    from absl import flags
    from seqio.scripts import cache_tasks_main

    register("theirs", corpus)
    if not flags.FLAGS.is_parsed():
        flags.FLAGS(["seqio_cache_tasks", "--min_shards=2"])
    with beam.Pipeline() as pipeline:
        cache_tasks_main.run_pipeline(pipeline, ["theirs_eval"], str(tmp_path))
    register("theirs", corpus)
    use_cache(tmp_path)
    for split in SPLITS:
        read, cached = (examples("theirs_eval", split, use) for use in (False, True))
        assert read.keys() == cached.keys() and len(read) > 8
        for place in read:
            for name in read[place]:
                np.testing.assert_array_equal(read[place][name], cached[place][name])


def test_the_command_caches_and_says_what_is_wrong(corpus, tmp_path, capsys):
    command = ["--data", str(corpus), "--task", "told", "--output_cache_dir", str(tmp_path)]
    splits = ["--splits", "train,validation"]
    assert caching.main([*command, *splits]) == 0
    assert (tmp_path / "told_train" / "COMPLETED").exists()
    assert caching.main([*command, *splits]) == 2
    assert "told_train: holds a cache already; remove it" in capsys.readouterr().err
    assert caching.main(command) == 2
    assert "no test-*-of-*.tfrecord" in capsys.readouterr().err
