"""Mixtures: whose turn it is, in SeqIO and in this project's reader."""

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from sine_cases import SECONDS, make_song, write_corpus

from data_pipelines.reading.features import SegmentFeatures
from data_pipelines.reading.schedule import CYCLE, Schedule
from data_pipelines.seqio_pipeline.batches import evaluation_batches, training_batches
from data_pipelines.seqio_pipeline.mixtures import register_mixture
from data_pipelines.seqio_pipeline.tasks import get_task, register_tasks
from mt3synth.audio.mel import MELGAN
from mt3synth.errors import UserError

FRAMES = 64
MEL_ONLY = SegmentFeatures(MELGAN, ("mel",), FRAMES)


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


def test_both_readers_mix_by_the_rates(two):
    register_mixture("both", ["large", "small"], 2.0)
    expected = 2 / (2 + 15**0.5)
    with training_batches("both", MEL_ONLY, 20, seed=1, shuffle_buffer=8) as stream:
        drawn = [int(p) for batch in islice(stream, 3) for p in batch["performance"]]
    assert np.mean(np.array(drawn) == 9) == pytest.approx(expected, abs=0.15)
    dataset = get_task("both_train").get_dataset(split="train", seed=3, num_epochs=None)
    drawn = [int(x["performance"]) for x in dataset.take(300).as_numpy_iterator()]
    assert np.mean(np.array(drawn) == 9) == pytest.approx(expected, abs=0.09)
    assert {0, 1, 2, 3, 9} == set(drawn)


def test_evaluation_takes_turns_until_all_are_at_their_end(two):
    register_mixture("both", ["large", "small"])
    with evaluation_batches("both", MEL_ONLY, 3) as stream:
        found = [int(p) for batch in stream for p in batch["performance"]]
    # d has 4 segments, a 5; the small corpus has a's alone.
    assert found == [3, 9, 3, 9, 3, 9, 3, 9, 0, 9, 0, 0, 0, 0]


def test_every_cycle_has_the_same_shares_in_another_order():
    schedule = Schedule.of([5.0, 3.0, 0.001], seed=2)
    assert sum(schedule.shares) == CYCLE and schedule.shares[2] == 1
    assert schedule.shares[0] / schedule.shares[1] == pytest.approx(5 / 3, rel=0.01)
    drawn = list(islice(schedule.sources(), 3 * CYCLE))
    cycles = [drawn[i : i + CYCLE] for i in range(0, len(drawn), CYCLE)]
    for cycle in cycles:
        assert tuple(np.bincount(cycle)) == schedule.shares
    assert cycles[0] != cycles[1] != cycles[2]
    assert drawn != list(islice(Schedule.of([5.0, 3.0, 0.001], seed=3).sources(), 3 * CYCLE))


@pytest.mark.parametrize("start", [0, 1, 999, 1000, 1001, 2500])
def test_a_schedule_can_be_begun_anywhere(start):
    schedule = Schedule.of([1.0, 2.0, 4.0], seed=0)
    whole = list(islice(schedule.sources(), start + 50))
    assert list(islice(schedule.sources(start), 50)) == whole[start:]
    assert schedule.drawn_before(start) == tuple(np.bincount(whole[:start], minlength=3))


def test_the_start_of_a_schedule_costs_nothing():
    """A million million items in, the position is known at once."""
    schedule = Schedule.of([1.0, 3.0], seed=0)
    assert schedule.drawn_before(10**12) == (250 * 10**9, 750 * 10**9)
    assert len(list(islice(schedule.sources(10**12), 10))) == 10


@pytest.mark.parametrize("rates", [[], [1.0, 0.0], [float("nan")], [1.0] * (CYCLE + 1)])
def test_rates_are_checked(rates):
    with pytest.raises(ValueError, match=r"must be 1\.\.1000 positive numbers"):
        Schedule.of(rates, 0)


def test_what_cannot_be_mixed_is_refused(two):
    with pytest.raises(ValueError, match=r"tasks=\[\]"):
        register_mixture("none", [])
    with pytest.raises(ValueError, match="each once"):
        register_mixture("twice", ["large", "large"])
    with pytest.raises(ValueError, match=r"temperature=0\.0; must be positive"):
        register_mixture("cold", ["large"], 0.0)
    with pytest.raises(UserError, match="'nowhere_train' is not registered"):
        register_mixture("half", ["large", "nowhere"])
