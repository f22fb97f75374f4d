"""Mixtures as SeqIO reads them."""

from pathlib import Path

import numpy as np
import pytest
from sine_cases import SECONDS, make_song, write_corpus

from data_pipelines.seqio_pipeline.mixtures import register_mixture
from data_pipelines.seqio_pipeline.tasks import get_task, register_tasks
from mt3synth.audio.mel import MELGAN
from mt3synth.errors import UserError

FRAMES = 64


@pytest.fixture(scope="module")
def two(tmp_path_factory) -> tuple[Path, Path]:
    """15 training segments of performances 0 to 3, and 4 of performance 9."""
    large, small = (tmp_path_factory.mktemp(name) for name in ("large", "small"))
    write_corpus(large, {name: make_song(name) for name in SECONDS})
    shards = {("train", 0, 1): "a", ("validation", 0, 1): "a"}
    write_corpus(small, {"a": make_song("a", performance=9)}, shards)
    for name, folder in (("large", large), ("small", small)):
        register_tasks(name, folder, MELGAN, FRAMES, ("train", "validation"), pitch_shift=2)
    return large, small


@pytest.mark.parametrize("temperature", [1.0, 2.0, 100.0])
def test_rates_follow_the_temperature(two, temperature):
    import seqio

    register_mixture("both", ["large", "small"], temperature)
    for kind in ("train", "eval"):
        mixture = seqio.MixtureRegistry.get(f"both_{kind}")
        large, small = (mixture.get_rate(get_task(f"{name}_{kind}")) for name in ("large", "small"))
        assert large / small == pytest.approx((15 / 4) ** (1 / temperature))


def test_seqio_mixes_by_the_rates(two):
    register_mixture("both", ["large", "small"], 2.0)
    expected = 2 / (2 + 15**0.5)
    dataset = get_task("both_train").get_dataset(split="train", seed=3, num_epochs=None)
    drawn = [int(x["performance"]) for x in dataset.take(300).as_numpy_iterator()]
    assert np.mean(np.array(drawn) == 9) == pytest.approx(expected, abs=0.09)
    assert {0, 1, 2, 3, 9} == set(drawn)


def test_what_cannot_be_mixed_is_refused(two):
    with pytest.raises(ValueError, match=r"tasks=\[\]"):
        register_mixture("none", [])
    with pytest.raises(ValueError, match="each once"):
        register_mixture("twice", ["large", "large"])
    with pytest.raises(ValueError, match=r"temperature=0\.0; must be positive"):
        register_mixture("cold", ["large"], 0.0)
    with pytest.raises(UserError, match="'nowhere_train' is not registered"):
        register_mixture("half", ["large", "nowhere"])
