"""Compares what SeqIO and its converter feed t5x with this project's own reader."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from seqio_cases import task_segments
from sine_cases import SECONDS, make_song, write_corpus

from data_pipelines.reading.features import SegmentFeatures, feature_lengths
from data_pipelines.reading.segment_reader import SegmentReader
from data_pipelines.reading.song_lists import list_songs
from data_pipelines.seqio_pipeline.mixtures import register_mixture
from data_pipelines.seqio_pipeline.tasks import register_tasks
from mt3synth.audio.mel import MELGAN
from mt3synth.symbolic.codec import EventCodec
from mt3synth.symbolic.roll import RollSpec

FEATURES = SegmentFeatures(
    MELGAN,
    ("mel", "roll", "tokens", "context"),
    frames=64,
    roll=RollSpec(),
    codec=EventCodec(127),
    token_length=200,
    context_frames=32,
)
SHAPES = {
    "performance": (),
    "mel": (64, 128),
    "roll": (64, RollSpec().channels),
    "tokens": (200,),
    "token_times": (200,),
    "context": (32, 128),
    "context_mask": (32,),
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("converted")
    write_corpus(folder, {name: make_song(name) for name in SECONDS})
    splits = ("train", "validation")
    register_tasks("converted", folder, MELGAN, 64, splits, pitch_shift=2, context_frames=32)
    register_mixture("converted_mix", ["converted"])
    return folder


def through_seqio(name: str, features: SegmentFeatures = FEATURES, **options):
    import seqio

    from data_pipelines.seqio_pipeline.converters import SegmentFeatureConverter

    return seqio.get_dataset(
        name,
        task_feature_lengths=feature_lengths(features),
        feature_converter=SegmentFeatureConverter(features),
        verbose=False,
        **options,
    )


def test_values_are_those_of_our_own_batches(corpus):
    dataset = through_seqio("converted_eval", dataset_split="validation")
    assert {k: tuple(v.shape) for k, v in dataset.element_spec.items()} == SHAPES
    converted = list(dataset.as_numpy_iterator())
    segments = SegmentReader(list_songs(corpus, "validation"), FEATURES).evaluation()
    ours = [{k: v[0] for k, v in FEATURES.batch([segment]).items()} for segment in segments]
    assert len(converted) == len(ours) == 9
    for one, other in zip(converted, ours):
        assert set(one) == set(other)
        for name in one:
            assert np.asarray(one[name]).dtype == other[name].dtype
            np.testing.assert_array_equal(one[name], other[name])


def test_the_same_segment_is_the_same_in_both_readers(corpus):
    """Training segments, wherever SeqIO cuts them and however it shifts them."""
    songs = {song.audio.id: song for song in list_songs(corpus, "train")}
    drawn = task_segments("converted_train", "train", shuffle=True, seed=2, count=30)
    assert {segment.shift for segment in drawn} == {-2, -1, 0, 1, 2}
    for theirs in drawn:
        ours = songs[theirs.id].cut(theirs.start_frame, theirs.shift, FEATURES)
        for name, value in vars(theirs).items():
            np.testing.assert_array_equal(value, getattr(ours, name))
            assert np.asarray(value).dtype == np.asarray(getattr(ours, name)).dtype
        one, other = FEATURES.batch([theirs]), FEATURES.batch([ours])
        for name in SHAPES:
            np.testing.assert_array_equal(one[name], other[name])


def test_a_mixture_converts_and_batches_too(corpus):
    dataset = through_seqio("converted_mix_train", shuffle=True, seed=1, batch_size=3)
    batch = next(dataset.as_numpy_iterator())
    assert {k: v.shape[1:] for k, v in batch.items()} == SHAPES
    assert batch["mel"].shape[0] == 3


def test_lengths_are_those_of_the_arrays(corpus):
    from data_pipelines.seqio_pipeline.converters import SegmentFeatureConverter

    converter = SegmentFeatureConverter(FEATURES)
    lengths = converter.get_model_feature_lengths(feature_lengths(FEATURES))
    assert lengths == {name: shape[0] if shape else 1 for name, shape in SHAPES.items()}
    assert set(converter.MODEL_FEATURES) == set(SHAPES)
    narrow = SegmentFeatureConverter(SegmentFeatures(MELGAN, ("mel",), 64, context_frames=32))
    assert set(narrow.MODEL_FEATURES) == {"mel", "performance"}


def test_segments_are_not_packed(corpus):
    from data_pipelines.seqio_pipeline.converters import SegmentFeatureConverter

    with pytest.raises(ValueError, match="pack=True; segments cannot be packed"):
        SegmentFeatureConverter(FEATURES, pack=True)
    with pytest.raises(ValueError, match=r"note_rows=None; .* fixed length"):
        SegmentFeatureConverter(replace(FEATURES, note_rows=None))
